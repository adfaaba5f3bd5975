"""The feed that keeps itself alive: stalls, cuts, gaps, sessions, and what it asks for again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from brokers.simulated import SPEC
from openalgo_lab.broker import BrokerSpec, Call, LoginKind, Session
from openalgo_lab.broker.feed import Feed, FeedMeans
from openalgo_lab.model.errors import SessionExpired, WireError
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.sim.faults import Act, Fault, Flow
from openalgo_lab.wire.transport import FeedConnection, HttpRequest, HttpResponse
from tests.brokers.simulated.exchange import SHARE, Sink, intent, listed, rig, tokens_seen, until
from tests.sim.fake_market import INSTRUMENTS, NIFTY, SBIN


def with_feed(**what: Any) -> BrokerSpec:
    """The simulated exchange with other facts about its feed."""
    return msgspec.structs.replace(SPEC, feeds=(msgspec.structs.replace(SPEC.feeds[0], **what),))


QUICK = with_feed(silence_s=0.2)


def hello(number: int = 0) -> str:
    return f'{{"k":"hello","n":{number}}}'


class Connection(FeedConnection):
    """A feed connection that says what the test puts into it."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.closed = False
        self._said: asyncio.Queue[str | bytes | Exception | None] = asyncio.Queue()

    def say(self, *messages: str | bytes | Exception | None) -> None:
        """None ends the connection, an exception cuts it."""
        for message in messages:
            self._said.put_nowait(message)

    async def send(self, message: str | bytes) -> None:
        if self.closed:
            raise WireError("closed")
        self.sent.append(msgspec.json.decode(message))

    async def frames(self) -> AsyncIterator[str | bytes]:
        while (message := await self._said.get()) is not None:
            if isinstance(message, Exception):
                raise message
            yield message

    async def close(self) -> None:
        self.closed = True

    def asked(self) -> list[tuple[str, str, list[int]]]:
        return [(m["op"], m.get("mode", ""), m["toks"]) for m in self.sent]


