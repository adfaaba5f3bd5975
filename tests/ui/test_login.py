"""The brokers' form: each kind of login against its simulator, errors beside their field, no secret in any state."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from openalgo_lab import Lab
from openalgo_lab.broker import registry
from openalgo_lab.broker.login import missing_fields
from openalgo_lab.broker.spec import LoginKind
from openalgo_lab.model.broker_commands import ConnectionInfo, DisconnectBroker, ListConnections
from openalgo_lab.model.errors import InputError, VaultMissing
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import CreateVault, LockVault, UnlockVault
from openalgo_lab.model.times import NS_PER_SECOND
from openalgo_lab.store.vault import unlocking
from openalgo_lab.store.vault.keys import FLOOR
from openalgo_lab.ui.login import BrokerLogin
from openalgo_lab.ui.login.fields import asked, row_of, shown_fields
from openalgo_lab.ui.login.redirect import Redirect, safe_page
from openalgo_lab.ui.login.standing import account_row, left_words
from openalgo_lab.ui.login.steps import Act, Step
from tests.conformance.simulators.angel import AngelSimulator
from tests.conformance.simulators.xts import XtsSimulator
from tests.store.vault.parts import WORDS
from tests.support.running_broker import Running, free_port
from tests.support.waiting import eventually

REAL = [key for key in registry.available() if registry.load(key).base_url]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENALGO_LAB_HOME", str(tmp_path_factory.mktemp("login")))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        patch.setattr(unlocking, "calibrate", lambda: FLOOR)
        with Lab("login") as lab:
            lab.call(CreateVault(WORDS), 60)
            yield lab


class Page:
    """One view of the form. After each press it looks whether a secret stands in a state."""

    def __init__(self, login: BrokerLogin, monkeypatch: pytest.MonkeyPatch, *secrets: str) -> None:
        self.login, self.secrets = login, secrets
        self.form: Any = login.children[-1]
        self.heard: list[dict[str, Any]] = []
        monkeypatch.setattr(self.form, "send", lambda content, buffers=None: self.heard.append(content))
        self.say(k="hello")

    @property
    def shown(self) -> dict[str, Any]:
        return next(one["v"] for one in reversed(self.heard) if one["k"] == "shown")

    @property
    def errors(self) -> dict[str, str]:
        return {field["name"]: field["error"] for field in self.shown["fields"] if field["error"]}

    def field(self, name: str) -> dict[str, Any]:
        return next(field for field in self.shown["fields"] if field["name"] == name)

    def say(self, **message: Any) -> None:
        self.form._on_message(None, message, [])

    def press(self, act: str, **values: str) -> dict[str, Any]:
        eventually(lambda: act in [button["act"] for button in self.shown["buttons"]] and not self.shown["busy"])
        self.say(k="press", act=str(act), values=values, keep=True, data=True)
        self.settled()
        return self.shown

    def settled(self) -> None:
        eventually(lambda: not self.login.busy and not self.shown["busy"])
        state = repr([self.form.get_state(), self.login.get_state(), vars(self.login), vars(self.form)])
        assert not any(secret in state for secret in self.secrets)
        assert not any(secret in json.dumps(self.heard) for secret in self.secrets), "what was typed is not sent back"


@pytest.fixture
def zerodha() -> Iterator[Running]:
    running = Running()
    yield running
    running.close()


def at(login: BrokerLogin) -> Step:
    """Through a function, since a type checker believes that a property stays as it was."""
    return login.step


def form_of(lab: Lab, broker: str, running: Running, **how: str) -> BrokerLogin:
    where = running.where()
    return BrokerLogin(
        lab, broker, base_url=where["base_url"], feed_url=where["feed_url"], account=how.get("account", "")
    )


def standing(lab: Lab, account: str) -> ConnectionInfo | None:
    return next((one for one in lab.call(ListConnections()) if one.account == account), None)


def connected(lab: Lab, account: str) -> bool:
    found = standing(lab, account)
    return found is not None and found.open


def there_and_back(page: str, redirect: str, token: str) -> None:
    """What the user's browser does on Kite's page."""
    state = parse_qs(parse_qs(urlsplit(page).query)["redirect_params"][0])["state"][0]
    back = f"{redirect}?action=login&status=success&request_token={token}&state={state}"
    threading.Thread(target=lambda: urllib.request.urlopen(back, timeout=5).read()).start()


def test_by_the_brokers_page_and_back(lab: Lab, zerodha: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = zerodha.simulator.credentials()
    login = form_of(lab, "zerodha", zerodha)
    page = Page(login, monkeypatch, keys["api_secret"], keys["request_token"])
    told: list[str] = []
    login.on_connected(lambda answer: told.append(answer.account.account))
    eventually(lambda: page.shown["fields"])
    assert [field["kind"] for field in page.shown["fields"]] == ["text", "password", "text", "text"]

    assert set(page.press(Act.LOGIN) and page.errors) == {"api_key", "api_secret"}
    redirect = f"http://127.0.0.1:{free_port()}/back"
    page.press(Act.LOGIN, api_key=keys["api_key"], api_secret=keys["api_secret"], redirect_uri=redirect)
    assert at(login) is Step.THEIR_PAGE and keys["api_key"] in page.shown["link"]
    assert "address" in page.press(Act.PASTED, url="request_token")["fields"][0]["error"]
    page.press(Act.BACK)
    assert page.field("api_secret")["kept"] == "as typed before" and page.field("api_key")["value"] == keys["api_key"]
    page.press(Act.LOGIN, redirect_uri=redirect)
    there_and_back(page.shown["link"], redirect, keys["request_token"])
    eventually(lambda: at(login) is Step.DONE)
    page.settled()
    assert told == ["ZERODHA"] and connected(lab, "ZERODHA")
    assert "ZERODHA is connected" in page.shown["message"] and "lab.arm" in page.shown["message"]
    assert login._typed == {}
    eventually(lambda: page.shown["accounts"])
    (row,) = page.shown["accounts"]
    assert row["state"] == "connected" and row["text"].startswith("Connected")

    page.say(k="account", account="ZERODHA", act="disconnect")
    eventually(lambda: "disconnected" in page.shown["message"] and not page.shown["accounts"])
    page.press(Act.BACK)
    eventually(lambda: "session of today" in page.shown["note"])
    page.press(Act.LOGIN)
    assert at(login) is Step.DONE, "the session of today needs no page"
    zerodha.simulator.alive = False
    lab.call(DisconnectBroker("ZERODHA"), 60)
    page.press(Act.BACK)
    page.press(Act.LOGIN, redirect_uri=f"http://127.0.0.1:{free_port()}/")
    assert at(login) is Step.THEIR_PAGE, "it was not good any more"
    login.close()


def test_the_pasted_address_where_nothing_can_call_back(
    lab: Lab, zerodha: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = zerodha.simulator.credentials()
    login = form_of(lab, "zerodha", zerodha, account="PASTED")
    page = Page(login, monkeypatch, keys["api_secret"], keys["request_token"])
    there = {"api_key": keys["api_key"], "api_secret": keys["api_secret"], "account": "PASTED"}
    page.press(Act.LOGIN, redirect_uri="https://example.org/", **there)
    assert "not on this machine" in page.shown["message"] and "copy that whole address" in page.shown["note"]
    pasted = f"https://example.org/?status=success&request_token={keys['request_token']}"
    page.press(Act.PASTED, url=f"{pasted}&state=another")
    assert "another login" in page.errors["url"]
    page.press(Act.PASTED, url=pasted)
    assert at(login) is Step.DONE and connected(lab, "PASTED")
    login.close()


def test_a_form_with_a_wrong_code_and_then_with_its_seed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Running(AngelSimulator())
    try:
        given = broker.simulator.credentials()
        seed = given.get("totp_seed", "JBSWY3DPEHPK3PXP")
        login = form_of(lab, "angel", broker)
        page = Page(login, monkeypatch, given["pin"], given["api_key"])
        fields = {name: given[name] for name in ("api_key", "client_code", "pin", "public_ip")}
        assert set(page.press(Act.LOGIN, **fields) and page.errors) == {"totp"}
        assert page.field("totp")["fill"] == "one-time-code" and page.field("totp_seed")["kind"] == "password"
        page.press(Act.LOGIN, totp_seed="not base 32!")
        assert "base-32" in page.errors["totp_seed"]
        page.press(Act.LOGIN, totp_seed=seed)
        assert at(login) is Step.DONE and connected(lab, "ANGEL")
        login.close()
    finally:
        broker.close()


def test_a_broker_with_two_tokens(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    key = next(one for one in REAL if registry.load(one).login is LoginKind.TWO_TOKENS)
    broker = Running(XtsSimulator())
    try:
        given = broker.simulator.credentials()
        login = form_of(lab, key, broker)
        page = Page(login, monkeypatch, given["secret_key"], given["market_secret_key"])
        eventually(lambda: page.shown["fields"])
        assert [field["group"] for field in page.shown["fields"]] == [
            "Orders",
            "Orders",
            "Market data",
            "Market data",
            "",
        ]
        wrong = {**given, "market_secret_key": "nonsense"}
        assert page.press(Act.LOGIN, **wrong)["bad"] and at(login) is Step.FORM
        page.press(Act.LOGIN, market_secret_key=given["market_secret_key"])
        assert at(login) is Step.DONE and connected(lab, key.upper())
        login.close()
    finally:
        broker.close()


def test_the_list_the_vaults_dialog_and_nonsense(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lab.call(LockVault())
    login = BrokerLogin(lab)
    page = Page(login, monkeypatch)
    eventually(lambda: any(one["k"] == "list" for one in page.heard))
    rows = next(one["v"] for one in page.heard if one["k"] == "list")
    assert [row["key"] for row in rows] == REAL
    eventually(lambda: len(login.children) == 2)
    page.say(k="choose", broker="upstox")
    assert not page.shown["fields"] and "Unlock the vault above" in page.shown["note"]
    lab.call(UnlockVault(WORDS), 60)
    eventually(lambda: len(login.children) == 1 and page.shown["fields"])
    assert page.shown["facts"]["name"] == "Upstox"
    page.press(Act.LOGIN, api_secret="half-typed-4711")
    assert login._typed
    lab.call(LockVault())
    eventually(lambda: not login._typed)
    eventually(lambda: len(login.children) == 2)
    lab.call(UnlockVault(WORDS), 60)
    eventually(lambda: len(login.children) == 1)
    page.say(k="choose", broker="")
    assert at(login) is Step.LIST and login.broker == ""
    page.say(k="choose", broker="nobody")
    assert "No broker 'nobody'" in page.shown["message"]
    for nonsense in ({"k": "press", "act": 3}, "text", {"k": "press", "act": "login", "values": WORDS.reveal()}):
        page.form._on_message(None, nonsense, [])
    assert "cannot be read" in caplog.text and WORDS.reveal() not in caplog.text
    login.close()


def test_the_first_broker_in_a_notebook_goes_on_in_the_form(
    tmp_path: Path, zerodha: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`lab.connect` without a vault shows it and ends; the vault is made there, its recovery key comes first."""
    monkeypatch.setenv("OPENALGO_LAB_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setattr(unlocking, "calibrate", lambda: FLOOR)
    shown: list[BrokerLogin] = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    keys = zerodha.simulator.credentials()
    where: Any = zerodha.where()
    with Lab("first") as lab:
        monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: SimpleNamespace(kernel=object()))
        with pytest.raises(VaultMissing, match="create it in the form above, and the login goes on there"):
            lab.connect("zerodha", api_key=keys["api_key"], api_secret=keys["api_secret"], data=False, **where)
        (login,) = shown
        page = Page(login, monkeypatch, keys["api_secret"], keys["request_token"])
        eventually(lambda: len(login.children) == 2)
        vault: Any = login.children[0]
        eventually(lambda: vault.step == "create")
        typed = {"new": WORDS.reveal(), "again": WORDS.reveal()}
        vault.children[0]._on_message(None, {"k": "press", "act": "create", "values": typed}, [])
        eventually(lambda: vault.step == "write_down")
        assert len(login.children) == 2, "the recovery key is not taken away before it was written down"
        eventually(lambda: not vault.busy and "Write down the recovery key" in page.shown["note"])
        vault.children[0]._on_message(None, {"k": "press", "act": "written", "values": {}}, [])
        eventually(lambda: len(login.children) == 1 and page.shown["fields"])
        assert page.field("api_secret")["kept"] == "as typed before" and not page.shown["data"]
        page.press(Act.LOGIN, redirect_uri="https://example.org/")
        page.press(Act.PASTED, url=f"https://example.org/?status=success&request_token={keys['request_token']}")
        assert at(login) is Step.DONE and standing(lab, "ZERODHA") is not None
        login.close()


