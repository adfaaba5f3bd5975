"""One-time codes, what a form still has to ask, and the callback of a login page."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from typing import Any

import pytest

from openalgo_lab.broker.callback import CallbackServer, parameters_of
from openalgo_lab.broker.login import missing_fields, totp_code, with_code
from openalgo_lab.model.errors import InputError
from tests.broker.tiny import SPEC, spec

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""The key of RFC 6238's own table, "12345678901234567890"."""


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_the_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert totp_code(SEED, seconds * 10**9) == code
    assert totp_code(f" {SEED[:16].lower()} {SEED[16:]}=== ", seconds * 10**9) == code


@pytest.mark.parametrize("seed", ["not base 32!", "1890", "é"])
def test_a_seed_that_is_none(seed: str) -> None:
    with pytest.raises(InputError, match="base-32") as caught:
        totp_code(seed, 0)
    assert caught.value.field == "totp_seed"


def test_a_code_is_computed_where_the_seed_is_known() -> None:
    assert with_code(SPEC, {"totp_seed": SEED, "totp": "000000"}, 59 * 10**9)["totp"] == "287082"
    assert with_code(SPEC, {"totp": "123456"}, 0)["totp"] == "123456"
    assert "totp" not in with_code(spec(login_fields=()), {"totp_seed": SEED}, 0)


def test_what_is_asked() -> None:
    def names(**given: str) -> list[str]:
        return [field.name for field in missing_fields(SPEC, given)]

    assert names() == ["pin", "totp"]
    assert names(totp_seed=SEED) == ["pin"], "who gave the seed types no code"
    assert names(pin="1", totp="1") == []
    assert names(pin="") == ["pin", "totp"]


def test_where_the_fields_name_the_seed_only_a_code_will_do() -> None:
    seed_only = spec(login_fields=tuple(field for field in SPEC.login_fields if field.name != "totp"))
    assert [field.name for field in missing_fields(seed_only, {"pin": "1"})] == ["totp"]
    assert not missing_fields(seed_only, {"pin": "1", "totp_seed": SEED})
    assert not missing_fields(seed_only, {"pin": "1", "totp": "123456"})


def call(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_callback_with_our_state_is_taken_and_no_other() -> None:
    with CallbackServer("http://127.0.0.1:0/back", "our-state") as server:
        base = f"http://127.0.0.1:{server.port}"
        codes: list[int] = []

        def browse() -> None:
            theirs, ours = "/back?code=evil&state=theirs", "/back?code=ok&state=our-state"
            codes.extend(call(base + path) for path in ("/favicon.ico", "/back", "/back?code=1", theirs, ours))

        thread = threading.Thread(target=browse)
        thread.start()
        assert server.wait(10) == {"code": "ok", "state": "our-state"}
        thread.join(5)
    assert codes == [404, 404, 404, 404, 200]


def test_a_broker_that_echoes_no_state() -> None:
    with CallbackServer("http://localhost:0/", "s", echoes_state=False) as server:
        url = f"http://127.0.0.1:{server.port}/?code=1"
        thread = threading.Thread(target=call, args=(url,))
        thread.start()
        assert server.wait(10) == {"code": "1"}
        thread.join(5)


def test_a_page_that_sends_a_form() -> None:
    with CallbackServer("http://localhost:0/", "s", echoes_state=False) as server:
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}/", b"session=%7B%22a%22%3A1%7D", method="POST"
        )
        codes: list[int] = []
        thread = threading.Thread(target=lambda: codes.append(urllib.request.urlopen(request).status))
        thread.start()
        assert server.wait(10) == {"session": '{"a":1}'}
        thread.join(5)
    assert codes == [200]


def test_nobody_comes() -> None:
    with CallbackServer("http://127.0.0.1:0/", "s") as server, pytest.raises(InputError, match="paste the address"):
        server.wait(0.05)


@pytest.mark.parametrize("address", ["https://127.0.0.1/", "http://example.org/", "http://0.0.0.0:5000/", "nonsense"])
def test_only_this_machines_own_address(address: str) -> None:
    with pytest.raises(InputError, match="not on this machine"):
        CallbackServer(address, "s")


def test_a_taken_port() -> None:
    with CallbackServer("http://127.0.0.1:0/", "s") as first, pytest.raises(InputError, match="is taken"):
        CallbackServer(f"http://127.0.0.1:{first.port}/", "s")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://127.0.0.1:5010/?request_token=abc&status=success", {"request_token": "abc", "status": "success"}),
        ("  https://x.example/cb?auth_code=e%20y&s=ok ", {"auth_code": "e y", "s": "ok"}),
    ],
)
def test_a_pasted_address(text: str, found: dict[str, Any]) -> None:
    assert parameters_of(text) == found


@pytest.mark.parametrize("text", ["", "http://x/", "request_token", "http://x/?" + "a=1&" * 3000])
def test_what_is_no_address_after_a_login(text: str) -> None:
    with pytest.raises(InputError):
        parameters_of(text)
