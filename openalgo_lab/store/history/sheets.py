"""Small tables of text in CSV and Excel files, in and out: for people, and for their spreadsheets.

A cell of text never leaves as a formula: one that begins with ``= + - @``, a tab, a line's end or an apostrophe gets
an apostrophe before it, as spreadsheets themselves do, and loses it again on the way in.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

import msgspec

from openalgo_lab.model.errors import DecodeError, InputError, StoreError

__all__ = ["MAX_BYTES", "MAX_EXCEL_ROWS", "Cell", "Sheet", "plain_text", "read_sheet", "safe_text", "write_sheet"]

MAX_BYTES: Final = 100 * 2**20
MAX_EXCEL_ROWS: Final = 1_048_576 - 1  # and the heads

_MAX_UNPACKED: Final = 1 << 30
_MAX_COLUMNS: Final = 256
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'")

Cell = str | float | int


class Sheet(msgspec.Struct, frozen=True):
    """A table that came in: heads in lower case, rows of text of the same width, and each row's line in the file."""

    name: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def column(self, head: str) -> tuple[str, ...]:
        """The texts of one column; empty ones where the table has no such column."""
        if head not in self.heads:
            return ("",) * len(self.rows)
        place = self.heads.index(head)
        return tuple(row[place] for row in self.rows)


def safe_text(text: str) -> str:
    """What a spreadsheet shows as ``text`` and never computes."""
    return "'" + text if text.startswith(_RISKY) else text


def plain_text(text: str) -> str:
    """The text that :func:`safe_text` was given."""
    return text.removeprefix("'")


def write_sheet(file: Path, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write ``.csv`` or ``.xlsx``, aside and renamed. Raises InputError, StoreError."""
    kind = sheet_kind(file)
    part = file.with_name(f".{file.name}.part")
    try:
        if kind == ".csv":
            _write_csv(part, heads, rows)
        else:
            _write_excel(part, heads, rows)
        part.replace(file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written ({error.strerror}): check the folder and the disk.") from error
    finally:
        part.unlink(missing_ok=True)


def read_sheet(file: Path) -> Sheet:
    """Read ``.csv`` (UTF-8, commas) or the first sheet of ``.xlsx``; the first row that holds anything is the heads.

    Times of an Excel file come as ``2026-01-05 09:15:00``; a formula as the value that was saved with it. Raises
    InputError for a file that is missing, too large or of another kind, DecodeError for one that cannot be read.
    """
    kind = sheet_kind(file)
    check_size(file)
    lines = _csv_lines(file) if kind == ".csv" else _excel_lines(file)
    heads: tuple[str, ...] = ()
    rows, places = [], []
    for line, cells in lines:
        if not any(cells):
            continue
        if not heads:
            heads = tuple(cell.strip().lower() for cell in cells)
            _check_heads(file, heads)
        elif len(cells) > len(heads) and any(cells[len(heads) :]):
            raise DecodeError(f"Row {line} of {file.name} has more cells than the heads: take the extra ones out.")
        else:
            rows.append(tuple((*cells, *[""] * len(heads))[: len(heads)]))
            places.append(line)
    if not heads:
        raise DecodeError(f"{file.name} is empty: its first row must hold the columns' names.")
    return Sheet(file.name, heads, tuple(rows), tuple(places))


def sheet_kind(file: Path) -> str:
    """``.csv`` or ``.xlsx``. Raises InputError for another ending."""
    kind = file.suffix.lower()
    if kind not in (".csv", ".xlsx"):
        raise InputError(f"{file.name} is neither .csv nor .xlsx: give it one of these endings.", "file")
    return kind


def check_size(file: Path) -> None:
    """Raises InputError for a file that is not there, or larger than 100 MB."""
    size = file.stat().st_size if file.is_file() else -1
    if size < 0:
        raise InputError(f"There is no file {file}: check the name.", "file")
    if size > MAX_BYTES:
        raise InputError(f"{file.name} is larger than 100 MB: split it by years.", "file")


def _check_heads(file: Path, heads: Sequence[str]) -> None:
    named = [head for head in heads if head]
    doubled = {head for head in named if named.count(head) > 1}
    if doubled:
        raise DecodeError(f"{file.name} has the column {min(doubled)} twice: keep one of them.")
    if len(heads) > _MAX_COLUMNS:
        raise DecodeError(f"{file.name} has more than {_MAX_COLUMNS} columns: it is no table of ours.")


def _csv_lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            for cells in reader:
                yield reader.line_num, [plain_text(cell.strip()) for cell in cells]
    except UnicodeDecodeError as error:
        raise DecodeError(f"{file.name} is not UTF-8 text: save it as 'CSV UTF-8'.") from error
    except csv.Error as error:
        raise DecodeError(f"{file.name} cannot be read as CSV ({error}): check its quotation marks.") from error


def _write_csv(part: Path, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    with part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(heads)
        writer.writerows([safe_text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)


def _excel_lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
        if unpacked > _MAX_UNPACKED:
            raise InputError(f"{file.name} unpacks to more than 1 GB: split it by years.", "file")
        with closing(openpyxl.load_workbook(file, read_only=True, data_only=True)) as book:
            for line, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
                yield line, [_excel_text(cell) for cell in cells]
    except (zipfile.BadZipFile, InvalidFileException, KeyError, IndexError, ValueError, SyntaxError) as error:
        raise DecodeError(f"{file.name} cannot be read as an Excel file ({error}): save it as .xlsx again.") from error


def _excel_text(cell: Any) -> str:
    """A cell as text; times are the wall clock's, as Excel knows no zones."""
    match cell:
        case None:
            return ""
        case str():
            return plain_text(cell.strip())
        case datetime():
            # Excel counts days in floating point: what is meant is the nearest millisecond.
            return str(_rounded(cell))
        case bool() | date() | time():
            return str(cell)
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        case _:
            return repr(cell)


def _rounded(moment: datetime) -> datetime:
    from datetime import timedelta

    off = moment.microsecond % 1000
    return moment - timedelta(microseconds=off) if off < 500 else moment + timedelta(microseconds=1000 - off)


def _write_excel(part: Path, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("table")
    sheet.freeze_panes = "A2"
    sheet.append(list(heads))

    def shown(cell: Cell) -> Any:
        if not isinstance(cell, str):
            return cell
        text = WriteOnlyCell(sheet, value="")
        text.value = safe_text(cell)
        text.data_type = "s"
        return text

    for number, row in enumerate(rows):
        if number >= MAX_EXCEL_ROWS:
            raise InputError("An Excel sheet holds a million rows: write .csv or .parquet, or fewer days.", "file")
        sheet.append([shown(cell) for cell in row])
    book.save(part)
