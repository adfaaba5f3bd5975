"""Upstox's rows and protobuf frames, written from the published layouts: the venue's state in the broker's words."""

from __future__ import annotations

import struct
from datetime import datetime, time
from typing import Any, Final

from tests.conformance.venue import CLIENT, IST, LISTED, Booked, Level, Listing, Picture, Position, Refused

__all__ = [
    "PROFILE", "feed_frame", "file_row", "find", "key_of", "market_info", "order_row", "position_row", "quote_row",
    "stamp", "traded_as",
]  # fmt: skip

_SEGMENTS = {
    "NSE": "NSE_EQ", "BSE": "BSE_EQ", "NFO": "NSE_FO", "BFO": "BSE_FO", "CDS": "NCD_FO", "BCD": "BCD_FO",
    "MCX": "MCX_FO", "NSE_INDEX": "NSE_INDEX", "BSE_INDEX": "BSE_INDEX",
}  # fmt: skip
_STATUSES = {
    "pending": "open pending", "open": "open", "trigger_pending": "trigger pending", "complete": "complete",
    "cancelled": "cancelled", "rejected": "rejected",
}  # fmt: skip
PROFILE: Final = {
    "email": "a@b.in", "exchanges": ["NSE", "NFO", "BSE", "CDS", "BFO", "BCD", "MCX"], "products": ["D", "CO", "I"],
    "broker": "UPSTOX", "user_id": CLIENT, "user_name": "A TRADER", "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
    "user_type": "individual", "poa": False, "is_active": True,
}  # fmt: skip


def stamp(moment: datetime) -> str:
    return moment.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def key_of(listing: Listing) -> str:
    """Segment and ISIN, number or index name."""
    segment = _SEGMENTS[listing.exchange]
    if listing.kind == "INDEX":
        return f"{segment}|{_title(listing.index_name)}"
    return f"{segment}|{listing.isin or listing.number}"


def _title(name: str) -> str:
    return "Nifty 50" if name == "NIFTY 50" else name


def traded_as(listing: Listing) -> str:
    """The trading symbol of the instrument file."""
    if listing.expiry is None:
        return listing.index_name or listing.symbol
    day = f"{listing.expiry:%d %b %y}".upper()
    if listing.kind == "FUT":
        return f"{listing.underlying} FUT {day}"
    return f"{listing.underlying} {listing.strike:g} {listing.kind} {day}"


def find(key: str) -> Listing:
    found = next((x for x in LISTED if key_of(x) == key), None)
    if found is None:
        raise Refused("instrument", "Invalid Instrument key")
    return found


def file_row(listing: Listing) -> dict[str, Any]:
    """A row of the instrument file; keys that do not apply are absent."""
    row: dict[str, Any] = {
        "segment": _SEGMENTS[listing.exchange], "name": listing.name,
        "exchange": "BSE" if listing.exchange.startswith("B") else "NSE",
        "instrument_key": key_of(listing), "exchange_token": str(listing.number),
        "instrument_type": listing.kind, "trading_symbol": traded_as(listing),
    }  # fmt: skip
    if listing.kind == "INDEX":
        return row
    row |= {"lot_size": listing.lot, "tick_size": round(listing.tick * 100, 4), "qty_multiplier": 1.0}
    row["freeze_quantity"] = float(listing.freeze)
    if listing.expiry is None:
        return row | {"isin": listing.isin, "short_name": listing.symbol, "security_type": "NORMAL"}
    expiry = datetime.combine(listing.expiry, time(23, 59, 59), IST)
    row |= {"expiry": int(expiry.timestamp()) * 1000, "weekly": False, "minimum_lot": listing.lot}
    row |= {"asset_symbol": listing.underlying, "underlying_symbol": listing.underlying, "strike_price": listing.strike}
    return row


def _named(listing: Listing) -> dict[str, Any]:
    symbol = f"{listing.symbol}-EQ" if listing.kind == "EQ" else traded_as(listing).replace(" ", "")
    return {"trading_symbol": symbol, "tradingsymbol": symbol, "instrument_token": key_of(listing)}


def order_row(order: Booked) -> dict[str, Any]:
    return {
        "exchange": order.listing.exchange, "product": order.product, "price": order.price, "quantity": order.quantity,
        "status": _STATUSES[order.status], "guid": None, "tag": order.tag or None, **_named(order.listing),
        "placed_by": CLIENT, "order_type": order.price_type, "validity": order.validity,
        "trigger_price": order.trigger, "disclosed_quantity": order.disclosed, "transaction_type": order.side,
        "average_price": order.average, "filled_quantity": order.filled, "pending_quantity": order.rest,
        "status_message": order.reason or None, "status_message_raw": order.reason or None,
        "exchange_order_id": order.exchange_id, "parent_order_id": None, "order_id": order.id, "variety": "SIMPLE",
        "order_timestamp": stamp(order.placed_at), "exchange_timestamp": stamp(order.updated_at), "is_amo": False,
        "order_request_id": "1", "order_ref_id": "574412345678901",
    }  # fmt: skip


