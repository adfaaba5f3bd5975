"""The vault's dialog: each step by its buttons, every error as text, and no passphrase in any state or saved output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import keyring
import pytest

from openalgo_lab import Lab
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.security_commands import GetVault, LockVault, UnlockVault
from openalgo_lab.store.vault import vault_status
from openalgo_lab.ui.vault import VaultDialog
from openalgo_lab.ui.vault.steps import Act, Step
from tests.store.vault.conftest import cheapest
from tests.store.vault.parts import OTHER, WORDS, MemoryKeychain, reopen
from tests.support.dialog_page import Page
from tests.support.waiting import eventually

__all__ = ["cheapest"]

FIRST, SECOND = WORDS.reveal(), OTHER.reveal()
SECRETS = (FIRST, SECOND)


@pytest.fixture
def lab(lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A workbench without a vault, on a machine without a keychain."""
    monkeypatch.setattr(keyring, "get_keyring", object)
    with Lab() as lab:
        yield lab


@pytest.fixture
def page(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    page = Page(VaultDialog(lab), monkeypatch, SECRETS)
    yield page
    page.dialog.close()


def is_open(lab: Lab) -> bool:
    return lab.call(GetVault()).open


def test_create_write_down_lock_unlock(page: Page, lab: Lab) -> None:
    opened: list[bool] = []
    page.dialog.on_unlocked(lambda: opened.append(True))
    page.at(Step.CREATE)
    assert page.shown["title"] == "Create the vault"
    assert page.press(Act.CREATE, new="short", again="short")["bad"]
    assert "do not agree" in page.press(Act.CREATE, new=FIRST, again=SECOND)["message"]
    assert not vault_status(profile_dir()).exists
    page.press(Act.CREATE, new=FIRST, again=FIRST)
    recovery = page.shown["secret"]
    assert recovery.count("-") == 7
    assert is_open(lab)
    assert opened == [True]
    assert recovery not in repr([page.form.get_state(), page.dialog.get_state(), vars(page.dialog)])
    assert page.press(Act.WRITTEN)["secret"] == ""
    page.hello()
    assert recovery not in json.dumps(page.shown)  # once
    page.press(Act.LOCK)
    page.at(Step.UNLOCK)
    assert not is_open(lab)
    assert page.press(Act.UNLOCK, passphrase="")["message"].startswith("The field is empty")
    refused = page.press(Act.UNLOCK, passphrase=SECOND)
    assert refused["bad"]
    assert "not unlocked" in refused["message"]
    page.press(Act.UNLOCK, passphrase=FIRST)
    page.at(Step.OPEN)
    page.press(Act.LOCK)
    page.at(Step.UNLOCK)
    page.press(Act.TO_RECOVER)
    assert "8 groups" in page.press(Act.UNLOCK_BY_RECOVERY, recovery=recovery[:-1])["message"]
    page.press(Act.UNLOCK_BY_RECOVERY, recovery=recovery)
    page.at(Step.OPEN)


def test_change_passphrase_and_new_recovery_key(page: Page, lab: Lab) -> None:
    page.at(Step.CREATE)
    first = page.press(Act.CREATE, new=FIRST, again=FIRST)["secret"]
    page.press(Act.WRITTEN)
    page.press(Act.TO_CHANGE)
    assert page.press(Act.CHANGE, passphrase=SECOND, new=SECOND, again=SECOND)["bad"]
    assert page.dialog.step is Step.CHANGE
    assert not page.press(Act.CHANGE, passphrase=FIRST, new=SECOND, again=SECOND)["bad"]
    page.at(Step.OPEN)
    second = page.press(Act.NEW_RECOVERY)["secret"]
    assert second != first
    page.press(Act.WRITTEN)
    page.press(Act.LOCK)
    page.at(Step.UNLOCK)
    reopen(profile_dir(), OTHER).close()


def test_a_damaged_vault_is_restored_from_here(page: Page, lab: Lab) -> None:
    page.at(Step.CREATE)
    page.press(Act.CREATE, new=FIRST, again=FIRST)
    page.press(Act.WRITTEN)
    page.press(Act.LOCK)
    page.at(Step.UNLOCK)
    (profile_dir() / "vault.db").write_bytes(b"broken")
    page.press(Act.UNLOCK, passphrase=FIRST)
    page.at(Step.DAMAGED)
    assert page.shown["title"] == "The vault is damaged"
    assert "good copy of" in page.shown["note"]
    page.press(Act.RESTORE, passphrase=FIRST)
    page.at(Step.OPEN)
    eventually(lambda: "kept as vault.db.damaged" in page.shown["message"])


def test_the_keychain_unlocks_at_a_press(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    keychain = MemoryKeychain()
    monkeypatch.setattr("openalgo_lab.store.vault.find_keychain", lambda: keychain)
    page = Page(VaultDialog(lab), monkeypatch, SECRETS)
    page.at(Step.CREATE)
    page.press(Act.CREATE_IN_KEYCHAIN)
    page.press(Act.WRITTEN)
    page.press(Act.TO_CHANGE)
    page.press(Act.CHANGE, new=FIRST, again=FIRST)  # there was none to ask for
    page.at(Step.OPEN)
    page.press(Act.LOCK)
    page.at(Step.UNLOCK)
    page.press(Act.UNLOCK_BY_KEYCHAIN)
    page.at(Step.OPEN)
    page.dialog.close()


def test_another_kernel_locks_and_unlocks(page: Page, lab: Lab) -> None:
    page.at(Step.CREATE)
    page.press(Act.CREATE, new=FIRST, again=FIRST)
    page.press(Act.WRITTEN)
    lab.call(LockVault())
    page.at(Step.UNLOCK)
    lab.call(UnlockVault(WORDS))
    page.at(Step.OPEN)


def test_busy_elsewhere_and_nonsense_from_the_page(page: Page, lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    page.at(Step.CREATE)
    page.press(Act.CREATE, new=FIRST, again=FIRST)
    page.press(Act.WRITTEN)
    page.press(Act.LOCK)
    page.at(Step.UNLOCK)
    with reopen(profile_dir(), WORDS):
        assert "is open in process" in page.press(Act.UNLOCK, passphrase=FIRST)["message"]
    for nonsense in (
        {"k": "press", "act": FIRST, "values": {}},
        {"k": "press", "act": "unlock", "values": FIRST},
        FIRST,
    ):
        page.form._on_message(None, nonsense, [])
    assert "cannot be read" in caplog.text
    assert FIRST not in caplog.text
    assert page.dialog.step is Step.UNLOCK


_PAGE = """<!doctype html><meta charset="utf-8"><body><div id="host"></div><script type="module">
import widget from "data:text/javascript;base64,%s";
window.sent = [];
let heard;
const model = {
  on: (_name, handler) => { heard = handler; }, off: () => {}, send: (content) => window.sent.push(content),
};
widget.render({ model, el: document.getElementById("host") });
window.tell = (shown) => heard({ k: "shown", v: shown });
</script></body>"""


@pytest.mark.e2e
def test_in_a_browser_fields_empty_themselves_and_text_stays_text(page: Page) -> None:
    page.at(Step.CREATE)
    import base64

    from tests.support.chromium import chromium

    script = files("openalgo_lab.ui.vault").joinpath("form.js").read_bytes()
    with chromium() as browser:
        tab = browser.new_page()
        tab.set_content(_PAGE % base64.b64encode(script).decode())
        tab.wait_for_function("window.tell !== undefined")
        tab.evaluate("shown => window.tell(shown)", page.shown | {"message": "<img src=x onerror=window.hit=1>"})
        tab.get_by_label("New passphrase").fill(FIRST)
        tab.get_by_label("The same again").fill(FIRST)
        tab.keyboard.press("Enter")
        sent = tab.evaluate("window.sent")
        assert sent[-1] == {"k": "press", "act": "create", "values": {"new": FIRST, "again": FIRST}}
        assert tab.evaluate("[...document.querySelectorAll('input')].map(one => one.value).join('')") == ""
        assert FIRST not in tab.content()
        assert tab.get_by_role("button", name="Create vault").is_disabled()
        assert tab.evaluate("window.hit") is None
