"""The login form's steps: titles, notes and buttons."""

from __future__ import annotations

import enum

from openalgo_lab.broker.spec import BrokerSpec, LoginKind
from openalgo_lab.model.security_commands import VaultInfo
from openalgo_lab.ui.login.fields import ADDRESS
from openalgo_lab.ui.login.parts import LoginShown, ShownField
from openalgo_lab.ui.vault.parts import Button

__all__ = ["Act", "Step", "done", "form", "on_their_page", "waiting_for_the_vault"]


class Step(enum.StrEnum):
    """Where the form stands."""

    LIST = "list"
    FORM = "form"
    THEIR_PAGE = "their_page"
    DONE = "done"


class Act(enum.StrEnum):
    """What a button asks for."""

    LOGIN = "login"
    PASTED = "pasted"
    BACK = "back"


_BACK = Button(Act.BACK, "Back")


def form(spec: BrokerSpec, fields: tuple[ShownField, ...], *, session: bool) -> LoginShown:
    """What the broker asks for. With a ``session`` of today nothing of it is needed."""
    redirect = spec.login is LoginKind.REDIRECT
    note = (
        "The vault has a session of today: connecting needs nothing more."
        if session
        else f"{spec.name} logs you in on its own page; these fields tell it which app asks."
        if redirect
        else ""
    )
    act = "Connect" if session else f"Go to {spec.name}'s page" if redirect else "Log in"
    return LoginShown(
        title=f"Log in at {spec.name}", note=note, fields=fields, buttons=(Button(Act.LOGIN, act),), switches=True
    )


def on_their_page(spec: BrokerSpec, page: str, *, listening: bool, error: str) -> LoginShown:
    """While the user is on the broker's page."""
    note = (
        "Log in there; this form goes on by itself when you are back. If the browser ends at a page that cannot be "
        "shown, copy its whole address and paste it here."
        if listening
        else "Log in there. The browser ends at your app's redirect URL: copy that whole address and paste it here."
    )
    pasted = ShownField(
        ADDRESS, "Address at which the browser ended", hint="It begins with http.", error=error, needed=not listening
    )
    return LoginShown(
        title=f"Log in on {spec.name}'s page",
        note=note,
        fields=(pasted,),
        buttons=(Button(Act.PASTED, "Go on with this address"), _BACK),
        link=page,
        link_text=f"Open {spec.name}'s login page",
    )


def done(spec: BrokerSpec) -> LoginShown:
    """After a login."""
    return LoginShown(title=spec.name, buttons=(Button(Act.BACK, "Log in again"),))


def waiting_for_the_vault(spec: BrokerSpec, info: VaultInfo) -> LoginShown:
    """Nothing can be kept yet, or the new vault's recovery key has not been written down."""
    if info.open:
        note = "Write down the recovery key above first. The login then goes on here."
    else:
        act = "Unlock" if info.exists else "Create"
        note = (
            f"{act} the vault above first: it keeps the keys and the session of the day. The login then goes on here."
        )
    return LoginShown(title=f"Log in at {spec.name}", note=note)
