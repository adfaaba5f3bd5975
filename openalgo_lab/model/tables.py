"""Dated tables: how a market rule is written in a file, read, and chosen for a date.

A table is a JSON file `{"source": …, "rows": […]}` in this package's `data` folder. A user's own folder may
hold a file of the same name: its rows are added, and win over ours where both start on the same date.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.times import IST, at_ist

__all__ = [
    "ClockTime",
    "DatedRow",
    "HhMm",
    "Mark",
    "Row",
    "Table",
    "UsLinkedTime",
    "clock_time",
    "in_force",
    "read_file",
    "read_table",
    "span",
]

Mark = Literal["2+", "1", "?"]
"""How sure a row is: two independent sources, one source, or a best reading."""


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of any table, with what it rests on."""

    mark: Mark
    note: str = ""


class DatedRow(Row, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row that holds for trade dates from `effective_from` to `effective_to` (inclusive; open when None)."""

    effective_from: date
    effective_to: date | None = None


HhMm = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day as files write it."""


class UsLinkedTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time of day in India that follows daylight time in New York, as the evening close of commodities
    does.
    """

    us_daylight: HhMm
    us_standard: HhMm

    def on(self, day: date) -> time:
        """The time valid on `day`, judged in the Indian evening."""
        new_york = datetime.combine(day, time(17), tzinfo=IST).astimezone(ZoneInfo("America/New_York"))
        return time.fromisoformat(self.us_daylight if new_york.dst() else self.us_standard)


ClockTime = HhMm | UsLinkedTime
"""As files write it: `HH:MM` or `{"us_daylight": "23:30", "us_standard": "23:55"}`."""


def clock_time(written: ClockTime, day: date) -> time:
    """The time of day that a table means on `day`."""
    return written.on(day) if isinstance(written, UsLinkedTime) else time.fromisoformat(written)


def span(start: ClockTime, end: ClockTime, day: date) -> tuple[datetime, datetime]:
    """A window of `day` as aware moments; an end that is not after the start lies on the next day."""
    opening, closing = at_ist(day, clock_time(start, day)), at_ist(day, clock_time(end, day))
    return opening, closing if closing > opening else closing + timedelta(days=1)


DocT = TypeVar("DocT")
RowT = TypeVar("RowT", bound=Row)
DatedT = TypeVar("DatedT", bound=DatedRow)


class Table(msgspec.Struct, Generic[RowT], frozen=True, forbid_unknown_fields=True):
    """A file of rows and where they were taken from."""

    rows: tuple[RowT, ...]
    source: str = ""


def in_force(rows: Iterable[DatedT], on: date) -> DatedT | None:
    """The row with the greatest `effective_from` <= `on`, the later written one of equals; None before the
    first row and after the end of the last.
    """
    chosen: DatedT | None = None
    for row in rows:
        if row.effective_from <= on and (chosen is None or row.effective_from >= chosen.effective_from):
            chosen = row
    if chosen is None or (chosen.effective_to is not None and on > chosen.effective_to):
        return None
    return chosen


def read_file(name: str, shape: type[DocT], extra: Path | None) -> list[DocT]:
    """The package's `data/<name>` and, if there is one, `<extra>/<name>`, decoded.

    Raises `RuleError` naming the file and the place in it that does not fit.
    """
    ours = resources.files("openalgo_lab.model").joinpath("data", name)
    documents = [_decode(ours.read_bytes(), shape, name)]
    if extra is not None and (own := extra / name).is_file():
        documents.append(_decode(_read(own), shape, str(own)))
    return documents


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RuleError(f"The market table {path} cannot be read ({error.strerror}); check its permissions.") from error


def _decode(content: bytes, shape: type[DocT], name: str) -> DocT:
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"The market table {name} does not fit ({error}); correct it or move it away.") from error


def read_table(name: str, row: type[RowT], extra: Path | None = None) -> tuple[RowT, ...]:
    """All rows of a table, the user's own last. Raises `RuleError` naming the file and the row that does
    not fit.
    """
    return tuple(item for table in read_file(name, Table[row], extra) for item in table.rows)  # type: ignore[valid-type]
