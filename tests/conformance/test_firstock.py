"""Firstock's adapter against its gateway on loopback."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from brokers.firstock import SPEC
from tests.conformance.simulators.firstock import FirstockSimulator
from tests.conformance.suite import BrokerSuite
from tests.conformance.venue import DOLLAR, LISTED


class TestFirstock(BrokerSuite):
    # Without its request rates, which the layer keeps and its own tests prove: one quote a second is long here.
    spec = msgspec.structs.replace(SPEC, limits=msgspec.structs.replace(SPEC.limits, rates=()))
    simulator = FirstockSimulator
    listings: ClassVar = tuple(listing for listing in LISTED if listing is not DOLLAR)
    has_freeze = True
