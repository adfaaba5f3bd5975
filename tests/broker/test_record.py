"""Fields of brokers' answers: in every spelling that fits, and refused in every other."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.vocabulary import Side

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def record(value: Any) -> Record:
    return Record({"a": value}, "Broker")


@pytest.mark.parametrize(("value", "whole"), [(5, 5), ("5", 5), (5.0, 5), ("5.0", 5), (-3, -3)])
def test_whole_numbers_in_their_spellings(value: Any, whole: int) -> None:
    assert record(value).whole("a") == whole


@pytest.mark.parametrize("value", ["", "nan", None, True, [], {}, "5x", math.inf, 10**30])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(DecodeError):
        record(value).number("a")


def test_a_blank_is_what_the_reader_says() -> None:
    assert record("").number("a", 0.0) == record(None).number("a", 0.0) == Record({}, "B").number("a", 0.0) == 0.0
    assert math.isnan(record("").number("a", math.nan))
    assert Record({}, "B").text("a", "") == ""


@pytest.mark.parametrize("value", [1.5, "1.5", -1])
def test_counts_are_whole_and_not_negative(value: Any) -> None:
    with pytest.raises(DecodeError):
        record(value).count("a")


def test_text_takes_order_numbers() -> None:
    assert record(112111182198).text("a") == record("112111182198").text("a") == "112111182198"


def test_words_are_total() -> None:
    assert record("B").word({"B": Side.BUY}, "a", "side") is Side.BUY
    with pytest.raises(DecodeError, match="unknown side"):
        record("X").word({"B": Side.BUY}, "a", "side")


def test_lists_and_objects() -> None:
    assert [r.whole("b") for r in record([{"b": 1}, {"b": 2}]).records("a")] == [1, 2]
    assert record(None).records("a") == []
    for value in (3, {"b": 1}, [3]):
        with pytest.raises(DecodeError):
            record(value).records("a")


@given(JSON)
def test_any_json_gives_a_value_or_a_decode_error(value: Any) -> None:
    readers = (Record.text, Record.number, Record.whole, Record.count, Record.moment, Record.record, Record.records)
    for reader in readers:
        with contextlib.suppress(DecodeError):
            reader(record(value), "a")


@given(st.binary(max_size=20))
def test_any_bytes_are_json_or_a_decode_error(body: bytes) -> None:
    with contextlib.suppress(DecodeError):
        parsed(body, "Broker")
