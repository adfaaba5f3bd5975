"""The legs' table of the strategy builder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from openalgo_lab.lab.strategy_legs import StrategyLeg
from openalgo_lab.lab.strategy_reading import StrategyReading
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.symbols import format_strike
from openalgo_lab.model.vocabulary import InstrumentType
from openalgo_lab.ui.grid import Action, Column, Empty

__all__ = ["LEG_COLUMNS", "NO_LEGS", "leg_texts", "leg_values"]

_ACTIONS: Final = (
    Action(key="flip", title="⇄", name="Swap buy and sell", shortcut="s"),
    Action(key="more", title="+", name="One lot more", shortcut="m"),
    Action(key="less", title="−", name="One lot less", shortcut="l"),
    Action(key="drop", title="×", name="Remove the leg", tone="danger", shortcut="x"),
)

LEG_COLUMNS: Final = (
    Column(key="side", title="", kind="side", width=42),
    Column(key="lots", title="Lots", kind="number", width=36, decimals=0, tint=False),
    Column(key="contract", title="Contract", kind="text", width=126, pinned=True),
    Column(
        key="entry", title="Entry", kind="price", width=64, tint=False, tooltip="what it was or would be entered at"
    ),
    Column(key="price", title="Price", kind="price", width=70, tooltip="mid of the book, else the last trade"),
    Column(key="iv", title="IV", kind="number", width=42, decimals=1, tooltip="per cent a year", min_view=360),
    Column(key="delta", title="Δ", kind="number", width=48, decimals=2, tooltip="of one unit", min_view=420),
    Column(key="profit", title="P&L", kind="money", width=70, signed=True, decimals=0, min_view=480),
    Column(key="act", title="", kind="action", width=104, actions=_ACTIONS),
)

NO_LEGS: Final = Empty(text="No legs yet: press Build, or add one by hand.")


def leg_texts(legs: Sequence[StrategyLeg], items: Sequence[Instrument]) -> dict[str, list[str]]:
    """Side and contract of each row."""
    return {"side": [leg.side.value for leg in legs], "contract": [_name(item) for item in items]}


def leg_values(reading: StrategyReading) -> Mapping[str, list[float]]:
    """The numbers of each row."""
    legs = reading.legs
    return {
        "lots": [abs(now.lots) for now in legs],
        "entry": [now.entry for now in legs],
        "price": [now.price for now in legs],
        "iv": [now.iv for now in legs],
        "delta": [now.delta for now in legs],
        "profit": [now.leg.quantity * (now.price - now.entry) for now in legs],
    }


def _name(item: Instrument) -> str:
    day = f"{item.expiry:%d %b}" if item.expiry is not None else ""
    if item.kind is InstrumentType.FUT:
        return f"{day} FUT"
    return f"{day} {format_strike(item.strike)} {item.kind.value}"
