"""Calls of brokers that speak JSON both ways, and what their logins ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from openalgo_lab.broker.record import parsed
from openalgo_lab.broker.spec import Call
from openalgo_lab.model.errors import InputError
from openalgo_lab.wire.transport import HttpRequest, HttpResponse, Lane

__all__ = ["given", "json_call"]

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
