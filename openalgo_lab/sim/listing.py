"""A day's instruments in columns, for arithmetic on all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import SymbolError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.sim.noise import IntArray, UIntArray
from openalgo_lab.sim.sessions import Venue
from openalgo_lab.sim.universe import Lister
from openalgo_lab.sim.walk import Underlying

__all__ = ["CALL", "FUTURE", "INDEX", "PUT", "SHARE", "Listing"]

INDEX, SHARE, FUTURE, CALL, PUT = range(5)
_KIND: Final = {
    InstrumentType.INDEX: INDEX,
    InstrumentType.EQ: SHARE,
    InstrumentType.FUT: FUTURE,
    InstrumentType.CE: CALL,
    InstrumentType.PE: PUT,
}
_VENUE: Final = np.array(
    [Venue.INDEX, Venue.SHARE, Venue.DERIVATIVE, Venue.DERIVATIVE, Venue.DERIVATIVE], dtype=np.int64
)

FloatArray = npt.NDArray[np.float64]


class Listing:
    """Columns by row, in the order of ``instruments``.

    ``kind`` is one of INDEX, SHARE, FUTURE, CALL, PUT; ``base`` the row of the underlying in the market's list;
    ``expiry_ns`` 0 where there is none; ``lot``, ``strike``, ``tick`` as floats.
    """

    def __init__(self, instruments: Sequence[Instrument], underlyings: Sequence[Underlying], lister: Lister) -> None:
        self.instruments = tuple(instruments)
        rows = self.instruments
        base = {u.symbol: index for index, u in enumerate(underlyings)}
        self.kind: IntArray = np.array([_KIND[i.kind] for i in rows], dtype=np.int64)
        self.base: IntArray = np.array([base[i.underlying or i.symbol] for i in rows], dtype=np.int64)
        self.venue: IntArray = _VENUE[self.kind]
        self.strike: FloatArray = np.array([i.strike for i in rows])
        self.lot: FloatArray = np.array([float(i.lot_size) for i in rows])
        self.tick: FloatArray = np.array([i.tick_size for i in rows])
        # Prices are snapped by whole numbers on both sides of the rupee, so that 24000.05 is that float.
        self.tick_whole: FloatArray = np.where(self.tick >= 1, self.tick, 1.0)
        self.ticks_per_rupee: FloatArray = np.where(self.tick >= 1, 1.0, np.rint(1.0 / np.minimum(self.tick, 1.0)))
        self.token: IntArray = np.array([i.token for i in rows], dtype=np.int64)
        self.key: UIntArray = self.token.astype(np.uint64) << np.uint64(8)
        self.expiry_ns: IntArray = np.array(_expiries_ns(rows, lister), dtype=np.int64)
        self._order = np.argsort(self.token)
        self._sorted = self.token[self._order]

    def __len__(self) -> int:
        return len(self.instruments)

    def rows_of(self, tokens: IntArray) -> IntArray:
        """Rows of tokens, same order. Raises SymbolError for one that is not listed."""
        place = np.minimum(np.searchsorted(self._sorted, tokens), len(self._sorted) - 1)
        missing = self._sorted[place] != tokens
        if missing.any():
            token = int(np.asarray(tokens)[missing][0])
            raise SymbolError(f"Token {token} is not listed today; look the instrument up again.")
        return np.asarray(self._order[place], dtype=np.int64)

    def snap(self, prices: FloatArray, rows: IntArray) -> FloatArray:
        """Prices on each row's tick, the nearest; derivatives at least one tick. Keeps order, NaN stays."""
        whole, parts = self.tick_whole[rows], self.ticks_per_rupee[rows]
        snapped = np.rint(prices / whole * parts) / parts * whole
        return np.asarray(np.maximum(snapped, self.tick[rows]), dtype=np.float64)


def _expiries_ns(rows: Sequence[Instrument], lister: Lister) -> list[int]:
    """Moments of expiry, 0 where there is none; each date is looked up once."""
    known: dict[tuple[Exchange, date, str], int] = {}
    out = []
    for row in rows:
        if row.expiry is None:
            out.append(0)
            continue
        key = (row.exchange, row.expiry, row.underlying)
        if key not in known:
            known[key] = lister.expiry_ns(*key)
        out.append(known[key])
    return out
