"""The suite's part on answers that do not fit: every decoder gives a value or an error of ours, never anything else.

Bodies come from the simulator, each for its own call, and are damaged: bytes, JSON values, structure.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from openalgo_lab.broker import Call, HttpRequest, HttpResponse, Session
from openalgo_lab.broker.outcome import judge
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.times import to_ns
from tests.conformance.rig import as_order, intent, rig
from tests.conformance.simulator import Asked, Simulator
from tests.conformance.suite_base import SuiteBase
from tests.conformance.venue import NOW, SBIN

__all__ = ["FuzzSuite"]

_JUNK: tuple[Any, ...] = (
    None, True, "", "x", "-", "NaN", "Infinity", "<b>&", "\u0000", "é" * 50, 0, -1, 1.5, -0.0, 1e308, -1e300, 10**30,
    2**63, [], {}, [[]], {"a": None}, "9" * 400, "2026-13-45 99:99:99", "1e999",
)  # fmt: skip


class FuzzSuite(SuiteBase):
    """See the module."""

    @pytest.mark.parametrize("rounds", [60, pytest.param(20_000, marks=pytest.mark.long)])
    async def test_damaged_answers(self, rounds: int) -> None:
        source = random.Random(5)
        server = self.simulator()
        async with rig(self.spec, server, server.credentials()) as made:
            instrument = await made.instrument(SBIN)
            wanted = intent(instrument)
            report = await made.adapter.place(wanted, instrument)
            server.venue.fill(server.venue.orders[0], 4, 800.0)
            session = await made.adapter._session()
            order = as_order(wanted, report)
            calls = _calls(self.spec.codec, session, instrument, order)
            for name, call in calls:
                answer = _direct(server, call.request)
                assert judge(answer, self.spec, safe=True, accepts=call.accepts) is None, name
                call.decode(answer)  # whole, it is read
                for body in _damaged(answer.body, source, rounds):
                    self._survives(name, call, HttpResponse(answer.status, answer.headers, body))
                    self._survives(name, call, HttpResponse(source.choice((400, 401, 403, 429, 500)), (), body))

    def _survives(self, name: str, call: Call[Any], answer: HttpResponse) -> None:
        try:
            if judge(answer, self.spec, safe=True, accepts=call.accepts) is None:
                call.decode(answer)
        except LabError:
            pass
        except Exception as error:
            pytest.fail(f"{name}: {type(error).__name__}: {error}\n{answer.status} {answer.body[:3000]!r}")


def _calls(codec: Any, session: Session, instrument: Instrument, order: Any) -> list[tuple[str, Call[Any]]]:
    """Every read that the codec offers."""
    span = (to_ns(NOW) - 3600 * 10**9, to_ns(NOW))
    asked: dict[str, Callable[[], Any]] = {
        "profile": lambda: codec.profile(session),
        "order": lambda: codec.order(session, order),
        "order_book": lambda: codec.order_book(session),
        "trade_book": lambda: codec.trade_book(session),
        "positions": lambda: codec.positions(session),
        "holdings": lambda: codec.holdings(session, "AB1234"),
        "funds": lambda: codec.funds(session, "AB1234"),
        "margin": lambda: codec.margin(session, [(intent(instrument), instrument)]),
        "quotes": lambda: codec.quotes(session, [instrument]),
        "depth": lambda: codec.depth(session, instrument),
        "history": lambda: codec.history(session, instrument, "5m", *span),
        "gtt_book": lambda: codec.gtt_book(session),
        "instruments": lambda: codec.instrument_files(session)[0],
    }
    found: list[tuple[str, Call[Any]]] = []
    for name, make in asked.items():
        try:
            call = make()
        except LabError:
            continue  # not offered
        if call is not None:
            found.append((name, call))
    return found


def _direct(server: Simulator, request: HttpRequest) -> HttpResponse:
    """The simulator's answer without a socket."""
    parts = urlsplit(request.path)
    kind = {"content-type": "application/json"} if request.body else {}  # as the transport does
    headers = kind | {name.lower(): value for name, value in request.headers}
    query = parse_qs(parts.query, keep_blank_values=True)
    answer = server.answer(Asked(request.method, unquote(parts.path), query, headers, request.body))
    assert answer is not None
    return HttpResponse(answer.status, tuple((n.lower(), v) for n, v in answer.headers.items()), answer.body)


def _damaged(body: bytes, source: random.Random, rounds: int) -> Iterator[bytes]:
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    for number in range(rounds):
        if value is not None and number % 3:
            yield json.dumps(_other(value, source), allow_nan=True).encode()
        else:
            yield _bitten(body, source)


def _bitten(body: bytes, source: random.Random) -> bytes:
    """A few bytes changed, lost or repeated."""
    data = bytearray(body)
    for _ in range(source.randrange(1, 5)):
        if not data:
            break
        place = source.randrange(len(data))
        match source.randrange(4):
            case 0:
                data[place] = source.randrange(256)
            case 1:
                del data[place : place + source.randrange(1, 40)]
            case 2:
                del data[place:]
            case _:
                data[place:place] = data[place : place + source.randrange(1, 40)]
    return bytes(data)


def _other(value: Any, source: random.Random) -> Any:
    """The same with one part replaced, removed or wrapped."""
    if isinstance(value, dict) and value and source.random() < 0.9:
        name = source.choice(list(value))
        if source.random() < 0.1:
            return {n: v for n, v in value.items() if n != name}
        return {**value, name: _other(value[name], source)}
    if isinstance(value, list) and value and source.random() < 0.9:
        place = source.randrange(len(value))
        return [*value[:place], _other(value[place], source), *value[place + 1 :]]
    if isinstance(value, float | int) and source.random() < 0.3:
        return source.choice((-value, value * 1e15 if math.isfinite(value) else 0, str(value)))
    return source.choice(_JUNK)
