"""XTS rows, messages and packets, written from the published layouts: the venue's state in the vendor's words."""

from __future__ import annotations

import json
import struct
import zlib
from datetime import datetime
from typing import Any

from tests.conformance.venue import CLIENT, IST, LISTED, Booked, Level, Listing, Picture, Position, Trade

__all__ = [
    "binary", "holding_row", "index_names", "listing_of", "master_rows", "message", "order_row", "position_row",
    "segment_name", "segment_number", "trade_row",
]  # fmt: skip

_NAMES = {"NSE": "NSECM", "NFO": "NSEFO", "CDS": "NSECD", "BSE": "BSECM", "BFO": "BSEFO", "MCX": "MCXFO"}
_NUMBERS = {"NSECM": 1, "NSEFO": 2, "NSECD": 3, "BSECM": 11, "BSEFO": 12, "MCXFO": 51}
_TYPES = {"LIMIT": "Limit", "MARKET": "Market", "SL": "StopLimit", "SL-M": "StopMarket"}
_STATUSES = {
    "pending": "PendingNew", "open": "New", "trigger_pending": "New", "complete": "Filled", "cancelled": "Cancelled",
    "rejected": "Rejected",
}  # fmt: skip
_EPOCH_1980 = datetime(1980, 1, 1, tzinfo=IST)


def segment_name(listing: Listing) -> str:
    return _NAMES[listing.exchange.removesuffix("_INDEX")]


def segment_number(listing: Listing) -> int:
    return _NUMBERS[segment_name(listing)]


def listing_of(segment: str | int, code: int) -> Listing | None:
    return next(
        (x for x in LISTED if segment in (segment_name(x), segment_number(x)) and x.number == code), None
    )  # fmt: skip


def master_rows(segment: str) -> str:
    """Three shapes: cash, options, futures; the BSE's index is a spot row as well, and a spread stands between."""
    lines = []
    for x in LISTED:
        if segment_name(x) != segment or x.exchange == "NSE_INDEX":
            continue
        kind = {"EQ": "8", "FUT": "1", "INDEX": "8"}.get(x.kind, "2")
        series = {"EQ": "EQ" if segment == "NSECM" else "A", "INDEX": "SPOT"}.get(x.kind, "OPTIDX")
        name = x.underlying or x.symbol
        head = [segment, x.number, kind, name, f"{name}-X", series, f"{name}-{series}", 11001000000000 + x.number]
        head += [1598, 1307.6, x.freeze + 0.1 if x.freeze else 0, x.tick or 0.05, x.lot or 1, 1]
        if x.expiry is None:
            row = [*head, name, x.isin, 1, 1, f"{x.name}-{series}", 0, -1, -1]
        else:
            row = [*head, -1, "Nifty 50", f"{x.expiry.isoformat()}T14:30:00"]
            if kind == "2":
                row += [f"{x.strike:g}", 3 if x.kind == "CE" else 4]
            row += [f"{name} {x.expiry:%d%b%Y}".upper(), 1, 1, f"{name}X"]
        lines.append("|".join(map(str, row)))
    if segment == "NSEFO":
        lines.append("NSEFO|9|4|NIFTY|SPREAD|FUTIDX|X|1|1|1|1|1|65|1|-1|X|2026-01-27T14:30:00|X|1|1|X")
    return "\n".join(lines)


def index_names(number: int) -> list[str]:
    names = {"NIFTY": "NIFTY 50"}
    found = [x for x in LISTED if x.kind == "INDEX" and segment_number(x) == number]
    return [f"{names.get(x.symbol, x.symbol)}_{x.number}" for x in found]


def _stamp(moment: datetime) -> str:
    return moment.astimezone(IST).strftime("%d-%m-%Y %H:%M:%S")


