"""The Noren members against the order system on loopback: Shoonya in full, the others where they differ."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import msgspec
import pytest

from brokers.noren import FLATTRADE, SHOONYA, TRADESMART, ZEBU
from openalgo_lab.broker import BrokerSpec
from openalgo_lab.model.errors import InputError, NotSupported, WireError
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import PriceType, Side
from tests.conformance.rig import Rig, intent
from tests.conformance.simulators.noren import (
    FlattradeSimulator,
    ShoonyaSimulator,
    TradesmartSimulator,
    ZebuSimulator,
)
from tests.conformance.suite import BrokerSuite
from tests.conformance.suite_base import SuiteBase
from tests.conformance.suite_books import BookSuite
from tests.conformance.suite_feed import FeedSuite
from tests.conformance.suite_orders import OrderSuite
from tests.conformance.suite_session import SessionSuite
from tests.conformance.venue import CALL, LISTED, SBIN, SENSEX


def unpaced(spec: BrokerSpec) -> BrokerSpec:
    """Without its request rates, which the layer keeps and its own tests prove."""
    return msgspec.structs.replace(spec, limits=msgspec.structs.replace(spec.limits, rates=()))


class Listed(SessionSuite):
    """BSE's own indices stand in no file: the codec knows two, of which the venue lists one."""

    async def test_instruments(self, made: Rig) -> None:
        known = {(i.exchange.value, i.symbol): i for i in await made.adapter.instruments()}
        assert (("BSE_INDEX", "BANKEX") in known) == (SENSEX in self.listings)

        async def without() -> list[object]:
            return [i for (_, symbol), i in known.items() if symbol != "BANKEX"]

        made.adapter.instruments = without  # type: ignore[assignment, method-assign]
        await super().test_instruments(made)


class Differing(SuiteBase):
    """What goes through a member's own switches."""

    test_an_order = OrderSuite.test_an_order_is_accepted_partly_filled_and_filled
    test_a_refusal = OrderSuite.test_a_refusal_says_why
    test_too_many_requests = OrderSuite.test_too_many_requests
    test_margin = BookSuite.test_margin
    test_gtt = BookSuite.test_gtt
    test_history = BookSuite.test_history
    test_quotes = BookSuite.test_quotes_in_the_order_asked
    test_the_feed_in_every_mode = FeedSuite.test_the_feed_in_every_mode
    test_a_dead_session_ends_the_feed = FeedSuite.test_a_dead_session_ends_the_feed


class TestShoonya(Listed, BrokerSuite):
    spec = unpaced(SHOONYA)
    simulator = ShoonyaSimulator

    @pytest.mark.parametrize("kind", list(PriceType))
    @pytest.mark.parametrize("side", list(Side))
    async def test_every_price_type(self, made: Rig, kind: PriceType, side: Side) -> None:
        """No member takes market orders by API: the layer gives them a limit."""
        if kind.has_price:
            await super().test_every_price_type(made, kind, side)
            return
        _, report, booked = await self.placed(made, kind, side=side)
        # 0.5 % from the last price 812.50, or from the trigger 799.95.
        stop = kind is PriceType.SL_M
        buy, sell = (803.95, 795.95) if stop else (816.6, 808.4)
        assert (booked.price_type, booked.price) == ("SL" if stop else "LIMIT", buy if side is Side.BUY else sell)
        assert (booked.trigger, booked.status) == ((799.95, "trigger_pending") if stop else (0.0, "open"))
        assert report.status is OrderStatus.ACCEPTED

    async def test_the_margin_of_a_market_order(self, made: Rig) -> None:
        instrument = await made.instrument(SBIN)
        need = await made.adapter.margin([(intent(instrument, PriceType.MARKET), instrument)])
        assert need == round(made.simulator.venue.margin([(SBIN, 10)]) * 100)

    async def test_a_market_order_without_a_price_never_leaves(self, made: Rig) -> None:
        instrument = await made.instrument(SBIN)
        made.simulator.broken = 2
        with pytest.raises(WireError, match="needs the price"):
            await made.adapter.place(intent(instrument, PriceType.MARKET), instrument)
        made.simulator.broken = 0
        picture = made.simulator.venue.pictures[SBIN]
        made.simulator.venue.pictures[SBIN] = dataclasses.replace(picture, ltp=0.0)
        with pytest.raises(InputError, match="give a limit price"):
            await made.adapter.place(intent(instrument, PriceType.MARKET), instrument)
        assert made.simulator.asked_for("POST", "/NorenWClientAPI/PlaceOrder") == []


class TestFlattrade(Differing, SessionSuite):
    spec = unpaced(FLATTRADE)
    simulator = FlattradeSimulator

    async def test_instruments(self, made: Rig) -> None:
        """The files tell no tick sizes."""
        found = {(i.exchange.value, i.symbol): i for i in await made.adapter.instruments()}
        assert set(found) == {(x.exchange, x.symbol) for x in LISTED} | {("BSE_INDEX", "BANKEX")}
        for listing in LISTED:
            instrument = found[listing.exchange, listing.symbol]
            assert (instrument.kind.value, instrument.expiry, instrument.strike, instrument.lot_size) == (
                listing.kind, listing.expiry, listing.strike, listing.lot or 1,
            )  # fmt: skip
        assert found["CDS", "USDINR27JAN26FUT"].tick_size == 0.0025


class TestZebu(Differing, Listed):
    spec = unpaced(ZEBU)
    simulator = ZebuSimulator
    listings: ClassVar = tuple(listing for listing in LISTED if listing is not SENSEX)


class TestTradesmart(Differing, Listed):
    spec = unpaced(TRADESMART)
    simulator = TradesmartSimulator

    async def test_margin(self, made: Rig) -> None:
        """One order at a time."""
        instrument = await made.instrument(CALL)
        leg = (intent(instrument, price=200.0, quantity=65), instrument)
        assert await made.ask("margin", [leg]) == round(made.simulator.venue.margin([(CALL, 65)]) * 100)
        with pytest.raises(NotSupported):
            await made.ask("margin", [leg, leg])
