"""Commands about brokers: connecting accounts, ending a connection, and whose market data is shown.

See :mod:`openalgo_lab.model.commands`.
"""

from __future__ import annotations

import msgspec

from openalgo_lab.model.command_base import Command, Done
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.times import format_ist

__all__ = [
    "AnyBrokerCommand",
    "ConnectBroker",
    "Connected",
    "ConnectionInfo",
    "DisconnectBroker",
    "GetLoginPage",
    "KnownLogin",
    "ListConnections",
    "LoginNeeds",
    "LoginPage",
    "UseAccount",
]


class Connected(msgspec.Struct, frozen=True):
    """A broker's account is connected. ``instruments`` is how many it lists; ``expires_ns`` when its session ends."""

    account: Account
    instruments: int
    expires_ns: int = 0
    data: bool = False

    def __repr__(self) -> str:
        """A sentence: it is what a notebook shows after a login."""
        until = f", session until {format_ist(self.expires_ns)}" if self.expires_ns else ""
        shown = ", whose market data is shown" if self.data else ""
        name = self.account.account
        return (
            f"<{name} at {self.account.broker}: {self.instruments:,} instruments{shown}{until}; before its first order "
            f"lab.arm({name!r})>"
        )


class ConnectBroker(Command[Connected], frozen=True, tag="connect_broker"):
    """Log in at ``broker`` and take up ``account`` ("" = named after the broker).

    ``credentials`` are the broker's login fields by name; those that the vault knows may be left out. ``keep`` puts
    them into the vault. ``data``: market data comes from here from now on. ``base_url`` and ``feed_url`` stand in for
    the broker's own addresses (a simulator).
    """

    broker: str
    account: str = ""
    credentials: dict[str, Secret] = msgspec.field(default_factory=dict)
    keep: bool = True
    data: bool = True
    base_url: str = ""
    feed_url: str = ""


class DisconnectBroker(Command[Done], frozen=True, tag="disconnect_broker"):
    """End a connection; orders and positions at the broker are not touched. ``logout`` ends its session there too."""

    account: str
    logout: bool = False


class UseAccount(Command[Done], frozen=True, tag="use_account"):
    """Make ``account`` the one that orders go to when none is named, or the one whose market data is shown.

    A live account becomes the default by nothing else than this command.
    """

    account: str
    orders: bool = True
    data: bool = False


class LoginNeeds(msgspec.Struct, frozen=True):
    """What a login still has to be given: names of fields; ``session`` when one of today is kept."""

    account: str
    known: tuple[str, ...] = ()
    session: bool = False


class KnownLogin(Command[LoginNeeds], frozen=True, tag="known_login"):
    """Which login fields of an account the vault holds already; no value leaves it."""

    broker: str
    account: str = ""


class LoginPage(msgspec.Struct, frozen=True):
    """Where the user's browser logs in."""

    url: str

    def __repr__(self) -> str:
        return "LoginPage(***)"


class GetLoginPage(Command[LoginPage], frozen=True, tag="get_login_page"):
    """The broker's own login page, for one whose login is a redirect. ``state`` comes back with its callback."""

    broker: str
    redirect_uri: str
    state: str
    account: str = ""
    credentials: dict[str, Secret] = msgspec.field(default_factory=dict)


class ConnectionInfo(msgspec.Struct, frozen=True):
    """A broker's account as it stands. ``open``: orders may pass; if not, ``because`` says why, and with ``expired``
    only a new login helps. ``expires_ns`` (UTC) is when its session ends, 0 where that is not known or it does not.
    ``data``: its market data is shown; ``default``: orders that name no account go there.
    """

    account: str
    broker: str
    open: bool
    expired: bool = False
    because: str = ""
    expires_ns: int = 0
    data: bool = False
    default: bool = False


class ListConnections(Command[tuple[ConnectionInfo, ...]], frozen=True, tag="list_connections"):
    """All accounts at brokers, those too that were connected before a restart and wait for a login."""


AnyBrokerCommand = ConnectBroker | DisconnectBroker | UseAccount | KnownLogin | GetLoginPage | ListConnections
