"""What the form of a broker asks for: its own login fields, what the vault keeps of them, and what is still missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from openalgo_lab.broker.callback import DEFAULT_REDIRECT
from openalgo_lab.broker.login import CODE, ONE_TIME, SEED, missing_fields
from openalgo_lab.broker.spec import BrokerSpec, Capability, LoginField, LoginKind
from openalgo_lab.ui.login.parts import BrokerRow, ShownField

__all__ = ["ACCOUNT", "ADDRESS", "REDIRECT", "asked", "lacking", "plain_names", "row_of", "shown_fields", "words"]

ACCOUNT: Final = "account"
REDIRECT: Final = "redirect_uri"
ADDRESS: Final = "url"
"""Fields of the form itself: a name for the account, where a redirect ends, the address that is pasted."""

HOW: Final[Mapping[LoginKind, str]] = {
    LoginKind.NONE: "no login",
    LoginKind.REDIRECT: "logs in on its own page",
    LoginKind.FORM: "user id, PIN and one-time code",
    LoginKind.KEY: "API key or access token",
    LoginKind.TWO_TOKENS: "keys for orders and for market data",
}
_ACCOUNT_FIELD: Final = LoginField(ACCOUNT, "Name of the account", False, True, "Only for a second account.")
_REDIRECT_FIELD: Final = LoginField(REDIRECT, "Redirect URL", False, True, "Exactly as you registered it there.")
_USERS: Final = frozenset({"user_id", "client_id", "client_code"})
_PASSWORDS: Final = frozenset({"password", "pin"})
_MARKET: Final = "market_"


def asked(spec: BrokerSpec) -> tuple[LoginField, ...]:
    """All fields of a broker's form, those included that it needs not always."""
    names = {field.name for field in spec.login_fields}
    fields = list(spec.login_fields)
    if SEED in names and CODE not in names:
        fields.append(ONE_TIME)
    if spec.login is LoginKind.REDIRECT and REDIRECT not in names:
        fields.append(_REDIRECT_FIELD)
    return (*fields, _ACCOUNT_FIELD)


def plain_names(spec: BrokerSpec) -> frozenset[str]:
    """Names of the fields that hold no secret."""
    return frozenset(field.name for field in asked(spec) if not field.secret)


def lacking(spec: BrokerSpec, known: Collection[str]) -> dict[str, str]:
    """Errors, by field, for what a login cannot do without."""
    missing = missing_fields(spec, dict.fromkeys(known, "known"))
    return {field.name: f"{field.label} is needed." for field in missing}


def shown_fields(
    spec: BrokerSpec,
    *,
    known: Collection[str],
    typed: Collection[str],
    values: Mapping[str, str],
    errors: Mapping[str, str],
) -> tuple[ShownField, ...]:
    """The form. ``known``: names that the vault keeps; ``typed``: secrets of a try that failed; ``values``: of fields
    that are no secret.
    """
    sides = any(field.name.startswith(_MARKET) for field in spec.login_fields)
    needed = {field.name for field in missing_fields(spec, {})}
    shown = []
    for field in asked(spec):
        kept = "as typed before" if field.name in typed else "kept in the vault" if field.name in known else ""
        shown.append(
            ShownField(
                name=field.name,
                label=field.label,
                kind="code" if field.name == CODE else "password" if field.secret else "text",
                fill=_fill(field),
                hint=field.hint,
                group=_group(spec, field) if sides else "",
                needed=field.name in needed and not kept,
                kept="" if field.name == CODE else kept,
                value=values.get(field.name, DEFAULT_REDIRECT if field.name == REDIRECT and not kept else ""),
                error=errors.get(field.name, ""),
            )
        )
    return tuple(shown)


def row_of(spec: BrokerSpec) -> BrokerRow:
    """A broker in the list."""
    return BrokerRow(
        key=spec.key,
        name=spec.name,
        family=spec.family,
        how=HOW[spec.login],
        exchanges=tuple(sorted(exchange.value for exchange in spec.exchanges)),
        offers=tuple(words(one) for one in Capability if one in spec.capabilities),
        lacks=tuple(words(one) for one in Capability if one not in spec.capabilities),
        verified=tuple(one.replace("_", " ") for one in spec.verified),
    )


def words(capability: Capability) -> str:
    """A capability as people say it."""
    return "GTT" if capability is Capability.GTT else capability.value.replace("_", " ")


def _group(spec: BrokerSpec, field: LoginField) -> str:
    if field.name.startswith(_MARKET):
        return "Market data"
    return "Orders" if field in spec.login_fields else ""


def _fill(field: LoginField) -> str:
    """The browser's autocomplete word, so that a password manager knows what it is."""
    if field.name == CODE:
        return "one-time-code"
    if field.name in _USERS:
        return "username"
    return "current-password" if field.name in _PASSWORDS else "off"
