"""``lab.lake``: files in and out, the catalogue, continuous and adjusted candles, what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from openalgo_lab import Lab
from openalgo_lab.lab.backtest_data import bars_of_frame
from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.symbols import format_symbol
from openalgo_lab.model.times import day_bounds_ns, trade_date
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.sim.replay import ReplayMarket
from openalgo_lab.store.history.series import Series, Stored
from tests.support.waiting import eventually

FROM, TO = "2026-10-05", "2026-10-16"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One for this file: what it imports and records stays its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENALGO_LAB_HOME", str(tmp_path_factory.mktemp("home")))
        with Lab("lakes", seed=3) as opened:
            yield opened


# Files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_what_goes_out_comes_in_again(lab: Lab, tmp_path: Path, ending: str) -> None:
    file = lab.lake.export_file(tmp_path / f"sbin.{ending}", "NSE:SBIN", "D", FROM, TO)
    source = f"file-{ending}"
    told = lab.lake.import_file(file, "NSE:SBIN", "D", source=source)
    raw = lab.history("NSE:SBIN", "D", FROM, TO)
    assert told.loc["NSE:SBIN", "candles"] == len(raw)
    back = lab.lake.candles("NSE:SBIN", "D", FROM, TO, source=source)
    assert back.close.tolist() == raw.close.tolist()
    assert back.index.equals(raw.index)
    assert back.source == source
    week = lab.lake.candles("NSE:SBIN", "W", FROM, TO, source=source)
    assert week.volume.sum() == raw.volume.sum()


def test_many_symbols_in_one_file_and_names_of_ones_own(lab: Lab, tmp_path: Path) -> None:
    file = lab.lake.export_file(tmp_path / "both.csv", ["NSE:SBIN", "NSE:INFY"], "D", FROM, TO)
    text = file.read_text().replace("NSE,INFY", "NSE,MYINDEX")
    file.write_text(text)
    assert lab.lake.import_file(file).index.tolist() == ["NSE:MYINDEX", "NSE:SBIN"]
    assert len(lab.lake.candles("NSE:MYINDEX", "D", FROM, TO, source="imported")) > 5
    with pytest.raises(InputError, match="import 1m or D"):
        lab.lake.import_file(file, "NSE:SBIN", "5m")
    file.write_text(text.replace("NSE,SBIN,D", "NSE,SBIN,D,extra", 1))
    with pytest.raises(DecodeError, match="cannot be read as csv"):
        lab.lake.import_file(file)


def test_the_catalogue_says_what_is_missing(lab: Lab, tmp_path: Path) -> None:
    raw = lab.history("NSE:SBIN", "D", "2026-10-05", "2026-10-09")
    file = tmp_path / "holed.csv"
    lab.lake.import_file(lab.lake.export_file(file, "NSE:SBIN", "D", FROM, TO), "NSE:SBIN", "D", source="whole")
    lines = file.read_text().splitlines()
    file.write_text("\n".join(line for line in lines if not line.startswith("2026-10-07")))
    lab.lake.import_file(file, "NSE:SBIN", "D", source="holed")
    lab.lake.store("holed").append(
        Series(InstrumentKey(Exchange.NSE, "SBIN"), Stored.DAY),
        bars_of_frame(raw.iloc[:0]),
        [(day_bounds_ns(date(2026, 10, 5))[0], day_bounds_ns(date(2026, 10, 16))[1])],
    )
    table = lab.lake.catalogue().set_index("source")
    assert (table.loc["holed", "missing"], table.loc["holed", "gaps"]) == (1, 1)
    assert (table.loc["whole", "missing"], table.loc["whole", "gaps"]) == (0, 0)
    assert table.loc["holed", "first"].date() == date(2026, 10, 5)
    assert table.loc["holed", "candles"] == len(lines) - 2
    assert table.loc["holed", "bytes"] > 500
    (gap,) = lab.lake.gaps("NSE:SBIN", "D", source="holed")
    assert trade_date(gap.start_ns) == date(2026, 10, 7)
    assert lab.lake.gaps("NSE:TCS", "D", source="holed") == ()


# Other forms --------------------------------------------------------------------------------------------------------


def test_futures_are_joined_with_the_ones_that_have_expired(lab: Lab) -> None:
    listed = lab.expiries("NIFTY", "FUT")
    today = trade_date(lab.handle.status.market_ns)
    gone = today - timedelta(days=8)
    key = InstrumentKey(Exchange.NFO, format_symbol("NIFTY", InstrumentType.FUT, gone))
    first, last = today - timedelta(days=20), today - timedelta(days=1)  # today's candle still moves
    front = format_symbol("NIFTY", InstrumentType.FUT, listed[0])
    other = bars_of_frame(lab.history(f"NFO:{front}", "D", first, gone))
    old = Bars(
        *(
            getattr(other, name) + (100.0 if name in ("open", "high", "low", "close") else 0)
            for name in Bars.__struct_fields__
        )
    )
    source = lab.lake.source
    span = (day_bounds_ns(first)[0], day_bounds_ns(gone)[1])
    lab.lake.store(source).append(Series(key, Stored.DAY), old, [span])

    table = lab.lake.contracts("nifty", kind="FUT")
    assert table.loc[str(key), "expired"]
    raw = lab.lake.continuous("NIFTY", "D", first, last)
    assert raw.contract.astype(str).unique().tolist() == [key.symbol, front]
    assert raw.contract.astype(str).iloc[-1] == front
    shifted = lab.lake.continuous("NIFTY", "D", first, last, adjust="difference")
    before = raw.contract == key.symbol
    assert shifted.close[before].tolist() == pytest.approx((raw.close[before] - 100).tolist())
    assert shifted.close[~before].tolist() == raw.close[~before].tolist()
    assert shifted.attrs["rolls"][0].startswith(f"{gone + timedelta(1)}: {key.symbol} to {front}, by expiry")
    assert len(lab.lake.continuous("NIFTY", "D", first, last, roll="oi")) == len(raw)
    with pytest.raises(InputError, match="No candles of NOTHING futures"):
        lab.lake.continuous("NOTHING", "D", first, last)
    with pytest.raises(InputError, match="roll"):
        lab.lake.continuous("NIFTY", "D", first, last, roll="moon")


def test_shares_are_adjusted_on_reading(lab: Lab, tmp_path: Path) -> None:
    raw = lab.history("NSE:INFY", "D", FROM, TO)
    assert lab.lake.adjusted("NSE:INFY", "D", FROM, TO).close.tolist() == raw.close.tolist()
    actions = lab.lake.actions
    assert actions.add("NSE:INFY", "2026-10-12", "split", "2:1") == 1
    assert actions.add("NSE:INFY", "2026-10-12", "split", "2:1") == 0
    made = lab.lake.adjusted("NSE:INFY", "D", FROM, TO)
    assert len(made.attrs["actions"]) == 1
    before = raw.index < "2026-10-12"
    assert made.close[before].tolist() == (raw.close[before] / 2).tolist()
    assert made.close[~before].tolist() == raw.close[~before].tolist()
    minutes = lab.lake.adjusted("NSE:INFY", "15m", "2026-10-09", "2026-10-09")
    plain = lab.history("NSE:INFY", "15m", "2026-10-09", "2026-10-09")
    assert minutes.high.tolist() == (plain.high / 2).tolist()
    # a month with the ex-date inside is built of adjusted days
    month = lab.lake.adjusted("NSE:INFY", "M", "2026-10-01", "2026-10-31")
    days = lab.lake.adjusted("NSE:INFY", "D", "2026-10-01", "2026-10-31")
    assert month.high.iloc[0] == days.high.max()
    assert month.volume.iloc[0] == days.volume.sum()
    file = tmp_path / "actions.csv"
    file.write_text("symbol,exchange,ex_date,kind,amount\nINFY,NSE,2026-10-13,dividend,10\n")
    assert actions.import_file(file) == 1
    paid = lab.lake.adjusted("NSE:INFY", "D", FROM, TO, dividends=True)
    close = raw.close[raw.index < "2026-10-13"].iloc[-1]
    assert paid.close.iloc[0] == pytest.approx(raw.close.iloc[0] / 2 * (close - 10) / close)
    assert actions.frame.kind.tolist() == ["split", "dividend"]
    actions.remove("NSE:INFY", date(2026, 10, 12), "split", "2:1")
    with pytest.raises(InputError, match="no amount"):
        actions.add("NSE:INFY", "2026-10-12", "dividend", "much")
    with pytest.raises(InputError, match="no date"):
        actions.add("NSE:INFY", "12/10/2026", "dividend", 5)
    assert repr(actions) == "<Corporate actions: 1 rows>"


# Recorded ---------------------------------------------------------------------------------------------------------


def test_ticks_are_recorded_and_played_again(lab: Lab) -> None:
    strike = lab.strikes("NIFTY")
    middle = strike[len(strike) // 2]
    expiry = lab.expiries("NIFTY")[0]
    options = [f"NFO:{format_symbol('NIFTY', kind, expiry, middle)}" for kind in (InstrumentType.CE, InstrumentType.PE)]
    spot = "NSE_INDEX:NIFTY"
    recorder = lab.lake.record_ticks([spot, *options])

    def lasting() -> bool:
        """Each instrument ticked in more than one second."""
        recorder.save()
        day = trade_date(lab.handle.status.market_ns)
        seconds = [len(np.unique(lab.lake.ticks(name, day).index.floor("s"))) for name in (spot, *options)]
        return min(seconds) > 1

    eventually(lasting)
    assert recorder.running
    took = recorder.stop()
    assert not recorder.running
    days = lab.lake.tick_days()
    assert days.ticks.sum() == took
    assert set(days.symbol) == {spot, *options}
    day = days.day.iloc[-1]
    frame = lab.lake.ticks(options[0], str(day))
    assert (frame.ltp > 0).all()
    assert frame.index.is_monotonic_increasing
    file = lab.lake.replay_ticks("NIFTY", day)
    market = ReplayMarket(file)
    assert {str(one.key) for one in market.instruments()} == {spot, *options}
    listed = lab.lake.recordings("NIFTY", day)
    assert listed.file.tolist() == [str(file)]
    assert len(lab.lake.snapshots(file)) == listed.rows.iloc[0]
    assert f"{took} ticks" in repr(recorder)
    assert "Tick recorder, stopped" in recorder._repr_html_()


def test_recordings_from_elsewhere_are_taken_in(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "timestamp,symbol,expiry,strike,option_type,spot,ltp\n202601050915,TCS,27-Jan-2026,3000,CE,3001,9\n"
    )
    kept = lab.lake.keep_recording(file)
    assert kept.parent == lab.handle.folder / "chains"
    assert lab.lake.recordings("tcs", "2026-01-05").snapshots.tolist() == [1]
    assert str(kept) in lab.lake.recordings().file.tolist()
    with pytest.raises(InputError, match="no date"):
        lab.lake.recordings(day="yesterday")
