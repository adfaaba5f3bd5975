"""Rows and words of DhanHQ's REST answers, as its published protocol has them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.conformance.venue import (
    CLIENT,
    IST,
    LISTED,
    Booked,
    Level,
    Listing,
    Picture,
    Position,
    Refused,
    Trade,
    Trigger,
)

SEGMENTS = {
    "NSE": ("NSE_EQ", 1), "BSE": ("BSE_EQ", 4), "NSE_INDEX": ("IDX_I", 0), "BSE_INDEX": ("IDX_I", 0),
    "NFO": ("NSE_FNO", 2), "BFO": ("BSE_FNO", 8), "CDS": ("NSE_CURRENCY", 3),
}  # fmt: skip
HOME = {"NSE": ("NSE", "E"), "BSE": ("BSE", "E"), "NFO": ("NSE", "D"), "CDS": ("NSE", "C"), "NSE_INDEX": ("NSE", "I"),
         "BSE_INDEX": ("BSE", "I")}  # fmt: skip
PRODUCTS = {"CNC": "CNC", "NRML": "MARGIN", "MIS": "INTRADAY"}
KINDS = {"MARKET": "MARKET", "LIMIT": "LIMIT", "SL": "STOP_LOSS", "SL-M": "STOP_LOSS_MARKET"}
STATUSES = {
    "pending": "TRANSIT", "open": "PENDING", "trigger_pending": "PENDING", "complete": "TRADED",
    "cancelled": "CANCELLED", "rejected": "REJECTED",
}  # fmt: skip
COLUMNS = [
    "SEM_EXM_EXCH_ID", "SEM_SEGMENT", "SEM_SMST_SECURITY_ID", "SEM_INSTRUMENT_NAME",
    "SEM_EXPIRY_CODE", "SEM_TRADING_SYMBOL", "SEM_LOT_UNITS", "SEM_CUSTOM_SYMBOL",
    "SEM_EXPIRY_DATE", "SEM_STRIKE_PRICE", "SEM_OPTION_TYPE", "SEM_TICK_SIZE", "SEM_EXPIRY_FLAG",
    "SEM_EXCH_INSTRUMENT_TYPE", "SEM_SERIES", "SM_SYMBOL_NAME",
]  # fmt: skip


def back(words: dict[str, str], word: Any) -> str:
    found = next((ours for ours, theirs in words.items() if theirs == word), None)
    if found is None:
        raise Refused("input", f"Missing required fields, bad values for parameters etc.: {word}")
    return found


def number(value: Any) -> float:
    """The server takes numbers as numbers or as text, blank text and null as absent."""
    return float(value) if value not in ("", None) else 0.0


def stamp(moment: datetime) -> str:
    return moment.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def find(segment: Any, security_id: Any) -> Listing:
    if not isinstance(security_id, str):
        raise Refused("input", "securityId should be text.")
    return listing_of(segment, security_id)


def listing_of(segment: Any, security_id: str) -> Listing:
    for listing in LISTED:
        if SEGMENTS[listing.exchange][0] == segment and str(listing.number) == security_id:
            return listing
    raise Refused("input", "Invalid SecurityId")


def instrument_of(listing: Listing) -> str:
    if listing.kind in ("EQ", "INDEX"):
        return {"EQ": "EQUITY", "INDEX": "INDEX"}[listing.kind]
    of = "CUR" if listing.exchange == "CDS" else "IDX" if listing.underlying == "NIFTY" else "STK"
    return ("FUT" if listing.kind == "FUT" else "OPT") + of


def terms_of(body: dict[str, Any]) -> dict[str, Any]:
    kind = back(KINDS, body["orderType"])
    price, trigger = number(body.get("price")), number(body.get("triggerPrice"))
    if kind in ("LIMIT", "SL") and price <= 0:
        raise Refused("input", "Price is missing.")
    if kind in ("SL", "SL-M") and trigger <= 0:
        raise Refused("order", "Trigger Price is missing.")
    return {"price_type": kind, "price": price, "trigger": trigger}


def leg_of(body: dict[str, Any]) -> tuple[Listing, int]:
    for name in ("transactionType", "productType", "price"):
        if name not in body:
            raise Refused("input", f"{name} is missing.")
    return find(body["exchangeSegment"], body["securityId"]), int(body["quantity"])


def what(listing: Listing) -> dict[str, Any]:
    return {
        "exchangeSegment": SEGMENTS[listing.exchange][0], "securityId": str(listing.number),
        "tradingSymbol": traded_as(listing), "drvExpiryDate": f"{listing.expiry or '0001-01-01'}",
        "drvOptionType": "NA", "drvStrikePrice": listing.strike,
    }  # fmt: skip


def status_of(order: Booked) -> str:
    return "PART_TRADED" if order.status == "open" and order.filled else STATUSES[order.status]


def order_row(order: Booked) -> dict[str, Any]:
    """A row as documented: several fields of live rows are left out there."""
    return {
        "dhanClientId": CLIENT, "orderId": order.id, "exchangeOrderId": order.exchange_id or "0",
        "correlationId": order.tag or "NA", "orderStatus": status_of(order), "transactionType": order.side,
        **what(order.listing), "productType": PRODUCTS[order.product], "orderType": KINDS[order.price_type],
        "validity": order.validity, "quantity": order.quantity, "disclosedQuantity": order.disclosed,
        "price": order.price, "triggerPrice": order.trigger, "afterMarketOrder": False,
        "createTime": stamp(order.placed_at), "updateTime": stamp(order.updated_at),
        "exchangeTime": stamp(order.updated_at) if order.exchange_id else "0001-01-01 00:00:00",
        "omsErrorCode": "0", "omsErrorDescription": order.reason, "algoId": "0", "remainingQuantity": order.rest,
        "averageTradedPrice": order.average, "filledQty": order.filled,
    }  # fmt: skip


def update_of(order: Booked) -> dict[str, Any]:
    """As the live feed writes it: in camelCase, with its own words."""
    exchange, segment = HOME[order.listing.exchange]
    return {
        "exchange": exchange, "segment": segment, "source": "P", "securityId": str(order.listing.number),
        "clientId": CLIENT, "exchOrderNo": order.exchange_id, "orderNo": order.id,
        "product": {"CNC": "C", "NRML": "M", "MIS": "I"}[order.product], "txnType": order.side[0],
        "orderType": {"LIMIT": "LMT", "MARKET": "MKT", "SL": "SL", "SL-M": "SLM"}[order.price_type],
        "validity": order.validity, "discQuantity": order.disclosed, "discQtyRem": 0,
        "remainingQuantity": order.rest, "quantity": order.quantity, "tradedQty": order.filled, "price": order.price,
        "triggerPrice": order.trigger, "tradedPrice": 0, "avgTradedPrice": order.average, "algoOrdNo": None,
        "offMktFlag": "0", "orderDateTime": stamp(order.placed_at), "exchOrderTime": stamp(order.updated_at),
        "lastUpdatedTime": stamp(order.updated_at), "remarks": "NR", "mktType": "NL",
        "reasonDescription": order.reason or "CONFIRMED", "legNo": 1, "symbol": order.listing.symbol,
        "status": status_of(order).title(), "strikePrice": None, "expiryDate": "0001-01-01 00:00:00", "optType": "XX",
        "refLtp": 13.21, "RefLtp": 13.21, "multiplier": 1, "correlationId": order.tag,
    }  # fmt: skip


def trade_row(trade: Trade) -> dict[str, Any]:
    order = trade.order
    return {
        "dhanClientId": CLIENT, "orderId": order.id, "exchangeOrderId": order.exchange_id,
        "exchangeTradeId": trade.id, "transactionType": order.side, **what(order.listing),
        "productType": PRODUCTS[order.product], "orderType": KINDS[order.price_type], "customSymbol": None,
        "tradedQuantity": trade.quantity, "tradedPrice": trade.price, "createTime": stamp(order.placed_at),
        "updateTime": stamp(trade.at), "exchangeTime": stamp(trade.at),
    }  # fmt: skip


def position_row(position: Position) -> dict[str, Any]:
    bought, sold = position.bought, position.sold
    buy, sell = (position.buy_value / bought if bought else 0.0), (position.sell_value / sold if sold else 0.0)
    return {
        "dhanClientId": CLIENT, **what(position.listing), "productType": PRODUCTS[position.product],
        "positionType": "LONG" if position.net > 0 else "SHORT" if position.net else "CLOSED", "buyAvg": buy,
        "buyQty": bought, "costPrice": position.average, "sellAvg": sell, "sellQty": sold, "netQty": position.net,
        "realizedProfit": min(bought, sold) * (sell - buy), "unrealizedProfit": 0.0, "rbiReferenceRate": 1.0,
        "multiplier": 1, "carryForwardBuyQty": 0, "carryForwardSellQty": 0, "dayBuyQty": bought, "daySellQty": sold,
        "crossCurrency": False,
    }  # fmt: skip


def quote_row(listing: Listing, picture: Picture) -> dict[str, Any]:
    def side(levels: tuple[Level, ...]) -> list[dict[str, Any]]:
        return [{"quantity": x.quantity, "orders": x.orders, "price": x.price} for x in levels]

    index = listing.kind == "INDEX"
    ohlc = {"open": picture.open, "close": picture.close, "high": picture.high, "low": picture.low}
    return {
        "average_price": picture.average, "buy_quantity": picture.buy_quantity,
        "depth": None if index else {"buy": side(picture.bids), "sell": side(picture.asks)},
        "last_price": picture.ltp, "last_quantity": picture.ltq,
        "last_trade_time": "01/01/1980 00:00:00" if index else picture.traded_at.strftime("%d/%m/%Y %H:%M:%S"),
        "lower_circuit_limit": 48.25, "net_change": 1.2, "ohlc": ohlc, "oi": picture.oi,
        "oi_day_high": picture.oi_high, "oi_day_low": picture.oi_low, "sell_quantity": picture.sell_quantity,
        "upper_circuit_limit": 510.85, "volume": picture.volume,
    }  # fmt: skip


def traded_as(listing: Listing) -> str:
    if listing.expiry is None:
        return listing.symbol
    head = f"{listing.underlying}-{listing.expiry:%b%Y}"
    return f"{head}-FUT" if listing.kind == "FUT" else f"{head}-{listing.strike:g}-{listing.kind}"


def csv_row(listing: Listing) -> list[Any]:
    exchange, segment = HOME[listing.exchange]
    option, dated = listing.kind in ("CE", "PE"), listing.expiry is not None
    strike = f"{listing.strike:.5f}" if option else "-0.01000" if dated else ""
    return [
        exchange, segment, listing.number, instrument_of(listing), 0, traded_as(listing), f"{max(listing.lot, 1)}.0",
        f"{listing.symbol} shown", f"{listing.expiry} 14:30:00" if dated else "0001-01-01", strike,
        listing.kind if option else "XX", f"{(listing.tick or 0.05) * 100:.4f}", "M" if dated else "NA",
        "FUT" if dated else "ES", {"NSE": "EQ", "BSE": "A"}.get(listing.exchange, "X"), listing.name,
    ]  # fmt: skip


def gtt_rows(trigger: Trigger) -> list[dict[str, Any]]:
    """One row a leg; orderType holds the flag."""
    names = ("ENTRY_LEG",) if len(trigger.legs) == 1 else ("STOP_LOSS_LEG", "TARGET_LEG")
    return [
        {
            "dhanClientId": CLIENT, "orderId": trigger.id,
            "orderStatus": "CANCELLED" if trigger.status == "cancelled" else "CONFIRM",
            "transactionType": trigger.side, "productType": PRODUCTS[trigger.product],
            "orderType": "SINGLE" if len(names) == 1 else "OCO", **what(trigger.listing),
            "quantity": trigger.quantity, "price": price, "triggerPrice": at, "legName": name,
            "createTime": "2026-01-05 10:00:00", "updateTime": None, "exchangeTime": None, "drvExpiryDate": None,
        }
        for (at, price), name in zip(trigger.legs, names, strict=True)
    ]  # fmt: skip
