"""The simulated exchange as a broker."""

from brokers.simulated.codec import SimulatedCodec
from openalgo_lab.broker import BrokerSpec, Capability, Limits, LoginKind
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["SPEC"]

SPEC = BrokerSpec(
    key="simulated",
    name="Simulated exchange",
    exchanges=frozenset(Exchange),
    capabilities=frozenset(Capability),
    login=LoginKind.NONE,
    codec=SimulatedCodec(),
    heartbeat_s=1.0,
    limits=Limits(subscribe_batch=1000, quotes_batch=1000),
)
