"""The sandbox account in the engine: opened on whatever gives the prices, closed, reset. And its commands."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.router import Line
from openalgo_lab.engine.table import Idempotency, handles
from openalgo_lab.model import sandbox as c
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.command_base import Done
from openalgo_lab.model.errors import InputError, LabError, RuleError, StoreError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, Mode
from openalgo_lab.sim.matching import to_rupees
from openalgo_lab.sim.records import VenueTrade
from openalgo_lab.sim.sandbox.adapter import SandboxAdapter
from openalgo_lab.sim.sandbox.names import SandboxRecords
from openalgo_lab.sim.sandbox.prices import BoardMarket
from openalgo_lab.sim.sandbox.venue import SandboxHooks, SandboxVenue
from openalgo_lab.sim.venue import VenueSettings
from openalgo_lab.store.journal_opening import open_journal

if TYPE_CHECKING:
    from openalgo_lab.engine.engine import Engine

__all__ = ["ACCOUNT", "SandboxDesk", "SandboxKeeper"]

log = logging.getLogger(__name__)

ACCOUNT = "SANDBOX"
OWNER = "engine:sandbox"
SETTINGS_FILE = "sandbox.json"


class SandboxKeeper:
    """One sandbox a profile. Used on the engine's loop."""

    def __init__(self, engine: Engine, parts: Composition) -> None:
        self._engine = engine
        self._parts = parts
        self._calendar: TradingCalendar | None = None

    # Settings ----------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> c.SandboxSettings:
        """As kept; the defaults where there are none. Raises StoreError for a file that does not fit."""
        path = self._parts.folder / SETTINGS_FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=c.SandboxSettings)
        except FileNotFoundError:
            return c.SandboxSettings()
        except (OSError, msgspec.DecodeError) as error:
            raise StoreError(f"{path} cannot be read ({error}): correct the file or remove it.") from error

    def save(self, settings: c.SandboxSettings) -> None:
        """Keep them. Raises InputError for values that cannot be, StoreError."""
        if not settings.starting_capital > 0 or settings.fill_latency_ms < 0 or settings.slippage_ticks < 0:
            raise InputError("Capital must be positive, latency and slippage at least 0.", field="settings")
        if not 0 < settings.depth_factor <= 1:
            raise InputError("depth_factor is a share of the shown quantity: give more than 0, at most 1.", "settings")
        path, draft = self._parts.folder / SETTINGS_FILE, self._parts.folder / f"{SETTINGS_FILE}.new"
        try:
            draft.write_bytes(msgspec.json.format(msgspec.json.encode(settings)))
            draft.chmod(0o600)
            draft.replace(path)
        except OSError as error:
            raise StoreError(f"The sandbox's settings cannot be written to {path} ({error.strerror}).") from error

    def keep_open(self, *, open_at_start: bool) -> None:
        """Whether it opens by itself; a replay's sandbox lives as long as the replay and never does."""
        if self._parts.steer is None:
            self.save(msgspec.structs.replace(self.settings, open_at_start=open_at_start))

    # Life --------------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether it is among the accounts."""
        return self._engine.router.find(ACCOUNT) is not None

    async def open(self) -> None:
        """Add the account, catch up what was missed, take orders. Raises StoreError, JournalError."""
        if self.is_open:
            return
        line = self._line()
        self._engine.add_line(line)
        try:
            await self._engine.bring_up(line)
        except BaseException:  # a cancelled opening too leaves no half-made line behind; raised again
            await self._engine.take_down(line)
            raise
        self._engine.works.fill_book.catch_up()

    async def close(self) -> None:
        """Take the account out; its books stay."""
        line = self._engine.router.find(ACCOUNT)
        if line is not None:
            await self._engine.take_down(line)
            self._engine.ledger.forget(ACCOUNT)
            self._engine.unsubscribe(OWNER)

    async def reset(self) -> None:
        """Begin anew. Every book of the account is emptied."""
        was_open = self.is_open
        await self.close()
        for path in self._files():
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        self._engine.works.fill_book.store.forget(ACCOUNT)
        if was_open:
            await self.open()

    async def open_at_start(self) -> None:
        """If the user has said so; told when it cannot be."""
        try:
            if self.settings.open_at_start and self._parts.steer is None:
                await self.open()
        except LabError as error:
            self._engine.report("sandbox", f"The sandbox could not be opened: {error}")

    # Building ----------------------------------------------------------------------------------------------------

    def _files(self) -> tuple[Path, ...]:
        folder, name = self._parts.folder, self._parts.sandbox_name
        return (folder / f"{name}.venue.db", folder / f"{name}.journal.db", *folder.glob(f"{name}.journal*"))

    def _line(self) -> Line:
        parts, engine = self._parts, self._engine
        now_ns = parts.now_ns
        records = SandboxRecords(parts.folder / f"{parts.sandbox_name}.venue.db")
        held = [
            InstrumentKey(Exchange(one.exchange), one.symbol)
            for ones in records.load().positions.values()
            for one in ones
            if one.quantity
        ]
        vault = parts.vault.vault if parts.vault is not None else None
        journal = open_journal(
            parts.folder / f"{parts.sandbox_name}.journal.db",
            vault.sealed if vault is not None else None,
            day=trade_date(now_ns()),
            now_ns=now_ns,
        )
        adapter = SandboxAdapter(
            Account(ACCOUNT, "sandbox", Mode.SANDBOX, "Sandbox"),
            lambda: self._venue(records),
            held,
            source=lambda: engine.data_line.adapter,
            want=lambda keys: engine.data.subscribe(OWNER, keys, FeedMode.DEPTH),
            prices=engine.data.quotes,
        )
        return Line(adapter, journal)

    def _venue(self, records: SandboxRecords) -> SandboxVenue:
        engine, settings = self._engine, self.settings
        market = BoardMarket(engine.board, settings, self._parts.now_ns, self._is_market_open)
        hooks = SandboxHooks(
            find=self._find,
            underlyings=self._underlyings,
            is_trading_day=self._is_trading_day,
            cut_off=engine.market.cut_off,
            charges=self._charges if settings.count_charges else None,
            tell=lambda sentence: engine.report("sandbox", sentence),
        )
        venue_settings = VenueSettings(
            starting_cash_rupees=settings.starting_capital, fill_latency_ms=settings.fill_latency_ms
        )
        return SandboxVenue(market, records, hooks, settings=venue_settings, rules=self._engine.works.fill_book.rules)

    def _find(self, key: InstrumentKey) -> Instrument | None:
        return self._engine.instruments.find(key)  # the store changes with the source and the day

    def _underlyings(self) -> Sequence[str]:
        return self._engine.instruments.underlyings()

    def _is_market_open(self, exchange: Exchange, now_ns: int) -> bool:
        any_of = Instrument("", exchange, InstrumentType.EQ, "", 0, 1, 0.05)
        return self._engine.market.takes_orders(any_of, now_ns)

    def _is_trading_day(self, exchange: Exchange, day: date) -> bool:
        if self._calendar is None:
            self._calendar = TradingCalendar.load()
        return self._calendar.is_trading_day(exchange, day)

    def _charges(self, trades: Sequence[VenueTrade]) -> int:
        """Today's contract notes, in paise; a rate that is not known is told, and nothing is taken for it."""
        fills = [_fill_of(trade) for trade in trades]
        try:
            lines = self._engine.works.fill_book.charges.notes(fills)
        except RuleError as error:
            self._engine.report("sandbox", f"The charges of the sandbox are not known today: {error}")
            return 0
        return int(sum(line.total for line in lines) * 100)


