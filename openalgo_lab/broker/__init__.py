"""What a broker adapter is, and the machinery that executes a broker's spec.

A broker's folder needs this package and `openalgo_lab.model` only: the spec and codec types, and requests and
responses as values.
"""

from openalgo_lab.broker.absent import PlainCodec
from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.broker.spec import (
    BrokerSpec,
    Call,
    Capability,
    Codec,
    FeedAddress,
    FeedKind,
    FeedMessage,
    FeedSession,
    FeedSpec,
    FrameContent,
    HistoryLimits,
    Limits,
    LoginField,
    LoginFlow,
    LoginKind,
    Rate,
    Session,
)
from openalgo_lab.wire.transport import HttpRequest, HttpResponse, Lane

__all__ = [
    "BrokerSpec",
    "Call",
    "Capability",
    "Codec",
    "FeedAddress",
    "FeedKind",
    "FeedMessage",
    "FeedSession",
    "FeedSpec",
    "FrameContent",
    "HistoryLimits",
    "HttpRequest",
    "HttpResponse",
    "Lane",
    "Limits",
    "LoginField",
    "LoginFlow",
    "LoginKind",
    "OrderChange",
    "PlainCodec",
    "Rate",
    "Session",
]
