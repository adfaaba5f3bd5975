"""Rows and words of SmartAPI's REST answers, as its published protocol has them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

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
    Trade,
    Trigger,
)

TYPES = {"NSE": 1, "NFO": 2, "BSE": 3, "CDS": 13}
PRODUCTS = {"CNC": "DELIVERY", "NRML": "CARRYFORWARD", "MIS": "INTRADAY"}
KINDS = {"MARKET": "MARKET", "LIMIT": "LIMIT", "SL": "STOPLOSS_LIMIT", "SL-M": "STOPLOSS_MARKET"}
STATUSES = {
    "pending": "open pending", "open": "open", "trigger_pending": "trigger pending", "complete": "complete",
    "cancelled": "cancelled", "rejected": "rejected",
}  # fmt: skip
CODES = {
    "pending": "AB09", "open": "AB01", "trigger_pending": "AB10", "complete": "AB05", "cancelled": "AB02",
    "rejected": "AB03",
}  # fmt: skip


INDEX = {"NIFTY": ("Nifty 50", "99926000"), "SENSEX": ("SENSEX", "99919000")}


def home_of(listing: Listing) -> str:
    return listing.exchange.removesuffix("_INDEX")


def token_of(listing: Listing) -> str:
    return INDEX[listing.symbol][1] if listing.kind == "INDEX" else str(listing.number)


def traded_as(listing: Listing) -> str:
    """The trading symbol: an -EQ on NSE, none on BSE; derivatives of NSE in the canonical form."""
    if listing.kind == "INDEX":
        return INDEX[listing.symbol][0]
    return f"{listing.symbol}-EQ" if listing.exchange == "NSE" else listing.symbol


def stamp(moment: datetime) -> str:
    return moment.astimezone(IST).strftime("%d-%b-%Y %H:%M:%S")


def find(exchange: Any, token: Any) -> Listing:
    found = next((x for x in LISTED if home_of(x) == exchange and token_of(x) == token), None)
    if found is None:
        raise Refused("AB1009", "Symbol Not Found")
    return found


def back(words: dict[str, str], word: Any, code: str = "AB1012") -> str:
    found = next((ours for ours, theirs in words.items() if theirs == word), None)
    if found is None:
        raise Refused(code, f"Invalid value: {word}")
    return found


def terms_of(body: dict[str, Any]) -> dict[str, Any]:
    kind = back(KINDS, body["ordertype"], "AB1008")
    price, trigger = float(body["price"]), float(body.get("triggerprice", "0"))
    if (kind in ("LIMIT", "SL") and price <= 0) or (kind in ("SL", "SL-M") and trigger <= 0):
        raise Refused("AB4011", "Price or trigger is missing")
    return {"price_type": kind, "price": price, "trigger": trigger, "quantity": int(body["quantity"])}


def ids_of(order: Booked) -> dict[str, str]:
    return {"orderid": order.id, "uniqueorderid": f"unique-{order.id}"}


def order_row(order: Booked) -> dict[str, Any]:
    """As the live book has it: some numbers as numbers, some as text."""
    ended = order.status in ("cancelled", "rejected")
    seen = stamp(order.updated_at) if order.status != "rejected" else ""
    return {
        "variety": order.more["variety"], "ordertype": KINDS[order.price_type],
        "producttype": PRODUCTS[order.product], "duration": order.validity, "price": order.price,
        "triggerprice": order.trigger, "quantity": str(order.quantity), "disclosedquantity": str(order.disclosed),
        "squareoff": 0.0, "stoploss": 0.0, "trailingstoploss": 0.0, "tradingsymbol": traded_as(order.listing),
        "transactiontype": order.side, "exchange": home_of(order.listing), "symboltoken": token_of(order.listing),
        "instrumenttype": "", "strikeprice": -1.0, "optiontype": "", "expirydate": "", "lotsize": "1",
        "cancelsize": str(order.rest) if ended else "0", "averageprice": order.average,
        "filledshares": str(order.filled), "unfilledshares": str(order.rest), "orderid": order.id,
        "text": order.reason, "status": STATUSES[order.status], "orderstatus": STATUSES[order.status],
        "updatetime": stamp(order.updated_at), "exchtime": seen, "exchorderupdatetime": seen, "fillid": "",
        "filltime": "", "parentorderid": "", "ordertag": order.tag, "uniqueorderid": f"unique-{order.id}",
        "exchangeorderid": order.exchange_id,
    }  # fmt: skip


BLANK = Booked("", LISTED[0], "BUY", "CNC", "LIMIT", 0, 0.0, 0.0, "DAY", "", NOW, more={"variety": "NORMAL"})


def update_frame(code: str, row: dict[str, Any]) -> str:
    message = {"user-id": CLIENT, "status-code": "200", "order-status": code, "error-message": "", "orderData": row}
    return msgspec.json.encode(message).decode()


def trade_row(trade: Trade) -> dict[str, Any]:
    order = trade.order
    return {
        "exchange": home_of(order.listing), "producttype": PRODUCTS[order.product],
        "tradingsymbol": traded_as(order.listing), "instrumenttype": "", "symbolgroup": "EQ", "strikeprice": "-1",
        "optiontype": "", "expirydate": "", "marketlot": "1", "precision": "2", "multiplier": "-1",
        "tradevalue": f"{trade.quantity * trade.price:.2f}", "transactiontype": order.side,
        "fillprice": f"{trade.price:.2f}", "fillsize": str(trade.quantity), "orderid": order.id, "fillid": trade.id,
        "filltime": f"{trade.at.astimezone(IST):%H:%M:%S}",
    }  # fmt: skip


def position_row(position: Position, picture: Picture) -> dict[str, Any]:
    bought, sold = position.bought, position.sold
    buy, sell = (position.buy_value / bought if bought else 0), (position.sell_value / sold if sold else 0)
    value = position.sell_value - position.buy_value
    numbers = {
        "buyqty": bought, "sellqty": sold, "cfbuyqty": 0, "cfsellqty": 0, "buyamount": position.buy_value,
        "sellamount": position.sell_value, "buyavgprice": buy, "sellavgprice": sell, "totalbuyavgprice": buy,
        "totalsellavgprice": sell, "totalbuyvalue": position.buy_value, "totalsellvalue": position.sell_value,
        "netqty": position.net, "avgnetprice": -value / position.net if position.net else 0,
        "ltp": picture.ltp, "close": picture.close, "pnl": value + position.net * picture.ltp, "realised": 0,
        "unrealised": value + position.net * picture.ltp,
    }  # fmt: skip
    return {
        "exchange": home_of(position.listing), "symboltoken": token_of(position.listing),
        "producttype": PRODUCTS[position.product], "tradingsymbol": traded_as(position.listing),
        "symbolname": position.listing.symbol, "netvalue": f"- {abs(value):.2f}" if value < 0 else f"{value:.2f}",
        "lotsize": "1", "multiplier": "-1", **{name: f"{number:g}" for name, number in numbers.items()},
    }  # fmt: skip


def quote_row(listing: Listing, picture: Picture) -> dict[str, Any]:
    def side(levels: tuple[Level, ...]) -> list[dict[str, Any]]:
        rows = [{"price": x.price, "quantity": x.quantity, "orders": x.orders} for x in levels]
        return rows + [{"price": 0, "quantity": 0, "orders": 0}] * (5 - len(rows))

    return {
        "exchange": home_of(listing), "tradingSymbol": traded_as(listing), "symbolToken": token_of(listing),
        "ltp": picture.ltp, "open": picture.open, "high": picture.high, "low": picture.low, "close": picture.close,
        "lastTradeQty": picture.ltq, "exchFeedTime": stamp(picture.at), "exchTradeTime": stamp(picture.traded_at),
        "netChange": 0.8, "percentChange": 0.14, "avgPrice": picture.average, "tradeVolume": picture.volume,
        "opnInterest": picture.oi, "lowerCircuit": 510.7, "upperCircuit": 624.1,
        "totBuyQuan": picture.buy_quantity, "totSellQuan": picture.sell_quantity, "52WeekLow": 430.7,
        "52WeekHigh": 629.55, "depth": {"buy": side(picture.bids), "sell": side(picture.asks)},
    }  # fmt: skip


def file_row(listing: Listing) -> dict[str, str]:
    scale = 10_000_000 if listing.exchange == "CDS" else 100
    option = listing.kind in ("CE", "PE")
    of = "CUR" if listing.exchange == "CDS" else "IDX" if listing.underlying == "NIFTY" else "STK"
    word = {"EQ": "", "INDEX": "AMXIDX", "FUT": f"FUT{of}"}.get(listing.kind, f"OPT{of}")
    return {
        "token": token_of(listing), "symbol": traded_as(listing), "name": listing.underlying or listing.symbol,
        "expiry": f"{listing.expiry:%d%b%Y}".upper() if listing.expiry else "",
        "strike": f"{listing.strike * scale:.6f}" if option else "-1.000000", "lotsize": str(max(listing.lot, 1)),
        "instrumenttype": word, "exch_seg": home_of(listing), "tick_size": f"{listing.tick * 100:.6f}",
    }  # fmt: skip


def gtt_row(trigger: Trigger) -> dict[str, Any]:
    ((at, price),) = trigger.legs
    return {
        "id": int(trigger.id), "status": "CANCELLED" if trigger.status == "cancelled" else "NEW",
        "createddate": "2026-01-05T14:19:51Z", "updateddate": "2026-01-05T14:19:51Z",
        "expirydate": "2027-01-05T14:19:51Z", "clientid": CLIENT, "tradingsymbol": traded_as(trigger.listing),
        "symboltoken": token_of(trigger.listing), "exchange": home_of(trigger.listing),
        "transactiontype": trigger.side, "producttype": {"CNC": "DELIVERY", "NRML": "MARGIN"}[trigger.product],
        "price": f"{price}", "qty": str(trigger.quantity), "triggerprice": f"{at}", "disclosedqty": "0",
    }  # fmt: skip
