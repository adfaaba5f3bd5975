"""Zerodha's adapter against Kite Connect on loopback."""

from __future__ import annotations

from brokers.zerodha import SPEC
from tests.conformance.simulators.zerodha import ZerodhaSimulator
from tests.conformance.suite import BrokerSuite


class TestZerodha(BrokerSuite):
    spec = SPEC
    simulator = ZerodhaSimulator
