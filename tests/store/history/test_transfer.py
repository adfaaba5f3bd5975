"""Files of candles, out and in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import at_ist, day_bounds_ns, to_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.columns import FIELDS
from openalgo_lab.store.history.parquet import Parquet
from openalgo_lab.store.history.series import Series, Stored
from openalgo_lab.store.history.transfer import export_file, export_many, import_file, import_many, shown_spans

MakeBars = Callable[..., Bars]


@pytest.mark.parametrize("ending", ["csv", "parquet", "CSV", "xlsx"])
def test_what_goes_out_comes_back(tmp_path: Path, minutes: Series, session_bars: MakeBars, ending: str) -> None:
    made = session_bars(date(2026, 1, 5), date(2026, 1, 6))
    bars = Bars(made.start_ns, *(np.rint(getattr(made, name) * 100) / 100 for name in FIELDS[1:]))  # paise
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
            "Row 2 of in.csv has no number in column high but 'two': correct it",
        ),
        (
            "timestamp,open,high,low,close\n05/01/2026 09:15,1,2,1,2\n",
            "Row 1 .*no time such as 2026-01-05 09:15 in column timestamp but '05/01/2026 09:15'",
        ),
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


# Many series in one file --------------------------------------------------------------------------------------------

FIRST = to_ns(at_ist(date(2026, 1, 5), time(9, 15)))
symbols = st.text("ABZ&-09=+@' ", min_size=1, max_size=6).filter(lambda text: text == text.strip())
moments = st.sets(st.integers(0, 5000), min_size=1, max_size=6)


def candles(minutes: set[int], paise: int) -> Bars:
    starts = np.array(sorted(minutes), dtype=np.int64) * 60 * 10**9 + FIRST
    flat = np.full(len(starts), float(paise))
    return Bars(starts, flat / 100, (flat + 5) / 100, (flat - 5) / 100, flat / 100, flat * 3, flat * 0)


@settings(max_examples=12, deadline=None)
@given(
    st.dictionaries(symbols, st.tuples(moments, st.integers(10, 10**9)), min_size=1, max_size=4),
    st.sampled_from(["csv", "parquet", "xlsx"]),
)
def test_many_series_come_back(
    tmp_path_factory: pytest.TempPathFactory, given_bars: dict[str, tuple[set[int], int]], ending: str
) -> None:
    file = tmp_path_factory.mktemp("bundle") / f"all.{ending}"
    held = {InstrumentKey(Exchange.NSE, symbol): candles(*made) for symbol, made in given_bars.items()}
    export_many(file, [(key, "1m", bars) for key, bars in held.items()])
    back = {series.key: bars for series, bars in import_many(file)}
    assert set(back) == set(held)
    for key, bars in held.items():
        assert all(np.array_equal(getattr(back[key], name), getattr(bars, name)) for name in FIELDS)


def test_no_symbol_leaves_as_a_formula(tmp_path: Path) -> None:
    key = InstrumentKey(Exchange.NSE, "=HYPERLINK(1)")
    for ending in ("csv", "xlsx"):
        export_many(tmp_path / f"out.{ending}", [(key, "1m", candles({0}, 500))])
    assert (
        (tmp_path / "out.csv").read_text().splitlines()[1].startswith("NSE,'=HYPERLINK(1),1m,2026-01-05 09:15:00+05:30")
    )
    cell = openpyxl.load_workbook(tmp_path / "out.xlsx").worksheets[0]["B2"]
    assert (cell.data_type, cell.value) == ("s", "'=HYPERLINK(1)")


def test_nothing_to_export_is_an_empty_table(tmp_path: Path) -> None:
    export_many(tmp_path / "out.csv", [])
    assert (tmp_path / "out.csv").read_text() == "exchange,symbol,interval,timestamp,open,high,low,close,volume,oi\n"
    assert import_many(tmp_path / "out.csv") == ()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("NSX,SBIN,1m,2026-01-05 09:15,1,2,1,2", "Row 1 of in.csv, column exchange: 'NSX'"),
        ("NSE,SBIN,5m,2026-01-05 09:15,1,2,1,2", "column interval: '5m' is not kept"),
        ("NSE,,1m,2026-01-05 09:15,1,2,1,2", "column symbol"),
        ("NSE,SBIN,1m,2026-01-05 09:15,1,2,=1+1,2", "no number in column low but '=1\\+1'"),
    ],
)
def test_a_row_of_nobody_refuses_the_file(tmp_path: Path, row: str, words: str) -> None:
    (tmp_path / "in.csv").write_text(f"exchange,symbol,interval,timestamp,open,high,low,close\n{row}\n")
    with pytest.raises(DecodeError, match=words):
        import_many(tmp_path / "in.csv")


def test_another_symbols_candles_are_not_taken_for_ours(tmp_path: Path, minutes: Series) -> None:
    file = tmp_path / "out.csv"
    export_many(file, [(InstrumentKey(Exchange.NSE, "TCS"), "1m", candles({0}, 500))])
    with pytest.raises(InputError, match="holds candles of TCS"):
        import_file(file, minutes)
    assert len(import_file(file, Series(InstrumentKey(Exchange.NSE, "TCS"), Stored.MINUTE))) == 1
    (tmp_path / "plain.csv").write_text("timestamp,open,high,low,close\n")
    with pytest.raises(InputError, match="no column exchange, symbol, interval"):
        import_many(tmp_path / "plain.csv")


def test_excel_as_people_make_it(tmp_path: Path, days: Series) -> None:
    """Real dates, whole numbers, a formula that was never computed."""
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.append(["Date", "Open", "High", "Low", "Close", "Volume"])
    page.append([date(2026, 1, 5), 1, 2, 1, 2, 5])
    page.append([date(2026, 1, 6), 1, 3, 1, 2, 5])
    book.save(tmp_path / "in.xlsx")
    bars = import_file(tmp_path / "in.xlsx", days)
    assert bars.start_ns.tolist() == [day_bounds_ns(date(2026, 1, day))[0] for day in (5, 6)]
    assert bars.high.tolist() == [2, 3]
    page.append([date(2026, 1, 7), "=B2", 3, 1, 2, 5])
    book.save(tmp_path / "in.xlsx")
    with pytest.raises(DecodeError, match="Row 3 of in.xlsx has no number in column open but ''"):
        import_file(tmp_path / "in.xlsx", days)
