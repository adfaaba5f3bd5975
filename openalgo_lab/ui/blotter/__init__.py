"""The blotter: orders, trades, positions, holdings and funds, live."""

from openalgo_lab.ui.blotter.tables import QUICK_POSITIONS
from openalgo_lab.ui.blotter.widget import Blotter

__all__ = ["QUICK_POSITIONS", "Blotter"]
