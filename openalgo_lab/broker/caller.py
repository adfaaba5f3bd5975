"""One broker's REST calls for one login: the session, the rates, the judgement of answers, and what is tried again.

Policy of outcomes, once for all brokers: an answer in the broker's own error form is believed; a server error or an
unreadable answer to something that is not safe to repeat leaves its outcome unknown; only reads are ever repeated. A
refused session is renewed once where that needs nobody, since a refusal proves that nothing was done.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from openalgo_lab.broker.outcome import judge
from openalgo_lab.broker.spec import BrokerSpec, Call, LoginFlow, LoginKind, Session
from openalgo_lab.broker.tokens import next_expiry
from openalgo_lab.model.errors import DecodeError, OutcomeUnknown, SessionExpired, Throttled, WireError
from openalgo_lab.wire.limits import Limiter, Urgency
from openalgo_lab.wire.meter import CallEnd, TrafficMeter
from openalgo_lab.wire.transport import HttpResponse, Lane, Transport

__all__ = ["Caller"]

T = TypeVar("T")

_LOGINS: Final = 3
_LOGINS_WITHIN_S: Final = 600.0
_LONGEST_WAIT_S: Final = 60.0
"""How long a read may wait for its turn: a long history is paced, not refused."""
_FILE_S: Final = 120.0
_QUICK_S: Final = 1.0
_PATIENT_S: Final = 5.0
_END: Final[dict[type, CallEnd]] = {type(None): CallEnd.ANSWERED, Throttled: CallEnd.THROTTLED}


class Caller:
    """Belongs to one event loop. ``session`` is None until somebody has logged in, and again after a refusal."""

    def __init__(
        self,
        spec: BrokerSpec,
        transport: Transport,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec
        self.session: Session | None = None
        self.limiter = Limiter(spec.limits.rates)
        self.meter = TrafficMeter()
        self._transport = transport
        self._now_ns = now_ns
        self._monotonic = monotonic
        self._logins: deque[float] = deque(maxlen=_LOGINS)
        self._renewing = asyncio.Lock()

    # Sessions --------------------------------------------------------------------------------------------------

    async def log_in(self, credentials: Mapping[str, str]) -> Session:
        """A new session. Raises InputError for a missing credential, Throttled after three tries in ten minutes."""
        self._count_login()
        self.session = None
        session = await self._converse(self.spec.codec.login(credentials))
        if not session.expires_ns:
            end = next_expiry(self._now_ns(), self.spec.token_expiry)
            session = msgspec.structs.replace(session, expires_ns=end)
        self.session = session
        return session

    async def renew(self, credentials: Mapping[str, str], dead: Session | None) -> Session:
        """A session in place of ``dead``, where that needs nobody; one login however many ask at once."""
        async with self._renewing:
            if self.session is not None and self.session is not dead:
                return self.session
            return await self.log_in(credentials)

    def live(self) -> Session:
        """The session, if it can still be alive. Raises SessionExpired: nothing is sent with a token that is dead."""
        session = self.session
        if session is None or self.is_over(session):
            self.session = None
            raise SessionExpired(f"The session at {self.spec.name} has ended; log in again with lab.connect().")
        return session

    def is_over(self, session: Session) -> bool:
        """Whether its time has come."""
        return bool(session.expires_ns) and self._now_ns() >= session.expires_ns

    def _count_login(self) -> None:
        """No storm of logins: brokers lock accounts for less."""
        if self.spec.login is LoginKind.NONE:
            return
        now = self._monotonic()
        if len(self._logins) == _LOGINS and now - self._logins[0] < _LOGINS_WITHIN_S:
            wait_s = _LOGINS_WITHIN_S - (now - self._logins[0])
            raise Throttled(
                f"Three logins at {self.spec.name} within ten minutes; wait {wait_s / 60:.0f} min, so that the broker "
                "does not lock the account.",
                wait_s,
            )
        self._logins.append(now)

    async def _converse(self, flow: LoginFlow) -> Session:
        """Hold the conversation of a login to its end."""
        try:
            call = next(flow)
            while True:
                call = flow.send(await self.send(call))
        except StopIteration as end:
            session: Session = end.value
            return session
        finally:
            flow.close()

    # Calls -----------------------------------------------------------------------------------------------------

    async def send(self, call: Call[T], urgency: Urgency | None = None) -> T:
        """Make one call; a read is repeated once where that may help."""
        if not call.request.safe:
            return await self._once(call, urgency)
        began = self._monotonic()
        try:
            return await self._once(call, urgency)
        except Throttled as error:
            if error.retry_after_s > _PATIENT_S:
                raise
        except (WireError, OutcomeUnknown):
            if self._monotonic() - began > _QUICK_S:
                raise
        return await self._once(call, urgency)

    async def fetch(self, call: Call[Any]) -> HttpResponse:
        """The answer to a read of a whole file, judged and not decoded: it takes its time and is decoded elsewhere."""
        return await self._answer(call, None, _FILE_S)

    async def _once(self, call: Call[T], urgency: Urgency | None) -> T:
        response = await self._answer(call, urgency)
        try:
            return call.decode(response)
        except DecodeError as error:
            if call.request.safe:
                raise
            raise OutcomeUnknown(
                f"{self.spec.name} answered something unreadable ({error}); look into the order book."
            ) from error

    async def _answer(self, call: Call[Any], urgency: Urgency | None, least_s: float = 0.0) -> HttpResponse:
        limits, request = self.spec.limits, call.request
        orders = request.lane is Lane.ORDER
        pool = request.pool or ("order" if orders else "data")
        timeout_s = max(limits.order_timeout_s if orders else limits.data_timeout_s, least_s)
        default = Urgency.ORDER if orders else Urgency.DATA
        patience_s = timeout_s if orders else _LONGEST_WAIT_S
        began = self._monotonic()
        try:
            await self.limiter.enter(pool, default if urgency is None else urgency, patience_s)
        except Throttled:
            self.meter.call(request, CallEnd.THROTTLED, waited_ms=(self._monotonic() - began) * 1000)
            raise
        left = self._monotonic()
        response: HttpResponse | None = None
        end = CallEnd.FAILED
        try:
            response = await self._transport.request(request, timeout_s=timeout_s)
            error = judge(response, self.spec, safe=request.safe, accepts=call.accepts)
            end = _END.get(type(error), CallEnd.REFUSED)
        finally:
            ms, waited_ms = (self._monotonic() - left) * 1000, (left - began) * 1000
            self.meter.call(request, end, ms=ms, waited_ms=waited_ms, response=response)
        if isinstance(error, Throttled):
            self.limiter.hold(pool, error.retry_after_s)
        if error is not None:
            raise error
        return response
