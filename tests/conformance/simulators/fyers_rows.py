"""Rows and words of Fyers' REST answers, as its published protocol has them."""

from __future__ import annotations

from datetime import datetime, time
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

PLACES = {
    "NSE": (10, 10), "NSE_INDEX": (10, 10), "NFO": (10, 11), "CDS": (10, 12), "BSE": (12, 10), "BSE_INDEX": (12, 10),
}  # fmt: skip
SEGMENTS = {"1010": "nse_cm", "1011": "nse_fo", "1012": "cde_fo", "1210": "bse_cm"}
PRODUCTS = {"CNC": "CNC", "NRML": "MARGIN", "MIS": "INTRADAY"}
KINDS = {"MARKET": 2, "LIMIT": 1, "SL": 4, "SL-M": 3}
STATUSES = {"pending": 4, "open": 6, "trigger_pending": 6, "complete": 2, "cancelled": 1, "rejected": 5}
INDICES = {"NIFTY": ("NSE:NIFTY50-INDEX", "Nifty 50"), "SENSEX": ("BSE:SENSEX-INDEX", "SENSEX")}
RESOLUTIONS = {"1": 1, "2": 2, "3": 3, "5": 5, "10": 10, "15": 15, "20": 20, "30": 30, "60": 60, "120": 120, "240": 240}


def ticker_of(listing: Listing) -> str:
    """The symbol of every call; all contracts of the venue are monthly ones."""
    if listing.kind == "INDEX":
        return INDICES[listing.symbol][0]
    if listing.expiry is None:
        return f"NSE:{listing.symbol}-EQ" if listing.exchange == "NSE" else f"BSE:{listing.symbol}-A"
    month = f"NSE:{listing.underlying}{listing.expiry:%y%b}".upper()
    return f"{month}FUT" if listing.kind == "FUT" else f"{month}{listing.strike:g}{listing.kind}"


def fytoken_of(listing: Listing) -> str:
    exchange, segment = PLACES[listing.exchange]
    return f"{exchange}{segment}{f'{listing.expiry:%y%m%d}' if listing.expiry else '000000'}{listing.number}"


def find(ticker: Any) -> Listing:
    found = next((x for x in LISTED if ticker_of(x) == ticker), None)
    if found is None:
        raise Refused("symbol", "Please provide a valid symbol")
    return found


def back(words: dict[str, Any], word: Any) -> str:
    found = next((ours for ours, theirs in words.items() if theirs == word), None)
    if found is None:
        raise Refused("input", f"Invalid input: {word}")
    return found


def stamp(moment: datetime) -> str:
    return moment.astimezone(IST).strftime("%d-%b-%Y %H:%M:%S")


def terms_of(body: dict[str, Any], listing: Listing) -> dict[str, Any]:
    """Price type and prices, each on the tick."""
    kind = back(KINDS, body["type"])
    price, trigger = float(body.get("limitPrice", 0)), float(body.get("stopPrice", 0))
    for name, value in (("LimitPrice", price), ("StopPrice", trigger)):
        if abs(value / listing.tick - round(value / listing.tick)) > 1e-6:
            raise Refused("input", f"{name} not a multiple of tick size {listing.tick:.4f}")
    if (kind in ("LIMIT", "SL") and price <= 0) or (kind in ("SL", "SL-M") and trigger <= 0):
        raise Refused("input", "Price or trigger is missing")
    return {"price_type": kind, "price": price, "trigger": trigger}


def leg_of(body: dict[str, Any]) -> tuple[Listing, int]:
    back(PRODUCTS, body["productType"])
    listing = find(body["symbol"])
    terms_of(body, listing)
    return listing, int(body["qty"])


def what(listing: Listing) -> dict[str, Any]:
    exchange, segment = PLACES[listing.exchange]
    return {"exchange": exchange, "segment": segment, "symbol": ticker_of(listing), "fyToken": fytoken_of(listing)}


