"""Commands about users and keys from the command line: given to the engine where one runs, else to the vault itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from openalgo_lab.cli.asking import Asking, way_into
from openalgo_lab.doctor.locks import is_held
from openalgo_lab.engine.config import EngineConfig, RateLimits
from openalgo_lab.engine.link.handle import Hosting, LinkedHandle
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.security import Security
from openalgo_lab.engine.table import CommandRule, CommandTable
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.security_commands import GetIdentity, GetVault, SignIn, SignOut, UnlockVault
from openalgo_lab.store.vault import Vault

__all__ = ["Caller", "acting", "engine_runs"]

R = TypeVar("R")

NAME = Principal("command line", Permission.ADMIN)


class Caller(Protocol):
    """Gives a command and waits for its answer."""

    def __call__(self, command: Command[R], /) -> R: ...


@contextmanager
def acting(profile: str, asking: Asking, user: str = "") -> Iterator[Caller]:
    """Whoever takes commands, with the vault open, as ``user`` where there are users.

    Raises InputError when there are users and none is named, NotPermitted, VaultError.
    """
    folder = profile_dir(profile, create=False)
    with _engine(profile) if engine_runs(folder) else _vault(folder, asking) as call:
        if not call(GetVault()).open:
            call(UnlockVault(asking.secret("Passphrase of the vault")))
        found = call(GetIdentity())
        signed_in = found.required and (not found.user or (user and found.user != user))
        if signed_in:
            if not user:
                raise InputError("This workbench has users: say who you are with --as NAME.", field="as")
            code = asking.secret("Code of the second factor (empty if there is none)")
            call(SignIn(user, asking.secret(f"Password of {user}"), code or None))
        try:
            yield call
        finally:
            if signed_in:
                call(SignOut())


def engine_runs(folder: Path) -> bool:
    """Whether an engine of this profile runs, in whatever process."""
    try:
        return is_held(folder)
    except (FileNotFoundError, PermissionError):
        return False


@contextmanager
def _engine(profile: str) -> Iterator[Caller]:
    handle = LinkedHandle(EngineConfig(profile=profile), Hosting.NEVER, name="command line").open()
    try:
        yield handle.call_sync
    finally:
        handle.close()


@contextmanager
def _vault(folder: Path, asking: Asking) -> Iterator[Caller]:
    """The engine's own table over the vault, without an engine."""
    with contextlib.ExitStack() as ending:
        keeper = VaultKeeper(folder)
        keeper.hold(Vault.unlock(folder, way_into(folder, asking, recovery=False), masker=keeper.masker))
        runner = ending.enter_context(asyncio.Runner())
        table: list[CommandTable] = []

        async def call_as(command: Command[Any], who: Principal) -> Any:
            return await table[0].call(command, who)

        security = runner.run(_security(keeper, call_as))
        ending.callback(lambda: runner.run(security.close()))
        table.append(CommandTable(security.desks, security.middleware(RateLimits(), _NoAccounts())))

        def call(command: Command[R], /) -> R:
            return runner.run(table[0].call(command, security.identity.effective(NAME)))

        yield call


async def _security(keeper: VaultKeeper, call: Callable[[Command[Any], Principal], Awaitable[Any]]) -> Security:
    return Security(keeper, call=call, publish=lambda _: None)


class _NoAccounts:
    """Commands about users touch none."""

    def accounts(self, rule: CommandRule, command: Command[Any]) -> frozenset[str] | None:
        """None of them."""
        del rule, command
        return frozenset()

    def is_paper(self, account: str) -> bool:
        """There is none."""
        raise InputError(f"There is no account {account!r} here.")
