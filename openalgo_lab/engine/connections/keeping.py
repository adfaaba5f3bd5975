"""What the vault keeps of a broker's account: its login fields, and the session of the day."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from openalgo_lab.broker.login import CODE
from openalgo_lab.broker.spec import BrokerSpec, Session
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.times import from_ns

__all__ = ["KeptConnection", "KeptConnections", "KeptLogins", "KeptSessions"]

_SESSION = "session"
_CONNECTIONS = "connections"
_YEAR = timedelta(days=365)


class KeptSessions:
    """A `TokenStore` in the vault. Raises VaultError while it is locked."""

    def __init__(self, keeper: VaultKeeper) -> None:
        self._keeper = keeper

    async def load(self, broker: str, account: str) -> Session | None:
        """The kept session; None when there is none or it has ended."""
        vault = self._keeper.require_open()
        token = await asyncio.to_thread(vault.tokens.get, broker, account, _SESSION)
        return None if token is None else msgspec.json.decode(token.value.reveal(), type=Session)

    async def save(self, broker: str, account: str, session: Session) -> None:
        """Keep it until it ends, a session without an end for a year."""
        from openalgo_lab.store.vault import DayToken

        vault = self._keeper.require_open()
        ends = from_ns(session.expires_ns) if session.expires_ns else from_ns(self._keeper.clock.now_ns()) + _YEAR
        value = Secret(msgspec.json.encode(session).decode())
        for secret in (session.token, *session.extra.values()):
            if secret:
                self._keeper.masker.add(Secret(secret))
        await asyncio.to_thread(vault.tokens.put, DayToken(broker, account, _SESSION, value, ends))

    async def forget(self, broker: str, account: str) -> None:
        """Keep it no longer."""
        vault = self._keeper.require_open()
        await asyncio.to_thread(vault.tokens.remove, broker, account)


class KeptConnection(msgspec.Struct, frozen=True):
    """An account that was connected and is to be taken up again after a restart."""

    broker: str
    account: str
    data: bool = False
    base_url: str = ""
    feed_url: str = ""


class KeptConnections:
    """Which accounts were connected, in the vault's settings."""

    def __init__(self, keeper: VaultKeeper) -> None:
        self._keeper = keeper

    async def load(self) -> list[KeptConnection]:
        """All of them; none while the vault is locked."""
        vault = self._keeper.vault
        if vault is None:
            return []
        return await asyncio.to_thread(vault.settings.get, _CONNECTIONS, list[KeptConnection]) or []

    async def save(self, connections: Sequence[KeptConnection]) -> None:
        """In place of those that were kept. Raises VaultError while it is locked."""
        await asyncio.to_thread(self._keeper.require_open().settings.put, _CONNECTIONS, list(connections))


class KeptLogins:
    """Login fields in the vault. One-time codes and what a redirect brought back are never kept."""

    def __init__(self, keeper: VaultKeeper) -> None:
        self._keeper = keeper

    async def load(self, broker: str, account: str) -> dict[str, str]:
        """What is kept, by name; empty when nothing is."""
        vault = self._keeper.require_open()
        kept = await asyncio.to_thread(vault.credentials.get, broker, account)
        return {} if kept is None else {name: value.reveal() for name, value in kept.fields.items()}

    async def save(self, spec: BrokerSpec, account: str, fields: Mapping[str, str]) -> None:
        """Keep the broker's own login fields."""
        from openalgo_lab.store.vault import Credentials

        names = {field.name for field in spec.login_fields} - {CODE}
        kept = {name: Secret(value) for name, value in fields.items() if name in names and value}
        if kept:
            vault = self._keeper.require_open()
            await asyncio.to_thread(vault.credentials.put, Credentials(spec.key, account, kept))
