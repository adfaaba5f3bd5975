"""Whether what the board holds is fresh enough to trade on: decided per feed, shown by every table in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openalgo_lab.engine.handle import EngineHandle

__all__ = ["LOST_MS", "STALE_MS", "feed_is_stale"]

STALE_MS = 2_000.0
"""A feed older than this is amber (reliability sheet: green below 2 s)."""

LOST_MS = 5_000.0
"""A feed older than this is red and its prices are grey."""


def feed_is_stale(handle: EngineHandle) -> bool:
    """Whether prices must be shown grey: no feed of the default account's broker is connected and younger than 5 s."""
    status = handle.status
    brokers = {one.broker for one in status.accounts if one.account == status.default_account}
    return not any(feed.broker in brokers and feed.connected and 0 <= feed.age_ms < LOST_MS for feed in status.feeds)
