"""Accounting: round trips, charges, results, statistics and the trade journal, as values and as commands.

Money that was rounded is integer paise; what is exact is a Decimal of rupees. Days are Indian trade dates.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

from openalgo_lab.model.command_base import Command, Done
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.vocabulary import Exchange, Product, Side

__all__ = [
    "AccountingSettings",
    "AnnotateTrade",
    "AnyAccountingCommand",
    "BookedFill",
    "GetAccountingSettings",
    "GetContractNotes",
    "GetFillHistory",
    "GetPnlCurve",
    "GetPositionDifferences",
    "GetResults",
    "GetRoundTrips",
    "GetTradeStatistics",
    "Matching",
    "NoteLine",
    "PnlCurve",
    "PositionDifference",
    "ResultRow",
    "ResultsBy",
    "RoundTrip",
    "SetAccountingSettings",
    "TradeStatistics",
]


class Matching(StrEnum):
    """How exits are matched with entries: first in first out, or against the average cost."""

    FIFO = "fifo"
    AVERAGE = "average"


class ResultsBy(StrEnum):
    """What results are summed by."""

    DAY = "day"
    STRATEGY = "strategy"
    TAG = "tag"
    ACCOUNT = "account"
    SYMBOL = "symbol"


class AccountingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Brokerage plan of the accounts (names of brokerage.json) and how stamp duty is rounded on a contract note."""

    plan: str = "discount.zero-delivery"
    plans: dict[str, str] = {}
    """Plans of single accounts."""
    stamp_to_rupee: bool = True

    def plan_of(self, account: str) -> str:
        """The plan of an account."""
        return self.plans.get(account, self.plan)


class BookedFill(msgspec.Struct, frozen=True):
    """A trade in the fill book: its day, what was written to it, and its share of the day's charges (rupees).

    ``opening`` marks what an account held before the book began; ``charges`` None: a rate of that day is not known.
    """

    fill: Fill
    day: date
    note: str = ""
    tags: tuple[str, ...] = ()
    opening: bool = False
    charges: Decimal | None = None


class RoundTrip(msgspec.Struct, frozen=True):
    """Units that were opened and closed again. ``side`` is that of the entry; prices in rupees, times UTC ns.

    ``gross_paise`` is price difference × quantity, ``charges_paise`` the share of both ends, rounded.
    """

    account: str
    exchange: Exchange
    symbol: str
    product: Product
    side: Side
    quantity: int
    entry_price: float
    exit_price: float
    entry_ns: int
    exit_ns: int
    gross_paise: int
    charges_paise: int = 0
    strategy: str = ""
    tags: tuple[str, ...] = ()

    @property
    def net_paise(self) -> int:
        """After charges."""
        return self.gross_paise - self.charges_paise


class NoteLine(msgspec.Struct, frozen=True):
    """Charges of one account, day, exchange and segment, in rupees. ``rounded``: as on a contract note, else exact."""

    account: str
    day: date
    exchange: Exchange
    segment: str
    buy_value: Decimal
    sell_value: Decimal
    brokerage: Decimal
    transaction_tax: Decimal
    exchange_fee: Decimal
    investor_protection: Decimal
    regulator_fee: Decimal
    stamp: Decimal
    gst: Decimal
    orders: int
    rounded: bool

    @property
    def total(self) -> Decimal:
        """All of it."""
        return (
            self.brokerage + self.transaction_tax + self.exchange_fee + self.investor_protection + self.regulator_fee
            + self.stamp + self.gst
        )  # fmt: skip


class ResultRow(msgspec.Struct, frozen=True):
    """Results of one day, strategy, tag, account or symbol, in paise. ``trades``: round trips."""

    key: str
    gross_paise: int
    charges_paise: int
    trades: int
    winners: int
    turnover_paise: int

    @property
    def net_paise(self) -> int:
        """After charges."""
        return self.gross_paise - self.charges_paise


class TradeStatistics(msgspec.Struct, frozen=True):
    """Figures over round trips, after charges. Money in paise, shares as fractions, holding time in seconds.

    ``profit_factor``: sum of gains ÷ sum of losses; 0 without losses or gains. ``drawdown_paise`` (≤ 0): deepest fall
    of the running sum from its peak, in order of the exits.
    """

    trades: int = 0
    winners: int = 0
    losers: int = 0
    gross_paise: int = 0
    charges_paise: int = 0
    net_paise: int = 0
    average_win_paise: int = 0
    average_loss_paise: int = 0
    best_paise: int = 0
    worst_paise: int = 0
    profit_factor: float = 0.0
    expectancy_paise: int = 0
    drawdown_paise: int = 0
    longest_win_streak: int = 0
    longest_loss_streak: int = 0
    average_holding_s: float = 0.0

    @property
    def win_rate(self) -> float:
        """Share of winners; 0 without a trade."""
        return self.winners / self.trades if self.trades else 0.0


