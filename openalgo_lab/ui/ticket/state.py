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
from openalgo_lab.ui.ticket.kinds import LOT_FIELDS, PRICE_FIELDS, Extra, ExtraField, TicketKind

__all__ = [
    "LONGEST_WORD",
    "TextField",
    "TicketState",
    "decimal",
    "price_text",
    "price_types_for",
    "products_for",
    "whole",
]

TextField = Literal["lots", "quantity", "price", "trigger_price", "disclosed_quantity", "strategy", "tag"] | ExtraField

LONGEST_WORD: Final = 32
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
    tag: str = ""
    kind: TicketKind = TicketKind.ORDER
    extra: Extra = Extra()
    contract: Instrument | None = None
    """The option that an offset means now; ``instrument`` is its underlying then."""

    @property
    def traded(self) -> Instrument | None:
        """What the order is for: the instrument, or the option that was chosen by its offset."""
        return self.contract if self.kind is TicketKind.OPTION else self.instrument

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
            extra=self.extra.cleared(),
            contract=None,
        ).with_quantity(instrument.lot_size)

    def with_contract(self, contract: Instrument | None) -> TicketState:
        """Another option stands for the offset: the lots stay, a price of the one before does not."""
        if contract == self.contract:
            return self
        found = msgspec.structs.replace(self, contract=contract, price="", trigger_price="", price_follows=True)
        if contract is None:
            return found
        products = products_for(contract.exchange)
        found = msgspec.structs.replace(found, product=self.product if self.product in products else products[0])
        lots = whole(self.lots) if self.contract is not None else 1  # a share's quantity must not become lots
        return found.with_quantity((lots or 1) * contract.lot_size)

    def with_quantity(self, units: int) -> TicketState:
        """That many units."""
        return self.typed("quantity", str(units))

    def typed(self, field: TextField, text: str) -> TicketState:
        """What the user typed into a field."""
        if field in Extra.__struct_fields__:
            return msgspec.structs.replace(
                self, extra=msgspec.structs.replace(self.extra, **{field: text.strip()[:40]})
            )
        changed = msgspec.structs.replace(self, **{field: text.strip()[:40]})
        if field in ("lots", "quantity"):
            return changed._in_step(field)
        return msgspec.structs.replace(changed, price_follows=False) if field == "price" else changed

    def stepped(self, field: TextField, by: int, last: float) -> TicketState:
        """``by`` lots or ticks up (down when negative); an empty price starts at ``last`` (NaN: not known)."""
        item = self.traded
        if item is None:
            return self
        if field in ("lots", "quantity"):
            return self._stepped_quantity(by * item.lot_size)
        if field in ("price", "trigger_price"):
            text = getattr(self, field)
            return self.priced(last, field) if decimal(text) is None else self.typed(field, stepped(text, by, item))
        if field == "disclosed_quantity":
            moved = max((whole(self.disclosed_quantity) or 0) + by * item.lot_size, 0)
            return self.typed(field, str(moved) if moved else "")
        return self.typed(field, stepped_extra(field, getattr(self.extra, field), by, last, item))

    def priced(self, price: float, field: Literal["price", "trigger_price"] = "price") -> TicketState:
        """A price put in by a button or a click elsewhere: snapped to the tick."""
        if self.traded is None or not price > 0:
            return self
        tick = self.traded.tick_size
        return self.typed(field, format_price(snap(price, tick), tick))

    def filled_in(self, last: float) -> TicketState:
        """The last price in an untouched price field."""
        return msgspec.structs.replace(self.priced(last), price_follows=not last > 0) if self.price_follows else self

    def cleared(self) -> TicketState:
        """As new for the same contract, side, product and account."""
        fresh = TicketState(
            side=self.side, product=self.product, account=self.account, price_type=self.price_type, kind=self.kind,
            extra=self.extra.cleared(),
        )  # fmt: skip
        fresh = fresh.with_instrument(self.instrument) if self.instrument else fresh
        return fresh.with_contract(self.contract)

    def _in_step(self, field: TextField) -> TicketState:
        lot = self.traded.lot_size if self.traded else 1
        if field == "lots":
            lots = whole(self.lots)
            return msgspec.structs.replace(self, quantity="" if lots is None else str(lots * lot))
        units = whole(self.quantity)
        fits = units is not None and units % lot == 0
        return msgspec.structs.replace(self, lots=str((units or 0) // lot) if fits else "")

    def _stepped_quantity(self, units: int) -> TicketState:
        lot = abs(units)
        now = whole(self.quantity) or 0
        if now % lot and lot:  # an odd number goes to the next whole lot first
            now = now // lot * lot + (0 if units > 0 else lot)
        return self.with_quantity(max(now + units, lot))

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
        units = whole(self.quantity)
        parts = [f"{self.side} {format_qty(units) if units else '–'} {self.instrument.symbol} {self.terms()}"]
        shown = whole(self.disclosed_quantity)
        if shown:
            parts.append(f"{format_qty(shown)} disclosed")
        return " · ".join([*parts, self.ending(account)])

    def ending(self, account: Account) -> str:
        """Product, mode and account, as every button says them."""
        return f"{self.product.value} · {account.mode.value.upper()} {account.account}"

    def terms(self) -> str:
        """Type and prices in few words: ``@ 187.00 LIMIT``."""
        kind = self.price_type
        ending = " IOC" if self.validity is Validity.IOC else ""
        price = self.price_words(self.price)
        trigger = self.price_words(self.trigger_price)
        match kind:
            case PriceType.MARKET:
                return f"at MARKET{ending}"
            case PriceType.LIMIT:
                return f"@ {price} LIMIT{ending}"
            case PriceType.SL:
                return f"@ {price} SL, trigger {trigger}{ending}"
            case PriceType.SL_M:
                return f"at MARKET SL-M, trigger {trigger}{ending}"

    def price_words(self, text: str) -> str:
        """A price as typed, read aloud: grouped and with the tick's decimals; "–" for none."""
        value = decimal(text)
        if not value or self.instrument is None:
            return "–"
        # More decimals than the tick has are shown as typed: the button must not round what the gate will refuse.
        exact = float(format_price(value, self.instrument.tick_size)) == value
        return price_text(value, self.instrument.tick_size) if exact else text

    def _unreadable(self) -> Iterator[tuple[str, str]]:
        if whole(self.quantity) is None:
            yield "quantity", _quantity_sentence(self.lots or self.quantity, self.instrument)
        if self.price_type.has_price and self.price and decimal(self.price) is None:
            yield "price", f"{self.price!r} is no price: write for example 187.05."
        if self.price_type.has_trigger and self.trigger_price and decimal(self.trigger_price) is None:
            yield "trigger_price", f"{self.trigger_price!r} is no price: write for example 187.05."
        if self.disclosed_quantity and whole(self.disclosed_quantity) is None:
            yield "disclosed_quantity", f"{self.disclosed_quantity!r} is no quantity: write whole units, or nothing."
        for field, words in (("strategy", "A strategy's name"), ("tag", "A tag")):
            text = getattr(self, field)
            if len(text) > LONGEST_WORD or not text.isprintable():
                yield field, f"{words} has at most {LONGEST_WORD} plain characters."

    def _order(self) -> PlaceOrder:
        """The order as far as it can be read; 0 for what cannot."""
        assert self.instrument is not None
        kind = self.price_type
        return PlaceOrder(
            exchange=self.instrument.exchange,
            symbol=self.instrument.symbol,
            side=self.side,
            quantity=whole(self.quantity) or 0,
            product=self.product,
            price_type=kind,
            price=(decimal(self.price) or 0.0) if kind.has_price else 0.0,
            trigger_price=(decimal(self.trigger_price) or 0.0) if kind.has_trigger else 0.0,
            disclosed_quantity=whole(self.disclosed_quantity) or 0,
            validity=self.validity,
            strategy=self.strategy,
            account=self.account,
            tag=self.tag,
        )


def stepped(text: str, by: int, item: Instrument) -> str:
    """A price ``by`` ticks up; one that is off the tick goes to the next tick first."""
    now, tick = decimal(text) or 0.0, item.tick_size
    below, above = nearest_ticks(now, tick)
    start = (below if by > 0 else above) if below != above else now
    return format_price(snap(max(start + by * tick, tick), tick), tick)


def stepped_extra(field: str, text: str, by: int, last: float, item: Instrument) -> str:
    """A field of a kind ``by`` steps up: ticks, lots, or ones. An empty price starts at ``last``, a distance at 0."""
    if field in PRICE_FIELDS:
        if decimal(text) is None and field != "trail":
            return format_price(snap(last, item.tick_size), item.tick_size) if last > 0 else ""
        return stepped(text or "0", by, item)
    if field == "position":
        sign = -1 if text.startswith("-") else 1
        return str(sign * (whole(text.lstrip("+-")) or 0) + by * item.lot_size)
    step = item.lot_size if field in LOT_FIELDS else 1
    return str(max((whole(text) or 0) + by * step, step))


def _quantity_sentence(text: str, instrument: Instrument | None) -> str:
    lot = instrument.lot_size if instrument else 1
    if not text:
        return f"Give a quantity: one lot is {format_qty(lot)}."
    return f"{text!r} is no quantity: write whole units, for example {lot}."


def whole(text: str) -> int | None:
    """A whole number as typed (grouping commas allowed); None for anything else."""
    plain = text.replace(",", "").strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= _MOST_DIGITS else None


def decimal(text: str) -> float | None:
    """A price as typed (grouping commas allowed, no sign, no exponent); None for anything else."""
    plain = text.replace(",", "").strip()
    if not plain or len(plain) > _MOST_DIGITS + 9 or not plain.isascii() or not _NUMBER.fullmatch(plain):
        return None
    return float(plain) if plain != "." else None
