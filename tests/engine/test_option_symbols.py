"""Offsets on listed strikes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from openalgo_lab.engine.option_symbols import OptionFinder, pick_strike, split_underlying
from openalgo_lab.model.errors import InputError, SymbolError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.symbols import format_symbol
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, OptionType
from openalgo_lab.store.instruments import InstrumentStore
from tests.support.scripted_broker import quote_of

CE, PE = OptionType.CE, OptionType.PE
DAY, LATER = date(2026, 12, 1), date(2026, 12, 29)
STRIKES = [25900.0, 25950.0, 26000.0, 26100.0, 26200.0]  # the grid is not even


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("NIFTY", ("NIFTY", None, False)),
        ("nifty01dec26", ("NIFTY", DAY, False)),
        ("NIFTY01DEC26FUT", ("NIFTY", DAY, True)),
        ("360ONE29DEC26", ("360ONE", LATER, False)),
        ("SENSEX5001DEC26FUT", ("SENSEX50", DAY, True)),
        ("M&M", ("M&M", None, False)),
        ("BAJAJ-AUTO29DEC26FUT", ("BAJAJ-AUTO", LATER, True)),
    ],
)
def test_underlyings(text: str, parts: tuple[str, date | None, bool]) -> None:
    assert split_underlying(text) == parts


@pytest.mark.parametrize(
    ("price", "offset", "kind", "strike"),
    [
        (26012.4, "ATM", CE, 26000), (26012.4, "atm", PE, 26000),
        (26050.0, "ATM", CE, 26000), (25925.0, "ATM", PE, 25900),  # a tie goes to the lower strike
        (26000.0, "OTM1", CE, 26100), (26000.0, "ITM1", CE, 25950), (26000.0, "ITM2", CE, 25900),
        (26000.0, "OTM1", PE, 25950), (26000.0, "ITM1", PE, 26100), (26000.0, "ITM2", PE, 26200),
        (90000.0, "ATM", CE, 26200), (1.0, "ATM", CE, 25900),
    ],
)  # fmt: skip
def test_strikes(price: float, offset: str, kind: OptionType, strike: float) -> None:
    assert pick_strike(STRIKES, price, offset, kind) == strike


@pytest.mark.parametrize("offset", ["OTM3", "ITM3", "OTM", "XTM1", "ATM1", "OTM0", ""])
def test_offsets_outside_the_list_or_the_language(offset: str) -> None:
    with pytest.raises(SymbolError):
        pick_strike(STRIKES, 26000.0, offset, CE)


def _listed() -> list[Instrument]:
    rows = [Instrument("NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "NIFTY 50", 1, 1, 0.05)]
    token = 1
    for day in (DAY, LATER):
        for strike in STRIKES:
            for kind in (InstrumentType.CE, InstrumentType.PE):
                token += 1
                text = format_symbol("NIFTY", kind, day, strike)
                rows.append(Instrument(text, Exchange.NFO, kind, "NIFTY", token, 65, 0.05, 1800, "NIFTY", day, strike))
        token += 1
        text = format_symbol("NIFTY", InstrumentType.FUT, day)
        rows.append(Instrument(text, Exchange.NFO, InstrumentType.FUT, "NIFTY", token, 65, 0.1, 1800, "NIFTY", day))
        for kind, strike in ((InstrumentType.FUT, None), (InstrumentType.CE, 7000.0), (InstrumentType.PE, 7000.0)):
            token += 1
            text = format_symbol("CRUDEOIL", kind, day, strike)
            rows.append(
                Instrument(text, Exchange.MCX, kind, "CRUDE", token, 100, 1.0, 0, "CRUDEOIL", day, strike or 0.0)
            )
    return rows


@pytest.fixture
def finder(tmp_path: Path) -> tuple[OptionFinder, list[str]]:
    store = InstrumentStore.build(tmp_path / "i.db", _listed(), DAY)
    prices = {"NIFTY": 26012.0, "NIFTY01DEC26FUT": 26140.0, "NIFTY29DEC26FUT": 26190.0, "CRUDEOIL01DEC26FUT": 7010.0,
              "CRUDEOIL29DEC26FUT": 7020.0}  # fmt: skip
    asked: list[str] = []

    async def quotes(keys: Sequence[InstrumentKey]) -> tuple[Quote, ...]:
        asked.extend(key.symbol for key in keys)
        return tuple(quote_of(store.require(key), prices[key.symbol]) for key in keys)

    return OptionFinder(lambda: store, quotes), asked


@pytest.mark.parametrize(
    ("text", "exchange", "expiry", "asked", "symbol"),
    [
        ("NIFTY", Exchange.NSE_INDEX, DAY, "NIFTY", "NIFTY01DEC2626000CE"),
        ("NIFTY", Exchange.NFO, LATER, "NIFTY", "NIFTY29DEC2626000CE"),
        ("NIFTY01DEC26", Exchange.NFO, None, "NIFTY", "NIFTY01DEC2626000CE"),
        # The named future decides, not the index.
        ("NIFTY01DEC26FUT", Exchange.NFO, None, "NIFTY01DEC26FUT", "NIFTY01DEC2626100CE"),
        ("CRUDEOIL", Exchange.MCX, LATER, "CRUDEOIL29DEC26FUT", "CRUDEOIL29DEC267000CE"),
        ("CRUDEOIL01DEC26", Exchange.MCX, None, "CRUDEOIL01DEC26FUT", "CRUDEOIL01DEC267000CE"),
    ],
)
async def test_whose_price_decides(
    finder: tuple[OptionFinder, list[str]], text: str, exchange: Exchange, expiry: date | None, asked: str, symbol: str
) -> None:
    found = await finder[0].underlying(text, exchange, expiry)
    assert found.option("ATM", CE, expiry).instrument.symbol == symbol
    assert finder[1] == [asked]


async def test_what_cannot_be_found_is_said(finder: tuple[OptionFinder, list[str]]) -> None:
    under = await finder[0].underlying("NIFTY", Exchange.NFO)
    with pytest.raises(InputError, match="Expiry date required"):
        under.option("ATM", CE)
    with pytest.raises(SymbolError, match="No strikes found for NIFTY 02-Dec-26.*01-Dec-26"):
        under.option("ATM", CE, date(2026, 12, 2))
    with pytest.raises(SymbolError):
        await finder[0].underlying("NIFTY02DEC26FUT", Exchange.NFO)
    with pytest.raises(SymbolError):
        await finder[0].underlying("N I F T Y", Exchange.NFO)
