"""Firstock's Developer API V1 and websocket V2 as published: POSTs of JSON with the token within, ticks in paise."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import unquote

import msgspec

from tests.conformance.simulator import Answer, Asked, Route, Simulator, Socket, json_answer
from tests.conformance.simulators.noren_rows import exchange_of
from tests.conformance.venue import (
    CLIENT,
    HOLDINGS,
    IST,
    LISTED,
    Booked,
    Level,
    Listing,
    Picture,
    Refused,
    Trade,
    Venue,
)

__all__ = ["FirstockSimulator"]

_PASSWORD: Final = "firstock-password-canary"
_API_KEY: Final = "firstock-api-key-canary"
_TOTP: Final = "123456"
_SIDES: Final = {"B": "BUY", "S": "SELL"}
_PRODUCTS: Final = {"C": "CNC", "M": "NRML", "I": "MIS"}
_TYPES: Final = {"MKT": "MARKET", "LMT": "LIMIT", "SL-LMT": "SL", "SL-MKT": "SL-M"}
_STATUSES: Final = {
    "pending": "PENDING", "open": "OPEN", "trigger_pending": "TRIGGER_PENDING", "complete": "COMPLETE",
    "cancelled": "CANCELED", "rejected": "REJECTED",
}  # fmt: skip
_STEPS: Final = {"1mi": 1, "2mi": 2, "3mi": 3, "5mi": 5, "10mi": 10, "15mi": 15, "30mi": 30, "60mi": 60, "1d": 1440}
_NEVER: Final = 2**63
_CASH: Final = "Exchange,Token,LotSize,TradingSymbol,CompanyName,ISIN,TickSize,FreezeQty"
_DATED: Final = (
    "Exchange,Token,LotSize,Symbol,TradingSymbol,CompanyName,Expiry,Instrument,OptionType,StrikePrice,"
    "TickSize,FreezeQty"
)


def _word(table: dict[str, str], value: str) -> str:
    return next(word for word, ours in table.items() if ours == value)


def traded_as(listing: Listing) -> str:
    if listing.expiry is None:
        return f"{listing.symbol}-EQ" if listing.exchange == "NSE" else listing.symbol
    head = f"{listing.underlying}{listing.expiry:%d%b%y}".upper()
    return f"{head}F" if listing.kind == "FUT" else f"{head}{listing.kind[0]}{listing.strike:g}"


class FirstockSimulator(Simulator):
    open_routes: ClassVar = frozenset({"_login", "_symbols"})

    def __init__(self, venue: Venue | None = None) -> None:
        super().__init__(venue)
        self.venue.id_of = lambda n: f"260105{n:08d}"
        self.token = ""
        self._told: dict[str, int] = {}

    def credentials(self) -> dict[str, str]:
        return {"user_id": CLIENT, "password": _PASSWORD, "api_key": _API_KEY, "totp": _TOTP, "client": CLIENT}

    def routes(self) -> Sequence[Route]:
        calls = {
            "login": self._login, "logout": self._logout, "userDetails": self._user, "placeOrder": self._place,
            "modifyOrder": self._modify, "cancelOrder": self._cancel, "orderBook": self._book,
            "singleOrderHistory": self._history_of_order, "tradeBook": self._trades, "positionBook": self._positions,
            "holdingsDetails": self._holdings, "limit": self._limit, "orderMargin": self._order_margin,
            "basketMargin": self._basket_margin, "getMultiQuotes": self._quotes, "timePriceSeries": self._series,
            "indexList": self._indices,
        }  # fmt: skip
        return [
            *(Route("POST", f"/{n}", f) for n, f in calls.items()),
            Route("GET", "/symbols/([A-Z]+)", self._symbols),
        ]

    def sockets(self) -> Sequence[str]:
        return ("/V2/ws",)

    # Errors ----------------------------------------------------------------------------------------------------

    def authorise(self, asked: Asked) -> Answer | None:
        body = asked.json()
        if self.alive and self.token and (body.get("userId"), body.get("jKey")) == (CLIENT, self.token):
            return None
        return _failed(401, "INVALID_JKEY", "jKey", "jKey parameter is invalid")

    def refusal(self, refused: Refused) -> Answer:
        if refused.kind == "credentials":
            return _failed(401, "INVALID_CREDENTIALS", "password", str(refused))
        if refused.kind == "order" and "find" in str(refused):
            return _failed(404, "ORDER_NOT_FOUND", "orderNumber", str(refused))
        return _failed(400, "BAD_REQUEST", "order", str(refused))

    def unknown_path(self, asked: Asked) -> Answer:
        return _failed(404, "RESOURCE_NOT_FOUND", "path", "no such route")

    def throttled(self) -> Answer:
        return Answer(429, b"rate limit exceeded", {"Content-Type": "text/plain"})

    # Session ---------------------------------------------------------------------------------------------------

    def _login(self, asked: Asked) -> Answer:
        digest = hashlib.sha256(_PASSWORD.encode()).hexdigest()
        right = {"userId": CLIENT, "password": digest, "TOTP": _TOTP, "vendorCode": f"{CLIENT}_API", "apiKey": _API_KEY}
        if asked.json() != right:
            raise Refused("credentials", "Invalid credentials")
        self.logins += 1
        self.alive = True
        self.token = f"firstock-token-canary-{self.logins}"
        data = {"actid": CLIENT, "userName": "DEMO", "susertoken": self.token, "email": "example@example.com"}
        return _ok(data, "Login successful")

    def _logout(self, asked: Asked) -> Answer:
        self.alive = False
        return json_answer({"status": "success", "message": "Successfully logged out"})

    def _user(self, asked: Asked) -> Answer:
        return _ok({"actid": CLIENT, "exchange": ["NFO", "NSE", "BSE", "BFO"], "userName": "DEMO", "uprev": "INVESTOR"})

    # Orders ----------------------------------------------------------------------------------------------------

    def _listing(self, row: dict[str, Any]) -> Listing:
        name = unquote(row["tradingSymbol"])
        if "&" in row["tradingSymbol"]:
            raise Refused("input", "tradingSymbol is cut")
        found = [x for x in LISTED if (exchange_of(x), traded_as(x)) == (row["exchange"], name)]
        if len(found) != 1:
            raise Refused("input", "Invalid trading symbol")
        return found[0]

    def _terms(self, row: dict[str, Any]) -> dict[str, Any]:
        kind = row["priceType"]
        if kind in ("MKT", "SL-MKT") and not float(row.get("mkt_protection", "0")) > 0:
            raise Refused("input", "mkt_protection must be greater than 0")
        return {"price_type": _TYPES[kind], "price": float(row["price"]), "trigger": float(row["triggerPrice"])}

    def _place(self, asked: Asked) -> Answer:
        body = asked.json()
        if not all(isinstance(value, str) for value in body.values()) or not body["remarks"]:
            raise Refused("input", "all values are text, and remarks is mandatory")
        order = self.venue.place(
            self._listing(body), side=_SIDES[body["transactionType"]], product=_PRODUCTS[body["product"]],
            quantity=int(body["quantity"]), validity=body["retention"], tag=body["remarks"], **self._terms(body),
        )  # fmt: skip
        return _ok({"orderNumber": order.id, "requestTime": "10:15:30 05-01-2026"}, "Order details")

    def _changed(self, order_id: str, act: Any, what: str) -> Answer:
        """Both changes say success even when they are refused."""
        data = {"orderNumber": order_id, "requestTime": "10:15:31 05-01-2026"}
        self.venue.order(order_id)
        try:
            act()
        except Refused:
            data["rejreason"] = f"SAF:order is not open to {what}"
        return _ok(data, "Order modification details")

    def _modify(self, asked: Asked) -> Answer:
        body = asked.json()
        terms = self._terms(body) | {"quantity": int(body["quantity"]), "validity": body["retention"]}
        number = body["orderNumber"]
        return self._changed(number, lambda: self.venue.modify(number, **terms), "modify")

    def _cancel(self, asked: Asked) -> Answer:
        number = asked.json()["orderNumber"]
        return self._changed(number, lambda: self.venue.cancel(number), "cancel")

    def _book(self, asked: Asked) -> Answer:
        return _ok([_order_row(order) for order in self.venue.orders], "Order book")

    def _history_of_order(self, asked: Asked) -> Answer:
        order = self.venue.order(asked.json()["orderNumber"])
        row = _order_row(order) | {
            "rejectReason": " ",
            "orderTime": f"{order.placed_at.astimezone(IST):%H:%M:%S %d-%m-%Y}",
        }
        first = row | {
            "status": "OPEN",
            "reportType": "New Ack",
            "exchangeTime": "01-Jan-1970 05:30:00",
            "fillShares": "",
        }
        return _ok([row | {"reportType": "New"}, first], "Order history data received")

    def _trades(self, asked: Asked) -> Answer:
        return _ok([_trade_row(trade) for trade in self.venue.trades] or None, "Trade history data received")

    # The account -----------------------------------------------------------------------------------------------

    def _positions(self, asked: Asked) -> Answer:
        rows = []
        for p in self.venue.positions():
            bought = p.buy_value / p.bought if p.bought else 0.0
            sold = p.sell_value / p.sold if p.sold else 0.0
            rows.append(
                {
                    "RealizedPNL": f"{(sold - bought) * min(p.bought, p.sold):.2f}", "cfBuyAmt": "", "cfBuyQty": "",
                    "dayBuyAmount": f"{p.buy_value:.2f}", "dayBuyQuantity": f"{p.bought:02d}",
                    "product": _word(_PRODUCTS, p.product),
                    "exchange": exchange_of(p.listing), "tradingSymbol": traded_as(p.listing), "tickSize": "5.00",
                    "netAveragePrice": f"{p.average:.2f}", "netQuantity": f"{p.net:02d}", "totalMTM": "16.00",
                    "token": str(p.listing.number), "userId": CLIENT,
                }
            )  # fmt: skip
        return _ok(rows, "Positions retrieved successfully")

    def _holdings(self, asked: Asked) -> Answer:
        rows = [
            {
                "exchangeTradingSymbol": [
                    {"exchange": "BSE", "token": "5", "tradingSymbol": listing.symbol},
                    {"exchange": "NSE", "token": str(listing.number), "tradingSymbol": traded_as(listing)},
                ],
                "holdQuantity": str(quantity), "BTSTQuantity": "1", "usedQuantity": "1", "uploadPrice": str(average),
                "beneficiaryQuantity": "0", "sellAmount": "0.00", "hairCut": "0.23", "collateralQuantity": "0",
            }
            for listing, quantity, average in HOLDINGS
        ]  # fmt: skip
        return _ok(rows)

    def _limit(self, asked: Asked) -> Answer:
        money = self.venue.money
        data = {"availableMargin": money["available"], "cash": money["cash"], "payin": 0.0, "marginused": money["used"]}
        data["brkcollamt"] = money["collateral"]
        return _ok({name: f"{value:.2f}" for name, value in data.items()}, "Successfully fetched RMS limits")

    def _leg(self, row: dict[str, Any]) -> tuple[Listing, int]:
        self._terms(row)
        return self._listing(row), int(row["quantity"])

    def _order_margin(self, asked: Asked) -> Answer:
        need = self.venue.margin([self._leg(asked.json())])
        return _ok({"availableMargin": "459.71", "cash": "7709", "marginOnNewOrder": f"{need:.2f}", "remarks": ""})

    def _basket_margin(self, asked: Asked) -> Answer:
        body = asked.json()
        legs = [self._leg(row) for row in (body, *body["BasketList_Params"])]
        need = self.venue.margin(legs)
        return _ok({"BasketMargin": [need], "MarginOnNewOrder": need, "PreviousMargin": 0, "TradedMargin": need})

    # Market ----------------------------------------------------------------------------------------------------

    def _quotes(self, asked: Asked) -> Answer:
        wanted = [(row["exchange"], row["tradingSymbol"]) for row in asked.json()["data"]]
        found = [x for x in LISTED if (exchange_of(x), traded_as(x)) in wanted]
        return _ok([_quote_row(x, self.venue.pictures[x]) for x in found], "Quote data retrieved successfully")

    def _series(self, asked: Asked) -> Answer:
        body = asked.json()
        listing = self._listing({"exchange": body["exchange"], "tradingSymbol": body["tradingSymbol"]})
        minutes = _STEPS[body["interval"]]
        texts = (body[name] for name in ("startTime", "endTime"))
        first, last = (datetime.strptime(text, "%H:%M:%S %d-%m-%Y").replace(tzinfo=IST) for text in texts)
        if minutes == 1440:
            first = first.replace(hour=0, minute=0)
        rows = []
        for bar in self.venue.candles(listing, minutes, first, last):
            prices = {"open": bar.open, "high": bar.high, "low": bar.low, "close": bar.close}
            row = {"time": f"{bar.start:%Y-%m-%dT%H:%M:%S}", "epochTime": int(bar.start.timestamp()), **prices}
            rows.append(row | {"volume": bar.volume, "oi": bar.oi})
            saturday = bar.start + timedelta(days=1)
            if minutes == 1440 and bar.start.weekday() == 4 and saturday <= last:
                rows.append(rows[-1] | {"epochTime": int(saturday.timestamp())})
        return _ok(rows, "Successfully fetched charts data")

    def _indices(self, asked: Asked) -> Answer:
        rows = [
            {
                "exchange": exchange_of(x),
                "token": str(x.number),
                "tradingSymbol": x.symbol,
                "symbol": x.symbol,
                "idxname": x.name,
            }
            for x in LISTED
            if x.kind == "INDEX"
        ]
        return _ok(rows, "All indexes")

    def _symbols(self, asked: Asked) -> Answer:
        (exchange,) = asked.parts
        dated = exchange in ("NFO", "BFO")
        lines = [_DATED if dated else _CASH]
        for x in LISTED:
            if x.exchange != exchange:
                continue
            head = [exchange, x.number, x.lot]
            about = x.name.replace(",", "")
            if dated:
                series = {"FUT": "FUTIDX"}.get(x.kind, "OPTIDX")
                expiry = f"{x.expiry:%d-%b-%Y}".upper() if x.expiry else ""
                option = x.kind if x.kind in ("CE", "PE") else "XX"
                row = [
                    *head,
                    x.underlying,
                    traded_as(x),
                    about,
                    expiry,
                    series,
                    option,
                    f"{x.strike:g}",
                    x.tick,
                    x.freeze,
                ]
            else:
                row = [*head, traded_as(x), about, x.isin, x.tick, x.freeze]
            lines.append(",".join(map(str, row)))
        if exchange == "NSE":
            lines.append("NSE,26000,1,Nifty 50,NIFTY 50,,0,0")
        return Answer(200, "\n".join(lines).encode(), {"Content-Type": "text/csv"})

    # The socket ------------------------------------------------------------------------------------------------

    def admit(self, asked: Asked) -> Answer | None:
        return None

    def greet(self, socket: Socket) -> None:
        asked = socket.asked
        right = (asked.one("userId", ""), asked.one("jKey", ""), asked.one("source", ""))
        if self.alive and right == (CLIENT, self.token, "developer-api"):
            socket.send('{"status":"success","message":"Authentication successful"}')
        else:
            socket.send('{"status":"failed","message":"unauthenticated"}')
            socket.close()

    def heard(self, socket: Socket, message: str | bytes) -> None:
        asked = msgspec.json.decode(message)
        keys = asked["tokens"].split("|")
        found = [x for x in LISTED if f"{exchange_of(x)}:{x.number}" in keys]
        for listing in found:
            if asked["action"] == "subscribe":
                socket.modes[listing] = "all"
            else:
                socket.modes.pop(listing, None)
        if asked["action"] == "subscribe":
            for listing in found:
                socket.send(
                    _frame({f"{exchange_of(listing)}:{listing.number}": _tick(listing, self.venue.pictures[listing])})
                )

    def show(self, socket: Socket, listings: Sequence[Listing]) -> None:
        """Several instruments in one frame; what did not change is 0, 2^63 or missing."""
        rows = {}
        for listing in listings:
            picture = self.venue.pictures[listing]
            row = _tick(listing, picture) | {"i_open_price": _NEVER, "i_low_price": 0}
            del row["i_closing_price"]
            if picture.bids:
                row["best_buy"][1] |= {"price": 0, "quantity": _NEVER}
            rows[f"{exchange_of(listing)}:{listing.number}"] = row
        socket.send(_frame(rows))

    def order_changed(self, order: Booked) -> None:
        fresh = order.filled > self._told.get(order.id, 0)
        known = order.id in self._told
        self._told[order.id] = order.filled
        update = _update(order)
        if fresh:
            trade = self.venue.trades[-1]
            update |= {
                "reporttype": "Fill",
                "flid": trade.id,
                "flqty": str(trade.quantity),
                "flprc": f"{trade.price:.2f}",
            }
            update["fltm"] = f"{trade.at.astimezone(IST):%d-%m-%Y %H:%M:%S}"
        for socket in self.open_sockets:
            if not known:
                socket.send(_frame(update | {"status": "ORDER ACK", "reporttype": "NewAck"}))
            socket.send(_frame(update))


def _frame(row: dict[str, Any]) -> str:
    return msgspec.json.encode(row).decode()


def _ok(data: Any, message: str = "ok") -> Answer:
    return json_answer({"status": "success", "message": message, "data": data})


def _failed(status: int, name: str, field: str, text: str) -> Answer:
    error = {"field": field, "message": text}
    return json_answer({"status": "failed", "code": str(status), "name": name, "error": error}, status)


def _order_row(order: Booked) -> dict[str, str]:
    row = {
        "averagePrice": f"{order.average:.2f}", "exchange": exchange_of(order.listing), "lotSize": "1",
        "fillShares": str(order.filled) if order.filled else "", "orderNumber": order.id,
        "product": _word(_PRODUCTS, order.product),
        "orderTime": str(int(order.updated_at.timestamp())), "price": f"{order.price:.2f}", "userId": CLIENT,
        "priceType": _word(_TYPES, order.price_type), "quantity": str(order.quantity), "rejectReason": order.reason,
        "remarks": order.tag, "retention": order.validity, "status": _STATUSES[order.status], "tickSize": "0.10",
        "token": str(order.listing.number), "tradingSymbol": traded_as(order.listing),
        "transactionType": _word(_SIDES, order.side),
    }  # fmt: skip
    return row | ({"triggerPrice": f"{order.trigger:.2f}"} if order.trigger else {})


def _trade_row(trade: Trade) -> dict[str, Any]:
    at = f"{trade.at.astimezone(IST):%d-%m-%Y %H:%M:%S}"
    kept = ("exchange", "orderNumber", "priceType", "product", "quantity", "token", "tradingSymbol", "transactionType")
    return {name: value for name, value in _order_row(trade.order).items() if name in kept} | {
        "exchangeUpdateTime": at, "fillId": trade.id, "fillPrice": trade.price, "fillQuantity": str(trade.quantity),
        "fillTime": at, "userId": CLIENT,
    }  # fmt: skip


def _update(order: Booked) -> dict[str, str]:
    row = {
        "norenordno": order.id, "uid": CLIENT, "actid": CLIENT, "exch": exchange_of(order.listing),
        "tsym": traded_as(order.listing), "token": str(order.listing.number), "qty": str(order.quantity),
        "prc": f"{order.price:.2f}", "pcode": _word(_PRODUCTS, order.product), "trantype": _word(_SIDES, order.side),
        "prctyp": _word(_TYPES, order.price_type), "ret": order.validity, "reporttype": "New",
        "status": _STATUSES[order.status].replace("_", " "), "rejreason": order.reason or " ", "remarks": order.tag,
        "tm": str(int(order.updated_at.timestamp())), "ntm": "960322165",
    }  # fmt: skip
    return row | ({"fillshares": str(order.filled), "avgprc": f"{order.average:.2f}"} if order.filled else {})


def _quote_row(listing: Listing, picture: Picture) -> dict[str, str]:
    row = {
        "exchange": exchange_of(listing), "tradingSymbol": traded_as(listing), "token": str(listing.number),
        "identifier": f"{exchange_of(listing)}:{traded_as(listing)}", "lastTradedPrice": f"{picture.ltp:.2f}",
        "dayOpenPrice": f"{picture.open:.2f}", "dayHighPrice": f"{picture.high:.2f}",
        "dayLowPrice": f"{picture.low:.2f}",
        "dayClosePrice": f"{picture.close:.2f}", "volume": str(picture.volume), "openInterest": str(picture.oi or ""),
        "VWAP": f"{picture.average:.2f}", "requestTime": "11:56:33 05-01-2026",
    }  # fmt: skip
    for side, levels in (("Buy", picture.bids), ("Sell", picture.asks)):
        for n, level in enumerate(levels, start=1):
            row |= {f"best{side}Price{n}": f"{level.price:.2f}", f"best{side}Quantity{n}": str(level.quantity)}
            row[f"best{side}Order{n}"] = str(level.orders)
    return row


def _paise(rupees: float) -> int:
    return round(rupees * 100)


def _levels(levels: Sequence[Level]) -> list[dict[str, int]]:
    """Of an index: empty objects."""
    if not levels:
        return [{} for _ in range(5)]
    return [{"price": _paise(level.price), "quantity": level.quantity, "orders": level.orders} for level in levels]


def _tick(listing: Listing, picture: Picture) -> dict[str, Any]:
    return {
        "best_buy": _levels(picture.bids), "best_sell": _levels(picture.asks), "c_exch_seg": exchange_of(listing),
        "c_exch_feed_time": "05-Jan-2026 11:56:33", "c_net_change_indicator": "43", "c_symbol": str(listing.number),
        "i_average_trade_price": _paise(picture.average), "i_buy_depth_size": 5, "close_price": _paise(picture.close),
        "i_closing_price": _paise(picture.close), "i_feed_time": int(picture.at.timestamp()),
        "i_high_price": _paise(picture.high), "i_last_trade_quantity": picture.ltq,
        "i_last_trade_time": str(int(picture.traded_at.timestamp())), "i_last_traded_price": _paise(picture.ltp),
        "i_low_price": _paise(picture.low), "i_open_price": _paise(picture.open), "i_open_interest": picture.oi,
        "i_lower_circuit_limit": 117530.0, "i_seconds_since_boe": 1767594393052296028, "i_sell_depth_size": 5,
        "i_total_open_interest": 197996000, "i_volume_traded_today": picture.volume,
    }  # fmt: skip
