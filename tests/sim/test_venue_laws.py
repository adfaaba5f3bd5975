"""What holds of the venue's books whatever happens."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.sim.matching import PRICE_SCALE
from openalgo_lab.sim.records import Records, State
from openalgo_lab.sim.rules import Refusal
from openalgo_lab.sim.venue import Venue
from tests.sim.fake_market import (
    SBIN,
    START,
)
from tests.sim.venue_desk import BUY, LIMIT, MARKET, ME, MIS, SELL, SL, SL_M, Desk, terms

ACTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("place"),
            st.sampled_from([BUY, SELL]),
            st.integers(1, 300),
            st.integers(-40, 40),
            st.sampled_from([MARKET, LIMIT, LIMIT, SL, SL_M]),
        ),
        st.tuples(st.just("cancel"), st.integers(1, 20)),
        st.tuples(st.just("modify"), st.integers(1, 20), st.integers(1, 300), st.integers(-40, 40)),
        st.tuples(st.just("move"), st.integers(-40, 40), st.integers(0, 500)),
        st.tuples(st.just("run"), st.sampled_from([1, 5, 50])),
        st.tuples(st.just("restart")),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(ACTS)
def test_the_books_agree_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[Any, ...]]
) -> None:
    path = tmp_path_factory.mktemp("venue") / "records.sqlite"
    desk = Desk(Records(path))
    for act in acts:
        with contextlib.suppress(Refusal):  # a definite no changes nothing, which the checks below show
            _do(desk, act, path)
        _check_books(desk.venue)
    desk.venue.close()


def _do(desk: Desk, act: tuple[Any, ...], path: Path) -> None:
    match act:
        case ("place", side, quantity, away, kind):
            price = 800 + away * 0.05
            desk.place(side=side, quantity=quantity, kind=kind, price=price, trigger=price)
        case ("cancel", number):
            desk.venue.cancel(ME, number)
        case ("modify", number, quantity, away):
            desk.venue.modify(ME, number, terms(kind=LIMIT, quantity=quantity, price=800 + away * 0.05))
        case ("move", away, volume):
            desk.market.trade(SBIN, round(800 + away * 0.05, 2), volume)
        case ("run", ms):
            desk.run(ms)
        case ("restart",):
            before = _books(desk.venue)
            desk.venue.close()
            desk.venue = desk.open(Records(path))
            assert _books(desk.venue) == before


def _books(venue: Venue) -> tuple[object, ...]:
    client = venue.client(ME)
    return list(client.orders.values()), client.trades, client.positions, client.holdings, client.money, client.used


def _check_books(venue: Venue) -> None:
    client = venue.client(ME)
    for order in client.orders.values():
        fills = [trade for trade in client.trades if trade.order == order.number]
        assert order.filled == sum(trade.quantity for trade in fills) <= order.quantity
        assert order.value == sum(trade.quantity * trade.price for trade in fills)
        assert (order.state is State.FILLED) == (order.filled == order.quantity)
        if order.price_type is LIMIT:
            assert all((trade.price - order.price) * order.side.sign <= 0 or order.modifications for trade in fills)
    net = sum(trade.side.sign * trade.quantity for trade in client.trades)
    flow = -sum(trade.side.sign * trade.quantity * trade.price for trade in client.trades)
    position = client.positions.get((SBIN, MIS))
    assert net == (position.quantity if position else 0)
    cost = position.value * (1 if net > 0 else -1) if position else 0
    assert client.money.cash == 1_00_00_000 * PRICE_SCALE + flow + cost, "cash is not what was paid and received"
    if not client.alive() and not net:
        assert client.used == 0


def test_the_start_is_a_trading_day() -> None:
    assert START.weekday() < 5
