"""A running strategy's market through the engine: its commands place the orders, its books tell the fills."""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from datetime import date, time
from typing import Final, TypeVar

import numpy as np

from openalgo_lab.backtest.market import Tables
from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.pairs import CALL_S
from openalgo_lab.lab.strategy_host_gate import OUTSIDE, FillNews, OrderNews
from openalgo_lab.model.commands import CancelOrder, Command, GetBooks, GetHistory, GetStatus, PlaceOrder
from openalgo_lab.model.errors import InputError, OutcomeUnknown, RiskDenied, RuleError
from openalgo_lab.model.events import Books
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Bars, Quote
from openalgo_lab.model.order_groups import combine
from openalgo_lab.model.orders import Fill, Order, OrderStatus
from openalgo_lab.model.strategy_commands import GetOrderOfKey, ReplayStep, StepReplay
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import FeedMode, Mode, OptionType, Product
from openalgo_lab.strategy.orders import StrategyOrder
from openalgo_lab.strategy.series import COLUMNS

__all__ = ["LabGate", "StepGate"]

R = TypeVar("R")

HISTORY_S: Final = 60.0
STEP_S: Final = 60.0
_RATE_RULE: Final = "max_orders_per_s"


class LabGate:
    """A :class:`~openalgo_lab.lab.strategy_host_gate.Gate` on a Lab's engine. ``name`` is the tag of its orders."""

    def __init__(
        self, lab: LabCore, name: str, interval: str, *, account: str, product: Product, tables: Tables
    ) -> None:
        self.lab = lab
        self.name = name
        self.account = account
        self.ids: dict[str, str] = {}
        self._gone: set[str] = set()
        self._seen = -1
        self._account = account or lab.handle.status.default_account
        self.since_ns = self.now_ns
        self._interval = interval
        self._product = product
        self._tables = tables
        self._owner = lab._owner(f"strategy-{name}")
        self.followed: list[InstrumentKey] = []

    def call(self, command: Command[R], timeout_s: float = CALL_S) -> R:
        """Give a command to the engine."""
        return self.lab.call(command, timeout_s)

    def close(self) -> None:
        """Want no prices any more."""
        self.lab.handle.unsubscribe(self._owner)

    @property
    def exact(self) -> bool:
        """Whether history has a bar the moment it ends: simulated and recorded markets do, a broker's may be late."""
        return all(one.mode is not Mode.LIVE for one in self.lab.handle.status.accounts)

    @property
    def pushes(self) -> bool:
        """The books are mirrored here."""
        return True

    @property
    def now_ns(self) -> int:
        """The wall clock; in a replay the recording's."""
        replay = self.lab.handle.status.replay
        return clock.time_ns() if replay is None else replay.now_ns

    def bars(self, instrument: Instrument, since_ns: int, until_ns: int) -> Bars:
        """The same candles that ``lab.history`` gives."""
        reply = self.call(GetHistory(instrument.key, self._interval, since_ns, until_ns), HISTORY_S)
        columns = {name: np.frombuffer(getattr(reply, name), dtype="<f8") for name in COLUMNS}
        return Bars(np.frombuffer(reply.start_ns, dtype="<i8"), **columns)

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Five levels, so that the sandbox matches against what is shown."""
        keys = [one.key for one in instruments]
        self.followed += keys
        self.lab.handle.subscribe(keys, FeedMode.DEPTH, self._owner)

    def options(self, underlying: str, kind: OptionType) -> Sequence[Instrument]:
        """Of today's list."""
        store, today = self.lab.handle.instruments, trade_date(self.now_ns)
        days = [day for day in store.expiries(underlying) if day >= today]
        return [one for day in days for one in store.chain(underlying, day) if one.kind.value == kind.value]

    def cut_off(self, instrument: Instrument, day: date) -> time | None:
        """By the dated table; simulated and recorded markets have none."""
        if self.mode in (Mode.SIMULATED, Mode.REPLAY):
            return None
        try:
            return self._tables.rules.square_off_time(instrument.exchange, day, calendar=self._tables.calendar)
        except RuleError:  # no trading today: there is nothing to close
            return None

    @property
    def mode(self) -> Mode:
        """What kind of account it trades on."""
        status = self.lab.call(GetStatus())  # asked: an account that was opened a moment ago counts
        name = self.account or status.default_account
        for one in status.accounts:
            if one.account == name:
                return one.mode
        known = ", ".join(one.account for one in status.accounts)
        raise InputError(f"There is no account {name!r}: choose from {known}.", field="account")

    def place(self, key: str, order: StrategyOrder, instrument: Instrument) -> None:
        """Through every check of the engine. Raises LabError when it was refused."""
        command = PlaceOrder(
            exchange=instrument.exchange,
            symbol=instrument.symbol,
            side=order.side,
            quantity=order.quantity,
            product=self._product,
            price_type=order.price_type,
            price=order.price,
            trigger_price=order.trigger,
            strategy=self.name,
            account=self.account,
            client_key=key,
            confirm_duplicate=True,  # each order of a strategy is meant; the key keeps it from being sent twice
        )
        self.ids[key] = self._send(command).order_id

    def _send(self, command: PlaceOrder) -> Order:
        return self.call(command)

    def cancel(self, key: str) -> None:
        """Raises LabError when it could not be asked."""
        if key not in self.ids:
            raise OutcomeUnknown("Whether the order has arrived is not known yet: it can be taken back once it is.")
        self.call(CancelOrder(self.ids[key]))

    def books(self) -> Books:
        """The newest that this process knows."""
        return self.lab.handle.books

    def news(self, keys: Sequence[str]) -> tuple[Sequence[FillNews], Sequence[OrderNews]]:
        """From the books. An order that went in slices is told as one."""
        lost = self._ask_for_lost([key for key in keys if key not in self.ids and not key.startswith(OUTSIDE)])
        books = self.books()
        if books.version == self._seen and not lost:
            return (), ()
        self._seen = books.version
        key_of = {self.ids[key]: key for key in keys if key in self.ids}
        slices: dict[str, list[Order]] = {}
        states = []
        for order in books.orders:
            if order.parent in key_of:
                slices.setdefault(order.parent, []).append(order)
            elif order.order_id in key_of:
                states.append(order)
        states += [combine(parts) for parts in slices.values()]
        whole = {part.order_id: parent for parent, parts in slices.items() for part in parts}
        fills = [found for fill in books.fills if (found := self._news_of(fill, key_of, whole)) is not None]
        told = (OrderNews(key_of[one.order_id], one.status, one.reason if one.done else "") for one in states)
        return fills, [*told, *lost]

    def _news_of(self, fill: Fill, key_of: dict[str, str], whole: dict[str, str]) -> FillNews | None:
        """A trade of ours; or one of somebody else that carries our name, since we began."""
        key = key_of.get(whole.get(fill.order_id, fill.order_id))
        if key is not None:
            return FillNews(key, fill.trade_id, fill.quantity, fill.price, fill.time_ns)
        if fill.strategy != self.name or fill.account != self._account or fill.time_ns < self.since_ns:
            return None
        key = OUTSIDE + fill.order_id
        return FillNews(key, fill.trade_id, fill.quantity, fill.price, fill.time_ns, fill.symbol, fill.side)

    def _ask_for_lost(self, keys: Sequence[str]) -> list[OrderNews]:
        """Orders whose answer never came: what the engine knows of them. One that it does not know never left."""
        never = []
        for key in keys:
            if key in self._gone:
                continue
            found = self.call(GetOrderOfKey(key, self.account)).order
            if found is not None:
                self.ids[key] = found.order_id
            else:
                self._gone.add(key)
                never.append(OrderNews(key, OrderStatus.NOT_PLACED, "It was refused, or never reached the engine."))
        return never


