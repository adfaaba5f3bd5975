"""DhanHQ v2 as pure functions: login, errors, feeds here; orders and market data in their modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from brokers.dhan import tables
from brokers.dhan.calls import as_ns, call, stated
from brokers.dhan.feed import MarketFeed, OrderFeed
from brokers.dhan.market import MarketCalls
from brokers.dhan.orders import OrderCalls
from brokers.dhan.tables import NAME
from openalgo_lab.broker import (
    Call,
    FeedAddress,
    FeedKind,
    FeedSession,
    FeedSpec,
    HttpRequest,
    HttpResponse,
    LoginFlow,
    Session,
)  # fmt: skip
from openalgo_lab.broker.asking import given
from openalgo_lab.broker.reading import from_word
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import (
    BrokerError,
    InputError,
    LabError,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Depth, Quote
from openalgo_lab.model.orders import OrderIntent
from openalgo_lab.model.portfolio import Profile

__all__ = ["DhanCodec", "SandboxCodec"]


class DhanCodec(OrderCalls, MarketCalls):
    """Implements `openalgo_lab.broker.Codec` for Dhan and its sandbox."""

    broker_name = NAME

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        """With a token made on Dhan's site, which is tried on the profile; else with PIN and one-time code."""
        client = given(credentials, "client_id", NAME)
        if pasted := credentials.get("access_token", "").strip():
            profile = yield self.profile(Session(client, pasted))
            if profile.client != client:
                raise InputError(f"This token belongs to {profile.client}; give that client id.", field="client_id")
            return Session(client, pasted)
        query = {
            "dhanClientId": client,
            "pin": given(credentials, "pin", NAME),
            "totp": given(credentials, "totp", NAME),
        }
        path = f"/app/generateAccessToken?{urlencode(query)}"
        made: Session = yield Call(HttpRequest("POST", path, safe=False, host="auth", pool="other"), _session)
        return made

    def profile(self, session: Session) -> Call[Profile]:
        def give(answer: Any) -> Profile:
            row = Record(answer, NAME)
            words = filter(None, map(str.strip, row.text("activeSegment", "").split(",")))
            found = [from_word(tables.ACTIVE_SEGMENTS, word, "segment of the profile", NAME) for word in words]
            return Profile(row.text("dhanClientId"), exchanges=tuple(e for some in found for e in some))

        return call(session, "GET /profile", give)

    def refusal(self, response: HttpResponse) -> LabError | None:
        code, text = stated(response.body)
        if not code or code in tables.NOTHING_THERE:
            return None
        if code in tables.LOGIN_AGAIN:
            return SessionExpired(f"Dhan no longer accepts this token ({text or code}); log in again.")
        if code in tables.TOO_MANY:
            return Throttled("Dhan asks for fewer requests; wait a second.")
        if code in tables.SERVER_SIDE:
            # With a bad status, that status tells whether an order may have arrived.
            return BrokerError(f"Dhan could not answer ({text or code}).") if response.status < 300 else None
        return Rejected(f"Dhan refused: {text or 'it gave no reason'} ({code}).")

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress:
        if feed.kind is FeedKind.ORDERS:
            return FeedAddress("/")
        query = {"version": 2, "token": session.token, "clientId": session.client, "authType": 2}
        return FeedAddress(f"/?{urlencode(query)}")

    def open_feed(self, session: Session, feed: FeedSpec) -> FeedSession:
        return OrderFeed(session) if feed.kind is FeedKind.ORDERS else MarketFeed()


class SandboxCodec(DhanCodec):
    """Dhan's sandbox takes a token of its own only, and has no market data but candles."""

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        given(credentials, "access_token", NAME)
        return (yield from super().login(credentials))

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        self._lacks("quotes in its sandbox")

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        self._lacks("market depth in its sandbox")

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        if len(legs) > 1:
            self._lacks("the margin of several orders in its sandbox")
        return super().margin(session, legs)


def _session(response: HttpResponse) -> Session:
    row = Record(parsed(response.body, NAME), NAME)
    return Session(row.text("dhanClientId"), row.text("accessToken"), expires_ns=as_ns(row.text("expiryTime")))
