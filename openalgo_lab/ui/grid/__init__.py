"""The canvas grid: one widget paints every hot table (watchlist, depth ladder, blotter, option chain)."""

from openalgo_lab.ui.grid.columns import Action, Column, Empty, Flag
from openalgo_lab.ui.grid.events import GridEvent
from openalgo_lab.ui.grid.grid import Grid

__all__ = ["Action", "Column", "Empty", "Flag", "Grid", "GridEvent"]
