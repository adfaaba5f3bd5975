"""The simulated exchange's own wire vocabulary: JSON bodies and words, as docs/simulated-exchange.md has them.

Deliberately not the workbench's words, so that the broker's codec has something to translate. Prices are integers
in ten-thousandths of a rupee, money is paise, times are microseconds since 1970 UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType, Product, Side, Validity
from openalgo_lab.sim.account import to_paise
from openalgo_lab.sim.clients import Client, Key
from openalgo_lab.sim.matching import to_units
from openalgo_lab.sim.records import State, VenueOrder, VenueTrade
from openalgo_lab.sim.rules import Code, Refusal, Terms

__all__ = [
    "SEGMENTS",
    "OrderBody",
    "Session",
    "funds_row",
    "holding_row",
    "instrument_row",
    "order_id",
    "order_number",
    "order_row",
    "position_rows",
    "terms_of",
    "trade_row",
]

SEGMENTS: Final[Mapping[Exchange, str]] = MappingProxyType(
    {
        Exchange.NSE: "NC",
        Exchange.BSE: "BC",
        Exchange.NFO: "NF",
        Exchange.BFO: "BF",
        Exchange.CDS: "NX",
        Exchange.BCD: "BX",
        Exchange.MCX: "MF",
        Exchange.NCDEX: "GF",
        Exchange.NCO: "NO",
        Exchange.NSE_INDEX: "NI",
        Exchange.BSE_INDEX: "BI",
        Exchange.MCX_INDEX: "MI",
        Exchange.GLOBAL_INDEX: "WI",
        Exchange.CRYPTO: "XC",
    }
)
SIDES: Final = MappingProxyType({"B": Side.BUY, "S": Side.SELL})
PRODUCTS: Final = MappingProxyType({"DLV": Product.CNC, "CRY": Product.NRML, "INT": Product.MIS})
TYPES: Final = MappingProxyType(
    {"MKT": PriceType.MARKET, "LMT": PriceType.LIMIT, "STL": PriceType.SL, "STM": PriceType.SL_M}
)
VALIDITIES: Final = MappingProxyType({"D": Validity.DAY, "I": Validity.IOC})
KINDS: Final[Mapping[InstrumentType, str]] = MappingProxyType(
    {
        InstrumentType.EQ: "SHR",
        InstrumentType.FUT: "FUT",
        InstrumentType.CE: "CALL",
        InstrumentType.PE: "PUT",
        InstrumentType.INDEX: "IDX",
        InstrumentType.PERPFUT: "PERP",
    }
)
STATES: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.RECEIVED: "RCVD",
        State.WORKING: "WORK",
        State.WAITING: "WAIT",
        State.FILLED: "FULL",
        State.CANCELLED: "CNCL",
        State.REJECTED: "RJCT",
        State.EXPIRED: "LAPS",
    }
)
PARTLY: Final = "PART"

_SIDE_WORDS: Final = MappingProxyType({side: word for word, side in SIDES.items()})
_PRODUCT_WORDS: Final = MappingProxyType({product: word for word, product in PRODUCTS.items()})
_TYPE_WORDS: Final = MappingProxyType({kind: word for word, kind in TYPES.items()})
_VALIDITY_WORDS: Final = MappingProxyType({validity: word for word, validity in VALIDITIES.items()})
_ORDER_ID: Final = re.compile(r"SX([0-9]{10})")


class Session(msgspec.Struct, frozen=True):
    """Body of POST /session."""

    client: str
    secret: str = ""


class OrderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /orders, PUT /orders/{id} and POST /margin."""

    typ: str
    qty: int
    px: int = 0
    tpx: int = 0
    dq: int = 0
    tok: int = 0
    bs: str = ""
    prd: str = ""
    val: str = "D"
    tag: str = ""


def order_id(number: int) -> str:
    """The venue's id of an order or trade number."""
    return f"SX{number:010d}"


def order_number(text: str) -> int:
    """The number of an id. Raises `Refusal` for a text that is none."""
    match = _ORDER_ID.fullmatch(text)
    if match is None:
        raise Refusal(Code.NO_ORDER, f"{text[:40]!r} is no order id of this exchange.")
    return int(match.group(1))


def _word(words: Mapping[str, object], text: str, code: Code) -> None:
    if text not in words:
        raise Refusal(code, f"{text[:20]!r} is not one of {', '.join(words)}.")


