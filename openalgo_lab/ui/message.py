"""One line under a widget for what just happened: text only, announced to screen readers when it is bad news."""

from __future__ import annotations

import ipywidgets

__all__ = ["MessageLine"]


class MessageLine(ipywidgets.Label):
    """Empty until there is something to say. Write on the kernel's loop only."""

    def __init__(self) -> None:
        super().__init__("")
        self.add_class("oal-message")

    def info(self, sentence: str) -> None:
        """Say what happened."""
        self.remove_class("oal-message-bad")
        self.value = sentence

    def bad(self, sentence: str) -> None:
        """Say what went wrong and what to do."""
        self.add_class("oal-message-bad")
        self.value = sentence

    def clear(self) -> None:
        """Nothing to say."""
        self.info("")
