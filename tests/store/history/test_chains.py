"""Chain recordings are found, described, read and kept."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.times import IST, to_ns
from openalgo_lab.sim.replay_file import read_recording
from openalgo_lab.store.history.chains import ChainStore
from openalgo_lab.store.history.parquet import Parquet

HEADS = "timestamp,symbol,expiry,strike,option_type,spot,ltp,oi"
ROWS = (
    "20260105091600,NIFTY,27-Jan-2026,24000,CE,24010.5,120.5,10",
    "20260105091500,NIFTY,27-Jan-2026,24000,PE,24000,99,",
    "202601061530,NIFTY,27-Jan-2026,24000,PE,24100,80,12",
)


def recording(folder: Path, name: str = "a.csv", rows: tuple[str, ...] = ROWS) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text("\n".join((HEADS, *rows)) + "\n")
    return file


def test_recordings_are_described_by_what_they_hold(tmp_path: Path) -> None:
    recording(tmp_path / "one")
    source = recording(tmp_path / "two", "late.csv", tuple(row.replace("NIFTY", "SENSEX") for row in ROWS[2:]))
    Parquet().cursor().execute(f"COPY (SELECT * FROM read_csv('{source}', all_varchar=true)) TO '{source}.parquet'")
    source.unlink()
    store = ChainStore([tmp_path / "one", tmp_path / "two", tmp_path / "three"])
    first, late = store.files()
    assert (first.underlyings, first.snapshots, first.rows, first.damaged) == (("NIFTY",), 3, 3, "")
    assert first.first_ns == to_ns(datetime(2026, 1, 5, 9, 15, tzinfo=IST))
    assert first.last_ns == to_ns(datetime(2026, 1, 6, 15, 30, tzinfo=IST))
    assert store.find("nifty") == (first,)
    assert store.find(day=date(2026, 1, 6)) == (first, late)
    assert store.find("NIFTY", date(2026, 1, 7)) == ()
    assert late.day == date(2026, 1, 6)
    assert read_recording(late.file).underlyings == ("SENSEX",)


def test_rows_come_in_order_of_time(tmp_path: Path) -> None:
    columns = ChainStore([tmp_path]).read(recording(tmp_path))
    assert columns["ltp"].tolist() == ["99", "120.5", "80"]
    assert (columns["time_ns"][1:] > columns["time_ns"][:-1]).all()


def test_damage_is_listed_with_its_reason_and_not_played(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 not really")
    (tmp_path / "y.csv").write_text("timestamp,symbol\n202601050915,NIFTY\n")
    recording(tmp_path, "z.csv", ())
    recording(tmp_path, "bad.csv", ("yesterday,NIFTY,27-Jan-2026,24000,CE,1,1,1",))
    store = ChainStore([tmp_path])
    told = {one.file.name: one.damaged for one in store.files()}
    assert "cannot be read" in told["x.parquet"]
    assert "lacks the columns expiry" in told["y.csv"]
    assert "holds no snapshot" in told["z.csv"]
    assert "holds no snapshot" in told["bad.csv"]
    assert store.find() == ()
    assert store.files()[0].day is None


def test_a_recording_is_taken_in_once(tmp_path: Path) -> None:
    file = recording(tmp_path / "from")
    store = ChainStore([tmp_path / "kept", tmp_path / "from"])
    kept = store.keep(file)
    assert kept.file == tmp_path / "kept" / "a.csv"
    assert read_recording(kept.file).underlyings == ("NIFTY",)
    with pytest.raises(InputError, match="is there already"):
        store.keep(file)
    with pytest.raises(InputError, match="There is no recording"):
        store.keep(tmp_path / "none.csv")
    (tmp_path / "bad.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match="lacks the columns"):
        store.keep(tmp_path / "bad.csv")
    assert [one.name for one in (tmp_path / "kept").iterdir()] == ["a.csv"]
