"""The handlers of the commands about vault, users and keys. See :mod:`openalgo_lab.engine.desks` for the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from openalgo_lab.engine.identity import Identity
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.table import Idempotency, RateClass, handles
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.model import security_commands as c
from openalgo_lab.model.command_base import Command, Done
from openalgo_lab.model.commands import AnyCommand
from openalgo_lab.model.errors import InputError, NotPermitted
from openalgo_lab.model.secret import Secret

__all__ = ["IdentityDesk", "KeyDesk", "VaultDesk"]


class VaultDesk:
    """Commands about the vault. Whoever is at this machine may unlock it: what they type decides."""

    def __init__(self, keeper: VaultKeeper, lock: Callable[[str], Awaitable[None]]) -> None:
        self._keeper = keeper
        self._lock = lock

    @handles(c.GetVault, permission=Permission.READ, rate=RateClass.FREE)
    async def get_vault(self, _: c.GetVault, __: Principal) -> c.VaultInfo:
        """From the files, off the loop: a keychain may be slow to say that it is there."""
        return await asyncio.to_thread(self._keeper.info)

    @handles(c.CreateVault, permission=Permission.ADMIN, audit=True)
    async def create_vault(self, command: c.CreateVault, principal: Principal) -> c.VaultOpened:
        """By a kernel of this machine only."""
        _require_local(principal)
        return await self._keeper.create(command.passphrase, in_keychain=command.in_keychain)

    @handles(c.UnlockVault, permission=Permission.READ, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def unlock_vault(self, command: c.UnlockVault, principal: Principal) -> c.VaultOpened:
        """The same."""
        _require_local(principal)
        return await self._keeper.unlock(command.passphrase, command.recovery_key)

    @handles(c.LockVault, permission=Permission.READ, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def lock_vault(self, _: c.LockVault, principal: Principal) -> Done:
        """Anybody at this machine may lock."""
        _require_local(principal)
        await self._lock(f"{principal} locked it")
        return Done("The vault is locked.")

    @handles(c.RestoreVault, permission=Permission.READ, audit=True)
    async def restore_vault(self, command: c.RestoreVault, principal: Principal) -> c.VaultOpened:
        """Needs what unlocks it."""
        _require_local(principal)
        return await self._keeper.restore(command.passphrase, command.recovery_key)

    @handles(c.ChangePassphrase, permission=Permission.ADMIN, audit=True)
    async def change_passphrase(self, command: c.ChangePassphrase, principal: Principal) -> Done:
        """The same."""
        _require_local(principal)
        await self._keeper.change_passphrase(command.new, command.old)
        return Done("The new passphrase unlocks the vault.")

    @handles(c.NewRecoveryKey, permission=Permission.ADMIN, audit=True)
    async def new_recovery_key(self, _: c.NewRecoveryKey, principal: Principal) -> c.VaultOpened:
        """The same."""
        _require_local(principal)
        return c.VaultOpened(recovery=await self._keeper.new_recovery_key())


class IdentityDesk:
    """Commands about users. One at a time: a try that is being counted must not be overtaken by the next."""

    def __init__(self, identity: Identity, now_ns: Callable[[], int]) -> None:
        self._identity = identity
        self._now_ns = now_ns
        self._turn = asyncio.Lock()
        self._seeds: dict[str, Secret] = {}

    @handles(c.GetIdentity, permission=Permission.READ, rate=RateClass.FREE)
    async def get_identity(self, _: c.GetIdentity, __: Principal) -> c.IdentityInfo:
        """The desk's session."""
        return self._identity.info()

    @handles(c.SignIn, permission=Permission.READ, audit=True)
    async def sign_in(self, command: c.SignIn, principal: Principal) -> c.SignedIn:
        """At this machine."""
        _require_local(principal)
        async with self._turn:
            return await asyncio.to_thread(self._identity.sign_in, command.user, command.password, command.code)

    @handles(c.SignOut, permission=Permission.READ, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def sign_out(self, _: c.SignOut, principal: Principal) -> Done:
        """Everybody."""
        _require_local(principal)
        self._identity.sign_out()
        return Done("Signed out.")

    @handles(c.AddUser, permission=Permission.ADMIN, audit=True)
    async def add_user(self, command: c.AddUser, _: Principal) -> c.UserInfo:
        """An administrator does; the first user by whoever is at this machine."""
        async with self._turn:
            return await asyncio.to_thread(self._identity.add_user, command.name, command.password, command.role)

    @handles(c.RemoveUser, permission=Permission.ADMIN, audit=True)
    async def remove_user(self, command: c.RemoveUser, _: Principal) -> Done:
        """The same."""
        async with self._turn:
            self._identity.remove_user(command.name)
        return Done(f"The user {command.name} is removed.")

    @handles(c.ChangePassword, permission=Permission.READ, audit=True)
    async def change_password(self, command: c.ChangePassword, principal: Principal) -> Done:
        """One's own by the old one, another user's by an administrator."""
        self._require_self_or_admin(command.name, principal)
        if command.old is None and principal.user == command.name:
            raise InputError("Give your old password as well.", field="old")
        async with self._turn:
            await asyncio.to_thread(self._identity.set_password, command.name, command.new, command.old)
        return Done("The new password counts from now on.")

    @handles(c.EnrolSecondFactor, permission=Permission.READ, audit=True)
    async def enrol_second_factor(self, command: c.EnrolSecondFactor, principal: Principal) -> c.SecondFactor:
        """The seed stays here until a code of it came back."""
        from openalgo_lab.store.vault.second_factor import new_seed, seed_uri

        self._require_self_or_admin(command.name, principal)
        user, seed = self._identity.user(command.name), new_seed()
        self._seeds[user.name] = seed
        return c.SecondFactor(seed_uri(seed, user.name), seed)

    @handles(c.ConfirmSecondFactor, permission=Permission.READ, audit=True)
    async def confirm_second_factor(self, command: c.ConfirmSecondFactor, principal: Principal) -> c.RecoveryCodes:
        """From now on the user needs it."""
        from openalgo_lab.store.vault.second_factor import code_step, new_recovery_codes

        self._require_self_or_admin(command.name, principal)
        user, seed = self._identity.user(command.name), self._seeds.get(command.name)
        if seed is None:
            raise InputError("Show a new QR code first: the one before has ended.", field="code")
        step = code_step(seed, command.code, self._now_ns(), 0)
        if step is None:
            raise InputError("This is not the code of that QR code; look whether the phone's clock is right.", "code")
        codes, kept = new_recovery_codes()
        self._identity.keep(msgspec.structs.replace(user, totp=seed.reveal(), totp_step=step, recovery=kept))
        del self._seeds[command.name]
        return c.RecoveryCodes(codes)

    @handles(c.DropSecondFactor, permission=Permission.READ, audit=True)
    async def drop_second_factor(self, command: c.DropSecondFactor, principal: Principal) -> Done:
        """The password alone."""
        self._require_self_or_admin(command.name, principal)
        user = self._identity.user(command.name)
        self._identity.keep(msgspec.structs.replace(user, totp="", totp_step=0, recovery=()))
        return Done("The password alone signs in from now on.")

    @handles(c.ListUsers, permission=Permission.READ)
    async def list_users(self, _: c.ListUsers, principal: Principal) -> tuple[c.UserInfo, ...]:
        """Names and roles."""
        _require_local(principal)
        return self._identity.users()

    def _require_self_or_admin(self, name: str, principal: Principal) -> None:
        _require_local(principal)
        if not (principal.may(Permission.ADMIN) or (principal.user and principal.user == name)):
            raise NotPermitted(f"Only {name} and administrators may do that: sign in first.")


class KeyDesk:
    """Commands about keys of programs, and those that come with one."""

    def __init__(self, identity: Identity, call: Callable[[Command[Any], Principal], Awaitable[Any]]) -> None:
        self._identity = identity
        self._call = call

    @handles(c.CreateApiKey, permission=Permission.ADMIN, audit=True)
    async def create_api_key(self, command: c.CreateApiKey, principal: Principal) -> c.ApiKeyMade:
        """Shown once."""
        return self._identity.create_key(
            command.label,
            command.role,
            days=command.days,
            accounts=command.accounts,
            commands=command.commands,
            by=principal.user,
        )

    @handles(c.ListApiKeys, permission=Permission.ADMIN)
    async def list_api_keys(self, _: c.ListApiKeys, __: Principal) -> tuple[c.ApiKeyInfo, ...]:
        """Without the keys themselves."""
        return self._identity.keys()

    @handles(c.RevokeApiKey, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def revoke_api_key(self, command: c.RevokeApiKey, _: Principal) -> Done:
        """Now."""
        self._identity.revoke_key(command.id)
        return Done("The key is revoked.")

    @handles(c.WithKey, permission=Permission.READ, rate=RateClass.FREE)
    async def with_key(self, command: c.WithKey, principal: Principal) -> bytes:
        """The inner command passes permission, scope, rate and audit as its key's; this outer one carries no right."""
        _require_local(principal)
        holder = self._identity.principal_of(command.key)
        try:
            inner: Command[Any] = msgspec.msgpack.decode(command.command, type=AnyCommand, dec_hook=_no_secret)
        except msgspec.DecodeError as error:
            raise InputError(f"This is no command ({error}).", field="command") from error
        return msgspec.msgpack.encode(await self._call(inner, holder), enc_hook=_no_secret_out)


def _require_local(principal: Principal) -> None:
    if not principal.local:
        raise NotPermitted(f"{principal} may not do that from afar: do it at the workbench itself.")


def _no_secret(kind: type[Any], _: object) -> Any:
    raise NotPermitted(f"A command with a {kind.__name__} in it is given at the workbench itself, not with a key.")


def _no_secret_out(value: object) -> Any:
    raise NotPermitted(f"An answer with a {type(value).__name__} in it is shown at the workbench itself only.")
