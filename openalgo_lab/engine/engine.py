"""The engine of one profile: all live state, on one asyncio loop."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.bus import Bus
from openalgo_lab.engine.composition import Composition, compose
from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.connections.connections import Connections
from openalgo_lab.engine.connections.desk import BrokerDesk
from openalgo_lab.engine.connections.market import MarketSwitch
from openalgo_lab.engine.connections.named import NamedAdapter
from openalgo_lab.engine.desks import AdminDesk, DataDesk
from openalgo_lab.engine.history.desk import HistoryDesk
from openalgo_lab.engine.lag import LagSampler
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.market_data import MarketData
from openalgo_lab.engine.memory import keep_small
from openalgo_lab.engine.option_data.desk import OptionDesk
from openalgo_lab.engine.order_works import OrderWorks
from openalgo_lab.engine.orders import ORDERS_OWNER, OrderFlow
from openalgo_lab.engine.principal import Principal
from openalgo_lab.engine.reconciler import Reconciler
from openalgo_lab.engine.recorder import Recorder
from openalgo_lab.engine.risk import RiskGate
from openalgo_lab.engine.risk_settings import load_risk_settings
from openalgo_lab.engine.router import Line, Router
from openalgo_lab.engine.sandbox import SandboxDesk, SandboxKeeper
from openalgo_lab.engine.scheduler import EngineScheduler
from openalgo_lab.engine.security import Security
from openalgo_lab.engine.sheet import HealthSheet
from openalgo_lab.engine.sink import LineSink
from openalgo_lab.engine.snapshots import Snapshots
from openalgo_lab.engine.standing import AccountStandings
from openalgo_lab.engine.strategies.hosting import StrategyHosting
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.engine.table import CommandTable
from openalgo_lab.engine.touched import AccountsTouched
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.model.commands import Command, PlaceOrder
from openalgo_lab.model.errors import EngineDead, InputError, LabError, StoreError
from openalgo_lab.model.events import AnyEvent, Books, EngineStatus, ErrorRaised, OrderUpdated, TradeHappened
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.vocabulary import FeedMode, Mode
from openalgo_lab.sim.sandbox.adapter import SandboxAdapter
from openalgo_lab.store.guard import guard_process
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["Engine"]

log = logging.getLogger(__name__)

R = TypeVar("R")

FUNDS_DELAY_S = 0.3
"""Money is asked for once after a burst of trades, not after each."""


class Engine:
    """Everything lives on the loop that called :meth:`start`; only ``books`` and ``board`` are read from any thread."""

    def __init__(self, config: EngineConfig, parts: Composition) -> None:
        self.engine_id = secrets.token_hex(8)
        self.config = config
        self.bus = Bus()
        self.board = Board()
        self.market = MarketSwitch(parts)
        parts = self.market.around(parts, self._margin_of_broker)
        self._parts = parts
        self._live = False
        self._closed = False
        self._store: InstrumentStore | None = None
        self._funds_due: set[str] = set()
        self._compared: dict[str, asyncio.Task[None]] = {}
        self._lag = LagSampler()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="openalgo-history")
        self.supervisor = Supervisor(self._report, self._fatal)
        self.router = Router(
            (Line(adapter, parts.journals[adapter.account.account]) for adapter in parts.adapters), config.account
        )
        settings = config.risk or load_risk_settings(parts.folder)
        self.ledger = Ledger(self._publish, parts.now_ns)
        self.gate = RiskGate(
            settings,
            parts.hours,
            parts.bands,
            time.monotonic_ns,
            standing=AccountStandings(self.ledger, self.router),
            takes_type=parts.takes_type,
            cut_off=parts.cut_off,
        )
        self.recorder = Recorder(self.ledger)
        self.snapshots = Snapshots(self.ledger, self.router)
        self.reconciler = Reconciler(
            ledger=self.ledger,
            recorder=self.recorder,
            times=config.reconcile,
            report=self._report,
            now_ns=parts.now_ns,
        )
        self.data = MarketData(self.board, self.router.data_line.adapter, self._instruments, self._report)
        self.flow = OrderFlow(
            router=self.router,
            ledger=self.ledger,
            recorder=self.recorder,
            gate=self.gate,
            data=self.data,
            instruments=self._instruments,
            supervisor=self.supervisor,
            doubts=self.reconciler,
            now_ns=parts.now_ns,
            need=self._margin_need,
        )
        self.works = OrderWorks(
            flow=self.flow,
            ledger=self.ledger,
            router=self.router,
            gate=self.gate,
            data=self.data,
            board=self.board,
            bus=self.bus,
            supervisor=self.supervisor,
            parts=parts,
            worker=self._worker,
            instruments=self._instruments,
            report=self._report,
            call=self._call_as,
            status=self.status,
        )
        self.sheet = HealthSheet(self, parts, self._lag)
        self.security = Security(parts.vault or VaultKeeper(parts.folder), call=self._call_as, publish=self.bus.publish)
        self.sandbox = SandboxKeeper(self, parts)
        self.connections = Connections(self, parts, self.security.keeper)
        self.scheduler = EngineScheduler(self.supervisor)
        self.history = HistoryDesk(self, parts, self._worker)
        self.hosting = StrategyHosting(self, parts)
        self.table = self._make_table()

    @classmethod
    async def start(cls, config: EngineConfig, composer: Callable[[EngineConfig], Composition] = compose) -> Engine:
        """Open the journal, replay it, connect, reconcile, open for orders. Start-up and recovery are this one path.

        A broker that cannot be reached keeps its account closed, with the reason in the status, and is tried again.
        Raises JournalError, StoreError, InputError, ReplayError when the engine cannot run at all.
        """
        guard_process()
        engine = cls(config, composer(config))
        try:
            await engine._open()
        except BaseException:  # whatever stopped it, files and sockets are given back; raised again
            await engine.close()
            raise
        return engine

    # The handle's members -----------------------------------------------------------------------------------------

    @property
    def books(self) -> Books:
        """The latest immutable snapshot; from any thread."""
        return self.ledger.books

    @property
    def instruments(self) -> InstrumentStore:
        """Today's instruments. Raises StoreError while the broker has not given any."""
        return self._instruments()

    async def call(self, command: Command[R], principal: Principal) -> R:
        """Give a command; raises its LabError. The caller may give up waiting: an order under way goes on."""
        if self._closed:
            raise EngineDead("The engine has been closed: start it again with Lab().")
        return await self.table.call(command, self.security.identity.effective(principal))

    async def _call_as(self, command: Command[R], principal: Principal) -> R:
        """For a program that came with a key: its principal is what it is."""
        return await self.table.call(command, principal)

    def instruments_path(self) -> str:
        """The file of today's instruments; "" while there is none."""
        return str(self._store.path) if self._store is not None else ""

    def status(self) -> EngineStatus:
        """The health sheet, as of now."""
        return self.sheet.status()

    def subscribe(self, owner: str, keys: Sequence[InstrumentKey], feed_mode: FeedMode) -> None:
        """Want these on the board for ``owner`` (counted); returns at once. On the loop.

        Raises SymbolError for a symbol that is not listed; then none is added.
        """
        self.data.subscribe(owner, keys, feed_mode)

    def unsubscribe(self, owner: str) -> None:
        """``owner`` wants nothing any more; returns at once. On the loop."""
        self.data.unsubscribe(owner)

    @property
    def closed(self) -> bool:
        """Whether it has stopped, on request or because a part without which it must not run has failed."""
        return self._closed

    async def close(self) -> None:
        """Stop all tasks, close adapters and the journal. Orders and positions at the broker are not touched."""
        if self._closed:
            return
        self._closed = True
        self.snapshots.take_all()
        self.scheduler.close()
        await self._end("telegram", self.works.telegram.close())
        await self.supervisor.close()
        for line in self.router.lines:
            await self._end(f"adapter {line.name}", line.adapter.close())
        for shut in self._parts.close:
            await self._end("market", shut())
        for line in self.router.lines:
            await self._end(f"journal {line.name}", line.journal.close())
        await self._end("security", self.security.close())
        await self._end("history", self.history.close())
        self._worker.shutdown(wait=False, cancel_futures=True)
        self.works.close()
        self._parts.forget()
        if self._store is not None:
            self._store.close()

    # Start-up = recovery ------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        self.supervisor.keep("loop lag", self._lag.run)
        self.supervisor.keep("memory", keep_small)
        for line in self.router.lines:
            self._restore(line)
        self._live = True
        for line in self.router.lines:
            await self._bring_up_first(line)
        self.supervisor.keep("market data", self.data.keep)
        self.supervisor.keep("health", self.sheet.keep)
        self.supervisor.keep("locks", self.security.keep)
        self.supervisor.keep("snapshots", self.snapshots.keep)
        self.supervisor.keep("instruments", self.connections.keep)
        self._restore_connections()
        self.works.start()
        self.history.start()
        await self.sandbox.open_at_start()
        await self.hosting.open()

    def _restore(self, line: Line) -> None:
        self.ledger.add_account(line.account)
        if line.journal.notice:
            self._report("journal", line.journal.notice)
        restored = self.recorder.restore(line, self._parts.now_ns())
        self.flow.restore_keys(restored.client_keys)
        self.gate.kill_switch = self.gate.kill_switch or restored.kill_switch

    async def _bring_up_first(self, line: Line) -> None:
        try:
            await self.bring_up(line)
        except LabError as error:
            if isinstance(error, StoreError):
                raise
            line.shut(f"{error} It is tried again", expired=line.expired)
            self._report(f"account {line.name}", f"The account {line.name} cannot be used yet: {error}")
            self.supervisor.keep(f"account {line.name}", lambda: self.bring_up(line))

    async def bring_up(self, line: Line) -> None:
        """Connect, list the instruments, compare the books, open."""
        await line.adapter.connect(LineSink(self, line))
        if self._store is None and line is self.data_line:
            self._store = await self._list_instruments(line)
        await self.connections.list_instruments(line)
        if line is self.data_line:
            await self.take_instruments_of(line)
        await self.reconciler.look(line)
        self._watch_held(line)
        line.open_up()
        if line.name not in self._compared:
            self._compared[line.name] = self.supervisor.keep(
                f"reconciler {line.name}", lambda: self.reconciler.keep(line)
            )

    def _restore_connections(self) -> None:
        """Brokers that were connected come back: now if the vault is open, else when it is opened."""
        loop, keeper = asyncio.get_running_loop(), self.security.keeper

        def again(_: object) -> None:
            if not self._closed:
                loop.call_soon_threadsafe(self.supervisor.start, "connections", self.connections.restore())

        keeper.on_opened.append(again)
        if keeper.vault is not None:
            self.supervisor.start("connections", self.connections.restore())

    def tell(self, where: str, message: str) -> None:
        """Tell everyone a sentence."""
        self._report(where, message)

    # Accounts that come and go --------------------------------------------------------------------------------------

    def add_line(self, line: Line) -> None:
        """Another account; its journal is replayed, its orders are closed until :meth:`bring_up`."""
        self.router.add(line)
        self._pause_by_market()
        self._restore(line)

    async def take_down(self, line: Line) -> None:
        """An account leaves; what depended on it goes back to the account that the engine began with."""
        first = self.router.lines[0]
        if self.data_line is line:
            await self.show_data_of(first)
        if self.router.default_account == line.name:
            self.router.default_account = first.name
        watch = self._compared.pop(line.name, None)
        if watch is not None:
            watch.cancel()
        self.router.remove(line)
        await self._end(f"adapter {line.name}", line.adapter.close())
        await self._end(f"journal {line.name}", line.journal.close())

    async def show_data_of(self, line: Line) -> None:
        """Market data, instruments and hours come from this account from now on.

        Raises InputError for an account without a market of its own, StoreError while it has no instruments.
        """
        if line is self.data_line:
            return
        adapter, first = line.adapter, self.router.lines[0]
        if not isinstance(adapter, NamedAdapter) and line is not first:
            raise InputError(f"{line.name} has no market data of its own: name a broker's account.", field="account")
        store = adapter.store if isinstance(adapter, NamedAdapter) else self._first_store
        if store is None:
            raise StoreError(f"{line.name} has no instruments yet: wait until it is connected.")
        await self.data.leave()
        self._store, self.router.data_line = store, line
        self.market.elsewhere = line is not first
        self.data.use(adapter)
        self._pause_by_market()
        for each in self.router.lines:
            self._watch_held(each)

    async def take_instruments_of(self, line: Line) -> None:
        """The account whose market is shown has connected anew, or has a new day's instruments: all is asked again."""
        adapter = line.adapter
        if not isinstance(adapter, NamedAdapter) or adapter.store is None or adapter.store is self._store:
            self.data.ask_again()
            return
        await self.data.leave()
        self._store = adapter.store
        self.data.use(adapter)

    @property
    def data_line(self) -> Line:
        """The account whose market data is shown."""
        return self.router.data_line

    def _pause_by_market(self) -> None:
        """Simulated prices never judge orders with money, nor real prices simulated orders."""
        real = self.data_line.account.mode is Mode.LIVE
        for line in self.router.lines:
            fits = line.account.mode is Mode.SANDBOX or (line.account.mode is Mode.LIVE) == real
            other = "real" if real else "simulated"
            line.paused_because = (
                ""
                if fits
                else (f"{other} prices are shown; see the other market with lab.use({line.name!r}, data=True)")
            )

    async def _list_instruments(self, line: Line) -> InstrumentStore:
        """Today's file if it is there and whole, else a new one from the broker's list."""
        path = self._parts.instrument_file
        try:
            store = InstrumentStore.open(path)
            if store.dated == self._parts.day:
                return store
        except StoreError as error:
            log.info("The instruments are listed anew: %s", error)
        return InstrumentStore.build(path, await line.adapter.instruments(), self._parts.day)

    @property
    def _first_store(self) -> InstrumentStore | None:
        """The instruments that the engine began with."""
        if self.data_line is self.router.lines[0]:
            return self._store
        return InstrumentStore.open(self._parts.instrument_file)

    def _watch_held(self, line: Line) -> None:
        """What is held or working is on the board without anyone's asking."""
        store = self._instruments()
        held = (p for p in self.books.positions if p.account == line.name and p.quantity)
        keys = {InstrumentKey(position.exchange, position.symbol) for position in held}
        working = (order for order in self.ledger.orders(line.name) if order.working)
        keys |= {InstrumentKey(order.exchange, order.symbol) for order in working}
        self.data.subscribe(ORDERS_OWNER, [key for key in keys if store.find(key)], FeedMode.QUOTE)

    # ----------------------------------------------------------------------------------------------------------------

    def _make_table(self) -> CommandTable:
        desks = (
            *self.works.desks,
            DataDesk(
                data=self.data,
                instruments=self._instruments,
                router=self.router,
                ledger=self.ledger,
                parts=self._parts,
            ),
            self.history,
            OptionDesk(
                data=self.data,
                board=self.board,
                instruments=self._instruments,
                now_ns=self._parts.now_ns,
                traded_only=self._parts.steer is not None,
            ),
            *self.hosting.desks,
            AdminDesk(health=self, router=self.router, reconciler=self.reconciler, parts=self._parts),
            BrokerDesk(self.connections, self),
            SandboxDesk(self.sandbox, self),
            *self.security.desks,
        )
        touched = AccountsTouched(self.router, self.ledger)
        steps = (*self.security.middleware(self.config.rates, touched), self.works.action_center.step)
        return CommandTable(desks, steps)

    def _instruments(self) -> InstrumentStore:
        if self._store is None:
            raise StoreError("There are no instruments yet: the broker has not answered; wait until it is connected.")
        return self._store

    async def _margin_need(self, order: PlaceOrder, instrument: Instrument, quote: Quote | None) -> int | None:
        price = order.price or order.trigger_price or (quote.ltp if quote is not None else 0.0)
        if self._parts.margin is None or not price > 0:
            return None
        try:
            return (await self._parts.margin(order, instrument, price))[0]
        except LabError as error:
            log.info("The margin of an order of %s is not known: %s", instrument.key, error)
            return None

    async def _margin_of_broker(self, order: PlaceOrder, instrument: Instrument) -> int | None:
        """The broker's own count for a connected account, in paise; None for others."""
        adapter = self.router.line(order.account).adapter
        if isinstance(adapter, SandboxAdapter):
            return await adapter.margin([(order, instrument)])
        return await adapter.margin_of(order, instrument) if isinstance(adapter, NamedAdapter) else None

    def _publish(self, event: AnyEvent) -> None:
        """What the ledger tells: first our own consequences, then everyone."""
        if self._live:
            self.works.hear(event)
            if isinstance(event, OrderUpdated):
                self.recorder.note_if_ended(self.router.line(event.order.account), event.order)
                self.flow.on_order(event.order)
            elif isinstance(event, TradeHappened):
                self._refresh_funds(event.fill.account)
        self.bus.publish(event)

    def _refresh_funds(self, account: str) -> None:
        if account not in self._funds_due and not self._closed:
            self._funds_due.add(account)
            self.supervisor.start(f"funds {account}", self._ask_funds(account))

    async def _ask_funds(self, account: str) -> None:
        await asyncio.sleep(FUNDS_DELAY_S)
        self._funds_due.discard(account)
        try:
            self.ledger.set_funds(await self.router.line(account).adapter.funds())
        except LabError as error:
            log.info("The funds of %s are not refreshed: %s", account, error)

    def report(self, where: str, message: str) -> None:
        """Tell everyone what nobody is waiting for."""
        self._report(where, message)

    def _report(self, where: str, message: str) -> None:
        self.bus.publish(ErrorRaised(where, message))

    def _fatal(self, name: str) -> None:
        log.critical("The engine stops because %s failed.", name)
        asyncio.get_running_loop().create_task(self.close(), name=f"stop after {name}")

    async def _end(self, name: str, work: Awaitable[None]) -> None:
        """One part's fault must not keep the others open."""
        try:
            await work
        except Exception:
            log.exception("%s did not close cleanly (process %d).", name, os.getpid())
