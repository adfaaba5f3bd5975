"""Fyers (API v3)."""

from brokers.fyers.codec import FyersCodec
from brokers.fyers.tables import INTERVALS, LISTED, LOTS_ON
from openalgo_lab.broker import BrokerSpec, Capability, FeedKind, FeedSpec, HistoryLimits, LoginField, LoginKind
from openalgo_lab.broker.spec import Limits, Rate
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["SPEC"]

_DAYS = {interval: 366 if interval == "D" else 30 if interval.endswith("s") else 100 for interval in INTERVALS}
_RATES = (Rate("all", 10, 1), Rate("all", 200, 60), Rate("all", 100_000, 86_400), Rate("order", 10, 1))

SPEC = BrokerSpec(
    "fyers", "Fyers", LISTED, frozenset(Capability), LoginKind.REDIRECT, FyersCodec(), "https://api-t1.fyers.in",
    hosts={"files": "https://public.fyers.in"},
    login_fields=(
        LoginField("app_id", "App id", secret=False, hint="As in ABCD1234XY-100."),
        LoginField("app_secret", "App secret", secret=True),
    ),
    # The data socket answers no ping and is silent when nothing moves; the order socket answers each one.
    feeds=(
        FeedSpec("market", FeedKind.MARKET, "wss://socket.fyers.in", 0.0, 10.0, symbols_per_socket=5000, batch=700),
        FeedSpec("orders", FeedKind.ORDERS, "wss://socket.fyers.in", 30.0, 10.0),
    ),
    books=(
        FeedSpec(
            "books", FeedKind.BOOKS, "wss://rtsocket-api.fyers.in/versova", 30.0, 10.0, symbols_per_socket=5, levels=50,
            exchanges=frozenset({Exchange.NSE, Exchange.NFO}),
        ),
    ),
    history=HistoryLimits(_DAYS), verified=("simulator",), lots_on=LOTS_ON,
    limits=Limits(_RATES, quotes_batch=50, data_timeout_s=30.0),
)  # fmt: skip