def _fill_of(trade: VenueTrade) -> Fill:
    return Fill(
        trade_id=str(trade.number),
        order_id=trade.tag,
        broker_order_id=str(trade.order),
        account=ACCOUNT,
        exchange=trade.exchange,
        symbol=trade.symbol,
        side=trade.side,
        product=trade.product,
        quantity=trade.quantity,
        price=to_rupees(trade.price),
        time_ns=trade.time_ns,
        settlement=trade.settlement,
    )


class SandboxDesk:
    """The handlers."""

    def __init__(self, keeper: SandboxKeeper, engine: Engine) -> None:
        self._keeper = keeper
        self._engine = engine

    @handles(c.OpenSandbox, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def open_sandbox(self, command: c.OpenSandbox, _: Principal) -> Done:
        """Now, and at every start."""
        await self._keeper.open()
        self._keeper.keep_open(open_at_start=True)
        if command.default:
            self._engine.router.default_account = ACCOUNT
        source = self._engine.data_line.name
        return Done(f"{ACCOUNT} is open on the prices of {source}: its money is paper, no order leaves this machine.")

    @handles(c.CloseSandbox, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def close_sandbox(self, _: c.CloseSandbox, __: Principal) -> Done:
        """Its books stay."""
        await self._keeper.close()
        self._keeper.keep_open(open_at_start=False)
        return Done(f"{ACCOUNT} is closed; its books stay on disk.")

    @handles(c.ResetSandbox, permission=Permission.ADMIN, audit=True)
    async def reset_sandbox(self, _: c.ResetSandbox, __: Principal) -> Done:
        """Anew."""
        await self._keeper.reset()
        return Done(f"{ACCOUNT} begins anew with {self._keeper.settings.starting_capital:,.0f} rupees.")

    @handles(c.GetSandboxSettings, permission=Permission.READ)
    async def get_sandbox_settings(self, _: c.GetSandboxSettings, __: Principal) -> c.SandboxSettings:
        """As kept."""
        return self._keeper.settings

    @handles(c.SetSandboxSettings, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def set_sandbox_settings(self, command: c.SetSandboxSettings, _: Principal) -> c.SandboxSettings:
        """Kept."""
        self._keeper.save(command.settings)
        return command.settings
