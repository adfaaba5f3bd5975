"""A row of tabs with counts."""

from openalgo_lab.ui.tabs.bar import Tab, TabBar

__all__ = ["Tab", "TabBar"]
