"""The brokers that run the Noren order system: one codec, a member each."""

from brokers.noren.codec import NorenCodec
from brokers.noren.tables import EXCHANGES, HISTORY_DAYS, MEMBERS, Member
from openalgo_lab.broker import BrokerSpec, Capability, FeedKind, FeedSpec, HistoryLimits, LoginField, LoginKind
from openalgo_lab.broker.spec import Limits, Rate
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["FLATTRADE", "SHOONYA", "TRADESMART", "ZEBU"]


def _rates(member: Member) -> tuple[Rate, ...]:
    pools = (("order", 0), ("data", 1))
    seconds = [Rate(pool, member.per_s[n], 1) for pool, n in pools]
    return (*seconds, *(Rate(pool, member.per_min[n], 60) for pool, n in pools if member.per_min[n]), *member.together)


def _spec(member: Member) -> BrokerSpec:
    indices = {Exchange.NSE_INDEX} | ({Exchange.BSE_INDEX} if member.bse_indices else set())
    return BrokerSpec(
        member.key, member.name, frozenset(EXCHANGES[exchange] for exchange, _ in member.files) | indices,
        frozenset(Capability) - (set() if member.gtt else {Capability.GTT}), LoginKind.REDIRECT, NorenCodec(member),
        member.host, {"files": member.files_host, "auth": member.auth_host} if member.jkey else {}, "noren",
        login_fields=(
            LoginField("client_id", "API key", secret=False, hint="Of your app; not your user id."),
            LoginField("client_secret", "API secret", secret=True, hint="Shown once, beside the key."),
        ),
        # Each ping is answered, so silence of three of them is a dead line.
        feeds=(FeedSpec("feed", FeedKind.BOTH, member.feed_url, silence_s=12.0, ping_s=3.5, batch=100),),
        history=HistoryLimits(HISTORY_DAYS),
        limits=Limits(_rates(member), quotes_batch=1, data_timeout_s=30.0),
        token_expiry=member.day_ends,
        protects_market=True,
        verified=("simulator",),
    )  # fmt: skip


SHOONYA, FLATTRADE, ZEBU, TRADESMART = map(_spec, MEMBERS)
