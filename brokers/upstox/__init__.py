"""Upstox, by its API v2 and v3."""

from brokers.upstox import tables
from brokers.upstox.codec import UpstoxCodec
from openalgo_lab.broker import (
    BrokerSpec,
    Capability,
    FeedKind,
    FeedSpec,
    HistoryLimits,
    Limits,
    LoginField,
    LoginKind,
    Rate,
)

__all__ = ["SPEC"]

SPEC = BrokerSpec(
    key="upstox",
    name="Upstox",
    exchanges=frozenset(tables.SEGMENTS.values()),
    capabilities=frozenset(Capability),
    login=LoginKind.REDIRECT,
    codec=UpstoxCodec(),
    base_url="https://api.upstox.com",
    hosts={"hft": "https://api-hft.upstox.com", "assets": "https://assets.upstox.com"},
    login_fields=(
        LoginField("api_key", "API key", secret=False, hint="From your app's page at account.upstox.com/developer."),
        LoginField("api_secret", "API secret", secret=True, hint="On the same page."),
        LoginField("redirect_uri", "Redirect URL", secret=False, hint="Exactly as it is registered with the app."),
    ),
    feeds=(
        FeedSpec("market", FeedKind.MARKET, silence_s=0.0, symbols_per_socket=1500, sockets=2),
        FeedSpec("portfolio", FeedKind.ORDERS, silence_s=0.0),
    ),
    books=(FeedSpec("books", FeedKind.BOOKS, silence_s=0.0, symbols_per_socket=50, levels=30),),
    history=HistoryLimits(tables.HISTORY_DAYS, today_apart=True),
    limits=Limits(
        rates=tuple(
            Rate(pool, count, per_s)
            for pool, at_once in (("order", 10), ("data", 50))
            for count, per_s in ((at_once, 1), (500, 60), (2000, 1800))
        ),
        quotes_batch=500,
    ),
    token_expiry="03:30",  # noqa: S106 - a time of day
    verified=("simulator", "official_client"),
)
