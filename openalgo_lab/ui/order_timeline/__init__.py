"""The life of an order in steps, and how long the steps take."""

from openalgo_lab.ui.order_timeline.traffic import TrafficMonitor
from openalgo_lab.ui.order_timeline.widget import LatencyMonitor, OrderTimeline

__all__ = ["LatencyMonitor", "OrderTimeline", "TrafficMonitor"]