def position_row(position: Position, picture: Picture, product: str) -> dict[str, Any]:
    """The average of a position is null here: it has to be taken from the open side's price."""
    closed = min(position.bought, position.sold)
    buy = position.buy_value / position.bought if position.bought else 0.0
    sell = position.sell_value / position.sold if position.sold else 0.0
    pnl = position.sell_value - position.buy_value + position.net * picture.ltp
    realised = closed * (sell - buy)
    return {
        "exchange": position.listing.exchange, "multiplier": 1.0, "value": position.buy_value, "pnl": pnl,
        "product": product, **_named(position.listing), "average_price": None, "buy_value": position.buy_value,
        "overnight_quantity": 0, "day_buy_value": position.buy_value, "day_buy_price": buy,
        "overnight_buy_amount": 0.0, "overnight_buy_quantity": 0, "day_buy_quantity": position.bought,
        "day_sell_value": position.sell_value, "day_sell_price": sell, "overnight_sell_amount": 0.0,
        "overnight_sell_quantity": 0, "day_sell_quantity": position.sold, "quantity": position.net,
        "last_price": picture.ltp, "unrealised": pnl - realised, "realised": realised,
        "sell_value": position.sell_value, "close_price": picture.close, "buy_price": buy, "sell_price": sell,
    }  # fmt: skip


def quote_row(listing: Listing, picture: Picture) -> dict[str, Any]:
    """A full quote of v2: five levels always, zero padded."""

    def side(levels: tuple[Level, ...]) -> list[dict[str, Any]]:
        rows = [{"quantity": x.quantity, "price": x.price, "orders": x.orders} for x in levels]
        return rows + [{"quantity": 0, "price": 0, "orders": 0}] * (5 - len(rows))

    return {
        "ohlc": {"open": picture.open, "high": picture.high, "low": picture.low, "close": picture.close},
        "depth": {"buy": side(picture.bids), "sell": side(picture.asks)},
        "timestamp": picture.at.isoformat(timespec="milliseconds"), "instrument_token": key_of(listing),
        "symbol": listing.symbol, "last_price": picture.ltp, "volume": picture.volume,
        "average_price": picture.average, "oi": picture.oi, "net_change": round(picture.ltp - picture.close, 4),
        "total_buy_quantity": picture.buy_quantity, "total_sell_quantity": picture.sell_quantity,
        "lower_circuit_limit": 0, "upper_circuit_limit": 0,
        "last_trade_time": str(int(picture.traded_at.timestamp() * 1000)), "oi_day_high": 0, "oi_day_low": 0,
    }  # fmt: skip


# Protocol buffers, field by field -----------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _int(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value) if value else b""


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value) if value else b""


def _bytes(number: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _ltpc(picture: Picture) -> bytes:
    return _double(1, picture.ltp) + _int(2, _ms(picture.traded_at)) + _int(3, picture.ltq) + _double(4, picture.close)


def _ohlc(picture: Picture) -> bytes:
    day = _bytes(1, "1d") + _double(2, picture.open) + _double(3, picture.high) + _double(4, picture.low)
    minute = _bytes(1, "I1") + _double(2, 1.0) + _double(3, 2.0) + _double(4, 0.5) + _double(5, 1.5)
    return _bytes(1, day + _double(5, picture.ltp) + _int(6, picture.volume)) + _bytes(1, minute + _int(7, 1))


def _level(bid: Level, ask: Level) -> bytes:
    return _int(1, bid.quantity) + _double(2, bid.price) + _int(3, ask.quantity) + _double(4, ask.price)


def _feed(listing: Listing, picture: Picture, mode: str) -> bytes:
    if mode == "ltpc":
        return _bytes(1, _ltpc(picture))
    if mode == "option_greeks":
        first = _bytes(1, _ltpc(picture)) + _bytes(2, _level(picture.bids[0], picture.asks[0]))
        first += _bytes(3, _double(1, 0.5) + _double(3, 0.0005)) + _int(4, picture.volume)
        return _bytes(3, first + _double(5, float(picture.oi)) + _double(6, 0.1875)) + _int(4, 2)
    if listing.kind == "INDEX":
        return _bytes(2, _bytes(2, _bytes(1, _ltpc(picture)) + _bytes(2, _ohlc(picture)))) + _int(4, 1)
    levels = b"".join(_bytes(1, _level(*pair)) for pair in zip(picture.bids, picture.asks, strict=True))
    whole = _bytes(1, _ltpc(picture)) + _bytes(2, levels) + _bytes(4, _ohlc(picture)) + _double(5, picture.average)
    whole += _int(6, picture.volume) + _double(7, float(picture.oi)) + _double(9, float(picture.buy_quantity))
    return _bytes(2, _bytes(1, whole)) + _int(4, 1)


def feed_frame(shown: list[tuple[Listing, Picture, str]], *, snapshot: bool = False) -> bytes:
    """A FeedResponse: type (absent for the snapshot, whose number is 0), feeds, the moment."""
    entries = (
        _bytes(2, _bytes(1, key_of(listing)) + _bytes(2, _feed(listing, picture, mode)))
        for listing, picture, mode in shown
    )
    at = max(_ms(picture.at) for _, picture, _ in shown)
    return _int(1, 0 if snapshot else 1) + b"".join(entries) + _int(3, at)


def market_info(at: datetime) -> bytes:
    """What comes first on a new socket."""
    status = _bytes(1, _bytes(1, "NSE_EQ") + _int(2, 2)) + _bytes(1, _bytes(1, "MCX_FO") + _int(2, 3))
    return _int(1, 2) + _int(3, _ms(at)) + _bytes(4, status)