def order_row(order: Booked) -> dict[str, Any]:
    return {
        "clientId": CLIENT, "id": order.id, "id_fyers": "c6697c04", "exchOrdId": order.exchange_id,
        "qty": order.quantity, "remainingQuantity": order.rest, "filledQty": order.filled,
        "discloseQty": order.disclosed, "limitPrice": order.price, "stopPrice": order.trigger,
        "tradedPrice": order.average, "type": KINDS[order.price_type], **what(order.listing), "instrument": 0,
        "message": order.reason, "offlineOrder": False, "orderDateTime": stamp(order.updated_at),
        "orderValidity": order.validity, "pan": "", "productType": PRODUCTS[order.product],
        "side": 1 if order.side == "BUY" else -1, "status": STATUSES[order.status], "source": "ITS",
        "ex_sym": order.listing.symbol, "description": order.listing.name, "ch": -0.1, "chp": -1.44, "lp": 6.85,
        "slNo": 1, "dqQtyRem": 0, "orderNumStatus": f"{order.id}:2", "disclosedQty": 0,
        "orderTag": f"1:{order.tag}" if order.tag else "2:Untagged", "takeProfit": 0, "stopLoss": 0,
    }  # fmt: skip


def raw_order(order: Booked) -> dict[str, Any]:
    """As the socket has it: snake case, an internal state beside the real one, zero and empty fields left out."""
    row = order_row(order)
    fields = {
        "client_id": CLIENT, "exchange": row["exchange"], "fy_token": row["fyToken"], "id": order.id,
        "id_fyers": "df013f50", "id_exchange": order.exchange_id, "lot_size": order.listing.lot, "oms_flag": "K:1",
        "oms_msg": order.reason, "ord_source": "ITS", "ord_status": 20, "ord_type": row["type"],
        "ordertag": row["orderTag"], "org_ord_status": row["status"], "price_limit": order.price,
        "price_stop": order.trigger, "price_traded": order.average, "product_type": row["productType"],
        "qty": order.quantity, "qty_filled": order.filled, "qty_remaining": order.rest, "report_type": "New Ack",
        "segment": row["segment"], "status_msg": "New Ack", "symbol": row["symbol"], "tick_size": order.listing.tick,
        "time_oms": row["orderDateTime"], "tran_side": row["side"], "validity": order.validity,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value not in (0, "")}


def trade_row(trade: Trade) -> dict[str, Any]:
    order = trade.order
    return {
        "clientId": CLIENT, "orderDateTime": stamp(trade.at), "orderNumber": order.id,
        "exchangeOrderNo": order.exchange_id, **what(order.listing), "side": 1 if order.side == "BUY" else -1,
        "orderType": KINDS[order.price_type], "productType": PRODUCTS[order.product], "tradedQty": trade.quantity,
        "tradePrice": trade.price, "tradeValue": trade.quantity * trade.price,
        "tradeNumber": f"{order.id}-{trade.id}", "row": 1, "orderTag": f"1:{order.tag}",
    }  # fmt: skip


def position_row(position: Position, picture: Picture) -> dict[str, Any]:
    bought, sold = position.bought, position.sold
    buy, sell = (position.buy_value / bought if bought else 0), (position.sell_value / sold if sold else 0)
    realised = min(bought, sold) * (sell - buy)
    product = PRODUCTS[position.product]
    return {
        "netQty": position.net, "qty": abs(position.net), "avgPrice": buy, "netAvg": position.average,
        "side": (position.net > 0) - (position.net < 0), "productType": product, "realized_profit": realised,
        "unrealized_profit": 0.0, "pl": realised, "ltp": picture.ltp, "buyQty": bought, "buyAvg": buy,
        "buyVal": position.buy_value, "sellQty": sold, "sellAvg": sell, "sellVal": position.sell_value, "slNo": 0,
        "crossCurrency": "N", "rbiRefRate": 1.0, "qtyMulti_com": 1.0, **what(position.listing),
        "id": f"{ticker_of(position.listing)}-{product}", "cfBuyQty": 0, "cfSellQty": 0, "dayBuyQty": bought,
        "daySellQty": sold,
    }  # fmt: skip


