"""A kernel's session with the host: greeting, requests, subscriptions, and the facts and quotes that come in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, assert_never

import msgspec
import zmq

from openalgo_lab.engine.link.frames import (
    CONTROL,
    NOBODY_WAITS,
    PROTOCOL,
    QUOTES,
    Beat,
    Bye,
    Challenge,
    Drop,
    Facts,
    Failure,
    FromGuest,
    FromHost,
    Hello,
    HostBeat,
    Proof,
    Refused,
    Reply,
    Request,
    Rows,
    Want,
    Welcome,
    answer_type,
    decode_answer,
    decode_host,
    encode,
    prove,
)
from openalgo_lab.engine.link.host import BEAT_S
from openalgo_lab.engine.link.mirror import Mirror
from openalgo_lab.engine.link.places import HostRecord
from openalgo_lab.engine.link.port import FAREWELL_S, Port, end_context
from openalgo_lab.engine.link.quotes import decode_quotes
from openalgo_lab.model.commands import Command
from openalgo_lab.model.errors import DecodeError, EngineDead, LabError, error_from_wire
from openalgo_lab.model.events import EngineStatus, ErrorRaised
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["HostLost", "LinkClient"]

R = TypeVar("R")

#: Facts taken in before they are acknowledged outside the beat.
_ACK_EVERY = 64


class HostLost(EngineDead):
    """The host went away. ``sent``: the request had left by then, so it may have been worked on."""

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class LinkClient:
    """One session. Loop thread of the handle only. ``on_lost`` is called once, with a sentence, when it is over."""

    def __init__(
        self, record: HostRecord, secret: bytes, mirror: Mirror, name: str, on_lost: Callable[[str], None]
    ) -> None:
        self._secret = secret
        self._mirror = mirror
        mirror.begin()
        self._name = name
        self._on_lost = on_lost
        self._nonce = secrets.token_bytes(32)
        self._welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending: dict[int, tuple[asyncio.Future[Any], Any]] = {}
        self._number = 0
        self._frame = 0
        self._acked_seq = 0
        self._over = False
        self._record = record
        self.heard_s = time.monotonic()
        self._context = zmq.Context()
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.RECONNECT_IVL, -1)  # another host has another address; ours is over when it breaks
        socket.setsockopt(zmq.MAXMSGSIZE, -1)
        monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | zmq.EVENT_CONNECT_RETRIED)
        self._port = Port(socket, self._on_message)
        self._monitor = Port(monitor, self._on_broken)
        self._socket = socket
        socket.connect(record.endpoint)
        self._beats: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The host's process."""
        return self._record.pid

    @property
    def silent_s(self) -> float:
        """Seconds since the host said anything."""
        return time.monotonic() - self.heard_s

    async def open(self, timeout_s: float) -> None:
        """Greet and be let in. Raises EngineDead when the host does not, or says why it will not."""
        self._say(Hello(PROTOCOL, self._nonce, os.getpid(), self._name))
        try:
            await asyncio.wait_for(asyncio.shield(self._welcome), timeout_s)
        except TimeoutError:
            self._finish("The host did not answer.")
            raise HostLost(f"The engine's host (process {self.pid}) does not answer.") from None
        except LabError:
            self._finish("The host did not let us in.")
            raise
        self._beats = asyncio.get_running_loop().create_task(self._beat())

    async def call(self, command: Command[R]) -> R:
        """Give a command. Raises its LabError, or HostLost when the host went away meanwhile."""
        if self._over:
            raise HostLost("The engine's host went away.")
        self._number += 1
        number = self._number
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._pending[number] = (future, answer_type(type(command)))
        try:
            self._say(Request(number, command))  # type: ignore[arg-type]  # every Command is in AnyCommand
            return await future
        finally:
            self._pending.pop(number, None)

    def want(self, owner: str, keys: Sequence[InstrumentKey], mode: FeedMode) -> None:
        """Subscribe for an owner within this process."""
        self._say(Want(owner, tuple(keys), mode))

    def drop(self, owner: str) -> None:
        """An owner wants nothing any more."""
        self._say(Drop(owner))

    async def leave(self) -> None:
        """Say good-bye, so that the host drops this kernel's wants at once; harmless when it is over."""
        self._say(Bye())
        await asyncio.sleep(FAREWELL_S)
        self._finish("The link was closed.")

    def abandon(self, reason: str) -> None:
        """The session is dead as far as this side can tell."""
        if not self._over:
            opened = self._beats is not None
            self._finish(reason)
            if opened:
                self._on_lost(reason)

    # ---- what comes in

    def _on_message(self, frames: list[bytes]) -> None:
        self.heard_s = time.monotonic()
        kind, data = frames[0], frames[-1]
        try:
            if kind == QUOTES:
                self._take_quotes(data)
            elif kind == CONTROL:
                self._take(decode_host(data))
        except (msgspec.DecodeError, DecodeError) as error:
            self.abandon(f"What the host sent cannot be read ({error}).")

    def _take_quotes(self, data: bytes) -> None:
        frame = decode_quotes(data)
        self._mirror.apply_quotes(frame)
        self._frame = frame.number
        self._acknowledge()

    def _take(self, message: FromHost) -> None:
        match message:
            case Facts():
                self._mirror.apply_facts(message)
                if message.seq - self._acked_seq >= _ACK_EVERY:
                    self._acknowledge()
            case Reply(number, result):
                self._resolve(number, result)
            case Failure(number, kind, text, details):
                self._fail(number, error_from_wire(kind, text, details))
            case HostBeat(status):
                self._mirror.status = status or self._mirror.status
            case Rows():
                self._mirror.apply_rows(message)
            case Challenge():
                self._answer_challenge(message)
            case Welcome():
                self._begin(message)
            case Refused(reason, retry):
                self._refused(reason, retry=retry)
            case Bye():
                self.abandon("The engine's host closed.")
            case _:
                assert_never(message)

    def _answer_challenge(self, challenge: Challenge) -> None:
        expected = prove(self._secret, "host", self._nonce, challenge.engine_id)
        if not secrets.compare_digest(expected, challenge.proof):
            self._refused("Who listens there does not know the profile's secret.", retry=False)
            return
        proof = prove(self._secret, "guest", challenge.nonce, challenge.engine_id)
        self._say(Proof(proof, self._mirror.engine_id, self._mirror.seq))

    def _begin(self, welcome: Welcome) -> None:
        self._mirror.welcome(welcome)
        self._acked_seq = welcome.seq
        if not self._welcome.done():
            self._welcome.set_result(None)

    def _refused(self, reason: str, *, retry: bool) -> None:
        if not self._welcome.done():
            self._welcome.set_exception(HostLost(reason) if retry else EngineDead(reason))
        else:
            self.abandon(reason)

    def _resolve(self, number: int, result: msgspec.Raw) -> None:
        future, kind = self._pending.get(number, (None, None))
        if future is not None and not future.done():
            answer = decode_answer(result, kind)
            if isinstance(answer, EngineStatus):
                self._mirror.status = answer
            future.set_result(answer)

    def _fail(self, number: int, error: LabError) -> None:
        future, _ = self._pending.get(number, (None, None))
        if future is not None and not future.done():
            future.set_exception(error)
        elif number == NOBODY_WAITS:
            self._mirror.tell(ErrorRaised("engine", str(error)))

    def _on_broken(self, _frames: list[bytes]) -> None:
        self.abandon(f"The engine's host (process {self.pid}) is gone.")

    # ---- what goes out

    async def _beat(self) -> None:
        while not self._over:
            self._acknowledge()
            await asyncio.sleep(BEAT_S)

    def _acknowledge(self) -> None:
        self._acked_seq = self._mirror.seq
        self._say(Beat(self._mirror.seq, self._frame))

    def _say(self, message: FromGuest) -> None:
        if not self._over:
            self._port.send((encode(message),))

    def _finish(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        if self._beats is not None:
            self._beats.cancel()
        for future, _ in list(self._pending.values()):
            if not future.done():
                future.set_exception(HostLost(reason, sent=True))
        if not self._welcome.done():
            self._welcome.set_exception(HostLost(reason))
            with contextlib.suppress(LabError):
                self._welcome.exception()
        self._monitor.close()
        self._socket.disable_monitor()
        self._port.close()
        end_context(self._context)
