"""The trade journal as a widget."""

from openalgo_lab.ui.journal.widget import JournalView

__all__ = ["JournalView"]
