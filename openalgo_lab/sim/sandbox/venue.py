"""The sandbox's venue: the simulated exchange's matching on a live board, with a broker's day around it.

Beside the rules of :class:`~openalgo_lab.sim.venue.Venue`: intraday positions are squared off at the dated cut-off,
contracts on an index settle in cash at the close of their last day, contracts on a share by delivery, shares bought
become holdings on the next trading day, hedges count in the margin, charges are taken at the day's end, and what was
missed while nothing ran is caught up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import msgspec

from openalgo_lab.model.delivery import Obligation, delivery_rules, obligation
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.symbols import ParsedSymbol, parse_symbol
from openalgo_lab.model.times import Clock, from_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType, Product, Settlement, Side
from openalgo_lab.sim.account import Money, Position
from openalgo_lab.sim.clients import Client
from openalgo_lab.sim.day import deliver
from openalgo_lab.sim.door import Door
from openalgo_lab.sim.matching import PRICE_SCALE, to_rupees, to_units
from openalgo_lab.sim.records import State, VenueOrder, VenueTrade
from openalgo_lab.sim.rules import Code, Refusal, Terms, check_terms
from openalgo_lab.sim.sandbox.margins import HedgedMargins
from openalgo_lab.sim.sandbox.names import LazyCatalogue, SandboxRecords
from openalgo_lab.sim.sandbox.prices import BoardMarket
from openalgo_lab.sim.venue import Venue, VenueSettings
from openalgo_lab.sim.views import last_price

__all__ = ["SandboxHooks", "SandboxVenue"]

_DELIVERED = "Delivered at expiry."
_FAR_DAYS = 20
_AUCTION = "Short delivery: bought in at the auction."


class SandboxHooks:
    """What the sandbox asks of those above it. ``charges``: paise of a day's trades; ``cut_off``: end of intraday;
    ``tell`` hears sentences for the user.
    """

    def __init__(
        self,
        *,
        find: Callable[[InstrumentKey], Instrument | None],
        underlyings: Callable[[], Sequence[str]],
        is_trading_day: Callable[[Exchange, date], bool],
        cut_off: Callable[[Instrument, int], datetime | None] | None = None,
        charges: Callable[[Sequence[VenueTrade]], int] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.find = find
        self.underlyings = underlyings
        self.is_trading_day = is_trading_day
        self.cut_off = cut_off
        self.charges = charges
        self.tell = tell or (lambda _: None)


class SandboxClient(Client):
    """A client whose charges of the day wait to be taken."""

    charges = 0

    @property
    def available(self) -> int:
        """What may still be tied up, charges of the day set aside."""
        return super().available - self.charges


class SandboxVenue(Venue):
    """See the module. One client only."""

    def __init__(
        self,
        market: BoardMarket,
        records: SandboxRecords,
        hooks: SandboxHooks,
        *,
        settings: VenueSettings,
        rules: RuleBook,
        clock: Clock | None = None,
    ) -> None:
        self._hooks = hooks
        self._lazy = market.catalogue = LazyCatalogue(hooks.find, hooks.underlyings, records)
        super().__init__(market, records, settings, clock, rules)
        for client in self._clients.values():
            self._charge(client)
        self._catch_up()

    def admit(self, instrument: Instrument) -> Instrument:
        """The instrument under the sandbox's own number."""
        return self._lazy.admit(instrument)

    def name(self, token: int) -> InstrumentKey:
        """What a number stands for."""
        return self._lazy.name(token)

    def place(self, client_name: str, token: int, terms: Terms, tag: str = "") -> VenueOrder:
        """As the venue; intraday orders that do not reduce a position end with the cut-off. Raises `Refusal`."""
        self._check_intraday(self.client(client_name), self.instrument(token), terms)
        return super().place(client_name, token, terms, tag)

    def margin_together(self, client_name: str, wanted: Sequence[tuple[int, Terms]]) -> int:
        """What several orders would tie up once all are filled, hedges counted (ten-thousandths of a rupee)."""
        client = self.client(client_name)
        scratch = SandboxClient(client.name, Money(client.money.cash))
        scratch.positions = {key: msgspec.structs.replace(one) for key, one in client.positions.items()}
        before = self._total_need(scratch)
        for token, terms in wanted:
            instrument = self.instrument(token)
            check_terms(
                instrument, msgspec.structs.replace(terms, quantity=min(terms.quantity, _one_order(instrument)))
            )
            order = self._new_order(scratch, instrument, terms, "")
            basis = self._door.basis(instrument, terms, self._seen(instrument))
            scratch.position(order).book(terms.side, terms.quantity, basis)
        return self._total_need(scratch) - before

    def _total_need(self, client: Client) -> int:
        for token, product in client.positions:
            self._refresh_need(client, self.catalogue.get(token), product)
        return client.used

    def charges_of(self, client_name: str) -> int:
        """Today's charges that will be taken at the day's end (ten-thousandths of a rupee)."""
        client = self.client(client_name)
        return client.charges if isinstance(client, SandboxClient) else 0

    # The day -----------------------------------------------------------------------------------------------------

    def _follow_sessions(self) -> None:
        super()._follow_sessions()
        if self._hooks.cut_off is None:
            return
        for client in self._clients.values():
            for order in client.alive():
                if order.product is Product.MIS and self._is_late(order.token):
                    self._end(client, order, State.CANCELLED, "Intraday orders end at the square-off time.")
            for position in list(client.positions.values()):
                if position.product is Product.MIS and position.quantity and self._is_late(position.token):
                    self._close_at(client, position, self._price_of(position), "Intraday square-off.")
        self._commit()

    def _close_session(self, exchange: Exchange | None) -> None:
        """The end of an exchange's day: what ends today is settled. A turn of the day only ends the orders."""
        if exchange is not None:
            super()._close_session(exchange)
            self._settle_expired(exchange)
            self._commit()
            return
        for client in self._clients.values():
            for order in client.alive():
                self._end(client, order, State.EXPIRED, "The session has ended.")
        self._commit()

    def _roll(self) -> None:
        for client in self._clients.values():
            self._charge(client)
            client.money.cash -= self.charges_of(client.name)
        super()._roll()
        for client in self._clients.values():
            self._charge(client)
        self._catch_up()

    def _carry(self, client: Client) -> None:
        settles = self._hooks.is_trading_day(Exchange.NSE, self._day.date)
        for key, position in list(client.positions.items()):
            if position.product is Product.CNC and settles:
                deliver(client, position)
            position.new_day()
            if not position.quantity:
                del client.positions[key]

    def _catch_up(self) -> None:
        """Close what should have been closed while nothing ran: intraday of earlier days, contracts that have ended."""
        for client in self._clients.values():
            opened = {(trade.token, trade.product) for trade in client.trades}
            for key, position in list(client.positions.items()):
                if position.product is Product.MIS and position.quantity and key not in opened:
                    self._close_at(client, position, self._price_of(position), "Intraday square-off, caught up.")
        self._settle_expired(None)
        self._commit()

    def _settle_expired(self, exchange: Exchange | None) -> None:
        for client in self._clients.values():
            ending = [one for one in client.positions.values() if one.quantity and self._ends_now(one, exchange)]
            owed = [found for one in ending if (found := self._settle(client, one)) is not None]
            for share, duty in sorted(owed, key=lambda pair: pair[1].side is Side.SELL):  # what comes may be passed on
                self._deliver(client, share, duty)

    def _ends_now(self, position: Position, exchange: Exchange | None) -> bool:
        if exchange not in (None, Exchange(position.exchange)):
            return False
        last_day, today = _expiry(position), self._day.date
        return last_day is not None and (last_day < today or (last_day == today and exchange is not None))

    def _settle(self, client: Client, position: Position) -> tuple[Instrument, Obligation] | None:
        """Close what has ended; answers the shares that are owed for it."""
        contract = parse_symbol(position.symbol, Exchange(position.exchange))
        under = self._lazy.spot(Exchange(position.exchange), contract.underlying)
        spot = last_price(self.market, under) if under is not None else 0
        if under is None or not spot:
            self._end_at(client, position, self._price_of(position), Settlement.CASH)
            return None
        if under.kind is not InstrumentType.EQ:
            self._end_at(client, position, _worth(contract, spot), Settlement.CASH)
            return None
        duty = obligation(contract, position.quantity, to_rupees(spot))
        self._end_at(client, position, 0 if contract.is_option else spot, Settlement.PHYSICAL)
        return (under, duty) if duty is not None else None

    def _end_at(self, client: Client, position: Position, price: int, how: Settlement) -> None:
        self._close_at(client, position, price, "Settled at expiry.", how)

    def _deliver(self, client: Client, share: Instrument, duty: Obligation) -> None:
        """Book the shares of a contract that has ended; the auction buys those that the client does not have."""
        free = client.deliverable(share.token)
        terms = Terms(duty.side, Product.CNC, PriceType.MARKET, duty.quantity)
        self._trade_at(client, share, terms, to_units(duty.price), reason=_DELIVERED, how=Settlement.PHYSICAL)
        missing = duty.quantity - max(free, 0) if duty.side is Side.SELL else 0
        if missing > 0:
            price = round(last_price(self.market, share) * (1 + delivery_rules(self._day.date).close_out / 100))
            terms = Terms(Side.BUY, Product.CNC, PriceType.MARKET, missing)
            self._trade_at(client, share, terms, price, reason=_AUCTION, how=Settlement.CASH)
            self._hooks.tell(
                f"{missing} {share.symbol} were to be delivered and are not in the account: the auction bought them at "
                f"{to_rupees(price):g}."
            )
        self._refresh_need(client, share, Product.CNC)
        if client.available < 0:
            self._hooks.tell(
                f"{duty.quantity} {share.symbol} were delivered, and {-client.available / PRICE_SCALE:,.2f} rupees are "
                "missing for it: sell shares, or close other positions; until then only closing orders pass."
            )

    def _price_of(self, position: Position) -> int:
        instrument = self._lazy.get(position.token)
        price = last_price(self.market, instrument) if instrument is not None else 0
        return price or position.average

    def _close_at(
        self, client: Client, position: Position, price: int, reason: str, how: Settlement = Settlement.NONE
    ) -> None:
        """Close a position by a trade of its own, so that every book shows how it went; at 0 only at the end."""
        if price or how:
            instrument = self._lazy.get(position.token) or _unlisted(position)
            side = Side.SELL if position.quantity > 0 else Side.BUY
            terms = Terms(side, position.product, PriceType.MARKET, abs(position.quantity))
            self._trade_at(client, instrument, terms, price, reason=reason, how=how)

    def _trade_at(
        self, client: Client, instrument: Instrument, terms: Terms, price: int, *, reason: str, how: Settlement
    ) -> None:
        """An order of the venue's own that is filled at once at the price that it says."""
        order = self._new_order(client, instrument, terms, "")
        self._last_number = order.number
        order.reason, order.settlement = reason, how
        order.limit, order.filled, order.value = price, order.quantity, order.quantity * price
        client.add(order)
        self._set_state(client, order, State.FILLED)
        self._book_trade(client, order, order.quantity, price)

    # Entry ---------------------------------------------------------------------------------------------------------

    def _check_intraday(self, client: Client, instrument: Instrument, terms: Terms) -> None:
        if terms.product is not Product.MIS or not self._is_late(instrument.token):
            return
        position = client.positions.get((instrument.token, Product.MIS))
        held = position.quantity if position else 0
        if held * terms.side.sign < 0 and terms.quantity <= abs(held):
            return
        raise Refusal(Code.PRODUCT, "MIS orders are not taken after the square-off time: use CNC or NRML.")

    def _is_late(self, token: int) -> bool:
        instrument = self._lazy.get(token)
        if instrument is None or self._hooks.cut_off is None:
            return False
        now = self.market.now_ns()
        until = self._hooks.cut_off(instrument, now)
        return until is not None and from_ns(now) >= until

    def _list_instruments(self) -> None:
        self.catalogue = self._lazy
        self._door = Door(self.market, self._lazy, self._rules, self._day.date)
        self._door.margins = HedgedMargins(
            self._lazy, self._day.date, lambda instrument: last_price(self.market, instrument), self._days_left
        )

    def _days_left(self, exchange: Exchange, last_day: date) -> int:
        """Trading days of an exchange after today, up to a last day; a number beyond all rules for one far away."""
        apart = (last_day - self._day.date).days
        if apart > _FAR_DAYS:
            return apart
        return sum(self._hooks.is_trading_day(exchange, self._day.date + timedelta(days=n + 1)) for n in range(apart))

    def _new_client(self, name: str, money: Money) -> Client:
        return SandboxClient(name, money)

    def _commit(self) -> None:
        traded = {trade.client for trade in self._traded}
        super()._commit()
        for name in traded:
            self._charge(self._clients[name])

    def _charge(self, client: Client) -> None:
        if self._hooks.charges is not None and isinstance(client, SandboxClient):
            client.charges = self._hooks.charges(client.trades) * 100


def _one_order(instrument: Instrument) -> int:
    """The largest quantity of one order: more goes in slices."""
    lot, freeze = instrument.lot_size, instrument.freeze_quantity
    return freeze // lot * lot if freeze else 2**40 // lot * lot


def _worth(contract: ParsedSymbol, spot: int) -> int:
    """In cash: intrinsic value for options, the underlying's price for futures."""
    if not contract.is_option or contract.strike is None:
        return spot
    sign = 1 if contract.kind is InstrumentType.CE else -1
    return max(0, sign * (spot - to_units(contract.strike)))


def _expiry(position: Position) -> date | None:
    exchange = Exchange(position.exchange)
    if exchange in (Exchange.NSE, Exchange.BSE):
        return None
    return parse_symbol(position.symbol, exchange).expiry


def _unlisted(position: Position) -> Instrument:
    """A contract that no list names any more, as far as closing it needs."""
    exchange = Exchange(position.exchange)
    contract = parse_symbol(position.symbol, exchange)
    return Instrument(
        position.symbol, exchange, contract.kind, contract.underlying, position.token, 1, 0.05, 0, contract.underlying,
        contract.expiry, contract.strike or 0.0,
    )  # fmt: skip
