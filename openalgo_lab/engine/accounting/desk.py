"""The handlers of accounting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np

from openalgo_lab.engine.accounting.book import FillBook
from openalgo_lab.engine.accounting.curve import MINUTE_NS, Carried, Minutes, day_curve
from openalgo_lab.engine.accounting.results import results, statistics
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.table import Idempotency, handles, reads
from openalgo_lab.model import accounting as c
from openalgo_lab.model.command_base import Done
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.reports import PositionReport
from openalgo_lab.model.times import day_bounds_ns, trade_date

__all__ = ["AccountingDesk"]

MinuteBars = Callable[[InstrumentKey, int, int], Awaitable[Bars]]
"""(symbol, start ns, end ns) → one-minute candles."""


class AccountingDesk:
    """Fills, results, charges, differences, the day's curve."""

    def __init__(
        self, *, book: FillBook, ledger: Ledger, router: Router, minute_bars: MinuteBars, now_ns: Callable[[], int]
    ) -> None:
        self._book = book
        self._ledger = ledger
        self._router = router
        self._minute_bars = minute_bars
        self._now_ns = now_ns

    @reads(c.GetFillHistory)
    async def get_fill_history(self, command: c.GetFillHistory, _: Principal) -> tuple[c.BookedFill, ...]:
        """Oldest first."""
        return tuple(self._book.fills(command.start, command.end, command.account, command.strategy))

    @handles(c.AnnotateTrade, permission=Permission.TRADE, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def annotate_trade(self, command: c.AnnotateTrade, _: Principal) -> Done:
        """Notes and tags."""
        account = self._router.line(command.account).name
        count = self._book.store.annotate(
            account, trade_id=command.trade_id, order_id=command.order_id, note=command.note, tags=command.tags
        )
        return Done(f"Written to {count} trade{'' if count == 1 else 's'}.")

    @reads(c.GetRoundTrips)
    async def get_round_trips(self, command: c.GetRoundTrips, _: Principal) -> tuple[c.RoundTrip, ...]:
        """By day of exit."""
        trips = self._book.trips(command.start, command.end, command.account, command.strategy, command.matching)
        return tuple(trips)

    @reads(c.GetResults)
    async def get_results(self, command: c.GetResults, _: Principal) -> tuple[c.ResultRow, ...]:
        """Sums."""
        trips = self._book.trips(command.start, command.end, command.account, "", command.matching)
        return tuple(results(trips, command.by))

    @reads(c.GetTradeStatistics)
    async def get_trade_statistics(self, command: c.GetTradeStatistics, _: Principal) -> c.TradeStatistics:
        """Figures."""
        trips = self._book.trips(command.start, command.end, command.account, command.strategy, c.Matching.FIFO)
        return statistics(trips)

    @reads(c.GetContractNotes)
    async def get_contract_notes(self, command: c.GetContractNotes, _: Principal) -> tuple[c.NoteLine, ...]:
        """Charges."""
        return tuple(self._book.notes(command.start, command.end, command.account, exact=command.exact))

    @reads(c.GetPositionDifferences)
    async def get_position_differences(
        self, command: c.GetPositionDifferences, _: Principal
    ) -> tuple[c.PositionDifference, ...]:
        """Ours beside the broker's."""
        line = self._router.line(command.account)
        theirs = {(one.exchange, one.symbol, one.product): one for one in await line.adapter.positions()}
        ours = {
            (one.exchange, one.symbol, one.product): one
            for one in self._ledger.books.positions
            if one.account == line.name
        }
        rows = []
        for key in sorted({*ours, *theirs}):
            mine, broker = ours.get(key), theirs.get(key, PositionReport(*key, quantity=0, average_price=0.0))
            rows.append(
                c.PositionDifference(
                    line.name,
                    *key,
                    quantity=mine.quantity if mine else 0,
                    broker_quantity=broker.quantity,
                    average=mine.average_price if mine else 0.0,
                    broker_average=broker.average_price,
                    realised_paise=mine.realised_paise if mine else 0,
                    broker_realised_paise=broker.realised_paise,
                )
            )
        return tuple(rows)

    @reads(c.GetPnlCurve)
    async def get_pnl_curve(self, command: c.GetPnlCurve, _: Principal) -> c.PnlCurve:
        """Today, by minute."""
        account = self._router.line(command.account).name
        fills = [
            fill
            for fill in self._ledger.books.fills
            if fill.account == account and command.strategy in ("", fill.strategy)
        ]
        carried = {} if command.strategy else self._carried(account, fills)
        start_ns, _end = day_bounds_ns(trade_date(self._now_ns()))
        if fills and not carried:
            start_ns = max(start_ns, min(fill.time_ns for fill in fills) // MINUTE_NS * MINUTE_NS)
        keys = {InstrumentKey(fill.exchange, fill.symbol) for fill in fills}
        keys |= {InstrumentKey(key.exchange, key.symbol) for key in carried}
        minutes: dict[InstrumentKey, Minutes] = {}
        for key in sorted(keys):
            try:
                bars = await self._minute_bars(key, start_ns, self._now_ns() + 1)
            except LabError:
                continue  # told as missing
            minutes[key] = Minutes(bars.start_ns, bars.close)
        curve = day_curve(fills, carried, minutes)
        return c.PnlCurve(
            time_ns=np.ascontiguousarray(curve.time_ns, dtype="<i8").tobytes(),
            total=np.ascontiguousarray(curve.total, dtype="<f8").tobytes(),
            drawdown=np.ascontiguousarray(curve.drawdown, dtype="<f8").tobytes(),
            missing=curve.missing,
        )

    def _carried(self, account: str, fills: list[Fill]) -> dict[PositionKey, Carried]:
        """What was held before today's trades: net of position and trades, at the position's own cost."""
        found: dict[PositionKey, Carried] = {}
        for position in self._ledger.books.positions:
            key = PositionKey(position.account, position.exchange, position.symbol, position.product)
            if key.account != account:
                continue
            traded = [fill for fill in fills if PositionKey.of(fill) == key]
            before = position.quantity - sum(fill.quantity * fill.side.sign for fill in traded)
            opening = self._ledger.opening(key)
            if before and opening is not None:
                found[key] = Carried(before, opening.average_price)
        return found

    @reads(c.GetAccountingSettings)
    async def get_accounting_settings(self, _: c.GetAccountingSettings, __: Principal) -> c.AccountingSettings:
        """In force."""
        return self._book.charges.settings

    @handles(c.SetAccountingSettings, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def set_accounting_settings(self, command: c.SetAccountingSettings, _: Principal) -> c.AccountingSettings:
        """Kept and used."""
        self._book.set_settings(command.settings)
        return command.settings
