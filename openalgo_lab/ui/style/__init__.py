"""The shared style of forms made of plain ipywidgets, in both themes."""

from openalgo_lab.ui.style.sheet import StyleSheet

__all__ = ["StyleSheet"]
