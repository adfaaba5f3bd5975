"""A backtest on a recording's own ticks: the exchange's matching, no engine, no waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any, Final

import numpy as np

from openalgo_lab.backtest.market import Tables
from openalgo_lab.backtest.record import Record
from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.lab.strategy_host import LiveHost
from openalgo_lab.lab.strategy_host_gate import FillNews, OrderNews
from openalgo_lab.lab.strategy_host_record import EquityTrack
from openalgo_lab.lab.strategy_host_steps import run_steps
from openalgo_lab.model.errors import InputError, Rejected
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import QUOTE_FIELDS, Bars, Quote
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import ManualClock, trade_date
from openalgo_lab.model.vocabulary import OptionType, Product
from openalgo_lab.sim.candles import parse_interval
from openalgo_lab.sim.matching import to_rupees, to_units
from openalgo_lab.sim.records import Records, State, VenueOrder, VenueTrade
from openalgo_lab.sim.replay import ReplayMarket
from openalgo_lab.sim.rules import Refusal, Terms
from openalgo_lab.sim.venue import Update, Venue, VenueSettings
from openalgo_lab.strategy.orders import StrategyOrder
from openalgo_lab.strategy.strategy import Strategy

__all__ = ["TickGate", "interval_ns", "run_ticks"]

_CLIENT: Final = "BACKTEST"
_ALL_DUE: Final = 2**62
_NS: Final = 10**9

_STATUS: Final = {
    State.RECEIVED: OrderStatus.ACCEPTED,
    State.WORKING: OrderStatus.OPEN,
    State.WAITING: OrderStatus.TRIGGER_PENDING,
    State.FILLED: OrderStatus.COMPLETE,
    State.CANCELLED: OrderStatus.CANCELLED,
    State.REJECTED: OrderStatus.REJECTED,
    State.EXPIRED: OrderStatus.EXPIRED,
}


def interval_ns(interval: str) -> int:
    """The length of a run's bars. Raises InputError for bars below a minute, or of a day and more."""
    seconds = parse_interval(interval).seconds
    if seconds < 60:
        raise InputError(
            f"A strategy runs on bars from a minute to some hours, not {interval}: use 1m, 5m, 15m, 1h; for decisions "
            "once a day call self.every_day('15:10').",
            field="interval",
        )
    return seconds * _NS


