"""Readings of a chain: real prices against what the exchange published, and the rules of one look at the board."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.option_data.contracts import ChainContracts, load_contracts
from openalgo_lab.engine.option_data.reading import GREEKS, ChainReader
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.option_conventions import EXCHANGE, OWN, Conventions, OptionClock
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.symbols import format_symbol
from openalgo_lab.model.times import NS_PER_DAY
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.options.black import black_price
from openalgo_lab.store.instruments import InstrumentStore
from tests.engine.option_data.real_chain import RealChain, needs_real

EXPIRY, FORWARD, VOLATILITY = date(2026, 12, 1), 25_012.0, 0.13
STRIKES = np.arange(24_500.0, 25_501.0, 50.0)
SPOT = InstrumentKey(Exchange.NSE_INDEX, "NIFTY")
FUTURE = InstrumentKey(Exchange.NFO, "NIFTY01DEC26FUT")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> RealChain:
    return RealChain(tmp_path_factory.mktemp("real"))


@needs_real
def test_the_exchanges_own_convention_gives_the_published_volatilities(real: RealChain) -> None:
    chains = [(one, ChainReader(one, EXCHANGE)) for one in real.contracts()]
    gaps: list[np.ndarray] = []
    for now in real.snapshots(10):
        for contracts, reader in chains:
            reading = reader.read(real.board, now, traded_only=True)
            found = np.concatenate((reading.calls["iv"], reading.puts["iv"]))
            near = np.abs(np.tile(contracts.strikes, 2) / reading.spot - 1) < 0.02
            published = real.published(contracts, now)
            gaps.append((found - published)[near & (published > 1)])
    gap = np.concatenate(gaps)
    assert len(gap) > 1000
    assert np.isnan(gap).mean() < 0.02
    assert float(np.nanmedian(np.abs(gap))) < 0.1


@needs_real
def test_on_our_own_forward_call_and_put_agree(real: RealChain) -> None:
    chains = [(one, ChainReader(one, OWN)) for one in real.contracts()]
    gaps: list[np.ndarray] = []
    for now in real.snapshots(10):
        for contracts, reader in chains:
            reading = reader.read(real.board, now, traded_only=True)
            assert reading.forward_source == "put–call parity"
            near = np.abs(contracts.strikes / reading.forward - 1) < 0.02
            gaps.append(np.abs(reading.calls["iv"] - reading.puts["iv"])[near])
    assert float(np.nanmedian(np.concatenate(gaps))) < 0.3


@needs_real
def test_every_listed_strike_near_the_money_has_all_its_numbers(real: RealChain) -> None:
    for now in real.snapshots(40):
        for contracts in real.contracts():
            reading = ChainReader(contracts).read(real.board, now, traded_only=True)
            near = np.abs(contracts.strikes / reading.forward - 1) < 0.02
            traded = near & ~reading.quiet_calls & ~reading.quiet_puts
            for name in ("ltp", "oi", *GREEKS):
                assert np.isfinite(reading.calls[name][traded]).all(), name
                assert np.isfinite(reading.puts[name][traded]).all(), name
            for index in np.flatnonzero(np.isnan(reading.calls["iv"])).tolist():
                assert reading.why(InstrumentType.CE, index)


# A chain of our own ---------------------------------------------------------------------------------------------------


def listing() -> Iterator[Instrument]:
    yield Instrument("NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "Nifty 50", 1, 1, 0.05)
    yield Instrument(FUTURE.symbol, Exchange.NFO, InstrumentType.FUT, "Nifty", 2, 65, 0.1, 0, "NIFTY", EXPIRY)
    for number, strike in enumerate(STRIKES.tolist()):
        for kind in (InstrumentType.CE, InstrumentType.PE):
            symbol = format_symbol("NIFTY", kind, expiry=EXPIRY, strike=strike)
            token = 10 + 2 * number + (kind is InstrumentType.PE)
            yield Instrument(symbol, Exchange.NFO, kind, "Nifty", token, 65, 0.05, 0, "NIFTY", EXPIRY, strike)


@pytest.fixture
def contracts(tmp_path: Path) -> ChainContracts:
    store = InstrumentStore.build(tmp_path / "i.db", listing(), date(2026, 11, 25))
    return load_contracts(store, RuleBook.load(), "NIFTY", EXPIRY, TradingCalendar.load())


def filled(contracts: ChainContracts, now: int, *, years: float, spread: float = 0.2) -> Board:
    """Every option with a book round its model price; the spot; the future with a book of its own."""
    board = Board()
    items = [item for item in (*contracts.calls, *contracts.puts) if item is not None]
    prices = black_price(
        FORWARD, [item.strike for item in items], years, VOLATILITY, [item.kind is InstrumentType.CE for item in items]
    )
    rows = np.array([board.row(item.key) for item in items])
    columns = {"ltp": prices, "bid": prices - spread / 2, "ask": prices + spread / 2, "oi": prices * 0 + 1000.0}
    board.write(rows, columns | {"prev_oi": prices * 0 + 900.0}, np.full(len(rows), now))
    more = np.array([board.row(SPOT), board.row(FUTURE)])
    board.write(more, {name: np.array([25_000.0, FORWARD]) for name in ("ltp", "prev_close")}, np.full(2, now))
    return board


def test_model_prices_give_back_their_volatility_and_parity_the_forward(contracts: ChainContracts) -> None:
    now = contracts.expiry_ns - 6 * NS_PER_DAY
    reading = ChainReader(contracts).read(filled(contracts, now, years=6 / 365), now, traded_only=False)
    assert reading.forward == pytest.approx(FORWARD, abs=1e-6)
    assert reading.forward_source == "put–call parity"
    assert reading.atm_iv == pytest.approx(13.0, abs=1e-6)
    assert reading.calls["iv"] == pytest.approx(np.full(len(STRIKES), 13.0), abs=1e-4)
    assert reading.otm_iv == pytest.approx(np.full(len(STRIKES), 13.0), abs=1e-4)
    assert reading.calls["delta"] - reading.puts["delta"] == pytest.approx(np.ones(len(STRIKES)))
    assert reading.calls["oi_change"].tolist() == [100.0] * len(STRIKES)
    assert reading.synthetic == pytest.approx(FORWARD, abs=1e-6)
    assert reading.move == pytest.approx(25_000 * 0.13 * (6 / 365) ** 0.5, rel=0.02)
    assert (reading.days, reading.pcr) == (6.0, 1.0)
    assert not reading.quiet.any()


def test_a_liquid_future_is_the_forward_and_an_old_one_is_not(contracts: ChainContracts) -> None:
    now = contracts.expiry_ns - 6 * NS_PER_DAY
    board = filled(contracts, now, years=6 / 365)
    row = np.array([board.find(FUTURE)])
    for bid, ask, age_s, source in (
        (25_009.0, 25_011.0, 5, "future"),
        (24_900.0, 25_120.0, 5, "put–call parity"),
        (25_009.0, 25_011.0, 90, "put–call parity"),
    ):
        board.write(row, {"bid": np.array([bid]), "ask": np.array([ask])}, np.array([now - age_s * 10**9]))
        reading = ChainReader(contracts).read(board, now, traded_only=False)
        assert (reading.forward_source, reading.price_source) == (source, "mid, else last trade")
    assert ChainReader(contracts).read(board, now, traded_only=True).price_source == "last trades"


def test_a_side_that_nobody_quotes_is_quiet_and_borrows_its_pairs_volatility(contracts: ChainContracts) -> None:
    now = contracts.expiry_ns - 6 * NS_PER_DAY
    board = filled(contracts, now, years=6 / 365)
    put = contracts.puts[0]
    assert put is not None
    row = np.array([board.find(put.key)])
    nothing = {name: np.array([np.nan]) for name in ("ltp", "bid", "ask")}
    board.write(row, nothing, np.array([now - 600 * 10**9]))
    reading = ChainReader(contracts).read(board, now, traded_only=False)
    assert (reading.quiet_puts[0], reading.quiet_calls[0], reading.quiet[0]) == (True, False, False)
    assert np.isnan(reading.puts["iv"][0])
    assert "no price" in reading.why(InstrumentType.PE, 0)
    assert reading.puts["delta"][0] == pytest.approx(reading.calls["delta"][0] - 1.0)


def test_clocks(contracts: ChainContracts) -> None:
    now = contracts.expiry_ns - 6 * NS_PER_DAY
    board = filled(contracts, now, years=6 / 365)

    def years(clock: OptionClock) -> float:
        reading = ChainReader(contracts, Conventions(clock=clock)).read(board, now, traded_only=False)
        assert reading.clock is clock
        return reading.years

    assert years(OptionClock.CALENDAR) == years(OptionClock.WHOLE_DAYS) == pytest.approx(6 / 365)
    # Wednesday's close to Tuesday's: four trading days.
    assert contracts.sessions is not None
    days = len(set((contracts.sessions[:, 0] // NS_PER_DAY).tolist()))
    assert years(OptionClock.TRADING) == pytest.approx((days - 1) / 252, rel=0.01)


def test_the_exchanges_convention_stands_on_the_spot(contracts: ChainContracts) -> None:
    now = contracts.expiry_ns - 6 * NS_PER_DAY
    reading = ChainReader(contracts, EXCHANGE).read(filled(contracts, now, years=6 / 365), now, traded_only=False)
    assert reading.forward == pytest.approx(25_000.0 * np.exp(0.1 * 6 / 365))
    assert reading.forward_source == "spot with carry"
    assert "10 % a year" in reading.forward_detail


def test_an_expired_chain_has_no_volatilities_but_a_reason(contracts: ChainContracts) -> None:
    now = contracts.expiry_ns + 1
    reading = ChainReader(contracts).read(filled(contracts, now, years=1 / 365), now, traded_only=False)
    assert np.isnan(reading.calls["iv"]).all()
    assert "No time is left" in reading.why(InstrumentType.CE, 0)
