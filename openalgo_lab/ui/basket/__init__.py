"""The basket builder."""

from openalgo_lab.ui.basket.widget import BasketBuilder

__all__ = ["BasketBuilder"]
