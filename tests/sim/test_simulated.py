"""The market's quotes: consistent in themselves, with each other, with time, and in every process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.model.errors import InputError, SymbolError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import QUOTE_FIELDS, TickBatch
from openalgo_lab.model.times import IST, NS_PER_SECOND, ManualClock, at_ist, to_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.sim.sessions import Hours
from openalgo_lab.sim.simulated import SimulatedMarket

NOON = at_ist(date(2026, 11, 25), time(12, 3, 17))


def market_at(when: datetime, hours: Hours = "always") -> SimulatedMarket:
    return SimulatedMarket(hours=hours, clock=ManualClock(when))


def tokens_of(instruments: list[Instrument] | tuple[Instrument, ...]) -> np.ndarray:
    return np.array([i.token for i in instruments], dtype=np.int64)


@pytest.fixture(scope="module", params=["always", "calendar"])
def market(request: pytest.FixtureRequest) -> SimulatedMarket:
    return market_at(NOON, request.param)


def chain(market: SimulatedMarket, prefix: str) -> tuple[list[Instrument], list[Instrument]]:
    found = [i for i in market.instruments() if i.symbol.startswith(prefix)]
    return [i for i in found if i.kind is InstrumentType.CE], [i for i in found if i.kind is InstrumentType.PE]


def test_every_field_of_every_instrument_is_sane(market: SimulatedMarket) -> None:
    instruments = tuple(market.instruments())
    batch = market.snapshot(tokens_of(instruments), market.now_ns(), depth=True)
    q = batch.columns
    assert set(q) == set(QUOTE_FIELDS)
    assert np.array_equal(batch.tokens, tokens_of(instruments))
    index = np.array([i.kind is InstrumentType.INDEX for i in instruments])
    dated = np.array([i.expiry is not None for i in instruments])
    tick = np.array([i.tick_size for i in instruments])
    lot = np.array([i.lot_size for i in instruments])
    for name in ("ltp", "open", "high", "low", "prev_close"):
        assert np.all(q[name] >= tick * 0.999), name
        assert np.allclose(np.rint(q[name] / tick), q[name] / tick, atol=1e-6), name
    for name in ("ltp", "open", "average"):
        known = ~np.isnan(q[name])
        assert np.all((q["low"] <= q[name])[known] & (q[name] <= q["high"])[known]), name
    for name in ("bid", "ask", "bid_qty", "ask_qty", "volume", "ltq", "average"):
        assert np.array_equal(np.isnan(q[name]), index), name
    for name in ("oi", "prev_oi"):
        assert np.array_equal(np.isnan(q[name]), ~dated), name
        assert np.all(q[name][dated] % lot[dated] == 0)
    book = ~index
    assert np.all(q["bid"][book] < q["ask"][book])
    assert np.all((q["bid"] <= q["ltp"])[book] & (q["ltp"] <= q["ask"])[book])
    assert np.all(q["bid"][book] >= tick[book] * 0.999)
    for name in ("bid_qty", "ask_qty", "ltq", "volume"):
        assert np.all(q[name][book] % lot[book] == 0), name
    assert np.all(q["bid_qty"][book] > 0)


def test_depth_has_five_falling_and_rising_levels(market: SimulatedMarket) -> None:
    instruments = tuple(market.instruments())
    batch = market.snapshot(tokens_of(instruments), market.now_ns(), depth=True)
    assert batch.depth is not None
    assert batch.depth.shape == (len(instruments), 4, 5)
    book = ~np.isnan(batch.columns["bid"])
    bids, bid_qty, asks, ask_qty = batch.depth[book].transpose(1, 0, 2)
    assert np.array_equal(bids[:, 0], batch.columns["bid"][book])
    assert np.array_equal(asks[:, 0], batch.columns["ask"][book])
    assert np.array_equal(bid_qty[:, 0], batch.columns["bid_qty"][book])
    assert np.array_equal(ask_qty[:, 0], batch.columns["ask_qty"][book])
    assert np.all(np.diff(asks, axis=1) > 0)
    assert not np.any(np.diff(bids, axis=1) >= 0)  # NaN where a cheap option has no lower price left
    assert np.array_equal(np.isnan(bids), np.isnan(bid_qty))
    assert np.isnan(batch.depth[~book]).all()


@pytest.mark.parametrize("prefix", ["NIFTY01DEC26", "NIFTY29DEC26", "BANKNIFTY29DEC26", "SENSEX03DEC26"])
def test_no_arbitrage_between_strikes(market: SimulatedMarket, prefix: str) -> None:
    calls, puts = chain(market, prefix)
    strikes = np.array([i.strike for i in calls])
    call = market.snapshot(tokens_of(calls), market.now_ns(), depth=False).columns["ltp"]
    put = market.snapshot(tokens_of(puts), market.now_ns(), depth=False).columns["ltp"]
    tick = calls[0].tick_size
    assert len(strikes) > 50
    assert np.all(np.diff(call) <= tick)
    assert np.all(np.diff(put) >= -tick)
    for price in (call, put):
        slope = np.diff(price) / np.diff(strikes)
        assert np.all(np.diff(slope) >= -4 * tick / np.diff(strikes).min())
    liquid = (call > 1.0) & (put > 1.0)
    forward = (strikes + call - put)[liquid]
    assert forward.max() - forward.min() <= 2 * tick + 1e-9  # one forward for all strikes, within rounding


def test_futures_carry_over_the_spot_and_parity_gives_the_future(market: SimulatedMarket) -> None:
    by_symbol = {i.symbol: i for i in market.instruments()}
    calls, puts = chain(market, "NIFTY29DEC26")
    middle = len(calls) // 2
    asked = (by_symbol["NIFTY"], by_symbol["NIFTY29DEC26FUT"], calls[middle], puts[middle])
    spot, future, call, put = market.snapshot(tokens_of(asked), market.now_ns(), depth=False).columns["ltp"]
    assert 1.0 < future / spot < 1.012
    assert calls[middle].strike + call - put == pytest.approx(future, abs=0.2)


def test_a_day_runs_forwards() -> None:
    market = market_at(NOON)
    some = [i for i in market.instruments() if i.symbol in {"NIFTY", "RELIANCE", "NIFTY29DEC26FUT"}]
    some += chain(market, "NIFTY01DEC26")[0][::10] + chain(market, "NIFTY01DEC26")[1][::10]
    tokens = tokens_of(some)
    start = market.now_ns()
    before: TickBatch | None = None
    for seconds in (0, 0.25, 1, 10, 59, 60, 61, 299, 300, 301, 3_600, 20_000):
        now = market.snapshot(tokens, start + int(seconds * NS_PER_SECOND), depth=False)
        if before is not None:
            known = ~np.isnan(now.columns["volume"])
            assert np.all(now.columns["volume"][known] >= before.columns["volume"][known])
            assert np.all(now.columns["high"] >= before.columns["high"])
            assert np.all(now.columns["low"] <= before.columns["low"])
            assert np.array_equal(now.columns["open"], before.columns["open"])
            assert np.all(now.time_ns >= before.time_ns)
        before = now
    back = market.snapshot(tokens, start, depth=False)
    fresh = market_at(NOON).snapshot(tokens, start, depth=False)
    for name, values in back.columns.items():
        assert np.array_equal(values, fresh.columns[name], equal_nan=True), name


@settings(max_examples=8)
@given(st.integers(0, 86_399_999))
def test_extremes_do_not_depend_on_when_one_looked(ms: int) -> None:
    """Looking often and looking once give the same high and low."""
    start = to_ns(at_ist(date(2026, 11, 25), time()))
    market, tokens = EXTREMES()
    once = SimulatedMarket(clock=ManualClock(NOON)).snapshot(tokens, start + ms * 1_000_000, depth=False)
    market.snapshot(tokens[::2], start + ms // 2 * 1_000_000, depth=False)
    often = market.snapshot(tokens, start + ms * 1_000_000, depth=False)
    for name in ("high", "low", "average"):
        assert np.allclose(once.columns[name], often.columns[name], equal_nan=True, rtol=1e-12), name


def _extremes() -> Callable[[], tuple[SimulatedMarket, np.ndarray]]:
    kept: list[tuple[SimulatedMarket, np.ndarray]] = []

    def get() -> tuple[SimulatedMarket, np.ndarray]:
        if not kept:
            market = market_at(NOON)
            kept.append((market, tokens_of([i for i in market.instruments() if i.symbol.startswith("NIFTY")][::97])))
        return kept[0]

    return get


EXTREMES = _extremes()


def test_previous_close_is_the_last_candle_of_the_day_before(market: SimulatedMarket) -> None:
    by_symbol = {i.symbol: i for i in market.instruments()}
    calls, puts = chain(market, "NIFTY29DEC26")
    start = to_ns(NOON - timedelta(days=10))
    for instrument in (by_symbol["NIFTY"], by_symbol["SBIN"], by_symbol["SBIN29DEC26FUT"], calls[40], puts[40]):
        quote = market.snapshot(tokens_of([instrument]), market.now_ns(), depth=False).columns
        daily = market.history(instrument, "D", start, market.now_ns())
        assert daily.close[-2] == quote["prev_close"][0]
        assert daily.close[-1] == quote["ltp"][0]
        assert (daily.open[-1], daily.high[-1], daily.low[-1]) == (
            quote["open"][0],
            quote["high"][0],
            quote["low"][0],
        )
        if instrument.expiry is not None:
            assert daily.oi[-2] == quote["prev_oi"][0]
            assert daily.oi[-1] == quote["oi"][0]
        if instrument.kind is not InstrumentType.INDEX:
            assert daily.volume[-1] == quote["volume"][0]


@pytest.mark.parametrize("hours", ["always", "calendar"])
def test_the_days_range_is_that_of_its_minutes(hours: Hours) -> None:
    """On an expiry day, near its end, for calls and puts near and far: bounds must never hide the extreme."""
    when = at_ist(date(2026, 12, 1), time(15, 38))
    market = market_at(when, hours)
    prefixes = ("NIFTY01DEC26", "NIFTY08DEC26", "BANKNIFTY", "HDFCBANK", "SENSEX28JAN27")
    some = [i for i in market.instruments() if i.symbol.startswith(prefixes)][::37]
    quotes = market.snapshot(tokens_of(some), market.now_ns(), depth=False).columns
    assert len(some) > 40
    for place, instrument in enumerate(some):
        bars = market.history(instrument, "1m", to_ns(at_ist(date(2026, 12, 1), time())), market.now_ns() + 1)
        assert quotes["high"][place] == bars.high.max(), instrument.symbol
        assert quotes["low"][place] == bars.low.min(), instrument.symbol
        assert quotes["open"][place] == bars.open[0], instrument.symbol


def test_at_expiry_only_the_intrinsic_value_is_left_and_nothing_trades() -> None:
    expiry = at_ist(date(2026, 12, 1), time(15, 40))
    market = market_at(expiry - timedelta(hours=1))
    nifty = next(i for i in market.instruments() if i.symbol == "NIFTY")
    calls, puts = chain(market, "NIFTY01DEC26")
    assert market.expiry_ns(calls[0]) == to_ns(expiry)
    assert market.expiry_ns(nifty) == 0
    last = to_ns(expiry) - 1
    spot = market.snapshot(tokens_of([nifty]), last, depth=False).columns["ltp"][0]
    strikes = np.array([i.strike for i in calls])
    for when in (last, to_ns(expiry) + 3_600 * NS_PER_SECOND):
        call = market.snapshot(tokens_of(calls), when, depth=True)
        put = market.snapshot(tokens_of(puts), when, depth=True)
        assert np.allclose(call.columns["ltp"], np.maximum(spot - strikes, 0.05), atol=0.051)
        assert np.allclose(put.columns["ltp"], np.maximum(strikes - spot, 0.05), atol=0.051)
        gone = when > last
        assert np.isnan(call.columns["bid"]).all() == gone
        assert np.isnan(put.depth).all() == gone
    later = market.snapshot(tokens_of([nifty]), to_ns(expiry) + 3_600 * NS_PER_SECOND, depth=False)
    assert later.columns["ltp"][0] != spot  # the index goes on


def test_a_closed_market_shows_its_close() -> None:
    saturday = at_ist(date(2026, 11, 28), time(11))
    market = market_at(saturday, "calendar")
    friday = to_ns(at_ist(date(2026, 11, 27), time(23)))
    some = tokens_of([i for i in market.instruments() if i.symbol in {"NIFTY", "SBIN", "NIFTY29DEC26FUT"}])
    weekend = market.snapshot(some, market.now_ns(), depth=True)
    evening = market.snapshot(some, friday, depth=True)
    for name, values in weekend.columns.items():
        assert np.array_equal(values, evening.columns[name], equal_nan=True), name
    closes = [datetime.fromtimestamp(ns / 1e9, IST).time() for ns in weekend.time_ns.tolist()]
    assert closes == [time(15, 29, 59, 750_000), time(15, 14, 59, 750_000), time(15, 39, 59, 750_000)]


@pytest.mark.parametrize(
    ("hours", "when", "exchange", "is_open"),
    [
        ("always", datetime(2026, 11, 29, 3, 0, tzinfo=IST), Exchange.NFO, True),
        ("always", datetime(2026, 11, 29, 3, 0, tzinfo=IST), Exchange.MCX, False),
        ("calendar", datetime(2026, 11, 29, 11, 0, tzinfo=IST), Exchange.NFO, False),
        ("calendar", datetime(2026, 11, 27, 15, 35, tzinfo=IST), Exchange.NFO, True),
        ("calendar", datetime(2026, 11, 27, 15, 35, tzinfo=IST), Exchange.NSE, False),
        ("calendar", datetime(2026, 11, 24, 11, 0, tzinfo=IST), Exchange.BSE_INDEX, False),  # Guru Nanak Jayanti
    ],
)
def test_hours(hours: Hours, when: datetime, exchange: Exchange, is_open: bool) -> None:
    market = market_at(when, hours)
    assert market.is_open(exchange, market.now_ns()) is is_open


def test_an_unknown_token_is_named() -> None:
    market = market_at(NOON)
    with pytest.raises(SymbolError, match="Token 12345 is not listed today"):
        market.snapshot(np.array([12345]), market.now_ns(), depth=False)


def test_where_the_tables_end_only_shares_and_indices_are_listed_and_beyond_the_span_it_says_so() -> None:
    market = market_at(datetime(2029, 3, 1, 11, tzinfo=IST))
    kinds = {i.kind for i in market.instruments()}
    assert kinds == {InstrumentType.INDEX, InstrumentType.EQ}
    assert market.snapshot(tokens_of(tuple(market.instruments())), market.now_ns(), depth=False).columns["ltp"][0] > 0
    with pytest.raises(InputError, match="knows no session near 2055-01-01"):
        market_at(datetime(2055, 1, 1, 11, tzinfo=IST)).instruments()


_FINGERPRINT = """
import hashlib, numpy as np
from openalgo_lab.model.times import ManualClock
from openalgo_lab.sim.simulated import SimulatedMarket
m = SimulatedMarket(hours={hours!r}, clock=ManualClock({now}))
t = np.array([i.token for i in m.instruments()])
b = m.snapshot(t, {now}, depth=True)
h = m.history(m.instruments()[0], "1m", {now} - 10**14, {now})
parts = [t, b.depth, *(b.columns[n] for n in sorted(b.columns)), h.close, h.high]
print(hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest())
"""


@pytest.mark.parametrize("hours", ["always", "calendar"])
def test_another_process_sees_the_same_market(hours: Hours) -> None:
    now = to_ns(NOON)
    code = _FINGERPRINT.format(hours=hours, now=now)
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()[-1]
    market = SimulatedMarket(hours=hours, clock=ManualClock(now))
    tokens = tokens_of(tuple(market.instruments()))
    market.snapshot(tokens, now - 90 * NS_PER_SECOND, depth=False)  # what was asked before does not matter
    batch = market.snapshot(tokens, now, depth=True)
    bars = market.history(market.instruments()[0], "1m", now - 10**14, now)
    assert batch.depth is not None
    parts = [tokens, batch.depth, *(batch.columns[n] for n in sorted(batch.columns)), bars.close, bars.high]
    assert hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest() == other


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads that change places as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("restless")
def test_prices_are_the_same_on_whatever_thread_one_looks() -> None:
    """To and fro over the edges of blocks, where what has been computed of a day's range is kept or thrown away."""
    whole = market_at(NOON)
    tokens = tokens_of([i for i in whole.instruments() if i.symbol.startswith("NIFTY")][::97])
    start = to_ns(at_ist(date(2026, 11, 25), time()))
    moments = [start + minute * 60 * NS_PER_SECOND for minute in (1, 4, 6, 9, 11, 3, 14)]
    alone = {at: whole.snapshot(tokens, at, depth=True) for at in moments}
    shared = market_at(NOON)

    def look(turn: int) -> list[tuple[int, TickBatch]]:
        order = [moments[(turn + step * (turn + 1)) % len(moments)] for step in range(5 * len(moments))]
        return [(at, shared.snapshot(tokens, at, depth=True)) for at in order]

    with ThreadPoolExecutor(4) as threads:
        seen = [pair for pairs in threads.map(look, range(4)) for pair in pairs]
    for at, batch in seen:
        truth = alone[at]
        assert np.array_equal(batch.time_ns, truth.time_ns)
        for name in QUOTE_FIELDS:
            assert np.array_equal(batch.columns[name], truth.columns[name], equal_nan=True), name
        assert batch.depth is not None
        assert truth.depth is not None
        assert np.array_equal(batch.depth, truth.depth, equal_nan=True)
