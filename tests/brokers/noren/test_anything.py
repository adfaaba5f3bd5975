"""A typed error or a value for anything that the Noren order system may send."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.broker import Call
from openalgo_lab.model.errors import (
    DecodeError,
    LabError,
)
from openalgo_lab.model.gtt import GttLeg
from openalgo_lab.model.times import IST, from_ns
from tests.brokers.noren.examples import (
    CODEC,
    DF,
    DK,
    FLATTRADE_FILE,
    NFO_FILE,
    OM,
    ORDER_ROW,
    QUOTE,
    RELIANCE,
    SESSION,
    TF,
    TK,
    a_feed,
    a_gtt,
    an_intent,
    answer,
    zipped,
)
from tests.brokers.noren.mutations import mutations

FRAMES = (TK, TF, DK, DF, OM)


def check_frame(frame: str | bytes) -> None:
    with contextlib.suppress(DecodeError):
        a_feed().received(frame)


@given(st.sampled_from(FRAMES), st.data())
def test_mutated_frames_give_a_value_or_a_decode_error(frame: str, data: st.DataObject) -> None:
    raw = bytearray(frame.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    check_frame(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    check_frame(bytes(raw))


VALUE = st.one_of(
    st.none(), st.text(max_size=20), st.floats(), st.integers(), st.booleans(), st.lists(st.integers(), max_size=2)
)


@given(st.sampled_from(FRAMES), st.data())
def test_other_values_in_known_fields(frame: str, data: st.DataObject) -> None:
    fields = msgspec.json.decode(frame)
    for key in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=4)):
        fields[key] = data.draw(VALUE)
    check_frame(msgspec.json.encode(fields))


BODIES = (
    msgspec.json.encode([ORDER_ROW]),
    msgspec.json.encode(QUOTE),
    msgspec.json.encode({"stat": "Not_Ok", "emsg": "x"}),
    zipped(NFO_FILE),
    FLATTRADE_FILE.encode(),
)
READS: tuple[Call[Any], ...] = (
    CODEC.order_book(SESSION), CODEC.trade_book(SESSION), CODEC.positions(SESSION), CODEC.holdings(SESSION, "A"),
    CODEC.funds(SESSION, "A"), CODEC.profile(SESSION), CODEC.quotes(SESSION, [RELIANCE]),
    CODEC.depth(SESSION, RELIANCE),
    CODEC.history(SESSION, RELIANCE, "1m", 0, 2**62), CODEC.history(SESSION, RELIANCE, "D", 0, 2**62),
    CODEC.gtt_book(SESSION), CODEC.place(SESSION, an_intent(), RELIANCE),
    CODEC.margin(SESSION, [(an_intent(), RELIANCE)]),
    CODEC.place_gtt(SESSION, a_gtt(GttLeg(1350.0, 1349.5, 10)), RELIANCE), *CODEC.instrument_files(SESSION)[:2],
)  # fmt: skip


@given(st.sampled_from(READS), st.sampled_from(BODIES), st.data())
def test_mutated_answers_give_a_value_or_a_typed_error(call: Call[Any], body: bytes, data: st.DataObject) -> None:
    raw = bytearray(body)
    for _ in range(data.draw(st.integers(0, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    reply = answer(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    with contextlib.suppress(LabError):
        CODEC.refusal(reply)
    with contextlib.suppress(LabError):
        call.decode(reply)
    with contextlib.suppress(LabError):
        call.decode(answer(bytes(raw)))


def test_ist_is_what_the_books_mean() -> None:
    (report,) = CODEC.order_book(SESSION).decode(answer([{**ORDER_ROW, "exch_tm": "01-01-1980 00:00:00"}]))
    assert from_ns(report.exchange_ns).astimezone(IST).hour == 10, (
        "a stamp of 1980 is none: the order system's own counts"
    )


@pytest.mark.parametrize("seconds", [0.5, pytest.param(60.0, marks=pytest.mark.long)])
def test_mutated_frames_for_a_while(seconds: float) -> None:
    assert mutations(a_feed, FRAMES, seconds) > 0
