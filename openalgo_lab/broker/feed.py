"""One feed kept alive: connect, subscribe in batches, read, notice silence, reconnect, count the gaps."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, TypeVar

from openalgo_lab.broker.adapter import ReportSink
from openalgo_lab.broker.spec import BrokerSpec, FrameContent, LoginKind, Session
from openalgo_lab.model.errors import BrokerError, DecodeError, SessionExpired, WireError
from openalgo_lab.model.events import FeedState
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.wire.transport import FeedConnection, Transport

__all__ = ["Feed"]

_FIRST_DELAY_S: Final = 0.25
_MAX_DELAY_S: Final = 15.0
_MAX_SILENCE_S: Final = 5.0
_RAW_KEPT: Final = 20
_ORDER: Final = (FeedMode.LTP, FeedMode.QUOTE, FeedMode.DEPTH)
_log = logging.getLogger(__name__)

T = TypeVar("T")


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


class Feed:
    """The market-data and order-update socket of one account.

    ``log_in`` gives the live session and, asked with True, a fresh one. All methods belong to the engine's loop.
    """

    def __init__(
        self,
        spec: BrokerSpec,
        transport: Transport,
        sink: ReportSink,
        log_in: Callable[[bool], Awaitable[Session]],
    ) -> None:
        self._spec = spec
        self._transport = transport
        self._sink = sink
        self._log_in = log_in
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
        await self._send(self._spec.codec.subscribe(b, mode) for b in _batches(fresh, self._batch))

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Drop from what is wanted."""
        known = [i for i in instruments if self._wanted.pop(i.token, None) is not None]
        await self._send(self._spec.codec.unsubscribe(b) for b in _batches(known, self._batch))

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

    @property
    def _batch(self) -> int:
        return self._spec.limits.subscribe_batch

    def _rank(self, instrument: Instrument) -> int:
        found = self._wanted.get(instrument.token)
        return _ORDER.index(found[1]) if found is not None else -1

    async def _send(self, messages: Iterator[str | bytes]) -> None:
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
        self._last_frame = time.monotonic()
        for mode in _ORDER:
            wanted = [i for i, m in self._wanted.values() if m is mode]
            await self._send(self._spec.codec.subscribe(b, mode) for b in _batches(wanted, self._batch))
        self._report("")
        return connection

    async def _dial(self, session: Session) -> FeedConnection:
        path, headers = self._spec.codec.feed(session)
        return await self._transport.open_feed(path, headers)

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
        silence_s = min(2 * self._spec.heartbeat_s, _MAX_SILENCE_S)
        try:
            async with asyncio.timeout(silence_s) as guard:
                async for frame in connection.frames():
                    guard.reschedule(loop.time() + silence_s)
                    self._take(frame)
        except TimeoutError:
            return f"Nothing was heard for {silence_s:g} s; connecting again."
        except WireError as error:
            return f"The connection was cut ({error}); connecting again."
        return "The broker closed the connection; connecting again."

    # What is heard ---------------------------------------------------------------------------------------------

    def _take(self, frame: str | bytes) -> None:
        self._last_frame = time.monotonic()
        self._failures = 0
        try:
            content = self._spec.codec.decode_frame(frame)
        except DecodeError as error:
            self.decode_errors += 1
            self.undecoded.append(frame if isinstance(frame, bytes) else frame.encode())
            self._gap(f"A message could not be read ({error}).")
            return
        self._check_sequence(content)
        for batch in content.ticks:
            self._rate.count(len(batch.tokens), self._last_frame)
            self._sink.on_ticks(batch)
        for report in content.reports:
            self._sink.on_report(report)
        if content.notice:
            _log.warning("%s says: %s", self._spec.name, content.notice)

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
