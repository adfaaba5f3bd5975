"""Dhan's adapter and its sandbox's against DhanHQ v2 on loopback."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from brokers.dhan import DHAN, DHAN_SANDBOX
from openalgo_lab.model.errors import NotSupported
from openalgo_lab.model.vocabulary import Product
from tests.conformance.rig import Rig, intent, until
from tests.conformance.simulators.dhan import DhanSandboxSimulator, DhanSimulator
from tests.conformance.suite import BrokerSuite
from tests.conformance.venue import CALL


class TestDhan(BrokerSuite):
    spec = DHAN
    simulator = DhanSimulator

    async def test_a_dead_session_ends_the_feed(self, made: Rig) -> None:
        """Both sockets are told, each at its own next try; then there is quiet."""
        made.simulator.alive = False
        made.simulator.drop_sockets()
        await until(lambda: any("session" in state.detail.lower() for state in made.sink.feeds))
        await asyncio.sleep(1.0)
        tries = len(made.simulator.log), made.simulator.connections
        await asyncio.sleep(0.4)
        assert (len(made.simulator.log), made.simulator.connections) == tries
        assert not made.adapter.feed_state().connected


class TestDhanSandbox(BrokerSuite):
    # The poll of the order book would meet the faults that are meant for the test's own requests.
    spec = msgspec.structs.replace(DHAN_SANDBOX, order_poll_s=3600.0)
    simulator = DhanSandboxSimulator

    async def test_margin(self, made: Rig) -> None:
        instrument = await made.instrument(CALL)
        leg = intent(instrument, product=Product.NRML, price=200.0, quantity=65), instrument
        assert await made.ask("margin", [leg]) == round(made.simulator.venue.margin([(CALL, 65)]) * 100)
        with pytest.raises(NotSupported):
            await made.ask("margin", [leg, leg])
