"""An engine over a scripted broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from openalgo_lab.engine.bands import RuleBookBands
from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.config import EngineConfig, ReconcileTimes
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import Order
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import at_ist, to_ns
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from openalgo_lab.store.journal import Journal, SqliteJournal
from tests.support.scripted_broker import ScriptedBroker

__all__ = ["DAY", "NOW_NS", "TRADER", "AlwaysOpen", "limit", "market", "parts_of", "running"]

DAY = date(2026, 11, 25)
NOW_NS = to_ns(at_ist(DAY, datetime.min.time().replace(hour=11)))
TRADER = Principal("tester", Permission.TRADE)
QUICK = ReconcileTimes(every_s=0.5, doubt_every_s=0.02, proof_age_s=0.1, proof_gap_s=0.05)


class AlwaysOpen:
    """Hours of a market that never closes."""

    def takes_orders(self, instrument: Instrument, now_ns: int) -> bool:
        return True

    def next_open(self, instrument: Instrument, now_ns: int) -> datetime | None:
        return None


@cache
def _rules() -> RuleBook:
    return RuleBook.load()


def parts_of(
    broker: ScriptedBroker, folder: Path, journal: Journal | None = None, day: date = DAY
) -> Callable[[EngineConfig], Composition]:
    """A composer over one scripted broker."""

    def compose(config: EngineConfig) -> Composition:
        book = journal or SqliteJournal.open(folder / "journal.db", day, lambda: NOW_NS)
        return Composition(
            adapters=(broker,),
            journals={broker.account.account: book},
            hours=AlwaysOpen(),
            bands=RuleBookBands(_rules()),
            folder=folder,
            instrument_file=folder / "instruments.db",
            day=day,
            now_ns=lambda: NOW_NS,
        )

    return compose


@asynccontextmanager
async def running(
    broker: ScriptedBroker, folder: Path, journal: Journal | None = None, **settings: Any
) -> AsyncIterator[Engine]:
    """An engine that runs for the block."""
    settings.setdefault("reconcile", QUICK)
    settings.setdefault("risk", RiskSettings(duplicate_window_s=0.0))
    engine = await Engine.start(EngineConfig(**settings), parts_of(broker, folder, journal))
    try:
        yield engine
    finally:
        await engine.close()


def market(side: Side = Side.BUY, quantity: int = 10, symbol: str = "SBIN", **more: Any) -> PlaceOrder:
    """A market order for a share."""
    return PlaceOrder(Exchange.NSE, symbol, side, quantity, Product.MIS, **more)


def limit(price: float = 99.0, quantity: int = 10, side: Side = Side.BUY, **more: Any) -> PlaceOrder:
    """A limit order for a share."""
    return PlaceOrder(
        Exchange.NSE, more.pop("symbol", "SBIN"), side, quantity, Product.MIS, PriceType.LIMIT, price, **more
    )


def the_order(engine: Engine) -> Order:
    """The only order."""
    (order,) = engine.books.orders
    return order
