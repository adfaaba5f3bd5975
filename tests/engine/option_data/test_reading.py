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
from openalgo_lab.engine.option_data.smiles import smile_of, surface_of
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


def test_options_on_a_future_stand_on_it(tmp_path: Path) -> None:
    """A commodity has no spot: the future that the options turn into is both level and forward."""
    option_day, future_day = date(2026, 12, 16), date(2026, 12, 18)
    future = Instrument(
        "CRUDEOIL18DEC26FUT", Exchange.MCX, InstrumentType.FUT, "Crude", 1, 100, 1.0, 0, "CRUDEOIL", future_day
    )
    options = [
        Instrument(
            format_symbol("CRUDEOIL", kind, expiry=option_day, strike=strike), Exchange.MCX, kind, "Crude",
            int(strike) * 2 + (kind is InstrumentType.PE), 100, 0.1, 0, "CRUDEOIL", option_day, strike,
        )
        for strike in np.arange(5000.0, 6001.0, 50.0).tolist()
        for kind in (InstrumentType.CE, InstrumentType.PE)
    ]  # fmt: skip
    store = InstrumentStore.build(tmp_path / "i.db", [future, *options], date(2026, 11, 25))
    found = load_contracts(store, RuleBook.load(), "CRUDEOIL", None, TradingCalendar.load())
    assert (found.spot, found.future) == (None, future)
    now = found.expiry_ns - 20 * NS_PER_DAY
    board = Board()
    rows = np.array([board.row(item.key) for item in options])
    prices = black_price(
        5_512.0, np.array([item.strike for item in options]), 20 / 365, 0.35,
        np.array([item.kind is InstrumentType.CE for item in options]),
    )  # fmt: skip
    board.write(rows, {"ltp": prices, "bid": prices - 0.5, "ask": prices + 0.5}, np.full(len(rows), now))
    row = np.array([board.row(future.key)])
    book = {"ltp": np.array([5_512.0]), "bid": np.array([5_511.0]), "ask": np.array([5_513.0])}
    board.write(row, book, np.array([now]))
    reading = ChainReader(found).read(board, now, traded_only=False)
    assert (reading.forward, reading.forward_source) == (5_512.0, "future")
    assert np.isnan(reading.spot)
    assert found.strikes[reading.atm or 0] == 5_500.0
    assert reading.atm_iv == pytest.approx(35.0, abs=0.01)
    fit = smile_of(found, reading)
    assert fit is not None
    assert fit.smile.volatility(found.strikes) == pytest.approx(np.full(len(found), 0.35), abs=1e-3)


@needs_real
def test_a_surface_of_the_recorded_chain_is_free_of_arbitrage_near_the_money(real: RealChain) -> None:
    now = next(real.snapshots(60))
    fits = [
        smile_of(contracts, ChainReader(contracts).read(real.board, now, traded_only=True))
        for contracts in real.contracts()
    ]
    surface = surface_of(fits)
    assert surface is not None
    assert len(surface.fits) == 4
    assert all(fit.butterfly_free and fit.wings_free for fit in surface.fits)
    assert max(fit.error for fit in surface.fits) < 0.5
    assert surface_of([None]) is None
