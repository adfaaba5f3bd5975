"""The bus: facts from the engine to everyone, without anyone being able to hold the engine up.

Order, trade and position events are never dropped. A subscriber that falls too far behind is cut off and told so:
it takes a snapshot of the books and goes on from there. On conflated topics only the newest value waits.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Collection
from functools import partial

import msgspec

from openalgo_lab.model.events import AnyEvent

__all__ = ["CONFLATED_PREFIXES", "Bus", "Lagged", "Subscription"]

log = logging.getLogger(__name__)

CONFLATED_PREFIXES = ("quote:", "depth:")
QUEUE_LIMIT = 20_000

Listener = Callable[[AnyEvent], None]


class Lagged(msgspec.Struct, frozen=True):
    """Handed to a subscriber once instead of the events it missed: read the books, then go on."""

    missed: int


class Subscription:
    """One subscriber's queue. Filled on the engine's loop, emptied on any thread."""

    def __init__(self, topics: Collection[str], limit: int, leave: Callable[[Subscription], None]) -> None:
        self._topics = frozenset(topics)
        self._limit = limit
        self._leave = leave
        self._lock = threading.Lock()
        self._queue: deque[AnyEvent] = deque()
        self._newest: dict[str, object] = {}
        self._missed = 0
        self._wakers: list[Callable[[], None]] = []
        self.delivered = 0

    def wants(self, topic: str) -> bool:
        """Whether it asked for that topic; an empty choice means all."""
        return not self._topics or topic in self._topics

    def drain(self) -> list[AnyEvent | Lagged]:
        """All that waits, oldest first; a :class:`Lagged` in front if it was cut off. Never waits."""
        with self._lock:
            events: list[AnyEvent | Lagged] = [Lagged(self._missed)] if self._missed else []
            events.extend(self._queue)
            self._queue.clear()
            self._missed = 0
        self.delivered += len(events)
        return events

    def drain_newest(self) -> dict[str, object]:
        """The newest value of every conflated topic that changed since the last call."""
        with self._lock:
            newest, self._newest = self._newest, {}
        return newest

    async def wait(self) -> None:
        """Return when something waits. On any loop."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        with self._lock:
            if self._queue or self._newest or self._missed:
                return
            self._wakers.append(partial(_call_on, loop, ready.set))
        await ready.wait()

    def close(self) -> None:
        """Hear nothing any more."""
        self._leave(self)

    @property
    def waiting(self) -> int:
        """Events in the queue."""
        return len(self._queue)

    def put(self, event: AnyEvent) -> None:
        """Queue one event; cut off instead of growing without end. Called by the bus."""
        with self._lock:
            if self._missed or len(self._queue) >= self._limit:
                self._missed += len(self._queue) + 1
                self._queue.clear()
            else:
                self._queue.append(event)
            wakers, self._wakers = self._wakers, []
        _wake(wakers)

    def put_newest(self, topic: str, value: object) -> None:
        """Replace what waits on a conflated topic. Called by the bus."""
        with self._lock:
            self._newest[topic] = value
            wakers, self._wakers = self._wakers, []
        _wake(wakers)


class Bus:
    """Publishes on the engine's loop; every listener and subscriber gets every event in the same order."""

    def __init__(self) -> None:
        self._listeners: dict[object, Listener] = {}
        self._subscriptions: list[Subscription] = []
        self.published = 0

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` on the loop for every event; it must return at once. Answers with what ends it."""
        token = object()
        self._listeners[token] = listener

        def leave() -> None:
            self._listeners.pop(token, None)

        return leave

    def subscribe(self, topics: Collection[str] = (), *, limit: int = QUEUE_LIMIT) -> Subscription:
        """A queue of its own, for a consumer that may be slow. No topics = all."""
        subscription = Subscription(topics, limit, self._forget)
        self._subscriptions.append(subscription)
        return subscription

    def publish(self, event: AnyEvent) -> None:
        """Tell everyone. Never waits and never raises."""
        self.published += 1
        for token, listener in list(self._listeners.items()):
            try:
                listener(event)
            except Exception:
                # A listener's fault must not reach the order that is being booked: it is heard no more.
                log.exception("A listener of the bus failed on %s and was removed.", type(event).__name__)
                self._listeners.pop(token, None)
        for subscription in self._subscriptions:
            if subscription.wants(event.topic):
                subscription.put(event)

    def publish_newest(self, topic: str, value: object) -> None:
        """Tell everyone who asked for this conflated topic; only the newest value waits."""
        for subscription in self._subscriptions:
            if subscription.wants(topic):
                subscription.put_newest(topic, value)

    def _forget(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)


def _wake(wakers: Collection[Callable[[], None]]) -> None:
    for waker in wakers:
        waker()


def _call_on(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        log.debug("A subscriber's loop has ended.")
