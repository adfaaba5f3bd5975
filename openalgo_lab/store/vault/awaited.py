"""The vault for event loops: each call runs in a thread, because deriving a key takes most of a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from openalgo_lab.model.secret import Secret, SecretMasker
from openalgo_lab.store.vault.keychain import Keychain
from openalgo_lab.store.vault.restoring import Restored
from openalgo_lab.store.vault.unlocking import Unlocking
from openalgo_lab.store.vault.vault import Vault

__all__ = ["create_async", "in_thread", "restore_async", "unlock_async"]

P = ParamSpec("P")
R = TypeVar("R")


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Any of the vault's methods off the loop: ``await in_thread(vault.tokens.put, token)``."""
    return await asyncio.to_thread(function, *args, **kwargs)


async def create_async(
    folder: Path,
    *,
    passphrase: Secret | None = None,
    keychain: Keychain | None = None,
    masker: SecretMasker | None = None,
) -> tuple[Vault, Secret | None]:
    """:meth:`Vault.create`."""
    return await in_thread(Vault.create, folder, passphrase=passphrase, keychain=keychain, masker=masker)


async def unlock_async(folder: Path, by: Unlocking, *, write: bool = True, masker: SecretMasker | None = None) -> Vault:
    """:meth:`Vault.unlock`."""
    return await in_thread(Vault.unlock, folder, by, write=write, masker=masker)


async def restore_async(folder: Path, by: Unlocking) -> Restored:
    """:meth:`Vault.restore`."""
    return await in_thread(Vault.restore, folder, by)
