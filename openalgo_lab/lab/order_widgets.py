"""Entry points of the widgets about orders beyond ticket and blotter. Loaded when they are first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from openalgo_lab.lab.looked_after import LookedAfterCalls
from openalgo_lab.lab.words import SymbolLike

__all__ = ["OrderWidgetCalls"]


class OrderWidgetCalls(LookedAfterCalls):
    """Further arguments go to the widget as they are."""

    def basket_builder(self, symbols: Iterable[SymbolLike] = (), **options: Any) -> Any:
        """Several legs, their margin together, and one press."""
        return _made("basket", "BasketBuilder", self, list(symbols), **options)

    def at_work(self, **options: Any) -> Any:
        """Triggers, brackets and algorithms."""
        return _made("blotter.works", "WorksBlotter", self, **options)

    def approvals(self, **options: Any) -> Any:
        """The Action Center."""
        return _made("approval", "ActionCenterView", self, **options)

    def pnl(self, **options: Any) -> Any:
        """Today's curve with drawdown, results after charges, statistics."""
        return _made("pnl", "PnlTracker", self, **options)

    def journal(self, **options: Any) -> Any:
        """Trades with notes and tags, closed trades with their results (``lab.trade_journal`` has the frames)."""
        return _made("journal", "JournalView", self, **options)

    def sandbox_settings(self, **options: Any) -> Any:
        """The sandbox's money and settings (``lab.sandbox`` has them as values)."""
        return _made("sandbox", "SandboxPanel", self, **options)

    def alert_list(self, **options: Any) -> Any:
        """Alerts with toasts and sound."""
        return _made("alerts", "AlertsView", self, **options)

    def timeline(self, order_id: str = "", **options: Any) -> Any:
        """The life of an order in steps."""
        return _made("order_timeline", "OrderTimeline", self, order_id, **options)

    def latency(self, **options: Any) -> Any:
        """Percentiles of how long orders take."""
        return _made("order_timeline", "LatencyMonitor", self, **options)

    def traffic(self, **options: Any) -> Any:
        """What passes to and from the brokers, by account and endpoint, and the use of their rates."""
        return _made("order_timeline", "TrafficMonitor", self, **options)


def _made(module: str, name: str, *args: Any, **options: Any) -> Any:
    # By name: the user interface stands above this floor and is loaded only by who wants to see it.
    return getattr(import_module(f"openalgo_lab.ui.{module}"), name)(*args, **options)
