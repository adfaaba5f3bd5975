"""Everything a broker and we say to each other, in a file without secrets; and such a file played as the broker.

    adapter = open_adapter(spec, account, credentials, record=path)                # a session is recorded
    adapter = GenericAdapter(spec, account, Player.open(path), credentials)        # and answers again, without a broker

Known secrets are masked wherever they stand; headers that carry credentials are masked whatever they hold. A recorded
login cannot be used again.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import msgspec

from openalgo_lab.model.errors import StoreError, WireError
from openalgo_lab.model.secret import Secret, SecretMasker
from openalgo_lab.wire.transport import FeedConnection, HttpRequest, HttpResponse, Transport

__all__ = ["Player", "Record", "Recorder", "RecordingTransport", "read_records"]

_LENGTH: Final = struct.Struct(">I")
_LARGEST: Final = 256 << 20
_MASKED: Final = "***"
_CREDENTIALS: Final = frozenset(
    {"authorization", "cookie", "set-cookie", "access-token", "access_token", "x-privatekey", "api-key", "token"}
)


_Kind = Literal["request", "answer", "open", "sent", "frame", "end"]


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was said. ``feed`` numbers the sockets as they were opened, -1 = REST; ``ns`` since the start."""

    ns: int
    kind: _Kind
    path: str = ""
    method: str = ""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    text: bool = False
    """Whether a feed's message was text."""
    feed: int = -1

    @property
    def message(self) -> str | bytes:
        """A feed's message as it was."""
        return self.body.decode() if self.text else self.body


