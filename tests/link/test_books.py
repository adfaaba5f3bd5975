"""Patches of the books: a mirror that applies them holds exactly what the engine holds."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given

from openalgo_lab.engine.link.books import BooksPatch, apply_patch, implied_events, make_patch
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.events import Books, FundsUpdated, OrderUpdated, PositionUpdated, TradeHappened
from openalgo_lab.model.orders import OrderStatus
from tests.link.strategies import fill, histories, order


@given(histories())
def test_mirror_converges_exactly(history: list[Books]) -> None:
    mirror = msgspec.msgpack.decode(msgspec.msgpack.encode(history[0]), type=Books)
    for before, after in pairwise(history):
        data = msgspec.msgpack.encode(make_patch(before, after))
        mirror = apply_patch(mirror, msgspec.msgpack.decode(data, type=BooksPatch))
        assert mirror == after


@given(histories())
def test_unchanged_sections_cost_nothing(history: list[Books]) -> None:
    for before, after in pairwise(history):
        patch = make_patch(before, after)
        for name in ("orders", "fills", "positions", "holdings", "funds"):
            if getattr(before, name) is getattr(after, name):
                assert getattr(patch, name) is None


@given(histories())
def test_implied_events_tell_all_that_is_new(history: list[Books]) -> None:
    before, after = history[0], history[-1]
    events = implied_events(before, after)
    told = {event.order.order_id: event.order for event in events if isinstance(event, OrderUpdated)}
    known = {item.order_id: item for item in before.orders} | told
    assert {item.order_id: item for item in after.orders}.items() <= known.items()
    assert {e.fill for e in events if isinstance(e, TradeHappened)} >= {
        item for item in after.fills if item.trade_id not in {old.trade_id for old in before.fills}
    }
    positions = {e.position for e in events if isinstance(e, PositionUpdated)}
    assert positions == set(after.positions) - set(before.positions)
    assert {e.funds for e in events if isinstance(e, FundsUpdated)} == set(after.funds) - set(before.funds)


def test_one_changed_order_among_many_is_one_item() -> None:
    many = tuple(order(number, OrderStatus.OPEN, 0, 1) for number in range(500))
    done = order(250, OrderStatus.COMPLETE, 100, 2)
    before = Books(7, many, (fill(1),))
    after = Books(8, (*many[:250], done, *many[251:], order(500, OrderStatus.NEW, 0, 0)), before.fills)
    patch = make_patch(before, after)
    assert patch.orders is not None
    assert patch.orders.at == (250, 500)
    assert patch.fills is None


def test_patch_of_other_books_is_refused() -> None:
    patch = make_patch(Books(1), Books(2))
    with pytest.raises(DecodeError, match="does not fit books 3"):
        apply_patch(Books(3), patch)


def test_patch_with_a_hole_is_refused() -> None:
    patch = make_patch(Books(1), Books(2, (order(0, OrderStatus.NEW, 0, 0), order(1, OrderStatus.NEW, 0, 0))))
    assert patch.orders is not None
    cut = msgspec.structs.replace(patch.orders, at=(1,), items=patch.orders.items[1:])
    with pytest.raises(DecodeError, match="hole"):
        apply_patch(Books(1), msgspec.structs.replace(patch, orders=cut))
