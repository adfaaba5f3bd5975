"""Open interest over time: a row a quarter of a minute from when the page was opened, for every expiry looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.instruments import Instrument
from openalgo_lab.options.chain import put_call_ratio
from openalgo_lab.ui.options.page import Look

__all__ = ["OiTracker"]

Floats = npt.NDArray[np.float64]

_EVERY_S: Final = 15.0
_MOST: Final = 2_000  # a whole session and more


class OiTracker:
    """Totals of calls and puts; one thread writes and reads."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, date], deque[tuple[float, float, float, float]]] = {}
        self._underlying = ""

    def note(self, look: Look, now_s: float) -> None:
        """Keep this moment, when the last one is old enough; the newest row always shows the present.

        Not before nearly all listed options have told their open interest: a sum over some of them is no total.
        """
        self._underlying = look.contracts.underlying
        if not (_told(look, look.contracts.calls, "calls") and _told(look, look.contracts.puts, "puts")):
            return
        rows = self._rows.setdefault((self._underlying, look.contracts.expiry), deque(maxlen=_MOST))
        calls, puts = look.reading.calls["oi"], look.reading.puts["oi"]
        row = (now_s, float(np.nansum(calls)), float(np.nansum(puts)), put_call_ratio(calls, puts))
        if rows and now_s < rows[-1][0]:
            rows.clear()  # a replay was put back
        if len(rows) > 1 and rows[-1][0] - rows[-2][0] < _EVERY_S:
            rows.pop()
        rows.append(row)

    def columns(self, expiry: date) -> tuple[Floats, dict[str, Floats]]:
        """Moments (UTC ms) and the columns calls, puts (units) and pcr."""
        table = np.array(self._rows.get((self._underlying, expiry), ()), dtype=np.float64).reshape(-1, 4)
        return table[:, 0] * 1e3, {name: table[:, index] for index, name in enumerate(("calls", "puts", "pcr"), 1)}


def _told(look: Look, items: Sequence[Instrument | None], side: str) -> bool:
    """Whether nine in ten of the listed ones have an open interest (a recording may lack some)."""
    known = np.isfinite(getattr(look.reading, side)["oi"])
    listed = np.array([item is not None for item in items])
    return bool(known[listed].mean() > 0.9) if listed.any() else False
