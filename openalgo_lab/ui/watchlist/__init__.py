"""Watchlists: search, live rows, one press to the ticket."""

from openalgo_lab.ui.watchlist.widget import Watchlist

__all__ = ["Watchlist"]
