"""Vault, users, keys, audit and locks of one engine: what it is made of, and the steps before every command."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from openalgo_lab.engine.config import RateLimits
from openalgo_lab.engine.identity import Identity, next_session_end_ns
from openalgo_lab.engine.middleware import AuditTrail, RateGate, ScopeGate, Touched, check_permission, say_crashes
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.security_desks import IdentityDesk, KeyDesk, VaultDesk
from openalgo_lab.engine.table import CommandRule, Idempotency, Middleware, RateClass, Step, handles
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.model.command_base import Command, Done
from openalgo_lab.model.errors import InputError, StoreError, VaultError
from openalgo_lab.model.events import AnyEvent, ErrorRaised, SecurityChanged
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import AnySecurityCommand, FlushAudit, LockPolicy, SetLockPolicy
from openalgo_lab.model.times import NS_PER_SECOND
from openalgo_lab.store.audit import AuditEntry
from openalgo_lab.store.audit_writer import AuditWriter

if TYPE_CHECKING:
    from openalgo_lab.store.vault import Vault

__all__ = ["IDLE_SETTING", "Security"]

log = logging.getLogger(__name__)

IDLE_SETTING: Final = "lock"
"""Name of the :class:`LockPolicy` among the vault's settings."""
_LOOK_S: Final = 1.0
_LONGEST_IDLE_MIN: Final = 24 * 60


class Security:
    """One engine's. On its loop, except that vault and audit work in threads of their own.

    ``call`` gives a command through the whole table; ``publish`` tells everyone.
    """

    def __init__(
        self,
        keeper: VaultKeeper,
        *,
        call: Callable[[Command[Any], Principal], Awaitable[Any]],
        publish: Callable[[AnyEvent], None],
    ) -> None:
        self.keeper = keeper
        self._clock = keeper.clock
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._told: SecurityChanged | None = None
        self.audit = AuditWriter(keeper.folder)
        self.identity = Identity(keeper.require_open, self._clock.now_ns)
        self._acted_ns = self._clock.now_ns()
        self._ends_ns = next_session_end_ns(self._acted_ns)
        self._policy = LockPolicy()
        self._audit_failure = ""
        keeper.on_opened.append(self._vault_opened)
        if keeper.vault is not None:
            self._vault_opened(keeper.vault)
        self.desks: Sequence[object] = (
            VaultDesk(keeper, self.lock),
            IdentityDesk(self.identity, self._clock.now_ns),
            KeyDesk(self.identity, call),
            self,
        )

    def middleware(self, rates: RateLimits, touched: Touched) -> tuple[Middleware, ...]:
        """The steps before every command, outermost first."""
        return (
            self._note_act,
            say_crashes,
            AuditTrail(self.audit.append, self._clock.now_ns),
            check_permission,
            ScopeGate(touched),
            RateGate(rates),
        )

    async def lock(self, why: str) -> None:
        """Sign everybody out and close the vault. Journals stay open: an order under way is written to its end."""
        self.identity.sign_out()
        if self.keeper.vault is not None:
            await asyncio.to_thread(self.keeper.close)
            self._report("vault", f"The vault is locked: {why}.")

    async def keep(self) -> None:
        """Lock when it is time, until the engine ends."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await self.look()

    async def look(self) -> None:
        """One look at clock and disk."""
        now = self._clock.now_ns()
        if self.identity.drop_expired():
            self._report("identity", "The session has ended: sign in again.")
        if now >= self._ends_ns:
            self._ends_ns = next_session_end_ns(now)
            if self._policy.daily:
                await self._lock_by_itself("the day's sessions ended at 03:00 IST")
        idle_ns = self._policy.idle_min * 60 * NS_PER_SECOND
        if idle_ns and now - self._acted_ns > idle_ns and (self.keeper.vault is not None or self.identity.session):
            self._acted_ns = now
            await self._lock_by_itself(f"nothing was done for {self._policy.idle_min} minutes")
        failure = self.audit.failure
        if failure and failure != self._audit_failure:
            self._report("audit", failure)
        self._audit_failure = failure
        self._tell_state()

    async def close(self) -> None:
        """Write what waits, close the vault."""
        await asyncio.to_thread(self.audit.close)
        await asyncio.to_thread(self.keeper.close)

    @handles(SetLockPolicy, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def set_lock_policy(self, command: SetLockPolicy, _: Principal) -> Done:
        """In the vault, and at once."""
        policy = command.policy
        if not 0 <= policy.idle_min <= _LONGEST_IDLE_MIN:
            raise InputError(f"Minutes until the vault locks are 0 (never) to {_LONGEST_IDLE_MIN}.", field="idle_min")
        await asyncio.to_thread(self.keeper.require_open().settings.put, IDLE_SETTING, policy)
        self._policy = policy
        return Done(f"The vault locks {_when(policy)}.")

    @handles(FlushAudit, permission=Permission.ADMIN, rate=RateClass.FREE)
    async def flush_audit(self, _: FlushAudit, __: Principal) -> Done:
        """Before somebody reads it."""
        await asyncio.to_thread(self.audit.flush)
        return Done()

    async def _note_act(self, rule: CommandRule, command: Command[Any], _: Principal, proceed: Step) -> Any:
        """Whoever acts is there; who only looks may have left the page open. What passes of secrets is masked since."""
        if rule.audit:
            self._acted_ns = self._clock.now_ns()
        about_secrets = isinstance(command, AnySecurityCommand)
        if about_secrets:
            self._mask(command)
        try:
            answer = await proceed()
        finally:
            self._tell_state()
        if about_secrets:
            self._mask(answer)
        return answer

    def _mask(self, value: object) -> None:
        if isinstance(value, Secret):
            self.keeper.masker.add(value)
        elif isinstance(value, tuple):
            for one in value:
                self._mask(one)
        elif isinstance(value, msgspec.Struct):
            for field in value.__struct_fields__:
                self._mask(getattr(value, field))

    async def _lock_by_itself(self, why: str) -> None:
        """The same, with a line in the audit log, which no command writes here."""
        if self.keeper.vault is not None or self.identity.session is not None:
            self.audit.append(AuditEntry(self._clock.now_ns(), "the clock", "lock_vault", "{}", "done", why))
        await self.lock(why)

    def _tell_state(self) -> None:
        """Everyone hears when the vault was opened or locked, and when somebody signed in or out."""
        session = self.identity.session
        user, expires = (session.user, session.expires_ns) if session else ("", 0)
        state = SecurityChanged(self.keeper.vault is not None, self.identity.required, user, expires)
        if state != self._told:
            self._told = state
            self._publish(state)

    def _report(self, where: str, message: str) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._publish, ErrorRaised(where, message))

    def _vault_opened(self, vault: Vault) -> None:
        """In the thread that opened it."""
        self._acted_ns = self._clock.now_ns()
        self.identity.look(vault)
        try:
            self._policy = vault.settings.get(IDLE_SETTING, LockPolicy) or LockPolicy()
            self.audit.seal(vault.sealed)
        except (StoreError, VaultError) as error:
            log.error("%s", error)
            self._report("audit", str(error))


def _when(policy: LockPolicy) -> str:
    idle = f"after {policy.idle_min} minutes without an act" if policy.idle_min else ""
    daily = "at 03:00 IST" if policy.daily else ""
    return " and ".join(part for part in (idle, daily) if part) or "only when it is told to"
