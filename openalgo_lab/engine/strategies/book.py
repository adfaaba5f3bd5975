"""A hosted strategy's own book, from the file that its process keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from openalgo_lab.model.strategy_commands import StrategyPnl

__all__ = ["book_of"]


class _Lot(msgspec.Struct):
    units: int
    price: float


class _Kept(msgspec.Struct):
    """What is read of the file; the process owns its shape (see ``openalgo_lab.lab.strategy_host_state``)."""

    saved_ns: int
    start_cash: int
    cash: int
    charges: int
    orders: list[Any] = []
    trades: list[dict[str, Any]] = []
    lots: dict[str, list[_Lot]] = {}
    marks: dict[str, float] = {}


def book_of(path: Path) -> StrategyPnl | None:
    """None while it has none."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return None
    worth = kept.cash + sum(
        lot.units * round(kept.marks.get(symbol, lot.price) * 100) for symbol, lots in kept.lots.items() for lot in lots
    )
    return StrategyPnl(
        saved_ns=kept.saved_ns,
        profit=(worth - kept.start_cash) / 100,
        realised=sum(trade["gross"] - trade["charges"] for trade in kept.trades) / 100,
        charges=kept.charges / 100,
        orders=len(kept.orders),
        trades=len(kept.trades),
        positions={symbol: sum(lot.units for lot in lots) for symbol, lots in kept.lots.items()},
    )
