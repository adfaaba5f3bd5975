"""What kernels say to each other: small tagged messages in MessagePack, first byte of a message tells the rest.

guest                     host
Hello(nonce)         →
                     ←    Challenge(nonce, proof of the secret)
Proof(of the secret) →
                     ←    Welcome(books, status)            from here on both send Beats
Request              →    Reply | Failure
Want, Drop           →    Rows, then quote frames (binary)
Beat(acknowledges)   →    Facts(events + books patch), numbered, never dropped
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from functools import cache
from typing import Any, get_args, get_origin

import msgspec

from openalgo_lab.engine.link.books import BooksPatch
from openalgo_lab.model.commands import AnyCommand, Command
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.events import AnyEvent, Books, EngineStatus
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.store.guard import process_masker

__all__ = [
    "CONTROL",
    "NOBODY_WAITS",
    "PROTOCOL",
    "QUOTES",
    "Beat",
    "Bye",
    "Challenge",
    "Drop",
    "Facts",
    "Failure",
    "FromGuest",
    "FromHost",
    "Hello",
    "HostBeat",
    "Proof",
    "Refused",
    "Reply",
    "Request",
    "Rows",
    "Want",
    "Welcome",
    "answer_type",
    "decode_answer",
    "decode_guest",
    "decode_host",
    "encode",
    "encode_answer",
    "failure_of",
    "prove",
]

PROTOCOL = 1
"""Raised with every change of a message; kernels of different numbers do not talk."""

NOBODY_WAITS = 0
"""The number of a failure that answers no request (a subscription that cannot be had)."""

CONTROL = b"c"
QUOTES = b"q"


class _Message(msgspec.Struct, frozen=True, array_like=True):
    """Base of all messages."""


class Hello(_Message, frozen=True, array_like=True, tag="hello"):
    """A kernel wants to attach; ``name`` is for people."""

    protocol: int
    nonce: bytes
    pid: int
    name: str


class Challenge(_Message, frozen=True, array_like=True, tag="challenge"):
    """The host knows the secret (``proof`` over the guest's nonce); does the guest?"""

    nonce: bytes
    proof: bytes
    engine_id: str


class Proof(_Message, frozen=True, array_like=True, tag="proof"):
    """The guest knows it too. ``seq`` of ``engine_id``'s facts is what it saw last; 0 = nothing."""

    proof: bytes
    engine_id: str = ""
    seq: int = 0


class Welcome(_Message, frozen=True, array_like=True, tag="welcome"):
    """Attached. ``books`` as of ``seq``; None = the guest's own still fit, what is missing follows as facts."""

    engine_id: str
    seq: int
    books: Books | None
    status: EngineStatus
    config: msgspec.Raw
    """The engine's configuration, for the guest that may have to start it again."""


class Refused(_Message, frozen=True, array_like=True, tag="refused"):
    """The host does not speak with this guest (any more); ``retry`` = say hello again."""

    reason: str
    retry: bool


class Request(_Message, frozen=True, array_like=True, tag="request"):
    """A command; ``number`` is the guest's."""

    number: int
    command: AnyCommand


class Reply(_Message, frozen=True, array_like=True, tag="reply"):
    """Its answer, of the type that the command names."""

    number: int
    result: msgspec.Raw


class Failure(_Message, frozen=True, array_like=True, tag="failure"):
    """Its error, by class name."""

    number: int
    kind: str
    message: str
    details: dict[str, str]


class Want(_Message, frozen=True, array_like=True, tag="want"):
    """Symbols for one owner within the guest; adds to what that owner wants already."""

    owner: str
    keys: tuple[InstrumentKey, ...]
    feed_mode: FeedMode


class Drop(_Message, frozen=True, array_like=True, tag="drop"):
    """That owner wants nothing any more."""

    owner: str


class Beat(_Message, frozen=True, array_like=True, tag="beat"):
    """The guest lives; it has the facts up to ``seq`` and the quote frames up to ``frame``."""

    seq: int
    frame: int


class HostBeat(_Message, frozen=True, array_like=True, tag="host_beat"):
    """The host lives; its health sheet now and then."""

    status: EngineStatus | None = None


class Facts(_Message, frozen=True, array_like=True, tag="facts"):
    """Events in order, with the change of the books that they made."""

    seq: int
    events: tuple[AnyEvent, ...]
    patch: BooksPatch | None


class Rows(_Message, frozen=True, array_like=True, tag="rows"):
    """Instruments of the session's quote rows ``first``, ``first`` + 1, …"""

    first: int
    keys: tuple[InstrumentKey, ...]


class Bye(_Message, frozen=True, array_like=True, tag="bye"):
    """This side leaves on purpose."""


FromGuest = Hello | Proof | Request | Want | Drop | Beat | Bye
FromHost = Challenge | Welcome | Refused | Reply | Failure | HostBeat | Facts | Rows | Bye


@cache
def _coders() -> tuple[msgspec.msgpack.Encoder, Any, Any]:
    return (
        msgspec.msgpack.Encoder(enc_hook=_uncover),
        msgspec.msgpack.Decoder(FromGuest, dec_hook=_cover),
        msgspec.msgpack.Decoder(FromHost, dec_hook=_cover),
    )


def _uncover(value: object) -> str:
    """A secret leaves for another kernel of the same user, over a socket that nobody else can open."""
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"A {type(value).__name__} does not travel between kernels.")


def _cover(kind: type[Any], value: object) -> Any:
    if kind is Secret and isinstance(value, str):
        secret = Secret(value)
        process_masker().add(secret)  # it stands in no log of this process either
        return secret
    raise NotImplementedError(f"A {kind.__name__} does not travel between kernels.")


def encode_answer(answer: object) -> bytes:
    """An answer for :class:`Reply`."""
    return _coders()[0].encode(answer)


def decode_answer(data: bytes | msgspec.Raw, kind: Any) -> Any:
    """The answer in a :class:`Reply`. Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(data, type=kind, dec_hook=_cover)


def encode(message: FromGuest | FromHost) -> bytes:
    """A message as bytes."""
    return _coders()[0].encode(message)


def decode_guest(data: bytes) -> FromGuest:
    """A guest's message. Raises msgspec.DecodeError."""
    found: FromGuest = _coders()[1].decode(data)
    return found


def decode_host(data: bytes) -> FromHost:
    """The host's message. Raises msgspec.DecodeError."""
    found: FromHost = _coders()[2].decode(data)
    return found


@cache
def answer_type(command: type[Command[Any]]) -> Any:
    """The type of a command's answer, from ``Command[R]``."""
    bases: Sequence[Any] = getattr(command, "__orig_bases__", ())
    for base in bases:
        if get_origin(base) is Command:
            return get_args(base)[0]
    raise TypeError(f"{command.__name__} does not say what its answer is.")


def failure_of(number: int, error: LabError) -> Failure:
    """An error as it travels: with the details that its class carries."""
    details = {
        name: str(value) for name in ("rule", "field", "retry_after_s") if (value := getattr(error, name, "")) != ""
    }
    return Failure(number, type(error).__name__, str(error), details)


def prove(secret: bytes, who: str, nonce: bytes, engine_id: str) -> bytes:
    """Proof of the secret that is worth nothing in the other direction or for another engine."""
    return hmac.digest(secret, b"\0".join((who.encode(), engine_id.encode(), nonce)), "sha256")
