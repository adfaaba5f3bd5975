"""One look at a chain: board columns in, the numbers of every strike and of the header out. Pure and quick."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.options.black import black_greeks, year_fraction
from openalgo_lab.options.chain import atm_index, forward_by_parity, max_pain, put_call_ratio
from openalgo_lab.options.implied import implied_volatility

if TYPE_CHECKING:
    from openalgo_lab.engine.board import Board
    from openalgo_lab.lab.chain_contracts import ChainContracts

__all__ = ["ChainReader", "ChainReading"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_FIELDS: Final = ("ltp", "bid", "ask", "prev_close", "volume", "oi", "prev_oi")
_QUIET_NS: Final = 180 * 10**9
_WIDEST: Final = 0.5  # of the mid: a book wider than this prices nothing


class ChainReading(msgspec.Struct, frozen=True):
    """A chain at one moment. Arrays by strike; NaN = not known.

    ``calls`` and ``puts`` hold ltp, change, bid, ask, volume, oi, oi_change (rupees, units), iv (per cent) and delta.
    ``quiet``: neither side has a book or a trade of the last three minutes. ``engine_ns``: the newest tick in it.
    """

    calls: Mapping[str, Floats]
    puts: Mapping[str, Floats]
    quiet: npt.NDArray[np.bool_]
    atm: int | None
    spot: float
    spot_change: float
    spot_change_pct: float
    forward: float
    forward_source: str
    price_source: str
    days: float
    atm_iv: float
    pcr: float
    max_pain: float
    straddle: float
    engine_ns: int


class ChainReader:
    """Reads one chain again and again; remembers where its contracts stand on the board. One thread only."""

    def __init__(self, contracts: ChainContracts) -> None:
        self._contracts = contracts
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

    def read(self, board: Board, now_ns: int, *, traded_only: bool) -> ChainReading:
        """The chain now. ``traded_only``: price from the last trade, as the book is not a real one (a replay)."""
        contracts, n, rows = self._contracts, len(self._contracts), self.rows(board)
        table = {name: board.column(name, rows) for name in _FIELDS}
        times = board.times(rows)
        options = {name: values[: 2 * n] for name, values in table.items()}
        spot, spot_close = float(table["ltp"][2 * n]), float(table["prev_close"][2 * n])
        price = options["ltp"] if traded_only else _price(options["ltp"], options["bid"], options["ask"])
        years = float(year_fraction(now_ns, contracts.expiry_ns))
        forward, source = self._forward(price, spot, float(table["ltp"][2 * n + 1]))
        iv = implied_volatility(price, forward, self._strikes, years, self._is_call)
        atm = atm_index(contracts.strikes, spot if math.isfinite(spot) else forward)
        quiet = now_ns - times[: 2 * n] > _QUIET_NS
        if not traded_only:
            quiet &= ~((options["bid"] > 0) & (options["ask"] > 0))
        sides = {
            **{name: options[name] for name in ("ltp", "bid", "ask", "volume", "oi")},
            "change": options["ltp"] - options["prev_close"],
            "oi_change": options["oi"] - options["prev_oi"],
            "iv": iv * 100.0,
            "delta": self._delta(forward, years, iv),
        }
        return ChainReading(
            calls={name: values[:n] for name, values in sides.items()},
            puts={name: values[n:] for name, values in sides.items()},
            quiet=quiet[:n] & quiet[n:],
            atm=atm,
            spot=spot,
            spot_change=spot - spot_close,
            spot_change_pct=(spot / spot_close - 1.0) * 100.0 if spot_close else math.nan,
            forward=forward,
            forward_source=source,
            price_source="last trades" if traded_only else "mid, else last trade",
            days=years * 365.0,
            atm_iv=_mean_known(iv[atm], iv[n + atm]) * 100.0 if atm is not None else math.nan,
            pcr=put_call_ratio(options["oi"][:n], options["oi"][n:]),
            max_pain=max_pain(contracts.strikes, options["oi"][:n], options["oi"][n:]),
            straddle=float(price[atm] + price[n + atm]) if atm is not None else math.nan,
            engine_ns=int(times.max(initial=0)),
        )

    def _forward(self, price: Floats, spot: float, future: float) -> tuple[float, str]:
        """Put-call parity of the five strikes at the money, else the future of this expiry, else the spot itself."""
        n = len(self._contracts)
        parity = forward_by_parity(self._contracts.strikes, price[:n], price[n:], near=spot)
        if math.isfinite(parity):
            return parity, "put–call parity"
        return (future, "future") if math.isfinite(future) else (spot, "spot")

    def _delta(self, forward: float, years: float, iv: Floats) -> Floats:
        """From each option's own volatility; where it has none, from that of its pair (one strike, one volatility)."""
        pair = np.roll(iv, len(iv) // 2)
        volatility = np.where(np.isnan(iv), pair, iv)
        return black_greeks(forward, self._strikes, years, volatility, self._is_call).delta


def _price(ltp: Floats, bid: Floats, ask: Floats) -> Floats:
    """The middle of a live book that is not absurdly wide, else the last trade."""
    mid = (bid + ask) / 2.0
    live = (bid > 0) & (ask >= bid) & (ask - bid <= np.maximum(_WIDEST * mid, 0.5))
    return np.where(live, mid, ltp)


def _mean_known(first: float, second: float) -> float:
    known = [value for value in (float(first), float(second)) if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan
