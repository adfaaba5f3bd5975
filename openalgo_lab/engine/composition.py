"""What an engine is made of, from its configuration: market, exchange, adapter, hours, bands, files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from openalgo_lab.broker.adapter import Adapter
from openalgo_lab.engine.bands import PriceBands, RuleBookBands
from openalgo_lab.engine.charges import statutory_charges_paise
from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.cut_offs import IntradayCutOffs
from openalgo_lab.engine.risk import MarketHours
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError, RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import from_ns, trade_date
from openalgo_lab.model.vocabulary import Mode, PriceType
from openalgo_lab.sim.market import MarketSource, Steerable
from openalgo_lab.store.guard import process_masker
from openalgo_lab.store.journal import Journal
from openalgo_lab.store.journal_opening import open_journal

if TYPE_CHECKING:
    from openalgo_lab.sim.replay import ReplayMarket
    from openalgo_lab.sim.transport import InProcessExchange

__all__ = ["Composition", "MarginSource", "SourceHours", "Stepped", "compose"]

MarginSource = Callable[[PlaceOrder, Instrument, float], Awaitable[tuple[int, int, str]]]
"""(order, instrument, price in rupees) → (margin in paise, charges in paise, the rule in one sentence)."""

HistorySource = Callable[[Instrument, str, int, int], Bars]


@dataclass(frozen=True, slots=True)
class Stepped:
    """A replay whose clock can be moved step by step, its exchange, and the client's name there."""

    market: ReplayMarket
    exchange: InProcessExchange
    client: str


@dataclass(frozen=True, slots=True)
class Composition:
    """The parts that differ from market to market. ``history``, where given, is computed off the loop."""

    adapters: tuple[Adapter, ...]
    journals: dict[str, Journal]
    hours: MarketHours
    bands: PriceBands
    folder: Path
    instrument_file: Path
    day: date
    now_ns: Callable[[], int]
    margin: MarginSource | None = None
    history: HistorySource | None = None
    history_source: str = ""
    """The name under which this market's candles are kept; "": they are not."""
    always_open: bool = False
    """A market without a calendar: it trades every minute of every day."""
    steer: Steerable | None = None
    stepped: Stepped | None = None
    fills_file: Path | None = None
    """Where the fill book is kept; None: in memory only (a replay)."""
    works_file: Path | None = None
    """Where triggers, brackets, algorithms, approvals and alerts are kept; None: in memory only."""
    takes_type: Callable[[Instrument, PriceType, date], bool] | None = None
    """Whether the exchange takes a price type on a contract; None: every one."""
    cut_off: Callable[[Instrument, int], datetime | None] | None = None
    """When new intraday orders end on the day of a moment; None: never (a market around the clock)."""
    close: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    passing: tuple[Path, ...] = ()
    """Files that a clean end removes: a replay begins anew each time, unless its host died."""
    sandbox_name: str = "sandbox"
    """What the sandbox's files are called: those of a replay are its own."""
    vault: VaultKeeper | None = None
    """The profile's vault; None where nothing has looked for one yet."""

    def forget(self) -> None:
        """Remove what does not outlive a clean end; last of all, when every file is closed."""
        for path in self.passing:
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)


class SourceHours:
    """Hours of a market source; when it opens next stands in the calendar."""

    def __init__(self, market: MarketSource, calendar: TradingCalendar) -> None:
        self._market = market
        self._calendar = calendar

    def takes_orders(self, instrument: Instrument, now_ns: int) -> bool:
        """Whether continuous trading runs."""
        return self._market.is_open(instrument.exchange, now_ns)

    def next_open(self, instrument: Instrument, now_ns: int) -> datetime | None:
        """The next session's first moment; None where the calendar does not know."""
        try:
            return self._calendar.next_open(instrument.exchange, from_ns(now_ns))
        except RuleError:
            return None


def compose(config: EngineConfig) -> Composition:
    """The parts for a configuration. Raises InputError for a broker that cannot be had, ReplayError, JournalError."""
    if config.broker != "simulated":
        raise InputError(
            f"An engine begins on the simulated exchange: connect the broker with lab.connect({config.broker!r}).",
            field="broker",
        )
    tables = _Tables(TradingCalendar.load(), RuleBook.load())
    market, replay = _market(config, tables)
    return _on_market(config, market, replay, tables)


@dataclass(frozen=True, slots=True)
class _Tables:
    """The dated tables, read once."""

    calendar: TradingCalendar
    rules: RuleBook


def _market(config: EngineConfig, tables: _Tables) -> tuple[MarketSource, ReplayMarket | None]:
    if not config.replay:
        return _simulated_market(config, tables), None
    from openalgo_lab.sim.replay import ReplayMarket

    replay = ReplayMarket(Path(config.replay), speed=config.speed, rules=tables.rules)
    return replay, replay


def _simulated_market(config: EngineConfig, tables: _Tables) -> MarketSource:
    from openalgo_lab.sim.simulated import SimulatedMarket

    return SimulatedMarket(
        seed=config.sim.seed,
        hours="always" if config.sim.around_the_clock else "calendar",
        calendar=tables.calendar,
        rules=tables.rules,
    )


