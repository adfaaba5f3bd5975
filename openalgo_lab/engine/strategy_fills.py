"""Whose a position is: the tagged trades of today, and what each strategy carried into the day.

The ledger knows today's trades only; the fill book remembers the days before. What a strategy carried stands here as
one trade at its average cost, and is never more than the account held when the day began: what was settled, squared
off or closed elsewhere is nobody's any more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import msgspec

from openalgo_lab.engine.accounting.lots import SCALE, match
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.model.accounting import Matching
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.times import day_bounds_ns, trade_date
from openalgo_lab.model.vocabulary import Product
from openalgo_lab.store.fills import FillStore

__all__ = ["StrategyFills"]


class StrategyFills:
    """Used on the engine's loop. The fill book is read once a day. Raises StoreError when it cannot be."""

    def __init__(self, ledger: Ledger, store: FillStore, now_ns: Callable[[], int]) -> None:
        self._ledger = ledger
        self._store = store
        self._now_ns = now_ns
        self._day: date | None = None
        self._before: tuple[Fill, ...] = ()

    def all(self) -> tuple[Fill, ...]:
        """What strategies carried into the day, then today's trades of everybody."""
        today = trade_date(self._now_ns())
        if today != self._day:
            self._before, self._day = self._read(today), today
        return (*self._carried(), *self._ledger.books.fills)

    def _carried(self) -> list[Fill]:
        found: list[Fill] = []
        for fill in self._before:
            opening = self._ledger.opening(PositionKey.of(fill))
            held = opening.quantity * fill.side.sign if opening is not None else 0
            if held > 0:
                found.append(msgspec.structs.replace(fill, quantity=min(fill.quantity, held)))
        return found

    def _read(self, today: date) -> tuple[Fill, ...]:
        earlier = self._store.read(end=today - timedelta(days=1))
        tagged = (one.fill for one in earlier if one.fill.strategy and one.fill.product is not Product.MIS)
        start_ns, _ = day_bounds_ns(today)
        return tuple(
            msgspec.structs.replace(
                lot.fill,
                trade_id=f"carried-{lot.fill.trade_id}",
                side=lot.side,
                quantity=lot.quantity,
                price=lot.value / lot.quantity / SCALE,
                time_ns=start_ns,
            )
            for lots in match(tagged, Matching.AVERAGE, within_strategies=True).open.values()
            for lot in lots
        )
