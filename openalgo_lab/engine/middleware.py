"""What happens to every command before its handler: audit, permission, scope, rate."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from openalgo_lab.engine.config import RateLimits
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.table import CommandRule, RateClass, Step
from openalgo_lab.model.commands import Command
from openalgo_lab.model.errors import EngineError, LabError, NotPermitted, Throttled
from openalgo_lab.model.secret import MASK, Secret
from openalgo_lab.store.audit import AuditEntry
from openalgo_lab.store.crash import report_crash

__all__ = ["AuditTrail", "RateGate", "ScopeGate", "Touched", "check_permission", "described", "say_crashes"]

log = logging.getLogger(__name__)

KEY_RATES: Final = RateLimits(order_per_s=10.0, read_per_s=50.0)
"""What a program with a key may ask for in a second: ten orders is what SEBI lets an unregistered one send."""
_LONGEST_DETAIL: Final = 4000


async def check_permission(rule: CommandRule, _: Command[Any], principal: Principal, proceed: Step) -> Any:
    """Refuse a command beyond the caller's role, or beyond the commands that its key names."""
    if not principal.may(rule.permission):
        raise NotPermitted(
            f"{principal} may only {principal.role.name.lower()}, and {rule.name} needs the right to "
            f"{rule.permission.name.lower()}: ask the owner of this workbench, or sign in."
        )
    if principal.commands and rule.name not in principal.commands:
        raise NotPermitted(f"The key of {principal} does not name {rule.name}: make one that does.")
    return await proceed()


class Touched(Protocol):
    """Knows which accounts a command is about."""

    def accounts(self, rule: CommandRule, command: Command[Any]) -> frozenset[str] | None:
        """Their names; None = it cannot be told, or all."""

    def is_paper(self, account: str) -> bool:
        """Whether no money is at stake there."""


class ScopeGate:
    """Keeps a caller to its accounts. A command whose accounts cannot be told is refused to one that is narrowed."""

    def __init__(self, touched: Touched) -> None:
        self._touched = touched

    async def __call__(self, rule: CommandRule, command: Command[Any], principal: Principal, proceed: Step) -> Any:
        if principal.accounts or (principal.paper_only and rule.permission >= Permission.TRADE):
            self._check(rule, command, principal)
        return await proceed()

    def _check(self, rule: CommandRule, command: Command[Any], principal: Principal) -> None:
        accounts = self._touched.accounts(rule, command)
        if accounts is None:
            raise NotPermitted(
                f"{principal} is kept to some accounts, and {rule.name} is about all of them: use a command that names "
                "the account."
            )
        if principal.accounts and not accounts <= principal.accounts:
            strange = ", ".join(sorted(accounts - principal.accounts))
            raise NotPermitted(f"{principal} may not use the account {strange}: its key names others.")
        if principal.paper_only and not all(self._touched.is_paper(account) for account in accounts):
            raise NotPermitted(f"{principal} may trade on paper only, and {', '.join(sorted(accounts))} holds money.")


class RateGate:
    """A token bucket a caller and class, one second deep. Programs with keys have limits of their own."""

    def __init__(
        self, limits: RateLimits, monotonic: Callable[[], float] = time.monotonic, keys: RateLimits = KEY_RATES
    ) -> None:
        self._local, self._keys = _by_class(limits), _by_class(keys)
        self._monotonic = monotonic
        self._buckets: dict[tuple[str, RateClass], tuple[float, float]] = {}

    async def __call__(self, rule: CommandRule, _: Command[Any], principal: Principal, proceed: Step) -> Any:
        per_s = (self._local if principal.local else self._keys)[rule.rate]
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


def _by_class(limits: RateLimits) -> dict[RateClass, float]:
    return {RateClass.ORDER: limits.order_per_s, RateClass.READ: limits.read_per_s, RateClass.FREE: 0.0}


async def say_crashes(rule: CommandRule, _: Command[Any], __: Principal, proceed: Step) -> Any:
    """An error that is not of our tree is a fault of the engine: it is written down, and told in one sentence."""
    try:
        return await proceed()
    except LabError:
        raise
    except Exception as error:
        log.exception("The command %s failed inside the engine.", rule.name)
        told = report_crash(f"command {rule.name}", error)
        raise EngineError(f"The engine failed at {rule.name} ({type(error).__name__}). {told}".rstrip()) from error


class AuditTrail:
    """One line a command that changes something, refused ones too: who, what, how it ended."""

    def __init__(self, write: Callable[[AuditEntry], None], now_ns: Callable[[], int] = time.time_ns) -> None:
        self._write = write
        self._now_ns = now_ns

    async def __call__(self, rule: CommandRule, command: Command[Any], principal: Principal, proceed: Step) -> Any:
        if not rule.audit:
            return await proceed()
        outcome, said = "given up", ""
        try:
            answer = await proceed()
            outcome = "done"
        except LabError as error:
            outcome, said = type(error).__name__, str(error)
            raise
        except Exception as error:  # only to name it in the audit line; raised again
            outcome = type(error).__name__
            raise
        finally:
            self._write(
                AuditEntry(
                    self._now_ns(), str(principal), rule.name, described(command), outcome, said[:_LONGEST_DETAIL]
                )
            )
        return answer


def described(command: Command[Any]) -> str:
    """A command as JSON, with a mask for every secret and for bytes, which may hold one."""
    return msgspec.json.encode(command, enc_hook=_masked).decode()[:_LONGEST_DETAIL]


def _masked(value: object) -> str:
    if isinstance(value, Secret):
        return MASK
    raise NotImplementedError(f"A command holds a {type(value).__name__}, which has no place in the audit log.")
