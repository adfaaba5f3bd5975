"""Quotes between processes: one binary frame of the rows that changed, little-endian, read without copying.

    uint32 number · uint32 rows n · uint32 rows with depth m · uint32 0
    int64 time_ns (n) · float64 fields (14, n) · float64 depth (m, 4, 5) · int32 row (n) · int32 row (m)

Rows are the session's own numbers, made known beforehand by :class:`~openalgo_lab.engine.link.frames.Rows`.
"""

from __future__ import annotations

import struct

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.market import DEPTH_LEVELS, QUOTE_FIELDS

__all__ = ["QuoteFrame", "decode_quotes", "encode_quotes"]

_HEAD = struct.Struct("<4I")
_FIELDS = len(QUOTE_FIELDS)
_BOOK = 4 * DEPTH_LEVELS


class QuoteFrame(msgspec.Struct, frozen=True):
    """``rows`` (n,), ``time_ns`` (n,), ``fields`` (14, n), ``depth_rows`` (m,), ``depth`` (m, 4, 5)."""

    number: int
    rows: npt.NDArray[np.int32]
    time_ns: npt.NDArray[np.int64]
    fields: npt.NDArray[np.float64]
    depth_rows: npt.NDArray[np.int32]
    depth: npt.NDArray[np.float64]


def encode_quotes(frame: QuoteFrame) -> bytes:
    """The frame as bytes."""
    head = _HEAD.pack(frame.number, len(frame.rows), len(frame.depth_rows), 0)
    parts = (
        np.ascontiguousarray(frame.time_ns, "<i8"),
        np.ascontiguousarray(frame.fields, "<f8"),
        np.ascontiguousarray(frame.depth, "<f8"),
        np.ascontiguousarray(frame.rows, "<i4"),
        np.ascontiguousarray(frame.depth_rows, "<i4"),
    )
    return head + b"".join(part.tobytes() for part in parts)


def decode_quotes(data: bytes) -> QuoteFrame:
    """The frame as (read-only) arrays. Raises DecodeError when the lengths do not fit."""
    if len(data) < _HEAD.size:
        raise DecodeError(f"A quote frame of {len(data)} bytes has no head.")
    number, n, m, _ = _HEAD.unpack_from(data)
    sizes = (8 * n, 8 * _FIELDS * n, 8 * _BOOK * m, 4 * n, 4 * m)
    if len(data) != _HEAD.size + sum(sizes):
        raise DecodeError(f"A quote frame of {len(data)} bytes cannot hold {n} rows and {m} books.")
    at = _HEAD.size
    starts = []
    for size in sizes:
        starts.append(at)
        at += size
    return QuoteFrame(
        number=number,
        time_ns=np.frombuffer(data, "<i8", n, starts[0]),
        fields=np.frombuffer(data, "<f8", _FIELDS * n, starts[1]).reshape(_FIELDS, n),
        depth=np.frombuffer(data, "<f8", _BOOK * m, starts[2]).reshape(m, 4, DEPTH_LEVELS),
        rows=np.frombuffer(data, "<i4", n, starts[3]),
        depth_rows=np.frombuffer(data, "<i4", m, starts[4]),
    )
