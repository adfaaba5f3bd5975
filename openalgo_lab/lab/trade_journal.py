"""The trade journal: own fills with notes and tags, round trips, results after charges, statistics, export."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openalgo_lab.lab.exports import export_frames
from openalgo_lab.lab.frames import frame_of, ist_times
from openalgo_lab.lab.order import LiveOrder, order_id_of
from openalgo_lab.lab.shown import Cell, Shown, rupees, text_table
from openalgo_lab.lab.words import word
from openalgo_lab.model.accounting import (
    AccountingSettings,
    AnnotateTrade,
    BookedFill,
    GetAccountingSettings,
    GetContractNotes,
    GetFillHistory,
    GetPnlCurve,
    GetPositionDifferences,
    GetResults,
    GetRoundTrips,
    GetTradeStatistics,
    Matching,
    ResultsBy,
    SetAccountingSettings,
    TradeStatistics,
)
from openalgo_lab.model.orders import Order

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.lab.core import LabCore

__all__ = ["TradeJournal"]

Day = date | str | None


class TradeJournal(Shown):
    """Everything about trades that have happened, on any day. Days are Indian trade dates, money rupees."""

    def __init__(self, lab: LabCore, account: str = "", strategy: str = "") -> None:
        self._lab = lab
        self._account = account
        self._strategy = strategy

    def of(self, *, account: str = "", strategy: str = "") -> TradeJournal:
        """The same for one account, or one strategy's trades."""
        return TradeJournal(self._lab, account or self._account, strategy or self._strategy)

    # Reading ------------------------------------------------------------------------------------------------------

    def fills(self, start: Day = None, end: Day = None) -> tuple[BookedFill, ...]:
        """Trades from ``start`` to ``end`` (both included), oldest first."""
        return self._lab.call(GetFillHistory(_day(start), _day(end), self._account, self._strategy))

    @property
    def frame(self) -> pd.DataFrame:
        """All trades: one row each, index ``time`` (IST)."""
        return self.frame_of()

    def frame_of(self, start: Day = None, end: Day = None) -> pd.DataFrame:
        """Trades of some days; ``charges`` are each trade's exact share."""
        booked = self.fills(start, end)
        fills = [one.fill for one in booked]
        frame = frame_of(
            {
                "account": [fill.account for fill in fills],
                "symbol": [f"{fill.exchange}:{fill.symbol}" for fill in fills],
                "side": [fill.side.value for fill in fills],
                "product": [fill.product.value for fill in fills],
                "quantity": [fill.quantity for fill in fills],
                "price": [fill.price for fill in fills],
                "charges": [float(one.charges) if one.charges is not None else math.nan for one in booked],
                "strategy": [fill.strategy for fill in fills],
                "tags": [", ".join(one.tags) for one in booked],
                "note": [one.note for one in booked],
                "order_id": [fill.order_id for fill in fills],
                "trade_id": [fill.trade_id for fill in fills],
            }
        )
        frame.index = ist_times([fill.time_ns for fill in fills]).rename("time")
        return frame

    def round_trips(
        self, start: Day = None, end: Day = None, *, matching: Matching | str = Matching.FIFO
    ) -> pd.DataFrame:
        """Closed trades by the day of their exit: gross, charges, net in rupees. ``matching``: fifo or average."""
        method = word(Matching, matching, "matching")
        trips = self._lab.call(GetRoundTrips(_day(start), _day(end), self._account, self._strategy, method))
        frame = frame_of(
            {
                "account": [trip.account for trip in trips],
                "symbol": [f"{trip.exchange}:{trip.symbol}" for trip in trips],
                "product": [trip.product.value for trip in trips],
                "side": [trip.side.value for trip in trips],
                "quantity": [trip.quantity for trip in trips],
                "entry_price": [trip.entry_price for trip in trips],
                "exit_price": [trip.exit_price for trip in trips],
                "gross": [rupees(trip.gross_paise) for trip in trips],
                "charges": [rupees(trip.charges_paise) for trip in trips],
                "net": [rupees(trip.net_paise) for trip in trips],
                "strategy": [trip.strategy for trip in trips],
                "tags": [", ".join(trip.tags) for trip in trips],
            }
        )
        frame.insert(0, "entry", ist_times([trip.entry_ns for trip in trips]))
        frame.index = ist_times([trip.exit_ns for trip in trips]).rename("exit")
        return frame

    def results(
        self,
        by: ResultsBy | str = ResultsBy.DAY,
        start: Day = None,
        end: Day = None,
        *,
        matching: Matching | str = Matching.FIFO,
    ) -> pd.DataFrame:
        """Net results by ``"day"``, ``"strategy"``, ``"tag"``, ``"account"`` or ``"symbol"``, in rupees."""
        kind, method = word(ResultsBy, by, "by"), word(Matching, matching, "matching")
        rows = self._lab.call(GetResults(kind, _day(start), _day(end), self._account, method))
        return frame_of(
            {
                kind.value: [row.key for row in rows],
                "gross": [rupees(row.gross_paise) for row in rows],
                "charges": [rupees(row.charges_paise) for row in rows],
                "net": [rupees(row.net_paise) for row in rows],
                "trades": [row.trades for row in rows],
                "winners": [row.winners for row in rows],
                "turnover": [rupees(row.turnover_paise) for row in rows],
            },
            kind.value,
        )

    def statistics(self, start: Day = None, end: Day = None) -> TradeStatistics:
        """Figures over the round trips, after charges."""
        return self._lab.call(GetTradeStatistics(_day(start), _day(end), self._account, self._strategy))

    def charges(self, start: Day = None, end: Day = None, *, exact: bool = False) -> pd.DataFrame:
        """Charges by day, exchange and segment, as on a contract note, or unrounded with ``exact``."""
        lines = self._lab.call(GetContractNotes(_day(start), _day(end), self._account, exact))
        names = ("brokerage", "transaction_tax", "exchange_fee", "investor_protection", "regulator_fee", "stamp", "gst")
        columns: dict[str, Sequence[Any]] = {
            "account": [line.account for line in lines],
            "day": [line.day for line in lines],
            "exchange": [line.exchange.value for line in lines],
            "segment": [line.segment for line in lines],
            "orders": [line.orders for line in lines],
            "buy_value": [float(line.buy_value) for line in lines],
            "sell_value": [float(line.sell_value) for line in lines],
            **{name: [float(getattr(line, name)) for line in lines] for name in names},
            "total": [float(line.total) for line in lines],
        }
        return frame_of(columns)

    def differences(self) -> pd.DataFrame:
        """Our own positions beside what the broker says at this moment."""
        rows = self._lab.call(GetPositionDifferences(self._account))
        columns: dict[str, Sequence[Any]] = {
            "symbol": [f"{row.exchange}:{row.symbol}" for row in rows],
            "product": [row.product.value for row in rows],
            "quantity": [row.quantity for row in rows],
            "broker_quantity": [row.broker_quantity for row in rows],
            "average": [row.average for row in rows],
            "broker_average": [row.broker_average for row in rows],
            "realised": [rupees(row.realised_paise) for row in rows],
            "broker_realised": [rupees(row.broker_realised_paise) for row in rows],
            "agrees": [row.agrees for row in rows],
        }
        return frame_of(columns, "symbol")

    def curve(self) -> pd.DataFrame:
        """Today's result by minute, rupees: ``total``, ``drawdown``; ``attrs["missing"]`` names what has no price."""
        import numpy as np
        import pandas as pd

        reply = self._lab.call(GetPnlCurve(self._account, self._strategy), 60.0)
        times = np.frombuffer(reply.time_ns, dtype="<i8")
        frame = pd.DataFrame(
            {"total": np.frombuffer(reply.total, dtype="<f8"), "drawdown": np.frombuffer(reply.drawdown, dtype="<f8")},
            index=ist_times(times.tolist()).rename("time"),
        )
        frame.attrs["missing"] = list(reply.missing)
        return frame

    # Writing ------------------------------------------------------------------------------------------------------

    def annotate(
        self,
        order: LiveOrder | Order | str = "",
        *,
        trade_id: str = "",
        note: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> str:
        """Write a note and tags to the trades of an order, or to one trade; what is not given stays."""
        command = AnnotateTrade(
            self._account,
            trade_id,
            order_id_of(order) if not trade_id else "",
            note,
            None if tags is None else tuple(tags),
        )
        return self._lab.call(command).message

    def export(self, path: Path | str, start: Day = None, end: Day = None) -> Path:
        """Trades, round trips, results by day, and charges into ``.xlsx`` (a sheet each), ``.csv`` or ``.parquet``."""
        frames = {
            "trades": self.frame_of(start, end),
            "round_trips": self.round_trips(start, end),
            "days": self.results(ResultsBy.DAY, start, end),
            "charges": self.charges(start, end),
        }
        return export_frames(frames, path)

    @property
    def plans(self) -> AccountingSettings:
        """Brokerage plans in force."""
        return self._lab.call(GetAccountingSettings())

    def set_plan(self, plan: str, *, account: str = "", stamp_to_rupee: bool | None = None) -> AccountingSettings:
        """Use a brokerage plan (of brokerage.json) for all accounts or one. Raises RuleError for an unknown one."""
        now = self.plans
        wanted = AccountingSettings(
            plan=now.plan if account else plan,
            plans={**now.plans, account: plan} if account else now.plans,
            stamp_to_rupee=now.stamp_to_rupee if stamp_to_rupee is None else stamp_to_rupee,
        )
        return self._lab.call(SetAccountingSettings(wanted))

    # Showing ------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return text_table(("", ""), self._rows())

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return "Trade journal", ("", ""), self._rows()

    def _rows(self) -> list[tuple[str, Cell]]:
        now = self.statistics()
        return [
            ("trades closed", now.trades),
            ("won", f"{now.winners} ({now.win_rate:.0%})"),
            ("gross ₹", rupees(now.gross_paise)),
            ("charges ₹", rupees(now.charges_paise)),
            ("net ₹", rupees(now.net_paise)),
            ("expectancy ₹", rupees(now.expectancy_paise)),
            ("deepest fall ₹", rupees(now.drawdown_paise)),
        ]


def _day(day: Day) -> date | None:
    return date.fromisoformat(day) if isinstance(day, str) else day
