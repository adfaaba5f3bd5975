"""When the vault locks by itself, what a start opens, and that an order under way never waits for a vault."""

from __future__ import annotations

import asyncio
import threading
from datetime import time, timedelta
from pathlib import Path

import pytest

from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.link.handle import Hosting, LinkedHandle
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.engine.security import IDLE_SETTING
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.model.errors import InputError, VaultBusy, VaultDelayed, VaultError, VaultMissing, VaultRefused
from openalgo_lab.model.events import ErrorRaised
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import (
    ChangePassphrase,
    CreateVault,
    FlushAudit,
    GetVault,
    LockPolicy,
    LockVault,
    NewRecoveryKey,
    RestoreVault,
    SetLockPolicy,
    UnlockVault,
)
from openalgo_lab.model.times import at_ist
from openalgo_lab.store.audit import audit_path, read_rows
from openalgo_lab.store.cipher import sealed_path
from openalgo_lab.store.vault import Passphrase, Vault
from tests.store.vault.conftest import cheapest
from tests.store.vault.parts import CANARY, OTHER, WORDS, MemoryKeychain, credentials, make
from tests.support.engine_parts import DAY, limit, market
from tests.support.secured import Secured, secured

__all__ = ["cheapest"]


async def is_open(lab: Secured) -> bool:
    return (await lab.engine.call(GetVault(), LOCAL)).open


async def looked_at(lab: Secured) -> bool:
    """Whether the vault is still open after the engine's next look at the clock."""
    await lab.engine.security.look()
    return await is_open(lab)


async def test_an_hour_without_an_act_locks(tmp_path: Path) -> None:
    async with secured(tmp_path) as lab:
        await lab.engine.call(CreateVault(in_keychain=True), LOCAL)
        lab.wait(3590)
        assert await looked_at(lab)
        await lab.engine.call(limit(), LOCAL)
        lab.wait(3590)
        assert await looked_at(lab)  # the order was an act; looking at the vault was none
        lab.wait(20)
        assert not await looked_at(lab)


@pytest.mark.parametrize(("minutes", "wait_s", "is_open_then"), [(5, 301, False), (5, 299, True), (0, 80_000, True)])
async def test_how_long_is_a_setting(tmp_path: Path, minutes: int, wait_s: float, is_open_then: bool) -> None:
    keychain = MemoryKeychain()
    with make(tmp_path, keychain) as vault:
        vault.settings.put(IDLE_SETTING, LockPolicy(idle_min=minutes, daily=False))
    async with secured(tmp_path, keychain=keychain) as lab:
        assert await is_open(lab)  # the keychain opened it at the start
        lab.wait(wait_s)
        assert await looked_at(lab) is is_open_then


async def test_it_locks_at_three_at_night_and_says_so(tmp_path: Path) -> None:
    async with secured(tmp_path) as lab:
        said: list[str] = []
        lab.engine.bus.listen(lambda event: said.append(event.message) if isinstance(event, ErrorRaised) else None)
        await lab.engine.call(CreateVault(in_keychain=True), LOCAL)
        done = await lab.engine.call(SetLockPolicy(LockPolicy(idle_min=0)), LOCAL)
        assert done.message == "The vault locks at 03:00 IST."
        lab.clock.set(at_ist(DAY + timedelta(days=1), time(2, 59, 59)))
        assert await looked_at(lab)
        lab.wait(1)
        assert not await looked_at(lab)
        await asyncio.sleep(0)
        assert any("03:00 IST" in sentence for sentence in said)
        await lab.engine.call(UnlockVault(), LOCAL)
        assert await looked_at(lab)  # once a day
        assert lab.engine.security._policy == LockPolicy(idle_min=0)  # read from the vault again
        await lab.engine.call(FlushAudit(), LOCAL)
        vault = lab.engine.security.keeper.require_open()
        with vault.sealed.reading(sealed_path(audit_path(tmp_path))) as log:
            assert ("the clock", "lock_vault") in [(row.entry.who, row.entry.what) for row in read_rows(log)]


@pytest.mark.parametrize("minutes", [-1, 1441])
async def test_a_policy_that_makes_no_sense(tmp_path: Path, minutes: int) -> None:
    async with secured(tmp_path) as lab:
        await lab.engine.call(CreateVault(in_keychain=True), LOCAL)
        with pytest.raises(InputError, match="0 .never. to 1440"):
            await lab.engine.call(SetLockPolicy(LockPolicy(idle_min=minutes)), LOCAL)


async def test_orders_go_on_while_it_is_locked(tmp_path: Path) -> None:
    async with secured(tmp_path) as lab:
        await lab.engine.call(CreateVault(in_keychain=True), LOCAL)
        await lab.engine.call(LockVault(), LOCAL)
        assert (await lab.engine.call(limit(), LOCAL)).working
        with pytest.raises(VaultError, match="locked"):
            lab.engine.security.keeper.require_open()


