"""Colours, type and spacing of every page and widget: one table, printed as CSS variables `--oal-*`."""

from openalgo_lab.ui.theme.css import css, variables
from openalgo_lab.ui.theme.tokens import DARK, LIGHT, SHARED, Palette

__all__ = ["DARK", "LIGHT", "SHARED", "Palette", "css", "variables"]
