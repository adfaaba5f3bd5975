"""Logging in at brokers: the list of them, a form by each one's fields, and how the connections stand."""

from __future__ import annotations

from openalgo_lab.ui.login.page import show_brokers
from openalgo_lab.ui.login.widget import BrokerLogin

__all__ = ["BrokerLogin", "show_brokers"]
