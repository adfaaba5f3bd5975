"""The simulated exchange inside this process: a `Transport` without sockets, and the task that keeps it going.

    exchange = InProcessExchange(market, records_path, settings)     # records_path None: nothing is kept
    adapter = GenericAdapter(spec, account, exchange)                # from openalgo_lab.broker.generic
    ...
    await exchange.close()

Everything happens on the loop that first uses it, but for the market's arithmetic, which has a thread of its own.
`ExchangeDriver` is the same without the transport, for the server.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from openalgo_lab.model.errors import LabError, SessionExpired, WireError
from openalgo_lab.model.times import NS_PER_SECOND, Clock, SystemClock
from openalgo_lab.sim.endpoint import Endpoint, Unauthorised
from openalgo_lab.sim.market import MarketSource
from openalgo_lab.sim.records import Records
from openalgo_lab.sim.tape import Reader
from openalgo_lab.sim.venue import Venue, VenueSettings
from openalgo_lab.wire.transport import FeedConnection, HttpRequest, HttpResponse

__all__ = ["STEP_MS", "ExchangeDriver", "InProcessExchange", "ReaderFeed"]

STEP_MS: Final = 50
_ORDER_METHODS: Final = frozenset({"POST", "PUT", "DELETE"})
_ALL_DUE: Final = 2**62
_log = logging.getLogger(__name__)


class ExchangeDriver:
    """Runs a venue on an event loop: steps the market, beats the heart, wakes the readers.

    The prices that readers want are computed on a thread beside the loop: thousands of them take milliseconds, and
    next to a busy notebook cell several times that, for which no order and no timer on the loop should wait.
    """

    def __init__(self, venue: Venue, *, step_ms: int = STEP_MS, clock: Clock | None = None) -> None:
        self.venue = venue
        self.endpoint = Endpoint(venue)
        self._clock: Clock = clock or SystemClock()
        self._step_ns = step_ms * 1_000_000
        self._feeds: set[ReaderFeed] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._asked = asyncio.Event()  # a reader has changed what it wants since the last look at the market
        self._eyes = ThreadPoolExecutor(1, thread_name_prefix="openalgo-exchange")

    async def respond(self, request: HttpRequest) -> HttpResponse:
        """Answer one request, after the venue's acknowledgement latency when it concerns an order."""
        self.start()
        response = self.endpoint.handle(request)
        self._wake.set()
        latency_ms = self.venue.settings.ack_latency_ms
        if latency_ms and request.method in _ORDER_METHODS and request.path.startswith("/orders"):
            await asyncio.sleep(latency_ms / 1000)
        return response

    def open_feed(self, headers: tuple[tuple[str, str], ...]) -> ReaderFeed:
        """A feed for the client of the bearer token. Raises SessionExpired without a live one."""
        self.start()
        try:
            client = self.endpoint.authorise(headers)
        except Unauthorised as error:
            raise SessionExpired(str(error)) from error
        feed = ReaderFeed(self, self.endpoint.join(client))
        self._feeds.add(feed)
        return feed

    def hear(self, reader: Reader, message: str | bytes) -> None:
        """A message of a reader; what it asks for is served with the others of this turn of the loop."""
        self.endpoint.hear(reader, message)
        self._asked.set()
        self._wake.set()

    def leave(self, feed: ReaderFeed) -> None:
        """A feed has ended."""
        self._feeds.discard(feed)
        self.endpoint.leave(feed.reader)

    def start(self) -> None:
        """Start the venue's tasks; does nothing when they run already."""
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [
                loop.create_task(self._run(), name="simulated-exchange"),
                loop.create_task(self._watch(), name="simulated-prices"),
            ]
            for task in self._tasks:
                task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End the tasks and the feeds, and close the records."""
        for feed in list(self._feeds):
            await feed.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._eyes.shutdown(wait=False, cancel_futures=True)
        self.venue.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A venue whose task has died answers with that, instead of taking orders that nobody matches."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("The simulated exchange has stopped.", exc_info=error)
            self.venue.halted = f"The exchange has stopped ({type(error).__name__}: {error}); start it again."

    async def look_up(self) -> None:
        """Wait until a look at the prices of an earlier moment is over, so that none of them comes after new ones."""
        await asyncio.get_running_loop().run_in_executor(self._eyes, _nothing)

    def catch_up(self) -> None:
        """Do at once what the next steps would do, orders on their way included: for a clock that is stepped."""
        self._advance(_ALL_DUE, step=True)
        for _ in range(self.endpoint.tape.turns):
            self.endpoint.step()
        self._notify()

    async def _run(self) -> None:
        next_step = next_beat = self._clock.monotonic_ns()
        while True:
            self._wake.clear()
            now = self._clock.monotonic_ns()
            if now >= next_step:
                next_step = max(next_step + self._step_ns, now)
                self._advance(now, step=True)
            else:
                self._advance(now, step=False)
            if now >= next_beat:
                next_beat = now + NS_PER_SECOND
                self.endpoint.beat()
            self._notify()
            due = None if self.venue.halted else self.venue.next_due_ns()
            await self._pause(self._wake, next_step if due is None else min(next_step, due))

    async def _watch(self) -> None:
        """Look at the market's prices every step, and as soon as a reader has asked for others."""
        next_look = self._clock.monotonic_ns()
        while True:
            self._asked.clear()
            await self._look()
            self._notify()
            next_look = max(next_look + self._step_ns, self._clock.monotonic_ns())
            await self._pause(self._asked, next_look)

    def _advance(self, now: int, *, step: bool) -> None:
        """Let the venue's time pass; one that has stopped (its disk is full) keeps answering with the reason."""
        if self.venue.halted:
            return
        try:
            if step:
                self.venue.step(now)
            else:
                self.venue.run_due(now)
        except LabError as error:  # at the very turn of a day the market may list other instruments than the venue
            _log.error("A step of the simulated exchange failed: %s", error)

    async def _look(self) -> None:
        tape, look = self.endpoint.tape, self.endpoint.look()
        if look is None:
            return
        try:
            sight = await asyncio.get_running_loop().run_in_executor(self._eyes, tape.take, look)
        except LabError as error:
            _log.error("The prices of the simulated exchange were not to be had: %s", error)
        else:
            tape.put(look, sight)

    def _notify(self) -> None:
        for feed in self._feeds:
            feed.notify()

    async def _pause(self, until: asyncio.Event, until_ns: int) -> None:
        """Until the event is set, by whom it waits for or by the time that has come."""
        delay = (until_ns - self._clock.monotonic_ns()) / NS_PER_SECOND
        if delay <= 0:
            await asyncio.sleep(0)
            return
        # A timer that sets the event costs a tenth of a timeout that cancels the task.
        timer = asyncio.get_running_loop().call_later(delay, until.set)
        try:
            await until.wait()
        finally:
            timer.cancel()


