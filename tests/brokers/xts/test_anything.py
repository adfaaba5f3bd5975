"""A typed error or a value for anything that an XTS server may send."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.xts import RMONEY
from openalgo_lab.broker import Call
from openalgo_lab.model.errors import (
    DecodeError,
    LabError,
)
from tests.brokers.noren.mutations import mutations
from tests.brokers.xts.examples import (
    CODEC,
    M1501,
    M1502,
    M1510,
    M1512,
    ORDER_ROW,
    PACKED_1501,
    PACKED_1502,
    PLAIN_1501,
    PLAIN_1510,
    POSITION,
    RELIANCE,
    ROWS,
    SESSION,
    an_intent,
    answer,
    event,
    market_feed,
    order_feed,
)

TEXTS = (
    event("1501-json-full", M1501), event("1502-json-full", M1502), event("1510-json-full", M1510),
    event("1501-json-partial", "t:1_2885,ltp:1310.45,ai:0|75|1310.5|3,bi:0|120|1310.4|5"), event("order", ORDER_ROW),
    '0{"sid":"x"}', '451-["xts-binary-packet",{"_placeholder":true,"num":0}]',
)  # fmt: skip
PAYLOADS = (PLAIN_1501, PACKED_1501, PLAIN_1510, PACKED_1502)


def mutated(raw: bytes, data: st.DataObject) -> bytes:
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    return bytes(changed[: data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))])


@given(st.sampled_from(TEXTS), st.data())
def test_mutated_texts_give_a_value_or_a_decode_error(text: str, data: st.DataObject) -> None:
    changed = mutated(text.encode(), data).decode(errors="replace")
    for feed in (market_feed(), order_feed()):
        with contextlib.suppress(DecodeError):
            feed.received(changed)


@given(st.sampled_from(PAYLOADS), st.data())
def test_mutated_packets_give_a_value_or_a_decode_error(payload: bytes, data: st.DataObject) -> None:
    with contextlib.suppress(DecodeError):
        market_feed().received(b"\x04" + mutated(payload, data))


@given(st.binary(max_size=300))
def test_any_bytes(payload: bytes) -> None:
    with contextlib.suppress(DecodeError):
        market_feed().received(payload)


VALUE = st.one_of(
    st.none(), st.text(max_size=20), st.floats(allow_nan=False), st.integers(-(2**63), 2**63), st.booleans()
)


@given(st.sampled_from(["1501-json-full", "1502-json-full", "1512-json-full", "order"]), st.data())
def test_other_values_in_known_fields(name: str, data: st.DataObject) -> None:
    fields: dict[str, Any] = dict(ORDER_ROW if name == "order" else M1502)
    if name == "1512-json-full":
        fields |= M1512
    for key in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=4)):
        fields[key] = data.draw(VALUE)
    for feed in (market_feed(), order_feed()):
        with contextlib.suppress(DecodeError):
            feed.received(event(name, fields))


READS: tuple[Call[Any], ...] = (
    CODEC.order_book(SESSION), CODEC.trade_book(SESSION), CODEC.positions(SESSION), CODEC.holdings(SESSION, "A"),
    CODEC.funds(SESSION, "A"), CODEC.profile(SESSION), CODEC.quotes(SESSION, [RELIANCE]),
    CODEC.depth(SESSION, RELIANCE), CODEC.history(SESSION, RELIANCE, "1m", 0, 2**62),
    CODEC.place(SESSION, an_intent(), RELIANCE), RMONEY.codec.margin(SESSION, [(an_intent(), RELIANCE)]),
    *CODEC.instrument_files(SESSION),
)  # fmt: skip
BODIES = tuple(
    answer(result).body
    for result in (
        [ORDER_ROW], {"positionList": [POSITION]}, {"listQuotes": [json.dumps(M1502)]}, ROWS,
        {"dataReponse": "1737364559|1305|1306.2|1304.1|1305.45|140444|0|"}, {"indexList": ["NIFTY 50_26000"]},
        {"BalanceList": [{"limitHeader": "ALL|ALL|ALL", "limitObject": {"RMSSubLimits": {}}}]}, None, 7,
    )
)  # fmt: skip


@given(st.sampled_from(READS), st.sampled_from(BODIES), st.data())
def test_mutated_answers_give_a_value_or_a_typed_error(call: Call[Any], body: bytes, data: st.DataObject) -> None:
    reply = answer(mutated(body, data), data.draw(st.sampled_from([200, 400])))
    with contextlib.suppress(LabError):
        CODEC.refusal(reply)
    with contextlib.suppress(LabError):
        call.decode(reply)


@pytest.mark.parametrize("seconds", [0.5, pytest.param(60.0, marks=pytest.mark.long)])
def test_mutated_frames_for_a_while(seconds: float) -> None:
    assert mutations(market_feed, (*TEXTS, *(b"\x04" + payload for payload in PAYLOADS)), seconds) > 0
