"""Brokers' accounts that come and go while the engine runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from openalgo_lab.broker import registry
from openalgo_lab.broker.connect import open_adapter
from openalgo_lab.broker.generic import GenericAdapter
from openalgo_lab.broker.login import missing_fields
from openalgo_lab.broker.spec import BrokerSpec
from openalgo_lab.engine.connections.keeping import KeptConnection, KeptConnections, KeptLogins, KeptSessions
from openalgo_lab.engine.connections.master import MasterFiles
from openalgo_lab.engine.connections.named import NamedAdapter
from openalgo_lab.engine.router import Line
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.model.broker_commands import (
    ConnectBroker,
    Connected,
    ConnectionInfo,
    GetLoginPage,
    LoginNeeds,
    LoginPage,
)
from openalgo_lab.model.errors import InputError, LabError, VaultError
from openalgo_lab.model.orders import ID_LENGTH
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import Mode
from openalgo_lab.store.journal_opening import open_journal

if TYPE_CHECKING:
    from openalgo_lab.engine.composition import Composition
    from openalgo_lab.engine.engine import Engine

__all__ = ["Connections"]

log = logging.getLogger(__name__)

REFRESH_S: Final = 60.0


class Connections:
    """One engine's. Used on its loop."""

    def __init__(self, engine: Engine, parts: Composition, keeper: VaultKeeper) -> None:
        self._engine = engine
        self._parts = parts
        self._keeper = keeper
        self._sessions = KeptSessions(keeper)
        self._logins = KeptLogins(keeper)
        self._kept = KeptConnections(keeper)
        self._open: dict[str, KeptConnection] = {}
        self._changing = asyncio.Lock()
        self._masters = MasterFiles(parts.folder / "instruments", parts.now_ns, version("openalgo-lab"))

    async def connect(self, command: ConnectBroker) -> Connected:
        """Log in, list the instruments, compare the books, open for orders.

        Raises InputError that names what the login still needs, VaultError, and what the broker answers; a first
        connection that fails leaves nothing behind.
        """
        if self._parts.steer is not None:
            raise InputError("A recording is being played: end it before a broker is connected.", field="broker")
        async with self._changing:
            return await self._connect(command)

    async def _connect(self, command: ConnectBroker) -> Connected:
        spec = registry.load(command.broker)
        account = command.account or spec.key.upper()
        given = {name: value.reveal() for name, value in command.credentials.items()}
        fields = {**await self._logins.load(spec.key, account), **given}
        await self._require_fields(spec, account, fields)
        line = self._known(spec, account)
        if line is None:
            line = await self._first(command, spec, account, fields)
        else:
            await self._again(line, fields)
        if command.keep:
            await self._logins.save(spec, account, fields)
        if command.data:
            await self._engine.show_data_of(line)
        self._open[account] = KeptConnection(spec.key, account, command.data, command.base_url, command.feed_url)
        await self._note()
        return self._answer(line)

    async def restore(self) -> None:
        """Take up again what was connected when the engine ended; what cannot be is told. Until the vault is open,
        nothing is known."""
        for kept in await self._kept.load():
            if self._engine.router.find(kept.account) is not None:
                continue
            command = ConnectBroker(
                kept.broker, kept.account, keep=False, data=kept.data, base_url=kept.base_url, feed_url=kept.feed_url
            )
            try:
                await self.connect(command)
            except LabError as error:
                self._open.setdefault(kept.account, kept)
                self._engine.tell(
                    f"account {kept.account}",
                    f"The account {kept.account} at {kept.broker} is not connected ({error}); log in again with "
                    f"lab.connect({kept.broker!r}, account={kept.account!r}).",
                )

    async def keep(self) -> None:
        """Fetch the instruments of a new day when it has come; until cancelled. Most sessions end before that."""
        while True:
            await asyncio.sleep(REFRESH_S)
            for line in self._engine.router.lines:
                if isinstance(line.adapter, NamedAdapter) and line.open and not self._masters.holds(line.adapter.store):
                    await self._refresh(line)

    async def _refresh(self, line: Line) -> None:
        try:
            await self.list_instruments(line)
            if line is self._engine.data_line:
                await self._engine.take_instruments_of(line)
        except LabError as error:
            log.warning("The new instruments of %s are not there yet: %s", line.name, error)

    async def _note(self) -> None:
        try:
            await self._kept.save(list(self._open.values()))
        except VaultError as error:
            log.warning("The connections are not kept for the next start: %s", error)

    async def disconnect(self, account: str, *, logout: bool) -> None:
        """End a connection. Raises InputError for an account that is no broker's, or that others depend on."""
        line = self._engine.router.line(account)
        adapter = _generic(line)
        if logout:
            try:
                await adapter.logout()
            except LabError as error:
                log.warning("The session of %s could not be ended at the broker: %s", account, error)
        await self._engine.take_down(line)
        self._engine.ledger.forget(line.name)
        self._open.pop(line.name, None)
        await self._note()

    def listed(self) -> tuple[ConnectionInfo, ...]:
        """How each broker's account stands."""
        found = {line.name: self._standing(line) for line in self._engine.router.lines if _is_broker(line)}
        for kept in self._open.values():
            because = "it could not be taken up again when the engine started; log in again"
            found.setdefault(kept.account, ConnectionInfo(kept.account, kept.broker, False, True, because))
        return tuple(found.values())

    def _standing(self, line: Line) -> ConnectionInfo:
        session = _generic(line).session
        return ConnectionInfo(
            account=line.name,
            broker=line.account.broker,
            open=line.open,
            expired=line.expired,
            because=line.closed_because or line.paused_because,
            expires_ns=session.expires_ns if session is not None else 0,
            data=line is self._engine.data_line,
            default=line.name == self._engine.router.default_account,
        )

    async def needs(self, broker: str, account: str) -> LoginNeeds:
        """What the vault knows of a login. Nothing while it is locked or missing."""
        spec = registry.load(broker)
        name = account or spec.key.upper()
        try:
            fields = await self._logins.load(spec.key, name)
            session = await self._sessions.load(spec.key, name)
        except VaultError as error:
            log.info("The vault tells nothing of %s: %s", name, error)
            return LoginNeeds(name)
        return LoginNeeds(name, tuple(sorted(fields)), session is not None)

    async def login_page(self, command: GetLoginPage) -> LoginPage:
        """Where the user's browser logs in. Raises InputError for a credential that is missing, NotSupported."""
        spec = registry.load(command.broker)
        account = command.account or spec.key.upper()
        given = {name: value.reveal() for name, value in command.credentials.items()}
        fields = {**await self._logins.load(spec.key, account), **given}
        return LoginPage(spec.codec.login_url(fields, command.redirect_uri, command.state))

    async def list_instruments(self, line: Line) -> None:
        """Give a broker's line its instruments of today. Raises what fetching them raises, and StoreError."""
        if isinstance(line.adapter, NamedAdapter):
            line.adapter.store = await self._masters.load(line.account.broker, line.adapter.instruments)

    async def _first(self, command: ConnectBroker, spec: BrokerSpec, account: str, fields: Mapping[str, str]) -> Line:
        vault = self._keeper.require_open()
        generic = open_adapter(
            spec,
            Account(account, spec.key, Mode.LIVE),
            fields,
            base_url=command.base_url,
            feed_url=command.feed_url,
            tokens=self._sessions,
        )
        now_ns = self._parts.now_ns
        path = self._parts.folder / f"{spec.key}-{account}.journal.db"
        journal = open_journal(path, vault.sealed, day=trade_date(now_ns()), now_ns=now_ns)
        line = Line(NamedAdapter(generic, now_ns), journal, tagged=generic.spec.tag_length >= ID_LENGTH)
        try:
            self._engine.add_line(line)
            await self._engine.bring_up(line)
        except BaseException:  # a cancelled login too leaves no half-made line behind; raised again
            await self._engine.take_down(line)
            raise
        return line

    async def _again(self, line: Line, fields: Mapping[str, str]) -> None:
        """A new login of an account that is there; while it has none its orders are closed."""
        _generic(line).give(fields)
        line.shut("it is being connected again; wait a moment")
        try:
            await self._engine.bring_up(line)
        except LabError:
            line.shut("its last login failed; log in again", expired=True)
            raise

    async def _require_fields(self, spec: BrokerSpec, account: str, fields: Mapping[str, str]) -> None:
        missing = missing_fields(spec, fields)
        if not missing or await self._sessions.load(spec.key, account) is not None:
            return
        names = ", ".join(f"{field.name} ({field.label})" for field in missing)
        raise InputError(f"{spec.name} still needs {names}; give it to lab.connect().", field=missing[0].name)

    def _known(self, spec: BrokerSpec, account: str) -> Line | None:
        line = self._engine.router.find(account)
        if line is not None and (line.account.broker != spec.key or not isinstance(line.adapter, NamedAdapter)):
            raise InputError(
                f"The account {account} is at {line.account.broker} already; give the new one another name: "
                f"lab.connect({spec.key!r}, account='...').",
                field="account",
            )
        return line

    def _answer(self, line: Line) -> Connected:
        adapter = line.adapter
        session = _generic(line).session
        listed = len(adapter.store) if isinstance(adapter, NamedAdapter) and adapter.store is not None else 0
        return Connected(
            account=line.account,
            instruments=listed,
            expires_ns=session.expires_ns if session is not None else 0,
            data=self._engine.data_line is line,
        )


def _is_broker(line: Line) -> bool:
    return isinstance(line.adapter, NamedAdapter)


def _generic(line: Line) -> GenericAdapter:
    if not isinstance(line.adapter, NamedAdapter):
        raise InputError(f"{line.name} is no broker's account: it cannot be disconnected.", field="account")
    return line.adapter.inner
