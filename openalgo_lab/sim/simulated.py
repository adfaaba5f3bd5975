"""The simulated market: prices of a whole exchange as a function of (seed, instrument, moment)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, TickBatch
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import Clock, SystemClock, from_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.sim.daybook import DayBook
from openalgo_lab.sim.daypath import DayPath
from openalgo_lab.sim.depth import BookMaker
from openalgo_lab.sim.history import Historian
from openalgo_lab.sim.interest import Interest
from openalgo_lab.sim.listing import Listing
from openalgo_lab.sim.path import PathMaker
from openalgo_lab.sim.sessions import Hours, SimSession, SimSessions
from openalgo_lab.sim.strokes import Strokes
from openalgo_lab.sim.surface import Surface
from openalgo_lab.sim.universe import Lister, load_underlyings
from openalgo_lab.sim.walk import DailyWalk

__all__ = ["SimulatedMarket"]

_EXCHANGES: Final = frozenset({Exchange.NSE, Exchange.NFO, Exchange.BFO, Exchange.NSE_INDEX, Exchange.BSE_INDEX})

FloatArray = npt.NDArray[np.float64]


class SimulatedMarket:
    """A market of indices, shares, futures and options, without any state that a restart could lose.

    ``hours`` "always" trades every Indian day from midnight to midnight, "calendar" keeps the exchanges' hours; out
    of hours prices stand where they closed. A contract stops at its expiry and is listed to the end of that day.
    Prices move every 250 ms. Any thread may ask for them.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        hours: Hours = "always",
        clock: Clock | None = None,
        calendar: TradingCalendar | None = None,
        rules: RuleBook | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._calendar = calendar or TradingCalendar.load()
        self._underlyings = load_underlyings()
        self._sessions = SimSessions(hours, self._calendar)
        self._strokes = Strokes(seed)
        self._walk = DailyWalk(seed, self._sessions)
        self._paths = PathMaker(seed, self._sessions, self._strokes, self._walk)
        self._surface = Surface(self._underlyings, self._walk)
        self._lister = Lister(self._underlyings, self._walk, rules or RuleBook.load(), self._calendar)
        self._historian = Historian(
            underlyings=self._underlyings,
            sessions=self._sessions,
            strokes=self._strokes,
            paths=self._paths,
            walk=self._walk,
            surface=self._surface,
            lister=self._lister,
        )
        self._listings: dict[int, Listing] = {}
        self._book: tuple[tuple[int, int], DayBook, BookMaker] | None = None
        self._making = threading.RLock()  # over what is made once and kept; held again while a day's book is made

    # The market's own view --------------------------------------------------------------------------------------

    def instruments(self) -> Sequence[Instrument]:
        """Everything listed today: spots, then futures and options of each underlying by expiry and strike."""
        return self._listing(self._sessions.listed(self.now_ns())).instruments

    def now_ns(self) -> int:
        """The clock's moment, UTC ns."""
        return self._clock.now_ns()

    def is_open(self, exchange: Exchange, now_ns: int) -> bool:
        """Whether continuous trading runs; False for exchanges that this market does not have."""
        if exchange not in _EXCHANGES:
            return False
        return self._sessions.hours == "always" or self._calendar.is_open(exchange, from_ns(now_ns))

    def expiry_ns(self, instrument: Instrument) -> int:
        """The moment a contract stops trading, UTC ns; 0 for what does not expire."""
        if instrument.expiry is None:
            return 0
        return self._lister.expiry_ns(instrument.exchange, instrument.expiry, instrument.underlying)

    def snapshot(self, tokens: npt.NDArray[np.int64], now_ns: int, *, depth: bool) -> TickBatch:
        """Every quote field of these tokens at that moment, and five levels if asked. Same order as asked.

        An index has no book, volume or open interest (NaN); an expired contract has no book.
        Raises SymbolError for a token that is not listed.
        """
        daybook, books = self._day(now_ns)
        rows = daybook.listing.rows_of(np.asarray(tokens, dtype=np.int64))
        at = daybook.moment(rows, now_ns)
        last = daybook.last(at)
        high, low, average = daybook.ranges(at)
        activity = daybook.path.activity(at.base, at.minute, at.sample)
        day_activity = daybook.path.traded[at.base, -1]
        columns = {
            "ltp": last,
            "open": daybook.open[rows],
            "high": high,
            "low": low,
            "prev_close": daybook.prev_close[rows],
            "volume": daybook.interest.volume(rows, activity),
            "oi": daybook.interest.open_interest(rows, activity / day_activity),
            "prev_oi": daybook.interest.start[rows],
            "average": np.where(daybook.is_index[rows], np.nan, average),
        }
        times = daybook.times(at)
        alive = daybook.alive(rows, now_ns)
        columns |= _silenced(books.top(rows, last, times), alive)
        levels = books.levels(rows, last, times) if depth else None
        if levels is not None:
            levels[~alive] = np.nan
        return TickBatch(np.asarray(tokens, dtype=np.int64), times, columns, levels)

    def history(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        """Candles that start in [start_ns, end_ns) and not after now, made of the samples that snapshots show.

        Raises InputError for an interval that cannot be served.
        """
        return self._historian.bars(instrument, interval, start_ns, end_ns, self.now_ns())

    # -----------------------------------------------------------------------------------------------------------

    def _listing(self, session: SimSession) -> Listing:
        with self._making:
            known = self._listings.get(session.ordinal)
            if known is None:
                while len(self._listings) > 1:
                    self._listings.pop(next(iter(self._listings)))
                instruments = self._lister.instruments(session)
                known = self._listings[session.ordinal] = Listing(instruments, self._underlyings, self._lister)
            return known

    def _day(self, now_ns: int) -> tuple[DayBook, BookMaker]:
        """The books of the last session that has begun, for what is listed at that moment."""
        listed, session = self._sessions.listed(now_ns), self._sessions.started(now_ns)
        key = (listed.ordinal, session.ordinal)
        book = self._book
        if book is None or book[0] != key:
            with self._making:
                book = self._book
                if book is None or book[0] != key:
                    book = self._book = (key, *self._make_day(listed, session))
        return book[1], book[2]

    def _make_day(self, listed: SimSession, session: SimSession) -> tuple[DayBook, BookMaker]:
        listing = self._listing(listed)
        daybook = self._open_book(listing, session)
        every = np.arange(len(listing), dtype=np.int64)
        before = self._open_book(listing, self._sessions.before(session))
        daybook.prev_close = before.last(before.closing(every))
        contracts = np.array([u.contracts for u in self._underlyings])[listing.base]
        return daybook, BookMaker(listing, contracts, daybook.interest.distance)

    def _open_book(self, listing: Listing, session: SimSession) -> DayBook:
        path = DayPath(self._paths.of_day(self._underlyings, session), self._strokes)
        index, following = self._walk.index_of(session.ordinal), self._walk.next_ordinal(session.ordinal)
        rows = np.arange(len(listing), dtype=np.int64)
        interest = Interest(
            listing,
            self._underlyings,
            self._surface,
            day_index=index,
            ordinal=session.ordinal,
            next_ordinal=following,
        )
        return DayBook(
            listing,
            session,
            path=path,
            opening=self._surface.volatility(listing, rows, index, session.ordinal),
            next_opening=self._surface.volatility(listing, rows, index + 1, following),
            interest=interest,
        )


def _silenced(columns: dict[str, FloatArray], alive: npt.NDArray[np.bool_]) -> dict[str, FloatArray]:
    """Quotes with the book taken away where a contract has expired; the last traded quantity stays."""
    if alive.all():
        return columns
    return {name: values if name == "ltq" else np.where(alive, values, np.nan) for name, values in columns.items()}
