"""The depth ladder: the book of one contract, own orders in it, and a click that trades."""

from openalgo_lab.ui.ladder.widget import DepthLadder

__all__ = ["DepthLadder"]
