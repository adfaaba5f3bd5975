"""The history manager: what is kept, downloads, schedules, files. Loaded lazily: it reads candles with DuckDB."""

from __future__ import annotations

from openalgo_lab.ui.history.manager import HistoryManager
from openalgo_lab.ui.history.page import show_history

__all__ = ["HistoryManager", "show_history"]
