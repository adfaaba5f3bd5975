"""Laws of the matching: conservation, limits, price and time priority; and a table of small scenes."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.vocabulary import Side
from openalgo_lab.sim.matching import Book, Match, View, to_rupees, to_units

BUY, SELL = Side.BUY, Side.SELL


def view(mid: int = 1000, quantity: int = 10, volume: int = 0, ltp: int = 0, levels: int = 5) -> View:
    """Bids at mid-1, mid-2 …, asks at mid+1, mid+2 …, ``quantity`` at each."""
    return View(
        ltp or mid,
        volume,
        tuple((mid - 1 - n, quantity) for n in range(levels)),
        tuple((mid + 1 + n, quantity) for n in range(levels)),
    )


def filled(matches: list[Match], number: int) -> list[tuple[int, int]]:
    return [(match.quantity, match.price) for match in matches if match.number == number]


# Scenes -------------------------------------------------------------------------------------------------------------


def test_a_marketable_order_walks_the_levels_and_the_rest_stays() -> None:
    book = Book(view())
    assert filled(book.enter(1, BUY, 25, 1002), 1) == [(10, 1001), (10, 1002)]
    assert book.remaining(1) == 5


def test_what_was_taken_is_gone_until_the_market_is_shown_again() -> None:
    book = Book(view())
    book.enter(1, BUY, 10, 1001)
    assert filled(book.enter(2, BUY, 10, 1002), 2) == [(10, 1002)]
    book.refresh(view())
    assert filled(book.enter(3, BUY, 10, 1002), 3) == [(10, 1001)]


def test_an_immediate_order_leaves_nothing_behind() -> None:
    book = Book(view())
    assert filled(book.enter(1, SELL, 25, 999, rest=False), 1) == [(10, 999)]
    assert book.idle


def test_the_rest_of_a_taker_goes_on_taking_at_the_levels_prices() -> None:
    book = Book(view())
    book.enter(1, BUY, 100, 1003)
    assert filled(book.refresh(view()), 1) == [(10, 1001), (10, 1002), (10, 1003)]


def test_a_resting_order_trades_at_its_own_limit_when_the_market_comes_to_it() -> None:
    book = Book(view())
    book.enter(1, BUY, 5, 999)
    assert book.refresh(view()) == []
    assert book.refresh(view(mid=996)) == [Match(1, 5, 999, passive=True)]


def test_the_queue_before_a_resting_order_is_eaten_first() -> None:
    book = Book(view())
    book.enter(1, BUY, 5, 999)  # ten stand before it
    assert book.refresh(view(volume=8, ltp=999)) == []
    assert book.refresh(view(volume=12, ltp=999)) == [Match(1, 2, 999, passive=True)]
    assert book.refresh(view(volume=30, ltp=999)) == [Match(1, 3, 999, passive=True)]


def test_cancellations_before_it_shorten_the_queue() -> None:
    book = Book(view())
    book.enter(1, BUY, 5, 999)
    book.refresh(view(quantity=1))
    assert book.refresh(view(quantity=1, volume=3, ltp=999)) == [Match(1, 2, 999, passive=True)]


def test_an_order_inside_the_spread_is_first() -> None:
    book = Book(view())
    book.enter(1, BUY, 5, 1000)
    assert book.refresh(view(volume=3, ltp=1000)) == [Match(1, 3, 1000, passive=True)]


def test_a_trade_at_a_worse_price_must_have_come_to_ours_first() -> None:
    book = Book(view())
    book.enter(1, BUY, 5, 999)
    assert book.refresh(view(volume=4, ltp=998)) == [Match(1, 4, 999, passive=True)]


def test_trades_away_from_the_limit_give_nothing() -> None:
    book = Book(view())
    book.enter(1, BUY, 5, 999)
    assert book.refresh(view(volume=1000, ltp=1001)) == []


def test_a_volume_that_starts_again_counts_as_none() -> None:
    book = Book(view(volume=5000))
    book.enter(1, BUY, 5, 1000)
    assert book.refresh(view(volume=10, ltp=1000)) == []


def test_users_meet_each_other_by_price_then_time() -> None:
    book = Book(view())
    book.enter(1, SELL, 5, 1000)
    book.enter(2, SELL, 5, 1000)
    matches = book.enter(3, BUY, 18, 1001)
    assert [(m.number, m.quantity, m.price) for m in matches] == [
        (1, 5, 1000),
        (3, 5, 1000),
        (2, 5, 1000),
        (3, 5, 1000),
        (3, 8, 1001),
    ]


def test_at_one_price_the_earlier_displayed_quantity_comes_before_a_user() -> None:
    book = Book(view())
    book.enter(1, SELL, 5, 1001)  # behind the ten displayed there
    matches = book.enter(2, BUY, 12, 1001)
    assert [(m.number, m.quantity) for m in matches] == [(2, 10), (1, 2), (2, 2)]


def test_less_quantity_keeps_the_place() -> None:
    book = Book(view(levels=0))
    book.enter(1, SELL, 5, 1000)
    book.enter(2, SELL, 5, 1000)
    book.reduce(1, 2)
    assert [m.number for m in book.enter(3, BUY, 2, 1000)] == [1, 3]
    assert book.numbers() == [2]


@pytest.mark.parametrize(("side", "trigger", "below", "at"), [(BUY, 1010, 1009, 1010), (SELL, 990, 991, 990)])
def test_stops_fire_at_their_trigger_and_once(side: Side, trigger: int, below: int, at: int) -> None:
    book = Book(view())
    book.wait(1, side, trigger)
    book.refresh(view(ltp=below))
    assert book.fired() == []
    book.refresh(view(ltp=at))
    assert book.fired() == [1]
    assert book.fired() == []
    assert book.idle


def test_a_stop_waits_without_a_last_price() -> None:
    book = Book(View(0, 0, (), ()))
    book.wait(1, SELL, 990)
    assert book.fired() == []


def test_a_removed_order_trades_no_more() -> None:
    book = Book(view())
    book.enter(1, BUY, 5, 1000)
    book.wait(2, BUY, 1010)
    book.remove(1)
    book.remove(2)
    book.remove(3)
    assert book.idle
    assert book.refresh(view(mid=900, volume=10_000)) == []


@given(st.integers(1, 10**9))
def test_prices_survive_the_way_to_rupees_and_back(units: int) -> None:
    assert to_units(to_rupees(units)) == units


# Laws ---------------------------------------------------------------------------------------------------------------

PRICES = st.integers(985, 1015)
SIDES = st.sampled_from([BUY, SELL])
VIEWS = st.builds(
    view,
    mid=st.integers(990, 1010),
    quantity=st.integers(0, 15),
    volume=st.integers(0, 400),
    ltp=st.integers(988, 1012),
    levels=st.integers(0, 5),
)
ENTRIES = st.tuples(SIDES, st.integers(1, 40), PRICES, st.booleans())
STEPS = st.lists(st.one_of(ENTRIES, VIEWS, st.integers(0, 20)), min_size=1, max_size=30)


class Oracle:
    """What every order asked for and got."""

    def __init__(self) -> None:
        self.asked: dict[int, tuple[Side, int, int]] = {}
        self.got: dict[int, int] = defaultdict(int)
        self.gone: set[int] = set()

    def check(self, matches: list[Match], incoming: int | None = None) -> None:
        for match in matches:
            side, quantity, limit = self.asked[match.number]
            self.got[match.number] += match.quantity
            assert match.quantity > 0
            assert self.got[match.number] <= quantity, "filled beyond its quantity"
            assert (match.price - limit) * side.sign <= 0, "filled beyond its limit"
            assert match.number not in self.gone, "filled after its end"
            if match.passive and match.number != incoming:
                assert match.price == limit, "a resting order trades at its own limit"


@given(VIEWS, STEPS)
def test_quantities_are_conserved_and_limits_kept(start: View, steps: list[object]) -> None:
    book, oracle, number = Book(start), Oracle(), 0
    for step in steps:
        if isinstance(step, View):
            oracle.check(book.refresh(step))
        elif isinstance(step, int):
            oracle.gone.add(step)
            book.remove(step)
        else:
            number += 1
            side, quantity, limit, rest = step  # type: ignore[misc]
            oracle.asked[number] = (side, quantity, limit)
            oracle.gone.discard(number)
            oracle.check(book.enter(number, side, quantity, limit, rest=rest), number)
            if not rest:
                oracle.gone.add(number)
        for one in book.numbers():
            assert book.remaining(one) == oracle.asked[one][1] - oracle.got[one], "the book and the fills disagree"


@given(VIEWS, STEPS)
def test_the_same_events_give_the_same_trades(start: View, steps: list[object]) -> None:
    def run() -> list[Match]:
        book, out = Book(start), []
        for number, step in enumerate(steps):
            if isinstance(step, View):
                out += book.refresh(step)
            elif isinstance(step, int):
                book.remove(step)
            else:
                side, quantity, limit, rest = step  # type: ignore[misc]
                out += book.enter(number, side, quantity, limit, rest=rest)
        return out

    assert run() == run()


@given(VIEWS, st.lists(ENTRIES, max_size=12), ENTRIES)
def test_an_incoming_order_never_trades_through_a_better_price(
    start: View, resting: list[tuple[Side, int, int, bool]], incoming: tuple[Side, int, int, bool]
) -> None:
    book = Book(start)
    for number, (side, quantity, limit, _) in enumerate(resting):
        book.enter(number, side, quantity, limit)
    side, quantity, limit, _ = incoming
    matches = [m for m in book.enter(99, side, quantity, limit) if m.number == 99]
    prices = [m.price * side.sign for m in matches]
    assert prices == sorted(prices), "a worse price was taken before a better one"
    if sum(m.quantity for m in matches) < quantity:
        # It stopped with quantity open: nothing at or better than its limit may be left for another.
        assert book.enter(100, side, 10_000, limit, rest=False) == []


@given(VIEWS, st.lists(st.tuples(st.integers(1, 20), PRICES), min_size=2, max_size=8), st.lists(VIEWS, max_size=8))
def test_of_users_with_one_price_the_earlier_is_served_first(
    start: View, orders: list[tuple[int, int]], later: list[View]
) -> None:
    book = Book(start)
    open_quantity: dict[int, int] = {}
    limits: dict[int, int] = {}

    for number, (quantity, limit) in enumerate(orders):
        open_quantity[number], limits[number] = quantity, limit
        matches = book.enter(number, BUY, quantity, limit)
        for match in matches:
            open_quantity[match.number] -= match.quantity
    for shown in later:
        # What came in as takers before is not comparable any more: judge what the market's moves give.
        matches = book.refresh(shown)
        before = dict(open_quantity)
        for match in matches:
            open_quantity[match.number] -= match.quantity
        for number, quantity in before.items():
            if open_quantity[number] < quantity:
                earlier = [n for n in before if n < number and limits[n] == limits[number] and before[n]]
                assert all(open_quantity[n] == 0 for n in earlier), "a later order was served before an earlier one"