def terms_of(body: OrderBody, order: VenueOrder | None = None) -> Terms:
    """The terms that a body asks for; of an ``order`` that is modified side, product and validity stay."""
    _word(TYPES, body.typ, Code.TYPE)
    if order is None:
        _word(SIDES, body.bs, Code.QUANTITY)
        _word(PRODUCTS, body.prd, Code.PRODUCT)
        _word(VALIDITIES, body.val, Code.VALIDITY)
    return Terms(
        side=SIDES[body.bs] if order is None else order.side,
        product=PRODUCTS[body.prd] if order is None else order.product,
        price_type=TYPES[body.typ],
        quantity=body.qty,
        price=body.px,
        trigger=body.tpx,
        disclosed=body.dq,
        validity=VALIDITIES[body.val] if order is None else order.validity,
    )


# Rows ---------------------------------------------------------------------------------------------------------------

Row = dict[str, object]


def order_row(order: VenueOrder) -> Row:
    """An order as the order book and the feed show it."""
    partly = order.state is State.WORKING and order.filled > 0
    return {
        "id": order_id(order.number),
        "tok": order.token,
        "seg": SEGMENTS[order.exchange],
        "sym": order.symbol,
        "bs": _SIDE_WORDS[order.side],
        "prd": _PRODUCT_WORDS[order.product],
        "typ": _TYPE_WORDS[order.price_type],
        "val": _VALIDITY_WORDS[order.validity],
        "qty": order.quantity,
        "px": order.price,
        "tpx": order.trigger,
        "dq": order.disclosed,
        "st": PARTLY if partly else STATES[order.state],
        "fq": order.filled,
        "ap": order.average,
        "tag": order.tag,
        "msg": order.reason,
        "t0": order.placed_ns // 1000,
        "t1": order.updated_ns // 1000,
    }


def trade_row(trade: VenueTrade) -> Row:
    """A trade as the trade book and the feed show it."""
    return {
        "id": order_id(trade.number),
        "ord": order_id(trade.order),
        "tok": trade.token,
        "seg": SEGMENTS[trade.exchange],
        "sym": trade.symbol,
        "bs": _SIDE_WORDS[trade.side],
        "prd": _PRODUCT_WORDS[trade.product],
        "qty": trade.quantity,
        "px": trade.price,
        "tag": trade.tag,
        "t": trade.time_ns // 1000,
    }


def position_rows(client: Client, profits: Mapping[Key, int]) -> list[Row]:
    """Net positions of the day, flat ones included."""
    return [_position_row(client, key, profits) for key in client.positions]


def _position_row(client: Client, key: Key, profits: Mapping[Key, int]) -> Row:
    """One net position."""
    position = client.positions[key]
    return {
        "tok": position.token,
        "seg": SEGMENTS[Exchange(position.exchange)],
        "sym": position.symbol,
        "prd": _PRODUCT_WORDS[position.product],
        "net": position.quantity,
        "ap": position.average,
        "rp": to_paise(position.realised),
        "up": to_paise(profits.get(key, 0)),
        "bq": position.buy_quantity,
        "bv": to_paise(position.buy_value),
        "sq": position.sell_quantity,
        "sv": to_paise(position.sell_value),
    }


def holding_row(instrument: Instrument, quantity: int, value: int) -> Row:
    """Shares in the demat account."""
    return {
        "tok": instrument.token,
        "seg": SEGMENTS[instrument.exchange],
        "sym": instrument.symbol,
        "qty": quantity,
        "ap": round(value / quantity),
    }


def funds_row(client: Client, profits: Mapping[Key, int]) -> Row:
    """Money in paise."""
    return {
        "avail": to_paise(client.available),
        "used": to_paise(client.used),
        "real": to_paise(client.money.realised),
        "mtm": to_paise(sum(profits.values())),
    }


def instrument_row(instrument: Instrument) -> Row:
    """One listed instrument."""
    return {
        "tok": instrument.token,
        "seg": SEGMENTS[instrument.exchange],
        "sym": instrument.symbol,
        "kind": KINDS[instrument.kind],
        "name": instrument.name,
        "lot": instrument.lot_size,
        "tick": to_units(instrument.tick_size),
        "frz": instrument.freeze_quantity,
        "und": instrument.underlying,
        "exp": instrument.expiry.isoformat() if instrument.expiry is not None else "",
        "stk": to_units(instrument.strike),
        "alias": instrument.broker_symbol,
    }
