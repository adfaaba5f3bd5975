"""What a picture needs of a million bars: few points that keep every extreme, and dates for its axis."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND, from_ns

__all__ = ["date_ticks", "histogram", "round_ticks", "thin_rows"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_IST_NS = (5 * 3600 + 1800) * NS_PER_SECOND


def thin_rows(values: FloatArray, most: int = 1500) -> IntArray:
    """Rows to draw, at most about ``most``: the first, the last, and the lowest and highest of each stretch."""
    count = len(values)
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, max(most // 2, 1) + 1).astype(np.int64)
    lowest = [start + int(values[start:end].argmin()) for start, end in pairwise(edges)]
    highest = [start + int(values[start:end].argmax()) for start, end in pairwise(edges)]
    return np.unique(np.array([0, *lowest, *highest, count - 1], dtype=np.int64))


def date_ticks(start_ns: IntArray, rows: slice, most: int = 8) -> tuple[FloatArray, dict[str, str]]:
    """(rows, labels) for an axis of bar numbers: first bars of days, or of minutes where all is one day. IST."""
    first, end = rows.start or 0, rows.stop if rows.stop is not None else len(start_ns)
    part = start_ns[first:end]
    if len(part) == 0:
        return np.empty(0), {}
    days = (part + _IST_NS) // NS_PER_DAY
    begins = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    within_day = len(begins) < 3
    places = np.arange(len(part)) if within_day else begins
    places = places[:: max(1, -(-len(places) // most))]
    span = int(days[-1] - days[0])
    form = "%d %b %H:%M" if within_day else ("%d %b" if span < 200 else "%b %Y")
    labels = {str(first + int(at)): from_ns(int(part[at])).strftime(form) for at in places}
    return (first + places).astype(np.float64), labels


def round_ticks(low: float, high: float, about: int = 5) -> FloatArray:
    """Round values in [low, high]: steps of 1, 2 or 5 times a power of ten, about as many as asked."""
    if not high > low:
        return np.array([low])
    rough = (high - low) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = next((power * size for size in (1.0, 2.0, 5.0) if power * size >= rough), power * 10.0)
    return np.asarray(np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step, dtype=np.float64)


def histogram(values: FloatArray, bins: int = 30) -> tuple[FloatArray, FloatArray]:
    """(middles, counts) of values in equal bins, one of whose edges is 0: gains and losses never share a bin."""
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return np.empty(0), np.empty(0)
    low, high = min(float(known.min()), 0.0), max(float(known.max()), 0.0)
    width = (high - low) / bins or 1.0
    edges = np.arange(np.floor(low / width), np.ceil(high / width) + 1) * width
    if len(edges) < 2:
        edges = np.array([0.0, width])
    counts, _ = np.histogram(known, edges)
    return (edges[:-1] + edges[1:]) / 2, counts.astype(np.float64)
