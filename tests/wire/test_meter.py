"""Counting what passes: names without ids and secrets, bytes, ends, percentiles; feeds by the burst."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence

import pytest

from openalgo_lab.wire.meter import CallEnd, MeteredFeeds, TrafficMeter
from openalgo_lab.wire.transport import FeedConnection, HttpRequest, HttpResponse


def asked(path: str, body: bytes = b"") -> HttpRequest:
    return HttpRequest("POST", path, body=body)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/orders/regular", "POST /orders/regular"),
        ("/orders/regular/2511250001234?key=SECRET", "POST /orders/regular/*"),
        ("/v2/positions", "POST /v2/positions"),
        ("/order/B17C-99A0/trades", "POST /order/*/trades"),
        ("/gtt/triggers/42", "POST /gtt/triggers/*"),
    ],
)
def test_an_endpoint_is_named_without_ids_and_secrets(path: str, name: str) -> None:
    meter = TrafficMeter()
    meter.call(asked(path), CallEnd.ANSWERED, ms=1.0)
    assert list(meter.endpoints) == [name]


def test_every_end_is_counted() -> None:
    meter = TrafficMeter()
    answer = HttpResponse(200, (), b"12345")
    meter.call(asked("/o", b"abc"), CallEnd.ANSWERED, ms=2.0, response=answer)
    meter.call(asked("/o"), CallEnd.REFUSED, ms=4.0, waited_ms=7.0, response=answer)
    meter.call(asked("/o"), CallEnd.FAILED, ms=10.0)
    meter.call(asked("/o"), CallEnd.THROTTLED)
    point = meter.endpoints["POST /o"]
    assert (point.requests, point.answers, point.refused, point.failed, point.throttled) == (3, 2, 1, 1, 1)
    assert (point.sent_bytes, point.received_bytes, point.waited_ms) == (3 + 3 * 2, 10, 7.0)
    assert point.percentiles((0.5, 0.99)) == (4.0, 10.0)
    assert all(math.isnan(one) for one in TrafficMeter()._endpoint("x").percentiles((0.5,)))


def test_names_do_not_grow_without_bound() -> None:
    meter = TrafficMeter()
    for number in range(300):
        meter.call(asked(f"/word{chr(97 + number % 26)}{'x' * (number // 26)}"), CallEnd.ANSWERED, ms=1.0)
    assert len(meter.endpoints) <= 101
    assert sum(point.requests for point in meter.endpoints.values()) == 300


class Wire(FeedConnection):
    def __init__(self) -> None:
        self.said: list[str | bytes] = []

    async def send(self, message: str | bytes) -> None:
        self.said.append(message)

    async def frames(self) -> AsyncIterator[str | bytes]:
        for frame in (b"1234", "56"):
            yield frame

    async def bursts(self) -> AsyncIterator[Sequence[str | bytes]]:
        yield (b"1234", "56")

    async def close(self) -> None:
        self.said.append("closed")


class Transport:
    def __init__(self) -> None:
        self.wire = Wire()

    async def request(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        return HttpResponse(200, (), b"")

    async def open_feed(self, path: str, headers: tuple[tuple[str, str], ...] = (), *, url: str = "") -> FeedConnection:
        return self.wire

    async def close(self) -> None:
        self.wire.said.append("all closed")


async def test_a_feed_is_counted_by_the_burst_and_its_name_holds_no_token() -> None:
    meter, inner = TrafficMeter(), Transport()
    feeds = MeteredFeeds(inner, meter)
    connection = await feeds.open_feed("wss://feed.example/v3?token=SECRET")
    await connection.send("hello")
    assert [len(burst) async for burst in connection.bursts()] == [2]
    assert [frame async for frame in connection.frames()] == [b"1234", "56"]
    await connection.close()
    assert (await feeds.request(asked("/o"), timeout_s=1)).status == 200
    await feeds.close()
    assert inner.wire.said == ["hello", "closed", "all closed"]
    (name,) = meter.endpoints
    point = meter.endpoints[name]
    assert name == "feed feed.example/v3"
    assert (point.feed, point.requests, point.sent_bytes, point.answers, point.received_bytes) == (True, 1, 5, 4, 12)
