"""What people type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.lab.words import infer_price_type, moment_ns, resolve, rupee_price, whole_number, word
from openalgo_lab.model.errors import InputError, SymbolError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.times import IST, NS_PER_DAY, format_ist
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType, Side
from openalgo_lab.store.instruments import InstrumentStore

KEY = InstrumentKey(Exchange.NSE, "SBIN")


def listed(symbol: str, exchange: Exchange, token: int, kind: InstrumentType = InstrumentType.EQ) -> Instrument:
    return Instrument(symbol, exchange, kind, symbol, token, 1, 0.05)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstrumentStore]:
    path: Path = tmp_path_factory.mktemp("store") / "instruments.db"
    rows = [
        listed("SBIN", Exchange.NSE, 1),
        listed("RELIANCE", Exchange.BSE, 3),
        listed("RELIANCE", Exchange.NSE, 2),
        listed("GOLD", Exchange.BSE, 6),
        listed("GOLD", Exchange.MCX, 7),
        listed("NIFTY", Exchange.NSE_INDEX, 4, InstrumentType.INDEX),
        listed("M&M", Exchange.NSE, 5),
    ]
    built = InstrumentStore.build(path, rows, date(2026, 8, 19))
    yield built
    built.close()


@pytest.mark.parametrize(
    "symbol",
    ["SBIN", "sbin ", "NSE:SBIN", "nse:sbin", ("SBIN", "NSE"), ("sbin", "nse"), KEY, listed("SBIN", Exchange.NSE, 1)],
)
def test_one_instrument_in_all_its_forms(store: InstrumentStore, symbol: Any) -> None:
    assert resolve(store, symbol).key == KEY


def test_exchange_beside_the_symbol(store: InstrumentStore) -> None:
    assert resolve(store, "RELIANCE", "bse").exchange is Exchange.BSE
    assert resolve(store, "NSE:RELIANCE", Exchange.NSE).exchange is Exchange.NSE
    assert resolve(store, "M&M").symbol == "M&M"


def test_a_bare_symbol_that_several_exchanges_list_is_nses(store: InstrumentStore) -> None:
    assert resolve(store, "reliance").exchange is Exchange.NSE
    assert resolve(store, "BSE:RELIANCE").exchange is Exchange.BSE


@pytest.mark.parametrize(
    ("symbol", "exchange", "sentence"),
    [
        ("GOLD", None, "listed on 2 exchanges: say which, 'BSE:GOLD' or 'MCX:GOLD'"),
        ("RELIENCE", None, "the nearest are .*RELIANCE"),
        ("SBIN", "BSE", "is no listed symbol on BSE"),
        ("NSE:SBIN", "BSE", "asked for on NSE and on BSE: say one"),
        ("XXX:SBIN", None, "'XXX' is no exchange: use one of NSE, BSE"),
        ("", None, "The symbol is empty"),
        (42, None, "42 is no symbol: write 'SBIN'"),
        (("SBIN",), None, "is no symbol"),
    ],
)
def test_symbol_that_is_not_clear_says_what_to_write(
    store: InstrumentStore, symbol: Any, exchange: str | None, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence) as wrong:
        resolve(store, symbol, exchange)
    assert isinstance(wrong.value, SymbolError) or wrong.value.field == "exchange"


@pytest.mark.parametrize("text", ["buy", "BUY", " Buy ", Side.BUY])
def test_words_in_any_case(text: str) -> None:
    assert word(Side, text, "side") is Side.BUY


@pytest.mark.parametrize("text", ["SL-M", "sl-m", "SL_M", PriceType.SL_M])
def test_hyphen_and_underscore_are_one(text: str) -> None:
    assert word(PriceType, text, "price_type") is PriceType.SL_M


def test_unknown_word_lists_the_choices() -> None:
    with pytest.raises(InputError, match="'STOP' is no price type: use one of MARKET, LIMIT, SL, SL-M") as wrong:
        word(PriceType, "STOP", "price_type")
    assert wrong.value.field == "price_type"


@pytest.mark.parametrize("value", [10, np.int64(10), np.int32(10)])
def test_whole_numbers(value: Any) -> None:
    assert whole_number(value) == 10
    assert type(whole_number(value)) is int


@pytest.mark.parametrize("value", [10.0, 2.5, "10", True, None, float("nan")])
def test_what_is_no_quantity(value: Any) -> None:
    with pytest.raises(InputError, match="is no quantity: give a whole number"):
        whole_number(value)


@pytest.mark.parametrize("value", ["812.5", True])
def test_what_is_no_price(value: Any) -> None:
    with pytest.raises(InputError, match="is no trigger price: give rupees as a number"):
        rupee_price(value, "trigger_price")


@pytest.mark.parametrize(
    ("price", "trigger", "kind"),
    [
        (None, None, PriceType.MARKET),
        (100.0, None, PriceType.LIMIT),
        (None, 99.0, PriceType.SL_M),
        (100.0, 99.0, PriceType.SL),
        (0.0, None, PriceType.LIMIT),  # a price was given, if a wrong one: the risk gate says so
    ],
)
def test_prices_say_the_type(price: float | None, trigger: float | None, kind: PriceType) -> None:
    assert infer_price_type(price, trigger) is kind


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("2026-01-31", "2026-01-31 00:00:00"),
        ("2026-01-31 09:15", "2026-01-31 09:15:00"),
        ("2026-01-31T09:15:30", "2026-01-31 09:15:30"),
        (date(2026, 1, 31), "2026-01-31 00:00:00"),
        (datetime(2026, 1, 31, 9, 15, tzinfo=IST), "2026-01-31 09:15:00"),
    ],
)
def test_moments_are_indian(moment: Any, told: str) -> None:
    assert format_ist(moment_ns(moment, "start")) == told


@given(st.dates(date(2000, 1, 1), date(2099, 1, 1)))
def test_a_day_as_an_end_is_included_whole(day: date) -> None:
    assert moment_ns(day, "end", day_end=True) - moment_ns(day.isoformat(), "start") == NS_PER_DAY


@pytest.mark.parametrize(
    "moment",
    ["yesterday", "31-01-2026", "2026-13-01", "2026-01-31 25:00", datetime(2026, 1, 31), 5],  # noqa: DTZ001 - that is the point
)
def test_what_is_no_moment(moment: Any) -> None:
    with pytest.raises(InputError, match=r"moment|time zone|time of day"):
        moment_ns(moment, "start")
