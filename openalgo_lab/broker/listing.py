"""Reading master contracts: files unpacked, rows by column name, rows made into instruments."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Final, TypeVar

from openalgo_lab.model.errors import DecodeError, SymbolError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.symbols import format_symbol
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

__all__ = ["each_once", "listed", "rows", "unpacked"]

R = TypeVar("R")

_MOST_BYTES: Final = 512 << 20


def unpacked(body: bytes) -> str:
    """The text of a file as it was downloaded: plain, gzip, or the first member of a zip."""
    try:
        if body[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(body)) as archive, archive.open(archive.infolist()[0]) as member:
                body = member.read(_MOST_BYTES)
        elif body[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(body)) as member:
                body = member.read(_MOST_BYTES)
        if len(body) == _MOST_BYTES:
            raise DecodeError("The instrument file is larger than any real one.")
        return body.decode("utf-8-sig")
    except (zipfile.BadZipFile, zlib.error, ValueError, IndexError, OSError, EOFError, RuntimeError) as error:
        raise DecodeError(f"The instrument file is damaged ({error}); download it again.") from error


def rows(body: bytes, what: str, needed: frozenset[str]) -> Iterator[Mapping[str, str]]:
    """The rows of a comma-separated file by its header's names in small letters. ``needed`` names must be there; a row
    that ends before them is left out."""
    lines = csv.reader(io.StringIO(unpacked(body)))
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        if not needed <= set(header):
            raise DecodeError(f"The file of {what} instruments has no header that is known.")
        for line in lines:
            row = dict(zip(header, map(str.strip, line), strict=False))
            if needed <= row.keys():
                yield row
    except csv.Error as error:
        raise DecodeError(f"The file of {what} instruments is damaged ({error}); download it again.") from error


def each_once(
    source: Iterable[R],
    make: Callable[[R], Instrument | None],
    what: str,
    also: Iterable[Instrument] = (),
    prefer: Callable[[R], bool] | None = None,
) -> tuple[Instrument, ...]:
    """Instruments of rows, the first of each symbol (or of those that ``prefer`` picks), then ``also``.

    ``make`` gives None for a row that is to be left out, and a row that fits no symbol or no number is left out as
    well: a master of 100,000 rows always has some. Raises DecodeError when there are rows and none is left.
    """
    found: dict[tuple[Exchange, str], Instrument] = {}
    picked: set[tuple[Exchange, str]] = set()
    number = 0
    for number, row in enumerate(source, start=1):  # noqa: B007 - how many there were
        try:
            made = make(row)
        except (SymbolError, DecodeError, KeyError, ValueError):
            continue
        if made is None:
            continue
        key = (made.exchange, made.symbol)
        if prefer is not None and key not in picked and prefer(row):
            picked.add(key)
            found[key] = made
        found.setdefault(key, made)
    if number and not found:
        raise DecodeError(f"The file of {what} instruments holds none.")
    for made in also:
        found.setdefault((made.exchange, made.symbol), made)
    return tuple(found.values())


def listed(
    exchange: Exchange,
    kind: InstrumentType,
    base: str,
    token: int,
    *,
    traded: str,
    lot: int = 1,
    tick: float,
    name: str = "",
    feed: str = "",
    expiry: date | None = None,
    strike: float = 0.0,
    freeze: int = 0,
) -> Instrument:
    """An instrument whose symbol is made of its parts: ``base`` is the share's, the index's or the underlying's.

    ``traded`` is the text that orders need, ``feed`` that of the feed. Raises SymbolError, or DecodeError for a lot or
    tick that is none.
    """
    dated = expiry is not None
    if lot < 1 or not tick > 0:
        raise DecodeError(f"{traded} has no lot or no tick size.")
    return Instrument(
        symbol=format_symbol(base, kind, expiry, strike if kind.is_option else None),
        exchange=exchange,
        kind=kind,
        name=name or base,
        token=token,
        lot_size=lot,
        tick_size=tick,
        freeze_quantity=freeze,
        underlying=base if dated else "",
        expiry=expiry,
        strike=strike if kind.is_option else 0.0,
        broker_symbol=traded,
        broker_token=feed,
    )
