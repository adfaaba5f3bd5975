"""One look at a chain: board columns in, the numbers of every strike and of the header out. Pure and quick."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.option_conventions import OWN, Conventions, OptionClock, OptionModel
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import InstrumentType
from openalgo_lab.options.black import Greeks, year_fraction
from openalgo_lab.options.bulk import bulk_greeks, bulk_volatility
from openalgo_lab.options.chain import (
    OiWalls,
    atm_index,
    expected_move,
    max_pain,
    oi_walls,
    put_call_ratio,
    synthetic_future,
)
from openalgo_lab.options.clock import trading_years, whole_day_years
from openalgo_lab.options.forward import Forward, ForwardSource, choose_forward
from openalgo_lab.options.implied import NoVolatility, why_no_volatility
from openalgo_lab.options.spot import bsm_greeks

if TYPE_CHECKING:
    from openalgo_lab.engine.board import Board
    from openalgo_lab.engine.option_data.contracts import ChainContracts

__all__ = ["GREEKS", "ChainReader", "ChainReading"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

GREEKS: Final = ("delta", "gamma", "theta", "vega", "rho", "vanna", "volga", "charm")
"""Sensitivities of each side, in the units of :class:`openalgo_lab.options.black.Greeks`."""

_FIELDS: Final = ("ltp", "bid", "ask", "prev_close", "volume", "oi", "prev_oi")
_QUIET_NS: Final = 180 * 10**9
_LIQUID_NS: Final = 60 * 10**9
_WIDEST: Final = 0.5  # of the mid: a book wider than this prices nothing
_WIDEST_FUTURE: Final = 0.001  # of the mid: a future whose book is wider is no better than parity


class ChainReading(msgspec.Struct, frozen=True):
    """A chain at one moment. Arrays by strike; NaN = not known.

    ``calls`` and ``puts`` hold ltp, change, bid, ask, volume, oi, oi_change (rupees, units), price (what the volatility
    is of), iv (per cent) and :data:`GREEKS`. ``quiet``: neither side has a book or a trade of the last three minutes;
    ``quiet_calls`` and ``quiet_puts`` say it of each. ``engine_ns``: the newest tick in it. ``clock`` is the one that
    was used: the calendar where trading hours are not known so far ahead. ``move``: one standard deviation until
    expiry as the straddle prices it, rupees; ``synthetic``: strike + call - put at the money.
    """

    calls: Mapping[str, Floats]
    puts: Mapping[str, Floats]
    quiet: npt.NDArray[np.bool_]
    quiet_calls: npt.NDArray[np.bool_]
    quiet_puts: npt.NDArray[np.bool_]
    atm: int | None
    spot: float
    spot_change: float
    spot_change_pct: float
    forward: float
    forward_source: str
    forward_detail: str
    price_source: str
    conventions: Conventions
    clock: OptionClock
    years: float
    days: float
    atm_iv: float
    pcr: float
    pcr_volume: float
    max_pain: float
    walls: OiWalls
    straddle: float
    synthetic: float
    move: float
    now_ns: int
    engine_ns: int

    def side(self, kind: InstrumentType) -> Mapping[str, Floats]:
        """Calls or puts."""
        return self.calls if kind is InstrumentType.CE else self.puts

    def why(self, kind: InstrumentType, index: int) -> str:
        """Why the option at ``index`` has no volatility, as a sentence; "" where it has one."""
        return self.reasons(kind, slice(index, index + 1))[0].sentence

    def reasons(self, kind: InstrumentType, rows: slice = slice(None)) -> list[NoVolatility]:
        """Of every strike in ``rows``."""
        side, call = self.side(kind), kind is InstrumentType.CE
        found = why_no_volatility(
            side["price"][rows], self.forward, side["strike"][rows], self.years, call, rate=self.conventions.rate
        )
        return [NoVolatility(reason) for reason in found.tolist()]

    @property
    def otm_iv(self) -> Floats:
        """The volatility of each strike by its option out of the money (per cent), of the other where it has none."""
        first = self.puts["iv"], self.calls["iv"]
        chosen = np.where(self._above, first[1], first[0])
        return np.where(np.isnan(chosen), np.where(self._above, first[0], first[1]), chosen)

    @property
    def _above(self) -> npt.NDArray[np.bool_]:
        return self.calls["strike"] >= self.forward


class ChainReader:
    """Reads one chain again and again; remembers where its contracts stand on the board. One thread only."""

    def __init__(self, contracts: ChainContracts, conventions: Conventions = OWN) -> None:
        self._contracts = contracts
        self.conventions = conventions
        self._board: Board | None = None
        self._rows: Rows = np.empty(0, dtype=np.int64)
        n = len(contracts)
        others = (None if item is None else item.key for item in (contracts.spot, contracts.future))
        self._keys = (*contracts.option_keys, *others)
        self._listed = np.array([key is not None for key in self._keys])
        self._is_call = np.repeat((True, False), n)
        self._strikes = np.tile(contracts.strikes, 2)

    def rows(self, board: Board) -> Rows:
        """Board rows: calls, puts, spot, future; -1 where there is none (yet)."""
        if self._board is not board or (self._rows[self._listed] < 0).any():
            found = (-1 if key is None else board.find(key) for key in self._keys)
            self._rows = np.array([-1 if row is None else row for row in found], dtype=np.int64)
            self._board = board
        return self._rows

    def read(self, board: Board, now_ns: int, *, traded_only: bool, forward: float | None = None) -> ChainReading:
        """The chain now. ``traded_only``: price from the last trade, as the book is not a real one (a replay).

        ``forward``, if given (rupees), is taken instead of the market's own.
        """
        n, rows = len(self._contracts), self.rows(board)
        table = {name: board.column(name, rows) for name in _FIELDS}
        times = board.times(rows)
        options = {name: values[: 2 * n] for name, values in table.items()}
        price = options["ltp"] if traded_only else _price(options["ltp"], options["bid"], options["ask"])
        years, clock = self._years(now_ns)
        spot, spot_close = float(table["ltp"][2 * n]), float(table["prev_close"][2 * n])
        liquid = not traded_only and self._is_liquid(table, times, now_ns)
        found = self._forward(table, price, years, liquid=liquid) if forward is None else _given(forward)
        quiet = now_ns - times[: 2 * n] > _QUIET_NS
        if not traded_only:
            quiet &= ~((options["bid"] > 0) & (options["ask"] > 0))
        calls, puts = self._sides(options, price, found.value, spot, years)
        return ChainReading(
            calls=calls,
            puts=puts,
            quiet=quiet[:n] & quiet[n:],
            quiet_calls=quiet[:n],
            quiet_puts=quiet[n:],
            spot=spot,
            spot_change=spot - spot_close,
            spot_change_pct=(spot / spot_close - 1.0) * 100.0 if spot_close else math.nan,
            forward=found.value,
            forward_source=found.source.value,
            forward_detail=found.detail,
            price_source="last trades" if traded_only else "mid, else last trade",
            conventions=self.conventions,
            clock=clock,
            years=years,
            days=max(self._contracts.expiry_ns - now_ns, 0) / 86_400e9,
            now_ns=now_ns,
            engine_ns=int(times.max(initial=0)),
            **_totals(self._contracts.strikes, calls, puts, spot if math.isfinite(spot) else found.value),
        )

    def _sides(
        self, options: Mapping[str, Floats], price: Floats, forward: float, spot: float, years: float
    ) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """All columns of calls and of puts."""
        n = len(self._contracts)
        iv, greeks = self._greeks(price, forward, spot, years)
        both = {
            **{name: options[name] for name in ("ltp", "bid", "ask", "volume", "oi")},
            "strike": self._strikes,
            "price": price,
            "change": options["ltp"] - options["prev_close"],
            "oi_change": options["oi"] - options["prev_oi"],
            "iv": iv * 100.0,
            **{name: getattr(greeks, name) for name in GREEKS},
        }
        return {name: one[:n] for name, one in both.items()}, {name: one[n:] for name, one in both.items()}

    def _years(self, now_ns: int) -> tuple[float, OptionClock]:
        contracts, clock = self._contracts, self.conventions.clock
        if clock is OptionClock.WHOLE_DAYS:
            return whole_day_years(from_ns(now_ns).date(), contracts.expiry), clock
        if clock is OptionClock.TRADING and contracts.sessions is not None and contracts.day_ns:
            return trading_years(now_ns, contracts.sessions, contracts.day_ns), clock
        return float(year_fraction(now_ns, contracts.expiry_ns)), OptionClock.CALENDAR

    def _forward(self, table: Mapping[str, Floats], price: Floats, years: float, *, liquid: bool) -> Forward:
        n, how = len(self._contracts), self.conventions
        spot = float(table["ltp"][2 * n])
        if how.model is OptionModel.SPOT:
            grown = spot * math.exp((how.rate - how.carry) * years)
            return Forward(grown, ForwardSource.CARRY, f"spot at {how.rate_pct - how.carry_pct:g} % a year")
        width = (table["ask"] - table["bid"])[: 2 * n]
        return choose_forward(
            self._contracts.strikes,
            price[:n],
            price[n:],
            spot=spot,
            future=_middle(float(table["bid"][-1]), float(table["ask"][-1])),
            future_is_liquid=liquid,
            years=years,
            rate=how.rate,
            carry=how.carry,
            spreads=width[:n] + width[n:],
        )

    def _is_liquid(self, table: Mapping[str, Floats], times: Rows, now_ns: int) -> bool:
        """A future with a narrow book that has ticked within the last minute."""
        bid, ask = float(table["bid"][-1]), float(table["ask"][-1])
        narrow = bid > 0 and 0 <= ask - bid <= _WIDEST_FUTURE * bid
        return narrow and now_ns - int(times[-1]) <= _LIQUID_NS

    def _greeks(self, price: Floats, forward: float, spot: float, years: float) -> tuple[Floats, Greeks]:
        """Volatilities (fractions) and Greeks. An option without a volatility of its own takes that of its pair."""
        how, strikes, calls = self.conventions, self._strikes, self._is_call
        iv = bulk_volatility(price, forward, strikes, years, calls, rate=how.rate)
        used = np.where(np.isnan(iv), np.roll(iv, len(iv) // 2), iv)
        if how.model is OptionModel.SPOT:
            return iv, bsm_greeks(spot, strikes, years, used, calls, rate=how.rate, carry=how.carry)
        return iv, bulk_greeks(forward, strikes, years, used, calls, rate=how.rate)


def _totals(strikes: Floats, calls: Mapping[str, Floats], puts: Mapping[str, Floats], level: float) -> dict[str, Any]:
    """Figures of the whole chain at ``level``."""
    atm = atm_index(strikes, level)
    straddle = math.nan if atm is None else float(calls["price"][atm] + puts["price"][atm])
    return {
        "atm": atm,
        "atm_iv": math.nan if atm is None else _mean_known(float(calls["iv"][atm]), float(puts["iv"][atm])),
        "pcr": put_call_ratio(calls["oi"], puts["oi"]),
        "pcr_volume": put_call_ratio(calls["volume"], puts["volume"]),
        "max_pain": max_pain(strikes, calls["oi"], puts["oi"]),
        "walls": oi_walls(strikes, calls["oi"], puts["oi"]),
        "straddle": straddle,
        "synthetic": synthetic_future(strikes, calls["price"], puts["price"], level),
        "move": expected_move(straddle),
    }


def _price(ltp: Floats, bid: Floats, ask: Floats) -> Floats:
    """The middle of a live book that is not absurdly wide, else the last trade."""
    mid = (bid + ask) / 2.0
    live = (bid > 0) & (ask >= bid) & (ask - bid <= np.maximum(_WIDEST * mid, 0.5))
    return np.where(live, mid, ltp)


def _given(forward: float) -> Forward:
    return Forward(forward, ForwardSource.GIVEN, "as you gave it")


def _middle(bid: float, ask: float) -> float:
    return (bid + ask) / 2.0


def _mean_known(first: float, second: float) -> float:
    known = [value for value in (first, second) if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan
