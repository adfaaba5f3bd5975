"""The manager's forms: what to download, which file to take in, what to write out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import ipywidgets

from openalgo_lab.lab.history_base import IMPORTED
from openalgo_lab.lab.history_jobs import keys_of
from openalgo_lab.lab.words import moment_ns
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.history_commands import DownloadHistory, GetHistoryGroups, HistoryGroup
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import from_ns
from openalgo_lab.store.history.catalogue import Entry
from openalgo_lab.ui.history.rows import form_row
from openalgo_lab.ui.history.saver import Saver
from openalgo_lab.ui.history.work import Work
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.search.box import SearchBox
from openalgo_lab.ui.watchlist.saved import SavedWatchlists

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["DownloadForm", "ExportForm", "ImportForm"]

_KINDS: Final = ("csv", "xlsx", "parquet")
_INTERVALS: Final = ("1m", "3m", "5m", "15m", "30m", "1h", "D", "W", "M")
_NO_GROUP: Final = "–"
_MONTH: Final = 30


class DownloadForm(ipywidgets.VBox):
    """Symbols or a group, a candle, a span: Download."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._loop = KernelLoop()
        today = from_ns(lab.handle.status.market_ns).date()
        self.message = MessageLine()
        self.find = SearchBox(lab, placeholder="Add a symbol: sbin, nifty fut", shortcut=False)
        self.find.on_pick(self._add)
        self.symbols = ipywidgets.Text("", description="Symbols", placeholder="NSE:SBIN, NSE:INFY")
        self.symbols.add_class("oal-hist-wide")
        self.group = ipywidgets.Dropdown(options=[_NO_GROUP], description="Group")
        self.interval = ipywidgets.Dropdown(options=["1m", "D"], value="1m", description="Candle")
        self.start = ipywidgets.Text(str(today - timedelta(days=_MONTH)), description="From")
        self.end = ipywidgets.Text(str(today), description="To (included)")
        self.again = ipywidgets.Checkbox(False, description="Fetch what is kept too", indent=False)
        self.button = ipywidgets.Button(description="Download", tooltip="Fetch and keep these candles")
        self.button.add_class("oal-button-accent")
        self.button.on_click(lambda _button: self.download())
        self.group.observe(self._fill, "value")
        super().__init__(
            [
                self.find,
                form_row(
                    self.symbols, self.group, self.interval, self.start, self.end, self.again, self.button
                ),
                self.message,
            ]
        )  # fmt: skip
        self.load_groups()

    def load_groups(self) -> None:
        """The saved watch lists, and the groups of schedules."""
        try:
            self._groups = SavedWatchlists(self._lab.handle.folder).load()
        except LabError as error:
            self._groups = {}
            self.message.bad(str(error))
        self.group.options = [_NO_GROUP, *self._groups]
        handle = self._lab.handle
        self._loop.ask(
            handle, handle.call(GetHistoryGroups()), self._take_groups, lambda error: self.message.bad(str(error))
        )

    def _take_groups(self, groups: Sequence[HistoryGroup]) -> None:
        self._groups = {**self._groups, **{group.name: group.keys for group in groups}}
        self.group.options = [_NO_GROUP, *self._groups]

    def sample(self) -> None:
        """The empty page's offer: a month of one share."""
        self.symbols.value = "NSE:SBIN"
        self.download()

    def download(self) -> None:
        """Begin what the form says; on the kernel's loop."""
        try:
            command = self._command()
        except LabError as error:
            self.message.bad(str(error))
            return
        self.message.info("Asking …")
        call = self._lab.handle.call(command)
        self._loop.ask(
            self._lab.handle,
            call,
            lambda job: self.message.info(f"{job.name}: {len(job.items)} symbols in the background, see below."),
            lambda error: self.message.bad(str(error)),
        )

    def _command(self) -> DownloadHistory:
        names = [part for text in self.symbols.value.split(",") if (part := text.strip())]
        if not names:
            raise InputError("Name at least one symbol, such as NSE:SBIN, or choose a group.", "symbols")
        keys = keys_of(self._lab, names)
        start, end = (
            moment_ns(self.start.value.strip(), "start"),
            moment_ns(self.end.value.strip(), "end", day_end=True),
        )
        if end <= start:
            raise InputError("The days end before they begin: swap them.", "end")
        chosen = self.group.value
        name = chosen if chosen in self._groups and set(keys) == set(self._groups[chosen]) else ""
        return DownloadHistory(keys, self.interval.value, start, end, name, self.again.value)

    def _add(self, key: InstrumentKey) -> None:
        parts = [text.strip() for text in self.symbols.value.split(",") if text.strip()]
        if str(key) not in parts:
            self.symbols.value = ", ".join([*parts, str(key)])

    def _fill(self, _change: object) -> None:
        keys = self._groups.get(self.group.value)
        if keys is not None:
            self.symbols.value = ", ".join(map(str, keys))