class StepGate(LabGate):
    """The same on a replay whose clock the strategy moves: see :class:`~...strategy_host_gate.Stepper`."""

    def __init__(
        self, lab: LabCore, name: str, interval: str, *, account: str, product: Product, tables: Tables
    ) -> None:
        self._at: ReplayStep = lab.call(StepReplay(), STEP_S)
        super().__init__(lab, name, interval, account=account, product=product, tables=tables)

    @property
    def pushes(self) -> bool:
        """They are asked for."""
        return False

    @property
    def now_ns(self) -> int:
        """Where the clock was set."""
        return self._at.now_ns

    @property
    def next_ns(self) -> int:
        """The next snapshot."""
        return self._at.next_ns

    @property
    def end_ns(self) -> int:
        """The last snapshot."""
        return self._at.end_ns

    def step(self, to_ns: int) -> Sequence[Quote]:
        """Move the recording; answers when everything of the moment is known."""
        self._at = self.call(StepReplay(to_ns, tuple(self.followed)), STEP_S)
        return self._at.quotes

    def books(self) -> Books:
        """Asked for, so that no event on its way is missed."""
        return self.call(GetBooks())

    def _send(self, command: PlaceOrder) -> Order:
        """A limit of orders a second counts real seconds, the recording runs faster: it waits its turn."""
        while True:
            try:
                return self.call(command)
            except RiskDenied as denied:
                if denied.rule != _RATE_RULE:
                    raise
                clock.sleep(0.05)
