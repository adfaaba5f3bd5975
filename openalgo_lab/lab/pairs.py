"""One definition, two methods: ``x = blocking(_x)`` waits for the answer, ``x_async = awaited(_x)`` is its twin.

The definition builds the request (:class:`Ask`) and holds signature and documentation of both.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from openalgo_lab.model.commands import Command

__all__ = ["CALL_S", "Ask", "Asker", "awaited", "blocking"]

R = TypeVar("R")
A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
P = ParamSpec("P")

CALL_S = 10.0
"""How long a call waits for its answer, unless its kind needs longer."""


class Ask(Generic[R, A_co]):
    """One request: the command, how its answer is shown to people, and how long it may take."""

    __slots__ = ("command", "finish", "timeout_s")

    def __init__(self, command: Command[R], finish: Callable[[R], A_co], timeout_s: float = CALL_S) -> None:
        self.command = command
        self.finish = finish
        self.timeout_s = timeout_s


class Asker(Protocol):
    """Who can give commands in both ways."""

    def call(self, command: Command[R], timeout_s: float = ...) -> R: ...

    async def call_async(self, command: Command[R], timeout_s: float = ...) -> R: ...


S = TypeVar("S", bound=Asker)


def blocking(build: Callable[Concatenate[S, P], Ask[Any, A]]) -> Callable[Concatenate[S, P], A]:
    """The method that gives the request and waits."""

    @wraps(build)
    def method(self: S, /, *args: P.args, **kwargs: P.kwargs) -> A:
        ask = build(self, *args, **kwargs)
        return ask.finish(self.call(ask.command, ask.timeout_s))

    _name(method, build, "")
    return method


def awaited(build: Callable[Concatenate[S, P], Ask[Any, A]]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, A]]:
    """Its twin for ``await``, on the caller's own loop."""

    @wraps(build)
    async def method(self: S, /, *args: P.args, **kwargs: P.kwargs) -> A:
        ask = build(self, *args, **kwargs)
        return ask.finish(await self.call_async(ask.command, ask.timeout_s))

    _name(method, build, "_async")
    return method


def _name(method: Any, build: Callable[..., Any], suffix: str) -> None:
    """Help texts show the public name, and the answer instead of the request."""
    method.__name__ = build.__name__.lstrip("_") + suffix
    method.__qualname__ = f"Lab.{method.__name__}"
    signature = inspect.signature(build)
    _, _, answer = str(signature.return_annotation).rpartition(", ")
    method.__signature__ = signature.replace(return_annotation=answer.rstrip("]"))
