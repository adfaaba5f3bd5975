"""Signing in, second factor, sessions, delays, users: through the engine's own table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, time, timedelta
from pathlib import Path

import msgspec
import pyotp
import pytest

from openalgo_lab.engine.identity import Identity, next_session_end_ns
from openalgo_lab.engine.principal import LOCAL, Permission, Principal
from openalgo_lab.model.errors import InputError, NotPermitted, VaultDelayed, VaultError, VaultMissing
from openalgo_lab.model.events import SecurityChanged
from openalgo_lab.model.roles import Role
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import (
    AddUser,
    ChangePassword,
    ConfirmSecondFactor,
    CreateVault,
    DropSecondFactor,
    EnrolSecondFactor,
    GetIdentity,
    ListUsers,
    LockVault,
    RecoveryCodes,
    RemoveUser,
    SecondFactor,
    SignIn,
    SignOut,
    UnlockVault,
)
from openalgo_lab.model.times import at_ist, from_ns, to_ns
from openalgo_lab.store.vault import passwords
from tests.support.engine_parts import DAY, limit
from tests.support.secured import PASSWORD, Secured, secured

OTHER = Secret("Green-tractor-9")
WRONG = Secret("Purple-lorry-8")
KERNEL = Principal("page:1", Permission.ADMIN)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real function at a small cost: its cost is looked at in one test of its own."""
    from argon2 import PasswordHasher

    monkeypatch.setattr(passwords, "_hasher", lambda: PasswordHasher(1, 1024, 1))
    passwords._nobody.cache_clear()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Secured]:
    async with secured(tmp_path) as lab:
        await lab.engine.call(CreateVault(in_keychain=True), LOCAL)
        yield lab


async def with_user(lab: Secured, name: str = "asha", role: Role = Role.ADMIN) -> None:
    await lab.engine.call(AddUser(name, PASSWORD, role), LOCAL)


async def with_factor(lab: Secured, name: str = "asha") -> tuple[SecondFactor, RecoveryCodes]:
    factor = await lab.engine.call(EnrolSecondFactor(name), LOCAL)
    codes = await lab.engine.call(ConfirmSecondFactor(name, lab.code(factor)), LOCAL)
    lab.wait(60)
    return factor, codes


async def test_without_a_user_whoever_is_here_is_the_owner(lab: Secured) -> None:
    assert not (await lab.engine.call(GetIdentity(), KERNEL)).required
    assert (await lab.engine.call(limit(), KERNEL)).working


async def test_from_the_first_user_on_one_signs_in(lab: Secured) -> None:
    await with_user(lab)
    assert (await lab.engine.call(GetIdentity(), KERNEL)).user == "asha"  # who made the first user is not shut out
    await lab.engine.call(SignOut(), KERNEL)
    with pytest.raises(NotPermitted, match="sign in"):
        await lab.engine.call(limit(), KERNEL)
    with pytest.raises(NotPermitted):
        await lab.engine.call(AddUser("eve", PASSWORD), LOCAL)
    signed = await lab.engine.call(SignIn("asha", PASSWORD), KERNEL)
    assert (signed.user, signed.role) == ("asha", Role.ADMIN)
    assert (await lab.engine.call(limit(), LOCAL)).working  # one desk: every kernel of this machine


async def test_name_password_and_code_are_refused_in_the_same_words(lab: Secured) -> None:
    await with_user(lab)
    factor, _ = await with_factor(lab)
    await lab.engine.call(SignOut(), LOCAL)
    tries = [
        SignIn("nobody", PASSWORD, lab.code(factor)),
        SignIn("asha", WRONG, lab.code(factor)),
        SignIn("asha", PASSWORD),
    ]
    said = set()
    for one in tries:
        with pytest.raises(NotPermitted) as refused:
            await lab.engine.call(one, LOCAL)
        said.add(str(refused.value))
    assert len(said) == 1