class ImportForm(ipywidgets.VBox):
    """A file of candles into the lake. ``done`` is called when one was taken in."""

    def __init__(self, lab: Lab, done: Callable[[], None]) -> None:
        self._lab = lab
        self._done = done
        self.message = MessageLine()
        self.work = Work(self._said, self.message.bad)
        accept = ",".join(f".{kind}" for kind in _KINDS)
        self.file = ipywidgets.FileUpload(accept=accept, multiple=False, description="Choose a file")
        self.symbol = ipywidgets.Text("", description="Symbol", placeholder="as the file says")
        self.interval = ipywidgets.Dropdown(options=["1m", "D"], description="Candle")
        self.source = ipywidgets.Text(IMPORTED, description="Source")
        self.button = ipywidgets.Button(description="Import", tooltip="Take the file's candles into the lake")
        self.button.on_click(lambda _button: self.take())
        note = ipywidgets.Label(
            "CSV, Excel or Parquet with timestamp (or date and time), open, high, low, close, volume, oi; Indian time "
            "where no offset is written. Without a symbol the file has exchange, symbol and interval columns."
        )
        note.add_class("oal-message")
        super().__init__(
            [form_row(self.file, self.symbol, self.interval, self.source, self.button), note, self.message]
        )

    def take(self) -> None:
        """Take in the chosen file; on the kernel's loop."""
        if not self.file.value:
            self.message.bad("Choose a .csv, .xlsx or .parquet file first.")
            return
        chosen = self.file.value[0]
        name, data = str(chosen["name"]), bytes(chosen["content"])
        self.message.info("Reading …")
        self.work.run(
            partial(self._take, name, data, self.symbol.value, self.interval.value, self.source.value.strip())
        )

    def _take(self, name: str, data: bytes, symbol: str, interval: str, source: str) -> str:
        with tempfile.TemporaryDirectory(prefix="openalgo-lab-") as folder:
            # The browser's name is not trusted as a path: only its last part, and only for the messages.
            file = Path(folder) / (Path(name.replace("\\", "/")).name or "file")
            file.write_bytes(data)
            told = self._lab.lake.import_file(file, symbol.strip() or None, interval, source=source)
        return f"{len(told)} series, {int(told['candles'].sum()):,} candles are kept as {source}."

    def _said(self, sentence: str) -> None:
        self.message.info(sentence)
        self._done()


class ExportForm(ipywidgets.VBox):
    """The chosen series as a file: kept in the profile's folder, and handed to the browser."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._chosen: tuple[str, Entry] | None = None
        self.message = MessageLine()
        self.work = Work(self._written, self.message.bad)
        self.saver = Saver()
        self.interval = ipywidgets.Dropdown(options=_INTERVALS, description="Candle")
        self.kind = ipywidgets.Dropdown(options=_KINDS, description="As")
        self.start, self.end = ipywidgets.Text("", description="From"), ipywidgets.Text("", description="To (included)")
        self.button = ipywidgets.Button(
            description="Export", disabled=True, tooltip="Write the chosen series to a file and save it"
        )
        self.button.on_click(lambda _button: self.write())
        super().__init__(
            [form_row(self.interval, self.kind, self.start, self.end, self.button), self.message, self.saver]
        )
        self.message.info("Choose a series in the table above first.")

    def choose(self, source: str, entry: Entry) -> None:
        """The series to be written; on the kernel's loop."""
        fresh = self._chosen is None or (self._chosen[0], self._chosen[1].series) != (source, entry.series)
        self._chosen = source, entry
        self.button.disabled = not entry.bars
        if fresh and entry.bars:
            self.interval.value = entry.series.interval.value
            first, last = from_ns(entry.first_ns).date(), from_ns(entry.last_ns).date()
            self.start.value, self.end.value = str(first), str(last)
            self.message.info(f"{entry.series.key} of {source}.")

    def write(self) -> None:
        """Write what the form says; on the kernel's loop."""
        if self._chosen is None:
            return
        source, entry = self._chosen
        key = entry.series.key
        span = (self.start.value.strip(), self.end.value.strip())
        self.message.info("Writing …")
        self.work.run(partial(self._write, source, key, self.interval.value, self.kind.value, span))

    def _write(self, source: str, key: InstrumentKey, interval: str, kind: str, span: tuple[str, str]) -> str:
        folder = self._lab.handle.folder / "exports"
        folder.mkdir(exist_ok=True)
        safe = "".join(sign if sign.isalnum() or sign in "-&" else "_" for sign in key.symbol)
        file = folder / f"{key.exchange}_{safe}_{interval}.{kind}"
        self._lab.lake.export_file(file, key, interval, *span, source=source)
        return str(file)

    def _written(self, file: str) -> None:
        handed = self.saver.save(Path(file))
        self.message.info(f"Written to {file}" + ("." if handed else "; it is too large to be handed to the browser."))
