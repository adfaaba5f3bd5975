"""The command table: every command, its handler, and the rules that are declared beside the handler.

Facade, wire between kernels, REST, webhooks and bots are derived from it; none has logic of its own.
"""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.model.commands import Command
from openalgo_lab.model.errors import InputError

__all__ = [
    "CommandRule",
    "CommandTable",
    "Idempotency",
    "Middleware",
    "RateClass",
    "answer_type",
    "handles",
    "places",
    "reads",
    "withdraws",
]

R = TypeVar("R")
Handler = Callable[[Any, Principal], Awaitable[Any]]
Step = Callable[[], Awaitable[Any]]
Mark = Callable[[Callable[..., Awaitable[R]]], Callable[..., Awaitable[R]]]
"""What marks a handler of a command that answers with R."""

_MARK = "__command_rule__"


class RateClass(StrEnum):
    """Which budget a command is counted against."""

    ORDER = "order"
    READ = "read"
    FREE = "free"
    """Never limited: a cancel or the kill switch must always get through."""


class Idempotency(StrEnum):
    """What giving a command twice means."""

    SAFE = "safe"
    """A read: any number of times."""
    IDEMPOTENT = "idempotent"
    """The second time changes nothing more."""
    BY_KEY = "by_key"
    """Idempotent when the command carries a ``client_key``; else two are two."""


class CommandRule(msgspec.Struct, frozen=True):
    """One row of the table."""

    command: type[Command[Any]]
    permission: Permission
    rate: RateClass
    audit: bool
    idempotency: Idempotency

    @property
    def name(self) -> str:
        """The command's tag: its name on every wire."""
        return str(self.command.__struct_config__.tag)


class Middleware(typing.Protocol):
    """One step before the handler: refuses by raising, else calls ``proceed`` and returns its answer."""

    async def __call__(self, rule: CommandRule, command: Command[Any], principal: Principal, proceed: Step, /) -> Any:
        """Let the command through, or raise a LabError."""


def handles(
    command: type[Command[R]],
    *,
    permission: Permission,
    rate: RateClass = RateClass.READ,
    audit: bool = False,
    idempotency: Idempotency = Idempotency.SAFE,
) -> Mark[R]:
    """Declare a method ``(self, command, principal) -> answer`` as the handler of ``command``."""
    rule = CommandRule(command, permission, rate, audit, idempotency)

    def mark(handler: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
        setattr(handler, _MARK, rule)
        return handler

    return mark


def places(command: type[Command[R]], *, by_key: bool = True) -> Mark[R]:
    """:func:`handles` for what sends new orders: a trader's, limited, audited; two are two unless their key is one."""
    return handles(
        command,
        permission=Permission.TRADE,
        rate=RateClass.ORDER,
        audit=True,
        idempotency=Idempotency.BY_KEY if by_key else Idempotency.SAFE,
    )


def withdraws(command: type[Command[R]]) -> Mark[R]:
    """:func:`handles` for what takes orders back or closes: a trader's, never limited, audited; twice is once."""
    return handles(
        command,
        permission=Permission.TRADE,
        rate=RateClass.FREE,
        audit=True,
        idempotency=Idempotency.IDEMPOTENT,
    )


def reads(command: type[Command[R]]) -> Mark[R]:
    """:func:`handles` for a question: anybody who may read."""
    return handles(command, permission=Permission.READ)


class CommandTable:
    """Collected from the objects whose methods :func:`handles` marks."""

    def __init__(self, owners: Iterable[object], middleware: Sequence[Middleware] = ()) -> None:
        self._rows: dict[type[Command[Any]], tuple[CommandRule, Handler]] = {}
        self._middleware = tuple(middleware)
        for owner in owners:
            for rule, handler in _handlers_of(owner):
                if rule.command in self._rows:
                    raise ValueError(f"{rule.command.__name__} has two handlers.")
                self._rows[rule.command] = (rule, handler)

    async def call(self, command: Command[R], principal: Principal) -> R:
        """Run the middleware and the handler. Raises InputError for what is no known command."""
        row = self._rows.get(type(command))
        if row is None:
            raise InputError(f"The engine knows no command {type(command).__name__}: update the workbench.")
        rule, handler = row
        answer: R = await self._through(0, rule, handler, command, principal)
        return answer

    def rule(self, command: type[Command[Any]]) -> CommandRule:
        """The row of a command. Raises KeyError for one that is not in the table."""
        return self._rows[command][0]

    def describe(self) -> tuple[CommandRule, ...]:
        """All rows, by name: what derived surfaces are made from."""
        return tuple(sorted((rule for rule, _ in self._rows.values()), key=lambda rule: rule.name))

    async def _through(
        self, index: int, rule: CommandRule, handler: Handler, command: Command[Any], principal: Principal
    ) -> Any:
        if index == len(self._middleware):
            return await handler(command, principal)
        step = self._middleware[index]
        return await step(rule, command, principal, lambda: self._through(index + 1, rule, handler, command, principal))


def answer_type(command: type[Command[Any]]) -> Any:
    """``R`` of ``Command[R]``."""
    for base in getattr(command, "__orig_bases__", ()):
        if typing.get_origin(base) is Command:
            return typing.get_args(base)[0]
    raise TypeError(f"{command.__name__} does not say what it answers.")


def _handlers_of(owner: object) -> Iterable[tuple[CommandRule, Handler]]:
    for name in dir(type(owner)):
        rule = getattr(getattr(type(owner), name), _MARK, None)
        if isinstance(rule, CommandRule):
            yield rule, getattr(owner, name)
