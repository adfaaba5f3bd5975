"""Connecting brokers through the facade: what is missing is asked for, a login page is opened, the rest is one command.

``lab.connect("zerodha")`` asks for what the vault does not know. A redirect login opens the broker's page and takes
its callback on this machine; where that cannot work, log in by hand and give ``url=`` the address that the browser
then shows.
"""

from __future__ import annotations

import asyncio
import getpass
import secrets
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from openalgo_lab.broker import registry
from openalgo_lab.broker.callback import DEFAULT_REDIRECT, CallbackServer, parameters_of
from openalgo_lab.broker.login import ONE_TIME, missing_fields
from openalgo_lab.broker.spec import BrokerSpec, LoginField, LoginKind
from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.front import Front, front
from openalgo_lab.lab.pairs import Ask, awaited, blocking
from openalgo_lab.model.broker_commands import (
    ConnectBroker,
    Connected,
    DisconnectBroker,
    GetLoginPage,
    KnownLogin,
    LoginNeeds,
    UseAccount,
)
from openalgo_lab.model.command_base import Done
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import GetVault, VaultInfo

__all__ = ["ConnectCalls"]

CONNECT_S: Final = 120.0
"""A first connection fetches a master contract of tens of megabytes."""
LOGIN_S: Final = 300.0

Asker = Callable[[LoginField], str]
Opener = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class _How:
    """How a login meets the user. ``url`` may hold a token."""

    url: Secret
    redirect_uri: str
    ask: Asker | None
    open_page: Opener


