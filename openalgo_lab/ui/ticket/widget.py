"""The order ticket: fields, live market, cost before the click, one order a press, and what became of it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets
import msgspec

from openalgo_lab.lab.words import SymbolLike, resolve
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.money import price_decimals
from openalgo_lab.model.orders import Order
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.vocabulary import FeedMode, PriceType, Product, Side
from openalgo_lab.ui.freshness import feed_is_stale
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.search import SearchBox
from openalgo_lab.ui.ticket import messages
from openalgo_lab.ui.ticket.contract import ContractFinder
from openalgo_lab.ui.ticket.estimate import MarginEstimate
from openalgo_lab.ui.ticket.form import TicketForm
from openalgo_lab.ui.ticket.kinds import Extra, TicketKind
from openalgo_lab.ui.ticket.outcome import Outcome, outcome_of
from openalgo_lab.ui.ticket.plan import Facts
from openalgo_lab.ui.ticket.planning import command_of, plain_order, plan_of, problems_of, sentence_of
from openalgo_lab.ui.ticket.press import LATEST_S, Lateness
from openalgo_lab.ui.ticket.sending import Sender
from openalgo_lab.ui.ticket.shown import TEXT_FIELDS, market_of, show
from openalgo_lab.ui.ticket.state import TicketState

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["OrderTicket"]

_MARKET_GAP_S = 0.2


class OrderTicket(ipywidgets.VBox):
    """A form for one order. The button says what will happen; one press is one order; it is disarmed until answered.

    ``symbol`` as the lab reads it (``"SBIN"``, ``"NFO:NIFTY01DEC2626000CE"``); ``price`` in rupees makes it LIMIT;
    ``quantity`` in units. Raises SymbolError for what is not listed.
    Keys inside it: B and S switch the side, Enter sends, Esc clears, arrows step by tick or lot.
    """

    def __init__(
        self,
        lab: Lab,
        symbol: SymbolLike | None = None,
        side: Side | str = Side.BUY,
        *,
        price: float | None = None,
        quantity: int | None = None,
    ) -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._lock = threading.RLock()  # without a running loop (scripts, tests) answers come on other threads
        self._owner = f"ticket-{id(self)}"
        self._state = TicketState(side=Side(side))
        self._revs: dict[str, int] = {}
        self._problems: dict[str, str] = {}
        self._lateness = Lateness()
        self._market_at = 0.0
        self._shown_account: Account | None = None
        self._classes: tuple[str, ...] = ()
        self._told_order = ""
        self._outcome_of: Order | None = None
        self._on_modify: list[Callable[[str], None]] = []
        self._on_order: list[Callable[[Order], None]] = []
        self._sender = Sender(self._handle, self._loop, self._answered)
        self._estimate = MarginEstimate(self._handle, self._loop, self._refresh)
        self._contract = ContractFinder(self._handle, self._loop, self._contract_found)
        self._facts, self._story = Facts(), ""
        self._settled: tuple[Product, Product | None] = (self._state.product, None)
        self._form = TicketForm(self._heard)
        self._search = SearchBox(lab, placeholder="Symbol: sbin, nifty 26000 ce", shortcut=False)
        self._search.on_pick(self._picked)
        super().__init__([self._search, self._form])
        self.set(symbol, side, price, quantity)
        publisher_of(self._handle).add(self)

    # For Python ---------------------------------------------------------------------------------------------------

    @property
    def state(self) -> TicketState:
        """The fields as they stand."""
        return self._state

    @property
    def problems(self) -> dict[str, str]:
        """What keeps the button disarmed: one sentence a field."""
        return {**self._problems, **self._sender.refused}

    @property
    def sentence(self) -> str:
        """What the button says."""
        return sentence_of(self._state, self._facts, self._account())

    @property
    def kind(self) -> TicketKind:
        """What a press makes: a plain order, unless another kind was chosen."""
        return self._state.kind

    @property
    def armed(self) -> bool:
        """Whether a press would send."""
        return not self.problems and not self._sender.waiting

    @property
    def order(self) -> Order | None:
        """The last order sent from here, as the books know it now."""
        self._sender.follow(self._handle.books)
        return self._sender.order

    @property
    def message(self) -> str:
        """What was said about the last press, if it did not become an order."""
        return self._sender.message

    def set(
        self,
        symbol: SymbolLike | None = None,
        side: Side | str | None = None,
        price: float | None = None,
        quantity: int | None = None,
        *,
        trigger_price: float | None = None,
        price_type: PriceType | str | None = None,
        product: Product | str | None = None,
        kind: TicketKind | str | None = None,
        **extra: object,
    ) -> None:
        """Fill in what is given and leave the rest; another symbol starts afresh. On the kernel's loop.

        A price makes a MARKET ticket LIMIT. ``kind``: ``"order"``, ``"bracket"``, ``"gtt"``, … (:class:`TicketKind`);
        ``extra`` are that kind's own fields, such as ``stop=95.0`` (:class:`~openalgo_lab.ui.ticket.kinds.Extra`).
        Raises SymbolError for what is not listed, InputError for a field that no kind has.
        """
        with self._lock:
            state = self._state
            if symbol is not None:
                item = resolve(self._handle.instruments, symbol)
                if item != state.instrument:
                    self._sender.forget()
                    self._tell_outcome()
                    state = state.with_instrument(item)
                    self._follow(state)
            if kind is not None:
                state = self._of_kind(state, TicketKind(kind))
            if price_type is None and price is not None and not state.price_type.has_price:
                price_type = PriceType.LIMIT
            state = msgspec.structs.replace(
                state,
                side=Side(side) if side else state.side,
                price_type=PriceType(price_type) if price_type else state.price_type,
                product=Product(product) if product else state.product,
            )
            if quantity is not None:
                state = state.with_quantity(quantity)
            if price is not None:
                state = state.priced(price)
            if trigger_price is not None:
                state = state.priced(trigger_price, "trigger_price")
            for name, value in extra.items():
                if name not in Extra.__struct_fields__:
                    raise InputError(
                        f"A ticket has no field {name!r}: take one of {', '.join(Extra.__struct_fields__)}."
                    )
                state = state.typed(name, f"{value}")  # type: ignore[arg-type]  # it is one of them
            self._take(state)

    def submit(self) -> bool:
        """Do what the button says, as a press does; True when an order left. The answer comes into :attr:`order`."""
        with self._lock:
            self._refresh()
            try:
                command = command_of(self._state, self._facts, self._quote())
            except InputError:
                return False
            return not self._sender.refused and self._sender.send(command)

    def send_again(self) -> bool:
        """Send the order that was refused as a duplicate, as the button "Send again" does."""
        with self._lock:
            return self._sender.send_again()

    def clear(self) -> None:
        """Back to one lot without prices; symbol and side stay."""
        with self._lock:
            self._sender.forget()
            self._tell_outcome()
            self._take(self._state.cleared())

    def focus(self) -> None:
        """Put the keyboard's focus into the ticket."""
        self._form.focus()

    def on_modify(self, callback: Callable[[str], None]) -> None:
        """Call back with an order id when the user wants to change the order just sent."""
        self._on_modify.append(callback)

    def on_order(self, callback: Callable[[Order], None]) -> None:
        """Call back when an order of this ticket was answered, on the kernel's loop."""
        self._on_order.append(callback)

    def close(self) -> None:
        """End the subscription and the widget; an order on its way is not touched."""
        publisher_of(self._handle).remove(self)
        self._handle.unsubscribe(self._owner)
        self._search.close()
        self._form.close()
        super().close()

    # Live ---------------------------------------------------------------------------------------------------------

    def publish(self) -> None:
        """Show market and outcome; runs on the publisher thread."""
        state, quote = self._state, self._quote()
        self._sender.follow(self._handle.books)
        if self._sender.order is not self._outcome_of:
            self._tell_outcome()
        if time.monotonic() - self._market_at >= _MARKET_GAP_S:
            self._market_at = time.monotonic()
            self._form.tell_market(market_of(state, quote, stale=feed_is_stale(self._handle)))
            if self._has_moved(state, quote):
                self._loop.call(self._follow_market)
        for asking in (self._estimate, self._contract):
            if asking.due:
                self._loop.call(asking.ask)

    def _has_moved(self, state: TicketState, quote: Quote | None) -> bool:
        """Whether the fields must be looked at again: a first price, a trigger passed by the market, another mode."""
        if self._account() != self._shown_account:
            return True
        if quote is None or state.traded is None:
            return False
        if state.price_follows and state.price_type.has_price and quote.ltp > 0:
            return True
        if state.kind is TicketKind.ORDER:
            return state.price_type.has_trigger and state.problems(quote) != self._problems
        facts = self._facts_now(state, quote)
        if msgspec.structs.replace(facts, last=self._facts.last) != self._facts:
            return True
        return problems_of(state, facts, quote) != self._problems or self._story_of(state, facts) != self._story

    def _follow_market(self) -> None:
        with self._lock:
            quote = self._quote()
            fills = quote is not None and self._state.price_type.has_price
            self._take(self._state.filled_in(quote.ltp) if quote is not None and fills else self._state, keep=True)

    # From the page, on the kernel's loop ------------------------------------------------------------------------------

    def _heard(self, message: messages.FrontMessage) -> None:
        with self._lock:
            self._obey(message)

    def _obey(self, message: messages.FrontMessage) -> None:
        state = self._state
        match message:
            case messages.Type(field=field, text=text):
                self._take(state.typed(field, text), typed=field)
            case messages.Step(field=field, by=by):
                self._take(state.stepped(field, max(min(by, 1000), -1000), self._last()))
            case messages.Put(what=what):
                self._take(state.priced(self._price_at(what)))
            case messages.Choose():
                chosen = {name: value for name, value in msgspec.structs.asdict(message).items() if value is not None}
                kind = chosen.pop("kind", state.kind)
                self._take(self._of_kind(msgspec.structs.replace(state, **chosen), kind))
            case messages.Clear():
                self.clear()
            case _:
                self._act(message)

    def _act(self, message: messages.FrontMessage) -> None:
        match message:
            case messages.Hello(t=sent):
                self._lateness.restart(sent)
            case messages.Submit(seen=seen, t=sent):
                if not (self._in_time(sent) and self._as_seen(seen) and self.submit()):
                    self._refresh(force=True)  # the page disarmed itself and waits for a word
            case messages.Again(t=sent):
                if not (self._in_time(sent) and self._sender.send_again()):
                    self._refresh(force=True)
            case messages.Cancel():
                self._sender.cancel()
            case messages.Modify():
                if self._sender.order is not None:
                    for callback in self._on_modify:
                        callback(self._sender.order.order_id)

    def _in_time(self, sent: float) -> bool:
        late = self._lateness.of(sent)
        if late <= LATEST_S:
            return True
        self._say(f"The notebook was busy and this press came {late:.0f} s late: nothing was sent. Press again.")
        return False

    def _as_seen(self, seen: str) -> bool:
        if seen == self.sentence:
            return True
        self._say("The ticket changed as you pressed: nothing was sent. Read the button and press again.")
        return False

    def _say(self, sentence: str) -> None:
        self._sender.message, self._sender.bad = sentence, True
        self._refresh(force=True)

    def _picked(self, key: InstrumentKey) -> None:
        try:
            self.set(key)
        except LabError as error:
            self._say(str(error))

    # Inside -------------------------------------------------------------------------------------------------------

    def _take(self, state: TicketState, *, typed: str = "", keep: bool = False) -> None:
        """Make ``state`` the ticket's; fields changed by anything but typing are told so. keep: messages stay."""
        before, self._state = self._state, state
        for old, new, names in ((before, state, TEXT_FIELDS), (before.extra, state.extra, Extra.__struct_fields__)):
            for name in names:
                if name != typed and getattr(old, name) != getattr(new, name):
                    self._revs[name] = self._revs.get(name, 0) + 1
        if not keep and before != state:
            self._sender.refused, self._sender.duplicate = {}, None
            if self._sender.order is None:
                self._sender.message, self._sender.bad = "", False
        self._refresh()

    def _refresh(self, *, force: bool = False) -> None:
        account, quote = self._account(), self._quote()
        self._contract.want(self._state)
        state, self._facts = self._state, self._facts_now(self._state, quote)
        self._problems = problems_of(state, self._facts, quote)
        freeze = state.traded.freeze_quantity if state.traded else 0
        self._estimate.want(None if self._problems else plain_order(state, self._facts, quote), freeze)
        self._shown_account = account
        sender = self._sender
        shown = show(
            state,
            account=account,
            accounts=self._handle.status.accounts,
            revs=self._revs,
            problems=self.problems,
            cost=self._estimate.cost,
            waiting=sender.waiting,
            message=sender.message,
            bad=sender.bad,
            again=f"Send again: {self.sentence}" if sender.duplicate is not None else "",
            facts=self._facts,
        )
        self._story = shown.story
        self._form.tell_state(shown, force=force)
        self._colour(Side(shown.side), account)

    def _colour(self, side: Side, account: Account) -> None:
        wanted = ("oal-ticket-box", f"oal-ticket-box-{side.value.lower()}", f"oal-ticket-mode-{account.mode.value}")
        if wanted != self._classes:
            self._classes = self._dom_classes = wanted

    def _answered(self) -> None:
        with self._lock:
            self._refresh()
            self._tell_outcome()
            order = self._sender.order
        if order is not None and order.order_id != self._told_order:
            self._told_order = order.order_id
            for callback in self._on_order:
                callback(order)

    def _tell_outcome(self) -> None:
        order = self._outcome_of = self._sender.order
        item = self._handle.instruments.find(InstrumentKey(order.exchange, order.symbol)) if order else None
        decimals = price_decimals(item.tick_size) if item else 2
        answer = self._sender.answer
        told = Outcome(answer.text, answer.tone, answer.undo is not None, "") if answer.text else None
        self._form.tell_outcome(outcome_of(order, decimals) if order else told)

    def _account(self) -> Account:
        status = self._handle.status
        wanted = self._state.account or status.default_account
        found = next((one for one in status.accounts if one.account == wanted), None)
        return found or Account(wanted or "no account", "", status.mode)

    def _of_kind(self, state: TicketState, kind: TicketKind) -> TicketState:
        """Another kind: a price type and product that it has; an option's contract only where offsets are chosen."""
        before, state = state, msgspec.structs.replace(state, kind=kind)
        if kind is before.kind:
            return state
        if state.contract is not None:
            state = state.with_contract(None).with_quantity(state.instrument.lot_size if state.instrument else 1)
        if before.product is self._settled[1]:  # a product that only the kind before wanted goes with it
            state = msgspec.structs.replace(state, product=self._settled[0])
        plan, wished = plan_of(state, self._facts), state.product
        state = state if plan is None else plan.settled()
        self._settled = (wished, state.product if state.product is not wished else None)
        return state

    def _facts_now(self, state: TicketState, quote: Quote | None) -> Facts:
        """What the ticket's kind must know; nothing for a plain order."""
        if state.kind is TicketKind.ORDER or state.instrument is None:
            return Facts()
        last = quote.ltp if quote is not None else math.nan
        return Facts(self._held(state), last, self._contract.expiries(state), self._contract.note)

    def _story_of(self, state: TicketState, facts: Facts) -> str:
        plan = plan_of(state, facts)
        return plan.story() if plan is not None and not self._problems else ""

    def _held(self, state: TicketState) -> int:
        if state.kind is not TicketKind.SMART or state.instrument is None:
            return 0
        wanted = (self._account().account, state.instrument.exchange, state.instrument.symbol, state.product)
        return sum(
            one.quantity
            for one in self._handle.books.positions
            if (one.account, one.exchange, one.symbol, one.product) == wanted
        )

    def _contract_found(self) -> None:
        with self._lock:
            state = self._state.with_contract(self._contract.found)
            if state is not self._state:
                self._follow(state)
                plan = plan_of(state, self._facts)
                state = state if plan is None or state.contract is None else plan.settled()
            self._take(state, keep=True)

    def _follow(self, state: TicketState) -> None:
        """Ask the feed for what is shown."""
        self._handle.unsubscribe(self._owner)
        keys = [item.key for item in (state.instrument, state.contract) if item is not None]
        self._handle.subscribe(keys, FeedMode.QUOTE, self._owner)

    def _quote(self) -> Quote | None:
        item = self._state.traded
        return self._handle.board.quote(item.key) if item else None

    def _last(self) -> float:
        quote = self._quote()
        return quote.ltp if quote else math.nan

    def _price_at(self, what: str) -> float:
        quote = self._quote()
        if quote is None:
            return math.nan
        return (quote.bid + quote.ask) / 2 if what == "mid" else float(getattr(quote, what))