async def test_each_way_in_through_the_engine(tmp_path: Path) -> None:
    async with secured(tmp_path) as lab:
        with pytest.raises(VaultMissing):
            lab.engine.security.keeper.require_open()
        with pytest.raises(VaultMissing):
            await lab.engine.call(UnlockVault(WORDS), LOCAL)
        with pytest.raises(InputError, match="too easy"):
            await lab.engine.call(CreateVault(Secret("short")), LOCAL)
        made = await lab.engine.call(CreateVault(WORDS), LOCAL)
        assert made.recovery is not None
        with pytest.raises(VaultError, match="already"):
            await lab.engine.call(CreateVault(WORDS), LOCAL)
        with pytest.raises(InputError, match="old passphrase"):
            await lab.engine.call(ChangePassphrase(OTHER), LOCAL)
        await lab.engine.call(ChangePassphrase(OTHER, WORDS), LOCAL)
        again = await lab.engine.call(NewRecoveryKey(), LOCAL)
        await lab.engine.call(LockVault(), LOCAL)
        for wrong in (UnlockVault(WORDS), UnlockVault(recovery_key=made.recovery)):
            with pytest.raises(VaultRefused):
                await lab.engine.call(wrong, LOCAL)
        await lab.engine.call(UnlockVault(recovery_key=again.recovery), LOCAL)
        await lab.engine.call(UnlockVault(OTHER), LOCAL)  # harmless when it is open
        with pytest.raises(VaultRefused):
            await lab.engine.call(UnlockVault(WORDS), LOCAL)
        with pytest.raises(InputError, match="nothing to restore"):
            await lab.engine.call(RestoreVault(OTHER), LOCAL)


async def test_tries_through_the_engine_wait_as_any_others(tmp_path: Path) -> None:
    async with secured(tmp_path) as lab:
        await lab.engine.call(CreateVault(WORDS), LOCAL)
        await lab.engine.call(LockVault(), LOCAL)
        for _ in range(3):
            with pytest.raises(VaultRefused):
                await lab.engine.call(UnlockVault(OTHER), LOCAL)
        with pytest.raises(VaultDelayed) as delayed:
            await lab.engine.call(UnlockVault(WORDS), LOCAL)
        assert delayed.value.retry_after_s == pytest.approx(1.0)
        assert (await lab.engine.call(GetVault(), LOCAL)).wait_s == pytest.approx(1.0)


async def test_a_damaged_vault_does_not_keep_the_engine_from_starting(tmp_path: Path) -> None:
    keychain = MemoryKeychain()
    with make(tmp_path, keychain) as vault:
        vault.credentials.put(credentials())
    (tmp_path / "vault.db").write_bytes(b"broken")
    async with secured(tmp_path, keychain=keychain) as lab:
        assert not await is_open(lab)
        assert (await lab.engine.call(limit(), LOCAL)).working
        restored = await lab.engine.call(RestoreVault(), LOCAL)
        assert "kept as vault.db.damaged" in restored.notice
        assert lab.engine.security.keeper.require_open().credentials.accounts() == [("simulated", "AB1234")]


def test_a_keychain_that_waits_for_its_user_does_not_hold_the_start_up(tmp_path: Path) -> None:
    asked = threading.Event()

    class Waiting(MemoryKeychain):
        def get(self, entry: str) -> Secret | None:
            asked.wait(20)
            return super().get(entry)

    keychain = Waiting()
    make(tmp_path, keychain).close()
    keeper = VaultKeeper(tmp_path, keychain=lambda: keychain)
    assert not keeper.open_by_keychain(timeout_s=0.05)
    asked.set()
    for thread in threading.enumerate():
        if thread.name == "openalgo-keychain":
            thread.join()
    assert keeper.vault is not None  # it was opened when the user had answered
    keeper.close()


async def test_two_engines_cannot_both_write(tmp_path: Path) -> None:
    keychain = MemoryKeychain()
    with make(tmp_path, keychain):
        async with secured(tmp_path, keychain=keychain) as lab:
            assert not await is_open(lab)
            with pytest.raises(VaultBusy):
                await lab.engine.call(UnlockVault(), LOCAL)


# A real engine --------------------------------------------------------------------------------------------------------


def test_an_attached_kernel_opens_the_vault_of_the_engine(lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openalgo_lab.store.vault.find_keychain", lambda: None)
    host = LinkedHandle(EngineConfig(), Hosting.ALWAYS, name="host").open()
    page = LinkedHandle(EngineConfig(), Hosting.NEVER, name="page").open()
    try:
        made = page.call_sync(CreateVault(WORDS), 60)
        assert made.recovery is not None
        assert made.recovery.reveal().count("-") == 7
        assert host.call_sync(GetVault()).open
        with pytest.raises(VaultBusy):
            Vault.unlock(profile_dir(), Passphrase(WORDS))
        page.call_sync(LockVault())
        with pytest.raises(VaultRefused) as refused:
            page.call_sync(UnlockVault(OTHER), 60)
        assert OTHER.reveal() not in str(refused.value)
        assert not host.call_sync(GetVault()).open
    finally:
        page.close()
        host.close()


async def test_with_an_open_vault_the_journal_lies_in_it(lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keychain = MemoryKeychain()
    monkeypatch.setattr("openalgo_lab.store.vault.find_keychain", lambda: keychain)
    folder = profile_dir()
    plain = await Engine.start(EngineConfig())
    placed = await plain.call(market(strategy=CANARY), LOCAL)
    await plain.close()
    assert list(folder.glob("*.journal.db"))
    make(folder, keychain).close()
    sealed = await Engine.start(EngineConfig())
    try:
        assert not list(folder.glob("*.journal.db"))
        assert list(folder.glob("*.journal.sealed.db"))
        assert [order.order_id for order in sealed.books.orders] == [placed.order_id]
    finally:
        await sealed.close()
    journal = b"".join(path.read_bytes() for path in folder.glob("*.journal.sealed.db*"))
    assert CANARY.encode() not in journal
