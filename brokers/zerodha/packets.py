"""The ticker's binary frames: big-endian packets whose kind is told by their length, decoded column by column.

A frame is int16 count, then per packet int16 length and as many bytes. All of a frame's packets of one kind are
read at once: one view, one conversion, one division, whatever their number.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.market import DEPTH_LEVELS, TickBatch
from openalgo_lab.model.times import NS_PER_SECOND

__all__ = ["decode_frame"]

Floats = npt.NDArray[np.float64]

_HEAD: Final = struct.Struct(">HH")
_LENGTH: Final = struct.Struct(">H")
_DEPTH_WORD: Final = 16

# Names of the words behind the token, in the packet's order; "" is not shown.
_TRADABLE: Final = ("ltp", "ltq", "average", "volume", "", "", "open", "high", "low", "prev_close", "", "oi")
_INDEX: Final = ("ltp", "high", "low", "open", "prev_close")
_PRICES: Final = frozenset({"ltp", "average", "open", "high", "low", "prev_close"})
_PAISE: Final = 100.0
_DIVISORS: Final = {3: 10_000_000.0, 6: 10_000.0, 12: 10_000.0}
"""By segment, the low byte of a token: CDS, BCD, NCO. Everything else counts in paise."""
_IN_PAISE: Final = bytes(segment for segment in range(256) if segment not in _DIVISORS)
_BOOK_ROWS: Final = _DEPTH_WORD + np.array(
    [side * 15 + level * 3 + word for side in (0, 1) for word in (1, 0) for level in range(DEPTH_LEVELS)]
)
"""Words of the book in our order: bid prices, bid quantities, ask prices, ask quantities."""


class _Layout:
    """One kind of packet: how many words it has, which of them are shown, which are prices.

    Arrays have a row a word and a column a packet.
    """

    def __init__(self, length: int, names: Sequence[str], time_word: int = 0, depth: bool = False) -> None:
        words = length // 4
        self.step: Final = length + 2
        self.length: Final = _LENGTH.pack(length)
        self.row: Final = np.dtype([("length", "V2"), ("words", ">u4", (words,))])
        self.columns: Final = tuple((name, i) for i, name in enumerate(names, 1) if name and i < words)
        self.time_word: Final = time_word
        self.depth: Final = depth
        prices = np.zeros((words, 1), dtype=np.bool_)
        prices[[i for name, i in self.columns if name in _PRICES]] = True
        self.none_at_zero: Final = prices.copy()
        if depth:
            prices[_DEPTH_WORD:, 0] = np.arange(words - _DEPTH_WORD) % 3 == 1
            self.none_at_zero[_DEPTH_WORD:] = True
        self.prices: Final = prices
        self.divisors: Final = np.where(prices, _PAISE, 1.0)

    def divisors_of(self, segments: bytes) -> Floats:
        """By packet where a segment of the frame counts in something else than paise."""
        if not segments.translate(None, _IN_PAISE):
            return self.divisors
        units = np.array([_DIVISORS.get(segment, _PAISE) for segment in segments])
        return np.where(self.prices, units, 1.0)


_LAYOUTS: Final = {
    8: _Layout(8, ("ltp",)),
    28: _Layout(28, _INDEX),
    32: _Layout(32, _INDEX, time_word=7),
    44: _Layout(44, _TRADABLE),
    184: _Layout(184, _TRADABLE, time_word=15, depth=True),
}


def decode_frame(frame: bytes) -> tuple[TickBatch, ...]:
    """The ticks of one binary frame, a batch for each kind of packet; none for a heartbeat of one byte.

    Prices in rupees; a price of 0 is not known, and NaN. ``time_ns`` is 0 where the packet carries no time.
    Raises DecodeError.
    """
    if len(frame) < _HEAD.size:
        if len(frame) == 1 or frame == b"\x00\x00":
            return ()
        raise DecodeError(f"A market frame of Zerodha has {len(frame)} bytes.")
    count, length = _HEAD.unpack_from(frame)
    layout = _LAYOUTS.get(length)
    if layout is not None and len(frame) == 2 + count * layout.step and _uniform(frame, layout, count):
        return (_batch(layout, frame, 2),)
    return _mixed(frame, count)


def _uniform(frame: bytes, layout: _Layout, count: int) -> bool:
    """Whether every packet has the first one's length."""
    high, low = layout.length[:1], layout.length[1:]
    return count == 1 or (frame[2 :: layout.step] == high * count and frame[3 :: layout.step] == low * count)


def _mixed(frame: bytes, count: int) -> tuple[TickBatch, ...]:
    """Packets of several kinds: sorted by kind, then as above."""
    kinds: dict[int, list[bytes]] = {}
    at = 2
    for _ in range(count):
        if at + 2 > len(frame):
            raise DecodeError(f"A market frame of Zerodha ends before its {count} packets.")
        (length,) = _LENGTH.unpack_from(frame, at)
        end = at + 2 + length
        if length not in _LAYOUTS or end > len(frame):
            raise DecodeError(f"A market frame of Zerodha holds a packet of {length} bytes.")
        kinds.setdefault(length, []).append(frame[at:end])
        at = end
    if at != len(frame):
        raise DecodeError(f"A market frame of Zerodha has {len(frame) - at} bytes behind its packets.")
    return tuple(_batch(_LAYOUTS[length], b"".join(parts), 0) for length, parts in kinds.items())


def _batch(layout: _Layout, packets: bytes, offset: int) -> TickBatch:
    """Packets of one kind, each behind its length, from ``offset`` to the end."""
    words = np.frombuffer(packets, layout.row, offset=offset)["words"].T
    values = words.astype(np.float64)
    np.putmask(values, (values == 0) & layout.none_at_zero, np.nan)
    values /= layout.divisors_of(packets[offset + 5 :: layout.step])
    tokens = words[0].astype(np.int64)
    times = words[layout.time_word].astype(np.int64) if layout.time_word else np.zeros_like(tokens)
    times *= NS_PER_SECOND
    columns = {name: values[word] for name, word in layout.columns}
    if not layout.depth:
        return TickBatch(tokens, times, columns)
    book = values[_BOOK_ROWS]
    columns.update(bid=book[0], bid_qty=book[5], ask=book[10], ask_qty=book[15])
    return TickBatch(tokens, times, columns, book.reshape(4, DEPTH_LEVELS, -1).transpose(2, 0, 1))