# The pure parts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", REAL)
def test_every_brokers_form_asks_for_all_that_its_login_needs(key: str) -> None:
    spec = registry.load(key)
    fields = shown_fields(spec, known=(), typed=(), values={}, errors={})
    by_name = {field.name: field for field in fields}
    assert {field.name for field in missing_fields(spec, {})} == {field.name for field in fields if field.needed}
    assert all(by_name[field.name].kind != "text" for field in asked(spec) if field.secret)
    assert all(field.value == "" for field in fields if field.kind != "text")
    row = row_of(spec)
    assert row.offers and row.exchanges and len(row.offers) + len(row.lacks) == 12


def test_what_the_vault_keeps_is_not_asked_for() -> None:
    spec = registry.load("zerodha")
    fields = shown_fields(spec, known=("api_key", "api_secret"), typed=(), values={}, errors={})
    assert {field.name: field.kept for field in fields if field.kept} == dict.fromkeys(
        ("api_key", "api_secret"), "kept in the vault"
    )
    assert not any(field.needed for field in fields)


HOUR = 3600 * NS_PER_SECOND


@pytest.mark.parametrize(
    ("info", "state", "text"),
    [
        (
            ConnectionInfo("A", "x", True, expires_ns=11 * HOUR),
            "connected",
            "Connected until 01 Jan 16:30 IST (10 h 0 min left)",
        ),
        (ConnectionInfo("A", "x", True), "connected", "no known end"),
        (ConnectionInfo("A", "x", True, expires_ns=HOUR), "expired", "Expired: log in again"),
        (ConnectionInfo("A", "x", False, expired=True), "expired", "Expired: log in again"),
        (ConnectionInfo("A", "x", False, because="books differ"), "closed", "Takes no orders: books differ"),
    ],
)
def test_how_a_connection_stands(info: ConnectionInfo, state: str, text: str) -> None:
    row = account_row(info, {"x": "Broker X"}, HOUR)
    assert (row.state, row.name) == (state, "Broker X")
    assert text in row.text


