"""What a user does in a grid, as one typed event."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

EventType = Literal["click", "dblclick", "action", "key", "select", "sort", "columns"]


class GridEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `row` is a row id, `column` a column key.

    click, dblclick: a cell (Enter counts as a click). action: a button or its shortcut; `row` is None for the
    button of the empty state. key: one of the grid's `keys` was pressed on the focused cell. select: `rows` are
    the selected row ids. sort: `column` and `order` ("" when undone). columns: `columns` are the visible keys.
    """

    type: EventType
    row: int | None = None
    column: str = ""
    action: str = ""
    key: str = ""
    order: Literal["", "asc", "desc"] = ""
    rows: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    shift: bool = False
    ctrl: bool = False
    alt: bool = False


def decode_event(content: dict[str, Any]) -> GridEvent:
    """Browser message → event. Raises msgspec.ValidationError when it is malformed."""
    return msgspec.convert(content, GridEvent)
