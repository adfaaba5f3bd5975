"""Angel One's adapter against SmartAPI on loopback."""

from __future__ import annotations

import msgspec
import pytest

from brokers.angel import SPEC
from openalgo_lab.model.errors import NotSupported
from openalgo_lab.model.gtt import GttIntent, GttLeg, GttStatus
from openalgo_lab.model.orders import new_order_id
from openalgo_lab.model.vocabulary import Product, Side
from tests.conformance.rig import Rig
from tests.conformance.simulators.angel import AngelSimulator
from tests.conformance.suite import BrokerSuite
from tests.conformance.venue import CLIENT, SBIN


class TestAngel(BrokerSuite):
    # Without its rates, which have tests of their own and would only make these slow.
    spec = msgspec.structs.replace(SPEC, limits=msgspec.structs.replace(SPEC.limits, rates=()))
    simulator = AngelSimulator

    async def test_gtt(self, made: Rig) -> None:
        """Single rules only: SmartAPI has no OCO."""
        instrument = await made.instrument(SBIN)

        def wanted(*triggers: float) -> GttIntent:
            legs = tuple(GttLeg(trigger, trigger - 0.5, 7) for trigger in triggers)
            return GttIntent(
                new_order_id(), CLIENT, instrument.exchange, "SBIN", Side.SELL, Product.CNC, legs, last_price=812.5
            )

        kept = await made.ask("place_gtt", wanted(780.0), instrument)
        ended = await made.ask("place_gtt", wanted(760.0), instrument)
        await made.ask("modify_gtt", kept, wanted(770.0), instrument)
        await made.ask("cancel_gtt", ended)
        book = {row.broker_gtt_id: row for row in await made.ask("gtt_book")}
        assert set(book) == {kept, ended}
        assert (book[kept].status, book[ended].status) == (GttStatus.ACTIVE, GttStatus.CANCELLED)
        assert (book[kept].symbol, book[kept].side, book[kept].product) == ("SBIN-EQ", Side.SELL, Product.CNC)
        assert book[kept].legs == (GttLeg(770.0, 769.5, 7),)
        with pytest.raises(NotSupported):
            await made.ask("place_gtt", wanted(780.0, 850.0), instrument)
