"""The status bar: facts from snapshots, the kill switch, notes."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np
import pytest

from openalgo_lab import Lab
from openalgo_lab.engine.board import Board
from openalgo_lab.engine.handle import Role
from openalgo_lab.model.events import FeedState, Latency, ReplayStatus
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.portfolio import Position
from openalgo_lab.model.vocabulary import Exchange, Mode, Product
from openalgo_lab.ui.freshness import feed_is_stale
from openalgo_lab.ui.statusbar import StatusBar
from openalgo_lab.ui.statusbar.facts import day_profit_paise, facts_of
from tests.support.waiting import eventually
from tests.support.widget_page import Page


def handle_with(lab: Lab, *, role: Role = Role.ATTACHED, **changes: Any) -> Any:
    status = msgspec.structs.replace(lab.handle.status, **changes)
    return SimpleNamespace(status=status, role=role, books=lab.handle.books, board=lab.handle.board)


def feed(lab: Lab, **changes: Any) -> tuple[FeedState, ...]:
    broker = lab.handle.status.accounts[0].broker
    return (FeedState(**{"broker": broker, "connected": True, "age_ms": 10.0} | changes),)


@pytest.mark.parametrize(
    ("changes", "health", "text", "grey"),
    [
        ({"age_ms": 10.0}, "good", "live", False),
        ({"age_ms": 1_200.0}, "good", "1.2 s old", False),
        ({"age_ms": 3_000.0}, "slow", "3.0 s old", False),
        ({"age_ms": 9_000.0}, "lost", "9.0 s old", True),
        ({"age_ms": -1.0}, "slow", "waiting", True),
        ({"connected": False, "detail": "logged out"}, "lost", "logged out", True),
        ({"connected": False}, "lost", "no feed", True),
    ],
)
def test_freshness_is_said_and_makes_prices_grey(
    lab: Lab, changes: dict[str, Any], health: str, text: str, grey: bool
) -> None:
    handle = handle_with(lab, feeds=feed(lab, **changes))
    facts = facts_of(handle)
    assert (facts.feed, facts.feed_text) == (health, text)
    assert feed_is_stale(handle) is grey


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_has_its_word(lab: Lab, mode: Mode) -> None:
    facts = facts_of(handle_with(lab, mode=mode))
    assert facts.mode_word == mode.name


def test_who_runs_the_engine_and_that_it_is_lost(lab: Lab) -> None:
    assert "process" in facts_of(handle_with(lab)).engine_text
    assert "this kernel" in facts_of(handle_with(lab, role=Role.HOST)).engine_text
    lost = facts_of(handle_with(lab, role=Role.RECOVERING))
    assert lost.recovering
    assert "taking over" in lost.engine_text
    assert facts_of(handle_with(lab, order_ack=Latency(1.25, 3.0, 10))).order_text == "1.2 ms"


def test_a_replay_stands_somewhere(lab: Lab) -> None:
    now = ReplayStatus("day.parquet", start_ns=0, end_ns=100, now_ns=25, speed=30.0, paused=False, ended=False)
    replay = facts_of(handle_with(lab, replay=now)).replay
    assert replay is not None
    assert (replay.progress, replay.speed, replay.ended) == (0.25, 30.0, False)


def test_profit_of_the_day_is_summed_in_paise() -> None:
    board = Board()
    key = InstrumentKey(Exchange.NSE, "SBIN")
    board.write(np.array([board.row(key)]), {"ltp": np.array([101.1])}, np.array([1]))

    def position(symbol: str, quantity: int, realised: int) -> Position:
        empty = msgspec.convert(
            {"account": "A", "exchange": "NSE", "symbol": symbol, "product": Product.MIS.value, "quantity": quantity,
             "average_price": 100.0, "realised_paise": realised},
            Position, strict=False,
        )  # fmt: skip
        return cast("Position", empty)

    positions = [position("SBIN", 10, 250), position("SBIN", 0, 5), position("NOPRICE", 3, 7)]
    assert day_profit_paise(positions, board) == 10 * 110 + 250 + 5 + 7


@pytest.fixture
def bar(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[StatusBar, Page]]:
    made = StatusBar(lab)
    yield made, Page(made, monkeypatch)
    lab.kill_switch(False)
    made.close()


def test_the_bar_is_told_once_a_view_says_hello(bar: tuple[StatusBar, Page]) -> None:
    _bar, page = bar
    page.say(k="hello")
    eventually(lambda: "facts" in page.seen)
    assert page.seen["facts"]["mode_word"] == "SIMULATED"


def test_the_kill_switch_goes_to_the_engine_and_back(lab: Lab, bar: tuple[StatusBar, Page]) -> None:
    _bar, page = bar
    page.say(k="kill", engage=True)
    eventually(lambda: lab.handle.status.kill_switch)
    eventually(lambda: "note" in page.seen)
    page.say(k="kill", engage=False)
    eventually(lambda: not lab.handle.status.kill_switch)


def test_steering_what_is_no_replay_gives_a_sentence(bar: tuple[StatusBar, Page]) -> None:
    _bar, page = bar
    page.say(k="steer", paused=True)
    eventually(lambda: "note" in page.seen)
    assert page.seen["note"]["tone"] == "bad"
    page.say(k="unknown")
