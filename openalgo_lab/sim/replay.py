"""A recorded session as the market: snapshots played at any speed, with a clock that can be paused and set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError, ReplayError, SymbolError
from openalgo_lab.model.events import ReplayStatus
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, Bars, TickBatch
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.symbols import format_symbol
from openalgo_lab.model.times import NS_PER_DAY, Clock, SystemClock, at_ist, format_ist, to_ns, trade_date
from openalgo_lab.model.underlyings import derivative_exchange, spot_exchange
from openalgo_lab.model.vocabulary import INDEX_EXCHANGES, Exchange, InstrumentType
from openalgo_lab.sim.candles import aggregate, cut, no_bars, parse_interval
from openalgo_lab.sim.noise import IntArray, token_of
from openalgo_lab.sim.replay_columns import RecordedColumns
from openalgo_lab.sim.replay_file import Recording, read_recording

__all__ = ["ReplayMarket"]

FloatArray = npt.NDArray[np.float64]

_SYMBOLS: Final = {"NIFTY50": "NIFTY", "NIFTY 50": "NIFTY", "NIFTYBANK": "BANKNIFTY", "NIFTY BANK": "BANKNIFTY"}
_HALF_SPREAD: Final = 0.001  # of the last price: bid and ask are not in a recording
_BOOK_LOTS: Final = 20.0
_INDEX_TICK: Final = 0.05
_SLOWEST, _FASTEST = 0.01, 10_000.0
_OPENING: Final = time(9, 15)


class ReplayMarket:
    """Plays a file of option-chain snapshots (docs/replay.md) from its first moment at ``speed`` times real time.

    Everything is as recorded except bid, ask and their sizes, which are not in the file: they are made up around the
    last price, so that orders can be matched (``synthetic_book``). Open, high and low are those since the recording
    began; the previous close is not known. Raises ReplayError for a file that cannot be played.
    """

    synthetic_book: Final = True

    def __init__(
        self, path: Path | str, *, speed: float = 1.0, clock: Clock | None = None, rules: RuleBook | None = None
    ) -> None:
        self._clock = clock or SystemClock()
        self.recording = read_recording(Path(path))
        self._times = self.recording.times_ns
        self._start, self._end = int(self._times[0]), int(self._times[-1])
        self._instruments = _Lister(self.recording, rules or RuleBook.load()).instruments()
        self._rows = {instrument.token: row for row, instrument in enumerate(self._instruments)}
        self._exchanges = frozenset(instrument.exchange for instrument in self._instruments)
        self._columns = RecordedColumns(self.recording, self._instruments)
        # (market moment, monotonic moment, speed, paused): replaced as one, so that any thread reads a whole one.
        self._pace = (self._start, self._clock.monotonic_ns(), _checked_speed(speed), False)

    # The market --------------------------------------------------------------------------------------------------

    def instruments(self) -> Sequence[Instrument]:
        """The underlyings, then the recorded contracts by expiry and strike."""
        return self._instruments

    def now_ns(self) -> int:
        """The recording's present moment, UTC ns; stays on the last snapshot when it has ended."""
        moment, since, speed, paused = self._pace
        if not paused:
            moment += round((self._clock.monotonic_ns() - since) * speed)
        return min(max(moment, self._start), self._end)

    def is_open(self, exchange: Exchange, now_ns: int) -> bool:
        """Open from the first snapshot to the last."""
        return exchange in self._exchanges and self._start <= now_ns < self._end

    def snapshot(self, tokens: npt.NDArray[np.int64], now_ns: int, *, depth: bool) -> TickBatch:
        """What the last snapshot up to ``now_ns`` showed. A contract that had not appeared yet is NaN, time 0."""
        rows = self._rows_of(tokens)
        at = self._place(now_ns)
        columns, times = self._columns.at(rows, at)
        columns |= self._book(rows, columns["ltp"])
        levels = self._levels(rows, columns) if depth else None
        return TickBatch(np.asarray(tokens, dtype=np.int64), times, columns, levels)

    def published_iv(self, tokens: npt.NDArray[np.int64], now_ns: int) -> FloatArray:
        """The implied volatility that the exchange published, per cent; NaN where it published none."""
        return np.asarray(self._columns.iv[self._place(now_ns), self._rows_of(tokens)], dtype=np.float64)

    def history(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        """Candles made of the snapshots up to now; nothing before the recording.

        A candle opens at the price that stood when it began, i.e. that of the snapshot before. Raises InputError for
        intervals below a minute.
        """
        asked = parse_interval(interval)
        if 0 < asked.seconds < 60:
            raise InputError(f"A recording has no candles of {interval}; ask for 1m or longer.", "interval")
        row = self._rows.get(instrument.token)
        if row is None:
            raise SymbolError(f"{instrument.key} is not in the recording {self.recording.name}; search for another.")
        if self.now_ns() < self._start:
            return no_bars()
        minutes = self._columns.minutes(row, self._place(self.now_ns()))
        whole = minutes if asked.text == "1m" else aggregate(minutes, asked, _openings)
        return cut(whole, start_ns, end_ns)

    # Its clock ---------------------------------------------------------------------------------------------------

    def status(self) -> ReplayStatus:
        """Where it stands."""
        now, (_, _, speed, paused) = self.now_ns(), self._pace
        name = self.recording.name
        return ReplayStatus(name, self._start, self._end, now, speed, paused, ended=now >= self._end)

    def steer(self, *, paused: bool | None = None, speed: float | None = None, seek_ns: int | None = None) -> None:
        """Pause, go on, change the speed, or jump. Raises InputError for a moment outside the recording."""
        _, _, old_speed, old_paused = self._pace
        if seek_ns is not None and not self._start <= seek_ns <= self._end:
            raise InputError(
                f"The recording runs from {format_ist(self._start)} to {format_ist(self._end)}; choose a moment in it.",
                "seek_ns",
            )
        speed = old_speed if speed is None else _checked_speed(speed)
        moment = self.now_ns() if seek_ns is None else seek_ns
        self._pace = (moment, self._clock.monotonic_ns(), speed, old_paused if paused is None else paused)

    def next_ns(self, moment_ns: int) -> int:
        """The first snapshot after a moment; 0 when there is none."""
        at = int(np.searchsorted(self._times, moment_ns, side="right"))
        return int(self._times[at]) if at < len(self._times) else 0

    # -----------------------------------------------------------------------------------------------------------

    def _place(self, now_ns: int) -> int:
        """The last snapshot up to a moment; the first one before the recording."""
        return max(0, int(np.searchsorted(self._times, now_ns, side="right")) - 1)

    def _rows_of(self, tokens: npt.NDArray[np.int64]) -> IntArray:
        try:
            return np.array([self._rows[token] for token in tokens.tolist()], dtype=np.int64)
        except KeyError as error:
            raise SymbolError(f"Token {error} is not in the recording {self.recording.name}.") from None

    def _book(self, rows: IntArray, last: FloatArray) -> dict[str, FloatArray]:
        """A book around the last price: half a spread of 0.1 % on each side, at least one tick."""
        recorded = self._columns
        tick = np.where(recorded.is_option[rows], recorded.tick[rows], np.nan)
        half = np.maximum(np.rint(last * _HALF_SPREAD / tick), 1.0) * tick
        size = np.where(np.isnan(last), np.nan, _BOOK_LOTS * recorded.lot[rows]) + 0.0 * tick
        bid = np.maximum(_on_tick(last - half, tick), tick)
        return {"bid": bid, "ask": _on_tick(last + half, tick), "bid_qty": size, "ask_qty": size.copy()}

    def _levels(self, rows: IntArray, columns: dict[str, FloatArray]) -> FloatArray:
        """Five equal levels, one half spread apart."""
        bid, ask, last = columns["bid"], columns["ask"], columns["ltp"]
        tick = self._columns.tick[rows]
        out = np.empty((len(rows), 4, DEPTH_LEVELS))
        for level in range(DEPTH_LEVELS):
            lower = _on_tick(bid - level * (ask - last), tick)
            lower = np.where(lower >= tick, lower, np.nan)
            out[:, 0, level] = lower
            out[:, 1, level] = np.where(np.isnan(lower), np.nan, columns["bid_qty"])
            out[:, 2, level] = _on_tick(ask + level * (ask - last), tick)
            out[:, 3, level] = columns["ask_qty"]
        return out


class _Lister:
    """Instruments of a recording by the rules of its day: spots first."""

    def __init__(self, recording: Recording, rules: RuleBook) -> None:
        self._recording = recording
        self._rules = rules
        self._day = trade_date(int(recording.times_ns[0]))

    def instruments(self) -> tuple[Instrument, ...]:
        recording = self._recording
        levels = dict(zip(recording.underlyings, np.nanmax(recording.spot, axis=0).tolist(), strict=True))
        spots = {name: self._spot(name, level) for name, level in levels.items()}
        options = (
            self._option(spots[c.underlying], c.expiry, c.strike, InstrumentType(c.option_type), levels[c.underlying])
            for c in recording.contracts
        )
        return (*spots.values(), *options)

    def _spot(self, name: str, level: float) -> Instrument:
        symbol = _SYMBOLS.get(name.upper(), name.upper())
        # Which derivatives exchange a bare name belongs to is known for indices; shares are taken for NSE's.
        bse = spot_exchange(symbol, Exchange.BFO)
        exchange = bse if bse is Exchange.BSE_INDEX else spot_exchange(symbol, Exchange.NFO)
        try:
            symbol = format_symbol(symbol, InstrumentType.EQ)
        except SymbolError as error:
            raise ReplayError(f"The recording {self._recording.name} names '{name}': {error}") from error
        is_index = exchange in INDEX_EXCHANGES
        kind = InstrumentType.INDEX if is_index else InstrumentType.EQ
        return Instrument(
            symbol=symbol,
            exchange=exchange,
            kind=kind,
            name=symbol,
            token=token_of(exchange, symbol),
            lot_size=1,
            tick_size=_INDEX_TICK if is_index else self._rules.tick_size(exchange, kind, self._day, level=level),
            broker_symbol=name,
        )

    def _option(self, spot: Instrument, expiry: date, strike: float, kind: InstrumentType, level: float) -> Instrument:
        exchange, rules, day = derivative_exchange(spot.exchange), self._rules, self._day
        symbol = format_symbol(spot.symbol, kind, expiry, strike)
        return Instrument(
            symbol=symbol,
            exchange=exchange,
            kind=kind,
            name=f"{spot.symbol} (recorded; bid and ask are synthetic)",
            token=token_of(exchange, symbol),
            lot_size=rules.lot_size(spot.symbol, expiry, on=day, exchange=exchange),
            tick_size=rules.tick_size(exchange, kind, day, underlying=spot.symbol, level=level),
            freeze_quantity=rules.freeze_quantity(spot.symbol, day, exchange=exchange),
            underlying=spot.symbol,
            expiry=expiry,
            strike=strike,
            broker_symbol=symbol,
        )


def _on_tick(prices: FloatArray, tick: FloatArray) -> FloatArray:
    parts = np.rint(1.0 / tick)
    return np.asarray(np.rint(prices * parts) / parts, dtype=np.float64)


def _openings(days: IntArray) -> IntArray:
    """09:15 of Indian days (days since 1970), UTC ns."""
    first = to_ns(at_ist(date(1970, 1, 1), _OPENING))
    return np.asarray(first + days * NS_PER_DAY, dtype=np.int64)


def _checked_speed(speed: float) -> float:
    if not _SLOWEST <= speed <= _FASTEST:  # NaN fails as well
        raise InputError(f"{speed} is not a speed; choose from {_SLOWEST:g} to {_FASTEST:g} times real time.", "speed")
    return float(speed)
