"""The desk: watchlist, chart, depth, ticket and blotter on one page, tied together."""

from openalgo_lab.ui.desk.page import show_desk
from openalgo_lab.ui.desk.widget import Desk

__all__ = ["Desk", "show_desk"]
