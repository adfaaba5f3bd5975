"""`lab.connect` against a broker's simulator: through its login page, by a pasted address, and what is asked for."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from openalgo_lab.broker import LoginField
from openalgo_lab.lab import Lab
from openalgo_lab.model.errors import InputError, RiskDenied, VaultMissing
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import CreateVault
from openalgo_lab.model.vocabulary import Mode
from tests.conformance.simulators.angel import AngelSimulator
from tests.support.running_broker import Running, free_port


@pytest.fixture
def broker() -> Iterator[Running]:
    running = Running()
    yield running
    running.close()


@pytest.fixture
def fresh(lab_home: Any) -> Iterator[Lab]:
    with Lab("connecting") as lab:
        yield lab


def vaulted(lab: Lab) -> Lab:
    lab.call(CreateVault(Secret("correct horse battery staple")), 30.0)
    return lab


KEYS = ("api_key", "api_secret")


def test_through_the_brokers_page(fresh: Lab, broker: Running) -> None:
    lab, credentials = vaulted(fresh), broker.simulator.credentials()
    redirect = f"http://127.0.0.1:{free_port()}/back"
    visited: list[str] = []

    def user(page: str) -> None:
        """Logs in on the page, which sends the browser back with what Kite adds."""
        visited.append(page)
        query = parse_qs(urlsplit(page).query)
        state = parse_qs(query["redirect_params"][0])["state"][0]
        back = f"{redirect}?action=login&status=success&request_token={credentials['request_token']}&state={state}"
        threading.Thread(target=lambda: urllib.request.urlopen(back, timeout=5).read()).start()

    asked: list[str] = []

    def ask(field: LoginField) -> str:
        asked.append(field.name)
        return credentials[field.name]

    connected = lab.connect("zerodha", redirect_uri=redirect, ask=ask, open_page=user, **broker.where())
    assert (connected.account.mode, connected.data) == (Mode.LIVE, True)
    assert asked == list(KEYS)
    assert len(visited) == 1 and credentials["api_key"] in visited[0]
    assert lab.quote("SBIN", "NSE").ltp == 812.5
    both = {funds.account: funds for funds in lab.funds}
    assert lab.funds.total.available_paise == both["ZERODHA"].available_paise, "paper money is not counted in"
    assert len(both) == 2
    with pytest.raises(RiskDenied, match="not armed"):
        lab.place_order("SBIN", "BUY", 1, price=810.0, exchange="NSE", account="ZERODHA")
    assert credentials["api_secret"] not in repr(lab.handle.status) + repr(connected)
    assert "disconnected" in lab.disconnect("ZERODHA")
    again = lab.connect("zerodha", ask=ask, open_page=user, **broker.where())
    assert again.account.account == "ZERODHA"
    assert asked == list(KEYS) and len(visited) == 1, "login and session of today are in the vault"


def test_by_the_pasted_address(fresh: Lab, broker: Running) -> None:
    lab, credentials = vaulted(fresh), broker.simulator.credentials()
    keys = {name: credentials[name] for name in KEYS}
    pasted = f"https://example.org/?status=success&request_token={credentials['request_token']}"
    connected = lab.connect("zerodha", url=pasted, **keys, **broker.where())
    assert connected.instruments > 5
    with pytest.raises(InputError, match="copy the whole line"):
        lab.connect("zerodha", account="OTHER", url="request_token", **keys, **broker.where())


def test_a_form_asks_for_the_code_of_the_moment_and_only_then(fresh: Lab) -> None:
    lab, broker = vaulted(fresh), Running(AngelSimulator())
    try:
        credentials = {k: v for k, v in broker.simulator.credentials().items() if k not in ("totp", "totp_seed")}
        asked: list[str] = []

        def ask(field: LoginField) -> str:
            asked.append(field.name)
            return "123456"

        lab.connect("angel", ask=ask, **credentials, **broker.where())
        assert asked == ["totp"]
        lab.disconnect("ANGEL")
        lab.connect("angel", ask=ask, **broker.where())
        assert asked == ["totp"], "the session of today is still good"
        lab.disconnect("ANGEL")
        broker.simulator.alive = False
        lab.connect("angel", ask=ask, **broker.where())
        assert asked == ["totp", "totp"], "it was not good any more"
    finally:
        broker.close()


def test_where_no_browser_can_be_opened_the_page_is_named(fresh: Lab, broker: Running) -> None:
    credentials = broker.simulator.credentials()
    keys = {name: credentials[name] for name in KEYS}
    with pytest.raises(InputError, match=f"Log in at https://.*{keys['api_key']}.*url=") as caught:
        redirect = f"http://127.0.0.1:{free_port()}/"
        vaulted(fresh).connect("zerodha", redirect_uri=redirect, open_page=lambda _: False, **keys, **broker.where())
    assert keys["api_secret"] not in str(caught.value)


def test_without_a_vault(fresh: Lab, broker: Running) -> None:
    with pytest.raises(VaultMissing):
        fresh.connect("zerodha", **broker.simulator.credentials(), **broker.where())


def test_a_script_is_told_what_is_missing(fresh: Lab, broker: Running) -> None:
    with pytest.raises(InputError, match="still needs api_key") as caught:
        vaulted(fresh).connect("zerodha", **broker.where())
    assert caught.value.field == "api_key"
