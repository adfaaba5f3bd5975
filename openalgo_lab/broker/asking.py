"""Calls of brokers that speak JSON both ways, what their logins ask for, and what their tokens and refusals say."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Container, Mapping
from typing import Any, TypeVar

import msgspec

from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.broker.spec import Call
from openalgo_lab.model.errors import (
    DecodeError,
    InputError,
    LabError,
    OutcomeUnknown,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.wire.transport import HttpRequest, HttpResponse, Lane

__all__ = ["Lane", "claims", "given", "json_call", "refused"]

T = TypeVar("T")

Headers = tuple[tuple[str, str], ...]


def json_call(
    broker: str,
    target: str,
    headers: Headers,
    give: Callable[[Any], T],
    body: Mapping[str, Any] | None = None,
    *,
    lane: Lane = Lane.DATA,
    pool: str = "",
    accepts: frozenset[int] = frozenset(),
) -> Call[T]:
    """One call: ``target`` is method and path, ``give`` makes our value of the answer's JSON.

    What goes by the order lane is never repeated. ``broker`` is the name that errors say.
    """
    method, path = target.split(" ")
    content = b"" if body is None else msgspec.json.encode(body)
    ordering = lane is Lane.ORDER
    request = HttpRequest(method, path, headers, content, lane, safe=not ordering, pool="" if ordering else pool)

    def decode(response: HttpResponse) -> T:
        return give(parsed(response.body, broker))

    return Call(request, decode, accepts)


def given(credentials: Mapping[str, str], name: str, broker: str) -> str:
    """A credential that a login needs. Raises InputError with its name as ``field`` where it is missing or blank."""
    if value := credentials.get(name, "").strip():
        return value
    raise InputError(f"The login at {broker} needs {name}; give it.", field=name)


def claims(token: str, broker: str) -> Record:
    """What a JWT says of itself; its signature is the broker's own business. Raises DecodeError for what is none."""
    parts = token.split(".")
    try:
        if len(parts) != 3 or not parts[1].isascii():
            raise DecodeError(f"The token of {broker} is no JWT.")
        body = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    except (binascii.Error, ValueError) as error:
        raise DecodeError(f"The token of {broker} cannot be read.") from error
    return Record(parsed(body, broker), broker)


def refused(
    broker: str,
    code: object,
    text: str,
    *,
    again: Container[object],
    many: Container[object] = (),
    unsure: Container[object] = (),
    wait_s: float = 1.0,
) -> LabError:
    """What a broker's code of failure amounts to: ``again`` are those of a dead session, ``many`` of too many requests,
    ``unsure`` of a failure that may have come after the deed. Every other is a definite no."""
    said = text or "it gave no reason"
    if code in again:
        return SessionExpired(f"{broker} no longer accepts this session ({said}); log in again.")
    if code in many:
        return Throttled(f"{broker} asks for fewer requests ({said}); wait {wait_s:g} s.", wait_s)
    if code in unsure:
        return OutcomeUnknown(f"{broker} could not say what became of it ({said}); look into the order book.")
    return Rejected(f"{broker} refused: {said} ({code}).")
