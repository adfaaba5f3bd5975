"""The blotter: orders, trades, positions, holdings and funds, live."""

from openalgo_lab.ui.blotter.widget import Blotter

__all__ = ["Blotter"]
