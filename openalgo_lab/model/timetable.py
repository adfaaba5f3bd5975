"""The day of an exchange: phases in order, by segment, kind of instrument and date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.tables import ClockTime, DatedRow, in_force, span
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["SEGMENTS", "Board", "Phase", "PhaseRow", "Schedule", "Segment", "Session", "lay_out", "segment_of"]


class Phase(StrEnum):
    """What an exchange does with orders at a moment."""

    PRE_OPEN = "pre_open"  # limit and market orders are collected
    PRE_OPEN_LIMIT = "pre_open_limit"  # limit orders only, market orders frozen
    PRE_OPEN_MATCH = "pre_open_match"
    BUFFER = "buffer"
    CONTINUOUS = "continuous"
    REFERENCE = "reference"  # closing-auction stocks: reference price is made, no trading
    CLOSING_AUCTION = "closing_auction"  # limit and market orders
    CLOSING_AUCTION_LIMIT = "closing_auction_limit"  # limit orders only
    CLOSING_MATCH = "closing_match"
    POST_CLOSE = "post_close"  # at the close price
    CLOSED = "closed"

    @property
    def takes_orders(self) -> bool:
        """Whether some kind of order is accepted."""
        return self not in _DEAF


_DEAF: Final = frozenset({Phase.PRE_OPEN_MATCH, Phase.BUFFER, Phase.REFERENCE, Phase.CLOSING_MATCH, Phase.CLOSED})


class Segment(StrEnum):
    """Exchanges that share hours and holidays."""

    EQUITY = "equity"
    EQUITY_DERIVATIVES = "equity_derivatives"
    CURRENCY = "currency"
    COMMODITY = "commodity"
    AGRI = "agri"
    CRYPTO = "crypto"


class Board(StrEnum):
    """Instruments of one exchange that keep hours of their own."""

    ORDINARY = "ordinary"
    CLOSING_AUCTION = "closing_auction"  # cash shares that have derivatives
    NEAR_FUTURE = "near_future"  # equity futures that take part in the pre-open
    CROSS_CURRENCY = "cross_currency"
    LINKED_AGRI = "linked_agri"  # commodities with an international market: cotton, kapas oil
    AGRI = "agri"


SEGMENTS: Final[Mapping[Exchange, Segment]] = MappingProxyType(
    {
        Exchange.NSE: Segment.EQUITY,
        Exchange.BSE: Segment.EQUITY,
        Exchange.NSE_INDEX: Segment.EQUITY,
        Exchange.BSE_INDEX: Segment.EQUITY,
        Exchange.NFO: Segment.EQUITY_DERIVATIVES,
        Exchange.BFO: Segment.EQUITY_DERIVATIVES,
        Exchange.CDS: Segment.CURRENCY,
        Exchange.BCD: Segment.CURRENCY,
        Exchange.MCX: Segment.COMMODITY,
        Exchange.NCO: Segment.COMMODITY,
        Exchange.MCX_INDEX: Segment.COMMODITY,
        Exchange.NCDEX: Segment.AGRI,
        Exchange.CRYPTO: Segment.CRYPTO,
    }
)


def segment_of(exchange: Exchange) -> Segment:
    """The segment whose hours an exchange keeps. Raises `RuleError` for GLOBAL_INDEX: its indices keep
    their own.
    """
    segment = SEGMENTS.get(exchange)
    if segment is None:
        raise RuleError(f"The trading hours of {exchange.value} are not known; ask for an Indian exchange.")
    return segment


class Session(msgspec.Struct, frozen=True):
    """One phase of one day: from `start` (included) to `end` (excluded), aware IST datetimes."""

    phase: Phase
    start: datetime
    end: datetime


class PhaseRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One phase as tables write it."""

    phase: Phase
    start: ClockTime
    end: ClockTime


class Schedule(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ordinary day of a segment's board; a board without rows of its own keeps the ordinary board's
    hours.
    """

    segment: Segment
    board: Board = Board.ORDINARY
    phases: tuple[PhaseRow, ...]


def lay_out(phases: Iterable[PhaseRow], day: date) -> tuple[Session, ...]:
    """The phases as moments of `day`."""
    return tuple(Session(row.phase, *span(row.start, row.end, day)) for row in phases)


def schedule_on(schedules: Iterable[Schedule], segment: Segment, board: Board, day: date) -> Schedule:
    """The schedule in force. Raises `RuleError` when the tables begin later than `day`."""
    rows = [row for row in schedules if row.segment is segment]
    chosen = in_force((row for row in rows if row.board is board), day)
    chosen = chosen or in_force((row for row in rows if row.board is Board.ORDINARY), day)
    if chosen is None:
        raise RuleError(f"The session hours of {segment.value} on {day} are not known; add them to sessions.json.")
    return chosen
