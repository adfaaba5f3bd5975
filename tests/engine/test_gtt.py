"""Good-till-triggered orders: single and OCO, claimed before they fire, over restarts, native where the broker can."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openalgo_lab.model import gtt_commands as c
from openalgo_lab.model.errors import InputError, NotSupported
from openalgo_lab.model.gtt import GttIntent, GttReport, GttStatus
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from openalgo_lab.store.kept import KeptStore
from tests.support.engine_parts import NOW_NS, TRADER
from tests.support.scripted_broker import Cut, ScriptedBroker
from tests.support.works import engine_of, quote

_L = c.LegState


def gtt_of(below: float = 0.0, at: float = 0.0, above: float = 0.0, up: float = 0.0, **more: Any) -> c.PlaceGtt:
    base = c.PlaceGtt(Exchange.NSE, "SBIN", Side.SELL, 10, Product.CNC, below, at, above, up)
    return msgspec.structs.replace(base, **more)


SINGLE, OCO = gtt_of(95.0, 94.9), gtt_of(95.0, 94.9, 110.0, 110.0)


@pytest.mark.parametrize(
    ("command", "quiet", "reached"), [(SINGLE, 95.05, 95.0), (gtt_of(above=110.0, up=110.0), 109.95, 110.0)]
)
async def test_a_trigger_fires_once_at_its_price(
    tmp_path: Path, command: c.PlaceGtt, quiet: float, reached: float
) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    gtt = await engine.call(command, TRADER)
    quote(engine, quiet)
    await engine.works.gtts.look()
    assert not broker.placed
    quote(engine, reached)
    await engine.works.gtts.look()
    await engine.works.gtts.look()
    (order,) = engine.books.orders
    assert (order.side, order.quantity, order.price_type, order.strategy) == (Side.SELL, 10, PriceType.LIMIT, "GTT")
    (fired,) = await engine.call(c.GetGtts(active_only=False), TRADER)
    assert (fired.gtt_id, fired.status) == (gtt.gtt_id, GttStatus.TRIGGERED)
    assert (fired.legs[0].state, fired.legs[0].order_id) == (_L.TRIGGERED, order.order_id)
    assert not await engine.call(c.GetGtts(), TRADER)
    await engine.close()


async def test_oco_fires_one_and_cancels_the_other(tmp_path: Path) -> None:
    engine = await engine_of(ScriptedBroker(), tmp_path)
    await engine.call(OCO, TRADER)
    quote(engine, 111.0)
    await engine.works.gtts.look()
    quote(engine, 90.0)
    await engine.works.gtts.look()
    (order,) = engine.books.orders
    assert order.price == 110.0
    (gtt,) = await engine.call(c.GetGtts(active_only=False), TRADER)
    assert [leg.state for leg in gtt.legs] == [_L.CANCELLED, _L.TRIGGERED]
    await engine.close()


async def test_it_waits_over_restarts_and_a_crash_never_fires_twice(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    gtt = await engine.call(SINGLE, TRADER)
    await engine.close()
    engine = await engine_of(broker, tmp_path)
    quote(engine, 94.0)
    await engine.works.gtts.look()
    assert len(broker.placed) == 1
    await engine.close()
    store = KeptStore(tmp_path / "works.db")  # as if the end had come after the claim, before the last write
    (kept,) = store.all("gtt", c.GttOrder).values()
    leg = msgspec.structs.replace(kept.legs[0], state=_L.TRIGGERING, order_id="")
    store.put("gtt", gtt.gtt_id, msgspec.structs.replace(kept, status=GttStatus.ACTIVE, legs=(leg,)))
    store.close()
    engine = await engine_of(broker, tmp_path)
    await engine.works.gtts.look()
    assert len(broker.placed) == 1
    (fired,) = await engine.call(c.GetGtts(active_only=False), TRADER)
    assert fired.status is GttStatus.TRIGGERED and fired.legs[0].order_id == engine.books.orders[0].order_id
    await engine.close()


async def test_refused_orders_are_tried_again_a_few_times(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.cuts = [Cut.REFUSE] * 3
    engine = await engine_of(broker, tmp_path)
    await engine.call(SINGLE, TRADER)
    quote(engine, 94.0)
    for attempts in (1, 2):
        await engine.works.gtts.look()
        (gtt,) = await engine.call(c.GetGtts(), TRADER)
        assert gtt.legs[0].attempts == attempts and gtt.reason == "margin exceeds"
    await engine.works.gtts.look()
    (gtt,) = await engine.call(c.GetGtts(active_only=False), TRADER)
    assert gtt.status is GttStatus.REJECTED and "3 times" in gtt.reason
    await engine.close()


async def test_modify_cancel(tmp_path: Path) -> None:
    engine = await engine_of(ScriptedBroker(), tmp_path)
    gtt = await engine.call(OCO, TRADER)
    changed = await engine.call(c.ModifyGtt(gtt.gtt_id, quantity=20, trigger_below=96.0, price_below=95.0), TRADER)
    assert (changed.quantity, [leg.trigger_price for leg in changed.legs]) == (20, [96.0, 110.0])
    one = await engine.call(SINGLE, TRADER)
    with pytest.raises(InputError, match="shape"):
        await engine.call(c.ModifyGtt(one.gtt_id, trigger_above=120.0), TRADER)
    ended = await engine.call(c.CancelGtt(gtt.gtt_id), TRADER)
    assert ended.status is GttStatus.CANCELLED
    assert (await engine.call(c.CancelGtt(gtt.gtt_id), TRADER)) == ended
    with pytest.raises(InputError, match="cannot be changed"):
        await engine.call(c.ModifyGtt(gtt.gtt_id, quantity=10), TRADER)
    with pytest.raises(InputError, match="no GTT"):
        await engine.call(c.CancelGtt("nobody"), TRADER)
    await engine.close()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (gtt_of(95.0, 94.0, product=Product.MIS), "cannot be MIS"), (gtt_of(), "needs a trigger"),
        (gtt_of(95.0, 94.0, quantity=0), "multiple of the lot"), (gtt_of(95.0, 94.0, 90.0, 90.0), "below the upper"),
        (gtt_of(95.0), "with a price"), (gtt_of(95.01, 94.0), "off the tick"),
        (gtt_of(95.0, 94.0, expires_ns=NOW_NS), "expired"),
        (gtt_of(95.0, 94.0, price_type=PriceType.MARKET), "without"),
    ],
)  # fmt: skip
async def test_what_is_refused(tmp_path: Path, command: c.PlaceGtt, words: str) -> None:
    engine = await engine_of(ScriptedBroker(), tmp_path)
    with pytest.raises(InputError, match=words):
        await engine.call(command, TRADER)
    await engine.close()


class WithGtt(ScriptedBroker):
    """A broker that keeps them itself."""

    def __init__(self, *, has: bool = True) -> None:
        super().__init__()
        self.has = has
        self.book: dict[str, GttIntent] = {}
        self.status = GttStatus.ACTIVE

    async def place_gtt(self, gtt: GttIntent, instrument: Instrument) -> str:
        if not self.has:
            raise NotSupported("none")
        self.book["G1"] = gtt
        return "G1"

    async def modify_gtt(self, gtt_id: str, gtt: GttIntent, instrument: Instrument) -> None:
        self.book[gtt_id] = gtt

    async def cancel_gtt(self, gtt_id: str) -> None:
        del self.book[gtt_id]

    async def gtt_book(self) -> Sequence[GttReport]:
        return [
            GttReport(key, self.status, one.exchange, one.symbol, one.side, one.product, one.legs)
            for key, one in self.book.items()
        ]


async def test_native_where_the_broker_has_it(tmp_path: Path) -> None:
    broker = WithGtt()
    engine = await engine_of(broker, tmp_path)
    gtt = await engine.call(OCO, TRADER)
    assert gtt.native and gtt.broker_gtt_id == "G1"
    assert [leg.trigger_price for leg in broker.book["G1"].legs] == [95.0, 110.0]
    assert broker.book["G1"].last_price == 100.0
    await engine.call(c.ModifyGtt("G1", trigger_below=96.0, price_below=95.0), TRADER)
    assert broker.book["G1"].legs[0].trigger_price == 96.0
    quote(engine, 90.0)
    await engine.works.gtts.look()
    assert not broker.placed  # the broker's to fire
    broker.status = GttStatus.TRIGGERED
    assert not await engine.call(c.GetGtts(), TRADER)
    assert not (await engine.call(msgspec.structs.replace(SINGLE, watch=True), TRADER)).native
    await engine.close()
    (tmp_path / "b").mkdir()
    engine = await engine_of(WithGtt(has=False), tmp_path / "b")
    assert not (await engine.call(SINGLE, TRADER)).native
    await engine.close()
