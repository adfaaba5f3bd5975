"""What the lake keeps: series of candles by instrument and stored interval, and the folders they lie in."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["Series", "Stored", "all_series", "series_dir"]


class Stored(StrEnum):
    """The intervals that are kept; all others are built from them."""

    MINUTE = "1m"
    DAY = "D"

    @property
    def length_ns(self) -> int:
        """From a candle's first moment to its end; a day's is its Indian calendar day."""
        return 60 * NS_PER_SECOND if self is Stored.MINUTE else NS_PER_DAY


class Series(msgspec.Struct, frozen=True, order=True):
    """Candles of one instrument in one stored interval."""

    key: InstrumentKey
    interval: Stored

    def __str__(self) -> str:
        return f"{self.key} {self.interval}"


_SAFE: Final = ""  # a symbol may hold '&', '/', ' ' or '*': all of them are written as %XX, which hive readers undo


def series_dir(root: Path, series: Series) -> Path:
    """The folder of a series; a symbol's odd characters are percent-encoded. Raises InputError without a symbol."""
    if not series.key.symbol:
        raise InputError("A series of candles needs a symbol: give one such as 'SBIN'.", "symbol")
    symbol = quote(series.key.symbol, safe=_SAFE)
    return root / f"interval={series.interval}" / f"exchange={series.key.exchange}" / f"symbol={symbol}"


def all_series(root: Path) -> list[Series]:
    """Every series that has a folder, in order; folders that are not ours are passed over."""
    found = []
    for folder in root.glob("interval=*/exchange=*/symbol=*"):
        interval, exchange, symbol = (part.split("=", 1)[1] for part in folder.parts[-3:])
        if interval in set(Stored) and exchange in set(Exchange):
            found.append(Series(InstrumentKey(Exchange(exchange), unquote(symbol)), Stored(interval)))
    return sorted(found)
