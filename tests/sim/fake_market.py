"""A tiny market whose every price is set by the test. Deterministic; time moves only when told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError, SymbolError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import QUOTE_FIELDS, Bars, TickBatch
from openalgo_lab.model.times import IST, NS_PER_SECOND, ManualClock, SystemClock, to_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

NIFTY, SBIN, SUZLON, NIFTY_FUT, NIFTY_CE, NIFTY_PE, SBIN_FUT = 1, 2, 3, 4, 5, 6, 7
EXPIRY = date(2026, 11, 26)
START = datetime(2026, 11, 25, 10, 0, tzinfo=IST)

_E, _K = Exchange, InstrumentType
INSTRUMENTS = (
    Instrument("NIFTY", _E.NSE_INDEX, _K.INDEX, "Nifty 50", NIFTY, 1, 0.05),
    Instrument("SBIN", _E.NSE, _K.EQ, "State Bank of India", SBIN, 1, 0.05),
    Instrument("SUZLON", _E.NSE, _K.EQ, "Suzlon Energy", SUZLON, 1, 0.01),
    Instrument("NIFTY26NOV26FUT", _E.NFO, _K.FUT, "Nifty", NIFTY_FUT, 75, 0.1, 1800, "NIFTY", EXPIRY),
    Instrument("NIFTY26NOV2624000CE", _E.NFO, _K.CE, "Nifty", NIFTY_CE, 75, 0.05, 1800, "NIFTY", EXPIRY, 24000),
    Instrument("NIFTY26NOV2624000PE", _E.NFO, _K.PE, "Nifty", NIFTY_PE, 75, 0.05, 1800, "NIFTY", EXPIRY, 24000),
    Instrument("SBIN26NOV26FUT", _E.NFO, _K.FUT, "State Bank of India", SBIN_FUT, 750, 0.05, 0, "SBIN", EXPIRY),
)
PRICES = {
    NIFTY: 24000.0,
    SBIN: 800.0,
    SUZLON: 60.0,
    NIFTY_FUT: 24050.0,
    NIFTY_CE: 150.0,
    NIFTY_PE: 120.0,
    SBIN_FUT: 803.0,
}


class FakeMarket:
    """Five levels of 100 units a side, a tick apart, round the last price; everything can be set."""

    def __init__(self, clock: ManualClock | SystemClock | None = None, *, level_quantity: int = 100) -> None:
        self.clock = clock if clock is not None else ManualClock(START)
        self.listed: Sequence[Instrument] = INSTRUMENTS
        self.prices = dict(PRICES)
        self.closes = dict(PRICES)
        self.volumes = dict.fromkeys(PRICES, 1000.0)
        self.level_quantity = level_quantity
        self.spread_ticks = 1
        self.closed: set[Exchange] = set()

    def instruments(self) -> Sequence[Instrument]:
        return self.listed

    def now_ns(self) -> int:
        return self.clock.now_ns()

    def is_open(self, exchange: Exchange, now_ns: int) -> bool:
        return exchange not in self.closed

    def trade(self, token: int, price: float, quantity: int) -> None:
        """The market trades ``quantity`` at ``price``."""
        self.prices[token] = price
        self.volumes[token] += quantity

    def levels(self, token: int) -> npt.NDArray[np.float64]:
        tick = next(i.tick_size for i in self.listed if i.token == token)
        steps = np.arange(5) * tick
        half = tick * self.spread_ticks
        full = np.full(5, float(self.level_quantity))
        return np.array([self.prices[token] - half - steps, full, self.prices[token] + half + steps, full])

    def snapshot(self, tokens: npt.NDArray[np.int64], now_ns: int, *, depth: bool) -> TickBatch:
        listed = {i.token for i in self.listed}
        for token in tokens.tolist():
            if token not in listed:
                raise SymbolError(f"{token} is not listed; load the instruments again.")
        books = np.array([self.levels(t) for t in tokens.tolist()]).reshape(-1, 4, 5)
        columns = {name: np.full(len(tokens), np.nan) for name in QUOTE_FIELDS}
        columns["ltp"] = np.array([self.prices[t] for t in tokens.tolist()])
        columns["prev_close"] = np.array([self.closes[t] for t in tokens.tolist()])
        columns["volume"] = np.array([self.volumes[t] for t in tokens.tolist()])
        for place, name in enumerate(("bid", "bid_qty", "ask", "ask_qty")):
            columns[name] = books[:, place, 0].copy()
        return TickBatch(tokens, np.full(len(tokens), now_ns, dtype=np.int64), columns, books if depth else None)

    def history(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        if interval != "1m":
            raise InputError(f"{interval} is not an interval of this market; use 1m.", field="interval")
        starts = np.arange(start_ns, min(end_ns, self.now_ns()), 60 * NS_PER_SECOND, dtype=np.int64)
        flat = np.full(len(starts), self.prices[instrument.token])
        return Bars(starts, flat, flat + 1, flat - 1, flat, np.full(len(starts), 10.0), np.zeros(len(starts)))


class MovingMarket(FakeMarket):
    """On the wall clock: the share's price follows the time, so that a feed has something to say."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(SystemClock())
        self.seed = seed

    def snapshot(self, tokens: npt.NDArray[np.int64], now_ns: int, *, depth: bool) -> TickBatch:
        wave = (now_ns // 10_000_000 + self.seed) % 20
        self.prices[SBIN] = round(800 + wave * 0.05, 2)
        return super().snapshot(tokens, now_ns, depth=depth)


def start_ns() -> int:
    return to_ns(START)
