"""The bar at the top: which account and mode, how fresh, how quick, the day's profit, the kill switch."""

from openalgo_lab.ui.statusbar.bar import StatusBar

__all__ = ["StatusBar"]
