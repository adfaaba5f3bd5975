"""Margins with hedges: derivatives of one underlying and product are looked at together.

What a key ties up is defined so that the keys of a group always add up to the group's margin. Working orders count as
if they were filled where that needs more; a bought hedge that still waits does not help yet. In the days before its
last, a bought share option in the money ties up a rising part of the margin of the shares that it ends in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from openalgo_lab.model.delivery import delivery_rules
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.option_margins import option_margin_rates
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Product, Side
from openalgo_lab.options.margin import MarginLeg, hedged_margin
from openalgo_lab.sim.clients import Catalogue, Client, Key, Margins
from openalgo_lab.sim.matching import PRICE_SCALE, to_rupees
from openalgo_lab.sim.records import VenueOrder

__all__ = ["HedgedMargins"]

_HEDGED = (Exchange.NFO, Exchange.BFO)


class HedgedMargins(Margins):
    """The simple rules for shares, currency and commodities; scenarios for equity derivatives."""

    def __init__(
        self,
        catalogue: Catalogue,
        day: date,
        price_of: Callable[[Instrument], int],
        days_left: Callable[[Exchange, date], int],
    ) -> None:
        super().__init__(catalogue, day, price_of)
        self._days_left = days_left
        self._listed = catalogue
        self._today = day
        self._last = price_of

    def need(self, client: Client, instrument: Instrument, product: Product, extra: VenueOrder | None = None) -> int:
        """The group's margin less what its other keys tie up already."""
        if instrument.exchange not in _HEDGED:
            return super().need(client, instrument, product, extra)
        mine = (instrument.token, product)
        keys = set(self._group(client, instrument, product)) | {mine}
        others = sum(client.need(key) for key in keys if key != mine)
        return self._margin(client, keys, instrument, extra) - others

    def _group(self, client: Client, instrument: Instrument, product: Product) -> Iterator[Key]:
        # A key whose last order is gone may still hold a share of the group's margin: it must be counted, too.
        known = {*client.positions, *client.tied, *((order.token, order.product) for order in client.alive())}
        for token, kind in known:
            other = self._listed.get(token)
            if other is None or kind is not product or other.exchange is not instrument.exchange:
                continue
            if other.underlying == instrument.underlying:
                yield token, kind

    def _margin(self, client: Client, keys: set[Key], instrument: Instrument, extra: VenueOrder | None) -> int:
        under = self._listed.underlying(instrument)
        price = self._last(under) if under is not None else 0
        spot = to_rupees(price) if price else instrument.strike
        rates = option_margin_rates(self._today, is_index=self._listed.on_index(instrument))
        held = self._legs(client, keys, extra, None)
        total = 0.0
        for side in (Side.SELL, Side.BUY):
            legs = held + self._legs(client, keys, extra, side)
            total = max(total, hedged_margin(legs, spot or self._any_price(legs), rates).total)
        if under is not None and under.kind is InstrumentType.EQ:
            total += self._delivery(client, keys, extra, spot)
        return round((total + self._premium(client, keys, extra)) * PRICE_SCALE)

    def _delivery(self, client: Client, keys: set[Key], extra: VenueOrder | None, spot: float) -> float:
        """What bought share options in the money tie up for the shares to come, in rupees."""
        total = 0.0
        for key in keys:
            listed = self._listed.get(key[0])
            if listed is None or not listed.kind.is_option or listed.expiry is None:
                continue
            sign = 1 if listed.kind is InstrumentType.CE else -1
            if sign * (spot - listed.strike) > 0:
                position = client.positions.get(key)
                units = max(position.quantity if position else 0, 0) + self._opening(client, key, Side.BUY, extra)[0]
                rate = delivery_rules(self._today).step_up(self._days_left(listed.exchange, listed.expiry))
                total += rate * units * listed.strike
        return total

    def _legs(self, client: Client, keys: set[Key], extra: VenueOrder | None, side: Side | None) -> list[MarginLeg]:
        """Positions (side None), or what working orders of a side would open; bought options apart (`_premium`)."""
        legs: list[MarginLeg] = []
        expiries = sorted({listed.expiry for token, _ in keys if (listed := self._listed.get(token)) and listed.expiry})
        for token, product in keys:
            listed = self._listed.get(token)
            if listed is None or listed.expiry is None:
                continue
            position = client.positions.get((token, product))
            if side is None:
                quantity = position.quantity if position else 0
                price = to_rupees(position.average) if position else 0.0
            else:
                quantity, price = self._opening(client, (token, product), side, extra)
                if side is Side.BUY and listed.kind.is_option:
                    continue
            if quantity:
                legs.append(
                    MarginLeg(
                        listed.kind, listed.strike, quantity, price, expiries.index(listed.expiry),
                        listed.expiry == self._today,
                    )
                )  # fmt: skip
        return legs

    def _opening(self, client: Client, key: Key, side: Side, extra: VenueOrder | None) -> tuple[int, float]:
        position = client.positions.get(key)
        held = position.quantity if position else 0
        mine = extra if extra is not None and (extra.token, extra.product) == key else None
        working = client.working(key, side, mine)
        opening = working.quantity - max(0, -held * side.sign)
        if opening <= 0:
            return 0, 0.0
        return side.sign * opening, to_rupees(round(working.value / working.quantity))

    def _premium(self, client: Client, keys: set[Key], extra: VenueOrder | None) -> float:
        """What working orders for options would pay."""
        total = 0.0
        for key in keys:
            listed = self._listed.get(key[0])
            if listed is not None and listed.kind in (InstrumentType.CE, InstrumentType.PE):
                quantity, price = self._opening(client, key, Side.BUY, extra)
                total += quantity * price
        return total

    @staticmethod
    def _any_price(legs: list[MarginLeg]) -> float:
        """Without an underlying's price a future's own stands in."""
        return next((leg.price for leg in legs if leg.kind is InstrumentType.FUT), 0.0)
