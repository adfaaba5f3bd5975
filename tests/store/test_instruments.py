"""The instrument file: built, opened, read; and search over it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from openalgo_lab.model.errors import StoreError, SymbolError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.symbols import format_symbol
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.store.instruments import InstrumentStore
from openalgo_lab.store.search import read_query

TODAY = date(2026, 11, 25)
EXPIRIES = [TODAY + timedelta(days=6), TODAY + timedelta(days=13), TODAY + timedelta(days=34)]


def equity(symbol: str, name: str, token: int, exchange: Exchange = Exchange.NSE) -> Instrument:
    return Instrument(symbol, exchange, InstrumentType.EQ, name, token, 1, 0.05)


def option(underlying: str, expiry: date, strike: float, kind: InstrumentType, token: int) -> Instrument:
    symbol = format_symbol(underlying, kind, expiry=expiry, strike=strike)
    return Instrument(
        symbol,
        Exchange.NFO,
        kind,
        underlying,
        token,
        65,
        0.05,
        1755,
        underlying=underlying,
        expiry=expiry,
        strike=strike,
    )


def master() -> list[Instrument]:
    rows = [
        Instrument("NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "Nifty 50", 1, 1, 0.05),
        Instrument("BANKNIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "Nifty Bank", 2, 1, 0.05),
        equity("SBIN", "State Bank of India", 3),
        equity("SBIN", "State Bank of India", 4, Exchange.BSE),
        equity("RELIANCE", "Reliance Industries", 5),
        equity("M&M", "Mahindra & Mahindra", 6),
        equity("SBILIFE", "SBI Life Insurance", 7),
    ]
    token = 100
    for underlying, step in (("NIFTY", 50), ("BANKNIFTY", 100)):
        for expiry in EXPIRIES:
            rows.append(
                Instrument(
                    format_symbol(underlying, InstrumentType.FUT, expiry=expiry),
                    Exchange.NFO,
                    InstrumentType.FUT,
                    underlying,
                    token := token + 1,
                    65,
                    0.1,
                    underlying=underlying,
                    expiry=expiry,
                )
            )
            for strike in range(24000, 24000 + 20 * step, step):
                call = option(underlying, expiry, strike, InstrumentType.CE, token := token + 1)
                rows += [call, option(underlying, expiry, strike, InstrumentType.PE, token := token + 1)]
    return rows


@pytest.fixture
def store(tmp_path: Path) -> InstrumentStore:
    return InstrumentStore.build(tmp_path / "instruments.sqlite", master(), TODAY)


def test_everything_written_is_read_back_the_same(store: InstrumentStore) -> None:
    assert list(store.all()) == master()
    assert len(store) == len(master())
    assert InstrumentStore.open(store.path).dated == TODAY


def test_find_by_key_and_token(store: InstrumentStore) -> None:
    key = InstrumentKey(Exchange.BSE, "SBIN")
    found = store.find(key)
    assert found is not None
    assert found.token == 4
    assert store.by_token(4) == found
    assert store.find(InstrumentKey(Exchange.NSE, "NOSUCH")) is None
    assert [item.exchange for item in store.by_symbol("SBIN")] == [Exchange.NSE, Exchange.BSE]


def test_an_unlisted_symbol_names_the_nearest(store: InstrumentStore) -> None:
    with pytest.raises(SymbolError, match=r"RELIENCE is no listed symbol on NSE; the nearest are NSE:RELIANCE"):
        store.require(InstrumentKey(Exchange.NSE, "RELIENCE"))


def test_chain_is_ordered_by_strike_then_call_first(store: InstrumentStore) -> None:
    chain = store.chain("NIFTY", EXPIRIES[0])
    assert [(item.strike, item.kind) for item in chain[:3]] == [
        (24000, InstrumentType.CE),
        (24000, InstrumentType.PE),
        (24050, InstrumentType.CE),
    ]
    assert len(chain) == 40
    assert list(store.expiries("NIFTY")) == EXPIRIES
    assert [item.expiry for item in store.futures("NIFTY")] == EXPIRIES
    assert list(store.underlyings()) == ["BANKNIFTY", "NIFTY"]


def test_a_symbol_listed_twice_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "twice.sqlite"
    with pytest.raises(StoreError, match="cannot be written"):
        InstrumentStore.build(path, [equity("SBIN", "a", 1), equity("SBIN", "b", 2)], TODAY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_a_damaged_file_is_refused_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.sqlite"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="start the engine"):
        InstrumentStore.open(path)


def test_a_missing_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is missing: start the engine"):
        InstrumentStore.open(tmp_path / "none.sqlite")


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("nifty", "NIFTY"),
        ("bank", "BANKNIFTY"),
        ("sbin", "SBIN"),
        ("state bank", "SBIN"),
        ("m&m", "M&M"),
        ("relience", "RELIANCE"),
        ("rleiance", "RELIANCE"),
        ("nifty 24100 ce", format_symbol("NIFTY", InstrumentType.CE, expiry=EXPIRIES[0], strike=24100)),
        ("nifty 24100ce", format_symbol("NIFTY", InstrumentType.CE, expiry=EXPIRIES[0], strike=24100)),
        ("banknifty fut", format_symbol("BANKNIFTY", InstrumentType.FUT, expiry=EXPIRIES[0])),
        ("nifty 8dec 24050 put", format_symbol("NIFTY", InstrumentType.PE, expiry=EXPIRIES[1], strike=24050)),
        ("nifty 08DEC26 24050 pe", format_symbol("NIFTY", InstrumentType.PE, expiry=EXPIRIES[1], strike=24050)),
        ("24500CE", format_symbol("BANKNIFTY", InstrumentType.CE, expiry=EXPIRIES[0], strike=24500)),
    ],
)
def test_the_best_answer_comes_first(store: InstrumentStore, query: str, first: str) -> None:
    assert store.search(query)[0].symbol == first


def test_structured_answers_are_exact_and_nearest_first(store: InstrumentStore) -> None:
    found = store.search("nifty 24100 ce")
    assert [item.expiry for item in found[:3]] == EXPIRIES
    assert {item.underlying for item in found} == {"NIFTY"}


def test_search_stays_on_the_exchange_and_within_the_limit(store: InstrumentStore) -> None:
    assert {item.exchange for item in store.search("sbin", Exchange.BSE)} == {Exchange.BSE}
    assert len(store.search("nifty", limit=7)) == 7
    assert store.search("", limit=7) == []
    assert store.search("   ") == []
    assert store.search("zzzzqqqq") == []


@pytest.mark.parametrize(
    "hostile", ['" OR 1', "'; DROP TABLE instruments; --", "<script>", "%", "a\x00b", "\uffff", "(", "*"]
)
def test_hostile_queries_are_only_words(store: InstrumentStore, hostile: str) -> None:
    store.search(hostile)
    assert len(store) == len(master())


def test_words_are_read_by_grammar() -> None:
    query = read_query("banknifty 25-nov 52000 pe")
    assert query.words == ("BANKNIFTY",)
    assert (query.strike, query.kind, query.expiry_like) == (52000.0, InstrumentType.PE, "____-11-25")
    assert not read_query("24000").is_structured
