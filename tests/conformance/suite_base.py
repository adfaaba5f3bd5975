"""What every suite stands on: the broker's spec, its simulator, and a connected adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar

import pytest

from openalgo_lab.broker import BrokerSpec, Capability
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import OrderIntent, OrderStatus
from openalgo_lab.model.reports import OrderReport
from openalgo_lab.model.vocabulary import PriceType
from tests.conformance.rig import Rig, intent, rig, until
from tests.conformance.venue import (
    LISTED,
    SBIN,
    Booked,
    Listing,
)

__all__ = ["LIMIT", "SuiteBase", "names_of"]

LIMIT = PriceType.LIMIT


class SuiteBase:
    """The parts that tests share; see `tests.conformance.suite`."""

    spec: ClassVar[BrokerSpec]
    simulator: ClassVar[type[Any]]
    listings: ClassVar[Sequence[Listing]] = LISTED
    has_freeze: ClassVar[bool] = False
    """Whether the broker's master contract tells freeze quantities."""
    gtt_pairs: ClassVar[bool] = True
    """Whether a stop and a target may stand for a position that is there already."""
    gtt_has_price: ClassVar[bool] = True
    """Whether a GTT's order has a limit price of its own beside the trigger."""

    # Parts -----------------------------------------------------------------------------------------------------

    @pytest.fixture
    async def made(self) -> AsyncIterator[Rig]:
        server = self.simulator()
        async with rig(self.spec, server, server.credentials()) as made:
            yield made

    def need(self, *capabilities: Capability) -> None:
        """Skip what the broker's API does not offer."""
        missing = [c.value for c in capabilities if c not in self.spec.capabilities]
        if missing:
            pytest.skip(f"The API of {self.spec.name} offers no {', '.join(missing)}.")

    async def placed(self, made: Rig, kind: PriceType = LIMIT, **how: Any) -> tuple[OrderIntent, OrderReport, Booked]:
        """An accepted order for SBIN, and how it stands in the venue's book."""
        wanted = intent(await made.instrument(SBIN), kind, **how)
        report = await made.adapter.place(wanted, await made.instrument(SBIN))
        (booked,) = [order for order in made.simulator.venue.orders if order.id == report.broker_order_id]
        return wanted, report, booked

    async def streamed(self, made: Rig, wanted: OrderIntent, status: OrderStatus) -> None:
        """Wait for a state on the order-update feed, where the broker has one."""
        if Capability.ORDER_FEED in self.spec.capabilities:
            await until(lambda: status in made.sink.statuses(made.tag(wanted.order_id)))


def names_of(instrument: Instrument) -> set[str]:
    """How a report may name an instrument: as we do, or by the broker's own text, which the layer translates."""
    return {instrument.symbol, instrument.broker_symbol, instrument.broker_token} - {""}
