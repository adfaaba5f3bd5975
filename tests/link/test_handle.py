"""The handle: hosting, attaching, calls and events either way, and a take-over that its users hardly notice."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.handle import Role
from openalgo_lab.engine.link.handle import Hosting, LinkedHandle
from openalgo_lab.model.commands import GetBooks, GetHistory, GetOrder, GetStatus, KillSwitch, PlaceOrder
from openalgo_lab.model.errors import (
    CallTimeout,
    EngineBusy,
    EngineDead,
    EngineError,
    InputError,
    JournalError,
    OutcomeUnknown,
    RiskDenied,
)
from openalgo_lab.model.events import AnyEvent, ErrorRaised, OrderUpdated, TradeHappened
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, FeedMode, Product, Side
from tests.link.conftest import Opened
from tests.support.fake_engine import FakeEngine
from tests.support.waiting import eventually

SBIN, INFY = InstrumentKey(Exchange.NSE, "SBIN"), InstrumentKey(Exchange.NSE, "INFY")


def buy(quantity: int = 10) -> PlaceOrder:
    return PlaceOrder(Exchange.NSE, "SBIN", Side.BUY, quantity, Product.MIS)


@pytest.fixture(params=["host", "guest"])
def handle(request: pytest.FixtureRequest, opened: Opened) -> LinkedHandle:
    """The contract holds on both sides."""
    host = opened()
    return host if request.param == "host" else opened()


# ---- the same on both sides


def test_order_fills_and_stands_in_the_books(handle: LinkedHandle) -> None:
    order = handle.call_sync(buy())
    assert order.status is OrderStatus.COMPLETE
    eventually(lambda: [known.order_id for known in handle.books.orders] == [order.order_id])
    assert handle.call_sync(GetOrder(order.order_id)) == order
    assert handle.call_sync(GetBooks()) == handle.books


def test_errors_come_with_class_and_details(handle: LinkedHandle) -> None:
    with pytest.raises(RiskDenied, match="take 12") as denied:
        handle.call_sync(buy(13))
    assert (denied.value.rule, denied.value.field) == ("luck", "quantity")
    with pytest.raises(InputError) as wrong:
        handle.call_sync(GetHistory(SBIN, "1m", 0, 1))
    assert wrong.value.field == "command"


def test_events_come_in_order_after_the_books(handle: LinkedHandle) -> None:
    heard: list[tuple[AnyEvent, int]] = []
    leave = handle.add_listener(lambda event: heard.append((event, handle.books.version)))
    handle.call_sync(buy())
    eventually(lambda: len(heard) == 3)
    assert [type(event) for event, _ in heard] == [OrderUpdated, OrderUpdated, TradeHappened]
    statuses = [event.order.status for event, _ in heard if isinstance(event, OrderUpdated)]
    assert statuses == [OrderStatus.OPEN, OrderStatus.COMPLETE]
    assert heard[-1][1] == handle.books.version
    leave()
    handle.call_sync(buy())
    assert len(heard) == 3


def test_call_that_is_never_answered_times_out(handle: LinkedHandle) -> None:
    with pytest.raises(CallTimeout, match=r"within 0.05 s; what became of the request stands in the books"):
        handle.call_sync(buy(14), timeout_s=0.05)


def test_calls_from_any_loop(handle: LinkedHandle) -> None:
    order = asyncio.run(handle.call(buy()))
    on_its_own = asyncio.run_coroutine_threadsafe(handle.call(GetOrder(order.order_id)), handle.loop)
    assert on_its_own.result(5) == order


def test_blocking_call_on_the_own_thread_is_refused(handle: LinkedHandle) -> None:
    async def block() -> None:
        handle.call_sync(GetStatus())

    with pytest.raises(EngineError, match="ends in _async"):
        asyncio.run_coroutine_threadsafe(block(), handle.loop).result(5)


def test_quotes_reach_the_board(handle: LinkedHandle, engines: list[FakeEngine]) -> None:
    handle.subscribe((SBIN,), FeedMode.QUOTE, "me")
    eventually(lambda: engines[0].wants)
    tick(handle, engines[0], SBIN, 101.5)
    eventually(lambda: (quote := handle.board.quote(SBIN)) is not None and quote.ltp == 101.5)
    handle.unsubscribe("me")
    eventually(lambda: not engines[0].wants)


def test_unknown_symbol_is_told_as_an_event(handle: LinkedHandle) -> None:
    heard: list[AnyEvent] = []
    handle.add_listener(heard.append)
    handle.subscribe((InstrumentKey(Exchange.NSE, "NOSUCH"),), FeedMode.LTP, "me")
    eventually(lambda: any(isinstance(event, ErrorRaised) and "not listed" in event.message for event in heard))


def test_status_counts_attached_kernels(handle: LinkedHandle) -> None:
    eventually(lambda: handle.status.attached == (handle.role is Role.ATTACHED))
    assert handle.call_sync(GetStatus()).pid == os.getpid()


def test_closed_handle_says_so(handle: LinkedHandle) -> None:
    handle.close()
    handle.close()
    assert handle.role is Role.CLOSED
    with pytest.raises(EngineDead, match="Lab"):
        handle.call_sync(GetStatus())
    handle.subscribe((SBIN,), FeedMode.LTP, "me")


def tick(handle: LinkedHandle, engine: FakeEngine, key: InstrumentKey, ltp: float, **options: Any) -> None:
    """A tick on the engine's own thread; the engine of these tests lives on the first handle's loop."""
    engine.loop.call_soon_threadsafe(lambda: engine.tick(key, ltp, **options))


# ---- attached


def test_second_one_attaches_and_sees_what_was_before(opened: Opened) -> None:
    host = opened()
    order = host.call_sync(buy())
    guest = opened()
    assert (host.role, guest.role) == (Role.HOST, Role.ATTACHED)
    assert guest.books == host.books
    assert guest.books.orders == (order,)


def test_guest_gets_only_what_it_wants(opened: Opened, engines: list[FakeEngine]) -> None:
    host, guest = opened(), opened()
    host.subscribe((INFY,), FeedMode.QUOTE, "host's own")
    guest.subscribe((SBIN,), FeedMode.QUOTE, "me")
    eventually(lambda: len(engines[0].wants) == 2)
    tick(host, engines[0], INFY, 1.0)
    tick(host, engines[0], SBIN, 2.0)
    eventually(lambda: guest.board.quote(SBIN) is not None)
    assert guest.board.find(INFY) is None


def test_depth_travels_only_where_wanted(opened: Opened, engines: list[FakeEngine]) -> None:
    host, guest = opened(), opened()
    guest.subscribe((SBIN,), FeedMode.DEPTH, "ladder")
    guest.subscribe((INFY,), FeedMode.QUOTE, "list")
    eventually(lambda: len(engines[0].wants) == 2)
    tick(host, engines[0], SBIN, 10.0, depth=True)
    tick(host, engines[0], INFY, 20.0, depth=True)
    eventually(lambda: guest.board.quote(SBIN) is not None and guest.board.quote(INFY) is not None)
    depth = guest.board.depth(SBIN)
    assert depth is not None
    assert depth.bids[0].price == 10.0
    assert guest.board.depth(INFY) is None


def test_late_subscriber_gets_the_present_value(opened: Opened, engines: list[FakeEngine]) -> None:
    host, guest = opened(), opened()
    host.subscribe((SBIN,), FeedMode.QUOTE, "host's own")
    tick(host, engines[0], SBIN, 55.0)
    eventually(lambda: host.board.quote(SBIN) is not None)
    guest.subscribe((SBIN,), FeedMode.QUOTE, "me")
    eventually(lambda: guest.board.quote(SBIN) is not None)


def test_owners_are_counted_apart(opened: Opened, engines: list[FakeEngine]) -> None:
    _, one, two = opened(), opened(), opened()
    one.subscribe((SBIN,), FeedMode.QUOTE, "list")
    two.subscribe((SBIN,), FeedMode.QUOTE, "list")
    eventually(lambda: len(engines[0].wants) == 2)
    one.unsubscribe("list")
    eventually(lambda: len(engines[0].wants) == 1)


def test_leaving_guest_takes_its_wants_along(opened: Opened, engines: list[FakeEngine]) -> None:
    host, guest = opened(), opened()
    guest.subscribe((SBIN,), FeedMode.QUOTE, "a")
    guest.subscribe((INFY,), FeedMode.QUOTE, "b")
    eventually(lambda: len(engines[0].wants) == 2)
    guest.close()
    eventually(lambda: not engines[0].wants)
    assert host.role is Role.HOST


def test_commands_of_a_guest_carry_its_name(opened: Opened, engines: list[FakeEngine]) -> None:
    opened()
    guest = opened(name="page")
    guest.call_sync(buy())
    assert engines[0].calls[-1][1].name == f"page:{os.getpid()}"


def test_fault_of_the_engine_is_answered(opened: Opened) -> None:
    opened()
    guest = opened()
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        guest.call_sync(KillSwitch(engage=True))
    assert guest.call_sync(GetStatus()).pid == os.getpid()


# ---- nobody there


def test_page_without_an_engine_is_told_what_to_do(opened: Opened, home: Any) -> None:
    with pytest.raises(EngineDead, match="start one with Lab"):
        LinkedHandle(EngineConfig(), Hosting.NEVER).open(0.1)


def test_holder_that_does_not_answer_is_named(opened: Opened) -> None:
    host = opened()
    host._places.drop_record()
    with pytest.raises(EngineBusy, match=rf"process {os.getpid()}.*does not answer"):
        LinkedHandle(EngineConfig(), Hosting.ALWAYS).open(0.1)


def test_engine_that_cannot_start_says_why_and_frees_the_lock(opened: Opened) -> None:
    async def fail(_config: EngineConfig) -> Any:
        raise JournalError("The disk is full: make room.")

    with pytest.raises(JournalError, match="disk is full"):
        opened(start=fail)
    assert opened().role is Role.HOST


# ---- take-over


def test_guest_takes_over_when_the_host_closes(opened: Opened, engines: list[FakeEngine]) -> None:
    host, guest = opened(), opened()
    order = guest.call_sync(buy())
    guest.subscribe((SBIN,), FeedMode.QUOTE, "me")
    roles: list[Role] = []
    host.close()
    assert engines[0].closed
    assert guest.call_sync(GetOrder(order.order_id)) == order
    roles.append(guest.role)
    assert roles == [Role.HOST]
    assert engines[1].wants == {"me": {SBIN: FeedMode.QUOTE}}
    tick(guest, engines[1], SBIN, 7.0)
    eventually(lambda: (quote := guest.board.quote(SBIN)) is not None and quote.ltp == 7.0)


def test_others_follow_to_the_new_host(opened: Opened, engines: list[FakeEngine]) -> None:
    host, guest, page = opened(), opened(), opened(Hosting.NEVER)
    page.subscribe((SBIN,), FeedMode.QUOTE, "list")
    host.close()
    eventually(lambda: guest.role is Role.HOST and page.role is Role.ATTACHED and engines[1].wants)
    order = page.call_sync(buy())
    eventually(lambda: guest.books.orders == (order,) == page.books.orders)


def test_kernel_made_for_hosting_goes_first(opened: Opened) -> None:
    host, guest, engine_kernel = opened(), opened(), opened(Hosting.ALWAYS)
    assert engine_kernel.role is Role.ATTACHED
    host.close()
    eventually(lambda: guest.role is Role.ATTACHED and engine_kernel.role is Role.HOST)


def test_orders_under_way_are_in_doubt_and_never_sent_twice(opened: Opened, engines: list[FakeEngine]) -> None:
    host, guest = opened(), opened()
    failures: list[BaseException] = []

    def order() -> None:
        try:
            guest.call_sync(buy(14))
        except OutcomeUnknown as error:
            failures.append(error)

    waiting = threading.Thread(target=order)
    waiting.start()
    eventually(lambda: engines[0].calls)
    host.close()
    waiting.join(10)
    assert "look at the orders" in str(failures[0])
    assert guest.call_sync(GetStatus())
    assert not any(isinstance(command, PlaceOrder) for command, _ in engines[1].calls)


def test_order_with_a_client_key_is_asked_for_again(opened: Opened, engines: list[FakeEngine]) -> None:
    """The journal knows the key before the order leaves, so the same key can never be a second order."""
    host, guest = opened(), opened()
    order = PlaceOrder(Exchange.NSE, "SBIN", Side.BUY, 14, Product.MIS, client_key="mine")
    waiting = threading.Thread(target=lambda: _outcome(lambda: guest.call_sync(order, timeout_s=2.0)))
    waiting.start()
    eventually(lambda: engines[0].calls)
    host.close()
    eventually(lambda: len(engines) == 2 and any(command == order for command, _ in engines[1].calls))
    waiting.join(10)


def test_what_a_guest_missed_is_told_as_events(opened: Opened, home: Any) -> None:
    """The host's last fill never reached the guest; the journal has it, so the guest hears it after the take-over."""
    host, guest = opened(), opened()
    heard: list[AnyEvent] = []
    guest.add_listener(heard.append)
    silent = FakeEngine(EngineConfig())
    order = silent._place(buy())  # in the journal only
    host.close()
    eventually(lambda: any(isinstance(event, OrderUpdated) and event.order == order for event in heard))


