"""The sign-in dialog in a notebook or on a page: first user, signing in, password, second factor."""

from __future__ import annotations

import base64
import io
import logging
from functools import partial

import msgspec

from openalgo_lab.model.command_base import Done
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import (
    AddUser,
    ChangePassword,
    ConfirmSecondFactor,
    DropSecondFactor,
    EnrolSecondFactor,
    GetIdentity,
    GetVault,
    IdentityInfo,
    RecoveryCodes,
    SecondFactor,
    SignedIn,
    SignIn,
    SignOut,
    UserInfo,
    VaultInfo,
)
from openalgo_lab.ui.identity.steps import Act, Step, show
from openalgo_lab.ui.vault.dialog import Dialog, HasHandle, Values, given
from openalgo_lab.ui.vault.parts import Shown

__all__ = ["SignInDialog", "qr_picture"]

_log = logging.getLogger(__name__)


class SignInDialog(Dialog):
    """Signs in for every kernel and page of the profile."""

    def __init__(self, lab: HasHandle) -> None:
        self._info = IdentityInfo(required=False)
        self._step = Step.LOCKED
        self._factor: SecondFactor | None = None
        self._codes: tuple[Secret, ...] = ()
        super().__init__(lab)

    @property
    def step(self) -> Step:
        """Where the dialog stands."""
        return self._step

    def close(self) -> None:
        """Remove the dialog; the session goes on."""
        self._factor, self._codes = None, ()
        super().close()

    def refresh(self) -> None:
        """Is the vault open, and who is signed in?"""
        self.look(GetVault(), lambda vault: self.look(GetIdentity(), partial(self._take, vault)))

    def shown(self) -> Shown:
        """The dialog at its present step."""
        shown = show(self._step, self._info)
        if self._step is Step.FACTOR and self._factor is not None:
            seed = self._factor.seed.reveal()
            return msgspec.structs.replace(shown, picture=qr_picture(self._factor.uri), secret=seed)
        if self._step is Step.CODES:
            return msgspec.structs.replace(shown, secret="\n".join(code.reveal() for code in self._codes))
        return shown

    def pressed(self, act: str, values: Values) -> None:
        """One button, one command."""
        try:
            known = Act(act)
        except ValueError:
            _log.warning("A page pressed a button that cannot be read; reload the page.")
            return
        match known:
            case Act.LOOK:
                self.refresh()
            case Act.TO_PASSWORD:
                self._go(Step.PASSWORD)
            case Act.BACK | Act.WRITTEN:
                self._factor, self._codes = None, ()
                self._go(Step.SIGNED_IN)
                self.refresh()
            case _:
                self._command(known, values)

    def _command(self, act: Act, values: Values) -> None:
        user = self._info.user
        match act:
            case Act.ADD:
                name = given(values, "user", "a name").reveal()
                self.ask(AddUser(name, _agreed(values)), self._added)
            case Act.SIGN_IN:
                name = given(values, "user", "your name").reveal()
                code = values.get("code") or None
                self.ask(SignIn(name, given(values, "password", "your password"), code), self._signed_in)
            case Act.SIGN_OUT:
                self.ask(SignOut(), self._told)
            case Act.CHANGE:
                old = given(values, "password", "your password")
                self.ask(ChangePassword(user, _agreed(values), old), self._told)
            case Act.ENROL:
                self.ask(EnrolSecondFactor(user), self._enrolled)
            case Act.CONFIRM:
                self.ask(ConfirmSecondFactor(user, given(values, "code", "the code of the app")), self._confirmed)
            case _:
                self.ask(DropSecondFactor(user), self._told)

    def _added(self, _: UserInfo) -> None:
        self._rest("You are signed in. Set up a second factor now, or whenever you like.")

    def _signed_in(self, _: SignedIn) -> None:
        self._rest("")

    def _told(self, answer: Done) -> None:
        self._rest(answer.message)

    def _enrolled(self, factor: SecondFactor) -> None:
        self._factor = factor
        self._go(Step.FACTOR)

    def _confirmed(self, codes: RecoveryCodes) -> None:
        self._factor, self._codes = None, codes.codes
        self._go(Step.CODES)

    def _rest(self, message: str) -> None:
        """Where the dialog stands when nothing is being done; asked anew."""
        self._step = Step.SIGNED_IN
        self._message = message
        self.refresh()

    def _take(self, vault: VaultInfo, info: IdentityInfo) -> None:
        self._info = info
        if not vault.open:
            self._step, self._factor, self._codes = Step.LOCKED, None, ()
        elif not info.required:
            self._step = Step.FIRST_USER
        elif not info.user:
            self._step, self._factor = Step.SIGN_IN, None
        elif self._step not in (Step.PASSWORD, Step.FACTOR, Step.CODES):
            self._step = Step.SIGNED_IN
        self.say(self._message, bad=self._bad)

    def _go(self, step: Step) -> None:
        self._step = step
        self.say()


def qr_picture(uri: Secret) -> str:
    """A QR code as an SVG in a data address: dark on light in both themes, or phones cannot read it."""
    import segno

    drawn = io.BytesIO()
    segno.make(uri.reveal(), error="m").save(drawn, kind="svg", scale=5, border=3, light="#ffffff", dark="#000000")
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode()


def _agreed(values: Values) -> Secret:
    new = given(values, "new", "a password")
    if new != values.get("again", Secret("")):
        raise InputError("The two do not agree: nothing was changed. Type the new password twice.", field="again")
    return new
