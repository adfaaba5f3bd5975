"""One websocket of a feed, kept alive: connect, wait until it is ready, subscribe in batches, read, notice silence,
connect again, count the gaps."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from openalgo_lab.broker.arrival import timed
from openalgo_lab.broker.rate import TickRate
from openalgo_lab.broker.silence import Unheard
from openalgo_lab.broker.spec import (
    BrokerSpec,
    Call,
    DeepBook,
    FeedAddress,
    FeedMessage,
    FeedSession,
    FeedSpec,
    FrameContent,
    LoginKind,
    Session,
)
from openalgo_lab.model.errors import BrokerError, DecodeError, LabError, SessionExpired, WireError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.reports import Report
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.wire.transport import FeedConnection, Transport

__all__ = ["FeedMeans", "FeedSocket"]

_FIRST_DELAY_S: Final = 0.25
_MAX_DELAY_S: Final = 15.0
_READY_S: Final = 10.0
_RAW_KEPT: Final = 20
_ORDER: Final = (FeedMode.LTP, FeedMode.QUOTE, FeedMode.DEPTH)
_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FeedMeans:
    """What a socket works with.

    ``log_in`` gives the live session and, asked with True, a fresh one; ``call`` makes a REST call of the broker's;
    ``ticks``, ``reports``, ``books`` and ``changed`` hear what comes.
    """

    transport: Transport
    log_in: Callable[[bool], Awaitable[Session]]
    call: Callable[[Call[Any]], Awaitable[Any]]
    ticks: Callable[[TickBatch], None]
    reports: Callable[[Report], None]
    changed: Callable[[], None]
    books: Callable[[DeepBook], None] = lambda _: None


class FeedSocket:
    """All methods belong to the engine's loop. ``detail`` says in a sentence what is wrong, "" when nothing is."""

    def __init__(self, spec: BrokerSpec, feed: FeedSpec, means: FeedMeans) -> None:
        self._spec = spec
        self._feed = feed
        self._means = means
        self._session: FeedSession | None = None
        self._connection: FeedConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = False
        self._failures = 0
        self._sequence = -1
        self._last_frame = 0.0
        self._unheard = Unheard()
        self.wanted: dict[int, tuple[Instrument, FeedMode]] = {}
        self.rate = TickRate()
        self.detail = ""
        self.gaps = 0
        self.expired = False
        """Whether the broker refused the session: it does not come back by itself."""
        self.undecoded: deque[bytes] = deque(maxlen=_RAW_KEPT)
        """The last messages that did not fit, as they came; for the doctor's eyes."""
        self.decode_errors = 0

    # What is wanted --------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect; returns when the first connection stands. Raises WireError or SessionExpired."""
        self._spawn(await self._open())

    def begin(self) -> None:
        """Connect in the background, again and again until it stands."""
        self._spawn(None)

    async def close(self) -> None:
        """End it for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> None:
        """Add to what is wanted or raise the mode; what the present connection cannot take comes with the next."""
        fresh = [i for i in instruments if self._rank(i) < _ORDER.index(mode)]
        self.wanted.update((i.token, (i, mode)) for i in fresh)
        await self._ask_for(fresh, mode)

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Drop from what is wanted."""
        known = [i for i in instruments if self.wanted.pop(i.token, None) is not None]
        self._unheard.forget(i.token for i in known)
        for batch in _batches(known, self._feed.batch):
            if self._session is not None and self._ready:
                await self._send(self._session.unsubscribe(batch))

    @property
    def connected(self) -> bool:
        """Whether a connection stands and takes subscriptions."""
        return self._connection is not None and self._ready

    @property
    def age_ms(self) -> float:
        """Milliseconds since the last message; -1 before the first connection."""
        return (time.monotonic() - self._last_frame) * 1000 if self._last_frame else -1.0

    def _rank(self, instrument: Instrument) -> int:
        found = self.wanted.get(instrument.token)
        return _ORDER.index(found[1]) if found is not None else -1

    async def _ask_for(self, instruments: Sequence[Instrument], mode: FeedMode) -> None:
        """Subscribe in batches; before the socket's login is accepted nothing is sent."""
        for batch in _batches(instruments, self._feed.batch):
            if self._session is not None and self._ready:
                self._unheard.asked([i.token for i in batch], time.monotonic())
                await self._send(self._session.subscribe(batch, mode))

    async def _ask_for_all(self) -> None:
        for mode in _ORDER:
            try:
                await self._ask_for([i for i, m in self.wanted.values() if m is mode], mode)
            except LabError as error:  # it was refused when it was first asked; the rest must still be live
                _log.warning("%s does not carry a part of what is wanted in mode %s: %s", self._spec.name, mode, error)

    async def _send(self, messages: Sequence[FeedMessage]) -> None:
        """Send on the socket, or by REST.

        A lost socket is met by the reading side, which asks for all again; a failed call by the watch over symbols.
        """
        connection = self._connection
        if connection is None:
            return
        try:
            for message in messages:
                if isinstance(message, Call):
                    content = await self._means.call(message)
                    self._deliver(content)
                    await self._send(content.replies)
                else:
                    await connection.send(message)
        except (WireError, BrokerError, DecodeError) as error:
            _log.info("The %s feed of %s did not take a message: %s", self._feed.name, self._spec.key, error)

    # The connection --------------------------------------------------------------------------------------------

    def _spawn(self, connection: FeedConnection | None) -> None:
        name = f"feed-{self._spec.key}-{self._feed.name}"
        self._task = asyncio.get_running_loop().create_task(self._run(connection), name=name)

    async def _run(self, connection: FeedConnection | None) -> None:
        at_once = connection is None
        while True:
            if connection is not None:
                await self._serve(connection)
                if self._ended():
                    return
            await asyncio.sleep(0.0 if at_once else self._delay())
            at_once = False
            self._failures += 1
            try:
                connection = await self._open()
            except SessionExpired as error:
                connection, self.expired = None, True
                self._report(f"The session has ended: {error}")
                if self._ended():
                    return
            except LabError as error:
                connection = None
                self._report(f"No connection: {error}")

    def _ended(self) -> bool:
        """Whether nobody but the user can log in again; a new connect() starts a new feed."""
        return self.expired and self._spec.login is not LoginKind.NONE

    def _delay(self) -> float:
        """First try within 250 ms, then doubling; jittered, so that many clients do not come back at once."""
        ceiling = min(_MAX_DELAY_S, _FIRST_DELAY_S * 2**self._failures) if self._failures < 10 else _MAX_DELAY_S
        return random.uniform(ceiling / 4, ceiling)

    async def _open(self) -> FeedConnection:
        session = await self._means.log_in(self.expired)
        try:
            connection = await self._dial(session)
        except SessionExpired:
            if self._spec.login is not LoginKind.NONE:
                raise
            session = await self._means.log_in(True)
            connection = await self._dial(session)
        self._connection, self._sequence, self.detail, self.expired = connection, -1, "", False
        self._session = self._spec.codec.open_feed(session, self._feed)
        self._ready = not self._session.needs_ready
        self._last_frame = time.monotonic()
        self._unheard.clear()
        self._report("")
        await self._send(self._session.opened())
        await self._ask_for_all()
        return connection

    async def _dial(self, session: Session) -> FeedConnection:
        found = self._spec.codec.feed_address(session, self._feed)
        address: FeedAddress = await self._means.call(found) if isinstance(found, Call) else found
        return await self._means.transport.open_feed(address.url_or_path, address.headers, url=self._feed.url)

    async def _serve(self, connection: FeedConnection) -> None:
        """Read until the connection ends, for whatever reason; then say so."""
        helper = asyncio.get_running_loop().create_task(self._tend(connection), name="feed-tend")
        try:
            detail = await self._read(connection)
        finally:
            self._connection, self._ready = None, False
            helper.cancel()
            await asyncio.gather(helper, return_exceptions=True)
            await connection.close()
        self.gaps += 1
        self._report(detail)

    async def _tend(self, connection: FeedConnection) -> None:
        """Send pings, ask again for symbols that were never heard, end a connection that never became ready."""
        began = pinged = time.monotonic()
        every = min(self._feed.ping_s or 1.0, 1.0)
        while True:
            await asyncio.sleep(every)
            now = time.monotonic()
            if not self._ready and now - began > _READY_S:
                await connection.close()
                return
            if self._feed.ping_s and now - pinged >= self._feed.ping_s and self._session is not None:
                pinged, ping = now, self._session.ping()
                await self._send(() if ping is None else (ping,))
            await self._ask_again(now)

    async def _ask_again(self, now: float) -> None:
        """A subscription that brought nothing is sent once more: some are lost without a word."""
        silent = [self.wanted[token] for token in self._unheard.due(now) if token in self.wanted]
        for mode in _ORDER:
            await self._ask_for([i for i, m in silent if m is mode], mode)

    async def _read(self, connection: FeedConnection) -> str:
        loop = asyncio.get_running_loop()
        silence_s = self._feed.silence_s
        try:
            async with asyncio.timeout(silence_s or None) as guard:
                async for burst in connection.bursts():
                    if silence_s:
                        guard.reschedule(loop.time() + silence_s)
                    for content in self._take(burst):
                        if content.replies or content.ready or content.refused:
                            await self._answer(content)
        except TimeoutError:
            return f"Nothing was heard for {silence_s:g} s; connecting again."
        except WireError as error:
            return f"The connection was cut ({error}); connecting again."
        except SessionExpired as error:
            self.expired = True
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
            self._report("")

    # What is heard ---------------------------------------------------------------------------------------------

    def _take(self, burst: Sequence[str | bytes]) -> Iterator[FrameContent]:
        """What the messages say, delivered; at once where the session can read them so."""
        self._last_frame = time.monotonic()
        self._failures = 0
        whole = self._read_together(burst) if len(burst) > 1 else None
        if whole is not None:
            yield whole
            return
        for frame in burst:
            content = self._read_one(frame)
            if content is not None:
                yield content

    def _read_together(self, burst: Sequence[str | bytes]) -> FrameContent | None:
        if self._session is None:
            return None
        try:
            content = self._session.together(burst)
        except DecodeError:  # one of them does not fit: each for itself, so that the others are not lost
            return None
        if content is not None:
            self._deliver(content)
        return content

    def _read_one(self, frame: str | bytes) -> FrameContent | None:
        if self._session is None:
            return None
        try:
            content = self._session.received(frame)
        except DecodeError as error:
            self.decode_errors += 1
            self.undecoded.append(frame if isinstance(frame, bytes) else frame.encode())
            self._gap(f"A message could not be read ({error}).")
            return None
        self._deliver(content)
        return content

    def _deliver(self, content: FrameContent) -> None:
        if content.sequence >= 0:
            self._check_sequence(content)
        for batch in content.ticks:
            self.rate.count(len(batch.tokens), self._last_frame)
            self._unheard.heard(batch.tokens)
            self._means.ticks(timed(batch, time.time_ns()))
        for report in content.reports:
            self._means.reports(report)
        for book in content.books:
            self._unheard.forget((book.token,))
            self._means.books(book)
        if content.notice:
            _log.warning("%s says: %s", self._spec.name, content.notice)

    def _check_sequence(self, content: FrameContent) -> None:
        expected = self._sequence + bool(content.reports)
        if self._sequence >= 0 and content.sequence != expected:
            self._gap("An order message was missed.")
        self._sequence = content.sequence

    def _gap(self, detail: str) -> None:
        self.gaps += 1
        self._report(detail)

    def _report(self, detail: str) -> None:
        self.detail = detail
        self._means.changed()


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
