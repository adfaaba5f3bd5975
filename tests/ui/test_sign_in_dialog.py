"""The sign-in dialog: first user, signing in, password, second factor; no secret in any state."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest

from openalgo_lab import Lab
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import CreateVault, GetIdentity, LockVault, UnlockVault
from openalgo_lab.ui.identity import SignInDialog
from openalgo_lab.ui.identity.steps import Act, Step
from openalgo_lab.ui.identity.widget import qr_picture
from tests.store.vault.parts import MemoryKeychain
from tests.support.dialog_page import Page
from tests.support.waiting import eventually

FIRST, SECOND = "Purple-lorry-7", "Green-tractor-9"


@pytest.fixture
def lab(lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    keychain = MemoryKeychain()
    monkeypatch.setattr("openalgo_lab.store.vault.find_keychain", lambda: keychain)
    with Lab() as lab:
        yield lab


@pytest.fixture
def page(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    page = Page(SignInDialog(lab), monkeypatch, (FIRST, SECOND))
    yield page
    page.dialog.close()


def with_user(page: Page, lab: Lab) -> None:
    lab.call(CreateVault(in_keychain=True))
    page.at(Step.FIRST_USER)
    page.press(Act.ADD, user="asha", new=FIRST, again=FIRST)
    page.at(Step.SIGNED_IN)


def test_from_no_vault_to_a_session(page: Page, lab: Lab) -> None:
    page.at(Step.LOCKED)
    assert "vault" in page.shown["note"]
    lab.call(CreateVault(in_keychain=True))
    page.at(Step.FIRST_USER)
    assert "do not agree" in page.press(Act.ADD, user="asha", new=FIRST, again=SECOND)["message"]
    assert "too easy" in page.press(Act.ADD, user="asha", new="short", again="short")["message"]
    assert "no user name" in page.press(Act.ADD, user="<img>", new=FIRST, again=FIRST)["message"]
    page.press(Act.ADD, user="asha", new=FIRST, again=FIRST)
    page.at(Step.SIGNED_IN)
    assert page.shown["title"] == "Signed in as asha"
    page.press(Act.SIGN_OUT)
    page.at(Step.SIGN_IN)
    assert "field is empty" in page.press(Act.SIGN_IN, user="asha", password="")["message"]
    refused = page.press(Act.SIGN_IN, user="asha", password=SECOND)
    assert refused["bad"]
    assert "Not signed in" in refused["message"]
    page.press(Act.SIGN_IN, user="asha", password=FIRST)
    page.at(Step.SIGNED_IN)
    assert lab.call(GetIdentity()).user == "asha"


def test_the_second_factor_is_shown_once_and_asked_from_then_on(page: Page, lab: Lab) -> None:
    with_user(page, lab)
    page.press(Act.ENROL)
    page.at(Step.FACTOR)
    seed = page.shown["secret"]
    drawn = base64.b64decode(page.shown["picture"].split(",")[1])
    assert b"<svg" in drawn
    assert "not the code" in page.press(Act.CONFIRM, code="000000")["message"]
    assert page.dialog.step is Step.FACTOR
    page.press(Act.CONFIRM, code=pyotp.TOTP(seed).now())
    page.at(Step.CODES)
    codes = page.shown["secret"].splitlines()
    assert len(codes) == 10
    state = repr([page.form.get_state(), page.dialog.get_state(), vars(page.dialog)])
    assert seed not in state
    assert codes[0] not in state
    page.press(Act.WRITTEN)
    page.at(Step.SIGNED_IN)
    eventually(lambda: "second factor" in page.shown["note"])
    assert (page.shown["secret"], page.shown["picture"]) == ("", "")
    page.press(Act.SIGN_OUT)
    page.at(Step.SIGN_IN)
    assert page.press(Act.SIGN_IN, user="asha", password=FIRST, code="")["bad"]
    page.press(Act.SIGN_IN, user="asha", password=FIRST, code=codes[0])
    page.at(Step.SIGNED_IN)
    page.press(Act.DROP)
    eventually(lambda: "password only" in page.shown["note"])


def test_ones_own_password(page: Page, lab: Lab) -> None:
    with_user(page, lab)
    page.press(Act.TO_PASSWORD)
    assert "old password is wrong" in page.press(Act.CHANGE, password=SECOND, new=SECOND, again=SECOND)["message"]
    assert page.dialog.step is Step.PASSWORD
    page.press(Act.CHANGE, password=FIRST, new=SECOND, again=SECOND)
    page.at(Step.SIGNED_IN)
    page.press(Act.SIGN_OUT)
    page.at(Step.SIGN_IN)
    page.press(Act.SIGN_IN, user="asha", password=SECOND)
    page.at(Step.SIGNED_IN)


def test_a_lock_elsewhere_ends_what_is_shown(page: Page, lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    with_user(page, lab)
    page.press(Act.ENROL)
    page.at(Step.FACTOR)
    lab.call(LockVault())
    page.at(Step.LOCKED)
    assert (page.shown["secret"], page.shown["picture"]) == ("", "")
    lab.call(UnlockVault())
    page.at(Step.SIGN_IN)
    page.form._on_message(None, {"k": "press", "act": "nonsense", "values": {}}, [])
    assert "cannot be read" in caplog.text


def test_the_qr_code_says_the_address() -> None:
    import segno

    uri = Secret("otpauth://totp/OpenAlgo%20Lab:asha?secret=JBSWY3DPEHPK3PXP&issuer=OpenAlgo%20Lab")
    assert segno.make(uri.reveal(), error="m").version >= 4  # type: ignore[operator]
    assert "otpauth" not in qr_picture(uri)
