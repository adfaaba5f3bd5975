"""Brackets and trailing stops: what leaves is never more than what came in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from openalgo_lab.engine.engine import Engine
from openalgo_lab.model import algo_commands as c
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError, RiskDenied
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from tests.support.engine_parts import TRADER, market
from tests.support.scripted_broker import Cut, ScriptedBroker
from tests.support.works import engine_of, quote

B = c.BracketStatus


async def price(engine: Engine, ltp: float) -> None:
    quote(engine, ltp)
    await engine.works.brackets.look()


def bracket(stop: float = 95.0, target: float = 110.0, side: Side = Side.BUY, **more: Any) -> c.PlaceBracket:
    return c.PlaceBracket(market(side, 10, strategy="s"), stop, target, **more)


async def test_the_stop_rests_and_the_target_changes_it(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    placed = await engine.call(bracket(), TRADER)
    assert placed.status is B.ENTERING and len(broker.rows) == 1
    broker.fill("B1", 4, 100.0)
    await engine.works.brackets.look()
    exit_ = broker.rows["B2"].report
    assert (exit_.side, exit_.quantity, exit_.price_type, exit_.trigger_price) == (Side.SELL, 4, PriceType.SL_M, 95.0)
    broker.fill("B1", 6, 100.0)
    await engine.works.brackets.look()
    assert broker.rows["B2"].report.quantity == 10  # the same order, larger
    await price(engine, 110.0)
    exit_ = broker.rows["B2"].report
    assert (exit_.price_type, exit_.price, exit_.quantity) == (PriceType.LIMIT, 110.0, 10)
    await price(engine, 90.0)  # too late for the stop: it is one order
    assert broker.rows["B2"].report.price_type is PriceType.LIMIT
    broker.fill("B2", 10, 110.0)
    await engine.works.brackets.look()
    (done,) = await engine.call(c.GetBrackets(), TRADER)
    assert (done.status, done.filled, done.exited) == (B.CLOSED, 10, 10)
    assert len(broker.rows) == 2
    await engine.close()


async def test_what_comes_in_while_it_is_being_left_gets_a_stop_of_its_own_size(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    await engine.call(bracket(), TRADER)
    broker.fill("B1", 4, 100.0)
    await engine.works.brackets.look()
    broker.fill("B2", 4, 95.0)  # stopped out
    broker.fill("B1", 3, 94.9)  # and the entry takes some more
    for _ in range(3):
        await engine.works.brackets.look()
    assert broker.rows["B1"].report.status is OrderStatus.CANCELLED
    assert [(row.report.side, row.report.quantity) for row in broker.rows.values()] == [
        (Side.BUY, 10), (Side.SELL, 4), (Side.SELL, 3),
    ]  # fmt: skip
    broker.fill("B3", 3, 95.0)
    for _ in range(2):
        await engine.works.brackets.look()
    (done,) = await engine.call(c.GetBrackets(), TRADER)
    assert (done.status, done.filled, done.exited) == (B.CLOSED, 7, 7)
    assert len(broker.rows) == 3
    await engine.close()


@pytest.mark.parametrize(
    ("side", "stop", "path", "stops"),
    [
        (Side.BUY, 95.0, [101.0, 104.0, 102.0, 106.0], [96.0, 99.0, 99.0, 101.0]),
        (Side.SELL, 105.0, [99.0, 96.0, 98.0, 94.0], [104.0, 101.0, 101.0, 99.0]),
    ],
)
async def test_trailing_never_goes_back(
    tmp_path: Path, side: Side, stop: float, path: list[float], stops: list[float]
) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    await engine.call(bracket(stop, 0.0, side, trail=5.0), TRADER)
    broker.fill("B1", 10, 100.0)
    await engine.works.brackets.look()
    for ltp, expected in zip(path, stops, strict=True):
        await price(engine, ltp)
        assert broker.rows["B2"].report.trigger_price == expected
    await engine.close()


async def test_options_get_a_stop_with_a_limit(tmp_path: Path) -> None:
    broker, rules = ScriptedBroker(), RuleBook.load()

    def takes(item: Any, kind: PriceType, day: Any) -> bool:
        return rules.takes_order_type(item.exchange, item.kind, kind, day)

    engine = await engine_of(broker, tmp_path, takes_type=takes)
    order = PlaceOrder(Exchange.NFO, "NIFTY01DEC2626000CE", Side.BUY, 65, Product.NRML)
    await engine.call(c.PlaceBracket(order, 80.0), TRADER)
    broker.fill("B1", 65, 100.0)
    await engine.works.brackets.look()
    exit_ = broker.rows["B2"].report
    assert (exit_.price_type, exit_.trigger_price, exit_.price) == (PriceType.SL, 80.0, 78.4)
    with pytest.raises(InputError, match="freeze"):
        await engine.call(c.PlaceBracket(msgspec.structs.replace(order, quantity=3510), 80.0), TRADER)
    await engine.close()


async def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    await engine.call(bracket(), TRADER)
    await engine.close()
    broker.fill("B1", 10, 100.0)
    for _ in range(2):
        engine = await engine_of(broker, tmp_path)
        await engine.works.brackets.look()
        assert broker.rows["B2"].report.quantity == 10
        assert len(broker.rows) == 2  # no second stop
        await engine.close()
    engine = await engine_of(broker, tmp_path)
    broker.fill("B2", 10, 95.0)
    await engine.works.brackets.look()
    assert (await engine.call(c.GetBrackets(), TRADER))[0].status is B.CLOSED
    await engine.close()


async def test_an_entry_that_fails_and_a_stop_that_is_refused(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.cuts = [Cut.REFUSE, Cut.NONE, Cut.REFUSE]
    engine = await engine_of(broker, tmp_path)
    await engine.call(bracket(), TRADER)
    await engine.works.brackets.look()
    assert (await engine.call(c.GetBrackets(), TRADER))[0].status is B.FAILED
    await engine.call(bracket(), TRADER)
    broker.fill("B1", 10, 100.0)
    await engine.works.brackets.look()
    failed = (await engine.call(c.GetBrackets(), TRADER))[1]
    assert failed.status is B.FAILED and "not guarded" in failed.reason
    await engine.close()


async def test_protecting_what_is_held_and_ending(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.carried = {(Exchange.NSE, "SBIN", Product.MIS): (-20, 100.0)}
    engine = await engine_of(broker, tmp_path)
    guarded = await engine.call(c.ProtectPosition(Exchange.NSE, "SBIN", Product.MIS, 105.0, 90.0), TRADER)
    assert guarded.status is B.GUARDED
    stop = broker.rows["B1"].report
    assert (stop.side, stop.quantity, stop.trigger_price) == (Side.BUY, 20, 105.0)
    ended = await engine.call(c.EndBracket(guarded.bracket_id, close=True), TRADER)
    assert ended.status is B.CANCELLED
    assert broker.rows["B1"].report.status is OrderStatus.CANCELLED
    assert (broker.rows["B2"].report.side, broker.rows["B2"].report.quantity) == (Side.BUY, 20)
    assert (await engine.call(c.EndBracket(guarded.bracket_id), TRADER)).status is B.CANCELLED
    with pytest.raises(InputError, match="no MIS position"):
        await engine.call(c.ProtectPosition(Exchange.NSE, "INFY", Product.MIS, 90.0), TRADER)
    with pytest.raises(InputError, match="no bracket"):
        await engine.call(c.EndBracket("x"), TRADER)
    await engine.close()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (bracket(stop=0.0), "needs a stop"), (bracket(stop=101.0), "must lie below"),
        (bracket(target=99.0), "target must lie above"), (bracket(99.0, 0.0, Side.SELL), "must lie above"),
    ],
)  # fmt: skip
async def test_what_is_refused(tmp_path: Path, command: c.PlaceBracket, words: str) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    await price(engine, 100.0)
    with pytest.raises(InputError, match=words):
        await engine.call(command, TRADER)
    with pytest.raises(RiskDenied):
        await engine.call(c.PlaceBracket(market(quantity=0), 95.0), TRADER)
    assert not broker.placed
    await engine.close()
