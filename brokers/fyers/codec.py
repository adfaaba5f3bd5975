"""Fyers' API v3 as pure functions: login, errors, feeds here; orders and market data in their modules."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from brokers.fyers import tables
from brokers.fyers.feed import MarketFeed, OrderFeed
from brokers.fyers.market import MarketCalls
from brokers.fyers.orders import OrderCalls, call
from brokers.fyers.tables import NAME
from openalgo_lab.broker import (
    Call,
    FeedAddress,
    FeedKind,
    FeedSession,
    FeedSpec,
    HttpResponse,
    Lane,
    LoginFlow,
    Session,
)  # fmt: skip
from openalgo_lab.broker.asking import given
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import DecodeError, LabError, Rejected, SessionExpired, Throttled
from openalgo_lab.model.portfolio import Profile

__all__ = ["FyersCodec"]

_LOGIN: Final = "/api/v3/generate-authcode"
_LONGEST_REFUSAL: Final = 4_000
_LONGEST_WAIT_S: Final = 300.0


class FyersCodec(OrderCalls, MarketCalls):
    """Implements `openalgo_lab.broker.Codec`. A session holds the app's id and the data socket's key beside its token;
    that key and the session's end stand in the token itself."""

    broker_name = NAME

    def login_url(self, credentials: Mapping[str, str], redirect_uri: str, state: str) -> str:
        query = {
            "client_id": given(credentials, "app_id", NAME), "redirect_uri": redirect_uri, "response_type": "code",
            "state": state,
        }  # fmt: skip
        return f"https://api-t1.fyers.in{_LOGIN}?{urlencode(query)}"

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        """With the ``auth_code`` of the redirect; its ``code`` is a mere number."""
        app_id, secret = (given(credentials, name, NAME) for name in ("app_id", "app_secret"))
        if credentials.get("s") == "error":
            raise Rejected(f"Fyers refused the login: {credentials.get('message', '')[:200] or 'it gave no reason'}.")
        body = {
            "grant_type": "authorization_code", "code": given(credentials, "auth_code", NAME),
            "appIdHash": hashlib.sha256(f"{app_id}:{secret}".encode()).hexdigest(),
        }  # fmt: skip

        def give(answer: Record) -> Session:
            token = answer.text("access_token")
            claims = _claims(token)
            extra = {"app_id": app_id, "hsm_key": claims.text("hsm_key")}
            return Session(claims.text("fy_id"), token, extra, expires_ns=claims.count("exp") * 1_000_000_000)

        target = "POST /api/v3/validate-authcode"
        made: Session = yield call(Session("", "", {"app_id": app_id}), target, give, body, lane=Lane.ORDER)
        return made

    def logout(self, session: Session) -> Call[None]:
        return call(session, "POST /api/v3/logout", lambda answer: None, {})  # noqa: ARG005

    def profile(self, session: Session) -> Call[Profile]:
        def give(answer: Record) -> Profile:
            row = answer.record("data")
            return Profile(row.text("fy_id"), row.text("name", ""))

        return call(session, "GET /api/v3/profile", give)

    def refusal(self, response: HttpResponse) -> LabError | None:
        stated = _stated(response.body)
        if stated is None:
            return None
        code, text = stated
        if code in tables.LOGIN_AGAIN or response.status == 401:
            return SessionExpired(f"Fyers no longer accepts this session ({text}); log in again.")
        if code == tables.TOO_MANY or response.status == 429:
            return Throttled(f"Fyers asks for fewer requests ({text}).", _wait_s(response))
        return None if response.status >= 500 else Rejected(f"Fyers refused: {text} ({code}).")

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress:
        if feed.kind is FeedKind.ORDERS:
            return FeedAddress("/trade/v3", (("authorization", f"{session.extra['app_id']}:{session.token}"),))
        return FeedAddress("/hsm/v1-5/prod")

    def open_feed(self, session: Session, feed: FeedSpec) -> FeedSession:
        return OrderFeed() if feed.kind is FeedKind.ORDERS else MarketFeed(session)


def _claims(token: str) -> Record:
    """What a token says of itself. Its signature is Fyers' own business."""
    parts = token.split(".")
    if len(parts) != 3:
        raise DecodeError("The access token of Fyers is no JWT.")
    try:
        body = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    except (binascii.Error, ValueError) as error:
        raise DecodeError("The access token of Fyers cannot be read.") from error
    return Record(parsed(body, NAME), NAME)


def _stated(body: bytes) -> tuple[int, str] | None:
    """Code and text of a failure; None for a success or a page that is not Fyers' own."""
    if len(body) > _LONGEST_REFUSAL:
        return None
    try:
        row = Record(parsed(body, NAME), NAME)
        if row.raw("s") != "error":
            return None
        return row.whole("code", 0), row.text("message", "")[:300] or "it gave no reason"
    except DecodeError:
        return None


def _wait_s(response: HttpResponse) -> float:
    """The milliseconds of one header, else the seconds of the other, else one second."""
    for name, scale in (("x-retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = next((value for key, value in response.headers if key == name), "")
        if text.isascii() and text.isdigit():
            return min(int(text) / scale, _LONGEST_WAIT_S)
    return 1.0