def order_row(order: Booked) -> dict[str, Any]:
    status = _STATUSES[order.status]
    if order.status == "open":
        status = "PartiallyFilled" if order.filled else "Replaced" if order.modified else "New"
    return {
        "LoginID": CLIENT, "ClientID": CLIENT, "AppOrderID": int(order.id), "OrderReferenceID": "",
        "GeneratedBy": "TWSAPI", "ExchangeOrderID": order.exchange_id, "OrderCategoryType": "NORMAL",
        "ExchangeSegment": segment_name(order.listing), "ExchangeInstrumentID": order.listing.number,
        "OrderSide": order.side.title(), "OrderType": _TYPES[order.price_type], "ProductType": order.product,
        "TimeInForce": order.validity, "OrderPrice": order.price, "OrderQuantity": order.quantity,
        "OrderStopPrice": order.trigger, "OrderStatus": status,
        "OrderAverageTradedPrice": f"{order.average:.2f}" if order.filled else "", "LeavesQuantity": order.rest,
        "CumulativeQuantity": order.filled, "OrderDisclosedQuantity": order.disclosed,
        "OrderGeneratedDateTime": _stamp(order.placed_at), "ExchangeTransactTime": _stamp(order.updated_at),
        "LastUpdateDateTime": _stamp(order.updated_at), "OrderExpiryDate": "01-01-1980 00:00:00",
        "CancelRejectReason": order.reason, "OrderUniqueIdentifier": order.tag, "OrderLegStatus": "SingleOrderLeg",
        "IsSpread": False, "TradingSymbol": order.listing.symbol, "IsAMO": False, "MessageCode": 9004,
        "MessageVersion": 4, "SequenceNumber": 1455185731000123,
    }  # fmt: skip


def trade_row(trade: Trade) -> dict[str, Any]:
    at = trade.at.astimezone(IST)
    return order_row(trade.order) | {
        "LastTradedPrice": trade.price, "LastTradedQuantity": trade.quantity, "ExecutionID": trade.id,
        "LastExecutionTransactTime": f"{at:%Y-%m-%dT%H:%M:%S}", "MessageCode": 9005,
    }  # fmt: skip


def position_row(position: Position) -> dict[str, Any]:
    bought = position.buy_value / position.bought if position.bought else 0.0
    sold = position.sell_value / position.sold if position.sold else 0.0
    realised = (sold - bought) * min(position.bought, position.sold)
    return {
        "AccountID": CLIENT, "TradingSymbol": position.listing.symbol, "ProductType": position.product,
        "ExchangeSegment": segment_name(position.listing), "ExchangeInstrumentId": str(position.listing.number),
        "Marketlot": "1", "Multiplier": "1", "BuyAveragePrice": f"{bought:.2f}", "SellAveragePrice": f"{sold:.2f}",
        "OpenBuyQuantity": str(position.bought), "OpenSellQuantity": str(position.sold), "Quantity": str(position.net),
        "UnrealizedMTM": "9.75", "RealizedMTM": f"{realised:.2f}", "MTM": "9.75", "childPositions": [],
        "StatisticsLevel": "ParentLevel", "IsInterOpPosition": True, "MessageCode": 9002,
    }  # fmt: skip


def holding_row(listing: Listing, quantity: int, average: float) -> dict[str, Any]:
    return {
        "ISIN": listing.isin, "ClientId": CLIENT, "ExchangeNSEInstrumentId": listing.number,
        "ExchangeBSEInstrumentId": 500000, "HoldingQuantity": quantity, "UsedQuantity": 0, "BuyAvgPrice": average,
        "IsCollateralHolding": False,
    }  # fmt: skip


# Market -------------------------------------------------------------------------------------------------------------


def _clock(listing: Listing, moment: datetime) -> int:
    """Seconds on the Indian clock: since 1980 on NSE's segments, since 1970 on the others."""
    if segment_number(listing) <= 4:
        return int((moment - _EPOCH_1980).total_seconds())
    return int(moment.timestamp()) + 19_800


def _level(level: Level | None) -> dict[str, Any]:
    price, size, orders = (level.price, level.quantity, level.orders) if level else (0, 0, 0)
    return {"Size": size, "Price": price, "TotalOrders": orders, "BuyBackMarketMaker": 0}