@pytest.mark.parametrize(
    ("seconds", "words"), [(20, "1 min"), (3599, "59 min"), (40800, "11 h 20 min"), (2 * 86400 + 7200, "2 d 2 h")]
)
def test_how_long_is_left(seconds: int, words: str) -> None:
    assert left_words(seconds * NS_PER_SECOND) == words


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://example.org/", "file:///etc/passwd", ""])
def test_no_browser_is_sent_to_a_page_that_is_not_safe(url: str) -> None:
    with pytest.raises(InputError, match="not safe"):
        safe_page(url)
    assert safe_page("https://example.org/login") and safe_page("http://127.0.0.1:9/")


def test_a_login_that_is_given_up_frees_its_port_and_says_nothing() -> None:
    address, heard = f"http://127.0.0.1:{free_port()}/", []  # type: ignore[var-annotated]
    for _ in range(3):
        redirect = Redirect(address)
        redirect.listen(f"https://example.org/?state={redirect.state}", heard.append, heard.append)
        redirect.close()
    assert heard == []
    last = Redirect(address)
    last.listen(f"https://example.org/?state={last.state}", heard.append, heard.append)
    urllib.request.urlopen(f"{address}?code=x&state={last.state}", timeout=5).read()
    eventually(lambda: heard)
    assert heard[0]["code"] == Secret("x")
    with pytest.raises(InputError, match="another login"):
        last.pasted(Secret(f"{address}?code=x&state=no"))
    last.close()
