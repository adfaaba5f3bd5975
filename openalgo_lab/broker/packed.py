"""Market data in packed packets, one or more a frame: a packet's code tells its size and its fields, which lie in
tables of `struct` formats."""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from openalgo_lab.broker.feeding import ModalFeed
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.market import DEPTH_LEVELS, TickBatch

__all__ = ["Layout", "PackedFeed", "layout"]

Floats = npt.NDArray[np.float64]

_COUNTS = ("ltq", "volume", "oi", "prev_oi")
_BEST = ("bid", "bid_qty", "ask", "ask_qty")
_LEVEL = 6


class Layout(NamedTuple):
    """A kind of packet: its fields by name, those of its head first, and which of them are prices.

    Behind the names of a ``book`` stand five levels: bid and ask quantity, their orders, their prices.
    """

    fields: struct.Struct
    names: tuple[str, ...]
    prices: tuple[str, ...]
    book: bool


def layout(form: str, names: str, prices: str, *, book: bool = False) -> Layout:
    """Names are parted by blanks; ``form`` is the whole packet's."""
    return Layout(struct.Struct(form), tuple(names.split()), tuple(prices.split()), book)


class PackedFeed(ModalFeed):
    """Prices are floats of 32 bits, put back on the step that they stand for; 0 means that there is none.

    A broker says its name, the layouts and sizes by code, what a head amounts to, and where its packets end. Times are
    seconds, ``zone_s`` ahead of UTC; a packet without one takes the instrument's last.
    """

    broker: ClassVar[str]
    layouts: ClassVar[Mapping[int, Layout]]
    zone_s: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self._times: dict[int, int] = {}
        self._steps: dict[int, int] = {}

    @abstractmethod
    def size(self, frame: bytes, at: int) -> tuple[int, int]:
        """Code and size of the packet that begins there; a size of 0 says that there is no such packet."""

    @abstractmethod
    def token(self, row: Sequence[Any]) -> int:
        """The instrument of a packet. Raises DecodeError for one that cannot be."""

    @abstractmethod
    def cents(self, row: Sequence[Any]) -> int:
        """How many steps a rupee has at the finest in its segment."""

    def packets(self, frame: bytes) -> dict[int, list[int]]:
        """Where the packets of each code begin. Raises DecodeError for a frame that ends within one."""
        found: dict[int, list[int]] = {}
        at = 0
        while at < len(frame):
            code, size = self.size(frame, at)
            if size <= 0 or at + size > len(frame):
                raise DecodeError(
                    f"A market frame of {self.broker} does not fit: code {code} at byte {at} of {len(frame)}."
                )
            found.setdefault(code, []).append(at)
            at += size
        return found

    def batch(self, frame: bytes, code: int, offsets: Sequence[int]) -> TickBatch:
        """All packets of one kind, each number in one array first: that costs least for one packet and for many."""
        kind = self.layouts[code]
        rows = [kind.fields.unpack_from(frame, at) for at in offsets]
        tokens, places = [self.token(row) for row in rows], {name: place for place, name in enumerate(kind.names)}
        table = np.array(rows, dtype=np.float64)
        columns: dict[str, Floats] = {name: table[:, places[name]] for name in _COUNTS if name in places}
        steps = np.array([[self._step(token, row)] for token, row in zip(tokens, rows, strict=True)])
        if kind.prices:
            prices = _snapped(table[:, [places[name] for name in kind.prices]], steps)
            columns |= dict(zip(kind.prices, prices.T, strict=True))
        if "average" in places:
            cents = np.array([[self.cents(row)] for row in rows], dtype=np.float64)
            columns["average"] = _snapped(table[:, [places["average"]]], cents)[:, 0]
        depth = None
        if kind.book:
            depth = _book(table[:, len(places) :].reshape(-1, DEPTH_LEVELS, _LEVEL), steps)
            columns |= {name: depth[:, side, 0] for side, name in enumerate(_BEST)}
        stamps = self._stamps(tokens, [row[places["time"]] for row in rows] if "time" in places else None)
        return TickBatch(np.array(tokens), stamps, columns, depth)

    def _step(self, token: int, row: Sequence[Any]) -> int:
        """How many steps of its price a rupee has. Index values move in paise, whatever tick the file gives them."""
        known = self._steps.get(token)
        if known is None:
            held = self.asked.get(token)
            exact = 1 / held[0].tick_size if held and held[0].tradable else 0.0
            known = round(exact) if abs(exact - round(exact)) < 1e-6 and exact > 0.5 else self.cents(row)
            if held is not None:
                self._steps[token] = known
        return known

    def _stamps(self, tokens: Sequence[int], seconds: Sequence[int] | None) -> npt.NDArray[np.int64]:
        if seconds is not None:
            found = [max(second - self.zone_s, 0) * 1_000_000_000 for second in seconds]
            self._times.update(zip(tokens, found, strict=True))
        return np.array([self._times.get(token, 0) for token in tokens], dtype=np.int64)


def _snapped(prices: Floats, steps: Floats) -> Floats:
    prices[(prices == 0) | ~np.isfinite(prices)] = np.nan
    found: Floats = np.rint(prices * steps) / steps
    return found


def _book(levels: Floats, steps: Floats) -> Floats:
    """Levels of (bid quantity, ask quantity, bid orders, ask orders, bid, ask) as (n, 4, 5)."""
    depth = levels[:, :, (4, 0, 5, 1)].transpose(0, 2, 1).copy()
    depth[:, ::2] = _snapped(depth[:, ::2], steps[:, :, None])
    depth[:, 1::2][np.isnan(depth[:, ::2])] = np.nan
    return depth