def test_engine_that_stops_by_itself_is_started_anew(opened: Opened, engines: list[FakeEngine]) -> None:
    host, guest = opened(), opened()
    order = host.call_sync(buy())
    engines[0].closed = True
    eventually(lambda: len(engines) == 2 and {host.role, guest.role} == {Role.HOST, Role.ATTACHED})
    assert guest.call_sync(GetOrder(order.order_id)) == order
    assert host.call_sync(GetOrder(order.order_id)) == order
    eventually(lambda: guest.books == host.books)


def test_thread_that_dies_frees_the_lock(opened: Opened) -> None:
    host = opened()
    host.loop.call_soon_threadsafe(host.loop.stop)
    eventually(lambda: host.role is Role.CLOSED)
    with pytest.raises(EngineDead, match="start it again"):
        host.call_sync(GetStatus())
    eventually(lambda: not host._claim.held)
    assert opened().role is Role.HOST


def test_forked_child_is_told_to_make_its_own(opened: Opened) -> None:
    host = opened()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, _outcome(lambda: host.call_sync(GetStatus())).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert "forked" in pipe.read()
    os.waitpid(child, 0)
    assert host.call_sync(GetStatus())


def _outcome(work: Callable[[], object]) -> str:
    try:
        return repr(work())
    except EngineError as error:
        return str(error)
