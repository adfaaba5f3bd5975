"""The handlers of the commands about brokers. See :mod:`openalgo_lab.engine.desks` for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openalgo_lab.engine.connections.connections import Connections
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.table import Idempotency, RateClass, handles
from openalgo_lab.model import broker_commands as c
from openalgo_lab.model.command_base import Done
from openalgo_lab.model.errors import NotPermitted

if TYPE_CHECKING:
    from openalgo_lab.engine.engine import Engine

__all__ = ["BrokerDesk"]


class BrokerDesk:
    """Connections; what is typed into a login comes from a kernel of this machine only."""

    def __init__(self, connections: Connections, engine: Engine) -> None:
        self._connections = connections
        self._engine = engine

    @handles(c.ConnectBroker, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def connect_broker(self, command: c.ConnectBroker, principal: Principal) -> c.Connected:
        """Log in and take up an account."""
        _require_local(principal)
        return await self._connections.connect(command)

    @handles(c.DisconnectBroker, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def disconnect_broker(self, command: c.DisconnectBroker, _: Principal) -> Done:
        """End a connection."""
        await self._connections.disconnect(command.account, logout=command.logout)
        return Done(f"{command.account} is disconnected; its orders and positions are as they were.")

    @handles(c.UseAccount, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def use_account(self, command: c.UseAccount, _: Principal) -> Done:
        """By the user's own word."""
        line = self._engine.router.line(command.account)
        if command.data:
            await self._engine.show_data_of(line)
        if command.orders:
            self._engine.router.default_account = line.name
        what = " and ".join(word for word, wanted in (("orders", command.orders), ("data", command.data)) if wanted)
        return Done(f"{line.name} is used for {what or 'nothing new'}.")

    @handles(c.KnownLogin, permission=Permission.READ)
    async def known_login(self, command: c.KnownLogin, principal: Principal) -> c.LoginNeeds:
        """Names only."""
        _require_local(principal)
        return await self._connections.needs(command.broker, command.account)

    @handles(c.ListConnections, permission=Permission.READ, rate=RateClass.FREE)
    async def list_connections(self, _: c.ListConnections, __: Principal) -> tuple[c.ConnectionInfo, ...]:
        """From what the engine holds; the broker is not asked."""
        return self._connections.listed()

    @handles(c.GetLoginPage, permission=Permission.ADMIN)
    async def get_login_page(self, command: c.GetLoginPage, principal: Principal) -> c.LoginPage:
        """By the broker's codec, with what the vault knows."""
        _require_local(principal)
        return await self._connections.login_page(command)


def _require_local(principal: Principal) -> None:
    if not principal.local:
        raise NotPermitted("A broker is connected from a notebook or page of this machine, not by a program's key.")
