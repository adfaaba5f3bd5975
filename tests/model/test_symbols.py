"""The symbol codec: every form, both directions, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model import symbols
from openalgo_lab.model.errors import SymbolError
from openalgo_lab.model.symbols import ExpiryStyle, ParsedSymbol, format_symbol, parse_symbol
from openalgo_lab.model.vocabulary import DERIVATIVE_EXCHANGES, Exchange, InstrumentType

EQ, FUT, CE, PE, INDEX, PERP = (
    InstrumentType.EQ,
    InstrumentType.FUT,
    InstrumentType.CE,
    InstrumentType.PE,
    InstrumentType.INDEX,
    InstrumentType.PERPFUT,
)

FORMS = [
    ("SBIN", Exchange.NSE, ParsedSymbol("SBIN", EQ)),
    ("M&M", Exchange.NSE, ParsedSymbol("M&M", EQ)),
    ("BAJAJ-AUTO", Exchange.BSE, ParsedSymbol("BAJAJ-AUTO", EQ)),
    ("20MICRONS", Exchange.NSE, ParsedSymbol("20MICRONS", EQ)),
    ("NIFTY", Exchange.NSE_INDEX, ParsedSymbol("NIFTY", INDEX)),
    ("BSEOIL&GAS", Exchange.BSE_INDEX, ParsedSymbol("BSEOIL&GAS", INDEX)),
    ("NIFTY50VALUE20", Exchange.NSE_INDEX, ParsedSymbol("NIFTY50VALUE20", INDEX)),
    ("GIFTNIFTY", Exchange.GLOBAL_INDEX, ParsedSymbol("GIFTNIFTY", INDEX)),
    ("BANKNIFTY28APR26FUT", Exchange.NFO, ParsedSymbol("BANKNIFTY", FUT, date(2026, 4, 28))),
    ("NIFTY01DEC2626000CE", Exchange.NFO, ParsedSymbol("NIFTY", CE, date(2026, 12, 1), 26000.0)),
    ("VEDL25APR24292.5CE", Exchange.NFO, ParsedSymbol("VEDL", CE, date(2024, 4, 25), 292.5)),
    ("360ONE29DEC261200PE", Exchange.NFO, ParsedSymbol("360ONE", PE, date(2026, 12, 29), 1200.0)),
    ("M&M29DEC26FUT", Exchange.NFO, ParsedSymbol("M&M", FUT, date(2026, 12, 29))),
    ("BAJAJ-AUTO29DEC269000CE", Exchange.NFO, ParsedSymbol("BAJAJ-AUTO", CE, date(2026, 12, 29), 9000.0)),
    ("NIFTYNXT5029DEC2668000CE", Exchange.NFO, ParsedSymbol("NIFTYNXT50", CE, date(2026, 12, 29), 68000.0)),
    ("SENSEX5031DEC26FUT", Exchange.BFO, ParsedSymbol("SENSEX50", FUT, date(2026, 12, 31))),
    ("USDINR27NOV26FUT", Exchange.CDS, ParsedSymbol("USDINR", FUT, date(2026, 11, 27))),
    ("USDINR27NOV2684.25PE", Exchange.CDS, ParsedSymbol("USDINR", PE, date(2026, 11, 27), 84.25)),
    ("USDINR27NOV2684.2525PE", Exchange.BCD, ParsedSymbol("USDINR", PE, date(2026, 11, 27), 84.2525)),
    ("726GS203225APR24FUT", Exchange.CDS, ParsedSymbol("726GS2032", FUT, date(2024, 4, 25))),
    ("726GS203225APR2497PE", Exchange.CDS, ParsedSymbol("726GS2032", PE, date(2024, 4, 25), 97.0)),
    ("CRUDEOILM18DEC26FUT", Exchange.MCX, ParsedSymbol("CRUDEOILM", FUT, date(2026, 12, 18))),
    ("GOLD05FEB2762000PE", Exchange.MCX, ParsedSymbol("GOLD", PE, date(2027, 2, 5), 62000.0)),
    ("ALUMINIUMFUTURES31DEC26FUT", Exchange.NCO, ParsedSymbol("ALUMINIUMFUTURES", FUT, date(2026, 12, 31))),
    ("BTCUSDFUT", Exchange.CRYPTO, ParsedSymbol("BTCUSD", PERP)),
    ("BTC28FEB25FUT", Exchange.CRYPTO, ParsedSymbol("BTC", FUT, date(2025, 2, 28))),
    ("BTC28FEB2650000CE", Exchange.CRYPTO, ParsedSymbol("BTC", CE, date(2026, 2, 28), 50000.0)),
    ("XRP28FEB260.5CE", Exchange.CRYPTO, ParsedSymbol("XRP", CE, date(2026, 2, 28), 0.5)),
]


@pytest.mark.parametrize(("text", "exchange", "parsed"), FORMS)
def test_every_form_of_the_contract(text: str, exchange: Exchange, parsed: ParsedSymbol) -> None:
    assert parse_symbol(text, exchange) == parsed
    assert parsed.text == text


# Underlyings made to be confused with what follows: digits, dates and option words at the end.
NASTY = st.sampled_from(
    [
        "360ONE",
        "SENSEX50",
        "726GS2032",
        "A1",
        "5",
        "M&M",
        "X-",
        "A01JAN26",
        "CE",
        "FUT",
        "AFUT",
        "01JAN2600CE",
        "A&",
    ]
)
PLAIN = st.from_regex(r"\A[A-Z0-9&][A-Z0-9&-]{0,14}\Z")
UNDERLYINGS = NASTY | PLAIN
DATES = st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31))
STRIKES = (
    st.integers(min_value=1, max_value=10_000_000).map(float)
    | st.integers(min_value=1, max_value=10_000_000_000).map(lambda n: n / 10_000)
    | st.floats(min_value=1e-8, max_value=1e12, exclude_min=False)
)
DERIVATIVES = st.sampled_from(sorted(DERIVATIVE_EXCHANGES))


@given(UNDERLYINGS, DATES, STRIKES, st.sampled_from([CE, PE]), DERIVATIVES)
def test_options_survive_print_and_parse(
    underlying: str, expiry: date, strike: float, kind: InstrumentType, exchange: Exchange
) -> None:
    text = format_symbol(underlying, kind, expiry, strike)
    assert parse_symbol(text, exchange) == ParsedSymbol(underlying, kind, expiry, strike)


@given(UNDERLYINGS, DATES, DERIVATIVES)
def test_futures_survive_print_and_parse(underlying: str, expiry: date, exchange: Exchange) -> None:
    text = format_symbol(underlying, FUT, expiry)
    assert parse_symbol(text, exchange) == ParsedSymbol(underlying, FUT, expiry)


@given(PLAIN)
def test_perpetuals_survive_print_and_parse(underlying: str) -> None:
    try:
        text = format_symbol(underlying, PERP)
    except SymbolError:
        return  # the next test says which
    assert parse_symbol(text, Exchange.CRYPTO) == ParsedSymbol(underlying, PERP)


def test_perpetual_whose_name_reads_as_a_future_is_refused() -> None:
    with pytest.raises(SymbolError, match="ends in a date"):
        format_symbol("BTC28FEB26", PERP)


# Text close to the grammar, so that much of it parses: whatever parses prints back unchanged.
NEARLY = st.from_regex(
    r"\A[A-Z0-9&-]{1,6}[0-3][0-9](JAN|FEB|APR|DEC|XXX)[0-9]{2}(FUT|[0-9]{0,5}(\.[0-9]{1,3})?(CE|PE))\Z"
) | st.text(alphabet="ABCEFJNPTU0123456789&-.", max_size=24)


@given(NEARLY, st.sampled_from(list(Exchange)))
def test_whatever_parses_prints_back_the_same(text: str, exchange: Exchange) -> None:
    try:
        parsed = parse_symbol(text, exchange)
    except SymbolError:
        return
    assert parsed.text == text


@pytest.mark.parametrize(
    ("text", "exchange", "hint"),
    [
        ("", Exchange.NSE, "capital letters"),
        ("sbin", Exchange.NSE, "capital letters"),
        ("NIFTY 50", Exchange.NSE_INDEX, "NIFTY or BSEOIL&GAS"),
        ("-SBIN", Exchange.NSE, "capital letters"),
        ("SBIN\n", Exchange.NSE, "capital letters"),
        ("NIFTY29DEC26FUT", Exchange.NSE, "derivatives exchange"),
        ("NIFTY29DEC2626000CE", Exchange.NSE_INDEX, "derivatives exchange"),
        ("NIFTY", Exchange.NFO, "NIFTY29DEC26FUT"),
        ("NIFTYDEC26FUT", Exchange.NFO, "DDMMMYY"),
        ("NIFTY26DECFUT", Exchange.NFO, "DDMMMYY"),
        ("NIFTY31FEB26FUT", Exchange.NFO, "31FEB26, which is no date"),
        ("NIFTY29DEC26CE", Exchange.NFO, "STRIKE"),
        ("NIFTY29DEC2626000.0CE", Exchange.NFO, "as 26000"),
        ("NIFTY29DEC26292.50CE", Exchange.NFO, "as 292.5"),
        ("NIFTY29DEC26026000CE", Exchange.NFO, "as 26000"),
        ("NIFTY29DEC260CE", Exchange.NFO, "positive"),
        ("NIFTY29DEC26.5CE", Exchange.NFO, "STRIKE"),
        ("29DEC26FUT", Exchange.NFO, "UNDERLYING"),
        ("-A29DEC26FUT", Exchange.NFO, "UNDERLYING"),
        ("BTCUSDFUT", Exchange.NFO, "DDMMMYY"),
        ("BTCUSD", Exchange.CRYPTO, "BTCUSDFUT"),
        ("FUT", Exchange.CRYPTO, "BTCUSDFUT"),
        ("NIFTY٢٩DEC26FUT", Exchange.NFO, "DDMMMYY"),
        ("NIFTY29DEC26" + "9" * 400 + "CE", Exchange.NFO, "positive"),
    ],
)
def test_what_is_refused_says_how_to_write_it(text: str, exchange: Exchange, hint: str) -> None:
    with pytest.raises(SymbolError) as caught:
        parse_symbol(text, exchange)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "expiry", "strike"),
    [
        (FUT, None, None),
        (FUT, date(2026, 1, 1), 5.0),
        (CE, date(2026, 1, 1), None),
        (PE, None, 5.0),
        (EQ, date(2026, 1, 1), None),
        (INDEX, None, 5.0),
        (PERP, date(2026, 1, 1), None),
        (CE, date(2026, 1, 1), 0.0),
        (CE, date(2026, 1, 1), float("nan")),
        (CE, date(2026, 1, 1), float("inf")),
        (FUT, date(1999, 12, 31), None),
        (FUT, date(2100, 1, 1), None),
    ],
)
def test_parts_that_do_not_belong_together(kind: InstrumentType, expiry: date | None, strike: float | None) -> None:
    with pytest.raises(SymbolError):
        format_symbol("NIFTY", kind, expiry, strike)


@pytest.mark.parametrize("underlying", ["", "nifty", "NIFTY 50", "A.B", "-A", "A_B"])
def test_illegal_underlyings(underlying: str) -> None:
    with pytest.raises(SymbolError, match="capital letters"):
        format_symbol(underlying, FUT, date(2026, 1, 1))


@given(DATES, st.sampled_from(ExpiryStyle))
def test_expiries_survive(expiry: date, style: ExpiryStyle) -> None:
    text = symbols.format_expiry(expiry, style)
    assert symbols.parse_expiry(text) == expiry == symbols.parse_expiry(text.lower())


def test_expiry_spellings() -> None:
    expiry = date(2026, 12, 1)
    assert [symbols.format_expiry(expiry, style) for style in ExpiryStyle] == [
        "01DEC26",
        "01-DEC-26",
        "01-Dec-2026",
    ]


@pytest.mark.parametrize(
    "text", ["", "1DEC26", "01DEC2026", "01-DEC26", "31FEB26", "01-DEC-1926", "2026-12-01", "01DÉC26"]
)
def test_what_is_no_expiry(text: str) -> None:
    with pytest.raises(SymbolError, match="29DEC26"):
        symbols.parse_expiry(text)


@pytest.mark.parametrize(
    ("strike", "text"),
    [
        (24000.0, "24000"),
        (24000, "24000"),
        (292.5, "292.5"),
        (83.25, "83.25"),
        (0.5, "0.5"),
        (1e-5, "0.00001"),
    ],
)
def test_strike_text(strike: float, text: str) -> None:
    assert symbols.format_strike(strike) == text


def test_is_option() -> None:
    assert parse_symbol("NIFTY01DEC2626000CE", Exchange.NFO).is_option
    assert not parse_symbol("NIFTY01DEC26FUT", Exchange.NFO).is_option
