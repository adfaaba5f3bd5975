"""Zerodha, by Kite Connect v3."""

from brokers.zerodha import tables
from brokers.zerodha.codec import ZerodhaCodec
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
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["SPEC"]

SPEC = BrokerSpec(
    key="zerodha",
    name="Zerodha",
    exchanges=frozenset(tables.EXCHANGES.values()) | {Exchange.NSE_INDEX, Exchange.BSE_INDEX, Exchange.MCX_INDEX},
    capabilities=frozenset(Capability),
    login=LoginKind.REDIRECT,
    codec=ZerodhaCodec(),
    base_url="https://api.kite.trade",
    login_fields=(
        LoginField("api_key", "API key", secret=False, hint="From your app's page at developers.kite.trade."),
        LoginField("api_secret", "API secret", secret=True, hint="On the same page, behind “Show API secret”."),
    ),
    feeds=(
        FeedSpec("ticker", FeedKind.BOTH, "wss://ws.kite.trade", silence_s=5.0, symbols_per_socket=3000, sockets=3),
    ),
    history=HistoryLimits(tables.HISTORY_DAYS, oldest_days=4000),
    limits=Limits(
        rates=(
            Rate("order", 10, 1, "calendar"),
            Rate("order", 400, 60),
            Rate("order", 5000, 86_400, "calendar"),
            Rate("quote", 1, 1),
            Rate("history", 3, 1),
            Rate("data", 10, 1),
        ),
        quotes_batch=500,
    ),
    token_expiry="06:00",  # noqa: S106 - a time of day
    tag_length=13,
    verified=("simulator", "official_client"),
)
