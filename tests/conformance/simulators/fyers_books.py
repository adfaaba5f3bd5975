"""Messages of Fyers' tick-by-tick socket, written as protocol buffers by hand."""

from __future__ import annotations

from tests.conformance.venue import Level

__all__ = ["Sides", "tbt_frame"]

Sides = tuple[tuple[Level, ...], tuple[Level, ...]]


def _varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found, number = found + bytes([number & 0x7F | 0x80]), number >> 7
    return found + bytes([number])


def _field(number: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer: a number, or a message or text behind its length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _wrapped(number: int, value: int) -> bytes:
    return _field(number, _field(1, value) if value else b"")


def tbt_frame(ticker: str, old: Sides | None, new: Sides, at: int) -> bytes:
    """A message of the tick-by-tick socket with one symbol's book; ``old`` None makes a snapshot."""
    levels = b""
    for number, side in ((4, 0), (3, 1)):
        for place, level in enumerate(new[side]):
            before = None if old is None else old[side][place]
            if level == before:
                continue
            parts = b""
            for part, name in ((1, "price"), (2, "quantity"), (3, "orders")):
                value, was = getattr(level, name), None if before is None else getattr(before, name)
                if value != was:
                    parts += _wrapped(part, round(value * 100) if part == 1 else value)
            levels += _field(number, parts + _wrapped(4, place))
    whole = int(old is None)
    feed = _field(5, _wrapped(1, 9) + _wrapped(2, 8) + levels) + _wrapped(6, at) + _wrapped(7, at) + _field(9, 1)
    feed += _field(10, whole) + _field(11, ticker.encode())
    entry = _field(1, ticker.encode()) + _field(2, feed)
    return _field(1, 6) + _field(2, entry) + _field(3, whole)
