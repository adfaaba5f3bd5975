"""Logins of the XTS members."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from brokers.xts import COMPOSITEDGE, FIVEPAISAXTS, IBULLS, IIFL, JAINAMXTS, RMONEY
from openalgo_lab.broker import BrokerSpec, HttpResponse
from openalgo_lab.model.errors import (
    InputError,
)
from tests.brokers.xts.examples import (
    KEYS,
    MARKET,
    MEMBERS,
    USER,
    answer,
    run,
    token,
)


def test_two_keys_give_two_tokens() -> None:
    calls, session = run(FIVEPAISAXTS, KEYS, answer(USER), answer(MARKET))
    assert [call.request.path for call in calls] == ["/interactive/user/session", "/apimarketdata/auth/login"]
    assert json.loads(calls[0].request.body) == {"appKey": "ik", "secretKey": "is", "source": "WebAPI"}
    assert (session.client, session.token) == ("AB1234", USER["token"])
    assert session.extra == {"market": MARKET["token"], "market_user": "AB1234", "user": "AB1234"}
    assert session.expires_ns == 1770784100 * 10**9
    _, dealer = run(IIFL, KEYS, answer({**USER, "isInvestorClient": False}), answer(MARKET))
    assert dealer.extra["dealer"] == "1"


def test_the_other_prefix_is_tried_when_the_first_is_not_there() -> None:
    calls, _ = run(IBULLS, KEYS, answer(USER), HttpResponse(404, (), b"<html>"), answer(MARKET))
    assert [c.request.path for c in calls[1:]] == ["/apibinarymarketdata/auth/login", "/apimarketdata/auth/login"]


@pytest.mark.parametrize("wrap", [json.dumps, lambda x: json.dumps(json.dumps(x)), lambda x: quote(json.dumps(x))])
def test_redirects(wrap: Any) -> None:
    told = {"accessToken": "at", "userID": "AB1234", "token": token(1770784200)}
    calls, _ = run(COMPOSITEDGE, {**KEYS, "session": wrap(told)}, answer(USER), answer(MARKET))
    assert json.loads(calls[0].request.body) == {"appKey": "ik", "secretKey": "is", "accessToken": "at"}
    calls, session = run(RMONEY, {**KEYS, "session": wrap(told)}, answer(MARKET))
    assert [c.request.path for c in calls] == ["/apimarketdata/auth/login"]
    assert session.token == told["token"]
    url = urlsplit(COMPOSITEDGE.codec.login_url(KEYS, "http://127.0.0.1:9/cb", "s"))
    assert url.path == "/interactive/thirdparty"
    assert parse_qs(url.query) == {"appKey": ["ik"], "returnURL": ["http://127.0.0.1:9/cb"]}


def test_jainam_sends_a_placeholder() -> None:
    calls, _ = run(JAINAMXTS, KEYS, answer(USER), answer(MARKET))
    assert json.loads(calls[0].request.body)["accessToken"]


@pytest.mark.parametrize("spec", MEMBERS, ids=lambda spec: spec.key)
def test_missing_credentials_are_named(spec: BrokerSpec) -> None:
    for field in spec.login_fields:
        with pytest.raises(InputError) as error:
            next(spec.codec.login({k: v for k, v in {**KEYS, "session": "{}"}.items() if k != field.name}))
        assert error.value.field == field.name
