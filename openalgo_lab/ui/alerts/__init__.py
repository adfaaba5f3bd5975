"""Alerts as a widget: the list, and toasts with sound on the page."""

from openalgo_lab.ui.alerts.widget import AlertsView

__all__ = ["AlertsView"]