def _nothing() -> None:
    """A job that only waits for those before it."""


class ReaderFeed(FeedConnection):
    """A reader's end of the feed: a `FeedConnection` in this process, and what the server copies to a socket."""

    def __init__(self, driver: ExchangeDriver, reader: Reader) -> None:
        self._driver = driver
        self.reader = reader
        self._ready = asyncio.Event()
        self._closed = False
        self._ready.set()

    def notify(self) -> None:
        """Wake the reading side when there is something for it."""
        if self.reader.waiting:
            self._ready.set()

    async def send(self, message: str | bytes) -> None:
        """Subscribe or unsubscribe. Raises WireError when the feed is closed."""
        if self._closed:
            raise WireError("The feed of the simulated exchange is closed; connect again.")
        self._driver.hear(self.reader, message)

    async def frames(self) -> AsyncIterator[str | bytes]:
        """Messages and frames as they come; ends when the feed is closed."""
        while not self._closed:
            await self._ready.wait()
            self._ready.clear()
            for frame in self.reader.take(self._driver.endpoint.tape):
                yield frame

    async def close(self) -> None:
        """Leave the feed."""
        self.leave()

    def leave(self) -> None:
        """Leave the feed; the reading side ends."""
        if not self._closed:
            self._closed = True
            self._driver.leave(self)
            self._ready.set()


class InProcessExchange:
    """The exchange as a `Transport`: requests are answered on the same loop, feeds are queues."""

    def __init__(
        self,
        market: MarketSource,
        records_path: Path | None,
        settings: VenueSettings | None = None,
        *,
        step_ms: int = STEP_MS,
    ) -> None:
        """Open the records (``None``: kept in memory only) and restore the books.

        Raises StoreError when another process holds the records.
        """
        records = Records(records_path if records_path is not None else ":memory:")
        self.driver = ExchangeDriver(Venue(market, records, settings), step_ms=step_ms)

    async def request(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """Answered at once; there is no network to fail."""
        del timeout_s
        return await self.driver.respond(request)

    async def open_feed(self, path: str, headers: tuple[tuple[str, str], ...] = (), *, url: str = "") -> FeedConnection:
        """Open the feed. Raises SessionExpired without a live token, WireError for another path."""
        del url
        if path != "/feed":
            raise WireError(f"The simulated exchange has no feed at {path}; use /feed.")
        return self.driver.open_feed(headers)

    async def close(self) -> None:
        """Stop the exchange; the books are in the records."""
        await self.driver.stop()