class ConnectCalls(LabCore):
    """The part of :class:`~openalgo_lab.lab.Lab` that speaks of brokers."""

    def connect(
        self,
        broker: str,
        *,
        account: str = "",
        data: bool = True,
        keep: bool = True,
        url: str = "",
        redirect_uri: str = DEFAULT_REDIRECT,
        base_url: str = "",
        feed_url: str = "",
        ask: Asker | None = None,
        open_page: Opener = webbrowser.open,
        **credentials: str | Secret,
    ) -> Connected:
        """Log in at a broker and take up an account; answers when its orders may pass.

        Orders go there when you name the account, or after ``lab.use(account)``; live trading must be armed with
        ``lab.arm(account)``. Give the broker's login fields by name, or be asked for them; the vault keeps them.
        Without an open vault a terminal is asked for it first; a notebook shows the form of ``lab.login``, where
        the login goes on, and the call ends with VaultMissing or VaultError.

        Args:
            broker: its key, as ``openalgo-lab brokers`` lists it.
            account: a name for the account; "" takes the broker's key in capitals.
            data: show this broker's market data from now on.
            keep: put the login fields into the vault.
            url: the address after the login on the broker's page, where its callback cannot reach this machine.
            redirect_uri: what you registered at the broker.
            base_url, feed_url: another server in the broker's place (a simulator).
            ask, open_page: how a missing field is asked for, and how the login page is opened.

        Raises:
            InputError: a field is missing or wrong; ``field`` names it.
            VaultMissing, VaultError: there is no open vault, and a broker's login is kept nowhere else.
            Rejected, SessionExpired, WireError, Throttled: what the broker answered.
        """
        given, how = _hidden(credentials), _How(Secret(url), redirect_uri, ask or _asker(), open_page)
        url = ""  # from here on no frame of ours holds a secret that a traceback with values could print
        wanted = ConnectBroker(broker, account, given, keep, data, base_url, feed_url)
        self._require_vault(wanted)
        return self._log_in(wanted, how)

    async def connect_async(
        self,
        broker: str,
        *,
        account: str = "",
        data: bool = True,
        keep: bool = True,
        url: str = "",
        redirect_uri: str = DEFAULT_REDIRECT,
        base_url: str = "",
        feed_url: str = "",
        ask: Asker | None = None,
        open_page: Opener = webbrowser.open,
        **credentials: str | Secret,
    ) -> Connected:
        """The same on your own loop; asking and the login page wait on a thread of their own."""
        given = _hidden(credentials)
        if front() is Front.PAGE:  # a widget belongs to the loop that its cell runs on
            wanted = ConnectBroker(broker, account, given, keep, data, base_url, feed_url)
            self._require_open(await self.call_async(GetVault()), wanted)
        return await asyncio.to_thread(
            self.connect,
            broker,
            account=account,
            data=data,
            keep=keep,
            url=url,
            redirect_uri=redirect_uri,
            base_url=base_url,
            feed_url=feed_url,
            ask=ask,
            open_page=open_page,
            **given,
        )

    def _disconnect(self, account: str, *, logout: bool = False) -> Ask[Done, str]:
        """End a connection. Orders and positions at the broker stay; ``logout`` ends the session there too."""
        return Ask(DisconnectBroker(account, logout), _words, CONNECT_S)

    disconnect, disconnect_async = blocking(_disconnect), awaited(_disconnect)

    def _use(self, account: str, *, orders: bool = True, data: bool = False) -> Ask[Done, str]:
        """Send orders that name no account to this one, and with ``data=True`` show its broker's market data."""
        return Ask(UseAccount(account, orders, data), _words, CONNECT_S)

    use, use_async = blocking(_use), awaited(_use)

    def _require_vault(self, wanted: ConnectBroker) -> None:
        """Whoever sits in front is asked to create or to unlock it; a script gets the engine's own sentence."""
        if front() is not Front.NOBODY:
            self._require_open(self.call(GetVault()), wanted)

    def _require_open(self, info: VaultInfo, wanted: ConnectBroker) -> None:
        if info.open:
            return
        from openalgo_lab.lab.vault_asking import Terminal, ask_for_vault, show_login

        if front() is Front.PAGE:
            show_login(self, info, wanted)
        ask_for_vault(self, info, Terminal())

    def _log_in(self, wanted: ConnectBroker, how: _How) -> Connected:
        """With what is known and asked for; and once more with what turns out to be lacking."""
        spec = registry.load(wanted.broker)
        fields = _asked(spec, self.call(KnownLogin(wanted.broker, wanted.account)), wanted.credentials, how.ask)
        if spec.login is LoginKind.REDIRECT:
            fields.setdefault("redirect_uri", Secret(how.redirect_uri))
        if how.url:
            fields.update(_secret(parameters_of(how.url.reveal())))

        def send() -> Connected:
            return self.call(msgspec.structs.replace(wanted, credentials=fields), CONNECT_S)

        try:
            return send()
        except InputError as error:
            # The session of today was no good: a one-time code is missing, or what only the login page can bring.
            lacking = next((one for one in (*spec.login_fields, ONE_TIME) if one.name == error.field), None)
            if lacking is not None and lacking.name not in fields and how.ask is not None:
                fields[lacking.name] = Secret(how.ask(lacking))
            elif lacking is None and spec.login is LoginKind.REDIRECT and not how.url and error.field != "account":
                fields.update(self._redirected(spec, wanted.account, fields, how))
            else:
                raise
        return send()

    def _redirected(self, spec: BrokerSpec, account: str, fields: dict[str, Secret], how: _How) -> dict[str, Secret]:
        """Through the broker's own page; what its callback brought."""
        state = secrets.token_urlsafe(18)
        page = self.call(GetLoginPage(spec.key, how.redirect_uri, state, account, fields)).url
        with CallbackServer(how.redirect_uri, state, echoes_state=state in page) as server:
            if how.open_page(page) is False:
                raise InputError(
                    f"No browser can be opened here. Log in at {page} and give the address at which it ends: "
                    f"lab.connect({spec.key!r}, url='...').",
                    field="url",
                )
            return _secret(server.wait(LOGIN_S))


def _asked(spec: BrokerSpec, needs: LoginNeeds, given: Mapping[str, Secret], ask: Asker | None) -> dict[str, Secret]:
    """What was given, and what the user types for the rest."""
    fields = dict(given)
    if needs.session or ask is None:
        return fields
    for field in missing_fields(spec, dict.fromkeys((*needs.known, *fields), "known")):
        fields[field.name] = Secret(ask(field))
    return fields


def _asker() -> Asker | None:
    """How to ask where somebody sits in front: a notebook or a terminal; None in a script without one."""
    return _type_in if front() is not Front.NOBODY else None


def _type_in(field: LoginField) -> str:
    label = f"{field.label}{f' ({field.hint})' if field.hint else ''}: "
    return getpass.getpass(label) if field.secret else input(label)


def _hidden(credentials: dict[str, str | Secret]) -> dict[str, Secret]:
    """The same as secrets; ``credentials`` is emptied."""
    given = {name: value if isinstance(value, Secret) else Secret(value) for name, value in credentials.items()}
    credentials.clear()
    return {name: value for name, value in given.items() if value}


def _secret(fields: Mapping[str, str]) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in fields.items() if value}


def _words(done: Done) -> str:
    return done.message