class Recorder:
    """Appends records to a new file, readable by this user only. Raises StoreError when it cannot be made."""

    def __init__(self, path: Path, masker: SecretMasker | None = None) -> None:
        self.masker = masker or SecretMasker()
        self._began = time.monotonic_ns()
        self._pending: list[tuple[int, _Kind, dict[str, Any]]] = []
        self.holding = False
        """Whether records wait in memory: during a login, whose answer holds a token that is not known as one yet."""
        try:
            path.touch(mode=0o600, exist_ok=False)
            self._file = path.open("ab")
        except OSError as error:
            raise StoreError(f"{path} cannot be recorded to ({error.strerror}): give a new file.") from error

    def write(self, kind: _Kind, **what: Any) -> None:
        """One record; texts and bodies are masked before they reach the file."""
        self._pending.append((time.monotonic_ns() - self._began, kind, what))
        if not self.holding:
            self.flush()

    def flush(self) -> None:
        """Put what is held back into the file, masked by what is known now."""
        pending, self._pending = self._pending, []
        for ns, kind, what in pending:
            self._put(ns, kind, what)
        self._file.flush()

    def _put(self, ns: int, kind: _Kind, what: dict[str, Any]) -> None:
        path, body, headers = what.pop("path", ""), what.pop("body", b""), what.pop("headers", ())
        record = Record(
            ns=ns,
            kind=kind,
            path=self.masker.mask(str(path)),
            headers=self._headers(headers),
            body=self._masked(body),
            text=isinstance(body, str),
            **what,
        )
        data = msgspec.msgpack.encode(record)
        self._file.write(_LENGTH.pack(len(data)) + data)

    def close(self) -> None:
        """No more."""
        self.flush()
        self._file.close()

    def _headers(self, headers: object) -> tuple[tuple[str, str], ...]:
        pairs = headers if isinstance(headers, tuple) else ()
        return tuple(
            (name, _MASKED if name.lower() in _CREDENTIALS else self.masker.mask(value)) for name, value in pairs
        )

    def _masked(self, body: object) -> bytes:
        if isinstance(body, str):
            return self.masker.mask(body).encode()
        if not isinstance(body, bytes) or not self.masker.busy:
            return body if isinstance(body, bytes) else b""
        return self.masker.mask(body.decode("latin-1")).encode("latin-1", "replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RecordingTransport:
    """A `Transport` that passes everything on and writes it down."""

    def __init__(self, inner: Transport, recorder: Recorder, secrets: tuple[str, ...] = ()) -> None:
        self._inner = inner
        self._recorder = recorder
        self._feeds = 0
        self._add(secrets)

    def hold(self) -> None:
        """A login begins: nothing reaches the file before :meth:`learn`."""
        self._recorder.holding = True

    def learn(self, *secrets: str) -> None:
        """These are secret too; what was held back goes into the file without them."""
        self._add(secrets)
        self._recorder.holding = False
        self._recorder.flush()

    def _add(self, secrets: tuple[str, ...]) -> None:
        for secret in secrets:
            if secret:
                self._recorder.masker.add(Secret(secret))

    async def request(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """As the inner one's."""
        write, where = self._recorder.write, {"method": request.method, "path": request.path}
        write("request", **where, headers=request.headers, body=request.body)
        answer = await self._inner.request(request, timeout_s=timeout_s)
        write("answer", **where, status=answer.status, headers=answer.headers, body=answer.body)
        return answer

    async def open_feed(self, path: str, headers: tuple[tuple[str, str], ...] = (), *, url: str = "") -> FeedConnection:
        """As the inner one's."""
        number, self._feeds = self._feeds, self._feeds + 1
        connection = await self._inner.open_feed(path, headers, url=url)
        self._recorder.write("open", path=path.partition("?")[0], feed=number)
        return _RecordedFeed(connection, self._recorder, number)

    async def close(self) -> None:
        """As the inner one's; the recording ends."""
        await self._inner.close()
        self._recorder.close()


class _RecordedFeed(FeedConnection):
    def __init__(self, inner: FeedConnection, recorder: Recorder, number: int) -> None:
        self._inner = inner
        self._recorder = recorder
        self._number = number

    async def send(self, message: str | bytes) -> None:
        self._recorder.write("sent", body=message, feed=self._number)
        await self._inner.send(message)

    async def frames(self) -> AsyncIterator[str | bytes]:
        async for burst in self.bursts():
            for frame in burst:
                yield frame

    async def bursts(self) -> AsyncIterator[Sequence[str | bytes]]:
        async for burst in self._inner.bursts():
            for frame in burst:
                self._recorder.write("frame", body=frame, feed=self._number)
            yield burst
        self._recorder.write("end", feed=self._number)

    async def close(self) -> None:
        await self._inner.close()


def read_records(path: Path) -> Iterator[Record]:
    """The records of a file; one that was cut short ends where it was cut. Raises StoreError for what is none."""
    try:
        with path.open("rb") as file:
            while len(head := file.read(_LENGTH.size)) == _LENGTH.size:
                (size,) = _LENGTH.unpack(head)
                data = file.read(min(size, _LARGEST))
                if len(data) < size:
                    return
                yield msgspec.msgpack.decode(data, type=Record)
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(f"{path.name} is no recording of a broker's wire ({error}).") from error


class Player:
    """A recording as a `Transport`: requests get the answers they got, in order; feeds say what they said, then end.

    ``speed`` 1 is as recorded, 0 without pauses. Raises WireError for what was never asked in the recording.
    """

    def __init__(self, records: list[Record], speed: float = 0.0) -> None:
        self._answers: defaultdict[tuple[str, str], deque[HttpResponse]] = defaultdict(deque)
        self._feeds: dict[int, list[Record]] = {}
        self._waiting: deque[int] = deque()
        self._speed = speed
        for record in records:
            if record.kind == "answer":
                answer = HttpResponse(record.status, record.headers, record.body)
                self._answers[record.method, record.path].append(answer)
            elif record.kind == "open":
                self._feeds[record.feed] = []
                self._waiting.append(record.feed)
            elif record.kind == "frame":
                self._feeds[record.feed].append(record)

    @classmethod
    def open(cls, path: Path, speed: float = 0.0) -> Player:
        """From a file. Raises StoreError."""
        return cls(list(read_records(path)), speed)

    async def request(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """The next answer to the same request; the last one again and again."""
        del timeout_s
        answers = self._answers.get((request.method, request.path))
        if not answers:
            raise WireError(f"The recording holds no {request.method} {request.path}.")
        return answers.popleft() if len(answers) > 1 else answers[0]

    async def open_feed(self, path: str, headers: tuple[tuple[str, str], ...] = (), *, url: str = "") -> FeedConnection:
        """The next socket of the recording."""
        del path, headers, url
        if not self._waiting:
            raise WireError("The recording holds no further feed.")
        return _PlayedFeed(self._feeds[self._waiting.popleft()], self._speed)

    async def close(self) -> None:
        """Nothing to close."""


class _PlayedFeed(FeedConnection):
    def __init__(self, records: list[Record], speed: float) -> None:
        self._records = records
        self._speed = speed
        self._closed = asyncio.Event()

    async def send(self, message: str | bytes) -> None:
        del message

    async def frames(self) -> AsyncIterator[str | bytes]:
        before = self._records[0].ns if self._records else 0
        for record in self._records:
            if self._speed:
                await asyncio.sleep((record.ns - before) / 1e9 / self._speed)
            before = record.ns
            yield record.message
        await self._closed.wait()

    async def close(self) -> None:
        self._closed.set()
