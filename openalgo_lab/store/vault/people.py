"""Who may use the workbench: users with their second factor, and keys for programs. Nothing here opens by itself what
it guards: a password and a key are kept as hashes, and only the second factor's seed must be kept as it is.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from openalgo_lab.model.roles import Role
from openalgo_lab.model.secret import Secret
from openalgo_lab.store.vault.opened import OpenedVault
from openalgo_lab.store.vault.records import decoded

__all__ = ["ApiKey", "ApiKeyStore", "User", "UserStore"]

T = TypeVar("T", bound=msgspec.Struct)


class User(msgspec.Struct, frozen=True):
    """A person. ``password`` is an Argon2id hash in its usual text form; ``totp`` is the seed in base32, "" without.

    ``totp_step`` is the last 30-second step whose code was taken: none is taken twice. ``recovery`` are hashes of the
    recovery codes that are left. ``failed`` tries in a row, the last at ``failed_ns`` (UTC).
    """

    name: str
    role: Role
    password: str
    totp: str = ""
    totp_step: int = 0
    recovery: tuple[bytes, ...] = ()
    failed: int = 0
    failed_ns: int = 0
    created_ns: int = 0


class ApiKey(msgspec.Struct, frozen=True):
    """A program's key, of which ``digest`` (SHA-256) alone is kept. Times UTC ns; ``ended_ns`` 0 = not revoked.

    ``accounts`` and ``commands`` narrow it to those named; empty = all that the role may.
    """

    id: str
    label: str
    role: Role
    digest: bytes
    created_ns: int
    expires_ns: int
    accounts: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    ended_ns: int = 0
    by: str = ""


class UserStore:
    """Users by name."""

    def __init__(self, opened: OpenedVault) -> None:
        self._opened = opened

    def put(self, user: User) -> None:
        """Keep it in place of an older one; durable when it returns. Raises VaultError."""
        if user.totp:
            self._opened.masker.add(Secret(user.totp))
        _put(self._opened, "users", user.name, user)

    def get(self, name: str) -> User | None:
        """The user, or None."""
        return _get(self._opened, "users", "name", name, User)

    def all(self) -> list[User]:
        """All of them, by name."""
        return _all(self._opened, "users", "name", User)

    def remove(self, name: str) -> bool:
        """Forget one; whether there was one."""
        self._opened.require_writer()
        with self._opened.database.writing() as connection:
            return bool(connection.execute("DELETE FROM users WHERE name = ?", (name,)).rowcount)


class ApiKeyStore:
    """Keys by their public part. A revoked key stays, so that the audit log keeps its name."""

    def __init__(self, opened: OpenedVault) -> None:
        self._opened = opened

    def put(self, key: ApiKey) -> None:
        """Keep it in place of an older one; durable when it returns. Raises VaultError."""
        _put(self._opened, "api_keys", key.id, key)

    def get(self, key_id: str) -> ApiKey | None:
        """The key, or None."""
        return _get(self._opened, "api_keys", "id", key_id, ApiKey)

    def all(self) -> list[ApiKey]:
        """All of them, oldest first."""
        return sorted(_all(self._opened, "api_keys", "id", ApiKey), key=lambda key: key.created_ns)


def _put(opened: OpenedVault, table: str, name: str, record: msgspec.Struct) -> None:
    opened.require_writer()
    with opened.database.writing() as connection:
        query = f"INSERT OR REPLACE INTO {table} VALUES(?, ?)"
        connection.execute(query, (name, msgspec.json.encode(record)))


def _get(opened: OpenedVault, table: str, column: str, name: str, kind: type[T]) -> T | None:
    with opened.database.reading() as connection:
        query = f"SELECT record FROM {table} WHERE {column} = ?"  # noqa: S608 - constants
        row = connection.execute(query, (name,)).fetchone()
    return None if row is None else decoded(row[0], kind)


def _all(opened: OpenedVault, table: str, column: str, kind: type[T]) -> list[T]:
    with opened.database.reading() as connection:
        rows = connection.execute(f"SELECT record FROM {table} ORDER BY {column}").fetchall()  # noqa: S608 - constants
    return [decoded(body, kind) for (body,) in rows]
