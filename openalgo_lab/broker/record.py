"""One JSON object of a broker, whose values are checked as they are read: for answers with many fields of which few
matter, and for brokers who write the same field now as a number and now as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from openalgo_lab.broker import columns, reading
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote

__all__ = ["Book", "Record", "book_of", "levels", "numbers", "parsed", "quote_of"]

V = TypeVar("V")

_LONGEST: Final = 4_000
_MOST: Final = 2**53
_COUNTS: Final = frozenset({"volume", "oi", "ltq"})

Level = tuple[float, float, int]
Book = tuple[Sequence[Level], Sequence[Level]]
"""Bids and asks, best first."""


def parsed(body: bytes | str, broker: str) -> Any:
    """Any JSON. Raises DecodeError."""
    value: Any = reading.read(body, object, broker)
    return value


class Record:
    """``broker`` is the name that errors say. A field that is missing or null is a DecodeError, unless the reader says
    with ``blank`` what it then means."""

    __slots__ = ("_broker", "_fields")

    def __init__(self, fields: object, broker: str) -> None:
        if not isinstance(fields, dict):
            raise DecodeError(f"{broker} sent {type(fields).__name__} where an object belongs.")
        self._fields: dict[str, Any] = fields
        self._broker = broker

    def __contains__(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def raw(self, name: str) -> Any:
        """The value as it is; None where it is missing."""
        return self._fields.get(name)

    def text(self, name: str, blank: str | None = None) -> str:
        """Text, or a whole number as text (order numbers come either way)."""
        value = self._present(name, blank)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or len(value) > _LONGEST:
            raise self._misfit(name)
        return value

    def number(self, name: str, blank: float | None = None) -> float:
        """A number, also as text; ``blank`` for empty text too."""
        value = self._present(name, blank)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._misfit(name)
        found = reading.number(value, float("nan") if blank is None else blank)
        if blank is None and math.isnan(found):
            raise self._misfit(name)
        return found

    def whole(self, name: str, blank: int | None = None) -> int:
        """A whole number, also as text or as 10.0; ``blank`` for empty text too."""
        found = self.number(name, blank)
        if math.isnan(found) or found != int(found) or not -_MOST < found < _MOST:
            raise self._misfit(name)
        return int(found)

    def count(self, name: str, blank: int | None = None) -> int:
        """A whole number that is not negative."""
        found = self.whole(name, blank)
        if found < 0:
            raise self._misfit(name)
        return found

    def word(self, table: Mapping[str, V], name: str, what: str) -> V:
        """Our word for the one that stands there."""
        return reading.from_word(table, self.text(name), what, self._broker)

    def known(self, table: Mapping[str, V], name: str) -> tuple[V, ...]:
        """Our words, each once, for those of a list that the table holds; none where the list is missing or null."""
        words = [word for word in self.items(name) if isinstance(word, str)]
        return tuple(dict.fromkeys(table[word] for word in words if word in table))

    def items(self, name: str) -> list[Any]:
        """The values of a list, whatever they are; empty where it is missing or null."""
        values = self._fields.get(name)
        if values is not None and not isinstance(values, list):
            raise self._misfit(name)
        return values or []

    def moment(self, name: str) -> int:
        """UTC ns of a time on the Indian clock, in any form of `reading.moment`; 0 where there is none."""
        value = self.raw(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int | float)):
            raise self._misfit(name)
        return reading.moment(value)

    def also(self, **fields: Any) -> Record:
        """The same with these fields besides, or in place of its own."""
        return Record({**self._fields, **fields}, self._broker)

    def record(self, name: str) -> Record:
        """An object within."""
        return Record(self.raw(name), self._broker)

    def records(self, name: str) -> list[Record]:
        """A list of objects within; empty where it is missing or null."""
        return Record.all(self.raw(name), self._broker)

    @staticmethod
    def all(values: object, broker: str) -> list[Record]:
        """The objects of a list; of null, none."""
        if values is not None and not isinstance(values, list):
            raise DecodeError(f"{broker} sent {type(values).__name__} where a list belongs.")
        return [Record(value, broker) for value in values or ()]

    def _present(self, name: str, blank: object) -> Any:
        value = self._fields.get(name)
        if value is None and blank is None:
            raise DecodeError(f"{self._broker} left out {name!r}.")
        return blank if value is None else value

    def _misfit(self, name: str) -> DecodeError:
        return DecodeError(f"{self._broker} sent {name!r} as {str(self._fields.get(name))[:40]!r}, which does not fit.")


def levels(rows: Iterable[Record], price: str, quantity: str, orders: str) -> list[Level]:
    """A side of the book, from objects whose fields have these names."""
    return [(row.number(price), row.number(quantity), row.count(orders, 0)) for row in rows]


def book_of(row: Record) -> Book:
    """The ``depth`` of a row as many brokers write it: ``buy`` and ``sell`` lists of price, quantity, orders."""
    book = row.record("depth") if "depth" in row else Record({}, "")
    bids, asks = (levels(book.records(side), "price", "quantity", "orders") for side in ("buy", "sell"))
    return bids, asks


def numbers(values: object, broker: str, *sizes: int) -> list[float]:
    """A list of numbers, also as text; of one of ``sizes``, where any are given."""
    if not isinstance(values, list) or (sizes and len(values) not in sizes):
        raise DecodeError(f"{broker} sent a row of numbers that does not fit.")
    return [Record({"a number": value}, broker).number("a number") for value in values]


def quote_of(
    instrument: Instrument, row: Record, names: Mapping[str, str], time_ns: int, book: Book = ((), ())
) -> Quote:
    """A quote from a row whose own names ``names`` gives by ours. What is missing is not known, nor is a price of 0."""
    found = {ours: row.number(theirs) for ours, theirs in names.items() if theirs in row}
    for ours, side in zip(("bid", "ask"), book, strict=True):
        for price, quantity, _ in side[:1] if side and side[0][0] else ():
            found |= {ours: price, f"{ours}_qty": quantity}
    return columns.quote(instrument, {n: value for n, value in found.items() if value or n in _COUNTS}, time_ns)
