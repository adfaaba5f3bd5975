"""What stands in a ticket, as a plain value: the fields as typed, what is wrong with them, and the order they make.

Nothing here knows a widget or an engine. The checks are the risk gate's own, so the ticket never says yes to what
the gate will refuse for its shape, and never says it in other words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from openalgo_lab.engine import risk_checks as risk
from openalgo_lab.engine.risk_case import Case
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError, RiskDenied
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote
from openalgo_lab.model.money import format_inr, format_price, format_qty, nearest_ticks, price_decimals, snap
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.vocabulary import DERIVATIVE_EXCHANGES, Exchange, PriceType, Product, Side, Validity

__all__ = ["TextField", "TicketState", "price_text", "price_types_for", "products_for"]

TextField = Literal["lots", "quantity", "price", "trigger_price", "disclosed_quantity", "strategy"]

LONGEST_STRATEGY: Final = 32
_MOST_DIGITS: Final = 9
_NUMBER: Final = re.compile(r"\d*\.?\d*")
_SHAPE: Final = (
    risk.tradable,
    risk.quantity,
    risk.product,
    risk.prices_present,
    risk.tick,
    risk.stop_relation,
    risk.validity,
    risk.disclosed,
    risk.trigger_side,
)
"""The gate's checks that look at the order, its contract and the last price only."""


def price_text(price: float, tick: float) -> str:
    """A price as it is read: grouped, with the tick's decimals; "–" for none."""
    return format_inr(price, price_decimals(tick)) if 0 < price < math.inf else "–"


def products_for(exchange: Exchange) -> tuple[Product, ...]:
    """The products an exchange knows: shares are delivered (CNC), derivatives carried (NRML), both held for a day."""
    return (Product.NRML if exchange in DERIVATIVE_EXCHANGES else Product.CNC, Product.MIS)


def price_types_for(instrument: Instrument) -> tuple[PriceType, ...]:
    """The price types of a contract: the exchanges take no SL-M for options."""
    return tuple(kind for kind in PriceType if not (kind is PriceType.SL_M and instrument.kind.is_option))


