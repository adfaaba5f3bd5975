"""What an answer's status proves about a request, where the broker's own error form does not say."""

from __future__ import annotations

from typing import Final

from openalgo_lab.broker.spec import BrokerSpec
from openalgo_lab.model.errors import (
    BrokerError,
    DecodeError,
    LabError,
    OutcomeUnknown,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.wire.transport import HttpResponse

__all__ = ["judge"]

_DEFINITE: Final = frozenset({400, 401, 403, 404, 405, 411, 413, 414, 415, 422, 429, 431})
"""The request was looked at and not accepted."""


def judge(
    response: HttpResponse, spec: BrokerSpec, *, safe: bool, accepts: frozenset[int] = frozenset()
) -> LabError | None:
    """The error that an answer amounts to; None when it is to be decoded. ``accepts``: see `Call`."""
    try:
        stated = spec.codec.refusal(response)
        readable = True
    except DecodeError:
        stated, readable = None, False
    if stated is not None or 200 <= response.status < 300 or (readable and response.status in accepts):
        return stated
    return _unstated(response, spec, safe=safe)


def _unstated(response: HttpResponse, spec: BrokerSpec, *, safe: bool) -> LabError:
    status = response.status
    if status == 401:
        return SessionExpired(f"{spec.name} no longer knows this session; log in again.")
    if status == 429:
        wait_s = _retry_after(response)
        return Throttled(f"{spec.name} asks for fewer requests; wait {wait_s:g} s.", wait_s)
    if status in _DEFINITE:
        return Rejected(f"{spec.name} refused the request with status {status} and no reason that can be read.")
    if safe:
        return BrokerError(f"{spec.name} could not answer (status {status}); try again in a moment.")
    return OutcomeUnknown(f"{spec.name} answered with status {status}; the order book will show what was done.")


def _retry_after(response: HttpResponse) -> float:
    text = next((value for name, value in response.headers if name == "retry-after"), "")
    return min(float(text), 300.0) if text.isascii() and text.isdigit() else 1.0
