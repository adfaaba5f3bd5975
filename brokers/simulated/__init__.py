"""The simulated exchange as a broker."""

from brokers.simulated.codec import SimulatedCodec
from openalgo_lab.broker import BrokerSpec, Capability, FeedKind, FeedSpec, HistoryLimits, Limits, LoginKind
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["SPEC"]

SPEC = BrokerSpec(
    key="simulated",
    name="Simulated exchange",
    exchanges=frozenset(Exchange),
    capabilities=frozenset(Capability) - {Capability.GTT, Capability.PROFILE},
    login=LoginKind.NONE,
    codec=SimulatedCodec(),
    feeds=(FeedSpec("feed", FeedKind.BOTH, silence_s=2.0, batch=1000),),
    history=HistoryLimits(),
    limits=Limits(quotes_batch=1000),
    token_expiry="",
)
