"""Credentials, tokens of the day and settings: what is put is got, what ended is never given, all or nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openalgo_lab.model.errors import InputError, VaultDamaged, VaultError
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.times import IST, NS_PER_SECOND, ManualClock
from openalgo_lab.store.vault import Credentials, DayToken, Vault, database, opened
from openalgo_lab.store.vault.schema import MIGRATIONS
from tests.store.vault.parts import TOMORROW, MemoryKeychain, credentials, make, reopen, revealed, token

CLOCK = ManualClock(datetime(2036, 11, 25, 9, 15, tzinfo=IST))


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    made, _ = Vault.create(tmp_path_factory.mktemp("records"), keychain=MemoryKeychain(), clock=CLOCK)
    yield made
    made.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")), min_size=1))
def test_any_text_comes_back(vault: Vault, fields: dict[str, str]) -> None:
    vault.credentials.put(Credentials("b", "a", {name: Secret(value) for name, value in fields.items()}))
    found = vault.credentials.get("b", "a")
    assert found is not None
    assert {name: value.reveal() for name, value in found.fields.items()} == fields
    vault.credentials.remove("b", "a")


def test_credentials_are_replaced_listed_and_removed_with_their_tokens(vault: Vault) -> None:
    vault.credentials.put(credentials("Z1", "first"))
    vault.credentials.put(credentials("Z1", "second"))
    vault.credentials.put(credentials("A1"))
    assert vault.credentials.accounts() == [("simulated", "A1"), ("simulated", "Z1")]
    assert revealed(vault)["Z1"] == "second"
    vault.tokens.put(DayToken("simulated", "Z1", "access", Secret("t-1-2-3"), TOMORROW))
    assert vault.credentials.remove("simulated", "Z1")
    assert not vault.credentials.remove("simulated", "Z1")
    assert vault.credentials.get("simulated", "Z1") is None
    assert vault.tokens.get("simulated", "Z1", "access") is None
    vault.credentials.remove("simulated", "A1")
    for bad in (
        Credentials("", "a", {"k": Secret("v")}),
        Credentials("b", "", {"k": Secret("v")}),
        Credentials("b", "a", {}),
    ):
        with pytest.raises(InputError):
            vault.credentials.put(bad)


def test_a_token_ends_at_its_moment(tmp_path: Path) -> None:
    clock = ManualClock(TOMORROW)
    clock.set(CLOCK.now_ns())
    vault, _ = Vault.create(tmp_path, keychain=MemoryKeychain(), clock=clock)
    with vault:
        vault.tokens.put(token("access"))
        vault.tokens.put(token("feed", "other"))
        found = vault.tokens.get("simulated", "AB1234", "access")
        assert found == token("access")
        assert found.expires.tzinfo is IST
        clock.set(TOMORROW)
        clock.set(clock.now_ns() - 1000)
        assert vault.tokens.get("simulated", "AB1234", "access") is not None
        clock.set(TOMORROW)
        assert vault.tokens.get("simulated", "AB1234", "access") is None
        assert vault.tokens.purge() == 2
        assert vault.tokens.purge() == 0
        vault.tokens.put(token())
        assert vault.tokens.remove("simulated", "AB1234") == 1
        with pytest.raises(InputError, match="time zone"):
            vault.tokens.put(DayToken("b", "a", "n", Secret("v"), datetime(2036, 1, 1)))  # noqa: DTZ001
        assert clock.now_ns() % NS_PER_SECOND == 0


def test_settings_keep_their_kind(vault: Vault) -> None:
    vault.settings.put("limits", {"qty": 1800})
    vault.settings.put("theme", "dark")
    assert vault.settings.get("limits", dict) == {"qty": 1800}
    assert vault.settings.get("none", str) is None
    assert vault.settings.names() == ["limits", "theme"]
    with pytest.raises(VaultDamaged, match="not what was expected"):
        vault.settings.get("theme", int)
    with pytest.raises(InputError, match="cannot be kept"):
        vault.settings.put("secret", Secret("masked values are for the typed stores"))
    with pytest.raises(InputError):
        vault.settings.put("", 1)
    assert vault.settings.remove("limits")
    assert not vault.settings.remove("limits")


def test_many_threads_one_vault(vault: Vault) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(10):
                vault.settings.put(f"thread {number}", turn)
                assert vault.settings.get(f"thread {number}", int) == turn
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


SECOND = """
CREATE TABLE extra(name TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO extra SELECT 'kept ' || account FROM credentials;
"""
BROKEN = "CREATE TABLE more(name TEXT);\nINSERT INTO nowhere VALUES(1);\n"


def with_migrations(monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
    for module in (database, opened):
        monkeypatch.setattr(module, "MIGRATIONS", (*MIGRATIONS, *more))


def test_an_older_vault_is_brought_forward_with_a_copy_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keychain = MemoryKeychain()
    with make(tmp_path, keychain) as vault:
        vault.credentials.put(credentials())
    for copy in (tmp_path / "vault.copies").glob("*.db"):
        copy.unlink()
    with_migrations(monkeypatch, SECOND)
    with pytest.raises(VaultError, match="older form"):
        reopen(tmp_path, keychain, write=False)
    with reopen(tmp_path, keychain) as vault:
        assert vault._opened.database.version == len(MIGRATIONS) + 1
        with vault._opened.database.reading() as connection:
            assert connection.execute("SELECT name FROM extra").fetchall() == [("kept AB1234",)]
    assert sorted(path.name.rsplit("-", 1)[1] for path in (tmp_path / "vault.copies").glob("*.db")) == [
        f"v{len(MIGRATIONS)}.db",
        f"v{len(MIGRATIONS) + 1}.db",
    ]
    monkeypatch.undo()
    with pytest.raises(VaultError, match="newer version"):  # and this program does not guess at the new form
        reopen(tmp_path, keychain)


def test_a_migration_that_fails_leaves_the_old_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keychain = MemoryKeychain()
    make(tmp_path, keychain).close()
    with_migrations(monkeypatch, SECOND, BROKEN)
    with pytest.raises(VaultError, match="nowhere"):
        reopen(tmp_path, keychain)
    monkeypatch.undo()
    with reopen(tmp_path, keychain) as vault:
        assert vault._opened.database.version == len(MIGRATIONS)


def test_the_tables_as_they_were_first_written(tmp_path: Path) -> None:
    """Columns that files in the field have: a change here must be a migration."""
    with make(tmp_path, MemoryKeychain()) as vault, vault._opened.database.reading() as connection:
        columns = {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        }
    assert columns == {
        "meta": ["name", "value"],
        "credentials": ["broker", "account", "fields", "changed_ns"],
        "tokens": ["broker", "account", "name", "value", "expires_ns"],
        "settings": ["name", "value"],
        "users": ["name", "record"],
        "api_keys": ["id", "record"],
        "file_keys": ["name", "key", "next", "key_id"],
    }