def _on_market(config: EngineConfig, market: MarketSource, steer: ReplayMarket | None, tables: _Tables) -> Composition:
    folder = profile_dir(config.profile)
    mode = Mode.REPLAY if steer is not None else Mode.SIMULATED
    name = _name(config, mode)
    account = Account(account=config.account or _ACCOUNTS[mode], broker=config.broker, mode=mode)
    records, book = folder / f"{name}.venue.db", folder / f"{name}.journal.db"
    exchange = _exchange(config, market, records)
    day = trade_date(market.now_ns())
    vault = VaultKeeper(folder, masker=process_masker())
    vault.open_by_keychain()
    sealed = vault.vault.sealed if vault.vault is not None and steer is None else None
    journal = open_journal(book, sealed, day=day, now_ns=market.now_ns)
    instruments = folder / "instruments"
    instruments.mkdir(exist_ok=True)
    return Composition(
        adapters=(_adapter(account, exchange),),
        journals={account.account: journal},
        hours=SourceHours(market, tables.calendar),
        bands=RuleBookBands(tables.rules),
        folder=folder,
        instrument_file=instruments / f"{name}-{version('openalgo-lab')}-{day}.db",
        day=day,
        now_ns=market.now_ns,
        margin=_margin(exchange, account.account, tables.rules, market.now_ns),
        history=None if steer is not None else _History(config, tables),
        history_source=f"{name}-{version('openalgo-lab')}" if steer is None else "",
        always_open=config.sim.around_the_clock,
        steer=steer,
        stepped=None if steer is None else Stepped(steer, exchange, account.account),
        fills_file=folder / f"{name}.fills.db" if steer is None else None,
        works_file=folder / f"{name}.works.db" if steer is None else None,
        takes_type=partial(_takes_type, tables.rules),
        cut_off=None if steer is not None or config.sim.around_the_clock else _cut_offs(tables),
        close=[exchange.close],
        passing=() if steer is None else (records, book, *(folder / f"{name}.sandbox.{kind}.db" for kind in _BOOKS)),
        sandbox_name="sandbox" if steer is None else f"{name}.sandbox",
        vault=vault,
    )


def _takes_type(rules: RuleBook, instrument: Instrument, kind: PriceType, day: date) -> bool:
    return rules.takes_order_type(instrument.exchange, instrument.kind, kind, day)


def _cut_offs(tables: _Tables) -> Callable[[Instrument, int], datetime | None]:
    return IntradayCutOffs(tables.rules, tables.calendar)


_BOOKS = ("venue", "journal")

_ACCOUNTS = {Mode.SIMULATED: "SIM", Mode.REPLAY: "REPLAY"}


def _name(config: EngineConfig, mode: Mode) -> str:
    """What tells this market's files from another's: orders of one are never read by the other."""
    if mode is Mode.REPLAY:
        return f"replay-{Path(config.replay).stem[:40]}"
    return f"simulated-{config.sim.seed}" + ("" if config.sim.around_the_clock else "-calendar")


def _exchange(config: EngineConfig, market: MarketSource, records: Path) -> InProcessExchange:
    from openalgo_lab.sim.transport import InProcessExchange
    from openalgo_lab.sim.venue import VenueSettings

    settings = VenueSettings(
        starting_cash_rupees=config.sim.opening_balance,
        ack_latency_ms=config.sim.latency_ms,
        late_reject_probability=config.sim.late_reject_rate,
        seed=config.sim.seed,
    )
    return InProcessExchange(market, records, settings)


def _adapter(account: Account, exchange: InProcessExchange) -> Adapter:
    from openalgo_lab.broker import registry
    from openalgo_lab.broker.generic import GenericAdapter

    return GenericAdapter(registry.load(account.broker), account, exchange)


def _margin(exchange: InProcessExchange, client: str, rules: RuleBook, now_ns: Callable[[], int]) -> MarginSource:
    """The simulated exchange's own margin, and the statutory charges."""
    from openalgo_lab.sim.matching import PRICE_SCALE, to_units
    from openalgo_lab.sim.rules import Terms

    async def estimate(order: PlaceOrder, instrument: Instrument, price: float) -> tuple[int, int, str]:
        terms = Terms(
            side=order.side,
            product=order.product,
            price_type=order.price_type,
            quantity=order.quantity,
            price=to_units(order.price),
            trigger=to_units(order.trigger_price),
            disclosed=order.disclosed_quantity,
            validity=order.validity,
        )
        need = exchange.driver.venue.margin_of(client, instrument.token, terms)
        on = trade_date(now_ns())
        value = price * order.quantity
        charges = statutory_charges_paise(rules, instrument, product=order.product, side=order.side, value=value, on=on)
        basis = "The simulated exchange's margin for your positions and orders, and the statutory charges of today."
        return max(need, 0) * 100 // PRICE_SCALE, charges, basis

    return estimate


class _History:
    """Candles from a second market of the same seed, so that a long history is computed off the engine's loop.

    Called on one worker thread only.
    """

    def __init__(self, config: EngineConfig, tables: _Tables) -> None:
        self._config = config
        self._tables = tables
        self._market: MarketSource | None = None

    def __call__(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        if self._market is None:
            self._market = _simulated_market(self._config, self._tables)
        return self._market.history(instrument, interval, start_ns, end_ns)