async def test_a_name_that_nobody_has_costs_as_much_and_waits_as_long(
    lab: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_user(lab)
    checks: list[str] = []
    real = passwords.password_fits

    def counted(kept: str, given: Secret) -> bool:
        checks.append(kept)
        return real(kept, given)

    monkeypatch.setattr(passwords, "password_fits", counted)
    for name in ("asha", "nobody"):
        waits = []
        for _ in range(4):
            try:
                await lab.engine.call(SignIn(name, WRONG), LOCAL)
            except VaultDelayed as delayed:
                waits.append(delayed.retry_after_s)
            except NotPermitted:
                waits.append(0.0)
        assert waits == [0.0, 0.0, 0.0, 1.0], name
    assert len(checks) == 6


async def test_ten_wrong_passwords_wait_more_than_half_a_minute_and_a_restart_does_not_help(tmp_path: Path) -> None:
    async with secured(tmp_path) as lab:
        await lab.engine.call(CreateVault(in_keychain=True), LOCAL)
        await with_user(lab)
        for _ in range(10):
            lab.wait(400)
            with pytest.raises(NotPermitted):
                await lab.engine.call(SignIn("asha", WRONG), LOCAL)
    async with secured(tmp_path, keychain=lab.keychain, clock=lab.clock) as again:
        with pytest.raises(VaultDelayed) as delayed:
            await again.engine.call(SignIn("asha", PASSWORD), LOCAL)
        assert delayed.value.retry_after_s >= 30
        again.wait(delayed.value.retry_after_s)
        await again.engine.call(SignIn("asha", PASSWORD), LOCAL)


async def test_a_code_is_taken_once_and_only_near_its_time(lab: Secured) -> None:
    await with_user(lab)
    factor, _ = await with_factor(lab)
    code = lab.code(factor)
    await lab.engine.call(SignIn("asha", PASSWORD, code), LOCAL)
    with pytest.raises(NotPermitted):
        await lab.engine.call(SignIn("asha", PASSWORD, code), LOCAL)
    lab.wait(40)
    late = lab.code(factor)
    lab.wait(30)
    await lab.engine.call(SignIn("asha", PASSWORD, late), LOCAL)  # half a minute old: a phone's clock may be off
    lab.wait(60)
    old = lab.code(factor)
    lab.wait(91)
    with pytest.raises(NotPermitted):
        await lab.engine.call(SignIn("asha", PASSWORD, old), LOCAL)


async def test_each_recovery_code_is_good_once(lab: Secured) -> None:
    await with_user(lab)
    _, codes = await with_factor(lab)
    assert len({code.reveal() for code in codes.codes}) == 10
    spare = codes.codes[3]
    await lab.engine.call(SignIn("asha", PASSWORD, Secret(spare.reveal().upper().replace("-", " "))), LOCAL)
    with pytest.raises(NotPermitted):
        await lab.engine.call(SignIn("asha", PASSWORD, spare), LOCAL)
    (user,) = await lab.engine.call(ListUsers(), LOCAL)
    assert user.recovery_codes == 9


async def test_a_seed_counts_only_when_the_phone_has_it(lab: Secured) -> None:
    await with_user(lab)
    factor = await lab.engine.call(EnrolSecondFactor("asha"), LOCAL)
    with pytest.raises(InputError, match="not the code"):
        await lab.engine.call(ConfirmSecondFactor("asha", Secret("000000")), LOCAL)
    await lab.engine.call(SignIn("asha", PASSWORD), LOCAL)
    parsed = pyotp.parse_uri(factor.uri.reveal())
    assert (parsed.secret, parsed.issuer, parsed.name) == (factor.seed.reveal(), "OpenAlgo Lab", "asha")
    await with_factor(lab)
    await lab.engine.call(DropSecondFactor("asha"), LOCAL)
    await lab.engine.call(SignIn("asha", PASSWORD), LOCAL)


async def test_a_session_ends_after_twelve_hours_or_at_three_at_night(lab: Secured) -> None:
    await with_user(lab)
    morning = await lab.engine.call(SignIn("asha", PASSWORD), LOCAL)
    assert morning.expires_ns == lab.clock.now_ns() + 12 * 3600 * 10**9
    lab.clock.set(at_ist(DAY, time(23, 0)))
    with pytest.raises(NotPermitted):
        await lab.engine.call(limit(), LOCAL)
    evening = await lab.engine.call(SignIn("asha", PASSWORD), LOCAL)
    assert from_ns(evening.expires_ns) == at_ist(DAY + timedelta(days=1), time(3, 0))


@pytest.mark.parametrize(
    ("day", "clock", "end"),
    [
        (date(2026, 11, 25), time(2, 59), date(2026, 11, 25)),
        (date(2026, 11, 25), time(3, 0), date(2026, 11, 26)),
        (date(2026, 12, 31), time(23, 0), date(2027, 1, 1)),
    ],
)
def test_the_days_end(day: date, clock: time, end: date) -> None:
    assert from_ns(next_session_end_ns(to_ns(at_ist(day, clock)))) == at_ist(end, time(3, 0))


async def test_roles(lab: Secured) -> None:
    await with_user(lab)
    for role in (Role.READ, Role.PAPER, Role.TRADE):
        await lab.engine.call(AddUser(role.value, PASSWORD, role), LOCAL)
    for role in (Role.READ, Role.PAPER, Role.TRADE):
        await lab.engine.call(SignIn(role.value, PASSWORD), LOCAL)
        with pytest.raises(NotPermitted, match="may only"):
            await lab.engine.call(AddUser("eve", PASSWORD), LOCAL)
        if role is Role.READ:
            with pytest.raises(NotPermitted):
                await lab.engine.call(limit(), LOCAL)
        else:
            assert (await lab.engine.call(limit(quantity=10 + len(role)), LOCAL)).working


async def test_one_changes_ones_own_password_only(lab: Secured) -> None:
    await with_user(lab)
    await lab.engine.call(AddUser("bala", PASSWORD, Role.TRADE), LOCAL)
    await lab.engine.call(SignIn("bala", PASSWORD), LOCAL)
    with pytest.raises(NotPermitted):
        await lab.engine.call(ChangePassword("asha", OTHER, PASSWORD), LOCAL)
    with pytest.raises(InputError, match="old password"):
        await lab.engine.call(ChangePassword("bala", OTHER), LOCAL)
    with pytest.raises(NotPermitted, match="old password is wrong"):
        await lab.engine.call(ChangePassword("bala", OTHER, WRONG), LOCAL)
    with pytest.raises(InputError, match="too easy"):
        await lab.engine.call(ChangePassword("bala", Secret("short"), PASSWORD), LOCAL)
    await lab.engine.call(ChangePassword("bala", OTHER, PASSWORD), LOCAL)
    with pytest.raises(NotPermitted):
        await lab.engine.call(SignIn("bala", PASSWORD), LOCAL)
    await lab.engine.call(SignIn("bala", OTHER), LOCAL)


async def test_the_last_administrator_stays(lab: Secured) -> None:
    with pytest.raises(InputError, match="first user is an administrator"):
        await with_user(lab, role=Role.TRADE)
    await with_user(lab)
    await lab.engine.call(AddUser("bala", PASSWORD, Role.TRADE), LOCAL)
    with pytest.raises(InputError, match="last administrator"):
        await lab.engine.call(RemoveUser("asha"), LOCAL)
    await lab.engine.call(RemoveUser("bala"), LOCAL)
    await lab.engine.call(RemoveUser("asha"), LOCAL)
    assert (await lab.engine.call(limit(), KERNEL)).working  # nobody is left: as it was before


@pytest.mark.parametrize("name", ["", " a", "a b", "-a", "a" * 33, "<img>", "a/b"])
async def test_names(lab: Secured, name: str) -> None:
    with pytest.raises(InputError, match="no user name"):
        await lab.engine.call(AddUser(name, PASSWORD), LOCAL)


async def test_locking_signs_out_and_never_gives_more_rights(lab: Secured) -> None:
    events: list[SecurityChanged] = []
    lab.engine.bus.listen(lambda event: events.append(event) if isinstance(event, SecurityChanged) else None)
    await with_user(lab)
    await lab.engine.call(LockVault(), LOCAL)
    with pytest.raises(NotPermitted):
        await lab.engine.call(limit(), LOCAL)
    with pytest.raises(VaultError, match="locked"):
        await lab.engine.call(SignIn("asha", PASSWORD), LOCAL)
    await lab.engine.call(UnlockVault(), LOCAL)
    with pytest.raises(NotPermitted):
        await lab.engine.call(limit(), LOCAL)
    await lab.engine.call(SignIn("asha", PASSWORD), LOCAL)
    assert (await lab.engine.call(limit(), LOCAL)).working
    assert [(one.vault_open, one.user) for one in events] == [
        (True, "asha"),
        (False, ""),
        (True, ""),
        (True, "asha"),
    ]


async def test_without_a_vault_there_are_no_users(tmp_path: Path) -> None:
    async with secured(tmp_path) as lab:
        with pytest.raises(VaultMissing, match="create one"):
            await lab.engine.call(AddUser("asha", PASSWORD), LOCAL)
        assert (await lab.engine.call(limit(), LOCAL)).working
    assert not list(tmp_path.glob("vault*"))


async def test_what_is_kept_of_a_password_is_argon2id_at_the_floors_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kept = passwords.hash_password(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.password_fits(kept, PASSWORD)
    assert not passwords.password_fits(kept, WRONG)
    assert not passwords.needs_rehash(kept)
    assert not passwords.password_fits("no hash at all", PASSWORD)


async def test_a_hash_at_an_older_cost_is_made_anew(lab: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    await with_user(lab)
    users = lab.engine.security.keeper.require_open().users
    before = users.get("asha")
    assert before is not None
    monkeypatch.setattr(passwords, "_hasher", lambda: PasswordHasher(2, 1024, 1))
    await lab.engine.call(SignIn("asha", PASSWORD), LOCAL)
    after = users.get("asha")
    assert after is not None
    assert ("t=1" in before.password, "t=2" in after.password) == (True, True)
    assert msgspec.structs.replace(after, password="") == msgspec.structs.replace(before, password="")
    await lab.engine.call(SignIn("asha", PASSWORD), LOCAL)


def test_an_identity_over_a_locked_vault_keeps_what_it_knew() -> None:
    def no_vault() -> None:
        raise VaultError("locked")

    identity = Identity(no_vault, lambda: 0)  # type: ignore[arg-type]
    assert identity.effective(KERNEL) is KERNEL
    identity._required = True
    assert identity.effective(KERNEL).role is Permission.READ
    assert identity.effective(Principal("key", Permission.TRADE, local=False)).role is Permission.TRADE
