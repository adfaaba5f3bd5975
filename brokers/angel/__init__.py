"""Angel One (SmartAPI)."""

from brokers.angel.codec import AngelCodec
from brokers.angel.tables import HOMES
from openalgo_lab.broker import BrokerSpec, Capability, FeedKind, FeedSpec, HistoryLimits, LoginField, LoginKind
from openalgo_lab.broker.spec import Limits, Rate
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["SPEC"]

_RATES = (
    Rate("order", 9, 1), Rate("order", 500, 60), Rate("order", 1000, 3600), Rate("funds", 2, 1),
    Rate("quote", 10, 1), Rate("quote", 500, 60), Rate("quote", 5000, 3600), Rate("data", 1, 0.5),
    Rate("data", 180, 60), Rate("data", 5000, 3600), Rate("profile", 3, 1), Rate("login", 1, 1),
    *(Rate(path, 1, 1) for path in ("order_book", "trade_book", "positions", "holdings")),
)  # fmt: skip
_DAYS = {"1m": 30, "3m": 60, "5m": 100, "10m": 100, "15m": 200, "30m": 200, "1h": 400, "D": 2000}

SPEC = BrokerSpec(
    "angel", "Angel One", frozenset(HOMES), frozenset(Capability), LoginKind.FORM, AngelCodec(),
    "https://apiconnect.angelone.in", hosts={"files": "https://margincalculator.angelone.in"}, token_expiry="00:00",  # noqa: S106
    login_fields=(
        LoginField("api_key", "API key", secret=True),
        LoginField("client_code", "Client code", secret=False),
        LoginField("pin", "PIN", secret=True),
        LoginField("totp_seed", "TOTP secret", secret=True, optional=True, hint="Or the code itself, each morning."),
        LoginField("public_ip", "Public address", secret=False, hint="The static IP that is registered for orders."),
    ),
    # A pong comes every ten seconds; one that stays out tells a dead line.
    feeds=(
        FeedSpec(
            "market", FeedKind.MARKET, "wss://smartapisocket.angelone.in", 30.0, 10.0, symbols_per_socket=1000,
            sockets=2,
        ),
        FeedSpec("orders", FeedKind.ORDERS, "wss://tns.angelone.in", 30.0, 10.0),
    ),
    # One of the three sockets that a client may have is left to them.
    books=(
        FeedSpec(
            "books", FeedKind.BOOKS, "wss://smartapisocket.angelone.in", 30.0, 10.0, symbols_per_socket=50,
            levels=20, exchanges=frozenset({Exchange.NSE}),
        ),
    ),
    history=HistoryLimits(_DAYS), verified=("simulator",),
    limits=Limits(_RATES, quotes_batch=50, data_timeout_s=60.0),
)  # fmt: skip
