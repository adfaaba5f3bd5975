"""The sign-in dialog's steps as the page paints them: titles, fields and buttons."""

from __future__ import annotations

import enum

from openalgo_lab.model.security_commands import IdentityInfo
from openalgo_lab.model.times import format_ist
from openalgo_lab.ui.vault.parts import Button, Field, Shown

__all__ = ["Act", "Step", "show"]


class Step(enum.StrEnum):
    """Where the dialog stands."""

    LOCKED = "locked"
    FIRST_USER = "first_user"
    SIGN_IN = "sign_in"
    SIGNED_IN = "signed_in"
    PASSWORD = "password"  # noqa: S105 - the word, not one
    FACTOR = "factor"
    CODES = "codes"


class Act(enum.StrEnum):
    """What a button asks for."""

    LOOK = "look"
    ADD = "add"
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    TO_PASSWORD = "to_password"  # noqa: S105
    CHANGE = "change"
    ENROL = "enrol"
    CONFIRM = "confirm"
    DROP = "drop"
    WRITTEN = "written"
    BACK = "back"


_USER = Field("user", "Name", "username", "text")
_CODE = Field("code", "Code of the authenticator app, if you use one", "one-time-code", "code")
_NEW = (Field("new", "New password", "new-password"), Field("again", "The same again", "new-password"))
_BACK = Button(Act.BACK, "Back")

_STEPS = {
    Step.LOCKED: Shown(
        "Users",
        "Users are kept in the vault: create it or unlock it first.",
        (),
        (Button(Act.LOOK, "Look again"),),
    ),
    Step.FIRST_USER: Shown(
        "Add the first user",
        "Now whoever uses this account of the machine may trade here. From the first user on one signs in, and "
        "without that only looks. The first user is an administrator. A password has at least ten characters.",
        (_USER, *_NEW),
        (Button(Act.ADD, "Add user"),),
    ),
    Step.SIGN_IN: Shown(
        "Sign in",
        "",
        (_USER, Field("password", "Password"), _CODE),
        (Button(Act.SIGN_IN, "Sign in"),),
    ),
    Step.PASSWORD: Shown(
        "Change the password",
        "At least ten characters.",
        (Field("password", "Password now"), *_NEW),
        (Button(Act.CHANGE, "Set password"), _BACK),
    ),
    Step.FACTOR: Shown(
        "Set up the second factor",
        "Scan this with an authenticator app, or type the seed below it there. Then type the code that the app shows.",
        (Field("code", "Code", "one-time-code", "code"),),
        (Button(Act.CONFIRM, "Confirm"), _BACK),
    ),
    Step.CODES: Shown(
        "Write down the recovery codes",
        "Shown this once; each signs in once in place of the app's code. Keep them away from the phone.",
        (),
        (Button(Act.WRITTEN, "I have written them down"),),
    ),
}


def show(step: Step, info: IdentityInfo) -> Shown:
    """The dialog at ``step``."""
    if step is not Step.SIGNED_IN:
        return _STEPS[step]
    factor = (
        Button(Act.DROP, "Remove second factor") if info.second_factor else Button(Act.ENROL, "Set up second factor")
    )
    kind = "password and second factor" if info.second_factor else "password only"
    return Shown(
        f"Signed in as {info.user}",
        f"Role: {info.role.value}; {kind}. Until {format_ist(info.expires_ns)} IST, or until the vault locks itself.",
        (),
        (Button(Act.SIGN_OUT, "Sign out"), Button(Act.TO_PASSWORD, "Change password"), factor),
    )
