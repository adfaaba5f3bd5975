"""The vault's dialog: each step by its buttons, every error as text, and no passphrase in any state or saved output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import keyring
import pytest

from openalgo_lab.store.vault import Vault, vault_status
from openalgo_lab.ui.vault import VaultDialog
from openalgo_lab.ui.vault.steps import Act, Step
from tests.store.vault.conftest import cheapest
from tests.store.vault.parts import OTHER, WORDS, MemoryKeychain, credentials, reopen
from tests.support.waiting import eventually

__all__ = ["cheapest"]

FIRST, SECOND = WORDS.reveal(), OTHER.reveal()


class Page:
    """What a browser does: it hears messages and presses buttons that are shown."""

    def __init__(self, dialog: VaultDialog, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dialog = dialog
        self.form = dialog.children[0]
        self.heard: list[dict[str, Any]] = []
        monkeypatch.setattr(self.form, "send", lambda content, buffers=None: self.heard.append(content))
        self.form._on_message(None, {"k": "hello"}, [])

    @property
    def shown(self) -> dict[str, Any]:
        return self.heard[-1]["v"]  # type: ignore[no-any-return]

    def press(self, act: Act, **values: str) -> dict[str, Any]:
        assert act in [button["act"] for button in self.shown["buttons"]], self.shown
        assert set(values) <= {field["name"] for field in self.shown["fields"]}
        self.form._on_message(None, {"k": "press", "act": act.value, "values": values}, [])
        eventually(lambda: not self.shown["busy"])
        state = repr([self.form.get_state(), self.dialog.get_state(), vars(self.dialog)])
        assert not any(text in state for text in (FIRST, SECOND))
        return self.shown


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setattr(keyring, "get_keyring", object)
    page = Page(VaultDialog(tmp_path), monkeypatch)
    yield page
    page.dialog.lock()
    page.dialog.close()


def test_create_write_down_lock_unlock(page: Page, tmp_path: Path) -> None:
    opened: list[Vault] = []
    page.dialog.on_unlocked(opened.append)
    assert page.shown["title"] == "Create the vault"
    assert page.press(Act.CREATE, new="short", again="short")["bad"]
    assert "do not agree" in page.press(Act.CREATE, new=FIRST, again=SECOND)["message"]
    assert not vault_status(tmp_path).exists
    shown = page.press(Act.CREATE, new=FIRST, again=FIRST)
    recovery = shown["secret"]
    assert recovery.count("-") == 7
    assert page.dialog.vault is opened[0]
    assert recovery not in repr([page.form.get_state(), page.dialog.get_state(), vars(page.dialog)])
    assert page.press(Act.WRITTEN)["secret"] == ""
    page.form._on_message(None, {"k": "hello"}, [])
    assert recovery not in json.dumps(page.shown)  # once
    page.press(Act.LOCK)
    assert page.dialog.vault is None
    assert page.press(Act.UNLOCK, passphrase="")["message"].startswith("The field is empty")
    refused = page.press(Act.UNLOCK, passphrase=SECOND)
    assert refused["bad"]
    assert "not unlocked" in refused["message"]
    page.press(Act.UNLOCK, passphrase=FIRST)
    assert page.dialog.step is Step.OPEN
    page.press(Act.LOCK)
    page.press(Act.TO_RECOVER)
    assert "8 groups" in page.press(Act.UNLOCK_BY_RECOVERY, recovery=recovery[:-1])["message"]
    page.press(Act.UNLOCK_BY_RECOVERY, recovery=recovery)
    assert page.dialog.step is Step.OPEN


def test_change_passphrase_and_new_recovery_key(page: Page, tmp_path: Path) -> None:
    first = page.press(Act.CREATE, new=FIRST, again=FIRST)["secret"]
    page.press(Act.WRITTEN)
    page.press(Act.TO_CHANGE)
    assert page.press(Act.CHANGE, passphrase=SECOND, new=SECOND, again=SECOND)["bad"]
    assert page.dialog.step is Step.CHANGE
    assert not page.press(Act.CHANGE, passphrase=FIRST, new=SECOND, again=SECOND)["bad"]
    second = page.press(Act.NEW_RECOVERY)["secret"]
    assert second != first
    page.press(Act.WRITTEN)
    page.press(Act.LOCK)
    reopen(tmp_path, OTHER).close()


def test_a_damaged_vault_is_restored_from_here(page: Page, tmp_path: Path) -> None:
    page.press(Act.CREATE, new=FIRST, again=FIRST)
    assert page.dialog.vault is not None
    page.dialog.vault.credentials.put(credentials())
    page.press(Act.WRITTEN)
    page.press(Act.LOCK)
    (tmp_path / "vault.db").write_bytes(b"broken")
    shown = page.press(Act.UNLOCK, passphrase=FIRST)
    assert shown["title"] == "The vault is damaged"
    assert "good copy of" in shown["note"]
    assert "kept as vault.db.damaged" in page.press(Act.RESTORE, passphrase=FIRST)["message"]
    assert page.dialog.vault.credentials.accounts() == [("simulated", "AB1234")]


def test_the_keychain_unlocks_at_a_press(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(VaultDialog(tmp_path, keychain=MemoryKeychain()), monkeypatch)
    page.press(Act.CREATE_IN_KEYCHAIN)
    page.press(Act.WRITTEN)
    page.press(Act.TO_CHANGE)
    page.press(Act.CHANGE, new=FIRST, again=FIRST)  # there was none to ask for
    page.press(Act.LOCK)
    page.press(Act.UNLOCK_BY_KEYCHAIN)
    assert page.dialog.vault is not None
    page.dialog.lock()


def test_busy_elsewhere_and_nonsense_from_the_page(
    page: Page, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page.press(Act.CREATE, new=FIRST, again=FIRST)
    page.press(Act.WRITTEN)
    page.press(Act.LOCK)
    with reopen(tmp_path, WORDS):
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
    import base64

    from playwright.sync_api import sync_playwright

    script = files("openalgo_lab.ui.vault").joinpath("form.js").read_bytes()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
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
        browser.close()
