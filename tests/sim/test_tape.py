"""The feed's side of the exchange: what is looked at, on which thread, and what a reader gets of it."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from openalgo_lab.model.market import TickBatch
from openalgo_lab.sim.simulated import SimulatedMarket
from openalgo_lab.sim.tape import DEPTH, LTP, QUOTE, UNKNOWN, Reader, Tape
from tests.sim.fake_market import NIFTY, SBIN, SUZLON, FakeMarket


def tape_of(market: FakeMarket, *subscribed: tuple[int, int]) -> tuple[Tape, Reader]:
    tape, reader = Tape(market, lambda token: True), Reader("ME")
    tape.add(reader)
    for token, kind in subscribed:
        tape.change(reader, [token], kind)
    return tape, reader


def prices(frames: list[str | bytes]) -> dict[int, int]:
    """Token to last price of everything in the frames."""
    found = {}
    for frame in frames:
        assert isinstance(frame, bytes)
        _, _, kind, count, _ = struct.unpack_from("<2sBBIQ", frame)
        rows = np.frombuffer(frame, dtype="<i8", offset=struct.calcsize("<2sBBIQ")).reshape(count, -1)
        assert rows.shape[1] == {LTP: 3, QUOTE: 16, DEPTH: 36}[kind]
        found.update(zip(rows[:, 0].tolist(), rows[:, 2].tolist(), strict=True))
    return found


@pytest.mark.parametrize("kind", [LTP, QUOTE, DEPTH])
def test_nothing_is_sent_of_a_row_before_it_has_a_price(kind: int) -> None:
    """A look that is under way on another thread has laid out its rows already."""
    tape, reader = tape_of(FakeMarket(), (SBIN, kind))
    look = tape.begin()
    assert look is not None
    assert reader.take(tape) == []
    tape.put(look, tape.take(look))
    assert prices(reader.take(tape)) == {SBIN: 800_0000}
    assert reader.take(tape) == []


def test_a_look_that_was_overtaken_counts_no_more() -> None:
    market = FakeMarket()
    tape, reader = tape_of(market, (SBIN, QUOTE))
    slow = tape.begin()
    assert slow is not None
    old = tape.take(slow)
    market.prices[SBIN] = 801.0
    tape.step()
    tape.put(slow, old)
    assert prices(reader.take(tape)) == {SBIN: 801_0000}


def test_who_comes_while_a_look_is_under_way_loses_nothing() -> None:
    tape, reader = tape_of(FakeMarket(), (SBIN, QUOTE))
    look = tape.begin()
    assert look is not None
    late = Reader("LATE")
    tape.add(late)
    tape.change(late, [SBIN, SUZLON], LTP)
    tape.put(look, tape.take(look))
    tape.step()
    assert prices(reader.take(tape)) == {SBIN: 800_0000}
    assert prices(late.take(tape)) == {SBIN: 800_0000, SUZLON: 60_0000}


def test_an_unknown_price_is_told_once() -> None:
    market = FakeMarket()
    market.prices[SBIN] = float("nan")
    tape, reader = tape_of(market, (SBIN, LTP), (NIFTY, LTP))
    tape.step()
    assert prices(reader.take(tape)) == {SBIN: UNKNOWN, NIFTY: 24000_0000}
    tape.step()
    assert reader.take(tape) == []


def test_of_many_rows_a_share_is_looked_at_each_step_and_all_in_turn() -> None:
    market = SimulatedMarket()
    tokens = [instrument.token for instrument in market.instruments()][:4500]
    asked: list[set[int]] = []
    snapshot = market.snapshot

    def noted(tokens: np.ndarray, now_ns: int, *, depth: bool) -> TickBatch:
        asked.append(set(tokens.tolist()))
        return snapshot(tokens, now_ns, depth=depth)

    market.snapshot = noted  # type: ignore[method-assign]
    tape, reader = Tape(market, lambda token: True), Reader("ME")
    tape.add(reader)
    tape.change(reader, tokens, QUOTE)
    tape.step()
    assert asked[0] == set(tokens), "what has no price yet is looked at at once"
    asked.clear()
    for _ in range(tape.turns):
        tape.step()
    assert {len(some) for some in asked} == {2000}
    assert set().union(*asked) == set(tokens)
    assert prices(reader.take(tape)).keys() == set(tokens)