class TicketState(msgspec.Struct, frozen=True):
    """The ticket's fields. Numbers stand as they were typed; ``lots`` and ``quantity`` (units) are kept in step.

    ``price_follows``: nobody gave a price yet, so the first one that is known is filled in (once).
    """

    instrument: Instrument | None = None
    side: Side = Side.BUY
    product: Product = Product.MIS
    price_type: PriceType = PriceType.LIMIT
    lots: str = ""
    quantity: str = ""
    price: str = ""
    trigger_price: str = ""
    disclosed_quantity: str = ""
    validity: Validity = Validity.DAY
    strategy: str = ""
    account: str = ""
    price_follows: bool = True

    # What can be done to it ---------------------------------------------------------------------------------------

    def with_instrument(self, instrument: Instrument) -> TicketState:
        """Another contract: one lot, no prices; product and type stay where it knows them, else their nearest."""
        products = products_for(instrument.exchange)
        kinds = price_types_for(instrument)
        return msgspec.structs.replace(
            self,
            instrument=instrument,
            product=self.product if self.product in products else products[0],
            price_type=self.price_type if self.price_type in kinds else PriceType.SL,
            price="",
            trigger_price="",
            disclosed_quantity="",
            price_follows=True,
        ).with_quantity(instrument.lot_size)

    def with_quantity(self, units: int) -> TicketState:
        """That many units."""
        return self.typed("quantity", str(units))

    def typed(self, field: TextField, text: str) -> TicketState:
        """What the user typed into a field."""
        changed = msgspec.structs.replace(self, **{field: text.strip()[:40]})
        if field in ("lots", "quantity"):
            return changed._in_step(field)
        return msgspec.structs.replace(changed, price_follows=False) if field == "price" else changed

    def stepped(self, field: TextField, by: int, last: float) -> TicketState:
        """``by`` lots or ticks up (down when negative); an empty price starts at ``last`` (NaN: not known)."""
        if self.instrument is None:
            return self
        if field in ("lots", "quantity"):
            return self._stepped_quantity(by * self.instrument.lot_size)
        if field in ("price", "trigger_price"):
            return self._stepped_price(field, by, last)
        shown = _whole(self.disclosed_quantity) or 0
        moved = max(shown + by * self.instrument.lot_size, 0)
        return self.typed("disclosed_quantity", str(moved) if moved else "")

    def priced(self, price: float, field: Literal["price", "trigger_price"] = "price") -> TicketState:
        """A price put in by a button or a click elsewhere: snapped to the tick."""
        if self.instrument is None or not price > 0:
            return self
        tick = self.instrument.tick_size
        return self.typed(field, format_price(snap(price, tick), tick))

    def filled_in(self, last: float) -> TicketState:
        """The last price in an untouched price field."""
        return msgspec.structs.replace(self.priced(last), price_follows=not last > 0) if self.price_follows else self

    def cleared(self) -> TicketState:
        """As new for the same contract, side, product and account."""
        fresh = TicketState(side=self.side, product=self.product, account=self.account, price_type=self.price_type)
        return fresh.with_instrument(self.instrument) if self.instrument else fresh

    def _in_step(self, field: TextField) -> TicketState:
        lot = self.instrument.lot_size if self.instrument else 1
        if field == "lots":
            lots = _whole(self.lots)
            return msgspec.structs.replace(self, quantity="" if lots is None else str(lots * lot))
        units = _whole(self.quantity)
        fits = units is not None and units % lot == 0
        return msgspec.structs.replace(self, lots=str((units or 0) // lot) if fits else "")

    def _stepped_quantity(self, units: int) -> TicketState:
        lot = abs(units)
        now = _whole(self.quantity) or 0
        if now % lot and lot:  # an odd number goes to the next whole lot first
            now = now // lot * lot + (0 if units > 0 else lot)
        return self.with_quantity(max(now + units, lot))

    def _stepped_price(self, field: Literal["price", "trigger_price"], by: int, last: float) -> TicketState:
        assert self.instrument is not None
        now = _decimal(self.price if field == "price" else self.trigger_price)
        if now is None:
            return self.priced(last, field)
        tick = self.instrument.tick_size
        below, above = nearest_ticks(now, tick)
        start = (below if by > 0 else above) if below != above else now
        return self.priced(max(start + by * tick, tick), field)

    # What it says -------------------------------------------------------------------------------------------------

    def problems(self, quote: Quote | None = None) -> dict[str, str]:
        """What must be mended before it can be sent: one sentence a field ("" where it belongs to none)."""
        if self.instrument is None:
            return {"symbol": "Choose a symbol first: type a name into the search box."}
        found = dict(self._unreadable())
        if self.price_type not in price_types_for(self.instrument):
            found["price_type"] = f"The exchanges take no {self.price_type} order for options: take SL."
        case = Case(order=self._order(), instrument=self.instrument, settings=RiskSettings(), now_ns=0, quote=quote)
        for check in _SHAPE:
            try:
                check(case)
            except RiskDenied as denied:
                found.setdefault(denied.field, str(denied))
        return found

    def order(self, quote: Quote | None = None, *, client_key: str = "") -> PlaceOrder:
        """The command that these fields mean. Raises InputError with the first problem and its field."""
        for field, sentence in self.problems(quote).items():
            raise InputError(sentence, field=field)
        return msgspec.structs.replace(self._order(), client_key=client_key)

    def sentence(self, account: Account) -> str:
        """What the button will do, in full: ``BUY 65 NIFTY01DEC2626000CE @ 187.00 LIMIT · MIS · SIMULATED SIM1``."""
        if self.instrument is None:
            return "Choose a symbol"
        units = _whole(self.quantity)
        parts = [f"{self.side} {format_qty(units) if units else '–'} {self.instrument.symbol} {self._terms()}"]
        shown = _whole(self.disclosed_quantity)
        if shown:
            parts.append(f"{format_qty(shown)} disclosed")
        return " · ".join([*parts, self.product.value, f"{account.mode.value.upper()} {account.account}"])

    def _terms(self) -> str:
        kind = self.price_type
        ending = " IOC" if self.validity is Validity.IOC else ""
        price = self._price_text(self.price)
        trigger = self._price_text(self.trigger_price)
        match kind:
            case PriceType.MARKET:
                return f"at MARKET{ending}"
            case PriceType.LIMIT:
                return f"@ {price} LIMIT{ending}"
            case PriceType.SL:
                return f"@ {price} SL, trigger {trigger}{ending}"
            case PriceType.SL_M:
                return f"at MARKET SL-M, trigger {trigger}{ending}"

    def _price_text(self, text: str) -> str:
        value = _decimal(text)
        if not value or self.instrument is None:
            return "–"
        # More decimals than the tick has are shown as typed: the button must not round what the gate will refuse.
        exact = float(format_price(value, self.instrument.tick_size)) == value
        return price_text(value, self.instrument.tick_size) if exact else text

    def _unreadable(self) -> Iterator[tuple[str, str]]:
        if _whole(self.quantity) is None:
            yield "quantity", _quantity_sentence(self.lots or self.quantity, self.instrument)
        if self.price_type.has_price and self.price and _decimal(self.price) is None:
            yield "price", f"{self.price!r} is no price: write for example 187.05."
        if self.price_type.has_trigger and self.trigger_price and _decimal(self.trigger_price) is None:
            yield "trigger_price", f"{self.trigger_price!r} is no price: write for example 187.05."
        if self.disclosed_quantity and _whole(self.disclosed_quantity) is None:
            yield "disclosed_quantity", f"{self.disclosed_quantity!r} is no quantity: write whole units, or nothing."
        if len(self.strategy) > LONGEST_STRATEGY or not self.strategy.isprintable():
            yield "strategy", f"A strategy tag has at most {LONGEST_STRATEGY} plain characters."

    def _order(self) -> PlaceOrder:
        """The order as far as it can be read; 0 for what cannot."""
        assert self.instrument is not None
        kind = self.price_type
        return PlaceOrder(
            exchange=self.instrument.exchange,
            symbol=self.instrument.symbol,
            side=self.side,
            quantity=_whole(self.quantity) or 0,
            product=self.product,
            price_type=kind,
            price=(_decimal(self.price) or 0.0) if kind.has_price else 0.0,
            trigger_price=(_decimal(self.trigger_price) or 0.0) if kind.has_trigger else 0.0,
            disclosed_quantity=_whole(self.disclosed_quantity) or 0,
            validity=self.validity,
            strategy=self.strategy,
            account=self.account,
        )


def _quantity_sentence(text: str, instrument: Instrument | None) -> str:
    lot = instrument.lot_size if instrument else 1
    if not text:
        return f"Give a quantity: one lot is {format_qty(lot)}."
    return f"{text!r} is no quantity: write whole units, for example {lot}."


def _whole(text: str) -> int | None:
    """A whole number as typed (grouping commas allowed); None for anything else."""
    plain = text.replace(",", "").strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= _MOST_DIGITS else None


def _decimal(text: str) -> float | None:
    """A price as typed (grouping commas allowed, no sign, no exponent); None for anything else."""
    plain = text.replace(",", "").strip()
    if not plain or len(plain) > _MOST_DIGITS + 9 or not plain.isascii() or not _NUMBER.fullmatch(plain):
        return None
    return float(plain) if plain != "." else None
