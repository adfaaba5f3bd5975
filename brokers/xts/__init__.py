"""The brokers that run Symphony's XTS: one codec, a member each."""

from brokers.xts.codec import XtsCodec
from brokers.xts.tables import EXCHANGES, HISTORY_DAYS, MEMBERS, Member
from openalgo_lab.broker import BrokerSpec, Capability, FeedKind, FeedSpec, HistoryLimits, LoginField, LoginKind
from openalgo_lab.broker.spec import Limits, Rate
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["COMPOSITEDGE", "FIVEPAISAXTS", "IBULLS", "IIFL", "JAINAMXTS", "RMONEY", "WISDOM"]


def _fields(member: Member) -> tuple[LoginField, ...]:
    hint = "Of the app for orders (Interactive API)."
    secret = () if member.final_token else (LoginField("secret_key", "Interactive secret", secret=True, hint=hint),)
    return (
        LoginField("app_key", "Interactive key", secret=False, hint=hint),
        *secret,
        LoginField("market_app_key", "Market data key", secret=False, hint="Of the second app (Market Data API)."),
        LoginField("market_secret_key", "Market data secret", secret=True, hint="Of the second app."),
    )


def _spec(member: Member) -> BrokerSpec:
    lacks = {Capability.GTT} | (set() if member.margin else {Capability.MARGIN})
    socket = member.host.replace("https", "wss")
    pause = (Rate("margin", 1, member.margin_pause_s),) if member.margin_pause_s else ()
    return BrokerSpec(
        key=member.key,
        name=member.name,
        exchanges=frozenset(EXCHANGES[s] for s in member.segments.split()) | {Exchange.NSE_INDEX, Exchange.BSE_INDEX},
        capabilities=frozenset(Capability) - lacks,
        login=LoginKind.REDIRECT if member.redirect else LoginKind.TWO_TOKENS,
        codec=XtsCodec(member),
        base_url=member.host,
        family="xts",
        login_fields=_fields(member),
        # Each ping is answered, so silence of three of them is a dead line.
        feeds=(
            FeedSpec("market", FeedKind.MARKET, socket, silence_s=16.0, ping_s=5.0, batch=50),
            FeedSpec("orders", FeedKind.ORDERS, socket, silence_s=16.0, ping_s=5.0),
        ),
        history=HistoryLimits(HISTORY_DAYS),
        limits=Limits((Rate("order", 10, 1), Rate("data", 10, 1), *pause), quotes_batch=50, data_timeout_s=60.0),
        token_expiry="",
        protects_market=not member.market,
        verified=("simulator",),
    )


COMPOSITEDGE, FIVEPAISAXTS, IBULLS, IIFL, JAINAMXTS, RMONEY, WISDOM = map(_spec, MEMBERS)
