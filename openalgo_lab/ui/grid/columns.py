"""What a grid shows: typed column specs, actions, row flags, the empty state."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from typing import Any, Final, Literal

import msgspec

from openalgo_lab.model.errors import InputError

Kind = Literal[
    "price", "qty", "pct", "change", "money", "text", "bar", "side", "status", "time", "action", "number",
]  # fmt: skip
Tone = Literal["buy", "sell", "danger", "neutral"]

#: Kinds that carry strings; `action` carries nothing; every other kind is a number a row.
TEXT_KINDS: Final = frozenset({"text", "side", "status"})
#: Kinds that lose nothing that is shown by going out as float32.
SINGLE_KINDS: Final = frozenset({"pct", "number"})

_WIDTHS: Final[dict[Kind, int]] = {
    "price": 84, "qty": 72, "pct": 68, "change": 84, "money": 104, "text": 120, "bar": 92, "side": 48,
    "status": 92, "time": 72, "action": 96, "number": 64,
}  # fmt: skip


class Flag(IntFlag):
    """What a row is, as bits of a uint16 per row."""

    NONE = 0
    ITM_CALL = 1  # shades the cells of the group "calls"
    ITM_PUT = 2  # shades the cells of the group "puts"
    ATM = 4  # marked; `Grid(follow_atm=True)` keeps it in view
    STALE = 8  # grey, never tinted
    SELECTED = 16  # marked by the caller, beside the user's own selection
    OWN_BUY = 32  # an own buy order lies at this row's price
    OWN_SELL = 64
    BUY_SIDE = 128  # row in the buy colour (a bid, a bought position)
    SELL_SIDE = 256
    DISABLED = 512  # muted, its actions are off


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A button painted in a row. `title` is painted ("B"), `name` is what a screen reader says ("Buy").

    `shortcut` is the one lower-case letter that emits it for the focused row.
    """

    key: str
    title: str
    name: str
    tone: Tone = "neutral"
    shortcut: str = ""


class Empty(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a grid without rows: a sentence and, with `label`, a button that emits `action`."""

    text: str
    label: str = ""
    action: str = ""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column.

    decimals: digits after the point, or "row" for the per-row value given to `Grid.set_rows(decimals=)`.
    compact: quantities as 1.23 L / 4.5 Cr; the tooltip and a copy carry the exact number.
    signed: shows + or − (`change` always shows ▲ or ▼, `pct` is signed unless told otherwise).
    bar_of: key of the numeric column whose share of its own maximum is drawn as a bar behind the number;
        its own key for itself, the default of the kind `bar`. bar_tone colours it, bar_side says where it grows from.
    bar_scale: key of a second numeric column whose maximum counts too, so that the bars of both can be compared.
    tint: a changed cell tints for 400 ms.
    group: header group; "calls" and "puts" are shaded by `Flag.ITM_CALL` and `Flag.ITM_PUT`.
    actions: buttons of the column; on another kind than `action` they appear at the free side of the cell on hover.
    hidden: not shown until the user chooses it. pinned: stays in view while the others scroll sideways.
    min_view: left out while the grid is narrower than so many CSS pixels, unless the user chose the column.
    `time` columns hold UTC milliseconds and are shown in IST.
    """

    key: str
    title: str
    kind: Kind
    width: int = 0
    align: Literal["left", "right", "center", ""] = ""
    decimals: int | Literal["row"] = 2
    signed: bool | None = None
    compact: bool = False
    bar_of: str = ""
    bar_tone: Literal["neutral", "up", "down"] = "neutral"
    bar_side: Literal["left", "right"] = "left"
    bar_scale: str = ""
    tint: bool | None = None
    group: str = ""
    tooltip: str = ""
    hidden: bool = False
    min_view: int = 0
    pinned: bool = False
    sortable: bool = True
    actions: tuple[Action, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether the column takes a number a row."""
        return self.kind not in TEXT_KINDS and self.kind != "action"

    @property
    def textual(self) -> bool:
        """Whether the column takes a string a row."""
        return self.kind in TEXT_KINDS

    @property
    def single(self) -> bool:
        """Whether the column leaves as float32."""
        return self.kind in SINGLE_KINDS

    def spec(self, slot: int) -> dict[str, Any]:
        """What the browser gets: every default resolved, `slot` the column's place in a frame (−1: none)."""
        table: dict[str, Any] = msgspec.to_builtins(self)
        table["width"] = self.width or _WIDTHS[self.kind]
        table["align"] = self.align or _alignment(self)
        table["signed"] = self.kind in {"pct", "change"} if self.signed is None else self.signed
        table["tint"] = self.kind in {"price", "bar"} if self.tint is None else self.tint
        table["bar_of"] = self.bar_of or (self.key if self.kind == "bar" else "")
        table["slot"] = slot
        table["single"] = self.single
        table["actions"] = [msgspec.to_builtins(action) for action in self.actions]
        return table


def _alignment(column: Column) -> str:
    if column.numeric:
        return "right"
    return "center" if column.kind in {"side", "action"} else "left"


def check_columns(columns: Sequence[Column]) -> None:
    """Raises InputError for a doubled key, a bar over an unknown column, or more than eight actions in all."""
    keys = [column.key for column in columns]
    if doubled := {key for key in keys if keys.count(key) > 1}:
        raise InputError(f"Give every grid column its own key: {', '.join(sorted(doubled))} occurs twice.")
    numeric = {column.key for column in columns if column.numeric}
    for column in columns:
        for what, named in (("bar_of", column.bar_of), ("bar_scale", column.bar_scale)):
            if named and named not in numeric:
                raise InputError(f"Column {column.key}: {what} names {named}, which is no numeric column.")
    if len(action_keys(columns)) > 8:
        raise InputError("A grid has at most eight different actions (one bit a row for each); merge some.")


def action_keys(columns: Sequence[Column]) -> tuple[str, ...]:
    """Distinct action keys in the order of declaration: bit i of a row's action mask is action i."""
    return tuple(dict.fromkeys(action.key for column in columns for action in column.actions))


def slots(columns: Sequence[Column]) -> dict[str, int]:
    """Key → place in a frame. float64 columns come first so that every view of the buffer is aligned."""
    numeric = [column for column in columns if column.numeric]
    ordered = [c for c in numeric if not c.single] + [c for c in numeric if c.single]
    return {column.key: index for index, column in enumerate(ordered)}
