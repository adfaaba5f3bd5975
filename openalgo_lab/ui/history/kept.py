"""What is kept, as a table; of the chosen series its coverage and its gaps."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from openalgo_lab.model.errors import LabError
from openalgo_lab.model.events import AnyEvent, HistoryProgress
from openalgo_lab.model.history_commands import DownloadHistory, JobState
from openalgo_lab.model.times import NS_PER_DAY, format_ist
from openalgo_lab.store.history.catalogue import Catalogue, Entry
from openalgo_lab.ui.grid import Column, Empty, Flag, Grid, GridEvent
from openalgo_lab.ui.history.words import gaps_table, size_text, strip
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.message import MessageLine

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["KeptView"]

_log = logging.getLogger(__name__)

_COLUMNS: Final = (
    Column(key="symbol", title="Series", kind="text", width=170, pinned=True),
    Column(key="interval", title="Candle", kind="text", width=56),
    Column(key="complete", title="There %", kind="bar", decimals=2, width=96, bar_scale="full", bar_tone="up",
           tint=False, tooltip="Candles that are there, of those that the trading calendar expects"),
    Column(key="candles", title="Candles", kind="qty", width=88, tint=False),
    Column(key="missing", title="Missing", kind="qty", width=76, tint=False),
    Column(key="gaps", title="Gaps", kind="number", decimals=0, width=56),
    Column(key="first", title="First", kind="text", width=126, min_view=620),
    Column(key="last", title="Last", kind="text", width=126, min_view=480),
    Column(key="size", title="On disk", kind="text", align="right", width=76, min_view=760),
    Column(key="source", title="Source", kind="text", width=190, min_view=860),
    Column(key="full", title="Full", kind="number", hidden=True),
)  # fmt: skip
_OVER: Final = frozenset(state.value for state in JobState if state.over)
_NOTHING: Final = Empty(
    text="Nothing is kept yet. Choose symbols above and press Download, or import a file below.",
    label="Download a month of NSE:SBIN",
    action="first",
)


class KeptView(ipywidgets.VBox):
    """The catalogue of all sources. Read on a thread of its own: when it is made, when a download ends, on demand.

    ``first`` is called when the empty table's button is pressed.
    """

    def __init__(self, lab: Lab, first: Callable[[], None]) -> None:
        self._lab = lab
        self._first = first
        self._loop = KernelLoop()
        self._catalogues: dict[str, Catalogue] = {}
        self._rows: dict[int, tuple[str, Entry]] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._chosen = 0
        self._again = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._on_choice: list[Callable[[str, Entry], None]] = []
        self.message = MessageLine()
        self.grid = Grid(
            "history-kept", _COLUMNS, label="Kept candles", empty=Empty(text="Looking …"), sortable=True, height="264px"
        )
        self.grid.on_event(self._on_event)
        self.refresh = ipywidgets.Button(description="Look again", tooltip="Read the catalogue again")
        self.fetch = ipywidgets.Button(description="Fetch the gaps", tooltip="Ask the source again for this series")
        self.refresh.on_click(lambda _button: self.look())
        self.fetch.on_click(lambda _button: self._fetch_gaps())
        self._title = ipywidgets.Label("Choose a series to see its coverage and its gaps.")
        self._title.add_class("oal-form-title")
        self._strip, self._gaps = ipywidgets.HTML(), ipywidgets.HTML()
        head = ipywidgets.HBox([self._title, self.fetch, self.refresh])
        head.add_class("oal-form")
        head.add_class("oal-hist-head")
        super().__init__([self.grid, head, self._strip, self._gaps, self.message])
        self._choose(0)
        self._unlisten = lab.handle.add_listener(self._hear)
        self.look()

    @property
    def entries(self) -> tuple[tuple[str, Entry], ...]:
        """(source, series) as shown."""
        return tuple(self._rows.values())

    def on_choice(self, callback: Callable[[str, Entry], None]) -> None:
        """Call back with (source, entry) of the series that was chosen."""
        self._on_choice.append(callback)

    def look(self) -> None:
        """Read the catalogue again, soon; from any thread."""
        self._again.set()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="openalgo-lab-catalogue", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the subscription and the widget."""
        self._unlisten()
        super().close()

    # ----------------------------------------------------------------------------------------------------------------

    def _hear(self, event: AnyEvent) -> None:
        if isinstance(event, HistoryProgress) and event.state in _OVER:
            self.look()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._again.is_set():
                    self._thread = None
                    return
                self._again.clear()
            try:
                rows = self._read()
            except LabError as error:
                self._loop.call(partial(self.message.bad, str(error)))
            else:
                self._loop.call(partial(self._show, rows))

    def _read(self) -> list[tuple[str, Entry]]:
        lake = self._lab.lake
        for source in lake.sources:
            if source not in self._catalogues:
                self._catalogues[source] = lake.catalogue_of(source)
        return [(source, entry) for source, one in self._catalogues.items() for entry in one.entries()]

    def _show(self, rows: list[tuple[str, Entry]]) -> None:
        self._rows = {
            self._ids.setdefault((source, str(entry.series)), len(self._ids) + 1): (source, entry)
            for source, entry in rows
        }
        texts: dict[str, list[str]] = {
            "symbol": [str(one.series.key) for _, one in rows],
            "interval": [one.series.interval.value for _, one in rows],
            "first": [_moment(one.first_ns) for _, one in rows],
            "last": [_moment(one.last_ns) for _, one in rows],
            "size": [size_text(one.size) for _, one in rows],
            "source": [source for source, _ in rows],
        }
        numbers: dict[str, list[float]] = {
            "complete": [100 * one.complete for _, one in rows],
            "full": [100.0] * len(rows),
            "candles": [float(one.bars) for _, one in rows],
            "missing": [float(one.missing) for _, one in rows],
            "gaps": [float(len(one.gaps)) for _, one in rows],
        }
        flags = [int(Flag.STALE if one.damaged else Flag.NONE) for _, one in rows]
        self.grid.set_rows(
            list(self._rows), texts, values=numbers if rows else {}, flags=flags if rows else None, empty=_NOTHING
        )
        damaged = [f"{one.series}: {', '.join(one.damaged)}" for _, one in rows if one.damaged]
        if damaged:
            self.message.bad(
                f"A damaged file was set aside ({damaged[0]}); its candles are fetched again when they are asked for."
            )
        self._choose(self._chosen)

    def _on_event(self, event: GridEvent) -> None:
        if event.action == "first":
            self._first()
        elif event.type in ("click", "select"):
            row = event.row if event.row is not None else next(iter(event.rows), 0)
            if row in self._rows:
                self._choose(row)

    def _choose(self, row: int) -> None:
        found = self._rows.get(row)
        self._chosen = row if found is not None else 0
        self.fetch.disabled = found is None or not found[1].gaps
        if found is None:
            return
        source, entry = found
        self._title.value = f"{entry.series} · {source}"
        self._strip.value, self._gaps.value = strip(entry), gaps_table(entry)
        for callback in self._on_choice:
            callback(source, entry)

    def _fetch_gaps(self) -> None:
        found = self._rows.get(self._chosen)
        if found is None or not found[1].gaps:
            return
        source, entry = found
        first, last = entry.gaps[0].start_ns, entry.gaps[-1].end_ns
        self.message.info(f"Asking for {entry.series} again …")

        async def ask() -> Any:
            shown = self._lab.handle
            return await shown.call(
                DownloadHistory(
                    (entry.series.key,), entry.series.interval.value, first // NS_PER_DAY * NS_PER_DAY, last,
                    f"{entry.series}, gaps", True,
                )
            )  # fmt: skip

        self._loop.ask(
            self._lab.handle,
            ask(),
            lambda job: self.message.info(f"Download {job.name} has begun; {source} may not have them either."),
            lambda error: self.message.bad(str(error)),
        )


def _moment(ns: int) -> str:
    return format_ist(ns)[:16] if ns else "–"
