"""A candle chart as PNG bytes, painted with NumPy: small enough for a chat, and no plotting library in the engine."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.market import Bars

__all__ = ["candle_png"]

WIDTH, HEIGHT, MARGIN = 900, 460, 16
_BACK, _GRID, _UP, _DOWN, _LAST = (18, 22, 28), (38, 44, 54), (46, 160, 110), (214, 80, 80), (90, 140, 220)

Canvas = npt.NDArray[np.uint8]


def candle_png(bars: Bars) -> bytes:
    """The last 180 candles, newest at the right, with the last price as a line. Raises InputError without candles."""
    if not len(bars):
        raise InputError("There are no candles to draw: ask for another interval or symbol.")
    first, top, bottom, last = (column[-180:] for column in (bars.open, bars.high, bars.low, bars.close))
    canvas = np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8)
    canvas[:] = _BACK
    low, high = float(bottom.min()), float(top.max())
    room = (high - low) or max(high * 0.001, 0.01)

    def row(price: npt.NDArray[np.float64] | float) -> npt.NDArray[np.int64]:
        return np.rint(MARGIN + (high - np.asarray(price)) / room * (HEIGHT - 2 * MARGIN)).astype(np.int64)

    for line in range(1, 5):
        canvas[MARGIN + line * (HEIGHT - 2 * MARGIN) // 5, MARGIN:-MARGIN] = _GRID
    step = (WIDTH - 2 * MARGIN) / len(last)
    body = max(int(step * 0.7), 1)
    columns = zip(row(first), row(top), row(bottom), row(last), last >= first, strict=True)
    for number, (top_o, top_h, top_l, top_c, rising) in enumerate(columns):
        left = MARGIN + int(number * step)
        colour = _UP if rising else _DOWN
        canvas[top_h : top_l + 1, left + body // 2] = colour
        begin, end = sorted((int(top_o), int(top_c)))
        canvas[begin : end + 1, left : left + body] = colour
    canvas[int(row(float(last[-1]))), MARGIN:-MARGIN:2] = _LAST
    return _png(canvas)


def _png(canvas: Canvas) -> bytes:
    height, width, _ = canvas.shape
    rows = np.zeros((height, 1 + width * 3), dtype=np.uint8)
    rows[:, 1:] = canvas.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