class PositionDifference(msgspec.Struct, frozen=True):
    """Our own number beside the broker's. Units signed, averages in rupees, realised profit of the day in paise."""

    account: str
    exchange: Exchange
    symbol: str
    product: Product
    quantity: int
    broker_quantity: int
    average: float
    broker_average: float
    realised_paise: int
    broker_realised_paise: int

    @property
    def agrees(self) -> bool:
        """Whether the quantities are the same."""
        return self.quantity == self.broker_quantity


class PnlCurve(msgspec.Struct, frozen=True):
    """Today's result minute by minute, as columns of plain bytes (little-endian int64 / float64, rupees).

    ``drawdown`` = total − running peak (≤ 0). ``missing``: symbols without candles, which are left out.
    """

    time_ns: bytes = b""
    total: bytes = b""
    drawdown: bytes = b""
    missing: tuple[str, ...] = ()


class GetFillHistory(Command[tuple[BookedFill, ...]], frozen=True, tag="get_fill_history"):
    """Trades of the fill book from ``start`` to ``end`` (both included; None: without a bound), oldest first."""

    start: date | None = None
    end: date | None = None
    account: str = ""
    strategy: str = ""


class AnnotateTrade(Command[Done], frozen=True, tag="annotate_trade"):
    """Write a note and tags to all trades of an order, or to one trade; None leaves what is there."""

    account: str
    trade_id: str = ""
    order_id: str = ""
    note: str | None = None
    tags: tuple[str, ...] | None = None


class GetRoundTrips(Command[tuple[RoundTrip, ...]], frozen=True, tag="get_round_trips"):
    """Closed trades by the day of their exit, oldest first. With ``strategy`` matched within that strategy's trades."""

    start: date | None = None
    end: date | None = None
    account: str = ""
    strategy: str = ""
    matching: Matching = Matching.FIFO


class GetResults(Command[tuple[ResultRow, ...]], frozen=True, tag="get_results"):
    """Net results by day, strategy, tag, account or symbol, of trades closed from ``start`` to ``end``."""

    by: ResultsBy = ResultsBy.DAY
    start: date | None = None
    end: date | None = None
    account: str = ""
    matching: Matching = Matching.FIFO


class GetTradeStatistics(Command[TradeStatistics], frozen=True, tag="get_trade_statistics"):
    """Statistics of the round trips that :class:`GetRoundTrips` would give."""

    start: date | None = None
    end: date | None = None
    account: str = ""
    strategy: str = ""


class GetContractNotes(Command[tuple[NoteLine, ...]], frozen=True, tag="get_contract_notes"):
    """Charges by day, exchange and segment; ``exact``: unrounded, as estimates are.

    Raises RuleError for a day whose rates are not known.
    """

    start: date | None = None
    end: date | None = None
    account: str = ""
    exact: bool = False


class GetPositionDifferences(Command[tuple[PositionDifference, ...]], frozen=True, tag="get_position_differences"):
    """Our positions beside what the broker says at this moment."""

    account: str = ""


class GetPnlCurve(Command[PnlCurve], frozen=True, tag="get_pnl_curve"):
    """Today's curve of an account, or of one strategy's trades."""

    account: str = ""
    strategy: str = ""


class GetAccountingSettings(Command[AccountingSettings], frozen=True, tag="get_accounting_settings"):
    """Plans in force."""


class SetAccountingSettings(Command[AccountingSettings], frozen=True, tag="set_accounting_settings"):
    """Put plans in force and keep them in the profile. Raises RuleError for a plan that no table knows."""

    settings: AccountingSettings


AnyAccountingCommand = (
    GetFillHistory
    | AnnotateTrade
    | GetRoundTrips
    | GetResults
    | GetTradeStatistics
    | GetContractNotes
    | GetPositionDifferences
    | GetPnlCurve
    | GetAccountingSettings
    | SetAccountingSettings
)
"""Every command of this module."""
