"""What the vault keeps, each kind with its own small store: broker credentials, tokens of the day, settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from openalgo_lab.model.errors import InputError, VaultDamaged
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.times import from_ns, to_ns
from openalgo_lab.store.vault.opened import OpenedVault

__all__ = ["CredentialStore", "Credentials", "DayToken", "SettingStore", "TokenStore", "decoded"]

T = TypeVar("T")


class Credentials(msgspec.Struct, frozen=True):
    """What a broker needs for a login of one account: its fields by name (``api_key``, ``api_secret``, …)."""

    broker: str
    account: str
    fields: Mapping[str, Secret]


class DayToken(msgspec.Struct, frozen=True):
    """A broker's token of the day (``name``: ``access``, ``feed``, …) and when it ends (aware; IST when read)."""

    broker: str
    account: str
    name: str
    value: Secret
    expires: datetime


class CredentialStore:
    """Credentials by broker and account. Every value read or written is masked in logs from then on."""

    def __init__(self, opened: OpenedVault) -> None:
        self._opened = opened

    def put(self, credentials: Credentials) -> None:
        """Keep these in place of older ones; durable when it returns. Raises InputError or VaultError."""
        _require(broker=credentials.broker, account=credentials.account)
        if not credentials.fields:
            raise InputError("Credentials without a field keep nothing: give at least one.", field="fields")
        _mask(self._opened, credentials.fields.values())
        body = msgspec.json.encode({name: value.reveal() for name, value in credentials.fields.items()})
        now = self._opened.clock.now_ns()
        self._opened.require_writer()
        with self._opened.database.writing() as connection:
            row = (credentials.broker, credentials.account, body, now)
            connection.execute("INSERT OR REPLACE INTO credentials VALUES(?, ?, ?, ?)", row)

    def get(self, broker: str, account: str) -> Credentials | None:
        """The account's credentials; None when there are none."""
        with self._opened.database.reading() as connection:
            query = "SELECT fields FROM credentials WHERE broker = ? AND account = ?"
            row = connection.execute(query, (broker, account)).fetchone()
        if row is None:
            return None
        fields = {name: Secret(value) for name, value in decoded(row[0], dict[str, str]).items()}
        _mask(self._opened, fields.values())
        return Credentials(broker, account, fields)

    def accounts(self) -> list[tuple[str, str]]:
        """(broker, account) of all that is kept, in order."""
        with self._opened.database.reading() as connection:
            return list(connection.execute("SELECT broker, account FROM credentials ORDER BY broker, account"))

    def remove(self, broker: str, account: str) -> bool:
        """Forget an account with its tokens; whether there was one."""
        self._opened.require_writer()
        with self._opened.database.writing() as connection:
            where = "WHERE broker = ? AND account = ?"
            connection.execute(f"DELETE FROM tokens {where}", (broker, account))  # noqa: S608 - a constant
            return bool(connection.execute(f"DELETE FROM credentials {where}", (broker, account)).rowcount)  # noqa: S608


class TokenStore:
    """Tokens of the day. One that has ended is never given out."""

    def __init__(self, opened: OpenedVault) -> None:
        self._opened = opened

    def put(self, token: DayToken) -> None:
        """Keep it in place of an older one; durable when it returns. Raises InputError or VaultError."""
        _require(broker=token.broker, account=token.account, name=token.name)
        _mask(self._opened, (token.value,))
        row = (token.broker, token.account, token.name, token.value.reveal(), to_ns(token.expires))
        self._opened.require_writer()
        with self._opened.database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO tokens VALUES(?, ?, ?, ?, ?)", row)

    def get(self, broker: str, account: str, name: str) -> DayToken | None:
        """The token, or None when there is none or it has ended."""
        with self._opened.database.reading() as connection:
            query = "SELECT value, expires_ns FROM tokens WHERE broker = ? AND account = ? AND name = ?"
            row = connection.execute(query, (broker, account, name)).fetchone()
        if row is None or row[1] <= self._opened.clock.now_ns():
            return None
        value = Secret(row[0])
        _mask(self._opened, (value,))
        return DayToken(broker, account, name, value, from_ns(row[1]))

    def remove(self, broker: str, account: str) -> int:
        """Forget all tokens of an account (a logout); how many there were."""
        self._opened.require_writer()
        with self._opened.database.writing() as connection:
            query = "DELETE FROM tokens WHERE broker = ? AND account = ?"
            return int(connection.execute(query, (broker, account)).rowcount)

    def purge(self) -> int:
        """Delete what has ended; how many there were."""
        self._opened.require_writer()
        with self._opened.database.writing() as connection:
            query = "DELETE FROM tokens WHERE expires_ns <= ?"
            return int(connection.execute(query, (self._opened.clock.now_ns(),)).rowcount)


class SettingStore:
    """Named settings that belong to the account rather than to a notebook; any type that msgspec can encode."""

    def __init__(self, opened: OpenedVault) -> None:
        self._opened = opened

    def put(self, name: str, value: Any) -> None:
        """Keep ``value`` under ``name``; durable when it returns. Raises InputError or VaultError."""
        _require(name=name)
        try:
            body = msgspec.json.encode(value)
        except TypeError as error:
            raise InputError(f"The setting {name!r} cannot be kept: {error}.", field="value") from error
        self._opened.require_writer()
        with self._opened.database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO settings VALUES(?, ?)", (name, body))

    def get(self, name: str, kind: type[T]) -> T | None:
        """The setting as a ``kind``; None when there is none. Raises VaultDamaged when it is of another kind."""
        with self._opened.database.reading() as connection:
            row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else decoded(row[0], kind)

    def names(self) -> list[str]:
        """Names of all settings, in order."""
        with self._opened.database.reading() as connection:
            return [name for (name,) in connection.execute("SELECT name FROM settings ORDER BY name")]

    def remove(self, name: str) -> bool:
        """Forget a setting; whether there was one."""
        self._opened.require_writer()
        with self._opened.database.writing() as connection:
            return bool(connection.execute("DELETE FROM settings WHERE name = ?", (name,)).rowcount)


def _require(**texts: str) -> None:
    for field, text in texts.items():
        if not text:
            raise InputError(f"The {field} is empty: give one.", field=field)


def _mask(opened: OpenedVault, secrets: Any) -> None:
    for one in secrets:
        opened.masker.add(one)


def decoded(body: bytes, kind: type[T]) -> T:
    """A record as a ``kind``. Raises VaultDamaged."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise VaultDamaged(f"A record of the vault is not what was expected ({error}): write it again.") from error
