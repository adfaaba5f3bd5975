"""A sandbox over a board that the test writes, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Depth, DepthLevel, Quote
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.sandbox import SandboxSettings
from openalgo_lab.model.times import ManualClock, at_ist, from_ns, to_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType, Product, Side
from openalgo_lab.sim.matching import to_units
from openalgo_lab.sim.records import VenueOrder, VenueTrade
from openalgo_lab.sim.rules import Terms
from openalgo_lab.sim.sandbox.adapter import CLIENT
from openalgo_lab.sim.sandbox.names import SandboxRecords
from openalgo_lab.sim.sandbox.prices import BoardMarket
from openalgo_lab.sim.sandbox.venue import SandboxHooks, SandboxVenue
from openalgo_lab.sim.venue import VenueSettings
from tests.support.scripted_broker import quote_of

RULES, CALENDAR = RuleBook.load(), TradingCalendar.load()
DAY = date(2026, 11, 25)
EXPIRY = date(2026, 12, 1)
_E, _K = Exchange, InstrumentType

SBIN = Instrument("SBIN", _E.NSE, _K.EQ, "", 1, 1, 0.05)
NIFTY = Instrument("NIFTY", _E.NSE_INDEX, _K.INDEX, "", 2, 1, 0.05)
FUT = Instrument("NIFTY29DEC26FUT", _E.NFO, _K.FUT, "", 3, 65, 0.1, 1800, "NIFTY", date(2026, 12, 29))


def option(strike: int, kind: str = "CE", expiry: date = EXPIRY) -> Instrument:
    text = f"NIFTY{expiry:%d%b%y}{strike}{kind}".upper()
    return Instrument(text, _E.NFO, _K(kind), "", 10_000 + strike, 65, 0.05, 1800, "NIFTY", expiry, float(strike))


STOCK_EXPIRY = date(2026, 12, 29)
STOCK_FUT = Instrument("SBIN29DEC26FUT", _E.NFO, _K.FUT, "", 4, 750, 0.05, 30_000, "SBIN", STOCK_EXPIRY)


def stock_option(strike: int, kind: str = "CE") -> Instrument:
    text = f"SBIN29DEC26{strike}{kind}"
    return Instrument(
        text, _E.NFO, _K(kind), "", 20_000 + strike, 750, 0.05, 30_000, "SBIN", STOCK_EXPIRY, float(strike)
    )


LISTED = [
    SBIN,
    NIFTY,
    FUT,
    STOCK_FUT,
    *(option(strike, kind) for strike in (25_800, 26_000, 26_200, 26_400) for kind in ("CE", "PE")),
    *(stock_option(strike, kind) for strike in (780, 800, 820) for kind in ("CE", "PE")),
]


_LISTED = {one.key: one for one in LISTED}
_START = {NIFTY.key: 26_000.0, FUT.key: 26_000.0, SBIN.key: 800.0, STOCK_FUT.key: 800.0}


class FakeBoard:
    """Prices as set; five levels of ``shown`` units a tick apart."""

    def __init__(self) -> None:
        self.ltp: dict[InstrumentKey, float] = {}
        self.volume: dict[InstrumentKey, float] = {}
        self.shown = 100
        self.depthless = False

    def quote(self, key: InstrumentKey) -> Quote | None:
        import msgspec

        ltp = self.ltp.get(key)
        if ltp is None:
            return None
        item = _LISTED[key]
        return msgspec.structs.replace(quote_of(item, ltp, 1), volume=self.volume.get(key, 1000.0))

    def depth(self, key: InstrumentKey) -> Depth | None:
        ltp = self.ltp.get(key)
        if ltp is None or self.depthless:
            return None
        tick = _LISTED[key].tick_size
        bids = tuple(DepthLevel(ltp - tick * n, self.shown) for n in range(1, 6))
        asks = tuple(DepthLevel(ltp + tick * n, self.shown) for n in range(1, 6))
        return Depth(key.exchange, key.symbol, bids, asks, 1)


class Sandbox:
    """A venue with its board and clock; :meth:`reopen` is a restart, at any later time."""

    def __init__(self, folder: Path, *, settings: SandboxSettings | None = None, start: datetime | None = None) -> None:
        self.path = folder / "sandbox.db"
        self.settings = settings or SandboxSettings(count_charges=False)
        self.clock = ManualClock(start or at_ist(DAY, time(10, 0)))
        self.board = FakeBoard()
        self.listed: Sequence[Instrument] = LISTED
        for item in LISTED:
            self.board.ltp[item.key] = _START.get(item.key, 20.0 if item.underlying == "SBIN" else 200.0)
        self.charges: Callable[[Sequence[VenueTrade]], int] | None = None
        self.cut_off: Callable[[Instrument, int], datetime | None] | None = None
        self.trades: list[VenueTrade] = []
        self.told: list[str] = []
        self.venue = self._open()

    def _open(self) -> SandboxVenue:
        market = BoardMarket(
            self.board, self.settings, self.clock.now_ns, lambda e, now: CALENDAR.is_open(e, from_ns(now))
        )
        hooks = SandboxHooks(
            find=lambda key: _LISTED[key] if key in _LISTED and _LISTED[key] in self.listed else None,
            underlyings=lambda: ["NIFTY", "SBIN"],
            is_trading_day=CALENDAR.is_trading_day,
            cut_off=self.cut_off,
            charges=self.charges,
            tell=self.told.append,
        )
        venue = SandboxVenue(
            market, SandboxRecords(self.path), hooks,
            settings=VenueSettings(self.settings.starting_capital, fill_latency_ms=self.settings.fill_latency_ms),
            rules=RULES, clock=self.clock,
        )  # fmt: skip
        venue.client(CLIENT)
        venue.listen(lambda _, update: self.trades.append(update) if isinstance(update, VenueTrade) else None)
        return venue

    def reopen(self, at: datetime | None = None) -> None:
        self.venue.close()
        if at is not None:
            self.clock.set(at)
        self.venue = self._open()

    def at(self, when: datetime) -> None:
        """Travel there, and let the venue follow."""
        self.clock.set(when)
        self.venue.step(self.clock.monotonic_ns())

    def later(self, seconds: float) -> None:
        self.at(from_ns(self.clock.now_ns()) + timedelta(seconds=seconds))

    def price(self, item: Instrument, ltp: float, traded: float = 0.0) -> None:
        self.board.ltp[item.key] = ltp
        self.board.volume[item.key] = self.board.volume.get(item.key, 1000.0) + traded
        self.venue.step(self.clock.monotonic_ns())

    def order(
        self, item: Instrument, side: Side | str, quantity: int, product: str = "MIS", *, price: float = 0.0,
        trigger: float = 0.0,
    ) -> VenueOrder:  # fmt: skip
        kinds = {(False, False): "MARKET", (True, False): "LIMIT", (True, True): "SL", (False, True): "SL-M"}
        terms = Terms(
            Side(side), Product(product), PriceType(kinds[bool(price), bool(trigger)]), quantity, to_units(price),
            to_units(trigger),
        )  # fmt: skip
        order = self.venue.place(CLIENT, self.venue.admit(item).token, terms, "tag")
        self.venue.run_due(self.clock.monotonic_ns())
        return order

    @property
    def client(self):  # type: ignore[no-untyped-def]
        return self.venue.client(CLIENT)

    def held(self) -> dict[str, int]:
        return {one.symbol: one.quantity for one in self.client.positions.values() if one.quantity}


def ns(when: datetime) -> int:
    return to_ns(when)
