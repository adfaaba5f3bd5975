"""The one adapter: executes a broker's spec over a transport. It knows no broker.

    adapter = GenericAdapter(spec, account, transport, credentials)
    await adapter.connect(sink)

What it adds to a codec: sessions (`login`), rates and outcomes (`caller`), feeds that keep themselves alive (`feed`),
order updates by polling where there is no feed of them (`polling`), histories in pages (`history`), batches of quotes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from openalgo_lab.broker.adapter import OrderChange, ReportSink
from openalgo_lab.broker.caller import Caller
from openalgo_lab.broker.deep import DeepBooks
from openalgo_lab.broker.feed import Feed, FeedMeans, merged_state
from openalgo_lab.broker.history import fetch_history
from openalgo_lab.broker.login import with_code
from openalgo_lab.broker.polling import OrderPoller
from openalgo_lab.broker.protection import protected
from openalgo_lab.broker.spec import BrokerSpec, Call, Capability, FeedKind, LoginKind, Session
from openalgo_lab.broker.tokens import MemoryTokens, TokenStore
from openalgo_lab.model.errors import BrokerError, DecodeError, NotSupported, SessionExpired, Throttled, WireError
from openalgo_lab.model.events import FeedState
from openalgo_lab.model.gtt import GttIntent, GttReport
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, Bars, Depth, Quote
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Account, Funds, Holding, Profile
from openalgo_lab.model.reports import FillReport, OrderReport, PositionReport
from openalgo_lab.model.vocabulary import FeedMode, PriceType
from openalgo_lab.wire.limits import Limiter, Urgency
from openalgo_lab.wire.meter import MeteredFeeds, TrafficMeter
from openalgo_lab.wire.recorder import RecordingTransport
from openalgo_lab.wire.transport import Transport

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
        *,
        tokens: TokenStore | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.account = account
        self._transport = transport
        named = {"client": account.account} if spec.login is LoginKind.NONE else {}
        self._credentials = {**named, **(credentials or {})}
        self._tokens: TokenStore = tokens or MemoryTokens()
        self._now_ns = now_ns
        self._calls = Caller(spec, transport, now_ns=now_ns)
        self._feeds: list[Feed] = []
        self._deep = DeepBooks(spec, self._means(None))
        self._poller: OrderPoller | None = None

    @property
    def spec(self) -> BrokerSpec:
        """The facts of the broker."""
        return self._calls.spec

    @spec.setter
    def spec(self, spec: BrokerSpec) -> None:
        self._calls.spec = spec

    @property
    def meter(self) -> TrafficMeter:
        """What has passed between us and the broker."""
        return self._calls.meter

    @property
    def limiter(self) -> Limiter:
        """The broker's rates, and how much of them is used."""
        return self._calls.limiter

    # Sessions --------------------------------------------------------------------------------------------------

    async def connect(self, sink: ReportSink) -> None:
        """Log in, or take up the session kept for the day; open the feeds. A second call starts afresh.

        Raises what a login raises: InputError for a missing credential, Rejected, WireError, Throttled.
        """
        await self._stop()
        await self._begin_session()
        self._deep = DeepBooks(self.spec, self._means(None))
        self._feeds = [Feed(self.spec, feed, self._means(sink)) for feed in self.spec.feeds]
        await asyncio.gather(*(feed.start() for feed in self._feeds))
        if self._needs_polling():
            self._poller = OrderPoller(
                every_s=self.spec.order_poll_s,
                order_book=self.order_book,
                trade_book=self.trade_book,
                report=sink.on_report,
            )
            self._poller.start()

    def give(self, credentials: Mapping[str, str]) -> None:
        """Further credentials for the next login: a one-time code, what a redirect brought back."""
        self._credentials.update(credentials)

    async def logout(self) -> None:
        """End the session at the broker and keep it no longer; the feeds end with it. Raises WireError, BrokerError."""
        await self._stop()
        session, self._calls.session = self._calls.session, None
        await self._tokens.forget(self.spec.key, self.account.account)
        call = self.spec.codec.logout(session) if session is not None else None
        if call is not None:
            await self._calls.send(call)

    async def close(self) -> None:
        """Close the feeds and the transport; the session stays alive for the day."""
        await self._stop()
        await self._transport.close()

    @property
    def session(self) -> Session | None:
        """The session that is in use; None before a login and after its end."""
        return self._calls.session

    async def profile(self) -> Profile:
        """Who is logged in."""
        return await self._ask(self.spec.codec.profile)

    # Orders ----------------------------------------------------------------------------------------------------

    async def place(self, intent: OrderIntent, instrument: Instrument) -> OrderReport:
        """Submit; the report carries the broker's order id and ACCEPTED."""
        self._stir()
        sent = await self._as_sent(intent, instrument)
        return await self._ask(lambda session: self.spec.codec.place(session, sent, instrument))

    async def _as_sent(self, intent: OrderIntent, instrument: Instrument) -> OrderIntent:
        """With a limit in place of "at market" where the broker takes no market orders.

        Nothing has left when the price cannot be had: raises WireError.
        """
        if not self.spec.protects_market or intent.price_type.has_price:
            return intent
        if intent.price_type is PriceType.SL_M:
            return protected(intent, instrument, 0.0)
        try:
            (found,) = await self.quotes([instrument])
        except (SessionExpired, Throttled):
            raise
        except (BrokerError, DecodeError, WireError) as error:
            raise WireError(f"A market order needs the price of {intent.symbol} first, and: {error}") from error
        return protected(intent, instrument, found.ltp)

    async def modify(self, order: Order, change: OrderChange, instrument: Instrument) -> None:
        """Ask for new terms."""
        self._stir()
        await self._ask(lambda session: self.spec.codec.modify(session, order, change, instrument))

    async def cancel(self, order: Order) -> None:
        """Ask for the end of an order; it goes before everything else that waits for its turn."""
        self._stir()
        await self._ask(lambda session: self.spec.codec.cancel(session, order), Urgency.CANCEL)

    async def margin(self, legs: Sequence[tuple[OrderIntent, Instrument]]) -> int:
        """Paise that the orders would block together, by the broker's own count."""
        sent = [(await self._as_sent(intent, instrument), instrument) for intent, instrument in legs]
        return await self._ask(lambda session: self.spec.codec.margin(session, sent))

    async def place_gtt(self, gtt: GttIntent, instrument: Instrument) -> str:
        """Rest a GTT; gives the broker's id of it. Raises NotSupported where there are none."""
        return await self._ask(lambda session: self.spec.codec.place_gtt(session, gtt, instrument))

    async def modify_gtt(self, gtt_id: str, gtt: GttIntent, instrument: Instrument) -> None:
        """New terms for one."""
        await self._ask(lambda session: self.spec.codec.modify_gtt(session, gtt_id, gtt, instrument))

    async def cancel_gtt(self, gtt_id: str) -> None:
        """End one."""
        await self._ask(lambda session: self.spec.codec.cancel_gtt(session, gtt_id), Urgency.CANCEL)

    async def gtt_book(self) -> Sequence[GttReport]:
        """All that the broker lists."""
        return await self._ask(self.spec.codec.gtt_book)

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
        """Demat holdings; none where the broker's API has no such book."""
        if Capability.HOLDINGS not in self.spec.capabilities:
            return ()
        return await self._ask(lambda session: self.spec.codec.holdings(session, self.account.account))

    async def funds(self) -> Funds:
        """Money."""
        return await self._ask(lambda session: self.spec.codec.funds(session, self.account.account))

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

    async def depth(self, instrument: Instrument, levels: int = DEPTH_LEVELS) -> Depth:
        """Five levels, or more where the broker has a feed of deeper books. Raises NotSupported where it has none."""
        if levels > DEPTH_LEVELS:
            if self.spec.books:
                self._check_connected()
            return await self._deep.depth(instrument, levels)
        return await self._ask(lambda session: self.spec.codec.depth(session, instrument))

    async def history(
        self, instrument: Instrument, interval: str, start_ns: int, end_ns: int, *, background: bool = False
    ) -> Bars:
        """Candles that start in [start_ns, end_ns), ascending; in the background their requests let all others go
        first. Raises NotSupported for an interval it has not.
        """
        urgency = Urgency.BACKGROUND if background else None

        async def page(start: int, end: int) -> Bars:
            return await self._ask(
                lambda session: self.spec.codec.history(session, instrument, interval, start, end), urgency
            )

        return await fetch_history(self.spec, interval, start_ns, end_ns, page)

    async def instruments(self) -> Sequence[Instrument]:
        """The whole master contract of the day; files are fetched one by one and decoded on another thread.

        Where two files list a symbol of an exchange, the first one counts.
        """
        found: dict[tuple[str, str], Instrument] = {}
        for number in range(len(self.spec.codec.instrument_files(await self._session()))):
            for instrument in await self._instrument_file(number):
                found.setdefault((instrument.exchange, instrument.symbol), instrument)
        return list(found.values())

    async def _instrument_file(self, number: int) -> Sequence[Instrument]:
        call = self.spec.codec.instrument_files(await self._session())[number]
        response = await self._calls.fetch(call)
        return await asyncio.to_thread(call.decode, response)

    # Feeds -----------------------------------------------------------------------------------------------------

    async def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> None:
        """Add to the feed or raise the mode. Raises NotSupported where the broker streams no prices."""
        feed, mode = self._market_feed(mode)
        await feed.subscribe(instruments, mode)

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Drop from the feed."""
        self._check_connected()
        for feed in self._feeds:
            if feed.feed.kind is not FeedKind.ORDERS:
                await feed.unsubscribe(instruments)

    def feed_state(self) -> FeedState:
        """How fresh the feeds are now."""
        return merged_state(self.spec.key, self._feeds)

    def _market_feed(self, mode: FeedMode) -> tuple[Feed, FeedMode]:
        """The feed that carries a mode; where none does, the nearest that holds more, else the most there is."""
        self._check_connected()
        market = [feed for feed in self._feeds if feed.feed.kind is not FeedKind.ORDERS]
        if not market:
            raise NotSupported(f"{self.spec.name} streams no prices; its quotes are read when they are asked for.")
        ranked = list(FeedMode)
        for wanted in [*ranked[ranked.index(mode) :], *reversed(ranked[: ranked.index(mode)])]:
            for feed in market:
                if wanted in feed.feed.modes:
                    return feed, wanted
        return market[0], mode

    def _check_connected(self) -> None:
        if not self._feeds:
            raise SessionExpired(f"{self.spec.name} is not connected; connect first.")

    def _means(self, sink: ReportSink | None) -> FeedMeans:
        """What feeds work with; without a sink for books only, which go to who asked for them."""
        return FeedMeans(
            transport=MeteredFeeds(self._transport, self._calls.meter),
            log_in=self._feed_session,
            call=self._calls.send,
            ticks=lambda batch: None if sink is None else sink.on_ticks(batch),
            reports=lambda report: None if sink is None else sink.on_report(report),
            changed=lambda: None if sink is None else sink.on_feed(self.feed_state()),
        )

    def _needs_polling(self) -> bool:
        carried = any(feed.kind is not FeedKind.MARKET for feed in self.spec.feeds)
        return Capability.ORDERS in self.spec.capabilities and not carried

    def _stir(self) -> None:
        if self._poller is not None:
            self._poller.stir()

    # One call --------------------------------------------------------------------------------------------------

    async def _begin_session(self) -> None:
        """The kept session if the broker still knows it, else a login."""
        kept = await self._tokens.load(self.spec.key, self.account.account)
        if kept is not None and not self._calls.is_over(kept) and await self._is_known(kept):
            return
        await self._log_in()

    async def _is_known(self, kept: Session) -> bool:
        """Whether the broker still knows a kept session."""
        self._calls.session = kept
        codec = self.spec.codec
        try:
            if Capability.PROFILE in self.spec.capabilities:
                await self._calls.send(codec.profile(kept))
            else:
                await self._calls.send(codec.funds(kept, self.account.account))
        except SessionExpired:
            self._calls.session = None
            await self._tokens.forget(self.spec.key, self.account.account)
            return False
        return True

    async def _log_in(self) -> None:
        recording = self._transport if isinstance(self._transport, RecordingTransport) else None
        if recording is not None:
            recording.hold()
        session = await self._calls.log_in(with_code(self.spec, self._credentials, self._now_ns()))
        if recording is not None:
            recording.learn(session.token, *session.extra.values())
        if self.spec.login is not LoginKind.NONE:
            await self._tokens.save(self.spec.key, self.account.account, session)

    async def _feed_session(self, fresh: bool) -> Session:
        """For the feeds: the live session, or where that needs nobody a fresh one."""
        if fresh and self.spec.login is LoginKind.NONE:
            return await self._calls.renew(self._credentials, self._calls.session)
        return await self._session()

    async def _session(self) -> Session:
        """The live session, renewed where that needs nobody; else calls are refused here, and nothing is sent."""
        if self._calls.session is None and self.spec.login is LoginKind.NONE:
            return await self._calls.renew(self._credentials, None)
        return self._calls.live()

    async def _ask(self, make: Callable[[Session], Call[T]], urgency: Urgency | None = None) -> T:
        session = await self._session()
        try:
            return await self._calls.send(make(session), urgency)
        except SessionExpired:
            if self.spec.login is not LoginKind.NONE:
                if self._calls.session is session:
                    self._calls.session = None
                raise
            fresh = await self._calls.renew(self._credentials, session)
            return await self._calls.send(make(fresh), urgency)

    async def _stop(self) -> None:
        if self._poller is not None:
            await self._poller.close()
            self._poller = None
        await self._deep.close()
        feeds, self._feeds = self._feeds, []
        for feed in feeds:
            await feed.close()
