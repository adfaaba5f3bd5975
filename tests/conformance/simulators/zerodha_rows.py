"""Kite Connect's rows and packets, written from the published layouts: the venue's state in the broker's words."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec

from tests.conformance.venue import (
    CLIENT,
    IST,
    LISTED,
    NOW,
    Booked,
    Level,
    Listing,
    Picture,
    Position,
    Refused,
    Trigger,
)

__all__ = [
    "COLUMNS", "PROFILE", "csv_row", "find", "frame", "full_quote", "gtt_row", "home_of", "leg", "moment", "one_of",
    "order_row", "packet", "position_row", "short_quote", "stamp", "terms", "token_of", "traded_as", "trigger_of",
    "what",
]  # fmt: skip

_SEGMENT_IDS = {"NSE": 1, "NFO": 2, "CDS": 3, "BSE": 4, "BFO": 5, "BCD": 6, "MCX": 7}
_DIVISORS = {3: 10_000_000, 6: 10_000, 12: 10_000}
_STATUSES = {
    "pending": "OPEN PENDING",
    "open": "OPEN",
    "trigger_pending": "TRIGGER PENDING",
    "complete": "COMPLETE",
    "cancelled": "CANCELLED",
    "rejected": "REJECTED",
}
_UNPROTECTED = (
    "Market orders without market protection are not allowed via API. "
    "Please set market protection or use a Limit order."
)


def home_of(listing: Listing) -> str:
    """The broker's exchange: an index lives on its stock exchange."""
    return listing.exchange.removesuffix("_INDEX")


def token_of(listing: Listing) -> int:
    """instrument_token = exchange token * 256 + segment."""
    segment = 9 if listing.kind == "INDEX" else _SEGMENT_IDS[listing.exchange]
    return listing.number * 256 + segment


def traded_as(listing: Listing) -> str:
    """tradingsymbol; all contracts of the venue are monthly ones."""
    if listing.expiry is None:
        return listing.index_name or listing.symbol
    month = f"{listing.underlying}{listing.expiry:%y%b}".upper()
    return f"{month}FUT" if listing.kind == "FUT" else f"{month}{listing.strike:g}{listing.kind}"


def stamp(moment: datetime) -> str:
    return moment.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


# The ticker's packets -----------------------------------------------------------------------------------------------


def packet(listing: Listing, picture: Picture, mode: str) -> bytes:
    """One packet without its length, laid out by the tables of the sheet."""
    token = token_of(listing)
    divisor = _DIVISORS.get(token & 0xFF, 100)

    def price(rupees: float) -> int:
        return round(rupees * divisor)

    head = struct.pack(">Ii", token, price(picture.ltp))
    if mode == "ltp":
        return head
    if listing.kind == "INDEX":
        rest = (picture.high, picture.low, picture.open, picture.close, picture.ltp - picture.close)
        body = head + struct.pack(">5i", *(price(p) for p in rest))
        return body if mode == "quote" else body + struct.pack(">I", int(picture.at.timestamp()))
    body = head + struct.pack(
        ">5I4i",
        picture.ltq, price(picture.average), picture.volume, picture.buy_quantity, picture.sell_quantity,
        price(picture.open), price(picture.high), price(picture.low), price(picture.close),
    )  # fmt: skip
    if mode == "quote":
        return body
    body += struct.pack(
        ">5I",
        int(picture.traded_at.timestamp()), picture.oi, picture.oi_high, picture.oi_low, int(picture.at.timestamp()),
    )  # fmt: skip
    for side in (picture.bids, picture.asks):
        for level in (*side, *[Level(0.0, 0, 0)] * (5 - len(side))):
            body += struct.pack(">IiHxx", level.quantity, price(level.price), level.orders)
    return body


def frame(packets: Sequence[bytes]) -> bytes:
    """Packets behind their count, each behind its length."""
    parts = [struct.pack(">h", len(packets))]
    for body in packets:
        parts += [struct.pack(">h", len(body)), body]
    return b"".join(parts)


# Rows ---------------------------------------------------------------------------------------------------------------

