"""The exchange's API as values: sessions, errors, the feed's messages; nothing that comes in raises."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.sim.endpoint import Endpoint, Unauthorised
from openalgo_lab.sim.records import Records
from openalgo_lab.sim.tape import DEPTH, LTP, QUOTE, UNKNOWN
from openalgo_lab.sim.venue import Venue
from openalgo_lab.wire.transport import HttpRequest, HttpResponse
from tests.sim.fake_market import NIFTY, SBIN, SUZLON, FakeMarket

TICKET = {"tok": SBIN, "bs": "B", "prd": "INT", "typ": "LMT", "qty": 5, "px": 8010000, "tag": "T1"}


class Client:
    """A logged-in client of an endpoint."""

    def __init__(self, endpoint: Endpoint, name: str = "ME") -> None:
        self.endpoint = endpoint
        self.name = name
        self.headers: tuple[tuple[str, str], ...] = ()
        body = self.ask("POST", "/session", {"client": name})
        self.headers = (("authorization", f"Bearer {body['bearer']}"),)

    def send(self, method: str, path: str, body: Any = None) -> HttpResponse:
        content = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self.endpoint.handle(HttpRequest(method, path, self.headers, content))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        response = self.send(method, path, body)
        assert response.status == 200, response.body
        return msgspec.json.decode(response.body)

    def refusal(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        response = self.send(method, path, body)
        return response.status, msgspec.json.decode(response.body)["err"]["code"]


@pytest.fixture
def market() -> FakeMarket:
    return FakeMarket()


@pytest.fixture
def endpoint(market: FakeMarket) -> Endpoint:
    return Endpoint(Venue(market, Records(":memory:"), clock=market.clock))


@pytest.fixture
def me(endpoint: Endpoint) -> Client:
    return Client(endpoint)


def test_an_order_goes_its_way(me: Client, endpoint: Endpoint) -> None:
    number = me.ask("POST", "/orders", TICKET)["id"]
    endpoint.venue.run_due(10**12)
    (row,) = me.ask("GET", "/orders")
    assert (row["id"], row["st"], row["fq"], row["ap"], row["tag"]) == (number, "FULL", 5, 8000500, "T1")
    (trade,) = me.ask("GET", "/trades")
    assert (trade["ord"], trade["qty"], trade["px"]) == (number, 5, 8000500)
    (position,) = me.ask("GET", "/positions")
    assert (position["net"], position["ap"]) == (5, 8000500)
    funds = me.ask("GET", "/funds")
    assert funds["avail"] + funds["used"] == 1_00_00_000_00
    assert me.ask("GET", f"/orders/{number}") == row


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/orders", b"{", 400, "BODY"),
        ("POST", "/orders", b'{"typ":"LMT"}', 400, "BODY"),
        ("POST", "/orders", {**TICKET, "extra": 1}, 400, "BODY"),
        ("POST", "/orders", {**TICKET, "typ": "MARKET"}, 400, "TYPE"),
        ("POST", "/orders", {**TICKET, "prd": "MIS"}, 400, "PRODUCT"),
        ("POST", "/orders", {**TICKET, "val": "GTC"}, 400, "VALIDITY"),
        ("POST", "/orders", {**TICKET, "px": 8010001}, 400, "TICK"),
        ("POST", "/orders", {**TICKET, "tok": 10**18}, 400, "LISTING"),
        ("PUT", "/orders/SX0000000009", {"typ": "LMT", "qty": 1}, 404, "NO_ORDER"),
        ("DELETE", "/orders/9", None, 404, "NO_ORDER"),
        ("GET", "/depth/x", None, 400, "LISTING"),
        ("POST", "/quotes", {"toks": [SBIN, 999]}, 400, "ARGUMENT"),
        ("POST", "/quotes", {"toks": [-1]}, 400, "LISTING"),
        ("GET", "/history?tok=2&iv=7m&from=1&to=2", None, 400, "ARGUMENT"),
        ("GET", "/history?tok=2", None, 400, "ARGUMENT"),
        ("GET", "/nothing", None, 404, "ROUTE"),
        ("PATCH", "/orders", None, 404, "ROUTE"),
    ],
)
def test_errors_have_a_status_and_a_code(me: Client, method: str, path: str, body: Any, status: int, code: str) -> None:
    assert me.refusal(method, path, body) == (status, code)


def test_an_ended_order_is_a_conflict(me: Client) -> None:
    number = me.ask("POST", "/orders", TICKET)["id"]
    me.ask("DELETE", f"/orders/{number}")
    assert me.refusal("DELETE", f"/orders/{number}") == (409, "DONE")


def test_a_body_has_a_size(me: Client) -> None:
    assert me.refusal("POST", "/orders", b" " * (1 << 21)) == (413, "BODY")


@pytest.mark.parametrize("name", ["", "a b", "x" * 40, "a|b"])
def test_a_client_id_has_a_form(endpoint: Endpoint, name: str) -> None:
    request = HttpRequest("POST", "/session", body=msgspec.json.encode({"client": name}))
    assert endpoint.handle(request).status == 401


def test_without_a_live_token_nothing_is_said(me: Client, endpoint: Endpoint) -> None:
    endpoint.expire_tokens()
    assert me.refusal("GET", "/funds") == (401, "SESSION")
    assert me.refusal("POST", "/orders", TICKET) == (401, "SESSION")
    with pytest.raises(Unauthorised):
        endpoint.authorise(me.headers)
    me.headers = (("authorization", "Bearer ME:0"),)
    assert me.refusal("GET", "/funds") == (401, "SESSION")


def test_a_token_outlives_a_restart_and_dies_at_midnight(me: Client, market: FakeMarket) -> None:
    again = Endpoint(Venue(market, Records(":memory:"), clock=market.clock))
    assert again.authorise(me.headers) == "ME"
    market.clock.advance(14 * 3600 * 10**9)  # type: ignore[union-attr]
    with pytest.raises(Unauthorised):
        again.authorise(me.headers)


def test_a_client_sees_its_own_orders_only(me: Client, endpoint: Endpoint) -> None:
    number = me.ask("POST", "/orders", TICKET)["id"]
    other = Client(endpoint, "OTHER")
    assert other.ask("GET", "/orders") == []
    assert other.refusal("DELETE", f"/orders/{number}") == (404, "NO_ORDER")


def test_instruments_quotes_depth_history(me: Client, market: FakeMarket) -> None:
    rows = me.ask("GET", "/instruments")
    assert [row["sym"] for row in rows] == [i.symbol for i in market.listed]
    assert rows[4] | {"name": ""} == {
        "tok": 5, "seg": "NF", "sym": "NIFTY26NOV2624000CE", "kind": "CALL", "name": "", "lot": 75, "tick": 500,
        "frz": 1800, "und": "NIFTY", "exp": "2026-11-26", "stk": 240000000, "alias": "",
    }  # fmt: skip
    (quote,) = me.ask("POST", "/quotes", {"toks": [SBIN]})
    assert quote[:3] == [SBIN, market.now_ns() // 1000, 800.0]
    assert None in quote  # what is not known is null
    depth = me.ask("GET", f"/depth/{SBIN}")
    assert [level[1] for level in depth["b"]] == [100] * 5
    now = market.now_ns() // 1000
    bars = me.ask("GET", f"/history?tok={SBIN}&iv=1m&from={now - 300_000_000}&to={now}")
    assert len(bars["t"]) == 5
    assert [len(column) for column in bars["ohlcvi"]] == [5] * 6


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(["/orders", "/orders/SX0000000001", "/quotes", "/depth/2", "/history?tok=2&iv=1m&from=a&to=b"]),
    ),
    st.one_of(
        st.binary(max_size=40),
        st.dictionaries(
            st.sampled_from([*TICKET, "toks", "client"]),
            st.one_of(st.integers(), st.text(max_size=5), st.none(), st.lists(st.integers(), max_size=3), st.floats()),
        ).map(msgspec.json.encode),
    ),
)
def test_whatever_is_asked_there_is_an_answer(method: str, path: str, body: bytes) -> None:
    market = FakeMarket()
    me = Client(Endpoint(Venue(market, Records(":memory:"), clock=market.clock)))
    response = me.send(method, path, body)
    if response.status != 200:
        error = msgspec.json.decode(response.body)["err"]
        assert error["code"]
        assert error["text"].endswith((".", "’", "!")) or error["text"]


# Feed ---------------------------------------------------------------------------------------------------------------


def subscribe(endpoint: Endpoint, reader: Any, mode: str, *tokens: int) -> None:
    endpoint.hear(reader, msgspec.json.encode({"op": "sub", "mode": mode, "toks": tokens}))
    endpoint.step()


def records_of(frame: bytes) -> tuple[int, np.ndarray[Any, Any]]:
    magic, version, kind, count, _ = struct.unpack_from("<2sBBIQ", frame)
    assert (magic, version) == (b"SX", 1)
    rows = np.frombuffer(frame, dtype="<i8", offset=16).reshape(count, -1)
    return kind, rows


@pytest.mark.parametrize(("mode", "kind", "width"), [("P", LTP, 3), ("Q", QUOTE, 16), ("D", DEPTH, 36)])
def test_a_frame_has_its_layout(endpoint: Endpoint, me: Client, mode: str, kind: int, width: int) -> None:
    reader = endpoint.join("ME")
    reader.take(endpoint.tape)
    subscribe(endpoint, reader, mode, SBIN, NIFTY)
    (frame,) = reader.take(endpoint.tape)
    assert isinstance(frame, bytes)
    found, rows = records_of(frame)
    assert (found, rows.shape) == (kind, (2, width))
    by_token = {int(row[0]): row for row in rows}
    assert by_token[SBIN][2] == 8000000
    if kind != LTP:
        assert by_token[SBIN][7] == UNKNOWN  # the fake market knows no opening price


def test_only_what_changed_is_sent_and_a_slow_reader_gets_the_newest(endpoint: Endpoint, market: FakeMarket) -> None:
    reader = endpoint.join("ME")
    subscribe(endpoint, reader, "Q", SBIN, SUZLON)
    reader.take(endpoint.tape)
    endpoint.step()
    assert not reader.waiting
    for price in (801.0, 802.0, 803.0):
        market.prices[SBIN] = price
        endpoint.step()
    (frame,) = reader.take(endpoint.tape)
    assert isinstance(frame, bytes)
    _, rows = records_of(frame)
    assert [(int(row[0]), int(row[2])) for row in rows] == [(SBIN, 8030000)]


def test_a_reader_of_last_prices_is_not_woken_by_the_book(endpoint: Endpoint, market: FakeMarket) -> None:
    reader = endpoint.join("ME")
    subscribe(endpoint, reader, "P", SBIN)
    reader.take(endpoint.tape)
    market.spread_ticks = 3
    endpoint.step()
    assert not reader.waiting


def test_modes_rise_and_subscriptions_end(endpoint: Endpoint, market: FakeMarket) -> None:
    reader, other = endpoint.join("ME"), endpoint.join("OTHER")
    subscribe(endpoint, reader, "P", SBIN)
    subscribe(endpoint, other, "D", SBIN)
    reader.take(endpoint.tape)
    other.take(endpoint.tape)
    subscribe(endpoint, reader, "D", SBIN)
    (frame,) = reader.take(endpoint.tape)
    assert isinstance(frame, bytes)
    assert records_of(frame)[0] == DEPTH
    assert not other.waiting
    endpoint.hear(reader, b'{"op":"unsub","toks":[2]}')
    endpoint.leave(other)
    market.prices[SBIN] = 805.0
    endpoint.step()
    assert not reader.waiting


@pytest.mark.parametrize("mode", ["Q", "D"])
def test_a_change_that_comes_with_a_new_subscription_is_not_lost(
    endpoint: Endpoint, market: FakeMarket, mode: str
) -> None:
    reader, other = endpoint.join("ME"), endpoint.join("OTHER")
    subscribe(endpoint, reader, mode, SBIN)
    reader.take(endpoint.tape)
    market.prices[SBIN] = 804.0
    subscribe(endpoint, other, "D", NIFTY, SUZLON)
    (frame,) = reader.take(endpoint.tape)
    assert isinstance(frame, bytes)
    assert records_of(frame)[1][0, 2] == 8040000
    market.spread_ticks = 3
    subscribe(endpoint, other, "P", 7)
    (frame,) = reader.take(endpoint.tape)
    assert isinstance(frame, bytes)
    subscribe(endpoint, other, "P", 4)
    assert not reader.waiting, "what did not change is not sent again"


def test_orders_are_told_in_sequence_and_never_dropped(endpoint: Endpoint, me: Client) -> None:
    reader = endpoint.join("ME")
    hello = msgspec.json.decode(reader.take(endpoint.tape)[0])
    assert (hello["k"], hello["n"]) == ("hello", 0)
    for _ in range(50):
        me.ask("POST", "/orders", TICKET)
    endpoint.venue.run_due(10**12)
    messages = [msgspec.json.decode(m) for m in reader.take(endpoint.tape)]
    assert [m["n"] for m in messages] == list(range(1, 151))
    assert sum(m["k"] == "trd" for m in messages) == 50
    endpoint.beat()
    assert msgspec.json.decode(reader.take(endpoint.tape)[0])["n"] == 150


@pytest.mark.parametrize("message", [b"", b"[]", b'{"op":"sub","toks":[2]}', b'{"op":"dance","toks":[]}', b"\xff\xfe"])
def test_a_message_that_is_not_understood_is_answered(endpoint: Endpoint, message: bytes) -> None:
    reader = endpoint.join("ME")
    reader.take(endpoint.tape)
    endpoint.hear(reader, message)
    assert msgspec.json.decode(reader.take(endpoint.tape)[0])["k"] == "no"


def test_unlisted_tokens_are_named_and_the_rest_is_served(endpoint: Endpoint) -> None:
    reader = endpoint.join("ME")
    reader.take(endpoint.tape)
    subscribe(endpoint, reader, "P", SBIN, 999)
    answer, frame = reader.take(endpoint.tape)
    assert msgspec.json.decode(answer)["toks"] == [999]
    assert isinstance(frame, bytes)
