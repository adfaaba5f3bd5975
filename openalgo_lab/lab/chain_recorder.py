"""Chain snapshots kept as a file that can be replayed as a market (docs/replay.md) and read by any tool."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from openalgo_lab.engine.option_data.reading import ChainReading
from openalgo_lab.lab.chain import OptionChain
from openalgo_lab.lab.shown import Cell, Shown
from openalgo_lab.model.errors import InputError, LabError, StoreError
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import InstrumentType

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.lab.core import LabCore

__all__ = ["ChainRecorder"]

_log = logging.getLogger(__name__)

_SIDES: Final = (InstrumentType.CE, InstrumentType.PE)
_TEXTS: Final = ("timestamp", "symbol", "expiry", "option_type")
_NUMBERS: Final = (
    "strike", "spot", "ltp", "volume", "oi", "oi_chg", "iv", "bid", "ask", "forward", "delta", "gamma", "theta", "vega",
)  # fmt: skip
_SAVE_EVERY: Final = 5  # snapshots


class ChainRecorder(Shown):
    """Takes a snapshot of some expiries every so many seconds on a thread of its own, until :meth:`stop`.

    Volume and open interest are in lots, ``iv`` per cent by the profile's own conventions, times Indian. The file is
    written whole and renamed into place, every few snapshots and at the end.
    """

    def __init__(
        self, lab: LabCore, chains: Sequence[OptionChain], *, every_s: float = 60.0, path: Path | str | None = None
    ) -> None:
        if not every_s >= 1:
            raise InputError(f"Snapshots every {every_s:g} s are too many: record at most one a second.", "every_s")
        self._lab = lab
        self._chains = tuple(chains)
        self._every_s = every_s
        now = from_ns(lab.handle.status.market_ns)
        folder = profile_dir(lab.profile) / "chains"
        name = f"{chains[0].underlying}-{now:%Y%m%d-%H%M%S}.parquet"
        self.path = folder / name if path is None else Path(path).expanduser()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._columns: dict[str, list[Any]] = {name: [] for name in (*_TEXTS, *_NUMBERS)}
        self._stamps: list[str] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="openalgo-lab-chain-recorder", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it still records."""
        return self._thread.is_alive() and not self._stop.is_set()

    @property
    def snapshots(self) -> int:
        """How many it has taken."""
        return len(self._stamps)

    @property
    def frame(self) -> pd.DataFrame:
        """All that was recorded so far."""
        import pandas as pd

        with self._lock:
            return pd.DataFrame({name: list(values) for name, values in self._columns.items()})

    def snap(self) -> int:
        """One snapshot now; answers how many options it holds. The same second twice is one snapshot."""
        rows = 0
        readings = [(chain, chain.now) for chain in self._chains]
        stamp = f"{from_ns(readings[0][1].now_ns):%Y%m%d%H%M%S}"
        with self._lock:
            if self._stamps and self._stamps[-1] == stamp:
                return 0
            for chain, reading in readings:
                for kind in _SIDES:
                    rows += self._append(chain, reading, kind, stamp)
            if rows:
                self._stamps.append(stamp)
        return rows

    def save(self) -> Path:
        """Write the file. StoreError when it cannot be written, InputError while there is nothing in it."""
        with self._lock:
            if not self._stamps:
                raise InputError("Nothing has been recorded yet: wait for the first snapshot.")
            _write(self.path, self._columns)
        return self.path

    def stop(self) -> Path:
        """End the recording and write the file."""
        self._stop.set()
        self._thread.join(10.0)
        return self.save()

    # ----------------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self.snap() and self.snapshots % _SAVE_EVERY == 0:
                    self.save()
            except LabError as error:  # the engine may be changing hands; the next snapshot tries again
                _log.warning("A chain snapshot was missed: %s", error)
            self._stop.wait(self._every_s)

    def _append(self, chain: OptionChain, reading: ChainReading, kind: InstrumentType, stamp: str) -> int:
        """The options of one side that have a price."""
        side, lot = reading.side(kind), chain.lot_size
        level = reading.spot if math.isfinite(reading.spot) else reading.forward
        kept = np.flatnonzero(side["ltp"] > 0)
        if not math.isfinite(level):
            return 0
        n = len(kept)
        expiry = f"{chain.expiry:%d-%b-%Y}"
        for name, text in zip(_TEXTS, (stamp, chain.underlying, expiry, kind.value), strict=True):
            self._columns[name] += [text] * n
        lots = {"volume": side["volume"] / lot, "oi": side["oi"] / lot, "oi_chg": side["oi_change"] / lot}
        whole = {"spot": np.full(len(side["ltp"]), level), "forward": np.full(len(side["ltp"]), reading.forward)}
        for name in _NUMBERS:
            values = lots.get(name, whole.get(name))
            self._columns[name] += (side[name] if values is None else values)[kept].tolist()
        return n

    def __repr__(self) -> str:
        caption, _, rows = self._table()
        return f"<{caption}: {rows[0][0]} snapshots in {self.path}>"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        state = "recording" if self.running else "stopped"
        caption = f"Chain recorder of {self._chains[0].underlying}, {state}"
        return caption, ("snapshots", "rows", "file"), [(self.snapshots, len(self._columns["strike"]), str(self.path))]


def _write(path: Path, columns: dict[str, list[Any]]) -> None:
    """Parquet by way of DuckDB, aside and renamed."""
    import duckdb
    import pandas as pd

    scratch = path.with_name(f"{path.name}.part")
    recorded = pd.DataFrame(columns)
    try:
        with duckdb.connect(":memory:") as connection:
            connection.register("recorded", recorded)
            connection.execute(f"COPY recorded TO '{str(scratch).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")
        scratch.replace(path)
    except (duckdb.Error, OSError) as error:
        raise StoreError(
            f"The recording {path} cannot be written ({error}): free some space or choose a folder."
        ) from error
