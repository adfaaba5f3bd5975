"""What happens to every command before its handler: permission, rate, audit."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from openalgo_lab.engine.config import RateLimits
from openalgo_lab.engine.principal import Principal
from openalgo_lab.engine.table import CommandRule, RateClass, Step
from openalgo_lab.model.commands import Command
from openalgo_lab.model.errors import LabError, NotPermitted, Throttled

__all__ = ["AuditTrail", "RateGate", "check_permission"]

audit_log = logging.getLogger("openalgo_lab.audit")


async def check_permission(rule: CommandRule, _: Command[Any], principal: Principal, proceed: Step) -> Any:
    """Refuse a command beyond the caller's role."""
    if not principal.may(rule.permission):
        raise NotPermitted(
            f"{principal.name} may only {principal.role.name.lower()}, and {rule.name} needs the right to "
            f"{rule.permission.name.lower()}: ask the owner of this workbench."
        )
    return await proceed()


class RateGate:
    """A token bucket a caller and class, one second deep."""

    def __init__(self, limits: RateLimits, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_s = {RateClass.ORDER: limits.order_per_s, RateClass.READ: limits.read_per_s, RateClass.FREE: 0.0}
        self._monotonic = monotonic
        self._buckets: dict[tuple[str, RateClass], tuple[float, float]] = {}

    async def __call__(self, rule: CommandRule, _: Command[Any], principal: Principal, proceed: Step) -> Any:
        per_s = self._per_s[rule.rate]
        if per_s > 0:
            self._take((principal.name, rule.rate), per_s)
        return await proceed()

    def _take(self, key: tuple[str, RateClass], per_s: float) -> None:
        now, depth = self._monotonic(), max(per_s, 1.0)
        level, since = self._buckets.get(key, (depth, now))
        level = min(depth, level + (now - since) * per_s)
        if level < 1:
            wait = (1 - level) / per_s
            self._buckets[key] = (level, now)
            raise Throttled(f"More than {per_s:g} {key[1]} commands a second: try again in {wait:.2f} s.", wait)
        self._buckets[key] = (level - 1, now)


class AuditTrail:
    """One line a command that changes something: who, what, how it ended. Values of ours only, no secrets."""

    async def __call__(self, rule: CommandRule, command: Command[Any], principal: Principal, proceed: Step) -> Any:
        if not rule.audit:
            return await proceed()
        return await self._noted(command, principal, proceed())

    async def _noted(self, command: Command[Any], principal: Principal, work: Awaitable[Any]) -> Any:
        try:
            answer = await work
        except LabError as error:
            audit_log.info("%s asked %r: %s: %s", principal.name, command, type(error).__name__, error)
            raise
        audit_log.info("%s asked %r: done", principal.name, command)
        return answer
