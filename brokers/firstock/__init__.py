"""Firstock, by its Developer API V1 and websocket V2: a JSON gateway before a Noren order system."""

from brokers.firstock.codec import HISTORY_DAYS, FirstockCodec
from openalgo_lab.broker import BrokerSpec, Capability, FeedKind, FeedSpec, HistoryLimits, LoginField, LoginKind
from openalgo_lab.broker.spec import Limits, Rate
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["SPEC"]

SPEC = BrokerSpec(
    key="firstock",
    name="Firstock",
    exchanges=frozenset(
        {Exchange.NSE, Exchange.BSE, Exchange.NFO, Exchange.BFO, Exchange.NSE_INDEX, Exchange.BSE_INDEX}
    ),
    capabilities=frozenset(Capability) - {Capability.GTT},
    login=LoginKind.FORM,
    codec=FirstockCodec(),
    base_url="https://api.firstock.in/V1",
    family="noren",
    login_fields=(
        LoginField("user_id", "User id", secret=False),
        LoginField("password", "Password", secret=True),
        LoginField(
            "api_key", "API key", secret=True, hint="Lives a year; calls must come from the address given there."
        ),
        LoginField("totp_seed", "TOTP secret", secret=True, optional=True, hint="Only if your login asks for a code."),
    ),
    # The server pings by websocket frames, which nobody hears: silence says nothing.
    feeds=(FeedSpec("feed", FeedKind.BOTH, "wss://socket.firstock.in", silence_s=0.0),),
    history=HistoryLimits(HISTORY_DAYS),
    limits=Limits(
        (Rate("order", 10, 1), Rate("quote", 1, 1), Rate("history", 3, 1), Rate("data", 10, 1)),
        quotes_batch=50,
        data_timeout_s=60.0,
    ),
    token_expiry="03:00",  # noqa: S106 - a time of day
    verified=("simulator",),
)