class Wire:
    """A transport whose feeds open as scripted."""

    def __init__(self) -> None:
        self.opened: list[Connection] = []
        self.refusals: list[Exception] = []

    async def request(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        raise AssertionError("a feed makes no requests")

    async def open_feed(self, path: str, headers: tuple[tuple[str, str], ...] = (), *, url: str = "") -> Connection:
        if self.refusals:
            raise self.refusals.pop(0)
        self.opened.append(Connection())
        return self.opened[-1]

    async def close(self) -> None: ...


async def no_call(call: Call[Any]) -> Any:
    raise AssertionError("the simulated exchange's feed has a fixed address")


class Stage:
    """A feed on a scripted wire."""

    def __init__(self, spec: BrokerSpec) -> None:
        self.wire, self.sink = Wire(), Sink()
        self.logins: list[bool] = []
        means = FeedMeans(self.wire, self._log_in, no_call, self.sink.on_ticks, self.sink.on_report, self._changed)
        self.feed = Feed(spec, spec.feeds[0], means)

    def _changed(self) -> None:
        self.sink.on_feed(self.feed.state())

    async def _log_in(self, fresh: bool) -> Session:
        self.logins.append(fresh)
        return Session("ME", "token")

    @property
    def line(self) -> Connection:
        return self.wire.opened[-1]


@pytest.fixture
async def staged() -> AsyncIterator[Callable[[BrokerSpec], Stage]]:
    stages: list[Stage] = []

    def make(spec: BrokerSpec = QUICK) -> Stage:
        stages.append(Stage(spec))
        return stages[-1]

    yield make
    for stage in stages:
        await stage.feed.close()


async def test_the_first_connection_that_fails_is_the_callers(staged: Callable[..., Stage]) -> None:
    stage = staged()
    stage.wire.refusals = [WireError("nobody there")]
    with pytest.raises(WireError):
        await stage.feed.start()


@pytest.mark.parametrize("end", [None, WireError("cut")])
async def test_a_lost_connection_comes_back_with_all_that_was_wanted(staged: Callable[..., Stage], end: Any) -> None:
    stage = staged(with_feed(silence_s=0.2, batch=2))
    await stage.feed.start()
    await stage.feed.subscribe(INSTRUMENTS[:3], FeedMode.QUOTE)
    await stage.feed.subscribe(INSTRUMENTS[2:4], FeedMode.DEPTH)
    await stage.feed.unsubscribe(INSTRUMENTS[:1])
    stage.line.say(hello(), end)
    await until(lambda: len(stage.wire.opened) == 2)
    first, second = stage.wire.opened
    assert first.asked() == [
        ("sub", "Q", [1, 2]),
        ("sub", "Q", [3]),
        ("sub", "D", [3, 4]),
        ("unsub", "", [1]),
    ]
    assert first.closed
    assert second.asked() == [("sub", "Q", [2]), ("sub", "D", [3, 4])]
    assert [state.connected for state in stage.sink.feeds] == [True, False, True]
    assert stage.feed.state().gaps == 1
    assert stage.feed.state().symbols == 3


async def test_silence_is_a_stall(staged: Callable[..., Stage]) -> None:
    stage = staged()
    await stage.feed.start()
    stage.line.say(hello())
    await until(lambda: len(stage.wire.opened) == 2)
    assert "Nothing was heard for 0.2 s" in stage.sink.feeds[1].detail


async def test_heartbeats_keep_it(staged: Callable[..., Stage]) -> None:
    stage = staged()
    await stage.feed.start()
    for _ in range(8):
        stage.line.say('{"k":"hb","n":0}')
        await asyncio.sleep(0.05)
    assert len(stage.wire.opened) == 1
    assert stage.feed.state().gaps == 0


async def test_it_tries_again_until_somebody_is_there(staged: Callable[..., Stage]) -> None:
    stage = staged()
    await stage.feed.start()
    stage.wire.refusals = [WireError("down"), WireError("still down")]
    stage.line.say(None)
    await until(lambda: len(stage.wire.opened) == 2)
    details = [state.detail for state in stage.sink.feeds]
    assert [("No connection" in detail) for detail in details] == [False, False, True, True, False]


async def test_a_raised_mode_is_asked_once_and_a_lower_one_never(staged: Callable[..., Stage]) -> None:
    stage = staged()
    await stage.feed.start()
    for mode in (FeedMode.LTP, FeedMode.DEPTH, FeedMode.QUOTE, FeedMode.DEPTH):
        await stage.feed.subscribe([SHARE], mode)
    assert [mode for _, mode, _ in stage.line.asked()] == ["P", "D"]


async def test_a_send_into_a_dead_connection_is_made_good_by_the_next(staged: Callable[..., Stage]) -> None:
    stage = staged()
    await stage.feed.start()
    stage.line.closed = True
    await stage.feed.subscribe([SHARE], FeedMode.LTP)
    stage.line.say(None)
    await until(lambda: len(stage.wire.opened) == 2)
    assert stage.line.asked() == [("sub", "P", [SBIN])]


ORDER = (
    '{"k":"ord","n":%d,"row":{"id":"SX0000000001","seg":"NC","sym":"SBIN","bs":"B","prd":"INT","typ":"LMT","qty":1,'
    '"px":1,"tpx":0,"st":"%s","fq":0,"ap":0,"msg":"","tag":"","t1":1}}'
)


@pytest.mark.parametrize(
    ("messages", "gaps"),
    [
        ((hello(5), ORDER % (6, "WORK"), ORDER % (7, "CNCL"), '{"k":"hb","n":7}'), 0),
        ((hello(5), ORDER % (7, "WORK")), 1),
        ((hello(5), ORDER % (6, "WORK"), '{"k":"hb","n":8}'), 1),
        ((hello(5), ORDER % (6, "NEWS"), ORDER % (7, "WORK")), 2),
        ((hello(0), b"garbage", '{"k":"hb","n":0}'), 1),
    ],
)
async def test_a_missed_or_unreadable_order_message_is_a_gap(
    staged: Callable[..., Stage], messages: tuple[str | bytes, ...], gaps: int
) -> None:
    stage = staged()
    await stage.feed.start()
    stage.line.say(*messages)
    await asyncio.sleep(0.05)
    assert stage.feed.state().gaps == gaps
    assert len(stage.wire.opened) == 1, "the connection survives what it cannot read"
    assert len(stage.sink.feeds) == 1 + gaps


async def test_what_could_not_be_read_is_counted_and_kept(staged: Callable[..., Stage]) -> None:
    stage = staged()
    await stage.feed.start()
    stage.line.say(*[f"junk {n}" for n in range(30)])
    await until(lambda: stage.feed.sockets[0].decode_errors == 30)
    assert list(stage.feed.sockets[0].undecoded)[-1] == b"junk 29"
    assert len(stage.feed.sockets[0].undecoded) == 20


async def test_a_dead_session_is_renewed_where_that_needs_nobody(staged: Callable[..., Stage]) -> None:
    stage = staged()
    await stage.feed.start()
    stage.wire.refusals = [SessionExpired("gone")]
    stage.line.say(None)
    await until(lambda: len(stage.wire.opened) == 2)
    assert stage.logins == [False, False, True]


async def test_a_dead_session_stops_where_only_the_user_can_log_in(staged: Callable[..., Stage]) -> None:
    stage = staged(msgspec.structs.replace(QUICK, login=LoginKind.REDIRECT))
    await stage.feed.start()
    stage.wire.refusals = [SessionExpired("gone")]
    stage.line.say(None)
    await until(lambda: "session has ended" in stage.feed.state().detail)
    await asyncio.sleep(0.4)
    assert len(stage.wire.opened) == 1
    assert True not in stage.logins


@pytest.mark.parametrize("act", [Act.CUT, Act.STALL])
async def test_over_real_sockets_it_reconnects_and_resubscribes(act: Act) -> None:
    async with rig("proxied") as made:
        assert made.proxy is not None
        made.adapter.spec = with_feed(silence_s=1.0)
        await made.adapter.connect(made.sink)
        await made.adapter.subscribe(listed(SBIN, NIFTY), FeedMode.QUOTE)
        await until(lambda: tokens_seen(made.sink) == {SBIN, NIFTY})
        made.sink.batches.clear()  # the index stands still: it is seen again only after a new subscription
        made.proxy.schedule(Fault(act, Flow.TO_CLIENT, 10))
        await made.adapter.subscribe(listed(SBIN), FeedMode.DEPTH)  # what the client sends next arms it
        await until(lambda: made.sink.feeds[-1].connected and made.sink.feeds[-1].gaps >= 1)
        await until(lambda: tokens_seen(made.sink) == {SBIN, NIFTY})
        await made.adapter.place(intent(), SHARE)


async def test_an_adapter_that_is_not_connected_says_so() -> None:
    async with rig("in_process", connect=False) as made:
        assert made.adapter.feed_state().connected is False
        with pytest.raises(SessionExpired, match="connect first"):
            await made.adapter.subscribe([SHARE], FeedMode.LTP)
