"""One feed kept alive: connect, subscribe in batches, read, notice silence, reconnect, count the gaps."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from openalgo_lab.broker.adapter import ReportSink
from openalgo_lab.broker.spec import (
    BrokerSpec,
    Call,
    FeedAddress,
    FeedSession,
    FeedSpec,
    FrameContent,
    LoginKind,
    Session,
)
from openalgo_lab.model.errors import BrokerError, DecodeError, LabError, SessionExpired, WireError
from openalgo_lab.model.events import FeedState
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.wire.transport import FeedConnection, Transport

__all__ = ["Feed", "FeedMeans"]

_FIRST_DELAY_S: Final = 0.25
_MAX_DELAY_S: Final = 15.0
_RAW_KEPT: Final = 20
_ORDER: Final = (FeedMode.LTP, FeedMode.QUOTE, FeedMode.DEPTH)
_log = logging.getLogger(__name__)

T = TypeVar("T")


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


@dataclass(frozen=True, slots=True)
class FeedMeans:
    """What a feed works with: ``log_in`` gives the live session and, asked with True, a fresh one; ``authorise``
    makes the call that gives an address."""

    transport: Transport
    sink: ReportSink
    log_in: Callable[[bool], Awaitable[Session]]
    authorise: Callable[[Call[FeedAddress]], Awaitable[FeedAddress]]


class Feed:
    """The market-data and order-update socket of one account.

    All methods belong to the engine's loop.
    """

    def __init__(
        self,
        spec: BrokerSpec,
        feed: FeedSpec,
        means: FeedMeans,
    ) -> None:
        self._spec = spec
        self._feed = feed
        self._session: FeedSession | None = None
        self._ready = False
        self._refused = False
        self._transport = means.transport
        self._sink = means.sink
        self._log_in = means.log_in
        self._authorise = means.authorise
        self._wanted: dict[int, tuple[Instrument, FeedMode]] = {}
        self._connection: FeedConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._detail = ""
        self._gaps = 0
        self._failures = 0
        self._sequence = -1
        self._last_frame = 0.0
        self._rate = _Rate()
        self.undecoded: deque[bytes] = deque(maxlen=_RAW_KEPT)
        """The last messages that did not fit, as they came; for the doctor's eyes."""
        self.decode_errors = 0

    # What is wanted --------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect; returns when the first connection stands. Raises WireError or SessionExpired."""
        connection = await self._open()
        self._task = asyncio.get_running_loop().create_task(self._run(connection), name=f"feed-{self._spec.key}")

    async def close(self) -> None:
        """End it for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> None:
        """Add to what is wanted or raise the mode; what the present connection cannot take comes with the next."""
        fresh = [i for i in instruments if self._rank(i) < _ORDER.index(mode)]
        self._wanted.update((i.token, (i, mode)) for i in fresh)
        await self._ask_for(fresh, mode)

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Drop from what is wanted."""
        known = [i for i in instruments if self._wanted.pop(i.token, None) is not None]
        for batch in _batches(known, self._feed.batch):
            if self._session is not None:
                await self._send(self._session.unsubscribe(batch))

    def state(self) -> FeedState:
        """How fresh the feed is now."""
        age_ms = (time.monotonic() - self._last_frame) * 1000 if self._last_frame else -1.0
        return FeedState(
            broker=self._spec.key,
            connected=self._connection is not None,
            age_ms=age_ms,
            ticks_per_s=self._rate.per_second(time.monotonic()),
            symbols=len(self._wanted),
            gaps=self._gaps,
            detail=self._detail,
        )

    def _rank(self, instrument: Instrument) -> int:
        found = self._wanted.get(instrument.token)
        return _ORDER.index(found[1]) if found is not None else -1

    async def _ask_for(self, instruments: Sequence[Instrument], mode: FeedMode) -> None:
        """Subscribe in batches; before the socket's login is accepted nothing is sent."""
        for batch in _batches(instruments, self._feed.batch):
            if self._session is not None and self._ready:
                await self._send(self._session.subscribe(batch, mode))

    async def _send(self, messages: Sequence[str | bytes]) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            for message in messages:
                await connection.send(message)
        except WireError as error:
            # The reading side meets the same end and reconnects with everything that is wanted.
            _log.info("The feed of %s was lost while subscribing: %s", self._spec.key, error)

    # The connection --------------------------------------------------------------------------------------------

    async def _run(self, connection: FeedConnection | None) -> None:
        while True:
            if connection is not None:
                await self._serve(connection)
            if self._refused and self._spec.login is not LoginKind.NONE:
                return
            await asyncio.sleep(self._delay())
            self._failures += 1
            try:
                connection = await self._open()
            except SessionExpired as error:
                connection = None
                self._report(f"The session has ended: {error}")
                if self._spec.login is not LoginKind.NONE:
                    return  # nobody can log in but the user; a new connect() starts a new feed
            except (BrokerError, WireError, DecodeError) as error:
                connection = None
                self._report(f"No connection: {error}")

    def _delay(self) -> float:
        """First try within 250 ms, then doubling; jittered, so that many clients do not come back at once."""
        ceiling = min(_MAX_DELAY_S, _FIRST_DELAY_S * 2**self._failures) if self._failures < 10 else _MAX_DELAY_S
        return random.uniform(ceiling / 4, ceiling)

    async def _open(self) -> FeedConnection:
        session = await self._log_in(False)
        try:
            connection = await self._dial(session)
        except SessionExpired:
            if self._spec.login is not LoginKind.NONE:
                raise
            connection = await self._dial(await self._log_in(True))
        self._connection, self._sequence, self._detail = connection, -1, ""
        self._session = self._spec.codec.open_feed(session, self._feed)
        self._ready = not self._session.needs_ready
        self._last_frame = time.monotonic()
        await self._send(self._session.opened())
        await self._ask_for_all()
        self._report("")
        return connection

    async def _ask_for_all(self) -> None:
        for mode in _ORDER:
            await self._ask_for([i for i, m in self._wanted.values() if m is mode], mode)

    async def _dial(self, session: Session) -> FeedConnection:
        found = self._spec.codec.feed_address(session, self._feed)
        address = await self._authorise(found) if isinstance(found, Call) else found
        return await self._transport.open_feed(address.url_or_path, address.headers, url=self._feed.url)

    async def _serve(self, connection: FeedConnection) -> None:
        """Read until the connection ends, for whatever reason; then say so."""
        try:
            detail = await self._read(connection)
        finally:
            self._connection = None
            await connection.close()
        self._gaps += 1
        self._report(detail)

    async def _read(self, connection: FeedConnection) -> str:
        loop = asyncio.get_running_loop()
        silence_s = self._feed.silence_s
        try:
            async with asyncio.timeout(silence_s or None) as guard:
                async for frame in connection.frames():
                    if silence_s:
                        guard.reschedule(loop.time() + silence_s)
                    content = self._take(frame)
                    if content is not None:
                        await self._answer(content)
        except TimeoutError:
            return f"Nothing was heard for {silence_s:g} s; connecting again."
        except WireError as error:
            return f"The connection was cut ({error}); connecting again."
        except SessionExpired as error:
            self._refused = True
            return f"The session has ended: {error}"
        except LabError as error:
            return f"The broker refused the feed ({error}); connecting again."
        return "The broker closed the connection; connecting again."

    async def _answer(self, content: FrameContent) -> None:
        if content.refused is not None:
            raise content.refused
        await self._send(content.replies)
        if content.ready and not self._ready:
            self._ready = True
            await self._ask_for_all()

    # What is heard ---------------------------------------------------------------------------------------------

    def _take(self, frame: str | bytes) -> FrameContent | None:
        assert self._session is not None
        self._last_frame = time.monotonic()
        self._failures = 0
        try:
            content = self._session.received(frame)
        except DecodeError as error:
            self.decode_errors += 1
            self.undecoded.append(frame if isinstance(frame, bytes) else frame.encode())
            self._gap(f"A message could not be read ({error}).")
            return None
        self._check_sequence(content)
        for batch in content.ticks:
            self._rate.count(len(batch.tokens), self._last_frame)
            self._sink.on_ticks(batch)
        for report in content.reports:
            self._sink.on_report(report)
        if content.notice:
            _log.warning("%s says: %s", self._spec.name, content.notice)
        return content

    def _check_sequence(self, content: FrameContent) -> None:
        if content.sequence < 0:
            return
        expected = self._sequence + bool(content.reports)
        if self._sequence >= 0 and content.sequence != expected:
            self._gap("An order message was missed.")
        self._sequence = content.sequence

    def _gap(self, detail: str) -> None:
        self._gaps += 1
        self._report(detail)

    def _report(self, detail: str) -> None:
        self._detail = detail
        self._sink.on_feed(self.state())


class _Rate:
    """Ticks a second, over the last full second."""

    __slots__ = ("_count", "_last", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._count = 0
        self._last = 0

    def count(self, ticks: int, now: float) -> None:
        self._turn(int(now))
        self._count += ticks

    def per_second(self, now: float) -> float:
        self._turn(int(now))
        return float(self._last)

    def _turn(self, second: int) -> None:
        if second != self._second:
            self._last = self._count if second == self._second + 1 else 0
            self._count = 0
            self._second = second
