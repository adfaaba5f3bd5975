"""The ticker's binary frames: big-endian packets whose kind is told by their length, decoded column by column.

A frame is int16 count, then per packet int16 length and as many bytes. All of a frame's packets of one kind are
read at once: one view, one conversion, one division, whatever their number.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.market import DEPTH_LEVELS, TickBatch
from openalgo_lab.model.times import NS_PER_SECOND

__all__ = ["decode_frame", "decode_frames"]

Floats = npt.NDArray[np.float64]

_HEAD: Final = struct.Struct(">HH")
_LENGTH: Final = struct.Struct(">H")
_PAISE: Final = 100.0
_DIVISORS: Final = {3: 10_000_000.0, 6: 10_000.0, 12: 10_000.0}
"""By segment, the low byte of a token: CDS, BCD, NCO. Everything else counts in paise."""
_IN_PAISE: Final = bytes(segment for segment in range(256) if segment not in _DIVISORS)

# Words of a packet in the order in which they are wanted: prices first, then sizes.
_INDEX: Final = {"ltp": 1, "high": 2, "low": 3, "open": 4, "prev_close": 5}
_PRICES: Final = {"ltp": 1, "average": 3, "open": 7, "high": 8, "low": 9, "prev_close": 10}
_SIZES: Final = {"ltq": 2, "volume": 4}
_BIDS, _OFFERS = range(16, 31, 3), range(31, 46, 3)  # words of the quantities; each one's price follows it
_BOOK: Final = (*(w + 1 for w in _BIDS), *_BIDS, *(w + 1 for w in _OFFERS), *_OFFERS)
_BEST: Final = {"bid": 0, "bid_qty": 5, "ask": 10, "ask_qty": 15}


class _Layout:
    """One kind of packet. Its decoded table has a row a word and a column a packet: prices, the book, sizes."""

    def __init__(self, length: int, prices: Mapping[str, int], sizes: Mapping[str, int], time_word: int) -> None:
        book = _BOOK if length == 184 else ()
        self.step: Final = length + 2
        self.length: Final = _LENGTH.pack(length)
        self.packed: Final = np.dtype([("length", "V2"), ("words", ">u4", (length // 4,))])
        self.time_word: Final = time_word
        self.words: Final = np.array([*prices.values(), *book, *sizes.values()])
        first, end = len(prices), len(prices) + len(book)
        self.book: Final = slice(first, end) if book else None
        self.none_at_zero: Final = slice(0, end)
        self.in_rupees: Final = (slice(0, first + 5), slice(first + 10, first + 15)) if book else (slice(0, first),)
        best = {name: first + row for name, row in _BEST.items()} if book else {}
        rows = {name: row for row, name in enumerate(prices)} | {name: end + row for row, name in enumerate(sizes)}
        self.columns: Final = tuple((rows | best).items())


_LAYOUTS: Final = {
    8: _Layout(8, {"ltp": 1}, {}, 0),
    28: _Layout(28, _INDEX, {}, 0),
    32: _Layout(32, _INDEX, {}, 7),
    44: _Layout(44, _PRICES, _SIZES, 0),
    184: _Layout(184, _PRICES, _SIZES | {"oi": 12}, 15),
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
    count, _ = _HEAD.unpack_from(frame)
    layout = _whole(len(frame), frame[: _HEAD.size])
    if layout is not None and (count == 1 or _uniform(frame, layout, count, 2)):
        return (_batch(layout, frame, 2),)
    return _mixed(frame, count)


def decode_frames(frames: Sequence[bytes]) -> tuple[TickBatch, ...]:
    """The ticks of several frames, in their order: one batch where all packets are of one kind. Raises DecodeError."""
    forms = {(len(frame), frame[: _HEAD.size]) for frame in frames}
    layouts = [_whole(length, head) for length, head in forms]
    layout = layouts[0] if layouts else None
    if layout is not None and layouts.count(layout) == len(layouts):
        packets = b"".join([frame[2:] for frame in frames])
        if _uniform(packets, layout, len(packets) // layout.step):
            return (_batch(layout, packets, 0),)
    return tuple(batch for frame in frames for batch in decode_frame(frame))


def _whole(length: int, head: bytes) -> _Layout | None:
    """The kind of a frame's first packet, if a frame so long holds as many of them as it says."""
    if len(head) < _HEAD.size:
        return None
    count, size = _HEAD.unpack(head)
    layout = _LAYOUTS.get(size)
    return layout if layout is not None and length == 2 + count * layout.step else None


def _uniform(packets: bytes, layout: _Layout, count: int, at: int = 0) -> bool:
    """Whether every packet, from ``at`` on, has the kind's length."""
    high, low = layout.length[:1], layout.length[1:]
    return packets[at :: layout.step] == high * count and packets[at + 1 :: layout.step] == low * count


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
    words = np.frombuffer(packets, layout.packed, offset=offset)["words"].T
    table = words.take(layout.words, axis=0).astype(np.float64)
    unit = _unit(packets[offset + 5 :: layout.step])
    for rows in layout.in_rupees:
        table[rows] /= unit
    shown = table[layout.none_at_zero]
    shown[shown == 0] = np.nan
    tokens = words[0].astype(np.int64)
    times = np.multiply(words[layout.time_word], NS_PER_SECOND, dtype=np.int64) if layout.time_word else tokens * 0
    columns = {name: table[row] for name, row in layout.columns}
    book = None if layout.book is None else table[layout.book].reshape(4, DEPTH_LEVELS, -1).transpose(2, 0, 1)
    return TickBatch(tokens, times, columns, book)


def _unit(segments: bytes) -> float | Floats:
    """What a rupee counts; by packet where a segment of the frame counts in something else than paise."""
    if not segments.translate(None, _IN_PAISE):
        return _PAISE
    return np.array([_DIVISORS.get(segment, _PAISE) for segment in segments])
