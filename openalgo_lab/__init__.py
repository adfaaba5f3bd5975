"""OpenAlgo Lab: a trading workbench for Indian markets that lives in Jupyter.

``from openalgo_lab import Lab; lab = Lab()`` is the whole start. Names load on first use, so that importing
the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__version__ = "0.1.0"
__all__ = ["Lab", "__version__"]


def __getattr__(name: str) -> object:
    if name == "Lab":
        from openalgo_lab.lab import Lab

        return Lab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
