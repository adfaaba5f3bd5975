"""Tables as files that the browser saves."""

from openalgo_lab.ui.saving.button import SaveButton
from openalgo_lab.ui.saving.text import csv_text

__all__ = ["SaveButton", "csv_text"]
