"""Tables of text in CSV and Excel files."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.model.errors import DecodeError, InputError, StoreError
from openalgo_lab.store.history import sheets
from openalgo_lab.store.history.sheets import MAX_EXCEL_ROWS, plain_text, read_sheet, safe_text, write_sheet

# What XML and a stripped cell can hold: no control characters, no space at the ends.
texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=12).map(
    str.strip
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(texts.filter(bool), texts), min_size=1, max_size=6), st.sampled_from(["csv", "xlsx"]))
def test_text_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], ending: str) -> None:
    file = tmp_path_factory.mktemp("sheet") / f"table.{ending}"
    write_sheet(file, ("name", "note"), rows)
    sheet = read_sheet(file)
    assert sheet.heads == ("name", "note")
    assert sheet.rows == tuple(rows)
    assert [one.name for one in file.parent.iterdir()] == [file.name]


@given(st.text(max_size=8))
def test_safe_text_begins_with_nothing_that_is_computed(text: str) -> None:
    safe = safe_text(text)
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert plain_text(safe) == text


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2", "@x", "=cmd|' /C calc'!A0", "'=1"])
def test_no_formula_leaves(tmp_path: Path, text: str) -> None:
    write_sheet(tmp_path / "out.csv", ("name",), [(text,)])
    assert (tmp_path / "out.csv").read_text().splitlines()[1].lstrip('"').startswith("'")
    write_sheet(tmp_path / "out.xlsx", ("name",), [(text,)])
    cell = openpyxl.load_workbook(tmp_path / "out.xlsx").worksheets[0]["A2"]
    assert cell.data_type == "s"
    assert cell.value == "'" + text
    assert read_sheet(tmp_path / "out.xlsx").rows == ((text,),)


def test_excel_cells_by_their_type(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.append([None, None])
    page.append(["When ", "Value"])
    for when, value in (
        (datetime(2026, 1, 5, 9, 15), 12.5),  # noqa: DTZ001 -- Excel knows no zones
        (date(2026, 1, 5), 7),
        ("2026-01-05", 1e20),
        (None, None),
        ("x", True),
    ):
        page.append([when, value])
    book.save(tmp_path / "in.xlsx")
    sheet = read_sheet(tmp_path / "in.xlsx")
    assert sheet.heads == ("when", "value")
    assert sheet.rows == (
        ("2026-01-05 09:15:00", "12.5"),
        ("2026-01-05 00:00:00", "7"),
        ("2026-01-05", "1e+20"),
        ("x", "True"),
    )
    assert sheet.lines == (3, 4, 5, 7)
    assert sheet.column("value")[1] == "7"
    assert sheet.column("nothing") == ("",) * 4


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("in.csv", b"", "in.csv is empty"),
        ("in.csv", b"a,b\n\xff\xfe,1\n", "not UTF-8"),
        ("in.csv", b'a,b\n"x,1\n', "quotation marks"),
        ("in.csv", b"a,A\n1,2\n", "column a twice"),
        ("in.xlsx", b"PK not really", "cannot be read as an Excel file"),
        ("in.txt", b"a\n1\n", "neither .csv nor .xlsx"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises((InputError, DecodeError), match=words):
        read_sheet(tmp_path / name)


def test_large_files_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "big.csv").open("wb") as file:
        file.truncate(101 * 2**20)
    with pytest.raises(InputError, match="100 MB"):
        read_sheet(tmp_path / "big.csv")
    monkeypatch.setattr(sheets, "_MAX_UNPACKED", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"xl/{number}", bytes(500_000))
    assert (tmp_path / "bomb.xlsx").stat().st_size < 10_000
    with pytest.raises(InputError, match="more than 1 GB"):
        read_sheet(tmp_path / "bomb.xlsx")
    with pytest.raises(InputError, match="There is no file"):
        read_sheet(tmp_path / "none.csv")


def test_a_sheet_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        write_sheet(tmp_path / "no" / "out.csv", ("a",), [("b",)])
    assert MAX_EXCEL_ROWS == 1_048_575
