"""How connections stand, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from openalgo_lab.model.broker_commands import ConnectionInfo
from openalgo_lab.model.times import IST, NS_PER_SECOND, from_ns
from openalgo_lab.ui.login.parts import AccountRow

__all__ = ["account_row", "left_words"]


def account_row(info: ConnectionInfo, names: Mapping[str, str], now_ns: int) -> AccountRow:
    """A connection for the page. ``names`` are the brokers' by key. A session whose end has passed is expired, also
    where nobody has tried it since.
    """
    marks = (("orders",) if info.default else ()) + (("market data",) if info.data else ())
    state = "expired" if info.expired or 0 < info.expires_ns <= now_ns else "connected" if info.open else "closed"
    return AccountRow(
        info.account, info.broker, names.get(info.broker, info.broker), state, _text(info, state, now_ns), marks
    )


def _text(info: ConnectionInfo, state: str, now_ns: int) -> str:
    if state == "expired":
        return "Expired: log in again"
    if state == "closed":
        return f"Takes no orders: {info.because}"
    if not info.expires_ns:
        return "Connected; its session has no known end"
    return f"Connected until {_moment(info.expires_ns)} IST ({left_words(info.expires_ns - now_ns)} left)"


def _moment(ns: int) -> str:
    return from_ns(ns).astimezone(IST).strftime("%d %b %H:%M")


def left_words(left_ns: int) -> str:
    """A span in its two largest units: ``3 d 4 h``, ``11 h 20 min``, ``5 min``; under a minute ``1 min``."""
    minutes = max(1, timedelta(seconds=left_ns / NS_PER_SECOND) // timedelta(minutes=1))
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
