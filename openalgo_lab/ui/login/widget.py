"""Brokers on a page: which there are, how the connections stand, and the login of the chosen one.

A login is at most three commands, each of which answers on the kernel's loop: what the vault knows, the broker's own
page where it has one, and the connection. While one is under way the form is busy, and the loop is free.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from openalgo_lab.broker import registry
from openalgo_lab.broker.callback import DEFAULT_REDIRECT
from openalgo_lab.broker.login import CODE
from openalgo_lab.broker.spec import BrokerSpec, LoginKind
from openalgo_lab.model.broker_commands import (
    ConnectBroker,
    Connected,
    ConnectionInfo,
    DisconnectBroker,
    GetLoginPage,
    KnownLogin,
    ListConnections,
    LoginNeeds,
    LoginPage,
)
from openalgo_lab.model.command_base import Done
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.events import ErrorRaised
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import GetVault, VaultInfo
from openalgo_lab.model.times import format_ist
from openalgo_lab.store.guard import process_masker
from openalgo_lab.ui.login import steps
from openalgo_lab.ui.login.fields import ACCOUNT, ADDRESS, REDIRECT, asked, lacking, plain_names, row_of, shown_fields
from openalgo_lab.ui.login.form import LoginForm
from openalgo_lab.ui.login.parts import BrokerRow, Choose, FromPage, LoginPress, LoginShown, Look, OnAccount
from openalgo_lab.ui.login.redirect import Redirect, safe_page
from openalgo_lab.ui.login.standing import account_row
from openalgo_lab.ui.login.steps import Act, Step
from openalgo_lab.ui.vault.conversation import Conversation, HasHandle
from openalgo_lab.ui.vault.widget import VaultDialog

__all__ = ["BrokerLogin"]

_log = logging.getLogger(__name__)

CONNECT_S = 120.0
"""A first connection fetches a master contract of tens of megabytes."""


class BrokerLogin(Conversation):
    """Connects brokers for every kernel and page of the profile.

    Secrets come as messages, are held as :class:`Secret` until the login has succeeded, another broker is chosen or
    the form is closed, and never stand in a widget's state or a notebook.

    Args:
        broker: its key: the form shows this one's login, and no list.
        account: a name for the account.
        base_url, feed_url: another server in the broker's place (a simulator).
        keep: put the login fields into the vault; ``data``: show this broker's market data. Both can be changed there.
        given: login fields that need not be typed any more.
    """

    def __init__(
        self,
        lab: HasHandle,
        broker: str = "",
        *,
        account: str = "",
        base_url: str = "",
        feed_url: str = "",
        keep: bool = True,
        data: bool = True,
        given: Mapping[str, Secret] | None = None,
    ) -> None:
        self._spec: BrokerSpec | None = registry.load(broker) if broker else None
        self._only = bool(broker)
        self._where = {"base_url": base_url, "feed_url": feed_url}
        self._step = Step.FORM if broker else Step.LIST
        self._typed: dict[str, Secret] = {}
        self._plain: dict[str, str] = {ACCOUNT: account}
        self._errors: dict[str, str] = {}
        self._needs = LoginNeeds("")
        self._keep, self._data = keep, data
        self._redirect: Redirect | None = None
        self._page, self._listening = "", False
        self._accounts: tuple[ConnectionInfo, ...] = ()
        self._rows: dict[str, BrokerRow] = {}
        self._vault_info = VaultInfo(exists=False, open=True)
        self._was_open = False
        self._vault: VaultDialog | None = None
        self._on_connected: list[Callable[[Connected], None]] = []
        super().__init__(lab)
        self.add_class("oal-login-box")
        if self._spec is not None:
            self._note_typed(self._spec, given or {})
            self._rows[self._spec.key] = row_of(self._spec)
        else:
            threading.Thread(target=self._read_brokers, name="openalgo-brokers", daemon=True).start()

    @property
    def step(self) -> Step:
        """Where the form stands."""
        return self._step

    @property
    def broker(self) -> str:
        """The chosen broker's key; "" while none is."""
        return self._spec.key if self._spec is not None else ""

    def on_connected(self, callback: Callable[[Connected], None]) -> None:
        """Call back with what this form has connected, on the kernel's loop."""
        self._on_connected.append(callback)

    def close(self) -> None:
        """Remove the form; connections stay."""
        self._forget()
        if self._vault is not None:
            self._vault.close()
        super().close()

    # What is shown ----------------------------------------------------------------------------------------------------

    def new_form(self) -> LoginForm:
        """List, connections and login in one."""
        self._page_form = LoginForm(self._painted, self._heard)
        return self._page_form

    def refresh(self) -> None:
        """How the vault and the connections are, and what the vault knows of the chosen login."""
        self.look(GetVault(), self._take_vault)
        self._look_at_accounts()

    def failed(self, error: LabError) -> None:
        """Beside the field that it is about, else on the message line; a session that was none leads to a login."""
        spec, field = self._spec, error.field if isinstance(error, InputError) else ""
        if spec is None or self._step is Step.LIST or not field:
            super().failed(error)
        elif self._step is Step.THEIR_PAGE and field == ADDRESS:
            self._complain({ADDRESS: str(error)})
        elif field in {one.name for one in asked(spec)}:
            self._typed.pop(field, None)
            self._leave_page(Step.FORM)
            self._needs = LoginNeeds(self._needs.account, self._needs.known)
            self._complain({field: str(error)})
        elif spec.login is LoginKind.REDIRECT and self._step is Step.FORM and self._needs.session:
            self._needs = LoginNeeds(self._needs.account, self._needs.known)
            self._go_on()
        else:
            super().failed(error)

    def _painted(self) -> LoginShown:
        now_ns = time.time_ns()
        names = {key: row.name for key, row in self._rows.items()}
        return msgspec.structs.replace(
            self._at_step(),
            accounts=tuple(account_row(one, names, now_ns) for one in self._accounts),
            broker=self.broker,
            facts=self._rows.get(self.broker),
            keep=self._keep,
            data=self._data,
            only=self._only,
            message=self._message,
            bad=self._bad,
            busy=self._busy,
        )

    def _at_step(self) -> LoginShown:
        spec = self._spec
        if spec is None or self._step is Step.LIST:
            return LoginShown()
        if not self._vault_info.open or self._vault is not None:
            return steps.waiting_for_the_vault(spec, self._vault_info)
        if self._step is Step.THEIR_PAGE:
            error = self._errors.get(ADDRESS, "")
            return steps.on_their_page(spec, self._page, listening=self._listening, error=error)
        if self._step is Step.DONE:
            return steps.done(spec)
        fields = shown_fields(spec, known=self._needs.known, typed=self._typed, values=self._plain, errors=self._errors)
        return steps.form(spec, fields, session=self._needs.session)

    # What the page says -----------------------------------------------------------------------------------------------

    def _heard(self, message: FromPage) -> None:
        if self._busy:
            return
        try:
            match message:
                case LoginPress():
                    self._pressed(message)
                case Choose():
                    self._choose(registry.load(message.broker) if message.broker else None)
                case OnAccount():
                    self._on_account(message.account, message.act)
                case Look():
                    self._look_at_accounts()
        except LabError as error:
            self.failed(error)

    def _pressed(self, press: LoginPress) -> None:
        spec = self._spec
        if spec is None:
            return
        match press.act:
            case Act.LOGIN:
                self._keep, self._data = press.keep, press.data
                self._note_typed(spec, {name: Secret(value) for name, value in press.values.items()})
                self.ask(KnownLogin(spec.key, self._plain.get(ACCOUNT, "")), self._known)
            case Act.PASTED:
                address = Secret(press.values.get(ADDRESS, ""))
                process_masker().add(address)
                self._came(self._redirect, self._redirect.pasted(address) if self._redirect else {})
            case Act.BACK:
                self._leave_page(Step.FORM)
                self.say()
                self._look_at_login()
            case _:
                _log.warning("A page pressed a button that cannot be read; reload the page.")

    def _choose(self, spec: BrokerSpec | None, account: str = "") -> None:
        if spec is not None:
            self._rows.setdefault(spec.key, row_of(spec))
        self._forget()
        self._spec, self._plain, self._needs = spec, {ACCOUNT: account}, LoginNeeds("")
        self._step = Step.FORM if spec is not None else Step.LIST
        self.say()
        self._look_at_login()

    def _on_account(self, account: str, act: str) -> None:
        found = next((one for one in self._accounts if one.account == account), None)
        if found is None:
            self._look_at_accounts()
        elif act == "again":
            self._choose(registry.load(found.broker), account)
        elif act in ("disconnect", "logout"):
            self.ask(DisconnectBroker(account, act == "logout"), self._disconnected, CONNECT_S)

    # A login ----------------------------------------------------------------------------------------------------------

    def _note_typed(self, spec: BrokerSpec, values: Mapping[str, Secret]) -> None:
        """What is no secret may be shown again; the rest is only remembered, and masked in logs from now on."""
        plain = plain_names(spec)
        for name, value in values.items():
            if name in plain:
                self._plain[name] = value.reveal().strip()
            elif value:
                process_masker().add(value)
                self._typed[name] = value

    def _known(self, needs: LoginNeeds) -> None:
        self._needs = needs
        self._go_on()

    def _go_on(self) -> None:
        """The next step of a login whose fields were given."""
        spec = self._spec
        if spec is None:
            return
        self._errors = {}
        given = self._credentials()
        if not self._needs.session and (missing := lacking(spec, {*self._needs.known, *given})):
            self._complain(missing)
        elif spec.login is LoginKind.REDIRECT and not self._needs.session:
            self._redirect = Redirect(self._plain.get(REDIRECT) or DEFAULT_REDIRECT)
            state, account = self._redirect.state, self._plain.get(ACCOUNT, "")
            self.ask(GetLoginPage(spec.key, self._redirect.redirect_uri, state, account, given), self._show_page)
        else:
            self._connect({})

    def _credentials(self) -> dict[str, Secret]:
        plain = {name: Secret(value) for name, value in self._plain.items() if value and name != ACCOUNT}
        return {**plain, **self._typed}

    def _show_page(self, page: LoginPage) -> None:
        redirect = self._redirect
        if redirect is None:
            return
        try:
            self._page = safe_page(page.url)
        except InputError as error:
            self._leave_page(Step.FORM)
            self.failed(error)
            return
        self._step, said = Step.THEIR_PAGE, ""
        try:
            redirect.listen(self._page, partial(self._hear, redirect), partial(self._missed, redirect))
            self._listening = True
        except InputError as error:
            self._listening, said = False, str(error)
        self.say(said)

    def _hear(self, redirect: Redirect, found: Mapping[str, Secret]) -> None:
        """On the thread that listened."""
        self._loop.call(partial(self._came, redirect, found))

    def _missed(self, redirect: Redirect, error: InputError) -> None:
        self._loop.call(partial(self._no_callback, redirect, error))

    def _no_callback(self, redirect: Redirect, error: InputError) -> None:
        if self._redirect is redirect and not self._busy:
            self._listening = False
            self.say(str(error), bad=True)

    def _came(self, redirect: Redirect | None, found: Mapping[str, Secret]) -> None:
        """The broker's page is done. An answer to a login that was given up since is dropped."""
        if redirect is None or self._redirect is not redirect or self._busy:
            return
        for value in found.values():
            process_masker().add(value)
        self._leave_page(Step.FORM)
        self._connect(found)

    def _connect(self, brought: Mapping[str, Secret]) -> None:
        spec = self._spec
        if spec is not None:
            account, fields = self._plain.get(ACCOUNT, ""), {**self._credentials(), **brought}
            self._typed.pop(CODE, None)  # good for one try only
            command = ConnectBroker(spec.key, account, fields, self._keep, self._data, **self._where)
            self.ask(command, self._connected, CONNECT_S)

    def _connected(self, connected: Connected) -> None:
        self._forget()
        self._step = Step.DONE if self._only else Step.LIST
        self._spec = self._spec if self._only else None
        until = f", session until {format_ist(connected.expires_ns)} IST" if connected.expires_ns else ""
        name = connected.account.account
        self.say(
            f"{name} is connected: {connected.instruments:,} instruments{until}. Before its first order: "
            f"lab.arm({name!r})."
        )
        self._look_at_accounts()
        for callback in self._on_connected:
            callback(connected)

    def _disconnected(self, answer: Done) -> None:
        self.say(answer.message)
        self._look_at_accounts()
        self._look_at_login()

    def _complain(self, errors: Mapping[str, str]) -> None:
        self._errors = dict(errors)
        self.say()

    def _leave_page(self, step: Step) -> None:
        """Away from the broker's page, to ``step``."""
        if self._redirect is not None:
            self._redirect.close()
        self._redirect, self._page, self._errors, self._step = None, "", {}, step

    def _forget(self) -> None:
        """Nothing that was typed is remembered."""
        self._leave_page(Step.FORM if self._step is Step.THEIR_PAGE else self._step)
        self._typed.clear()

    # What the engine says ---------------------------------------------------------------------------------------------

    def on_event(self, event: object) -> None:
        """On the engine's thread: a session that ended is told as an error."""
        super().on_event(event)
        if isinstance(event, ErrorRaised):
            self._loop.call(self._look_at_accounts)

    def _look_at_accounts(self) -> None:
        self.look(ListConnections(), self._take_accounts)

    def _look_at_login(self) -> None:
        if self._spec is not None:
            spec = self._spec
            self.look(KnownLogin(spec.key, self._plain.get(ACCOUNT, "")), partial(self._take_needs, spec))

    def _take_accounts(self, accounts: tuple[ConnectionInfo, ...]) -> None:
        self._accounts = accounts
        self._form.tell()

    def _take_needs(self, spec: BrokerSpec, needs: LoginNeeds) -> None:
        if self._spec is spec and not self._busy:
            self._needs = needs
            self._form.tell()

    def _take_vault(self, info: VaultInfo) -> None:
        self._vault_info = info
        if self._was_open and not info.open:  # locked, by somebody or by the clock: nothing typed outlives that
            self._forget()
        self._was_open = info.open
        if not info.open and self._vault is None:
            self._vault = VaultDialog(self._lab)
            self._vault.on_settled(self._vault_settled)
            self._arrange(self._vault, self._form)
        self._form.tell()
        self._look_at_login()

    def _vault_settled(self) -> None:
        """It is open, and its recovery key was written down: the login goes on."""
        dialog, self._vault = self._vault, None
        if dialog is not None:
            self._arrange(self._form)
            dialog.close()
        self.refresh()

    def _arrange(self, *parts: object) -> None:
        self.children = parts

    def _read_brokers(self) -> None:
        """On a thread of its own: loading all of them takes a moment."""
        rows = []
        for key in registry.available():
            try:
                spec = registry.load(key)
            except InputError as error:
                _log.warning("A broker is left out of the list: %s", error)
                continue
            if spec.base_url or self._where["base_url"]:
                rows.append(row_of(spec))
        self._loop.call(partial(self._take_rows, rows))

    def _take_rows(self, rows: list[BrokerRow]) -> None:
        self._rows = {row.key: row for row in rows}
        self._page_form.list_brokers(rows)
        self._form.tell()