PROFILE: Final = {
    "user_type": "individual", "email": "a@b.c", "user_name": "Asha B", "user_shortname": "Asha", "broker": "ZERODHA",
    "exchanges": ["NSE", "NFO", "BFO", "CDS", "BSE", "MCX", "BCD", "MF"],
    "products": ["CNC", "NRML", "MIS", "BO", "CO"], "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
    "avatar_url": None, "user_id": CLIENT, "meta": {"demat_consent": "physical"},
}  # fmt: skip
COLUMNS: Final = (
    "instrument_token", "exchange_token", "tradingsymbol", "name", "last_price", "expiry", "strike", "tick_size",
    "lot_size", "instrument_type", "segment", "exchange",
)  # fmt: skip


def find(exchange: str, symbol: str) -> Listing:
    found = next((x for x in LISTED if home_of(x) == exchange and traded_as(x) == symbol), None)
    if found is None:
        raise Refused("input", "The instrument you are placing an order for has either expired or does not exist.")
    return found


def one_of(word: str, *known: str) -> str:
    if word not in known:
        raise Refused("input", f"Invalid value: {word}.")
    return word


def terms(form: dict[str, str]) -> dict[str, Any]:
    """Price type, price and trigger of a place or modify form."""
    kind = one_of(form["order_type"], "MARKET", "LIMIT", "SL", "SL-M")
    if kind in ("MARKET", "SL-M") and float(form.get("market_protection", "0")) == 0:
        raise Refused("input", _UNPROTECTED)
    price, trigger = float(form.get("price", "0")), float(form.get("trigger_price", "0"))
    if kind in ("LIMIT", "SL") and price <= 0:
        raise Refused("input", "Missing or empty field `price`.")
    if kind in ("SL", "SL-M") and trigger <= 0:
        raise Refused("input", "Missing or empty field `trigger_price`.")
    return {"price_type": kind, "price": price, "trigger": trigger}


def what(listing: Listing) -> dict[str, Any]:
    return {
        "exchange": home_of(listing),
        "tradingsymbol": traded_as(listing),
        "instrument_token": token_of(listing),
    }


def order_row(order: Booked) -> dict[str, Any]:
    seen = stamp(order.updated_at) if order.exchange_id else None
    done_early = order.status in ("cancelled", "rejected")
    return {
        "account_id": CLIENT, "placed_by": CLIENT, "order_id": order.id,
        "exchange_order_id": order.exchange_id or None, "parent_order_id": None, "status": _STATUSES[order.status],
        "status_message": order.reason or None, "status_message_raw": order.reason or None,
        "order_timestamp": stamp(order.placed_at), "exchange_update_timestamp": seen, "exchange_timestamp": seen,
        "variety": order.more["variety"], "modified": order.modified, **what(order.listing),
        "order_type": order.price_type, "transaction_type": order.side, "validity": order.validity, "validity_ttl": 0,
        "product": order.product, "quantity": order.quantity, "disclosed_quantity": order.disclosed,
        "price": order.price, "trigger_price": order.trigger, "average_price": order.average,
        "filled_quantity": order.filled, "pending_quantity": 0 if order.status == "rejected" else order.rest,
        "cancelled_quantity": order.rest if done_early and order.status == "cancelled" else 0,
        "market_protection": float(order.more["protection"]), "meta": {}, "tag": order.tag or None,
        "tags": [order.tag] if order.tag else [], "guid": None,
    }  # fmt: skip


def position_row(position: Position, picture: Picture) -> dict[str, Any]:
    value = position.sell_value - position.buy_value
    pnl = value + position.net * picture.ltp
    bought, sold = position.bought, position.sold
    buy_price = position.buy_value / bought if bought else 0
    sell_price = position.sell_value / sold if sold else 0
    return {
        **what(position.listing), "product": position.product, "quantity": position.net, "overnight_quantity": 0,
        "multiplier": 1, "average_price": position.average, "close_price": picture.close, "last_price": picture.ltp,
        "value": value, "pnl": pnl, "m2m": pnl, "unrealised": pnl, "realised": 0,
        "buy_quantity": bought, "buy_price": buy_price, "buy_value": position.buy_value, "buy_m2m": position.buy_value,
        "sell_quantity": sold, "sell_price": sell_price, "sell_value": position.sell_value,
        "sell_m2m": position.sell_value, "day_buy_quantity": bought, "day_buy_price": buy_price,
        "day_buy_value": position.buy_value, "day_sell_quantity": sold, "day_sell_price": sell_price,
        "day_sell_value": position.sell_value,
    }  # fmt: skip


