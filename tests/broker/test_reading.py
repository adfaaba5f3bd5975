"""Numbers, times and words as brokers write them."""

from __future__ import annotations

import contextlib
import math
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.broker.reading import from_word, moment, number, read, to_word, whole, words
from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.times import IST, to_ns
from openalgo_lab.model.vocabulary import PriceType, Side

TEN_FIFTEEN = to_ns(datetime(2026, 2, 10, 10, 15, 30, tzinfo=IST))


@pytest.mark.parametrize(
    "text",
    [
        "10:15:30 10-02-2026",
        "10-02-2026 10:15:30",
        "10-Feb-2026 10:15:30",
        "10-FEB-2026 10:15:30",
        "2026-02-10T10:15:30",
        "2026-02-10 10:15:30",
        "2026-02-10T10:15:30+05:30",
        "2026-02-10T04:45:30Z",
        "1770698730",
        1770698730,
        1770698730.0,
    ],
)
def test_one_moment_in_every_spelling(text: str | float) -> None:
    assert moment(text) == TEN_FIFTEEN


def test_fractions_to_the_nanosecond() -> None:
    assert moment("2026-02-10T10:15:30.8001874") == TEN_FIFTEEN + 800_187_400


@pytest.mark.parametrize("text", ["", " ", None, "01-01-1980 00:00:00", "01-Jan-1970 05:30:00", 0, "0"])
def test_signs_for_no_time(text: str | int | None) -> None:
    assert moment(text) == 0


@pytest.mark.parametrize(
    "text", ["yesterday", "31-02-2026 10:15:30", "10-Feb-3026 10:15:30", "10-XYZ-2026 10:15:30", -1]
)
def test_what_is_no_time_is_said(text: str | int) -> None:
    with pytest.raises(DecodeError):
        moment(text)


def test_numbers() -> None:
    assert (number("104.35"), number(""), number(None), number("NaN"), number(" 7 ")) == (104.35, 0.0, 0.0, 0.0, 7.0)
    assert math.isnan(number("", math.nan))
    assert (whole("0010"), whole("10.0"), whole(None, 3)) == (10, 10, 3)
    for wrong in ("1_0", "ten", "inf", 1e30, "1e400"):
        with pytest.raises(DecodeError):
            number(wrong)
    with pytest.raises(DecodeError):
        whole("0.5")


def test_words_are_total_or_refused() -> None:
    table = words(Side, "B=BUY S~S=SELL")
    assert dict(table) == {"B": Side.BUY, "S S": Side.SELL}
    assert to_word(table, Side.SELL, "side", "It") == "S S"
    with pytest.raises(DecodeError, match="unknown side"):
        from_word(table, "X", "side", "It")
    with pytest.raises(InputError) as error:
        to_word(words(PriceType, "LIMIT"), PriceType.SL_M, "price type", "It")
    assert error.value.field == "price_type"


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.none()))
def test_anything_gives_a_value_or_a_decode_error(value: str | float | None) -> None:
    for reader in (number, whole, moment):
        with contextlib.suppress(DecodeError):
            reader(value)


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_a_decode_error(body: bytes) -> None:
    with contextlib.suppress(DecodeError):
        read(body, dict[str, int], "It")
