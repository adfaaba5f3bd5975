"""The table of hosted strategies: state, profit, what they hold, when they start next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.strategy_commands import (
    GetStrategies,
    StartStrategy,
    StopStrategy,
    StrategyInfo,
    StrategyState,
)
from openalgo_lab.model.times import format_ist
from openalgo_lab.ui.blotter.items import Item, ItemsSpec
from openalgo_lab.ui.grid import Action, Column

__all__ = ["SPEC", "rows"]

_RUNS = (StrategyState.RUNNING, StrategyState.WAITING)
_NAN = float("nan")


def rows(infos: Sequence[StrategyInfo]) -> list[Item]:
    """One a strategy, in the order of adding."""
    return [_row(info) for info in infos]


def _row(info: StrategyInfo) -> Item:
    book, hosted = info.book, info.strategy
    held = ", ".join(f"{symbol} {units:+d}" for symbol, units in book.positions.items()) if book is not None else ""
    return Item(
        key=hosted.name,
        value=info,
        texts={
            "name": hosted.name,
            "status": info.state.value,
            "account": hosted.account,
            "held": held or "flat",
            "next": format_ist(info.next_ns)[:16] if info.next_ns else "by hand",
            "message": info.message,
        },
        numbers={
            "profit": book.profit if book is not None else _NAN,
            "orders": float(book.orders) if book is not None else _NAN,
        },
        actions=6 if info.state in _RUNS else 5,
    )


def _act(action: str, info: StrategyInfo) -> Command[Any] | None:
    match action:
        case "start":
            return StartStrategy(info.strategy.name)
        case "stop":
            return StopStrategy(info.strategy.name)
        case _:
            return None


SPEC = ItemsSpec(
    name="strategies",
    title="Hosted strategies",
    columns=(
        Column(key="name", title="Strategy", kind="text", width=130, pinned=True),
        Column(key="act", title="", kind="action", width=150, actions=(
            Action(key="start", title="Start", name="Start the strategy", tone="buy", shortcut="s"),
            Action(key="stop", title="Stop", name="Stop the strategy: its orders are taken back, its positions stay",
                   tone="danger", shortcut="x"),
            Action(key="look", title="Look", name="Show its log, settings and schedule below", shortcut="l"))),
        Column(key="status", title="State", kind="status", width=90),
        Column(key="profit", title="Profit ₹", kind="change", width=100),
        Column(key="account", title="Account", kind="text", width=90, min_view=520),
        Column(key="held", title="Position", kind="text", width=170, min_view=640),
        Column(key="orders", title="Orders", kind="number", decimals=0, width=60, min_view=860),
        Column(key="next", title="Next start (IST)", kind="text", width=130, min_view=760),
        Column(key="message", title="Message", kind="text", width=260, min_view=980),
    ),
    empty="No hosted strategies. Upload a file below, or lab.strategies.add('my_strategy.py').",
    read=GetStrategies(),
    rows=rows,
    act=_act,
)  # fmt: skip
