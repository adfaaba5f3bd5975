"""What every broker's adapter must do, over real sockets against that broker's simulator.

    class TestZerodha(BrokerSuite):
        spec = SPEC
        simulator = ZerodhaSimulator

`Simulator` subclasses give ``credentials()``: what a login needs, fresh for each login. What a broker's API lacks is
not in ``spec.capabilities``, and those tests skip with the reason. ``listings`` narrows what the broker lists.
"""

from __future__ import annotations

from tests.conformance.suite_books import BookSuite
from tests.conformance.suite_feed import FeedSuite
from tests.conformance.suite_fuzz import FuzzSuite
from tests.conformance.suite_orders import OrderSuite
from tests.conformance.suite_session import SessionSuite

__all__ = ["BrokerSuite"]


class BrokerSuite(SessionSuite, OrderSuite, BookSuite, FeedSuite, FuzzSuite):
    """All of it."""