class TickGate:
    """A :class:`~openalgo_lab.lab.strategy_host_gate.Gate` and its stepper, over a recording."""

    def __init__(self, path: Path, interval: str, product: Product, tables: Tables) -> None:
        self._product = product
        self._interval = interval
        self._market = ReplayMarket(path, clock=ManualClock(0), rules=tables.rules)
        self._market.steer(paused=True)
        self._venue = Venue(self._market, Records(":memory:"), VenueSettings(fill_latency_ms=0.0), rules=tables.rules)
        self._by_symbol = {one.symbol: one for one in self._market.instruments()}
        self._followed: list[Instrument] = []
        self._numbers: dict[str, int] = {}
        self._orders: dict[int, VenueOrder] = {}
        self._trades: list[VenueTrade] = []
        self._venue.listen(self._hear)

    def close(self) -> None:
        """Let the venue go."""
        self._venue.close()

    def instrument(self, symbol: str) -> Instrument:
        """One of the recording. Raises InputError."""
        found = self._by_symbol.get(symbol.rpartition(":")[2].upper())
        if found is None:
            near = ", ".join(list(self._by_symbol)[:4])
            raise InputError(f"{symbol} is not in the recording: it has {near} …", field="universe")
        return found

    # The gate

    @property
    def pushes(self) -> bool:
        """Nobody else trades here."""
        return False

    @property
    def now_ns(self) -> int:
        """The recording's present."""
        return self._market.now_ns()

    def bars(self, instrument: Instrument, since_ns: int, until_ns: int) -> Bars:
        """Candles of the snapshots so far."""
        return self._market.history(instrument, self._interval, since_ns, until_ns)

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Noted: their quotes come with each step."""
        self._followed += instruments

    def options(self, underlying: str, kind: OptionType) -> Sequence[Instrument]:
        """Of the whole recording."""
        today = trade_date(self.now_ns)
        listed = (one for one in self._market.instruments() if one.underlying == underlying)
        return [one for one in listed if one.kind.value == kind.value and one.expiry and one.expiry >= today]

    def cut_off(self, instrument: Instrument, day: date) -> time | None:
        """A recording has none of its own: it ends."""
        del instrument, day
        return None

    def place(self, key: str, order: StrategyOrder, instrument: Instrument) -> None:
        """To the venue; what it refuses is raised as Rejected."""
        terms = Terms(
            side=order.side,
            product=self._product,
            price_type=order.price_type,
            quantity=order.quantity,
            price=to_units(order.price),
            trigger=to_units(order.trigger),
        )
        try:
            self._numbers[key] = self._venue.place(_CLIENT, instrument.token, terms).number
            self._venue.step(_ALL_DUE)
        except Refusal as refusal:
            raise Rejected(str(refusal)) from refusal

    def cancel(self, key: str) -> None:
        """One that has ended is no error."""
        order = self._orders[self._numbers[key]]
        if order.state.alive:
            self._venue.cancel(_CLIENT, order.number)

    def news(self, keys: Sequence[str]) -> tuple[Sequence[FillNews], Sequence[OrderNews]]:
        """From the venue's books."""
        key_of = {self._numbers[key]: key for key in keys if key in self._numbers}
        fills = [
            FillNews(key_of[one.order], f"{one.day}-{one.number}", one.quantity, to_rupees(one.price), one.time_ns)
            for one in self._trades
            if one.order in key_of
        ]
        return fills, [_state(key, self._orders[number]) for number, key in key_of.items()]

    def _hear(self, _client: str, update: Update) -> None:
        """The venue forgets a day's orders with the day; the strategy does not."""
        if isinstance(update, VenueTrade):
            self._trades.append(update)
        else:
            self._orders[update.number] = update

    # The stepper

    @property
    def next_ns(self) -> int:
        """The next snapshot."""
        return self._market.next_ns(self.now_ns)

    @property
    def end_ns(self) -> int:
        """The last snapshot."""
        return self._market.status().end_ns

    def step(self, to_ns: int) -> Sequence[Quote]:
        """Move the recording; the venue shows its books the new prices."""
        self._market.steer(seek_ns=to_ns or None)
        self._venue.step(_ALL_DUE)
        tokens = np.array([one.token for one in self._followed], dtype=np.int64)
        batch = self._market.snapshot(tokens, self.now_ns, depth=False)
        columns = {name: batch.columns[name].tolist() for name in QUOTE_FIELDS}
        return [
            Quote(one.exchange, one.symbol, time_ns=int(batch.time_ns[row]), **{n: c[row] for n, c in columns.items()})
            for row, one in enumerate(self._followed)
            if batch.time_ns[row]
        ]


def run_ticks(
    path: Path,
    strategy: type[Strategy],
    universe: Sequence[str],
    interval: str,
    *,
    settings: BacktestSettings,
    tables: Tables,
    parameters: Mapping[str, Any],
) -> tuple[Record, LiveHost]:
    """Run a strategy over a recording, snapshot by snapshot. Raises ReplayError, InputError."""
    gate = TickGate(path, interval, settings.product, tables)
    try:
        instruments = [gate.instrument(symbol) for symbol in universe]
        host = LiveHost(gate, instruments, interval_ns(interval), settings, tables)
        host.start(strategy, parameters)
        track = EquityTrack(host)
        run_steps(host, gate, after_bars=track.note)
    finally:
        gate.close()
    return track.record(), host


def _state(key: str, order: VenueOrder) -> OrderNews:
    return OrderNews(key, _STATUS[order.state], order.reason)
