"""The one adapter: executes a broker's spec over a transport. It knows no broker.

    adapter = GenericAdapter(spec, account, transport, credentials)
    await adapter.connect(sink)

Policy of outcomes, once for all brokers: an answer in the broker's own error form is believed; a server error or an
unreadable answer to something that is not safe to repeat leaves its outcome unknown; a refused session is renewed
once where that needs nobody, since a refusal proves that nothing was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from openalgo_lab.broker.adapter import OrderChange, ReportSink
from openalgo_lab.broker.feed import Feed, FeedMeans
from openalgo_lab.broker.outcome import judge
from openalgo_lab.broker.spec import BrokerSpec, Call, LoginFlow, LoginKind, Session
from openalgo_lab.model.errors import DecodeError, OutcomeUnknown, SessionExpired
from openalgo_lab.model.events import FeedState
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Account, Funds, Holding
from openalgo_lab.model.reports import FillReport, OrderReport, PositionReport
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.wire.transport import Lane, Transport

__all__ = ["GenericAdapter"]

T = TypeVar("T")


class GenericAdapter:
    """One account at one broker: an `Adapter`. Belongs to one event loop."""

    def __init__(
        self,
        spec: BrokerSpec,
        account: Account,
        transport: Transport,
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        self.spec = spec
        self.account = account
        self._transport = transport
        self._credentials = {"client": account.account, **(credentials or {})}
        self._session: Session | None = None
        self._feed: Feed | None = None

    async def connect(self, sink: ReportSink) -> None:
        """Log in and open the feed; returns when orders may be placed. A second call starts afresh."""
        if self._feed is not None:
            await self._feed.close()
        await self._log_in(True)
        self._feed = Feed(self.spec, self.spec.feeds[0], FeedMeans(self._transport, sink, self._log_in, self._send))
        await self._feed.start()

    async def close(self) -> None:
        """Close the feed and the transport."""
        if self._feed is not None:
            await self._feed.close()
        await self._transport.close()

    # Orders ----------------------------------------------------------------------------------------------------

    async def place(self, intent: OrderIntent, instrument: Instrument) -> OrderReport:
        """Submit; the report carries the broker's order id and ACCEPTED."""
        return await self._ask(lambda session: self.spec.codec.place(session, intent, instrument))

    async def modify(self, order: Order, change: OrderChange, instrument: Instrument) -> None:
        """Ask for new terms."""
        await self._ask(lambda session: self.spec.codec.modify(session, order, change, instrument))

    async def cancel(self, order: Order) -> None:
        """Ask for the end of an order."""
        await self._ask(lambda session: self.spec.codec.cancel(session, order))

    # Books -----------------------------------------------------------------------------------------------------

    async def order_book(self) -> Sequence[OrderReport]:
        """All orders of the day."""
        return await self._ask(self.spec.codec.order_book)

    async def trade_book(self) -> Sequence[FillReport]:
        """All fills of the day."""
        return await self._ask(self.spec.codec.trade_book)

    async def positions(self) -> Sequence[PositionReport]:
        """Net positions."""
        return await self._ask(self.spec.codec.positions)

    async def holdings(self) -> Sequence[Holding]:
        """Demat holdings."""
        return await self._ask(lambda session: self.spec.codec.holdings(session, self.account.account))

    async def funds(self) -> Funds:
        """Money."""
        return await self._ask(lambda session: self.spec.codec.funds(session, self.account.account))

    async def margin(self, legs: Sequence[tuple[OrderIntent, Instrument]]) -> int:
        """Paise that the orders would block together, by the broker's own count."""
        return await self._ask(lambda session: self.spec.codec.margin(session, legs))

    # Market ----------------------------------------------------------------------------------------------------

    async def quotes(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        """Quotes in the same order, in as many requests as the broker's batch asks for."""
        size = self.spec.limits.quotes_batch
        found: list[Quote] = []
        for start in range(0, len(instruments), size):
            found += await self._quotes(instruments[start : start + size])
        return found

    async def _quotes(self, batch: Sequence[Instrument]) -> Sequence[Quote]:
        return await self._ask(lambda session: self.spec.codec.quotes(session, batch))

    async def depth(self, instrument: Instrument) -> Depth:
        """Five levels."""
        return await self._ask(lambda session: self.spec.codec.depth(session, instrument))

    async def history(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        """Candles that start in [start_ns, end_ns), ascending."""
        return await self._ask(lambda session: self.spec.codec.history(session, instrument, interval, start_ns, end_ns))

    async def instruments(self) -> Sequence[Instrument]:
        """The whole master contract of the day."""
        found: list[Instrument] = []
        session = self._session or await self._renew()
        for number in range(len(self.spec.codec.instrument_files(session))):
            found += await self._instrument_file(number)
        return found

    async def _instrument_file(self, number: int) -> Sequence[Instrument]:
        return await self._ask(lambda session: self.spec.codec.instrument_files(session)[number])

    # Feed ------------------------------------------------------------------------------------------------------

    async def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> None:
        """Add to the feed or raise the mode."""
        await self._live_feed().subscribe(instruments, mode)

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Drop from the feed."""
        await self._live_feed().unsubscribe(instruments)

    def feed_state(self) -> FeedState:
        """How fresh the feed is now."""
        if self._feed is None:
            return FeedState(broker=self.spec.key, connected=False, detail="Not connected.")
        return self._feed.state()

    def _live_feed(self) -> Feed:
        if self._feed is None:
            raise SessionExpired(f"{self.spec.name} is not connected; connect first.")
        return self._feed

    # One call --------------------------------------------------------------------------------------------------

    async def _log_in(self, fresh: bool) -> Session:
        if fresh or self._session is None:
            self._session = None
            self._session = await self._run_login(self.spec.codec.login(self._credentials))
        return self._session

    async def _run_login(self, flow: LoginFlow) -> Session:
        """Hold the conversation of a login to its end."""
        try:
            call = next(flow)
            while True:
                call = flow.send(await self._send(call))
        except StopIteration as end:
            session: Session = end.value
            return session
        finally:
            flow.close()

    async def _ask(self, make: Callable[[Session], Call[T]]) -> T:
        session = self._session
        if session is None:
            session = await self._renew()
        try:
            return await self._send(make(session))
        except SessionExpired:
            self._session = None
            return await self._send(make(await self._renew()))

    async def _renew(self) -> Session:
        """A new session where that needs nobody; else calls are refused here, and nothing is sent in vain."""
        if self.spec.login is not LoginKind.NONE:
            raise SessionExpired(f"The session at {self.spec.name} has ended; log in again.")
        return await self._log_in(True)

    async def _send(self, call: Call[T]) -> T:
        limits, request = self.spec.limits, call.request
        timeout_s = limits.order_timeout_s if request.lane is Lane.ORDER else limits.data_timeout_s
        response = await self._transport.request(request, timeout_s=timeout_s)
        error = judge(response, self.spec, safe=request.safe)
        if error is not None:
            raise error
        try:
            return call.decode(response)
        except DecodeError as error:
            if request.safe:
                raise
            raise OutcomeUnknown(
                f"{self.spec.name} answered something unreadable ({error}); look into the order book."
            ) from error
