"""The suite's part on orders: their life, refusals, doubt."""

from __future__ import annotations

from typing import Any

import pytest

from openalgo_lab.broker import Capability, OrderChange
from openalgo_lab.model.errors import (
    BrokerError,
    LabError,
    OutcomeUnknown,
    Rejected,
    Throttled,
    WireError,
)
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import OrderIntent, OrderStatus
from openalgo_lab.model.reports import Evidence, OrderReport
from openalgo_lab.model.times import to_ns
from openalgo_lab.model.vocabulary import PriceType, Product, Side, Validity
from openalgo_lab.sim.faults import Act, Fault, Flow
from tests.conformance.rig import Rig, as_order, intent, rig, until
from tests.conformance.suite_base import LIMIT, SuiteBase, names_of
from tests.conformance.venue import (
    CALL,
    FUTURE,
    SBIN,
    Booked,
    Refused,
)

__all__ = ["OrderSuite"]

SL = PriceType.SL


class OrderSuite(SuiteBase):
    """See the module."""

    # Orders ----------------------------------------------------------------------------------------------------

    async def test_an_order_is_accepted_partly_filled_and_filled(self, made: Rig) -> None:
        wanted, report, booked = await self.placed(made)
        assert (report.status, report.order_id, report.source) == (
            OrderStatus.ACCEPTED,
            wanted.order_id,
            Evidence.HTTP_REPLY,
        )
        assert _asked_for(booked) == ("SBIN", "BUY", "MIS", "LIMIT", 10, 800.05, 0.0, "DAY", made.tag(wanted.order_id))
        venue = made.simulator.venue
        venue.fill(booked, 4, 800.0)
        await self.streamed(made, wanted, OrderStatus.PARTIALLY_FILLED)
        (row,) = await made.adapter.order_book()
        assert (row.status, row.quantity, row.filled_quantity, row.average_price) == (
            OrderStatus.PARTIALLY_FILLED, 10, 4, 800.0,
        )  # fmt: skip
        venue.fill(booked, 6, 800.05)
        await self.streamed(made, wanted, OrderStatus.COMPLETE)
        (row,) = await made.adapter.order_book()
        assert (row.status, row.filled_quantity, row.source) == (OrderStatus.COMPLETE, 10, Evidence.ORDER_BOOK)
        assert row.average_price == pytest.approx(800.03, abs=0.006)
        assert (row.order_id, row.broker_order_id) == (made.tag(wanted.order_id), report.broker_order_id)
        assert row.symbol in names_of(await made.instrument(SBIN))
        assert (row.side, row.product, row.price_type, row.price) == (Side.BUY, Product.MIS, LIMIT, 800.05)
        assert row.exchange_ns == to_ns(booked.updated_at)

    async def test_the_trade_book(self, made: Rig) -> None:
        _, report, booked = await self.placed(made)
        trades = [made.simulator.venue.fill(booked, q, p) for q, p in ((4, 800.0), (6, 800.05))]
        found = await made.adapter.trade_book()
        assert [(f.quantity, f.price) for f in found] == [(4, 800.0), (6, 800.05)]
        assert len({f.trade_id for f in found}) == 2
        assert {f.broker_order_id for f in found} == {report.broker_order_id}
        assert [f.exchange_ns for f in found] == [to_ns(t.at) for t in trades]
        assert {(f.side, f.product, f.source) for f in found} == {(Side.BUY, Product.MIS, Evidence.TRADE_BOOK)}

    @pytest.mark.parametrize("kind", list(PriceType))
    @pytest.mark.parametrize("side", list(Side))
    async def test_every_price_type(self, made: Rig, kind: PriceType, side: Side) -> None:
        wanted, _, booked = await self.placed(made, kind, side=side, product=Product.CNC)
        price = wanted.price if kind.has_price else 0.0
        trigger = wanted.trigger_price if kind.has_trigger else 0.0
        assert _asked_for(booked)[1:-2] == (side.value, "CNC", kind.value, 10, price, trigger)
        expected = OrderStatus.TRIGGER_PENDING if kind.has_trigger else OrderStatus.OPEN
        await self.streamed(made, wanted, expected)
        (row,) = await made.adapter.order_book()
        assert (row.status, row.price_type, row.side, row.product) == (expected, kind, side, Product.CNC)
        assert (row.price, row.trigger_price) == (price, trigger)

    async def test_derivatives_and_other_terms(self, made: Rig) -> None:
        for listing in (CALL, FUTURE):
            instrument = await made.instrument(listing)
            wanted = intent(instrument, product=Product.NRML, price=200.0, validity=Validity.IOC)
            report = await made.adapter.place(wanted, instrument)
            booked = made.simulator.venue.order(report.broker_order_id)
            assert (booked.listing, booked.quantity) == (listing, 650)
            assert (booked.product, booked.validity) == ("NRML", "IOC")
        rows = await made.adapter.order_book()
        assert [row.symbol for row in rows] == [(await made.instrument(x)).broker_symbol for x in (CALL, FUTURE)] or [
            row.symbol for row in rows
        ] == [CALL.symbol, FUTURE.symbol]
        assert {(row.exchange.value, row.product) for row in rows} == {("NFO", Product.NRML)}

    async def test_an_order_is_modified_and_cancelled(self, made: Rig) -> None:
        wanted, report, booked = await self.placed(made)
        order, instrument = as_order(wanted, report), await made.instrument(SBIN)
        await made.adapter.modify(order, OrderChange(20, LIMIT, 801.15, 0.0), instrument)
        assert (booked.quantity, booked.price, booked.price_type) == (20, 801.15, "LIMIT")
        await made.adapter.modify(order, OrderChange(20, SL, 801.15, 801.1), instrument)
        assert (booked.price_type, booked.trigger) == ("SL", 801.1)
        made.simulator.venue.fill(booked, 5, 801.0)
        await made.adapter.cancel(order)
        assert booked.status == "cancelled"
        await self.streamed(made, wanted, OrderStatus.CANCELLED)
        (row,) = await made.adapter.order_book()
        assert (row.status, row.filled_quantity, row.quantity) == (OrderStatus.CANCELLED, 5, 20)
        for again in (made.adapter.cancel(order), made.adapter.modify(order, OrderChange(10, LIMIT, 1, 0), instrument)):
            with pytest.raises(Rejected):
                await again

    async def test_one_order_alone(self, made: Rig) -> None:
        wanted, report, booked = await self.placed(made)
        order = as_order(wanted, report)
        session = await made.adapter._session()
        if self.spec.codec.order(session, order) is None:
            pytest.skip(f"The API of {self.spec.name} has no call for one order.")
        made.simulator.venue.fill(booked, 4, 800.0)
        row = await made.ask("order", order)
        assert (row.broker_order_id, row.status, row.filled_quantity) == (
            report.broker_order_id, OrderStatus.PARTIALLY_FILLED, 4,
        )  # fmt: skip

    async def test_a_refusal_says_why(self, made: Rig) -> None:
        instrument = await made.instrument(SBIN)
        made.simulator.venue.refuse_next = Refused("margin", "Insufficient funds. Required margin is 8000.")
        with pytest.raises(Rejected, match="Insufficient funds"):
            await made.adapter.place(intent(instrument), instrument)
        with pytest.raises(Rejected):
            await made.adapter.place(intent(instrument, price=800.03), instrument)
        assert made.simulator.venue.orders == []
        assert list(await made.adapter.order_book()) == []

    async def test_a_late_rejection(self, made: Rig) -> None:
        wanted, report, booked = await self.placed(made)
        assert report.status is OrderStatus.ACCEPTED
        made.simulator.venue.reject(booked, "RMS: margin exceeds, <b>required</b> 8,000")
        await self.streamed(made, wanted, OrderStatus.REJECTED)
        (row,) = await made.adapter.order_book()
        assert (row.status, row.reason) == (OrderStatus.REJECTED, "RMS: margin exceeds, <b>required</b> 8,000")

    async def test_a_cut_reply_leaves_the_outcome_open(self, made: Rig) -> None:
        instrument = await made.instrument(SBIN)
        made.simulator.cut_replies = 1
        wanted = intent(instrument)
        with pytest.raises(OutcomeUnknown):
            await made.adapter.place(wanted, instrument)
        assert len(made.simulator.venue.orders) == 1
        (row,) = await made.adapter.order_book()
        assert row.order_id == made.tag(wanted.order_id)

    async def test_a_repeated_report_says_the_same(self, made: Rig) -> None:
        self.need(Capability.ORDER_FEED)
        wanted, _, booked = await self.placed(made)
        made.simulator.venue.fill(booked, 10, 800.0)
        await self.streamed(made, wanted, OrderStatus.COMPLETE)
        before = made.sink.orders(made.tag(wanted.order_id))
        made.simulator.venue.repeat(booked)
        await until(lambda: len(made.sink.orders(made.tag(wanted.order_id))) > len(before))
        assert made.sink.orders(made.tag(wanted.order_id))[-1] == before[-1]

    async def test_too_many_requests(self, made: Rig) -> None:
        instrument = await made.instrument(SBIN)
        made.simulator.throttle = 1
        with pytest.raises(Throttled) as caught:
            await made.adapter.place(intent(instrument), instrument)
        assert caught.value.retry_after_s > 0
        assert made.simulator.venue.orders == []
        await made.adapter.place(intent(instrument), instrument)
        assert len(made.simulator.venue.orders) == 1

    async def test_a_page_of_html(self, made: Rig) -> None:
        instrument = await made.instrument(SBIN)
        made.simulator.broken = 1
        with pytest.raises(BrokerError) as caught:
            await made.adapter.positions()
        assert not isinstance(caught.value, OutcomeUnknown)
        made.simulator.broken = 1
        with pytest.raises(OutcomeUnknown):
            await made.adapter.place(intent(instrument), instrument)
        assert list(await made.adapter.order_book()) == []

    @pytest.mark.parametrize("step", [45, pytest.param(1, marks=pytest.mark.long)])
    async def test_a_cut_anywhere_never_lies(self, step: int) -> None:
        """A submit cut at many offsets, on its way and on the way back: no answer is wrong, nothing is sent twice."""
        server = self.simulator()
        async with rig(self.spec, server, server.credentials(), proxied=True, paced=False) as made:
            assert made.proxy is not None
            instrument = await made.instrument(SBIN)
            for flow, offset in [(flow, offset) for flow in Flow for offset in range(0, 900, step)]:
                wanted = intent(instrument)
                made.proxy.schedule(Fault(Act.CUT, flow, after_bytes=offset, trigger=b"POST"))
                outcome = await self._outcome(made, wanted, instrument)
                made.proxy.clear()
                there = [o for o in server.venue.orders if o.tag == made.tag(wanted.order_id)]
                assert len(there) <= 1
                if isinstance(outcome, OrderReport):
                    assert [o.id for o in there] == [outcome.broker_order_id]
                elif isinstance(outcome, WireError):
                    assert there == []
                else:
                    assert isinstance(outcome, OutcomeUnknown)

    async def _outcome(self, made: Rig, wanted: OrderIntent, instrument: Instrument) -> OrderReport | LabError:
        try:
            return await made.adapter.place(wanted, instrument)
        except LabError as error:
            return error


def _asked_for(order: Booked) -> tuple[Any, ...]:
    return (
        order.listing.symbol, order.side, order.product, order.price_type, order.quantity, order.price, order.trigger,
        order.validity, order.tag,
    )  # fmt: skip
