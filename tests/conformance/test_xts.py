"""The XTS members against the vendor's server on loopback: Wisdom in full, the others where they differ."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import pytest

from brokers.xts import COMPOSITEDGE, FIVEPAISAXTS, IBULLS, IIFL, JAINAMXTS, RMONEY, WISDOM
from openalgo_lab.broker import BrokerSpec
from openalgo_lab.model.vocabulary import PriceType
from tests.conformance.rig import Rig
from tests.conformance.simulators.xts import (
    CompositedgeSimulator,
    FivepaisaxtsSimulator,
    IbullsSimulator,
    IiflSimulator,
    JainamxtsSimulator,
    RmoneySimulator,
    WisdomSimulator,
)
from tests.conformance.suite import BrokerSuite
from tests.conformance.suite_base import SuiteBase
from tests.conformance.suite_books import BookSuite
from tests.conformance.suite_feed import FeedSuite
from tests.conformance.suite_orders import OrderSuite
from tests.conformance.suite_session import SessionSuite
from tests.conformance.venue import DOLLAR, LISTED


def unpaced(spec: BrokerSpec) -> BrokerSpec:
    """Without its request rates, which the layer keeps and its own tests prove: a master is eight calls here."""
    limits = msgspec.structs.replace(spec.limits, rates=())
    return msgspec.structs.replace(spec, limits=limits)


WITHOUT_CURRENCY = tuple(listing for listing in LISTED if listing is not DOLLAR)


class Differing(SuiteBase):
    """What goes through a member's own hosts, prefixes and switches."""

    has_freeze = True
    test_instruments = SessionSuite.test_instruments
    test_a_missing_credential_is_named = SessionSuite.test_a_missing_credential_is_named
    test_a_wrong_secret_is_refused = SessionSuite.test_a_wrong_secret_is_refused
    test_a_dead_session = SessionSuite.test_a_dead_session_refuses_and_sends_no_more
    test_an_order = OrderSuite.test_an_order_is_accepted_partly_filled_and_filled
    test_positions = BookSuite.test_positions
    test_margin = BookSuite.test_margin
    test_quotes = BookSuite.test_quotes_in_the_order_asked
    test_history = BookSuite.test_history
    test_the_feed_in_every_mode = FeedSuite.test_the_feed_in_every_mode
    test_a_cut_feed_comes_back = FeedSuite.test_a_cut_feed_comes_back_with_everything


class NoMarketOrders(Differing):
    """Accounts for programs: every order has a price, which the layer gives."""

    @pytest.mark.parametrize("kind", [PriceType.MARKET, PriceType.SL_M])
    async def test_market_orders_get_a_limit(self, made: Rig, kind: PriceType) -> None:
        _, _, booked = await self.placed(made, kind)
        stop = kind is PriceType.SL_M
        assert (booked.price_type, booked.price) == (("SL", 803.95) if stop else ("LIMIT", 816.6))


class TestWisdom(BrokerSuite):
    spec = unpaced(WISDOM)
    simulator = WisdomSimulator
    has_freeze = True


class TestCompositedge(Differing):
    spec = unpaced(COMPOSITEDGE)
    simulator = CompositedgeSimulator


class TestFivepaisaxts(Differing):
    spec = unpaced(FIVEPAISAXTS)
    simulator = FivepaisaxtsSimulator
    listings: ClassVar = WITHOUT_CURRENCY


class TestIbulls(NoMarketOrders):
    spec = unpaced(IBULLS)
    simulator = IbullsSimulator
    listings: ClassVar = WITHOUT_CURRENCY


class TestIifl(NoMarketOrders):
    spec = unpaced(IIFL)
    simulator = IiflSimulator


class TestJainamxts(Differing):
    spec = unpaced(JAINAMXTS)
    simulator = JainamxtsSimulator
    listings: ClassVar = WITHOUT_CURRENCY


class TestRmoney(Differing):
    spec = unpaced(RMONEY)
    simulator = RmoneySimulator
    listings: ClassVar = WITHOUT_CURRENCY
