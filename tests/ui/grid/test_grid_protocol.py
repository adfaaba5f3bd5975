"""The widget against a page in Python: rows, pushes, back-pressure, lost messages, events, threads."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.errors import InputError
from openalgo_lab.ui.grid import Column, Empty, GridEvent
from openalgo_lab.ui.grid.credit import BLIND_FULL_NS, BLIND_INTERVAL_NS, MS, WINDOW, Credit, LoopPulse
from tests.ui.grid.decoder import Mirror
from tests.ui.grid.harness import Wired

COLUMNS = [
    Column(key="symbol", title="Symbol", kind="text"),
    Column(key="ltp", title="LTP", kind="price"),
    Column(key="pct", title="%", kind="pct"),
]
TEXT = {"symbol": ["SBIN", "INFY", "TCS"]}


class Kernel:
    """A pulse and a clock that the test sets."""

    def __init__(self) -> None:
        self.silent = False
        self.now = 10**12

    def busy(self, now_ns: int) -> bool:
        return self.silent

    def clock(self) -> int:
        return self.now


def make(kernel: Kernel | None = None) -> Wired:
    grid = Wired("watch", COLUMNS, **({"pulse": kernel} if kernel else {}))
    if kernel:
        grid._credit = Credit(kernel, kernel.clock)
    return grid


def opened() -> tuple[Wired, Mirror]:
    grid = make()
    grid.set_rows([1, 2, 3], TEXT)
    grid.say({"k": "h"})
    mirror = Mirror(COLUMNS).take(grid.take())
    return grid, mirror


def ack(grid: Wired, mirror: Mirror) -> None:
    grid.say({"k": "a", "seq": mirror.seq, "ms": 2.0, "lag": 6.0})


def test_nothing_leaves_before_a_page_asks() -> None:
    grid = make()
    grid.set_rows([1, 2, 3], TEXT)
    grid.push({"ltp": [1, 2, 3]}, engine_ns=5)
    assert grid.take() == []
    grid.say({"k": "h"})
    mirror = Mirror(COLUMNS).take(grid.take())
    assert mirror.ids == (1, 2, 3)
    assert mirror.text == TEXT
    assert mirror.column("ltp").tolist() == [1, 2, 3]


def test_a_page_that_comes_again_gets_everything() -> None:
    grid, _ = opened()
    grid.push({"ltp": [1, 2, 3]}, engine_ns=5)
    grid.take()
    grid.say({"k": "h"})
    again = Mirror(COLUMNS).take(grid.take())
    assert again.column("ltp").tolist() == [1, 2, 3]
    assert again.text == TEXT


def test_a_silent_page_gets_a_window_of_frames_and_then_the_newest_state() -> None:
    grid, mirror = opened()
    for step in range(100):
        grid.push({"ltp": [step, step, step]}, engine_ns=step)
    sent = grid.take()
    assert len(sent) == WINDOW - 1  # the first frame of the window answered the page's hello
    assert grid.take() == []
    mirror.take(sent)
    ack(grid, mirror)
    mirror.take(grid.take())
    assert mirror.column("ltp").tolist() == [99, 99, 99]
    assert grid.stats.coalesced == 1 + 100 - (WINDOW - 1)  # the rows that came before the page, too
    assert (grid.stats.paint_ms, grid.stats.lag_ms) == (2.0, 6.0)


def test_text_costs_credit_too() -> None:
    grid, mirror = opened()
    for step in range(50):
        grid.set_rows([1, 2, 3], {"symbol": ["SBIN", "INFY", f"S{step}"]})
    sent = grid.take()
    assert [content["k"] for content, _ in sent] == ["x", "d"] * (WINDOW - 1)
    mirror.take(sent)
    ack(grid, mirror)
    assert mirror.take(grid.take()).text["symbol"][2] == "S49"


def test_new_rows_are_a_new_layout_and_a_full_frame() -> None:
    grid, mirror = opened()
    grid.push({"ltp": [1, 2, 3]}, engine_ns=1)
    grid.set_rows([3, 7], {"symbol": ["TCS", "NTPC"]}, decimals=[2, 4], actions=[1, 3])
    sent = grid.take()
    assert [content["k"] for content, _ in sent] == ["f", "l", "f"]
    assert sent[1][1] == [b"\x02\x04", b"\x01\x03"]
    mirror.take(sent)
    assert mirror.column("ltp")[0] == 3
    assert np.isnan(mirror.column("ltp")[1])


def test_a_change_of_masks_alone_is_a_patch() -> None:
    grid, _ = opened()
    grid.set_rows([1, 2, 3], TEXT, actions=[1, 1, 1])
    grid.take()
    grid.set_rows([1, 2, 3], TEXT, actions=[1, 0, 1])
    (content, buffers), _frame = grid.take()
    assert (content["k"], content["cells"], content["act"], buffers) == ("x", [], True, [b"\x01\x00\x01"])


def test_a_gap_is_mended_with_a_full_frame() -> None:
    grid, mirror = opened()
    grid.push({"ltp": [1, 2, 3]}, engine_ns=1)
    grid.take()  # lost on the way
    grid.push({"ltp": [1, 2, 4]}, engine_ns=2)
    assert mirror.take(grid.take()).needs
    grid.say({"k": "n", "seq": mirror.seq, "rev": mirror.rev})
    sent = grid.take()
    assert [content["k"] for content, _ in sent] == ["f"]
    assert mirror.take(sent).column("ltp").tolist() == [1, 2, 4]


def test_a_page_that_lost_the_whole_window_recovers_by_asking() -> None:
    kernel = Kernel()
    grid = make(kernel)
    grid.set_rows([1, 2, 3], TEXT)
    grid.say({"k": "h"})
    mirror = Mirror(COLUMNS).take(grid.take())
    for step in range(20):
        grid.push({"ltp": [step, step, step]}, engine_ns=step)
    grid.take()  # all lost
    grid.say({"k": "p", "seq": mirror.seq, "rev": mirror.rev})
    assert len(grid.take()) == 2  # too early to call them lost: a pong, and one more frame, which is lost too
    kernel.now += 2_000 * MS
    grid.say({"k": "p", "seq": mirror.seq, "rev": mirror.rev})
    assert mirror.take(grid.take()).column("ltp").tolist() == [19, 19, 19]


def test_an_idle_page_that_asks_is_answered_and_sent_nothing() -> None:
    grid, mirror = opened()
    grid.say({"k": "p", "seq": mirror.seq, "rev": mirror.rev})
    assert grid.take() == [({"k": "p"}, [])]


def test_a_busy_kernel_does_not_stop_the_frames() -> None:
    kernel = Kernel()
    grid = make(kernel)
    grid.set_rows([1, 2, 3], TEXT)
    grid.say({"k": "h"})
    mirror = Mirror(COLUMNS).take(grid.take())
    kernel.silent = True  # a long cell: acknowledgements are not read
    kinds = []
    for step in range(60):
        grid.push({"ltp": [1, 2, step]}, engine_ns=step)
        kernel.now += 50 * MS
        sent = grid.take()
        kinds += [content["k"] for content, _ in sent]
        mirror.take(sent)
    assert not mirror.needs
    assert mirror.column("ltp")[2] >= 57
    seconds = 60 * 50 * MS / BLIND_FULL_NS
    assert kinds.count("f") >= seconds - 1
    assert len(kinds) <= WINDOW + 60 * 50 * MS / BLIND_INTERVAL_NS + 1


def test_a_busy_kernel_shows_a_grid_whose_page_could_not_be_heard_yet() -> None:
    kernel = Kernel()
    kernel.silent = True
    grid = make(kernel)
    grid.set_rows([1, 2, 3], TEXT)
    mirror = Mirror(COLUMNS).take(grid.take())
    assert mirror.text == TEXT


def test_a_frozen_page_is_not_flooded_when_the_kernel_is_well() -> None:
    kernel = Kernel()
    grid = make(kernel)
    grid.set_rows([1, 2, 3], TEXT)
    grid.say({"k": "h"})
    for step in range(10_000):
        grid.push({"ltp": [1, 2, step]}, engine_ns=step)
        kernel.now += 50 * MS
    assert len(grid.take()) <= 1 + WINDOW


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("push"), st.integers(0, 2), st.integers(0, 50)),
            st.tuples(st.just("rows"), st.permutations([1, 2, 3, 4]), st.integers(1, 4)),
            st.tuples(st.just("text"), st.integers(0, 3), st.text(max_size=3)),
            st.tuples(st.just("ack"), st.none(), st.none()),
            st.tuples(st.just("lose"), st.none(), st.none()),
            st.tuples(st.just("reload"), st.none(), st.none()),
        ),
        max_size=40,
    )
)
def test_whatever_happens_the_page_ends_with_the_newest_state(steps: list[tuple[str, object, object]]) -> None:
    kernel = Kernel()
    grid = make(kernel)
    mirror = Mirror(COLUMNS)
    expected: dict[int, float] = {}
    names = {row: f"S{row}" for row in (1, 2, 3, 4)}
    ids: list[int] = []
    grid.say({"k": "h"})
    for what, first, second in steps:
        if what == "push" and ids:
            expected[ids[first % len(ids)]] = second
            grid.push({"ltp": [expected.get(row, np.nan) for row in ids]}, engine_ns=1)
        elif what == "rows":
            ids = first[:second]
            expected = {row: value for row, value in expected.items() if row in ids}
            grid.set_rows(ids, {"symbol": [names[row] for row in ids]})
        elif what == "text" and ids:
            names[ids[first % len(ids)]] = second
            grid.set_rows(ids, {"symbol": [names[row] for row in ids]})
        elif what == "lose":
            grid.take()
        elif what == "reload":
            mirror = Mirror(COLUMNS)
            grid.take()
            grid.say({"k": "h"})
        exchange(grid, mirror, acknowledge=what == "ack")
    kernel.now += 10_000 * MS
    for _ in range(4):
        grid.say({"k": "p", "seq": mirror.seq, "rev": mirror.rev})
        exchange(grid, mirror, acknowledge=True)
    assert mirror.ids == tuple(ids)
    assert mirror.text.get("symbol", []) == [names[row] for row in ids]
    np.testing.assert_array_equal(mirror.column("ltp"), [expected.get(row, np.nan) for row in ids])


def exchange(grid: Wired, mirror: Mirror, *, acknowledge: bool) -> None:
    mirror.take(grid.take())
    if mirror.needs:
        mirror.needs = False
        grid.say({"k": "n", "seq": mirror.seq, "rev": mirror.rev})
        mirror.take(grid.take())
    elif acknowledge:
        grid.say({"k": "a", "seq": mirror.seq})
        mirror.take(grid.take())


def test_pushes_from_a_thread_while_the_kernel_answers_keep_order() -> None:
    grid, mirror = opened()
    done = threading.Event()

    def publish() -> None:
        for step in range(2_000):
            grid.push({"ltp": [step, step, step]}, engine_ns=step)
        done.set()

    thread = threading.Thread(target=publish)
    thread.start()
    seen = 0
    while not done.is_set() or len(grid.outbox) > seen:
        batch = grid.outbox[seen:]
        seen += len(batch)
        mirror.take(batch)
        ack(grid, mirror)
    thread.join()
    assert not mirror.needs
    assert mirror.column("ltp").tolist() == [1999, 1999, 1999]


def test_the_pulse_asks_the_loop() -> None:
    async def run() -> tuple[bool, bool, bool, bool]:
        pulse = LoopPulse(asyncio.get_running_loop())
        first, soon, later = pulse.busy(0), pulse.busy(50 * MS), pulse.busy(200 * MS)
        await asyncio.sleep(0)
        return first, soon, later, pulse.busy(400 * MS)

    assert asyncio.run(run()) == (False, False, True, False)
    assert not LoopPulse(None).busy(10**15)


def test_a_closed_loop_is_not_taken_for_a_busy_one_at_once() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    assert not LoopPulse(loop).busy(0)


def test_events_arrive_typed_and_can_be_unsubscribed() -> None:
    grid, _ = opened()
    seen: list[GridEvent] = []
    forget: Callable[[], None] = grid.on_event(seen.append)
    grid.say({"k": "e", "event": {"type": "click", "row": 2, "column": "ltp", "shift": True}})
    forget()
    grid.say({"k": "e", "event": {"type": "click", "row": 2, "column": "ltp"}})
    assert seen == [GridEvent(type="click", row=2, column="ltp", shift=True)]


def test_an_event_on_a_row_that_has_gone_is_dropped() -> None:
    grid, _ = opened()
    seen: list[GridEvent] = []
    grid.on_event(seen.append)
    grid.say({"k": "e", "event": {"type": "action", "row": 99, "column": "ltp", "action": "cancel"}})
    assert seen == []


@pytest.mark.parametrize(
    "content",
    [{}, {"k": "zz"}, {"k": "a", "seq": "x"}, {"k": "e", "event": {"type": "melt"}}, {"k": "e", "event": 3}, "a"],
)
def test_a_message_that_cannot_be_read_is_reported_and_does_no_harm(
    content: object, caplog: pytest.LogCaptureFixture
) -> None:
    grid, _ = opened()
    with caplog.at_level(logging.WARNING):
        grid.say(content)
    assert "reload the page" in caplog.text
    assert grid.take() == []


def test_an_acknowledgement_of_a_frame_never_sent_is_ignored() -> None:
    grid, _ = opened()
    grid.say({"k": "a", "seq": 10**9})
    for step in range(50):
        grid.push({"ltp": [1, 2, step]}, engine_ns=step)
    assert len(grid.take()) == WINDOW - 1


def test_rows_that_do_not_fit_are_refused_whole() -> None:
    grid, _ = opened()
    for bad in ({}, {"symbol": ["A"]}, {**TEXT, "extra": ["", "", ""]}):
        with pytest.raises(InputError):
            grid.set_rows([4, 5, 6], bad)
    with pytest.raises(InputError, match="decimals has shape"):
        grid.set_rows([4, 5, 6], TEXT, decimals=[2])
    with pytest.raises(InputError):
        grid.set_rows([4, 5, 6], TEXT, flags=[1])
    with pytest.raises(InputError):
        grid.set_rows([4, 5, 6], TEXT, values={"ltp": [1]})
    with pytest.raises(InputError):
        grid.set_rows([4, 4, 6], TEXT)
    assert grid.row_ids == (1, 2, 3)
    assert grid.take() == []


def test_the_empty_state_can_change() -> None:
    grid, _ = opened()
    grid.set_rows([], {"symbol": []}, empty=Empty(text="No orders.", label="Trade", action="ticket"))
    content, _ = grid.take()[0]
    assert content["empty"] == {"text": "No orders.", "label": "Trade", "action": "ticket"}
