"""What the login form is made of, as the page paints it, and what the page says back."""

from __future__ import annotations

import msgspec

from openalgo_lab.ui.vault.parts import Button, Hello

__all__ = [
    "AccountRow",
    "BrokerRow",
    "Choose",
    "FromPage",
    "LoginPress",
    "LoginShown",
    "Look",
    "OnAccount",
    "ShownField",
]


class LoginPress(msgspec.Struct, frozen=True, tag="press", tag_field="k"):
    """A button was pressed, with what stood in the fields; the page has emptied the secret ones since."""

    act: str
    values: dict[str, str] = {}
    keep: bool = True
    data: bool = True


class Choose(msgspec.Struct, frozen=True, tag="choose", tag_field="k"):
    """A broker was chosen from the list; "" closes its form."""

    broker: str


class OnAccount(msgspec.Struct, frozen=True, tag="account", tag_field="k"):
    """A button beside a connection: ``again``, ``disconnect`` or ``logout``."""

    account: str
    act: str


class Look(msgspec.Struct, frozen=True, tag="look", tag_field="k"):
    """The page has been open for a while: how do the connections stand now?"""


FromPage = LoginPress | Choose | OnAccount | Look | Hello


class BrokerRow(msgspec.Struct, frozen=True):
    """A broker in the list. ``offers`` and ``lacks`` are capabilities in words, ``how`` its login in words."""

    key: str
    name: str
    family: str
    how: str
    exchanges: tuple[str, ...]
    offers: tuple[str, ...]
    lacks: tuple[str, ...]
    verified: tuple[str, ...] = ()


class AccountRow(msgspec.Struct, frozen=True):
    """A connection. ``state``: connected, closed or expired; ``text`` says it; ``marks`` are what it is used for."""

    account: str
    broker: str
    name: str
    state: str
    text: str
    marks: tuple[str, ...] = ()


class ShownField(msgspec.Struct, frozen=True):
    """An input. ``kind``: password, text or code. ``kept``: what stands in place of a value ("kept in the vault").

    ``value`` is only ever that of a field that is no secret. ``error`` is shown beside it.
    """

    name: str
    label: str
    kind: str = "text"
    fill: str = "off"
    hint: str = ""
    group: str = ""
    needed: bool = True
    kept: str = ""
    value: str = ""
    error: str = ""


class LoginShown(msgspec.Struct, frozen=True):
    """All that is shown, but the list of brokers. ``broker`` is the chosen one's key, "" while none is.

    ``link`` is the broker's own login page while it is waited for; ``switches``: whether keeping the login and taking
    the market data can be chosen at this step.
    """

    accounts: tuple[AccountRow, ...] = ()
    broker: str = ""
    facts: BrokerRow | None = None
    title: str = ""
    note: str = ""
    fields: tuple[ShownField, ...] = ()
    buttons: tuple[Button, ...] = ()
    link: str = ""
    link_text: str = ""
    switches: bool = False
    keep: bool = True
    data: bool = True
    only: bool = False
    message: str = ""
    bad: bool = False
    busy: bool = False
