"""Reading what brokers write: JSON into shapes, words by total tables, numbers and times in their many spellings.

Everything raises `DecodeError` for what does not fit; nothing unknown becomes a default.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec

from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.times import IST, NS_PER_SECOND, to_ns

__all__ = ["Number", "from_word", "jwt_expiry_ns", "moment", "number", "read", "to_word", "unix_ns", "whole", "words"]

T = TypeVar("T")
V = TypeVar("V")

Number = str | float | int | None
"""A number as brokers write it: as such, as text, as blank text, as null, or as the text NaN."""

_MOST: Final = 1e18
_LAST_YEAR: Final = 2100
_DAY_FIRST: Final = re.compile(r"(\d{1,2})-(\d{2}|[A-Za-z]{3})-(\d{4})[ T](\d{2}:\d{2}:\d{2})")
_TIME_FIRST: Final = re.compile(r"(\d{2}:\d{2}:\d{2}) (\d{1,2})-(\d{2}|[A-Za-z]{3})-(\d{4})")
_ISO: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def words(kind: Callable[[str], V], text: str) -> Mapping[str, V]:
    """A table of words: `MKT=MARKET LMT=LIMIT`, or the word alone where ours is the same. `~` stands for a blank."""
    pairs = (item.partition("=") for item in text.split())
    return MappingProxyType({word.replace("~", " "): kind(ours or word) for word, _, ours in pairs})


def read(body: bytes | str | msgspec.Raw, shape: type[T], broker: str) -> T:
    """The JSON ``body`` as ``shape``. ``broker`` is the name that an error says."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DecodeError(f"An answer of {broker} does not fit: {error}.") from error


def from_word(table: Mapping[str, V], word: str, what: str, broker: str) -> V:
    """Our word for the broker's."""
    try:
        return table[word]
    except KeyError:
        raise DecodeError(f"{broker} sent an unknown {what}: {word[:40]!r}.") from None


def to_word(table: Mapping[str, V], value: V, what: str, broker: str) -> str:
    """The broker's first word for ours. Raises InputError where it has none."""
    for word, meaning in table.items():
        if meaning == value:
            return word
    raise InputError(f"{broker} takes no {what} {value}; choose another.", field=what.replace(" ", "_"))


def number(value: Number, blank: float = 0.0) -> float:
    """A number; ``blank`` for null, blank text and the text NaN."""
    if isinstance(value, str):
        text = value.strip()
        if not text or text.lower() == "nan":
            return blank
        try:
            value = float(text) if text.isascii() and "_" not in text else math.inf
        except ValueError:
            value = math.inf
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return blank
    if not -_MOST < value < _MOST:
        raise DecodeError("An answer holds a number that is none.")
    return float(value)


def whole(value: Number, blank: int = 0) -> int:
    """A whole number, also when it is written as 10.0 or 0010."""
    found = number(value, blank)
    if found != int(found):
        raise DecodeError(f"An answer holds {found:g} where only whole numbers make sense.")
    return int(found)


def moment(text: Number) -> int:
    """UTC ns of a time on the Indian clock; 0 for none (blank, NA, or the years 1, 1970 and 1980 that stand for it).

    Read, also with slashes: `10:15:30 10-02-2026`, `10-02-2026 10:15:30`, `10-Feb-2026 10:15:30`, ISO with or without
    fraction and zone, and unix seconds as number or digits.
    """
    if not isinstance(text, str) or text.isdecimal():
        seconds = whole(text)
        if not 0 <= seconds < 2**33:
            raise DecodeError("An answer holds a time that is none.")
        return seconds * NS_PER_SECOND
    text = text.strip().replace("/", "-")
    if text in ("", "NA"):
        return 0
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year, clock = match.groups()
        return _ns(text, (year, month, day), clock)
    if match := _TIME_FIRST.fullmatch(text):
        clock, day, month, year = match.groups()
        return _ns(text, (year, month, day), clock)
    if match := _ISO.fullmatch(text):
        year, month, day, clock, fraction, zone = match.groups()
        return _ns(text, (year, month, day), clock, zone or "") + int((fraction or "0").ljust(9, "0"))
    raise DecodeError(f"An answer holds a time that cannot be read: {text[:40]!r}.")


def unix_ns(moment: int) -> int:
    """UTC ns of a Unix time whose unit is told by its size: seconds, milliseconds, microseconds or nanoseconds."""
    for unit, most in ((10**9, 10**11), (10**6, 10**14), (10**3, 10**17), (1, 10**20)):
        if 0 <= moment < most:
            return moment * unit
    raise DecodeError("A message holds a time that is none.")


def jwt_expiry_ns(token: str) -> int:
    """The end that a token itself tells (the ``exp`` of a JWT), UTC ns; 0 where it tells none."""
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return int(claims["exp"]) * NS_PER_SECOND
    except (IndexError, ValueError, KeyError, TypeError, OverflowError, msgspec.DecodeError):
        return 0


def _ns(text: str, day: tuple[str, str, str], clock: str, zone: str = "") -> int:
    year, month, date = day
    hour, minute, second = map(int, clock.split(":"))
    try:
        number_of_month = int(month) if month.isdecimal() else _MONTHS.index(month.lower()) + 1
        if int(year) in (1, 1970, 1980):
            return 0
        when = datetime(int(year), number_of_month, int(date), hour, minute, second, tzinfo=UTC if zone else IST)
    except ValueError:
        raise DecodeError(f"An answer holds a time that is none: {text[:40]!r}.") from None
    if when.year > _LAST_YEAR:
        raise DecodeError(f"An answer holds a time that is none: {text[:40]!r}.")
    return to_ns(when - _offset(zone))


def _offset(zone: str) -> timedelta:
    if zone in ("", "Z"):
        return timedelta()
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
