"""Dhan (DhanHQ v2) and its sandbox, one codec."""

from brokers.dhan.codec import DhanCodec, SandboxCodec
from brokers.dhan.tables import SEGMENTS
from openalgo_lab.broker import BrokerSpec, Capability, FeedKind, FeedSpec, HistoryLimits, LoginField, LoginKind
from openalgo_lab.broker.spec import Limits, Rate
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["DHAN", "DHAN_SANDBOX"]

_HOSTS = {"auth": "https://auth.dhan.co", "images": "https://images.dhan.co"}
_CLIENT = LoginField("client_id", "Client id", secret=False)
_TOKEN = LoginField("access_token", "Access token", secret=True, hint="Made on Dhan's site or the sandbox's portal.")
_RATES = (
    Rate("order", 10, 1), Rate("order", 250, 60), Rate("order", 1000, 3600), Rate("order", 7000, 86_400),
    Rate("data", 5, 1), Rate("data", 100_000, 86_400), Rate("quote", 1, 1), Rate("other", 10, 1),
)  # fmt: skip
_LIMITS = Limits(_RATES, quotes_batch=1000, data_timeout_s=30.0)
_DEEP = frozenset({Exchange.NSE, Exchange.NFO})
_HISTORY = HistoryLimits({"1m": 90, "5m": 90, "15m": 90, "25m": 90, "1h": 90, "D": 3650}, oldest_days=1825)

DHAN = BrokerSpec(
    "dhan", "Dhan", frozenset(SEGMENTS), frozenset(Capability), LoginKind.FORM, DhanCodec(), "https://api.dhan.co",
    hosts=_HOSTS, history=_HISTORY, limits=_LIMITS, token_expiry="", verified=("simulator", "official_client"),
    login_fields=(
        _CLIENT,
        LoginField("pin", "PIN", secret=True, optional=True, hint="Six digits; not needed with a token."),
        LoginField("totp_seed", "TOTP secret", secret=True, optional=True, hint="Or the code itself, each morning."),
        LoginField("access_token", "Access token", secret=True, optional=True, hint="Made on Dhan's site; lives 24 h."),
    ),
    # The server's pings are answered by the websocket itself: silence says nothing.
    feeds=(
        FeedSpec("market", FeedKind.MARKET, "wss://api-feed.dhan.co", 0.0, symbols_per_socket=5000, sockets=5),
        FeedSpec("orders", FeedKind.ORDERS, "wss://api-order-update.dhan.co", 0.0),
    ),
    books=(
        FeedSpec(
            "twentydepth", FeedKind.BOOKS, "wss://depth-api-feed.dhan.co", 0.0, symbols_per_socket=50, batch=50,
            levels=20, exchanges=_DEEP,
        ),
        FeedSpec(
            "twohundreddepth", FeedKind.BOOKS, "wss://full-depth-api.dhan.co", 0.0, symbols_per_socket=1,
            levels=200, exchanges=_DEEP,
        ),
    ),
)  # fmt: skip

_NOT_IN_SANDBOX = {
    Capability.FEED, Capability.DEPTH_FEED, Capability.ORDER_FEED, Capability.QUOTES, Capability.DEPTH,
}  # fmt: skip
DHAN_SANDBOX = BrokerSpec(
    "dhan_sandbox", "Dhan Sandbox", frozenset(SEGMENTS), frozenset(Capability) - _NOT_IN_SANDBOX, LoginKind.KEY,
    SandboxCodec(), "https://sandbox.dhan.co", hosts=_HOSTS, family="dhan", login_fields=(_CLIENT, _TOKEN),
    history=_HISTORY, limits=_LIMITS, token_expiry="", verified=("simulator",),
)  # fmt: skip
