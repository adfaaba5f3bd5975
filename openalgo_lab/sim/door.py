"""Entry control of the venue: session, price range, trigger side, shares and money."""

from __future__ import annotations

from datetime import date
from typing import Final

from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.vocabulary import Product, Side
from openalgo_lab.sim.clients import Catalogue, Client, Margins
from openalgo_lab.sim.market import MarketSource
from openalgo_lab.sim.matching import PRICE_SCALE, View
from openalgo_lab.sim.records import VenueOrder
from openalgo_lab.sim.rules import Code, DayRules, Refusal, Terms
from openalgo_lab.sim.views import last_price

__all__ = ["Door", "check_tag"]

_TAG_LENGTH: Final = 20


class Door:
    """The checks of one trading day that need the market or the client's books."""

    def __init__(self, market: MarketSource, catalogue: Catalogue, rules: RuleBook, day: date) -> None:
        self._market = market
        self._catalogue = catalogue
        self.rules = DayRules(rules, day)
        self.margins = Margins(catalogue, day, lambda instrument: last_price(market, instrument))

    def basis(self, instrument: Instrument, terms: Terms, view: View) -> int:
        """Check price and trigger against the market; answers with the price by which margin is blocked."""
        if terms.price_type.has_price:
            self._check_band(instrument, view, terms.price)
        if terms.price_type.has_trigger:
            _check_trigger(view, terms)
        if terms.price_type.has_price:
            return terms.price
        reference = terms.trigger if terms.price_type.has_trigger else view.ltp
        if not reference:
            raise Refusal(Code.NO_PRICE, f"{instrument.symbol} has no last price yet; give a limit price.")
        return self.rules.protected_limit(instrument, terms.side, reference)

    def check_open(self, instrument: Instrument) -> None:
        """Refuse outside continuous trading."""
        if not self._market.is_open(instrument.exchange, self._market.now_ns()):
            raise Refusal(Code.CLOSED, f"{instrument.exchange} is closed now; place the order in market hours.")

    def check_money(self, client: Client, instrument: Instrument, order: VenueOrder) -> None:
        """Refuse what the client has neither the shares nor the money for."""
        if order.product is Product.CNC and order.side is Side.SELL:
            free = client.deliverable(order.token, but=order.number)
            if order.remaining > free:
                raise Refusal(
                    Code.HOLDING, f"Only {free} {instrument.symbol} can be sold for delivery; use MIS to sell short."
                )
        more = self.margins.need(client, instrument, order.product, order) - client.need((order.token, order.product))
        if more > 0 and more > client.available:
            raise Refusal(
                Code.FUNDS,
                f"Insufficient funds: ₹{more / PRICE_SCALE:,.2f} needed, ₹{client.available / PRICE_SCALE:,.2f} "
                "available; lower the quantity.",
            )

    def _check_band(self, instrument: Instrument, view: View, price: int) -> None:
        derivatives = self._catalogue.has_derivatives(instrument)
        low, high = self.rules.price_band(instrument, view, derivatives=derivatives)
        if high and not low <= price <= high:
            raise Refusal(
                Code.BAND,
                f"The price {price / PRICE_SCALE:g} is outside today's range of {low / PRICE_SCALE:g} to "
                f"{high / PRICE_SCALE:g}.",
            )


def check_tag(tag: str) -> None:
    """Refuse a tag that the field cannot carry."""
    if len(tag) > _TAG_LENGTH or not (tag.isascii() and tag.isprintable()):
        raise Refusal(Code.TAG, f"A tag has at most {_TAG_LENGTH} plain characters.")


def _check_trigger(view: View, terms: Terms) -> None:
    if view.ltp and (terms.trigger - view.ltp) * terms.side.sign < 0:
        where = "above" if terms.side is Side.BUY else "below"
        raise Refusal(
            Code.TRIGGER,
            f"The trigger of a {terms.side} stop must lie {where} the last price {view.ltp / PRICE_SCALE:g}.",
        )
