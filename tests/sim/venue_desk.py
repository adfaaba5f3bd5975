"""A venue on a manual clock, for the tests of what it does."""

from __future__ import annotations

from typing import Any

import msgspec

from openalgo_lab.model.times import NS_PER_MS
from openalgo_lab.model.vocabulary import PriceType, Product, Side
from openalgo_lab.sim.matching import PRICE_SCALE
from openalgo_lab.sim.records import Records, VenueOrder, VenueTrade
from openalgo_lab.sim.rules import Terms
from openalgo_lab.sim.venue import Venue, VenueSettings
from tests.sim.fake_market import (
    SBIN,
    FakeMarket,
)

ME = "ME"
BUY, SELL = Side.BUY, Side.SELL
CNC, MIS, NRML = Product.CNC, Product.MIS, Product.NRML
MARKET, LIMIT, SL, SL_M = PriceType.MARKET, PriceType.LIMIT, PriceType.SL, PriceType.SL_M


def terms(side: Side = BUY, quantity: int = 10, kind: PriceType = MARKET, product: Product = MIS, **more: Any) -> Terms:
    prices = {name: round(more.pop(name) * PRICE_SCALE) for name in ("price", "trigger") if name in more}
    return Terms(side, product, kind, quantity, **prices, **more)


class Desk:
    """A venue with a manual clock, and what it has told its listeners."""

    def __init__(self, records: Records | None = None, **how: Any) -> None:
        self.market = FakeMarket()
        self.venue = self.open(records or Records(":memory:"), **how)

    def open(self, records: Records, **how: Any) -> Venue:
        self.told: list[VenueOrder | VenueTrade] = []
        venue = Venue(self.market, records, VenueSettings(**how), self.market.clock)  # type: ignore[arg-type]
        venue.listen(lambda _, update: self.told.append(msgspec.structs.replace(update)))
        return venue

    def place(self, token: int = SBIN, tag: str = "", client: str = ME, **what: Any) -> VenueOrder:
        return self.venue.place(client, token, terms(**what), tag)

    def run(self, ms: float = 50) -> None:
        self.market.clock.advance(round(ms * NS_PER_MS))  # type: ignore[union-attr]
        self.venue.step(self.market.clock.monotonic_ns())

    def rupees(self, what: str = "available") -> float:
        return float(getattr(self.venue.client(ME), what) / PRICE_SCALE)
