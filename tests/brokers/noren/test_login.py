"""Logins of the Noren members."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from brokers.noren import FLATTRADE, SHOONYA, TRADESMART, ZEBU
from openalgo_lab.broker import BrokerSpec, Session
from openalgo_lab.model.errors import (
    InputError,
)
from tests.brokers.noren.examples import (
    MEMBERS,
    asked,
    run_login,
)


def test_oauth_code_becomes_a_session() -> None:
    reply = {
        "stat": "Ok", "request_time": "09:05:11 10-02-2026", "access_token": "5f0c…", "expires_in": "1770762600",
        "refresh_token": "9b1d…", "susertoken": "5f0c…", "USERID": "FA12345", "actid": "FA12345", "exarr": ["NSE"],
    }  # fmt: skip
    given_ = {"client_id": "FA12345_U", "client_secret": "s3cret", "code": "abc"}
    call, session = run_login(SHOONYA, given_, reply)
    assert call.request.path == "/NorenWClientAPI/GenAcsTok"
    assert asked(call) == {"code": "abc", "checksum": hashlib.sha256(b"FA12345_Us3cretabc").hexdigest()}
    assert (session.client, session.token, session.expires_ns) == ("FA12345", "5f0c…", 1770762600 * 10**9)


def test_flattrade_hashes_in_another_order_and_asks_another_host() -> None:
    given_ = {"client_id": "K", "client_secret": "S", "request_code": "C"}
    call, session = run_login(FLATTRADE, given_, {"token": "jk", "client": "FT012345", "status": "Ok", "emsg": ""})
    assert (call.request.host, call.request.path) == ("auth", "/trade/apitoken")
    assert msgspec.json.decode(call.request.body)["api_secret"] == hashlib.sha256(b"KCS").hexdigest()
    assert (session.client, session.token) == ("FT012345", "jk")


def test_tradesmart_page_may_give_the_token_at_once() -> None:
    flow = TRADESMART.codec.login({"access_token": "t", "uid": "U"})
    with pytest.raises(StopIteration) as end:
        next(flow)
    assert end.value.value == Session("U", "t")


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "code"])
def test_a_missing_credential_is_named(missing: str) -> None:
    given_ = {"client_id": "a", "client_secret": "b", "code": "c"}
    del given_[missing]
    with pytest.raises(InputError) as error:
        next(ZEBU.codec.login(given_))
    assert error.value.field == missing


@pytest.mark.parametrize("spec", MEMBERS, ids=lambda spec: spec.key)
def test_login_page_names_the_key(spec: BrokerSpec) -> None:
    url = spec.codec.login_url({"client_id": "A&B"}, "http://127.0.0.1:1/x", "state")
    assert url.startswith("https://")
    assert url.endswith("=A%26B")
