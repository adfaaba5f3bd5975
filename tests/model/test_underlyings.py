"""Spot and derivative exchanges, index names, strike offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.errors import SymbolError
from openalgo_lab.model.symbols import parse_symbol
from openalgo_lab.model.underlyings import (
    UNDERLYING_INDEXES,
    IndexNames,
    Moneyness,
    Offset,
    derivative_exchange,
    has_spot,
    parse_offset,
    spot_exchange,
)
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, OptionType


@pytest.mark.parametrize(
    ("underlying", "exchange", "spot"),
    [
        ("NIFTY", Exchange.NFO, Exchange.NSE_INDEX),
        ("NIFTYNXT50", Exchange.NFO, Exchange.NSE_INDEX),
        ("INDIAVIX", Exchange.NFO, Exchange.NSE_INDEX),
        ("SENSEX50", Exchange.BFO, Exchange.BSE_INDEX),
        ("RELIANCE", Exchange.NFO, Exchange.NSE),
        ("RELIANCE", Exchange.BFO, Exchange.BSE),
        ("GOLD", Exchange.MCX, Exchange.MCX),
        ("USDINR", Exchange.CDS, Exchange.CDS),
        ("BTC", Exchange.CRYPTO, Exchange.CRYPTO),
        ("SBIN", Exchange.NSE, Exchange.NSE),
    ],
)
def test_spot_exchange(underlying: str, exchange: Exchange, spot: Exchange) -> None:
    assert spot_exchange(underlying, exchange) is spot


@pytest.mark.parametrize("exchange", [e for e in Exchange if e is not Exchange.GLOBAL_INDEX])
def test_derivative_exchange_is_total_and_settled(exchange: Exchange) -> None:
    derivative = derivative_exchange(exchange)
    assert derivative_exchange(derivative) is derivative


def test_derivative_exchange_pairs() -> None:
    assert derivative_exchange(Exchange.NSE_INDEX) is Exchange.NFO
    assert derivative_exchange(Exchange.BSE) is Exchange.BFO
    assert derivative_exchange(Exchange.CDS) is Exchange.CDS
    with pytest.raises(SymbolError, match="GLOBAL_INDEX"):
        derivative_exchange(Exchange.GLOBAL_INDEX)


def test_spot_and_derivative_agree_for_indices() -> None:
    for index, exchange in UNDERLYING_INDEXES.items():
        assert spot_exchange(index, derivative_exchange(exchange)) is exchange
        assert has_spot(exchange)
    assert not has_spot(Exchange.MCX)
    assert has_spot(Exchange.NFO)


def test_index_names() -> None:
    names = IndexNames.load()
    assert names.names(Exchange.NSE_INDEX)[0] == "NIFTY"
    assert len(names.names(Exchange.NSE_INDEX)) == 57
    assert names.exchange_of("BSEOIL&GAS") is Exchange.BSE_INDEX
    assert names.exchange_of("SBIN") is None
    assert names.names(Exchange.NSE) == ()
    for exchange in names.groups:
        listed = names.names(exchange)
        assert len(set(listed)) == len(listed)
        assert all(parse_symbol(name, exchange).kind is InstrumentType.INDEX for name in listed)
    assert all(name in names.names(exchange) for name, exchange in UNDERLYING_INDEXES.items())


@given(st.sampled_from([Moneyness.ITM, Moneyness.OTM]), st.integers(min_value=1, max_value=50))
def test_offsets_survive(moneyness: Moneyness, steps: int) -> None:
    offset = Offset(moneyness, steps)
    assert parse_offset(offset.text) == offset
    assert offset.shift(OptionType.CE) == -offset.shift(OptionType.PE)
    assert abs(offset.shift(OptionType.CE)) == steps


def test_offset_directions() -> None:
    assert parse_offset("ATM").shift(OptionType.PE) == 0
    assert parse_offset("OTM3").shift(OptionType.CE) == 3
    assert parse_offset("ITM2").shift(OptionType.CE) == -2
    assert parse_offset("OTM3").shift(OptionType.PE) == -3


@pytest.mark.parametrize(
    "text", ["", "atm", "ATM1", "OTM", "OTM0", "OTM51", "ITM99", "ITM01", "OTM-1", "XTM1", "OTM1 "]
)
def test_what_is_no_offset(text: str) -> None:
    with pytest.raises(SymbolError, match="OTM1 to OTM50"):
        parse_offset(text)
