"""Who sits in front of this process: a notebook's page, somebody at a terminal, or nobody."""

from __future__ import annotations

import enum
import sys

__all__ = ["Front", "front"]


class Front(enum.Enum):
    """How a person can be asked. PAGE: by a widget, while the cell has ended; TERMINAL: by a line, while all waits."""

    PAGE = "page"
    TERMINAL = "terminal"
    NOBODY = "nobody"


def front() -> Front:
    """By IPython, where it runs, and by standard input."""
    # Not imported anew: in a process without IPython this must cost nothing.
    module = sys.modules.get("IPython.core.getipython")
    shell = module.get_ipython() if module is not None else None
    if shell is not None:
        return Front.PAGE if hasattr(shell, "kernel") else Front.TERMINAL
    return Front.TERMINAL if sys.stdin is not None and sys.stdin.isatty() else Front.NOBODY
