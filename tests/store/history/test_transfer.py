"""Files of candles, out and in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from pathlib import Path

import numpy as np
import pytest

from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import at_ist, day_bounds_ns, to_ns
from openalgo_lab.store.history.columns import FIELDS
from openalgo_lab.store.history.parquet import Parquet
from openalgo_lab.store.history.series import Series
from openalgo_lab.store.history.transfer import export_file, import_file, shown_spans

MakeBars = Callable[..., Bars]


@pytest.mark.parametrize("ending", ["csv", "parquet", "CSV"])
def test_what_goes_out_comes_back(tmp_path: Path, minutes: Series, session_bars: MakeBars, ending: str) -> None:
    bars = session_bars(date(2026, 1, 5), date(2026, 1, 6))
    file = tmp_path / f"m's bars.{ending}"
    export_file(file, bars, str(minutes))
    back = import_file(file, minutes)
    assert all(np.array_equal(getattr(back, name), getattr(bars, name)) for name in FIELDS)
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_an_exported_csv_is_for_people(tmp_path: Path, minutes: Series, session_bars: MakeBars) -> None:
    file = tmp_path / "out.csv"
    export_file(file, session_bars(date(2026, 1, 5), date(2026, 1, 5)), str(minutes))
    head, first = file.read_text().splitlines()[:2]
    assert head == "timestamp,open,high,low,close,volume,oi"
    assert first.startswith("2026-01-05 09:15:00+05:30,")


@pytest.mark.parametrize(
    ("head", "when"),
    [
        ("timestamp", "2026-01-05 09:15:00"),
        ("timestamp", "2026-01-05T09:15:00+05:30"),
        ("timestamp", "2026-01-05 03:45:00Z"),
        ("timestamp", "2026-01-05 03:45:00+00"),
        (" TimeStamp ", " 2026-01-05 09:15 "),
        ("date,time", "2026-01-05,09:15"),
        ("time,date", "09:15:00,2026-01-05"),
    ],
)
def test_times_as_people_write_them(tmp_path: Path, minutes: Series, head: str, when: str) -> None:
    file = tmp_path / "in.csv"
    file.write_text(f"{head},Close,Low,High,Open\n{when},101,99,102.5,100\n")
    bars = import_file(file, minutes)
    assert bars.start_ns.tolist() == [to_ns(at_ist(date(2026, 1, 5), time(9, 15)))]
    assert [getattr(bars, name)[0] for name in FIELDS[1:]] == [100, 102.5, 99, 101, 0, 0]


def test_a_date_alone_is_its_midnight(tmp_path: Path, days: Series) -> None:
    file = tmp_path / "in.csv"
    file.write_text(
        "date,open,high,low,close,volume\n2026-01-06,1,2,1,2,5\n2026-01-05,1,2,1,2,5\n2026-01-06,1,3,1,2,6\n"
    )
    bars = import_file(file, days)
    assert bars.start_ns.tolist() == [day_bounds_ns(date(2026, 1, day))[0] for day in (5, 6)]
    assert bars.high.tolist() == [2, 3]
    assert shown_spans(bars) == ((day_bounds_ns(date(2026, 1, 5))[0], day_bounds_ns(date(2026, 1, 6))[1]),)


def test_times_of_a_parquet_file_by_their_type(tmp_path: Path, minutes: Series) -> None:
    for kind, text in (("TIMESTAMP", "2026-01-05 09:15:00"), ("TIMESTAMPTZ", "2026-01-05 09:15:00+05:30")):
        file = tmp_path / f"{kind}.parquet"
        row = f"{kind} '{text}' AS timestamp, 1.0 AS open, 2 AS high, 1 AS low, 2::FLOAT AS close"
        Parquet().cursor().execute(f"COPY (SELECT {row}) TO '{file}'")
        assert import_file(file, minutes).start_ns.tolist() == [to_ns(at_ist(date(2026, 1, 5), time(9, 15)))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("timestamp,open,high,low\n2026-01-05 09:15,1,2,1\n", "no column close"),
        ("open,high,low,close\n1,2,1,2\n", "no column timestamp"),
        (
            "timestamp,open,high,low,close\n2026-01-05 09:15,1,2,1,2\n2026-01-05 09:16,1,two,1,2\n",
            "Row 2 .*column high",
        ),
        ("timestamp,open,high,low,close\n05/01/2026 09:15,1,2,1,2\n", "Row 1 .*no time"),
        ("timestamp,open,high,low,close\n2026-01-05 09:15,1,2,1,\n", "Row 1 .*column close"),
        ("timestamp,open,high,low,close\n2026-01-05 09:15,1,2,1,nan\n", "row 1.* cannot be"),
        ("timestamp,open,high,low,close\n2026-01-05 09:15,1,2,1.5,2\n", "row 1.* cannot be"),
        ("timestamp,open,high,low,close,volume\n2026-01-05 09:15,1,2,1,2,-3\n", "row 1.* cannot be"),
        ("", "in.csv"),
    ],
)
def test_what_does_not_fit_refuses_the_file(tmp_path: Path, minutes: Series, text: str, words: str) -> None:
    file = tmp_path / "in.csv"
    file.write_text(text)
    with pytest.raises((InputError, DecodeError), match=words):
        import_file(file, minutes)


def test_files_of_other_kinds_are_refused(tmp_path: Path, minutes: Series) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DecodeError):
        import_file(tmp_path / "x.parquet", minutes)
    with pytest.raises(InputError, match="no file"):
        import_file(tmp_path / "y.csv", minutes)
    with pytest.raises(InputError, match="endings"):
        import_file(tmp_path / "x.exe", minutes)
    with (tmp_path / "big.csv").open("wb") as file:
        file.truncate(101 * 2**20)
    with pytest.raises(InputError, match="100 MB"):
        import_file(tmp_path / "big.csv", minutes)