def leg(row: dict[str, Any]) -> tuple[Listing, int]:
    for name in ("exchange", "tradingsymbol", "transaction_type", "variety", "product", "order_type", "quantity"):
        if name not in row:
            raise Refused("input", f"Missing or empty field `{name}`.")
    return find(row["exchange"], row["tradingsymbol"]), int(row["quantity"])


def full_quote(listing: Listing, picture: Picture) -> dict[str, Any]:
    short = short_quote(listing, picture)
    index = listing.kind == "INDEX"
    empty = {"price": 0, "quantity": 0, "orders": 0}

    def side(levels: tuple[Level, ...]) -> list[dict[str, Any]]:
        rows = [{"price": x.price, "quantity": x.quantity, "orders": x.orders} for x in levels]
        return rows + [empty] * (5 - len(rows))

    return {
        **short, "timestamp": stamp(picture.at),
        "last_trade_time": "0001-01-01 00:00:00" if index else stamp(picture.traded_at),
        "last_quantity": picture.ltq, "buy_quantity": picture.buy_quantity, "sell_quantity": picture.sell_quantity,
        "volume": picture.volume, "average_price": picture.average, "oi": picture.oi, "oi_day_high": picture.oi_high,
        "oi_day_low": picture.oi_low, "net_change": 0, "lower_circuit_limit": 0, "upper_circuit_limit": 0,
        "depth": {"buy": side(picture.bids), "sell": side(picture.asks)},
    }  # fmt: skip


def short_quote(listing: Listing, picture: Picture) -> dict[str, Any]:
    ohlc = {"open": picture.open, "high": picture.high, "low": picture.low, "close": picture.close}
    return {"instrument_token": token_of(listing), "last_price": picture.ltp, "ohlc": ohlc}


def csv_row(listing: Listing) -> list[Any]:
    segment = "INDICES" if listing.kind == "INDEX" else listing.exchange
    if listing.expiry is not None:
        segment += "-FUT" if listing.kind == "FUT" else "-OPT"
    return [
        token_of(listing), listing.number, traded_as(listing), listing.name, "0.0", listing.expiry or "",
        listing.strike, listing.tick, listing.lot, "EQ" if listing.kind == "INDEX" else listing.kind, segment,
        home_of(listing),
    ]  # fmt: skip


def moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=IST)
    except ValueError as error:
        raise Refused("input", "Invalid `from` or `to` date.") from error


def trigger_of(form: dict[str, str], trigger_id: str) -> Trigger:
    condition, orders = msgspec.json.decode(form["condition"]), msgspec.json.decode(form["orders"])
    values = condition["trigger_values"]
    pair = {"single": 1, "two-leg": 2}.get(form["type"])
    if pair != len(values) or len(orders) != len(values) or sorted(values) != values:
        raise Refused("input", "Invalid trigger values.")
    if not condition["last_price"] or any(order["order_type"] != "LIMIT" for order in orders):
        raise Refused("input", "Invalid condition.")
    listing = find(condition["exchange"], condition["tradingsymbol"])
    first = orders[0]
    legs = tuple((float(v), float(o["price"])) for v, o in zip(values, orders, strict=True))
    return Trigger(trigger_id, listing, first["transaction_type"], first["product"], first["quantity"], legs)


def gtt_row(trigger: Trigger) -> dict[str, Any]:
    listing = what(trigger.listing)
    token = listing.pop("instrument_token")
    made = stamp(NOW)
    return {
        "id": int(trigger.id), "user_id": CLIENT, "parent_trigger": None,
        "type": "single" if len(trigger.legs) == 1 else "two-leg", "created_at": made, "updated_at": made,
        "expires_at": f"{date(NOW.year + 1, NOW.month, NOW.day)} 13:25:16", "status": trigger.status,
        "condition": {**listing, "last_price": 798, "trigger_values": [t for t, _ in trigger.legs],
                      "instrument_token": token},
        "orders": [
            {**listing, "product": trigger.product, "order_type": "LIMIT", "transaction_type": trigger.side,
             "quantity": trigger.quantity, "price": price, "result": None}
            for _, price in trigger.legs
        ],
        "meta": {},
    }  # fmt: skip
