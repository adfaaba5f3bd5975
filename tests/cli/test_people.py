"""``openalgo-lab user``, ``key`` and ``audit``: over the vault alone, and over an engine that runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import keyring
import pyotp
import pytest
from typer.testing import CliRunner, Result

from openalgo_lab.cli.commands import app
from openalgo_lab.cli.people_acts import _qr
from openalgo_lab.lab import Lab
from openalgo_lab.model.errors import InputError, LabError, NotPermitted
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import ListUsers, SignIn, UnlockVault
from openalgo_lab.store.audit import audit_path
from openalgo_lab.store.cipher import sealed_path
from openalgo_lab.store.vault import Vault
from tests.store.vault.conftest import cheapest
from tests.store.vault.parts import WORDS

__all__ = ["cheapest"]

PASSWORD, NEW = "Purple-lorry-7", "Green-tractor-9"
PASSPHRASE = WORDS.reveal()
runner = CliRunner()


def run(line: str, *secrets: str, code: int = 0) -> str:
    result: Result = runner.invoke(
        app, [*line.split(), "--passphrase-stdin"], input="".join(f"{one}\n" for one in secrets)
    )
    if isinstance(result.exception, LabError):
        raise result.exception
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


@pytest.fixture
def profile(lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A profile with a vault under a passphrase."""
    monkeypatch.setattr(keyring, "get_keyring", object)
    Vault.create(profile_dir(), passphrase=WORDS)[0].close()
    return profile_dir()


def test_users_over_the_vault(profile: Path) -> None:
    assert "no users" in run("user list", PASSPHRASE)
    assert "asha is added" in run("user add asha", PASSPHRASE, PASSWORD)
    with pytest.raises(InputError, match="--as"):
        run("user list", PASSPHRASE)
    with pytest.raises(NotPermitted, match="Not signed in"):
        run("user list --as asha", PASSPHRASE, "", NEW)
    listed = run("user list --as asha", PASSPHRASE, "", PASSWORD)
    assert re.search(r"asha +admin +password only", listed)
    run("user add bala --role read --as asha", PASSPHRASE, "", PASSWORD, NEW)
    with pytest.raises(NotPermitted):
        run("user remove asha --as bala", PASSPHRASE, "", NEW)
    run("user password bala --as bala", PASSPHRASE, "", NEW, NEW, PASSWORD)
    run("user remove bala --as asha", PASSPHRASE, "", PASSWORD)


def test_the_second_factor(profile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("user add asha", PASSPHRASE, PASSWORD)
    seed = pyotp.random_base32()
    monkeypatch.setattr("openalgo_lab.store.vault.second_factor.new_seed", lambda: Secret(seed))
    now = pyotp.TOTP(seed).now()
    shown = run("user second-factor asha --as asha", PASSPHRASE, "", PASSWORD, now)
    codes = [line.strip() for line in shown.splitlines() if re.fullmatch(r"  [a-z2-7]{5}-[a-z2-7]{5}", line)]
    assert len(codes) == 10
    with pytest.raises(NotPermitted):
        run("user list --as asha", PASSPHRASE, now, PASSWORD)
    assert "9 recovery codes" in run("user list --as asha", PASSPHRASE, codes[0], PASSWORD)
    run("user second-factor asha --remove --as asha", PASSPHRASE, codes[1], PASSWORD)
    run("user list --as asha", PASSPHRASE, "", PASSWORD)


def test_the_qr_code_is_drawn() -> None:
    drawn = _qr(Secret("otpauth://totp/OpenAlgo%20Lab:asha?secret=ABC"))
    assert len(drawn.splitlines()) > 10
    assert "otpauth" not in drawn


def test_keys(profile: Path) -> None:
    made = run("key create my-bot --role trade --days 7 --account SIM --command place_order", PASSPHRASE)
    assert re.search(r"^  oal_[a-z2-7]{8}_[a-z2-7]{52}$", made, re.MULTILINE)
    listed = run("key list", PASSPHRASE)
    key_id = listed.split()[0]
    assert listed.split("my-bot: ")[1].strip() == "SIM, place_order"
    run(f"key revoke {key_id}", PASSPHRASE)
    assert "revoked" in run("key list", PASSPHRASE)
    assert made.split("oal_")[1].split()[0] not in listed


def test_when_the_vault_locks_by_itself(profile: Path) -> None:
    assert "15 minutes" in run("vault autolock --idle-min 15 --no-daily", PASSPHRASE)
    assert "only when it is told to" in run("vault autolock --idle-min 0 --no-daily", PASSPHRASE)


def test_the_audit_log(profile: Path, tmp_path: Path) -> None:
    run("key create my-bot", PASSPHRASE)
    run("user add asha", PASSPHRASE, PASSWORD)
    verified = run("audit verify", PASSPHRASE)
    head = verified.split("Head: ")[1].strip()
    assert verified.startswith("2 rows")
    run(f"audit verify --head {head}", PASSPHRASE)
    assert "rows were cut off" in run(f"audit verify --head {'0' * 64}", PASSPHRASE, code=8)
    shown = run("audit show", PASSPHRASE)
    assert "add_user" in shown
    assert PASSWORD not in shown
    assert len(run("audit show --last 1", PASSPHRASE).splitlines()) == 1
    assert run("audit show --who nobody", PASSPHRASE) == ""
    target = tmp_path / "audit.jsonl"
    run(f"audit export {target}", PASSPHRASE)
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["entry"]["what"] for row in rows] == ["create_api_key", "add_user"]
    assert rows[-1]["hash"] == head
    with pytest.raises(InputError, match="another name"):
        run(f"audit export {target}", PASSPHRASE)
    assert "not unlocked" in run("audit verify", "quite another thing", code=4)


def test_a_sealed_log_that_was_replaced_is_said(profile: Path) -> None:
    run("key create my-bot", PASSPHRASE)
    sealed_path(audit_path(profile)).write_bytes(b"another file" * 1000)
    assert "damaged" in run("audit verify", PASSPHRASE, code=6)


# An engine runs -------------------------------------------------------------------------------------------------------


@pytest.fixture
def lab(profile: Path) -> Iterator[Lab]:
    with Lab() as lab:
        yield lab


def test_the_engine_is_asked_where_one_runs(lab: Lab, profile: Path) -> None:
    assert "added" in run("user add asha", PASSPHRASE, PASSWORD)  # which unlocked the engine's vault
    assert [user.name for user in lab.call(ListUsers())] == ["asha"]
    assert "asha" in run("user list")  # the desk is signed in as its first user
    made = run("key create my-bot --role read")
    assert "oal_" in made
    assert run("audit verify", PASSPHRASE)


def test_a_profile_without_a_vault_has_a_plain_log(lab_home: Path) -> None:
    with pytest.raises(LabError, match="begins with the first order"):
        run("audit show")
    with Lab(seed=7) as lab:
        lab.place_order("SBIN", "BUY", 1)
    assert "place_order" in run("audit show")
    assert run("audit verify").startswith("1 rows")


def test_secrets_travel_between_kernels_and_stand_nowhere(lab: Lab) -> None:
    from openalgo_lab.engine.config import EngineConfig
    from openalgo_lab.engine.link.handle import Hosting, LinkedHandle

    page = LinkedHandle(EngineConfig(), Hosting.NEVER, name="page").open()
    try:
        page.call_sync(UnlockVault(WORDS))
        with pytest.raises(NotPermitted) as refused:
            page.call_sync(SignIn("asha", Secret(PASSWORD)))
        assert PASSWORD not in str(refused.value)
    finally:
        page.close()
