"""The simulated exchange and broker in one: order entry, matching, books. Pure of threads, sockets and waiting.

    Venue(market, records, settings)
    venue.place / modify / cancel      what a client asks; refused with `Refusal`, else recorded and answered at once
    venue.run_due(now_ns)              lets orders whose latency has passed reach the market
    venue.step(now_ns)                 the same, and shows the books the market's new prices

``now_ns`` is monotonic (latencies only); prices, stamps and the trading day follow the market's own clock, which
a replay may pause. It is a real broker in this: it never removes duplicates, and a tag is only carried.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from datetime import date

import msgspec

from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import NS_PER_MS, Clock, SystemClock
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side, Validity
from openalgo_lab.sim.account import Money
from openalgo_lab.sim.clients import Catalogue, Client, Key
from openalgo_lab.sim.day import Day, carry_over, unrealised
from openalgo_lab.sim.door import Door, check_tag
from openalgo_lab.sim.market import MarketSource
from openalgo_lab.sim.matching import PRICE_SCALE, Book, Match, View
from openalgo_lab.sim.records import Records, State, VenueOrder, VenueTrade
from openalgo_lab.sim.rules import Code, Refusal, Terms, check_terms
from openalgo_lab.sim.views import last_price, views

__all__ = ["Update", "Venue", "VenueSettings"]

Update = VenueOrder | VenueTrade
Listener = Callable[[str, Update], None]


class VenueSettings(msgspec.Struct, frozen=True):
    """How the venue behaves. ``ack_latency_ms`` delays the answer, ``fill_latency_ms`` the way to the market."""

    starting_cash_rupees: float = 1_00_00_000.0
    ack_latency_ms: float = 0.0
    fill_latency_ms: float = 5.0
    late_reject_probability: float = 0.0
    max_modifications: int = 25
    seed: int = 0


class Venue:
    """See the module. ``clock`` gives the monotonic now of the calls that come from clients."""

    def __init__(
        self,
        market: MarketSource,
        records: Records,
        settings: VenueSettings | None = None,
        clock: Clock | None = None,
        rules: RuleBook | None = None,
    ) -> None:
        self.market = market
        self.settings = settings or VenueSettings()
        self.halted = ""
        self._records = records
        self._clock: Clock = clock or SystemClock()
        self._rules = rules or RuleBook.load()
        self._random = random.Random(self.settings.seed)
        self._listeners: list[Listener] = []
        self._clients: dict[str, Client] = {}
        self._books: dict[int, Book] = {}
        self._due: list[tuple[int, int, int, VenueOrder]] = []
        self._was_open: dict[Exchange, bool] = {}
        self._changed: dict[int, VenueOrder] = {}
        self._traded: list[VenueTrade] = []
        self._last_number = 0  # orders and trades share one count, which never starts again
        self._pushed = 0
        self._day = Day.at(market.now_ns())
        self._list_instruments()
        self._restore()

    # What a client asks ----------------------------------------------------------------------------------------

    def client(self, name: str) -> Client:
        """The books of a client; a new one starts with the settings' cash."""
        found = self._clients.get(name)
        if found is None:
            money = Money(round(self.settings.starting_cash_rupees * PRICE_SCALE))
            self._write(lambda: self._records.save_money(name, money))
            found = self._clients[name] = self._new_client(name, money)
        return found

    def place(self, client_name: str, token: int, terms: Terms, tag: str = "") -> VenueOrder:
        """Take an order in, or raise `Refusal`. It is recorded before this returns and reaches the market later."""
        self._start()
        client, instrument = self.client(client_name), self.instrument(token)
        check_tag(tag)
        check_terms(instrument, terms)
        self._door.check_open(instrument)
        order = self._new_order(client, instrument, terms, tag)
        order.basis = self._door.basis(instrument, terms, self._seen(instrument))
        self._door.check_money(client, instrument, order)
        self._write(lambda: self._records.save_order(order))
        client.add(order)
        self._refresh_need(client, instrument, order.product)
        self._send(order)
        self._publish(client.name, order)
        return order

    def modify(self, client_name: str, number: int, terms: Terms) -> VenueOrder:
        """Give a working order new terms (side and product stay). Raises `Refusal`."""
        self._start()
        client, order, instrument = self._working(client_name, number)
        if order.modifications >= self.settings.max_modifications:
            raise Refusal(Code.MODIFICATIONS, f"An order can be modified {self.settings.max_modifications} times.")
        check_terms(instrument, terms, filled=order.filled)
        self._door.check_open(instrument)
        if order.triggered and terms.price_type.has_trigger:
            now = PriceType.LIMIT if terms.price_type is PriceType.SL else PriceType.MARKET
            terms = msgspec.structs.replace(terms, price_type=now, trigger=0)
        wanted = msgspec.structs.replace(
            order,
            quantity=terms.quantity,
            price=terms.price if terms.price_type.has_price else 0,
            trigger=terms.trigger if terms.price_type.has_trigger else 0,
            price_type=terms.price_type,
            disclosed=terms.disclosed,
            limit=0,
            basis=self._door.basis(instrument, terms, self._seen(instrument)),
            modifications=order.modifications + 1,
            updated_ns=self.market.now_ns(),
        )
        self._door.check_money(client, instrument, wanted)
        self._write(lambda: self._records.save_order(wanted))
        return self._apply_terms(client, instrument, order, wanted)

    def cancel(self, client_name: str, number: int) -> VenueOrder:
        """End a working order. Raises `Refusal` when it has ended already."""
        self._start()
        client, order, _ = self._working(client_name, number)
        self._end(client, order, State.CANCELLED, "")
        self._commit()
        return order

    def instrument(self, token: int) -> Instrument:
        """The listed instrument of a token, or `Refusal`."""
        found = self.catalogue.get(token)
        if found is None:
            raise Refusal(Code.LISTING, f"{token} is not listed today; load the instruments of the day.")
        return found

    def order(self, client_name: str, number: int) -> VenueOrder:
        """One order of the day, or `Refusal`."""
        found = self.client(client_name).orders.get(number)
        if found is None:
            raise Refusal(Code.NO_ORDER, f"There is no order {number} today; look into the order book.")
        return found

    def margin_of(self, client_name: str, token: int, terms: Terms) -> int:
        """What an order would tie up more than now (ten-thousandths of a rupee), without placing it."""
        self._start()
        client, instrument = self.client(client_name), self.instrument(token)
        check_terms(instrument, terms)
        order = self._new_order(client, instrument, terms, "")
        order.basis = self._door.basis(instrument, terms, self._seen(instrument))
        need = self._door.margins.need(client, instrument, terms.product, order)
        return need - client.need((token, terms.product))

    def unrealised(self, client_name: str) -> dict[Key, int]:
        """Profit of each open position at the last price (ten-thousandths of a rupee); unlisted ones are left out."""
        return unrealised(self.client(client_name), self.catalogue, self.market)

    def listen(self, listener: Listener) -> None:
        """Hear of every order change and trade, after it is recorded: (client, order or trade)."""
        self._listeners.append(listener)

    # Time ------------------------------------------------------------------------------------------------------

    def next_due_ns(self) -> int | None:
        """When `run_due` has something to do; None when nothing is on its way."""
        return self._due[0][0] if self._due else None

    def run_due(self, now_ns: int) -> None:
        """Let the orders whose latency has passed reach the market."""
        while self._due and self._due[0][0] <= now_ns:
            _, _, modifications, order = heapq.heappop(self._due)
            if order.state.alive and order.modifications == modifications:  # else overtaken by a later change
                self._reach_market(order)
        self._commit()

    def step(self, now_ns: int) -> None:
        """Follow the market: day, sessions, orders on their way, prices, triggers."""
        self._start()
        self._follow_sessions()
        self._forget_idle()  # who arrives with this step meets the market of its moment
        self.run_due(now_ns)
        tokens = [token for token, book in self._books.items() if not book.idle]
        if tokens:
            for token, view in zip(tokens, views(self.market, tokens, self.market.now_ns()), strict=True):
                self._apply(self._books[token].refresh(view))
                self._fire(token)
        self._forget_idle()
        self._commit()

    def _forget_idle(self) -> None:
        self._books = {token: book for token, book in self._books.items() if not book.idle}

    def close(self) -> None:
        """Close the records."""
        self._records.close()

    # Entry -----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self.halted:
            raise Refusal(Code.HALTED, self.halted)
        if not self._day.holds(self.market.now_ns()):
            self._roll()

    def _new_order(self, client: Client, instrument: Instrument, terms: Terms, tag: str) -> VenueOrder:
        now_ns = self.market.now_ns()
        return VenueOrder(
            number=self._last_number + 1,
            day=self._day.text,
            client=client.name,
            token=instrument.token,
            exchange=instrument.exchange,
            symbol=instrument.symbol,
            side=terms.side,
            product=terms.product,
            price_type=terms.price_type,
            validity=terms.validity,
            quantity=terms.quantity,
            price=terms.price if terms.price_type.has_price else 0,
            trigger=terms.trigger if terms.price_type.has_trigger else 0,
            disclosed=terms.disclosed,
            tag=tag,
            placed_ns=now_ns,
            updated_ns=now_ns,
        )

    def _working(self, client_name: str, number: int) -> tuple[Client, VenueOrder, Instrument]:
        order = self.order(client_name, number)
        if not order.state.alive:
            raise Refusal(Code.DONE, f"Order {number} is {order.state.value} already; nothing was changed.")
        return self.client(client_name), order, self.instrument(order.token)

    def _apply_terms(self, client: Client, instrument: Instrument, order: VenueOrder, wanted: VenueOrder) -> VenueOrder:
        """The recorded new terms take effect: less quantity keeps the place in the queue, all else goes back."""
        same = (order.price, order.trigger, order.price_type) == (wanted.price, wanted.trigger, wanted.price_type)
        keeps_place = same and wanted.quantity <= order.quantity and order.state is State.WORKING
        for field in wanted.__struct_fields__:
            setattr(order, field, getattr(wanted, field))
        client.note(order)
        book = self._books.get(order.token)
        if book is not None and keeps_place and book.remaining(order.number):
            book.reduce(order.number, order.remaining)
        else:
            if book is not None:
                book.remove(order.number)
            self._send(order)
        self._refresh_need(client, instrument, order.product)
        self._publish(client.name, order)
        return order

    # The market side -------------------------------------------------------------------------------------------

    def _send(self, order: VenueOrder) -> None:
        self._last_number = max(self._last_number, order.number)
        due = self._clock.monotonic_ns() + round(self.settings.fill_latency_ms * NS_PER_MS)
        self._pushed += 1
        heapq.heappush(self._due, (due, self._pushed, order.modifications, order))

    def _reach_market(self, order: VenueOrder) -> None:
        client = self._clients[order.client]
        if order.state is State.RECEIVED and self._random.random() < self.settings.late_reject_probability:
            self._end(client, order, State.REJECTED, "RMS: refused by the risk system after acceptance.")
            return
        book = self._book(self.instrument(order.token))
        if order.price_type.has_trigger and not order.triggered:
            self._set_state(client, order, State.WAITING)
            book.wait(order.number, order.side, order.trigger)
            self._fire(order.token)
        else:
            self._work(client, order, book)

    def _work(self, client: Client, order: VenueOrder, book: Book) -> None:
        """Enter the matching with the limit that the order's type gives it."""
        if not order.limit:  # an order found in the records keeps the protection it had
            reference = book.view.ltp or order.basis
            market = self._door.rules.protected_limit(self.instrument(order.token), order.side, reference)
            order.limit = order.price or market
        self._set_state(client, order, State.WORKING)
        rest = order.validity is Validity.DAY
        self._apply(book.enter(order.number, order.side, order.remaining, order.limit, rest=rest))
        if order.state.alive and not rest:
            self._end(client, order, State.CANCELLED, "IOC: nothing more to be had at the limit.")

    def _fire(self, token: int) -> None:
        book = self._books[token]
        while numbers := book.fired():
            for number in numbers:
                order = self._find(number)
                order.triggered = True
                self._work(self._clients[order.client], order, book)

    def _apply(self, matches: Sequence[Match]) -> None:
        for match in matches:
            order = self._find(match.number)
            client = self._clients[order.client]
            order.filled += match.quantity
            order.value += match.quantity * match.price
            self._set_state(client, order, State.FILLED if order.filled == order.quantity else State.WORKING)
            self._book_trade(client, order, match.quantity, match.price)

    def _book_trade(self, client: Client, order: VenueOrder, quantity: int, price: int) -> None:
        self._last_number += 1
        trade = VenueTrade(
            number=self._last_number,
            day=self._day.text,
            client=client.name,
            order=order.number,
            token=order.token,
            exchange=order.exchange,
            symbol=order.symbol,
            side=order.side,
            product=order.product,
            quantity=quantity,
            price=price,
            time_ns=self.market.now_ns(),
            tag=order.tag,
            settlement=order.settlement,
        )
        position = client.position(order)
        profit = position.book(order.side, quantity, price)
        client.money.cash += profit
        client.money.realised += profit
        client.trades.append(trade)
        self._traded.append(trade)

    def _end(self, client: Client, order: VenueOrder, state: State, reason: str) -> None:
        order.reason = reason
        self._set_state(client, order, state)
        book = self._books.get(order.token)
        if book is not None:
            book.remove(order.number)

    def _set_state(self, client: Client, order: VenueOrder, state: State) -> None:
        order.state = state
        order.updated_ns = self.market.now_ns()
        client.note(order)
        self._changed[order.number] = order

    def _find(self, number: int) -> VenueOrder:
        return next(c.orders[number] for c in self._clients.values() if number in c.orders)

    def _view(self, instrument: Instrument) -> View:
        return views(self.market, [instrument.token], self.market.now_ns())[0]

    def _seen(self, instrument: Instrument) -> View:
        """The market as the door sees it: what the order will meet, unless a step of the market comes before it."""
        return self._book(instrument).view

    def _book(self, instrument: Instrument) -> Book:
        """The book of an instrument; one where nobody waits is shown the market of this moment first."""
        book = self._books.get(instrument.token)
        if book is None:
            book = self._books[instrument.token] = Book(self._view(instrument))
        return book

    # Sessions and days -----------------------------------------------------------------------------------------

    def _follow_sessions(self) -> None:
        """When continuous trading ends, day orders die and intraday positions are squared off."""
        for exchange in set().union(*(client.busy_exchanges() for client in self._clients.values())):
            is_open = self.market.is_open(exchange, self.market.now_ns())
            if not is_open and self._was_open.get(exchange, True):
                self._close_session(exchange)
            self._was_open[exchange] = is_open

    def _close_session(self, exchange: Exchange | None) -> None:
        for client in self._clients.values():
            for order in client.alive():
                if exchange in (None, order.exchange):
                    self._end(client, order, State.EXPIRED, "The session has ended.")
            for position in list(client.positions.values()):
                if position.product is Product.MIS and position.quantity and exchange in (None, position.exchange):
                    self._square_off(client, position.token, position.quantity)
        self._commit()

    def _square_off(self, client: Client, token: int, quantity: int) -> None:
        instrument = self.catalogue.get(token)
        price = last_price(self.market, instrument) if instrument is not None else 0
        if instrument is None or not price:
            return  # no longer listed: settled with the expired contracts at the turn of the day
        side = Side.SELL if quantity > 0 else Side.BUY
        order = self._new_order(client, instrument, Terms(side, Product.MIS, PriceType.MARKET, abs(quantity)), "")
        self._last_number = order.number
        order.reason = "Intraday square-off at the session's end."
        order.limit, order.filled, order.value = price, order.quantity, order.quantity * price
        client.add(order)
        self._set_state(client, order, State.FILLED)
        self._book_trade(client, order, order.quantity, price)

    def _roll(self) -> None:
        """The market's clock shows another day: close the old one, carry positions, list the new instruments."""
        self._close_session(None)
        self._day = Day.at(self.market.now_ns())
        self._list_instruments()
        for client in self._clients.values():
            self._carry(client)
        self._write(lambda: self._records.start_day(self._day.text, self._clients.values()))
        self._books.clear()
        self._due.clear()
        self._was_open.clear()
        for client in self._clients.values():
            client.clear_day()
            self._refresh_all_needs(client)

    def _new_client(self, name: str, money: Money) -> Client:
        return Client(name, money)

    def _carry(self, client: Client) -> None:
        """What becomes of a client's positions when the day has turned."""
        carry_over(client, self.catalogue, self.market)

    def _restore(self) -> None:
        """Take up the books as the file has them; a file of another day is carried over into today."""
        loaded = self._records.load()
        self._last_number = loaded.last_number
        for name, money in loaded.money.items():
            client = self._clients[name] = self._new_client(name, money)
            client.positions = {(p.token, p.product): p for p in loaded.positions.get(name, [])}
            client.holdings = {h.token: h for h in loaded.holdings.get(name, [])}
        for order in loaded.orders:
            self._clients[order.client].add(order)
        for trade in loaded.trades:
            self._clients[trade.client].trades.append(trade)
        if loaded.day and loaded.day != self._day.text:
            self._day = Day(date.fromisoformat(loaded.day))
            self._roll()
            return
        if not loaded.day:
            self._write(lambda: self._records.start_day(self._day.text, self._clients.values()))
        for client in self._clients.values():
            for order in client.alive():
                self._send(order)
            self._refresh_all_needs(client)

    def _list_instruments(self) -> None:
        self.catalogue = Catalogue(self.market.instruments())
        self._door = Door(self.market, self.catalogue, self._rules, self._day.date)

    def _refresh_all_needs(self, client: Client) -> None:
        keys = {*client.positions, *((o.token, o.product) for o in client.alive())}
        for token, product in keys:
            self._refresh_need(client, self.catalogue.get(token), product)

    def _refresh_need(self, client: Client, instrument: Instrument | None, product: Product) -> None:
        if instrument is not None:
            client.set_need((instrument.token, product), self._door.margins.need(client, instrument, product))

    # Record, then publish --------------------------------------------------------------------------------------

    def _commit(self) -> None:
        if not (self._changed or self._traded):
            return
        orders, trades = list(self._changed.values()), self._traded
        self._changed, self._traded = {}, []
        positions = {(t.client, t.token, t.product): self._clients[t.client].position(t) for t in trades}
        moved = [(client, position) for (client, _, _), position in positions.items()]
        money = [(name, self._clients[name].money) for name in {trade.client for trade in trades}]
        self._write(lambda: self._records.save_changes(orders, trades, moved, money))
        for name, token, product in {(o.client, o.token, o.product) for o in orders}:
            self._refresh_need(self._clients[name], self.catalogue.get(token), product)
        for trade in trades:
            self._publish(trade.client, trade)
        for order in orders:
            self._publish(order.client, order)

    def _write(self, save: Callable[[], None]) -> None:
        """One transaction. When the disk refuses, the venue stands still: what is in memory may be ahead of it."""
        try:
            with self._records.transaction():
                save()
        except StoreError as error:
            self.halted = f"The exchange has stopped: {error}"
            raise Refusal(Code.HALTED, self.halted) from error

    def _publish(self, client: str, update: Update) -> None:
        for listener in self._listeners:
            listener(client, update)
