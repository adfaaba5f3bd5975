"""F4: the ledger is idempotent and order-insensitive; any permutation with repeats comes to one state."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.model.events import AnyEvent, Books, ErrorRaised
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, Report
from openalgo_lab.model.vocabulary import Exchange, Mode, PriceType, Product, Side

S, E = OrderStatus, Evidence
INTENT = OrderIntent("OID", "A", Exchange.NSE, "SBIN", Side.BUY, 100, Product.MIS, PriceType.LIMIT, 99.0)


def report(
    status: OrderStatus, filled: int = 0, ns: int = 1, source: Evidence = E.STREAM, **more: object
) -> OrderReport:
    base = OrderReport(
        broker_order_id="B1",
        order_id="OID",
        status=status,
        source=source,
        exchange=Exchange.NSE,
        symbol="SBIN",
        side=Side.BUY,
        product=Product.MIS,
        price_type=PriceType.LIMIT,
        quantity=100,
        filled_quantity=filled,
        average_price=99.0 if filled else 0.0,
        price=99.0,
        exchange_ns=ns,
    )
    return msgspec.structs.replace(base, **more)


def trade(number: int, quantity: int, ns: int, source: Evidence = E.STREAM, **more: object) -> FillReport:
    base = FillReport(
        f"T{number}", "B1", "OID", source, Exchange.NSE, "SBIN", Side.BUY, Product.MIS, quantity, 99.0, ns
    )
    return msgspec.structs.replace(base, **more)


def ledger() -> tuple[Ledger, list[AnyEvent]]:
    events: list[AnyEvent] = []
    book = Ledger(events.append, lambda: 7)
    book.add_account(Account("A", "x", Mode.SIMULATED))
    book.open(INTENT)
    return book, events


def final(reports: Sequence[Report]) -> Books:
    """Where reports in this order lead, without our own bookkeeping of when and how often."""
    book, _ = ledger()
    for one in reports:
        book.apply("A", one)
    books = book.books
    orders = tuple(msgspec.structs.replace(order, version=0, updated_ns=0, acked_ns=0) for order in books.orders)
    fills = tuple(sorted(books.fills, key=lambda fill: fill.trade_id))
    return msgspec.structs.replace(books, version=0, orders=orders, fills=fills)


def only(books: Books) -> Order:
    (order,) = books.orders
    return order


LIVES: dict[str, list[Report]] = {
    "filled in two": [
        report(S.ACCEPTED, source=E.HTTP_REPLY, ns=0),
        report(S.OPEN, ns=1),
        trade(1, 40, 2),
        report(S.PARTIALLY_FILLED, 40, 2),
        trade(2, 60, 3),
        report(S.COMPLETE, 100, 3),
    ],
    "cancelled after a part, fill comes late": [
        report(S.OPEN, ns=1),
        trade(1, 30, 2),
        report(S.PARTIALLY_FILLED, 30, 2),
        report(S.CANCELLED, 30, 3),
        trade(2, 20, 4),
    ],
    "cancel raced a full fill": [
        report(S.OPEN, ns=1),
        report(S.CANCELLED, 0, 2),
        trade(1, 100, 3),
        report(S.COMPLETE, 100, 3, E.ORDER_BOOK),
    ],
    "tags only on the order": [
        report(S.ACCEPTED, source=E.HTTP_REPLY, ns=0),
        report(S.OPEN, ns=1, order_id=""),
        trade(1, 100, 2, order_id=""),
        report(S.COMPLETE, 100, 2, order_id=""),
    ],
    "stream and books": [
        report(S.OPEN, 0, 1, E.ORDER_BOOK),
        trade(1, 40, 2),
        trade(1, 40, 2, E.TRADE_BOOK),
        report(S.PARTIALLY_FILLED, 40, 2, E.ORDER_BOOK),
        report(S.PARTIALLY_FILLED, 40, 2),
    ],
    "rejected late": [report(S.ACCEPTED, source=E.HTTP_REPLY, ns=0), report(S.REJECTED, 0, 2, reason="margin")],
    "stop that fired": [
        report(S.TRIGGER_PENDING, ns=1, price_type=PriceType.SL, trigger_price=98.0),
        report(S.OPEN, ns=2, price_type=PriceType.SL, trigger_price=98.0),
        report(S.COMPLETE, 100, 3, price_type=PriceType.SL, trigger_price=98.0),
        trade(1, 100, 3),
    ],
    "modified": [
        report(S.OPEN, ns=1),
        report(S.OPEN, ns=2, price=98.0, quantity=80),
        trade(1, 80, 3),
        report(S.COMPLETE, 80, 3, price=98.0, quantity=80),
    ],
    "contradiction": [report(S.CANCELLED, 0, 2), report(S.REJECTED, 0, 3), report(S.OPEN, 0, 4)],
}


@pytest.mark.parametrize("name", LIVES)
def test_all_permutations_come_to_one_state(name: str) -> None:
    life = LIVES[name]
    want = final(life)
    for order in itertools.permutations(life):
        assert final(order) == want


@pytest.mark.parametrize("name", [name for name in LIVES if name != "contradiction"])
def test_every_legal_life_is_without_false_alarm_in_any_order(name: str) -> None:
    """No permutation of a consistent life may shout, except about what is truly odd in it."""
    late = name.startswith("cancel")
    for order in itertools.permutations(LIVES[name]):
        book, events = ledger()
        for one in order:
            book.apply("A", one)
        shouts = [event.message for event in events if isinstance(event, ErrorRaised)]
        assert late or not shouts, (order, shouts)


@given(st.data())
@settings(max_examples=150)
def test_random_lives_up_to_thirty_events_converge(data: st.DataObject) -> None:
    life = data.draw(lives())
    twice = life + data.draw(st.lists(st.sampled_from(life), max_size=30 - min(len(life), 29)))
    shuffled = data.draw(st.permutations(twice))
    assert final(shuffled) == final(life)


@st.composite
def lives(draw: st.DrawFn) -> list[Report]:
    """What a broker that is right says of one order: from the stream and, now and then, from the books."""
    out: list[Report] = [report(S.ACCEPTED, source=E.HTTP_REPLY, ns=0), report(S.OPEN, ns=1)]
    filled, ns = 0, 1
    for number in range(draw(st.integers(0, 8))):
        ns += 1
        more = draw(st.integers(1, 20))
        if filled + more > 100:
            break
        filled += more
        status = S.COMPLETE if filled == 100 else S.PARTIALLY_FILLED
        out += [trade(number, more, ns), report(status, filled, ns)]
        if draw(st.booleans()):
            out += [trade(number, more, ns, E.TRADE_BOOK), report(status, filled, ns, E.ORDER_BOOK)]
    if filled < 100 and draw(st.booleans()):
        out.append(report(draw(st.sampled_from([S.CANCELLED, S.EXPIRED])), filled, ns + 1))
    return out[:30]


def test_repeats_say_nothing_new() -> None:
    book, events = ledger()
    changed = [book.apply("A", one) for one in LIVES["filled in two"]]
    assert changed == [True, True, True, False, True, False]  # what the trade said the order repeats
    version, heard = book.books.version, len(events)
    for one in random.Random(1).sample(LIVES["filled in two"] * 3, 18):
        assert not book.apply("A", one)
    assert (book.books.version, len(events)) == (version, heard)


@pytest.mark.parametrize(
    ("reports", "status", "filled", "alarm"),
    [
        ([report(S.OPEN), trade(1, 130, 2)], S.COMPLETE, 130, "Overfilled"),
        ([report(S.CANCELLED, 30, 3), trade(1, 30, 2)], S.CANCELLED, 30, ""),
        ([report(S.CANCELLED, 30, 3), trade(1, 50, 2)], S.CANCELLED, 50, "20 units were filled after"),
        ([report(S.CANCELLED, 0, 3), trade(1, 100, 2)], S.COMPLETE, 100, "100 units were filled after"),
        ([report(S.REJECTED, 0, 3), trade(1, 40, 2)], S.PARTIALLY_FILLED, 40, "reported rejected"),
        ([report(S.REJECTED, 0, 0, E.HTTP_REPLY), report(S.OPEN, 0, 2)], S.OPEN, 0, "after it was rejected"),
        ([report(S.COMPLETE, 90, 2)], S.COMPLETE, 90, "10 of 100 units missing"),
        ([report(S.CANCELLED, 0, 2), report(S.REJECTED, 0, 3)], S.REJECTED, 0, "both cancelled and rejected"),
        ([report(S.CANCELLED, 0, 2), report(S.OPEN, 0, 3)], S.CANCELLED, 0, "open after it was cancelled"),
        ([report(S.OPEN), report(S.OPEN, ns=2, symbol="INFY")], S.OPEN, 0, "was not applied"),
        ([trade(1, 40, 2), trade(1, 50, 2)], S.PARTIALLY_FILLED, 50, "reported twice"),
    ],
)
def test_contradictions_are_shown(reports: list[Report], status: OrderStatus, filled: int, alarm: str) -> None:
    for order in itertools.permutations(reports):
        book, events = ledger()
        for one in order:
            book.apply("A", one)
        got = only(book.books)
        assert (got.status, got.filled_quantity) == (status, filled)
        assert [a for a in got.alarms if alarm in a] if alarm else not got.alarms
        assert any(isinstance(event, ErrorRaised) for event in events) is bool(alarm)


def test_rank_settles_what_is_said_of_one_moment() -> None:
    """Trade book > order book > stream > HTTP reply; but progress and time come first."""
    same = [report(S.OPEN, 0, 5, E.STREAM), report(S.TRIGGER_PENDING, 0, 5, E.ORDER_BOOK)]
    assert only(final(same)).status is S.TRIGGER_PENDING
    newer = [report(S.TRIGGER_PENDING, 0, 5, E.ORDER_BOOK), report(S.OPEN, 0, 6, E.STREAM)]
    assert only(final(newer)).status is S.OPEN
    more = [report(S.OPEN, 0, 9, E.ORDER_BOOK), report(S.PARTIALLY_FILLED, 10, 6, E.STREAM)]
    assert only(final(more)).filled_quantity == 10


def test_books_are_immutable_and_share_what_did_not_change() -> None:
    book, _ = ledger()
    book.apply("A", report(S.OPEN))
    before = book.books
    book.apply("A", report(S.PARTIALLY_FILLED, 10, 2))
    after = book.books
    assert only(before).filled_quantity == 0
    assert after.version == before.version + 1
    assert after.fills is before.fills and after.positions is before.positions
