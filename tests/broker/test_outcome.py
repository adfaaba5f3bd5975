"""What an answer's status proves."""

from __future__ import annotations

import pytest

from brokers.noren import SHOONYA
from openalgo_lab.broker import HttpResponse
from openalgo_lab.broker.outcome import judge
from openalgo_lab.model.errors import BrokerError, LabError, OutcomeUnknown, Rejected, SessionExpired, Throttled

NO_DATA = b'{"stat":"Not_Ok","emsg":"Error Occurred : 5 \\"no data\\""}'


@pytest.mark.parametrize(
    ("status", "body", "safe", "kind"),
    [
        (200, b"{}", True, None),
        (400, b"<html>", True, Rejected),
        (401, b"", True, SessionExpired),
        (429, b"", False, Throttled),
        (502, b"<html>", True, BrokerError),
        (502, b"<html>", False, OutcomeUnknown),
        (400, NO_DATA, True, Rejected),
    ],
)
def test_statuses_without_a_stated_error(status: int, body: bytes, safe: bool, kind: type[LabError] | None) -> None:
    found = judge(HttpResponse(status, (), body), SHOONYA, safe=safe)
    assert found is None if kind is None else type(found) is kind


def test_a_status_that_the_call_accepts_is_decoded_unless_it_states_an_error_or_is_unreadable() -> None:
    accepts = frozenset({400})
    assert judge(HttpResponse(400, (), NO_DATA), SHOONYA, safe=True, accepts=accepts) is None
    stated = b'{"stat":"Not_Ok","emsg":"Invalid Input"}'
    assert isinstance(judge(HttpResponse(400, (), stated), SHOONYA, safe=True, accepts=accepts), Rejected)
    assert isinstance(judge(HttpResponse(400, (), b"{torn"), SHOONYA, safe=True, accepts=accepts), Rejected)
