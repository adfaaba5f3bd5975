"""Order states: which pairs are legal, and what the sets mean."""

from __future__ import annotations

import itertools

import pytest

from openalgo_lab.model.orders import DONE, LEGAL_TRANSITIONS, WORKING, OrderStatus, is_legal, new_order_id

S = OrderStatus

ILLEGAL = [
    (S.NEW, S.OPEN),  # nothing is at the broker before it was sent
    (S.NEW, S.COMPLETE),
    (S.DENIED, S.SENDING),  # a refused order is never sent later
    (S.DENIED, S.OPEN),
    (S.SENDING, S.NEW),
    (S.SENDING, S.DENIED),
    (S.UNKNOWN, S.SENDING),  # never re-sent
    (S.ACCEPTED, S.UNKNOWN),  # doubt does not return once the broker has answered
    (S.OPEN, S.ACCEPTED),
    (S.OPEN, S.UNKNOWN),
    (S.PARTIALLY_FILLED, S.OPEN),  # fills do not vanish
    (S.PARTIALLY_FILLED, S.ACCEPTED),
    (S.COMPLETE, S.OPEN),
    (S.COMPLETE, S.CANCELLED),
    (S.COMPLETE, S.PARTIALLY_FILLED),
    (S.CANCELLED, S.OPEN),
    (S.CANCELLED, S.REJECTED),
    (S.REJECTED, S.OPEN),
    (S.EXPIRED, S.OPEN),
]

LEGAL = [
    (S.NEW, S.SENDING),
    (S.NEW, S.DENIED),
    (S.SENDING, S.ACCEPTED),
    (S.SENDING, S.COMPLETE),  # the stream outran the HTTP answer
    (S.SENDING, S.UNKNOWN),
    (S.UNKNOWN, S.NOT_PLACED),
    (S.UNKNOWN, S.COMPLETE),
    (S.NOT_PLACED, S.OPEN),  # turned up after all
    (S.ACCEPTED, S.REJECTED),  # late reject
    (S.OPEN, S.PARTIALLY_FILLED),
    (S.TRIGGER_PENDING, S.OPEN),
    (S.PARTIALLY_FILLED, S.CANCELLED),
    (S.CANCELLED, S.COMPLETE),  # late fill
]


@pytest.mark.parametrize(("before", "after"), ILLEGAL)
def test_illegal_pairs(before: OrderStatus, after: OrderStatus) -> None:
    assert not is_legal(before, after)


@pytest.mark.parametrize(("before", "after"), LEGAL)
def test_legal_pairs(before: OrderStatus, after: OrderStatus) -> None:
    assert is_legal(before, after)


def test_the_table_is_total() -> None:
    assert set(LEGAL_TRANSITIONS) == set(OrderStatus)


def test_staying_is_legal_and_never_listed() -> None:
    for status in OrderStatus:
        assert is_legal(status, status)
        assert status not in LEGAL_TRANSITIONS[status]


def test_sets_do_not_overlap_and_every_end_leads_only_to_a_late_fill() -> None:
    assert not DONE & WORKING
    for end in DONE - {S.NOT_PLACED}:
        assert LEGAL_TRANSITIONS[end] <= {S.COMPLETE, S.PARTIALLY_FILLED}


def test_every_state_is_reachable_from_new_and_can_end() -> None:
    reached, frontier = {S.NEW}, [S.NEW]
    while frontier:
        for after in LEGAL_TRANSITIONS[frontier.pop()] - reached:
            reached.add(after)
            frontier.append(after)
    assert reached == set(OrderStatus)
    for status in set(OrderStatus) - DONE:
        assert LEGAL_TRANSITIONS[status] & DONE


def test_order_ids_are_unique_and_fit_a_brokers_tag() -> None:
    ids = {new_order_id() for _ in range(2000)}
    assert len(ids) == 2000
    for order_id in itertools.islice(ids, 50):
        assert len(order_id) == 13
        assert order_id.isalnum()
        assert order_id == order_id.upper()
