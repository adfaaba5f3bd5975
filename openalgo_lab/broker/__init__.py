"""What a broker adapter is, and the machinery that executes a broker's spec.

A broker's folder needs this package and `openalgo_lab.model` only: the spec and codec types, and requests and
responses as values.
"""

from openalgo_lab.broker.spec import (
    BrokerSpec,
    Call,
    Capability,
    Codec,
    FrameContent,
    Limits,
    LoginKind,
    Session,
)
from openalgo_lab.wire.transport import HttpRequest, HttpResponse, Lane

__all__ = [
    "BrokerSpec",
    "Call",
    "Capability",
    "Codec",
    "FrameContent",
    "HttpRequest",
    "HttpResponse",
    "Lane",
    "Limits",
    "LoginKind",
    "Session",
]
