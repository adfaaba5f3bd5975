"""Replay: the file's checks, what is played, the clock, candles; on small files and on the real recording."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.model.errors import InputError, ReplayError, SymbolError
from openalgo_lab.model.market import QUOTE_FIELDS
from openalgo_lab.model.times import IST, NS_PER_SECOND, ManualClock, to_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.sim.replay import ReplayMarket

REAL = Path(__file__).resolve().parents[3] / "shared/data/nifty_option_chain_2026-08-19.parquet"
START = to_ns(datetime(2026, 8, 19, 11, 27, tzinfo=IST))
MINUTE = 60 * NS_PER_SECOND
COLUMNS = ("timestamp", "symbol", "expiry", "strike", "option_type", "spot", "ltp", "volume", "oi", "oi_chg", "iv")

Row = tuple[Any, ...]


def row(minute: int, strike: float = 24_000.0, kind: str = "CE", **changes: Any) -> Row:
    values: dict[str, Any] = {
        "timestamp": f"2026081911{27 + minute:02d}",
        "symbol": "NIFTY50",
        "expiry": "25-Aug-2026",
        "strike": strike,
        "option_type": kind,
        "spot": 24_050.0 + minute,
        "ltp": 100.0 + minute,
        "volume": 10.0 + minute,
        "oi": 50.0 + minute,
        "oi_chg": 5.0 + minute,
        "iv": 11.0 + minute,
    }
    return tuple((values | changes)[name] for name in COLUMNS)


def write(path: Path, rows: list[Row], columns: tuple[str, ...] = COLUMNS) -> Path:
    """A recording of these rows; the ending of the path decides the format."""
    connection = duckdb.connect()
    numbers = {"strike", "spot", "ltp", "volume", "oi", "oi_chg", "iv"}
    kinds = ", ".join(f"{name} {'double' if name in numbers else 'varchar'}" for name in COLUMNS)
    connection.execute(f"create table t ({kinds})")
    if rows:
        connection.executemany(f"insert into t values ({', '.join('?' * len(COLUMNS))})", rows)
    form = "csv, header" if path.suffix == ".csv" else "parquet"
    connection.execute(f"copy (select {', '.join(columns)} from t) to '{path}' (format {form})")
    connection.close()
    return path


@pytest.fixture(params=["small.parquet", "small.csv"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> ReplayMarket:
    """Five minutes of a call; a put that appears in the third and is left out of the fourth."""
    rows = [row(minute) for minute in range(5)]
    rows += [row(2, kind="PE", ltp=80.0, iv=12.5), row(4, kind="PE", ltp=70.0, volume=-1.0, iv=None)]
    return ReplayMarket(write(tmp_path / request.param, rows), clock=ManualClock(0))


def clock_of(market: ReplayMarket) -> ManualClock:
    clock = market._clock
    assert isinstance(clock, ManualClock)
    return clock


def tokens_of(market: ReplayMarket) -> np.ndarray:
    return np.array([i.token for i in market.instruments()])


def test_instruments_are_the_index_and_the_contracts_by_the_rules_of_the_day(small: ReplayMarket) -> None:
    index, call, put = small.instruments()
    assert (index.symbol, index.exchange, index.kind) == ("NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX)
    assert (call.symbol, put.symbol) == ("NIFTY25AUG2624000CE", "NIFTY25AUG2624000PE")
    assert (call.exchange, call.expiry, call.strike) == (Exchange.NFO, date(2026, 8, 25), 24_000.0)
    assert (call.lot_size, call.tick_size, call.freeze_quantity, call.underlying) == (65, 0.05, 1800, "NIFTY")
    assert small.synthetic_book
    assert "synthetic" in call.name


def test_a_snapshot_shows_what_was_recorded_in_units(small: ReplayMarket) -> None:
    batch = small.snapshot(tokens_of(small), START + 3 * MINUTE + 59 * NS_PER_SECOND, depth=False)
    q = batch.columns
    assert set(q) == set(QUOTE_FIELDS)
    assert q["ltp"].tolist() == [24_053.0, 103.0, 80.0]
    assert q["volume"][1:].tolist() == [13 * 65.0, 12 * 65.0]
    assert q["oi"][1:].tolist() == [53 * 65.0, 52 * 65.0]
    assert q["prev_oi"][1:].tolist() == [45 * 65.0, 45 * 65.0]
    assert q["open"].tolist() == [24_050.0, 100.0, 80.0]
    assert q["high"].tolist() == [24_053.0, 103.0, 80.0]
    assert q["low"].tolist() == [24_050.0, 100.0, 80.0]
    for name in ("prev_close", "average", "ltq"):
        assert np.isnan(q[name]).all()
    for name in ("bid", "ask", "volume", "oi"):
        assert np.isnan(q[name][0])
    assert batch.time_ns.tolist() == [START + 3 * MINUTE, START + 3 * MINUTE, START + 2 * MINUTE]


def test_a_contract_is_unknown_before_it_appears_and_keeps_what_a_snapshot_left_out(small: ReplayMarket) -> None:
    early = small.snapshot(tokens_of(small), START + MINUTE, depth=True)
    assert all(np.isnan(values[2]) for values in early.columns.values())
    assert early.time_ns[2] == 0
    assert early.depth is not None
    assert np.isnan(early.depth[2]).all()
    late = small.snapshot(tokens_of(small), START + 4 * MINUTE, depth=False)
    assert late.columns["ltp"][2] == 70.0
    assert late.columns["volume"][2] == 12 * 65.0  # the negative one is not a volume


@given(st.floats(0.05, 5_000.0))
@settings(max_examples=30)
def test_the_synthetic_book_stands_on_ticks_around_the_price(price: float) -> None:
    import tempfile

    price = round(round(price / 0.05) * 0.05, 2)
    with tempfile.TemporaryDirectory() as folder:
        market = ReplayMarket(write(Path(folder) / "a.parquet", [row(0, ltp=price), row(1, ltp=price)]))
    batch = market.snapshot(tokens_of(market), START, depth=True)
    assert batch.depth is not None
    bid, ask, size = (batch.columns[name][1] for name in ("bid", "ask", "bid_qty"))
    assert 0.05 <= bid <= price <= ask
    assert bid < ask
    assert ask - bid <= max(0.1, 0.0021 * price + 0.05) + 1e-9
    assert size == 20 * 65
    bids, _, asks, _ = batch.depth[1]
    assert (bids[0], asks[0]) == (bid, ask)
    assert np.all(np.diff(asks) > 0)
    assert not np.any(np.diff(bids) >= 0)


def test_published_volatility(small: ReplayMarket) -> None:
    tokens = tokens_of(small)
    assert np.isnan(small.published_iv(tokens, START)).tolist() == [True, False, True]
    assert small.published_iv(tokens, START + 2 * MINUTE).tolist()[1:] == [13.0, 12.5]


def test_the_clock_runs_at_its_speed_and_stops_at_the_end(small: ReplayMarket) -> None:
    clock = clock_of(small)
    assert small.now_ns() == START
    clock.advance(30 * NS_PER_SECOND)
    assert small.now_ns() == START + 30 * NS_PER_SECOND
    small.steer(speed=4.0)
    clock.advance(15 * NS_PER_SECOND)
    assert small.now_ns() == START + 90 * NS_PER_SECOND
    assert small.is_open(Exchange.NFO, small.now_ns())
    assert not small.is_open(Exchange.MCX, small.now_ns())
    clock.advance(3_600 * NS_PER_SECOND)
    status = small.status()
    assert (status.now_ns, status.end_ns, status.ended) == (START + 4 * MINUTE, START + 4 * MINUTE, True)
    assert not small.is_open(Exchange.NFO, small.now_ns())


def test_pause_go_on_and_jump(small: ReplayMarket) -> None:
    clock = clock_of(small)
    clock.advance(10 * NS_PER_SECOND)
    small.steer(paused=True)
    clock.advance(60 * NS_PER_SECOND)
    assert small.now_ns() == START + 10 * NS_PER_SECOND
    assert small.status().paused
    small.steer(seek_ns=START + 3 * MINUTE)
    assert small.now_ns() == START + 3 * MINUTE
    assert small.status().paused
    small.steer(paused=False, seek_ns=START + MINUTE, speed=0.5)
    clock.advance(20 * NS_PER_SECOND)
    assert small.now_ns() == START + MINUTE + 10 * NS_PER_SECOND
    clock.advance(3_600 * NS_PER_SECOND)
    small.steer(seek_ns=START)  # back from the end
    assert not small.status().ended


@pytest.mark.parametrize("moment", [START - 1, START + 4 * MINUTE + 1])
def test_no_jump_outside_the_recording(small: ReplayMarket, moment: int) -> None:
    with pytest.raises(InputError, match="runs from 2026-08-19 11:27:00 to 2026-08-19 11:31:00"):
        small.steer(seek_ns=moment)
    assert small.now_ns() == START


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_no_senseless_speed(small: ReplayMarket, speed: float) -> None:
    with pytest.raises(InputError, match="not a speed"):
        small.steer(speed=speed)


def test_candles_open_where_the_price_stood_and_end_at_now(small: ReplayMarket) -> None:
    index, call, put = small.instruments()
    clock_of(small).advance(2 * MINUTE)
    bars = small.history(call, "1m", 0, 2**62)
    assert bars.start_ns.tolist() == [START, START + MINUTE, START + 2 * MINUTE]
    assert bars.open.tolist() == [100.0, 100.0, 101.0]
    assert bars.close.tolist() == [100.0, 101.0, 102.0]
    assert bars.high.tolist() == [100.0, 101.0, 102.0]
    assert bars.low.tolist() == [100.0, 100.0, 101.0]
    assert bars.volume.tolist() == [0.0, 65.0, 65.0]
    assert bars.oi.tolist() == [50 * 65.0, 51 * 65.0, 52 * 65.0]
    assert small.history(put, "1m", 0, 2**62).start_ns.tolist() == [START + 2 * MINUTE]
    assert small.history(index, "1m", START + MINUTE, START + 2 * MINUTE).close.tolist() == [24_051.0]
    clock_of(small).advance(60 * MINUTE)
    five = small.history(call, "5m", 0, 2**62)
    assert five.start_ns.tolist() == [START - 2 * MINUTE, START + 3 * MINUTE]  # 11:25 and 11:30, from 09:15 on
    assert five.close.tolist() == [102.0, 104.0]
    assert small.history(call, "D", 0, 2**62).high.tolist() == [104.0]


def test_candles_that_cannot_be_served(small: ReplayMarket, tmp_path: Path) -> None:
    call = small.instruments()[1]
    with pytest.raises(InputError, match="1m or longer"):
        small.history(call, "5s", 0, 1)
    other = ReplayMarket(write(tmp_path / "b.parquet", [row(0, strike=25_000.0)]))
    with pytest.raises(SymbolError, match="not in the recording"):
        small.history(other.instruments()[1], "1m", 0, 1)
    with pytest.raises(SymbolError, match="Token 99 is not in the recording"):
        small.snapshot(np.array([99]), START, depth=False)


def test_rows_that_cannot_be_used_are_dropped_and_counted(tmp_path: Path) -> None:
    bad = [
        row(1, ltp=float("nan")),
        row(1, ltp=-5.0),
        row(1, ltp=0.0),
        row(1, ltp=None),
        row(1, strike=float("inf")),
        row(1, spot=None),
        row(1, timestamp="19-08-2026 11:28"),
        row(1, timestamp="202608191199"),
        row(1, timestamp=None),
        row(1, expiry="31-Feb-2026"),
        row(1, kind="XX"),
        row(1, symbol=""),
    ]
    market = ReplayMarket(write(tmp_path / "bad.parquet", [row(0), *bad, row(0, ltp=101.0), row(2)]))
    assert market.recording.dropped == len(bad)
    assert market.recording.repeated == 1
    assert len(market.recording.times_ns) == 2
    assert market.snapshot(tokens_of(market), START, depth=False).columns["ltp"][1] == 101.0


def test_optional_columns_may_be_missing_and_seconds_may_stand_in_the_time(tmp_path: Path) -> None:
    rows = [row(0, timestamp="20260819112730"), row(0, timestamp="20260819112745", ltp=107.0)]
    market = ReplayMarket(write(tmp_path / "lean.parquet", rows, COLUMNS[:7]))
    assert np.diff(market.recording.times_ns).tolist() == [15 * NS_PER_SECOND]
    quote = market.snapshot(tokens_of(market), START + MINUTE, depth=False).columns
    assert quote["ltp"][1] == 107.0
    assert np.isnan(quote["volume"][1])
    market.steer(seek_ns=START + 45 * NS_PER_SECOND)
    bars = market.history(market.instruments()[1], "1m", 0, 2**62)
    assert (bars.open.tolist(), bars.close.tolist(), bars.volume.tolist()) == ([100.0], [107.0], [0.0])


@pytest.mark.parametrize(("name", "symbol", "exchange", "derivatives"), [
    ("NIFTYBANK", "BANKNIFTY", Exchange.NSE_INDEX, Exchange.NFO),
    ("SENSEX", "SENSEX", Exchange.BSE_INDEX, Exchange.BFO),
    ("RELIANCE", "RELIANCE", Exchange.NSE, Exchange.NFO),
])  # fmt: skip
def test_other_underlyings(tmp_path: Path, name: str, symbol: str, exchange: Exchange, derivatives: Exchange) -> None:
    market = ReplayMarket(write(tmp_path / "x.parquet", [row(0, symbol=name, spot=1_400.0)]))
    spot, option = market.instruments()
    assert (spot.symbol, spot.exchange, option.exchange) == (symbol, exchange, derivatives)


def test_files_that_cannot_be_played_say_why(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="There is no recording"):
        ReplayMarket(tmp_path / "missing.parquet")
    with pytest.raises(ReplayError, match="There is no recording"):
        ReplayMarket(tmp_path)
    text = tmp_path / "notes.parquet"
    text.write_text("no snapshots here")
    with pytest.raises(ReplayError, match=r"notes\.parquet cannot be read as Parquet"):
        ReplayMarket(text)
    with pytest.raises(ReplayError, match="lacks the columns strike, ltp; it needs timestamp"):
        ReplayMarket(
            write(tmp_path / "lacking.parquet", [row(0)], ("timestamp", "symbol", "expiry", "option_type", "spot"))
        )
    with pytest.raises(ReplayError, match="holds no rows"):
        ReplayMarket(write(tmp_path / "empty.parquet", []))
    with pytest.raises(ReplayError, match="None of the 2 rows"):
        ReplayMarket(write(tmp_path / "useless.parquet", [row(0, ltp=0.0), row(1, ltp=-1.0)]))
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(ReplayError):
        ReplayMarket(empty)
    hostile = write(tmp_path / "hostile.parquet", [row(0, symbol="<script>")])
    with pytest.raises(ReplayError, match="not an underlying"):
        ReplayMarket(hostile)


@pytest.mark.skipif(not REAL.is_file(), reason="the recorded chain ../shared/data is not on this machine")
def test_the_real_recording() -> None:
    market = ReplayMarket(REAL, speed=60.0, clock=ManualClock(0))
    instruments = market.instruments()
    assert len(market.recording.times_ns) == 102
    assert market.recording.dropped == market.recording.repeated == 0
    assert (instruments[0].symbol, len(instruments)) == ("NIFTY", 459)
    expiries = sorted({i.expiry for i in instruments if i.expiry})
    assert expiries == [date(2026, 8, 25), date(2026, 9, 1), date(2026, 9, 8), date(2026, 9, 15)]
    assert {i.lot_size for i in instruments[1:]} == {65}
    clock_of(market).advance(60 * NS_PER_SECOND)
    quotes = market.snapshot(tokens_of(market), market.now_ns(), depth=True).columns
    known = ~np.isnan(quotes["bid"])
    assert known.sum() > 440
    assert np.all(quotes["bid"][known] < quotes["ask"][known])
    assert np.all(quotes["low"][known] <= quotes["ltp"][known])
    assert 24_000 < quotes["ltp"][0] < 24_100
    volumes = [market.snapshot(tokens_of(market), START + m * MINUTE, depth=False).columns["volume"] for m in (0, 101)]
    assert np.nansum(volumes[1]) > np.nansum(volumes[0]) > 0
    index = market.history(instruments[0], "1m", 0, 2**62)
    assert len(index) == 61
    assert index.close[-1] == quotes["ltp"][0]
