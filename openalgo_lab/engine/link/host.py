"""The host's side of the link: lets this user's other kernels in and serves them from the engine."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from functools import partial
from typing import Any, assert_never

import msgspec
import zmq

from openalgo_lab.engine.link.facts import FactsLog
from openalgo_lab.engine.link.frames import (
    CONTROL,
    NOBODY_WAITS,
    PROTOCOL,
    Beat,
    Bye,
    Challenge,
    Drop,
    Failure,
    FromHost,
    Hello,
    HostBeat,
    Proof,
    Refused,
    Reply,
    Request,
    Want,
    Welcome,
    decode_guest,
    encode,
    encode_answer,
    failure_of,
    prove,
)
from openalgo_lab.engine.link.port import FAREWELL_S, Port, end_context
from openalgo_lab.engine.link.served import ServedEngine
from openalgo_lab.engine.link.session import Session
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.events import EngineStatus

__all__ = ["BEAT_S", "LinkHost"]

BEAT_S = 0.15
"""Both sides say that they live this often."""

_QUOTES_S = 0.05
_LOOK_S = 0.008
_STATUS_EVERY = 4  # beats
_SILENT_S = 5.0  # a guest that says nothing for so long loses its subscriptions; it may come back
_STRANGERS = 64  # unfinished greetings held at a time
_IN_FLIGHT = 256  # requests of one guest at a time
_LARGEST = 64 * 2**20

_log = logging.getLogger(__name__)


class LinkHost:
    """Serves ``engine`` on one socket. Loop thread of the engine only."""

    def __init__(self, engine: ServedEngine, engine_id: str, secret: bytes, config: bytes) -> None:
        self._engine = engine
        self._engine_id = engine_id
        self._secret = secret
        self._config = msgspec.Raw(config)
        self._context = zmq.Context()
        self._port: Port | None = None
        self._strangers: dict[bytes, tuple[Hello, bytes]] = {}
        self._sessions: dict[bytes, Session] = {}
        self._tasks: dict[asyncio.Task[Any], bytes] = {}
        self._timers: list[asyncio.Task[None]] = []
        self._facts: FactsLog | None = None

    @property
    def attached(self) -> int:
        """Kernels attached now."""
        return len(self._sessions)

    def status(self) -> EngineStatus:
        """The engine's health sheet, with the number of attached kernels."""
        return msgspec.structs.replace(self._engine.status(), attached=len(self._sessions))

    def open(self, endpoint: str) -> str:
        """Listen; answers with the address that guests connect to."""
        socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.MAXMSGSIZE, _LARGEST)
        socket.setsockopt(zmq.SNDHWM, 4096)
        socket.bind(endpoint)
        bound = socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._facts = FactsLog(self._engine, self._send_facts)
        self._port = Port(socket, self._on_message)
        loop = asyncio.get_running_loop()
        self._timers = [loop.create_task(self._beat()), loop.create_task(self._pump_quotes())]
        return bound

    async def close(self) -> None:
        """Say good-bye to all guests (one of them takes over) and stop listening."""
        for timer in self._timers:
            timer.cancel()
        for session in self._sessions.values():
            session.send(Bye())
        if self._facts is not None:
            self._facts.close()
        await asyncio.sleep(FAREWELL_S)
        if self._port is not None:
            self._port.close()
            self._port = None
        end_context(self._context)

    # ---- what guests say

    def _on_message(self, frames: list[bytes]) -> None:
        if len(frames) != 2:
            return
        peer, body = frames
        try:
            message = decode_guest(body)
        except msgspec.DecodeError:
            self._refuse(peer, "The message cannot be read: restart this kernel, it runs another version.", retry=False)
            return
        if isinstance(message, Hello):
            self._greet(peer, message)
        elif isinstance(message, Proof):
            self._admit(peer, message)
        elif (session := self._sessions.get(peer)) is None:
            self._refuse(peer, "The host does not know this kernel (any more).", retry=True)
        else:
            self._serve(peer, session, message)

    def _serve(self, peer: bytes, session: Session, message: Request | Want | Drop | Beat | Bye) -> None:
        session.heard_s = time.monotonic()
        match message:
            case Request():
                self._begin(peer, session, message)
            case Want():
                self._want(session, message)
            case Drop(owner):
                if session.drop(owner):
                    self._engine.unsubscribe(f"{session.name}/{owner}")
            case Beat(seq, frame):
                if not session.acknowledge(seq, frame):
                    self._welcome(session, None)
            case Bye():
                self._end(peer)
            case _:
                assert_never(message)

    def _want(self, session: Session, want: Want) -> None:
        try:
            self._engine.subscribe(f"{session.name}/{want.owner}", want.keys, want.feed_mode)
        except LabError as error:
            session.send(failure_of(NOBODY_WAITS, error))
        else:
            session.want(want.owner, want.keys, want.feed_mode)

    def _greet(self, peer: bytes, hello: Hello) -> None:
        if hello.protocol != PROTOCOL:
            self._refuse(
                peer,
                f"The engine's host speaks link version {PROTOCOL}, this kernel {hello.protocol}: restart the kernel "
                "that runs the older version.",
                retry=False,
            )
            return
        if len(self._strangers) >= _STRANGERS:
            self._strangers.pop(next(iter(self._strangers)))
        nonce = secrets.token_bytes(32)
        self._strangers[peer] = (hello, nonce)
        self._say(peer, Challenge(nonce, prove(self._secret, "host", hello.nonce, self._engine_id), self._engine_id))

    def _admit(self, peer: bytes, proof: Proof) -> None:
        hello, nonce = self._strangers.pop(peer, (None, b""))
        if hello is None or not secrets.compare_digest(
            proof.proof, prove(self._secret, "guest", nonce, self._engine_id)
        ):
            self._refuse(peer, "This kernel does not know the profile's secret.", retry=False)
            return
        assert self._facts is not None
        self._facts.flush()
        session = Session(
            f"{hello.name}-{hello.pid}-{peer.hex()}",
            Principal(f"{hello.name}:{hello.pid}", Permission.ADMIN),
            self._engine.board,
            self._facts,
            partial(self._send, peer),
        )
        self._sessions[peer] = session
        resumes = proof.engine_id == self._engine_id and self._facts.covers(proof.seq)
        self._welcome(session, proof.seq if resumes else None)

    def _welcome(self, session: Session, seen: int | None) -> None:
        """Begin (or begin again) with a whole snapshot, or from what the guest has ``seen``."""
        assert self._facts is not None
        seq = self._facts.seq if seen is None else seen
        books = self._facts.books if seen is None else None
        session.send(Welcome(self._engine_id, seq, books, self.status(), self._config))
        session.sent_seq = session.acked_seq = seq
        session.send_facts()

    # ---- requests

    def _begin(self, peer: bytes, session: Session, request: Request) -> None:
        if sum(owner == peer for owner in self._tasks.values()) >= _IN_FLIGHT:
            busy = f"{_IN_FLIGHT} requests of this kernel wait already: wait for their answers first."
            session.send(Failure(request.number, "Denied", busy, {}))
            return
        task = asyncio.get_running_loop().create_task(self._engine.call(request.command, session.principal))
        self._tasks[task] = peer
        task.add_done_callback(partial(self._answer, session, request.number))

    def _answer(self, session: Session, number: int, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if task.cancelled():
            session.send(Failure(number, "EngineDead", "The engine closed before it answered.", {}))
        elif (error := task.exception()) is None:
            answer = task.result()
            sheet = self.status() if isinstance(answer, EngineStatus) else answer
            session.send(Reply(number, msgspec.Raw(encode_answer(sheet))))
        elif isinstance(error, LabError):
            session.send(failure_of(number, error))
        else:
            _log.error("A command of %s failed inside the engine", session.name, exc_info=error)
            session.send(Failure(number, "EngineError", f"The engine failed at this command: {error!r}.", {}))

    # ---- what the host says by itself

    async def _beat(self) -> None:
        count = 0
        while True:
            assert self._facts is not None
            self._facts.flush()  # changes of the books that no event told of
            now = time.monotonic()
            status = self.status() if self._sessions and count % _STATUS_EVERY == 0 else None
            data = encode(HostBeat(status))
            for peer, session in list(self._sessions.items()):
                silence = now - session.heard_s
                if silence > _SILENT_S:
                    self._end(peer)
                elif silence < 1.0:  # beats are not piled up for one that sleeps
                    self._send(peer, CONTROL, data)
            count += 1
            await asyncio.sleep(BEAT_S)

    async def _pump_quotes(self) -> None:
        while True:
            sent = [session.send_quotes() for session in list(self._sessions.values())]
            # A window after each frame; a tick that comes after a pause does not wait for one.
            await asyncio.sleep(_QUOTES_S if any(sent) or not sent else _LOOK_S)

    def _send_facts(self) -> None:
        for session in list(self._sessions.values()):
            if not session.send_facts():
                self._welcome(session, None)

    def _end(self, peer: bytes) -> None:
        session = self._sessions.pop(peer, None)
        if session is not None:
            for owner in session.owners():
                self._engine.unsubscribe(f"{session.name}/{owner}")

    def _refuse(self, peer: bytes, reason: str, *, retry: bool) -> None:
        self._say(peer, Refused(reason, retry))

    def _say(self, peer: bytes, message: FromHost) -> None:
        self._send(peer, CONTROL, encode(message))

    def _send(self, peer: bytes, kind: bytes, data: bytes) -> bool:
        return self._port is not None and self._port.send((peer, kind, data))
