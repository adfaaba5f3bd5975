"""The instrument search box: type words, choose with the arrows, Enter."""

from openalgo_lab.ui.search.box import SearchBox

__all__ = ["SearchBox"]
