"""lab.history and lab.lake through the facade, on the simulated exchange."""

from __future__ import annotations

import asyncio
import pickle

import pandas as pd
import pytest

from openalgo_lab import Lab
from openalgo_lab.lab.history_frame import HistoryFrame
from openalgo_lab.lab.history_schedules import weekdays
from openalgo_lab.model.errors import InputError, LabError, SymbolError
from openalgo_lab.model.history_commands import JobState

SPAN = ("2026-09-01", "2026-09-20")


@pytest.fixture(scope="module")
def kept(lab: Lab) -> str:
    """A symbol whose minutes and days of September are kept."""
    for interval in ("1m", "D"):
        assert lab.lake.download("WIPRO", interval, *SPAN).wait(60).state is JobState.DONE
    return "WIPRO"


@pytest.mark.parametrize("interval", ["1m", "7m", "1h", "D", "2D", "W"])
def test_kept_candles_are_the_sources_own(lab: Lab, kept: str, interval: str) -> None:
    """The simulated exchange computes what nobody downloaded: both ways must say the same."""
    span = ("2026-09-02 10:07", "2026-09-15") if interval[-1] in "mh" else ("2026-09-02", "2026-09-15")
    lab.lake.reader(kept, interval, *span)  # what a longer candle needs beyond the span
    of_lake = lab.history(kept, interval, *span)
    computed = lab.history(kept, interval, "2026-08-20", span[1])  # begins before what is kept
    expected = computed[computed.index >= of_lake.index[0]]
    assert len(of_lake)
    pd.testing.assert_frame_equal(pd.DataFrame(of_lake), pd.DataFrame(expected), check_freq=False)


def test_a_frame_knows_whose_it_is_and_what_is_missing(lab: Lab, kept: str) -> None:
    frame = lab.history(kept, "5m", "2026-09-18", "2026-09-22", fetch=False)
    assert isinstance(frame, HistoryFrame)
    assert frame.source.startswith("simulated-7")
    assert [gap.candles for gap in frame.gaps] == [1440, 1440]
    assert frame.attrs["gaps"] == [str(gap) for gap in frame.gaps]
    assert frame[frame["close"] > 0].gaps == frame.gaps
    assert frame.attrs["symbol"] == "NSE:WIPRO"


def test_todays_candles_come_with_the_kept_ones(lab: Lab, kept: str) -> None:
    assert lab.lake.download(kept, "1m", "2026-09-01").wait(60).state is JobState.DONE
    frame = asyncio.run(lab.history_async(kept, "15m", "2026-09-01"))
    assert frame.gaps == ()
    assert str(frame.index[-1].date()) == lab.handle.instruments.dated.isoformat()
    assert len(frame) > 96 * 60


def test_readers_travel(lab: Lab, kept: str) -> None:
    reader = lab.lake.reader(kept, "1h", *SPAN)
    again = pickle.loads(pickle.dumps(reader))
    assert len(again()) == 20 * 24
    assert len(pickle.dumps(reader)) < 1_000


def test_a_reader_downloads_what_is_missing(lab: Lab) -> None:
    reader = lab.lake.reader("TCS", "D", "2026-09-01", "2026-09-10")
    assert len(reader()) == 10


def test_downloads_are_live_objects(lab: Lab) -> None:
    job = lab.lake.download(["HDFCBANK", ("INFY", "NSE")], "1h", "2026-09-01", "2026-09-03", name="two")
    job.wait(60)
    assert list(job.frame.index) == ["NSE:HDFCBANK", "NSE:INFY"]
    assert (job.frame["candles"] == 3 * 1440).all()
    assert "two, 2026-09-01 to 2026-09-03: done, 100%" in repr(job)
    assert job.job_id in [one.job_id for one in lab.lake.jobs]
    assert lab.lake.job(job.job_id).progress == 1.0
    job.forget()
    with pytest.raises(InputError, match="There is no download"):
        lab.lake.job(job.job_id)


def test_coverage_is_a_frame(lab: Lab, kept: str) -> None:
    frame = lab.lake.coverage()
    rows = frame[frame["symbol"] == f"NSE:{kept}"]
    assert set(rows["interval"]) == {"1m", "D"}
    assert (rows["mb"] > 0).all()
    assert set(frame["source"]) == set(lab.lake.sources)


def test_groups_and_schedules(lab: Lab) -> None:
    lab.lake.group("it", ["INFY", "TCS"])
    assert [key.symbol for key in lab.lake.groups["it"]] == ["INFY", "TCS"]
    schedule = lab.lake.schedule("it", "1m", at="18:00", days="mon-fri")
    assert "it 1m at 18:00 on mon, tue, wed, thu, fri; next" in repr(schedule)
    assert "paused" in repr(schedule.pause())
    assert "next" in repr(schedule.resume())
    assert schedule.run().wait(60).state is JobState.DONE
    schedule.drop()
    assert lab.lake.schedules == []
    lab.lake.drop_group("it")
    assert "it" not in lab.lake.groups


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("daily", (0, 1, 2, 3, 4, 5, 6)),
        ("sat", (5,)),
        ("fri-mon", (0, 4, 5, 6)),
        (["Mon", "wednesday"], (0, 2)),
        ("mon,thu-fri", (0, 3, 4)),
    ],
)
def test_weekdays(text: str | list[str], numbers: tuple[int, ...]) -> None:
    assert weekdays(text) == numbers


def test_wrong_words(lab: Lab) -> None:
    with pytest.raises(LabError, match="no day"):
        weekdays("someday")
    with pytest.raises(SymbolError, match="nothing of it was kept"):
        lab.history("NFO:NIFTY24NOV20FUT", "1m", "2020-11-01")
    with pytest.raises(SymbolError, match="no listed contract"):
        lab.history("NFO:NOSUCH", "1m", "2020-11-01")