def quote_row(listing: Listing, picture: Picture) -> dict[str, Any]:
    bid, ask = (side[0].price if side else 0 for side in (picture.bids, picture.asks))
    values = {
        "ch": 0.8, "chp": 0.14, "lp": picture.ltp, "spread": ask - bid, "ask": ask, "bid": bid,
        "open_price": picture.open, "high_price": picture.high, "low_price": picture.low,
        "prev_close_price": picture.close, "atp": picture.average, "volume": picture.volume,
        "short_name": listing.symbol, "exchange": "NSE", "description": listing.name,
        "original_name": ticker_of(listing), "symbol": ticker_of(listing), "fyToken": fytoken_of(listing),
        "tt": str(int(picture.at.timestamp())),
    }  # fmt: skip
    return {"n": ticker_of(listing), "s": "ok", "v": values}


def depth_row(picture: Picture) -> dict[str, Any]:
    def side(levels: tuple[Level, ...]) -> list[dict[str, Any]]:
        return [{"price": x.price, "volume": x.quantity, "ord": x.orders} for x in levels]

    return {
        "totalbuyqty": picture.buy_quantity, "totalsellqty": picture.sell_quantity, "bids": side(picture.bids),
        "ask": side(picture.asks), "o": picture.open, "h": picture.high, "l": picture.low, "c": picture.close,
        "chp": 0.1, "tick_Size": 0.05, "ch": 0.8, "ltq": picture.ltq, "ltt": int(picture.traded_at.timestamp()),
        "ltp": picture.ltp, "v": picture.volume, "atp": picture.average, "oi": picture.oi, "oiflag": False,
    }  # fmt: skip


def file_of(listing: Listing) -> str:
    return {"1010": "NSE_CM", "1011": "NSE_FO", "1012": "NSE_CD", "1210": "BSE_CM"}[fytoken_of(listing)[:4]]


def file_row(listing: Listing) -> dict[str, Any]:
    exchange, segment = PLACES[listing.exchange]
    closing = listing.expiry and datetime.combine(listing.expiry, time(15, 30), IST)
    kinds = {"EQ": 0, "INDEX": 10, "FUT": 11 if listing.exchange == "NFO" else 16}
    return {
        "fyToken": fytoken_of(listing), "isin": listing.isin, "exSymbol": listing.symbol, "symDetails": listing.name,
        "symTicker": ticker_of(listing), "exchange": exchange, "segment": segment, "exSymName": listing.name,
        "exToken": listing.number, "exSeries": "EQ", "optType": listing.kind if listing.kind in ("CE", "PE") else "XX",
        "underSym": listing.underlying or listing.symbol, "underFyTok": "", "exInstType": kinds.get(listing.kind, 14),
        "minLotSize": max(listing.lot, 1), "tickSize": listing.tick or 0.05, "tradingSession": "0915-1530",
        "lastUpdate": "2026-01-05", "expiryDate": str(int(closing.timestamp())) if closing else "",
        "strikePrice": listing.strike or -1.0, "qtyFreeze": str(listing.freeze) if listing.freeze else "",
        "tradeStatus": 1, "currencyCode": "INR", "qtyMultiplier": 1.0, "previousClose": 1.0,
    }  # fmt: skip


def gtt_row(trigger: Trigger) -> dict[str, Any]:
    high, low = trigger.legs[-1], trigger.legs[0]
    pair = len(trigger.legs) == 2
    return {
        "clientId": CLIENT, **{k: v for k, v in what(trigger.listing).items() if k != "fyToken"},
        "fy_token": fytoken_of(trigger.listing), "id_fyers": "x", "id": trigger.id, "instrument": 0, "lot_size": 1,
        "multiplier": 1, "ord_status": 1 if trigger.status == "cancelled" else 6, "precision": 2,
        "price_limit": high[1], "price2_limit": low[1] if pair else 0, "price_trigger": high[0],
        "price2_trigger": low[0] if pair else 0, "product_type": PRODUCTS[trigger.product], "qty": trigger.quantity,
        "qty2": trigger.quantity if pair else 0, "report_type": "", "symbol_desc": "", "tick_size": 0.05,
        "tran_side": 1 if trigger.side == "BUY" else -1, "gtt_oco_ind": 2 if pair else 1,
        "create_time": "05-Jan-2026 10:00:00", "create_time_epoch": 1767587400, "oms_msg": "",
    }  # fmt: skip
