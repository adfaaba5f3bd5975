"""A progress bar for long runs in a notebook."""

from __future__ import annotations

from typing import Any

__all__ = ["ProgressBar"]


class ProgressBar:
    """Shows itself at the first step and says when all is done. Call it with (done, of how many)."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, done: int, of: int) -> None:
        import ipywidgets
        from IPython.display import display

        if self._bar is None or self._bar.max != of:
            self._bar = ipywidgets.IntProgress(value=0, min=0, max=of, description=f"0 of {of}")
            display(self._bar)  # type: ignore[no-untyped-call]  # IPython types it in part
        # A message a step would flood the page: a hundred steps are smooth enough.
        if done == of or done * 100 // of > self._bar.value * 100 // of:
            self._bar.value = done
            self._bar.description = f"{done} of {of}"
