"""The history manager: download, watch, look at what is kept, take files in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from openalgo_lab.ui.history.forms import DownloadForm, ExportForm, ImportForm
from openalgo_lab.ui.history.jobs import JOBS, STEER_JOBS
from openalgo_lab.ui.history.kept import KeptView
from openalgo_lab.ui.history.schedules import SchedulesView
from openalgo_lab.ui.history.steered import Steered
from openalgo_lab.ui.style import StyleSheet

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["HistoryManager"]


class HistoryManager(ipywidgets.VBox):
    """``form`` begins downloads, ``jobs`` and ``schedules`` steer them, ``kept`` shows what they brought; ``imports``
    and ``exports`` are for files.
    """

    def __init__(self, lab: Lab) -> None:
        self.form = DownloadForm(lab)
        self.jobs = Steered(lab, JOBS, STEER_JOBS, height="148px")
        self.kept = KeptView(lab, self.form.sample)
        self.imports = ImportForm(lab, self.kept.look)
        self.exports = ExportForm(lab)
        self.schedules = SchedulesView(lab, lambda: self.form.symbols.value)
        self.kept.on_choice(self.exports.choose)
        work = _row(_part("Downloads", self.jobs), _part("Schedules", self.schedules))
        files = _row(_part("Import", self.imports), _part("Export", self.exports))
        super().__init__(
            [
                StyleSheet("history"),
                _part("Download", self.form),
                work,
                _part("Kept candles", self.kept),
                files,
            ]
        )
        self.add_class("oal-hist")

    def close(self) -> None:
        """End the subscriptions and the widgets."""
        self.jobs.close()
        self.schedules.close()
        self.kept.close()
        super().close()


def _row(*parts: Any) -> Any:
    row = ipywidgets.Box(list(parts))
    row.add_class("oal-hist-row")
    return row


def _part(title: str, body: Any) -> Any:
    heading = ipywidgets.Label(title)
    heading.add_class("oal-form-title")
    part = ipywidgets.VBox([heading, body])
    part.add_class("oal-hist-part")
    return part
