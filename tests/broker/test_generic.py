"""The policy of outcomes, the registry, and what opens an adapter."""

from __future__ import annotations

import msgspec
import pytest

from brokers.simulated import SPEC
from openalgo_lab.broker import HttpResponse, LoginKind, registry
from openalgo_lab.broker.connect import open_adapter
from openalgo_lab.broker.outcome import judge
from openalgo_lab.model.errors import BrokerError, InputError, OutcomeUnknown, Rejected, SessionExpired, Throttled
from openalgo_lab.model.vocabulary import PriceType
from tests.brokers.simulated.exchange import ACCOUNT, SHARE, intent, rig


def page(status: int, *headers: tuple[str, str]) -> HttpResponse:
    return HttpResponse(status, headers, b"<html>not for you</html>")


@pytest.mark.parametrize(
    ("status", "read", "order"),
    [
        (200, type(None), type(None)),
        (204, type(None), type(None)),
        (302, BrokerError, OutcomeUnknown),
        (400, Rejected, Rejected),
        (401, SessionExpired, SessionExpired),
        (403, Rejected, Rejected),
        (408, BrokerError, OutcomeUnknown),
        (409, BrokerError, OutcomeUnknown),
        (429, Throttled, Throttled),
        (500, BrokerError, OutcomeUnknown),
        (502, BrokerError, OutcomeUnknown),
        (504, BrokerError, OutcomeUnknown),
    ],
)
def test_what_a_status_proves(status: int, read: type, order: type) -> None:
    assert type(judge(page(status), SPEC, safe=True)) is read
    assert type(judge(page(status), SPEC, safe=False)) is order


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((), 1.0),
        ((("retry-after", "7"),), 7.0),
        ((("retry-after", "soon"),), 1.0),
        ((("retry-after", "99999"),), 300.0),
    ],
)
def test_how_long_to_wait(headers: tuple[tuple[str, str], ...], seconds: float) -> None:
    error = judge(page(429, *headers), SPEC, safe=True)
    assert isinstance(error, Throttled)
    assert error.retry_after_s == seconds


def test_the_brokers_own_words_come_first() -> None:
    body = msgspec.json.encode({"err": {"code": "FUNDS", "text": "Too little."}})
    error = judge(HttpResponse(500, (), body), SPEC, safe=False)
    assert isinstance(error, Rejected)
    assert str(error) == "Too little."


async def test_where_only_the_user_can_log_in_a_dead_session_refuses_here() -> None:
    async with rig("in_process") as made:
        made.adapter.spec = msgspec.structs.replace(SPEC, login=LoginKind.FORM)
        made.driver.endpoint.expire_tokens()
        asked = 0
        respond = made.driver.respond

        async def counting(request):  # type: ignore[no-untyped-def]
            nonlocal asked
            asked += 1
            return await respond(request)

        made.driver.respond = counting  # type: ignore[method-assign]
        for _ in range(5):
            with pytest.raises(SessionExpired):
                await made.adapter.place(intent(PriceType.LIMIT, price=790.0), SHARE)
        assert asked == 1, "after the first refusal nothing is sent in vain"


def test_the_simulated_exchange_is_registered() -> None:
    assert "simulated" in registry.available()
    assert registry.load("simulated") is SPEC
    (row,) = [row for row in registry.describe() if row.key == "simulated"]
    assert row.name == "Simulated exchange"
    assert {"NSE", "NFO", "NSE_INDEX"} <= set(row.exchanges)
    assert "orders" in row.capabilities
    assert 100 < row.lines <= 600


def test_a_broker_that_is_not_there() -> None:
    with pytest.raises(InputError, match="No broker 'nobody' is installed; there are: "):
        registry.load("nobody")


def test_an_entry_point_that_is_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    points = (
        EntryPoint("missing", "no.such.module:SPEC", registry.GROUP),
        EntryPoint("wrong", "brokers.simulated:SimulatedCodec", registry.GROUP),
    )
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    with pytest.raises(InputError, match="cannot be loaded"):
        registry.load("missing")
    with pytest.raises(InputError, match="gives no spec"):
        registry.load("wrong")


def test_a_spec_without_address_needs_one() -> None:
    with pytest.raises(InputError, match="give base_url"):
        open_adapter(SPEC, ACCOUNT)
