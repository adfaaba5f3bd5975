"""The P&L tracker and the trade journal as a widget."""

from openalgo_lab.ui.pnl.widget import PnlTracker

__all__ = ["PnlTracker"]
