"""SmartAPI as pure functions: login, errors, feeds here; orders and market data in their modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brokers.angel import tables
from brokers.angel.feed import MarketFeed, OrderFeed
from brokers.angel.market import MarketCalls
from brokers.angel.orders import SECURE, OrderCalls, call
from brokers.angel.tables import NAME
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
from openalgo_lab.broker.reading import from_word
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import (
    DecodeError,
    LabError,
    OutcomeUnknown,
    Rejected,
    SessionExpired,
    Throttled,
)  # fmt: skip
from openalgo_lab.model.portfolio import Profile

__all__ = ["AngelCodec"]

_LOGIN: Final = "/rest/auth/angelbroking/user/v1/loginByPassword"
_LONGEST_REFUSAL: Final = 4_000
_NO: Final = (False, "false", "False", "FALSE")


class AngelCodec(OrderCalls, MarketCalls):
    """Implements `openalgo_lab.broker.Codec`. A session holds the API key, the feed's token and the address that is
    registered for orders beside its own token."""

    broker_name = NAME

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        code, pin, totp = (given(credentials, name, NAME) for name in ("client_code", "pin", "totp"))
        extra = {name: given(credentials, name, NAME) for name in ("api_key", "public_ip")}

        def give(data: Any) -> Session:
            row = Record(data, NAME)
            return Session(code, row.text("jwtToken").removeprefix("Bearer "), {**extra, "feed": row.text("feedToken")})

        body = {"clientcode": code, "password": pin, "totp": totp}
        made: Session = yield call(Session(code, "", extra), f"POST {_LOGIN}", give, body, lane=Lane.ORDER)
        return made

    def logout(self, session: Session) -> Call[None]:
        body = {"clientcode": session.client}
        return call(session, f"POST {SECURE}/user/v1/logout", _nothing, body, pool="login")

    def profile(self, session: Session) -> Call[Profile]:
        """Lists may come as text that holds a list; what is none of ours (mutual funds ...) is left out."""

        def give(data: Any) -> Profile:
            row = Record(data, NAME)
            exchanges, products = _words(row.raw("exchanges")), _words(row.raw("products"))
            return Profile(
                row.text("clientcode"), row.text("name", "").strip(),
                exchanges=tuple(tables.PROFILE_EXCHANGES[w] for w in exchanges if w in tables.PROFILE_EXCHANGES),
                products=tuple(dict.fromkeys(from_word(tables.PRODUCTS, w, "product", NAME) for w in products
                                             if w in tables.PRODUCTS)),
            )  # fmt: skip

        return call(session, f"GET {SECURE}/user/v1/getProfile", give, pool="profile")

    def refusal(self, response: HttpResponse) -> LabError | None:
        if len(response.body) > _LONGEST_REFUSAL:
            return None
        if response.status == 403 and b"access rate" in response.body:
            return Throttled(f"{NAME} asks for fewer requests; wait a second.")
        code, text = _stated(response.body)
        if code in tables.LOGIN_AGAIN or (not code and response.status in (401, 403)):
            return SessionExpired(f"{NAME} no longer accepts this session ({text or code}); log in again.")
        if code in tables.UNCERTAIN:
            return OutcomeUnknown(f"{NAME} could not say what became of it ({text or code}); look into the order book.")
        return (
            Rejected(f"{NAME} refused: {text or 'it gave no reason'} ({code or 'no code'}).") if code or text else None
        )

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress:
        shared = (
            ("x-api-key", session.extra["api_key"]), ("x-client-code", session.client),
            ("x-feed-token", session.extra["feed"]),
        )  # fmt: skip
        if feed.kind is FeedKind.ORDERS:
            return FeedAddress("/smart-order-update", (("authorization", f"Bearer {session.token}"), *shared))
        return FeedAddress("/smart-stream", (("authorization", session.token), *shared))

    def open_feed(self, session: Session, feed: FeedSpec) -> FeedSession:
        return OrderFeed() if feed.kind is FeedKind.ORDERS else MarketFeed()


def _words(value: Any) -> list[str]:
    found = value if isinstance(value, list) else str(value or "").strip("[]").split(",")
    return [str(word).strip(" \"'") for word in found]


def _stated(body: bytes) -> tuple[str, str]:
    """Code and text of a failure, in the envelope's spelling or the gateway's; empty for a success."""
    try:
        row = Record(parsed(body, NAME), NAME)
        if not any(row.raw(name) in _NO and row.raw(name) is not None for name in ("status", "success")):
            return "", ""
        code = row.text("errorcode", "") or row.text("errorCode", "")
        return code, row.text("message", "")[:300] or "it gave no reason"
    except DecodeError:
        return "", ""


def _nothing(data: Any) -> None:
    del data