def _touchline(listing: Listing, picture: Picture) -> dict[str, Any]:
    return {
        "BidInfo": _level(picture.bids[0] if picture.bids else None),
        "AskInfo": _level(picture.asks[0] if picture.asks else None),
        "LastTradedPrice": picture.ltp, "LastTradedQunatity": picture.ltq, "TotalBuyQuantity": picture.buy_quantity,
        "TotalSellQuantity": picture.sell_quantity, "TotalTradedQuantity": picture.volume,
        "AverageTradedPrice": picture.average, "LastTradedTime": _clock(listing, picture.traded_at),
        "LastUpdateTime": _clock(listing, picture.at), "PercentChange": 0.35, "Open": picture.open,
        "High": picture.high, "Low": picture.low, "Close": picture.close, "TotalValueTraded": None,
    }  # fmt: skip


def message(listing: Listing, picture: Picture, code: int) -> str:
    """One message in full, as JSON text."""
    head = {
        "MessageCode": code, "MessageVersion": 4, "ApplicationType": 0, "TokenID": 0,
        "ExchangeSegment": segment_number(listing), "ExchangeInstrumentID": listing.number,
    }  # fmt: skip
    at = {"ExchangeTimeStamp": _clock(listing, picture.at)}
    if code == 1512:
        last = {"LastTradedPrice": picture.ltp, "LastTradedQunatity": picture.ltq}
        return json.dumps(head | last | {"LastUpdateTime": _clock(listing, picture.at), "BookType": 1})
    if code == 1510:
        return json.dumps(head | at | {"XTSMarketType": 1, "OpenInterest": picture.oi})
    body = head | at | {"Touchline": _touchline(listing, picture), "BookType": 1, "SequenceNumber": 1001}
    if code == 1502:
        sides = {"Bids": picture.bids, "Asks": picture.asks}
        body |= {name: [_level(level) for level in (levels or [None] * 5)] for name, levels in sides.items()}
    return json.dumps(body)


def binary(listing: Listing, picture: Picture, code: int, *, wide: bool) -> bytes:
    """One packet of the binary event: the wide layout plain, the narrow one deflated."""
    body = struct.pack(
        "<HHHQQihiQ", code, 4, 0, 0, 1001, 0, segment_number(listing), listing.number, _clock(listing, picture.at)
    )
    if code == 1510:
        body += struct.pack("<hihQbi", 1, picture.oi, 1, 26000, 0, 0)
    else:
        if code == 1502:
            for side in (picture.bids, picture.asks):
                levels = side or (None,) * 5
                body += struct.pack("<i", len(levels)) + b"".join(_row(level, wide) for level in levels)
        body += _packed_touchline(listing, picture, wide)
    if wide:
        return struct.pack("<BHhihhH", 0, code, segment_number(listing), listing.number, 1, 1, len(body)) + body
    deflater = zlib.compressobj(wbits=-15)
    small = deflater.compress(body) + deflater.flush()
    head = struct.pack("<BHhihhHH", 1, code, segment_number(listing), listing.number, 1, 1, len(body), len(small))
    return head + small


def _row(level: Level | None, wide: bool) -> bytes:
    price, size, orders = (level.price, level.quantity, level.orders) if level else (0.0, 0, 0)
    return struct.pack("<qdih" if wide else "<idih", size, price, orders, 0)


def _packed_touchline(listing: Listing, picture: Picture, wide: bool) -> bytes:
    best = b"".join(_row(side[0] if side else None, wide) for side in (picture.bids, picture.asks))
    counts = (picture.ltq, picture.buy_quantity, picture.sell_quantity, picture.volume)
    return (
        best
        + struct.pack("<Qd", _clock(listing, picture.at), picture.ltp)
        + struct.pack("<qqqq" if wide else "<iIII", *counts)
        + struct.pack("<dq", picture.average, _clock(listing, picture.traded_at))
        + struct.pack("<6d", 0.35, picture.open, picture.high, picture.low, picture.close, 0.0)
        + struct.pack("<4h", 0, 0, 1, 1)
    )
