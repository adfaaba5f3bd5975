"""Hosted strategies as a panel and a page."""

from __future__ import annotations

from openalgo_lab.ui.strategies.page import show_strategies
from openalgo_lab.ui.strategies.panel import StrategyPanel

__all__ = ["StrategyPanel", "show_strategies"]
