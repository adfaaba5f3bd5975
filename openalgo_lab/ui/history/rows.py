"""A row of a form."""

from __future__ import annotations

from typing import Any

import ipywidgets

__all__ = ["form_row"]


def form_row(*parts: Any) -> Any:
    """Fields beside each other, wrapping where the page is narrow."""
    row = ipywidgets.HBox(list(parts))
    row.add_class("oal-form")
    row.add_class("oal-hist-form")
    return row
