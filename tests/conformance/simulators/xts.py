"""Symphony's XTS as its published protocol has it: two services, two tokens, Socket.IO of version 2; seven members."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from tests.conformance.simulator import Answer, Asked, Route, Simulator, Socket, json_answer
from tests.conformance.simulators.xts_rows import (
    binary,
    holding_row,
    index_names,
    listing_of,
    master_rows,
    message,
    order_row,
    position_row,
    trade_row,
)
from tests.conformance.venue import CLIENT, HOLDINGS, IST, Booked, Listing, Refused, Venue

__all__ = [
    "CompositedgeSimulator", "FivepaisaxtsSimulator", "IbullsSimulator", "IiflSimulator", "JainamxtsSimulator",
    "RmoneySimulator", "WisdomSimulator", "XtsSimulator",
]  # fmt: skip

_KEYS: Final = ("interactive-key", "interactive-secret-canary", "market-key", "market-secret-canary")
_TYPES: Final = {"LIMIT": "LIMIT", "MARKET": "MARKET", "STOPLIMIT": "SL", "STOPMARKET": "SL-M"}
_ALGO: Final = "Market order Or Price 0 is not allowed for ALGO enabled orders"
_PLACED: Final = {
    "exchangeSegment", "exchangeInstrumentID", "productType", "orderType", "orderSide", "timeInForce",
    "disclosedQuantity", "orderQuantity", "limitPrice", "stopPrice", "orderUniqueIdentifier", "clientID",
}  # fmt: skip


class XtsSimulator(Simulator):
    """What the members share."""

    open_routes: ClassVar = frozenset({"_login", "_market_login", "_master", "_indices"})
    interactive: ClassVar[str] = "/interactive"
    md: ClassVar[str] = "/apimarketdata"
    md_login: ClassVar[str] = "/apimarketdata"
    socket: ClassVar[str] = "/apimarketdata/socket.io"
    login_fields: ClassVar[frozenset[str]] = frozenset({"appKey", "secretKey", "source"})
    market_orders: ClassVar[bool] = True
    has_margin: ClassVar[bool] = False
    ticks: ClassVar[str] = "json"
    """json, or binary packets in the narrow or wide layout."""

    def __init__(self, venue: Venue | None = None) -> None:
        super().__init__(venue)
        self.venue.id_of = lambda n: str(1110023456 + n)
        self.token = self.market_token = ""
        self.subscribed: set[tuple[int, Listing]] = set()
        self._told: dict[str, int] = {}

    def credentials(self) -> dict[str, str]:
        names = ("app_key", "secret_key", "market_app_key", "market_secret_key")
        return dict(zip(names, _KEYS, strict=True)) | {"client": CLIENT}

    def routes(self) -> Sequence[Route]:
        i, m = self.interactive, self.md
        margin = [Route("POST", f"{i}/orders/margindetails", self._margin)] if self.has_margin else []
        return [
            Route("POST", f"{i}/user/session", self._login), Route("DELETE", f"{i}/user/session", self._logout),
            Route("GET", f"{i}/user/profile", self._profile), Route("GET", f"{i}/user/balance", self._balance),
            Route("POST", f"{i}/orders", self._place), Route("PUT", f"{i}/orders", self._modify),
            Route("DELETE", f"{i}/orders", self._cancel), Route("GET", f"{i}/orders", self._book),
            Route("GET", f"{i}/orders/trades", self._trades),
            Route("GET", f"{i}/portfolio/positions", self._positions),
            Route("GET", f"{i}/portfolio/holdings", self._holdings), *margin,
            Route("POST", f"{self.md_login}/auth/login", self._market_login),
            Route("POST", f"{m}/instruments/master", self._master),
            Route("GET", f"{m}/instruments/indexlist", self._indices),
            Route("POST", f"{m}/instruments/quotes", self._quotes),
            Route("POST", f"{m}/instruments/subscription", self._subscribe),
            Route("PUT", f"{m}/instruments/subscription", self._unsubscribe),
            Route("GET", f"{m}/instruments/ohlc", self._history),
        ]  # fmt: skip

    def sockets(self) -> Sequence[str]:
        return (f"{self.socket}/", f"{self.interactive}/socket.io/")

    # Errors ----------------------------------------------------------------------------------------------------

    def authorise(self, asked: Asked) -> Answer | None:
        right = self.token if asked.path.startswith(f"{self.interactive}/") else self.market_token
        if self.alive and right and asked.headers.get("authorization") == right:
            return None
        return _error("e-session-0007", "Invalid Token")

    def refusal(self, refused: Refused) -> Answer:
        if refused.kind == "schema":
            errors = [
                {"field": [str(refused)], "location": "body", "messages": [f'"{refused}" is wrong'], "types": ["any"]}
            ]
            result = {"status": 400, "statusText": "Bad Request", "errors": errors}
            return _error("e-app-001", "Bad Request", result)
        return _error({"margin": "e-rms-0001"}.get(refused.kind, "e-orders-0002"), str(refused))

    def unknown_path(self, asked: Asked) -> Answer:
        return Answer(404, b"<html>Cannot GET</html>", {"Content-Type": "text/html"})

    def throttled(self) -> Answer:
        return _error("e-limit", "Too many requests", status=429)

    # Session ---------------------------------------------------------------------------------------------------

    def _login(self, asked: Asked) -> Answer:
        body = asked.json()
        if set(body) != self.login_fields:
            raise Refused("schema", "appKey")
        if (body["appKey"], body["secretKey"]) != _KEYS[:2] or body.get("accessToken", "") == "wrong":
            raise Refused("input", "Invalid User")
        self._enter()
        return _ok(
            {
                "enums": {"orderSide": ["BUY", "SELL"]}, "clientCodes": [CLIENT], "token": self.token, "userID": CLIENT,
                "isInvestorClient": True, "isOneTouchUser": False,
            },
            "s-user-0001",
        )  # fmt: skip

    def _enter(self) -> str:
        self.logins += 1
        self.alive = True
        self.token = f"interactive-token-canary-{self.logins}"
        return self.token

    def _market_login(self, asked: Asked) -> Answer:
        body = asked.json()
        if (body["appKey"], body["secretKey"]) != _KEYS[2:] or body["source"] != "WebAPI":
            raise Refused("input", "Invalid User")
        self.market_token = f"market-token-canary-{self.logins}"
        self.subscribed.clear()
        return _ok({"token": self.market_token, "userID": f"{CLIENT}M", "appVersion": "2.0"}, "s-user-0001")

    def _logout(self, asked: Asked) -> Answer:
        self.alive = False
        return _ok({}, "s-user-0001")

    def _profile(self, asked: Asked) -> Answer:
        return _ok({"ClientId": CLIENT, "ClientName": "A PERSON", "EmailId": "a@example.com"})

    # Orders ----------------------------------------------------------------------------------------------------

    def _terms(self, kind: str, price: Any, stop: Any) -> dict[str, Any]:
        if kind not in _TYPES:
            raise Refused("schema", "orderType")
        if not self.market_orders and (kind in ("MARKET", "STOPMARKET") or not price):
            raise Refused("order", _ALGO)
        return {"price_type": _TYPES[kind], "price": float(price), "trigger": float(stop)}

    def _place(self, asked: Asked) -> Answer:
        body = asked.json()
        missing = _PLACED ^ set(body)
        if missing or body["orderSide"] not in ("BUY", "SELL") or body["clientID"] != CLIENT:
            raise Refused("schema", min(missing, default="orderSide"))
        if len(body["orderUniqueIdentifier"]) > 20 or not isinstance(body["exchangeInstrumentID"], int):
            raise Refused("schema", "orderUniqueIdentifier")
        listing = listing_of(body["exchangeSegment"], body["exchangeInstrumentID"])
        if listing is None:
            raise Refused("order", "Invalid Instrument")
        order = self.venue.place(
            listing, side=body["orderSide"], product=body["productType"], quantity=body["orderQuantity"],
            validity=body["timeInForce"], tag=body["orderUniqueIdentifier"], disclosed=body["disclosedQuantity"],
            **self._terms(body["orderType"], body["limitPrice"], body["stopPrice"]),
        )  # fmt: skip
        return self._sent(order, "OrderUniqueIdentifier")

    def _sent(self, order: Booked, *more: str) -> Answer:
        told = {"OrderUniqueIdentifier": order.tag} if more else {}
        return _ok({"AppOrderID": int(order.id), **told, "ClientID": CLIENT}, "s-orders-0001", "Request sent")

    def _modify(self, asked: Asked) -> Answer:
        body = asked.json()
        order = self.venue.order(str(body["appOrderID"]))
        if body["modifiedProductType"] != order.product or body["modifiedOrderQuantity"] < order.filled:
            raise Refused("order", "Order cannot be modified so")
        terms = self._terms(body["modifiedOrderType"], body["modifiedLimitPrice"], body["modifiedStopPrice"])
        assert body["modifiedDisclosedQuantity"] == order.disclosed
        validity = body["modifiedTimeInForce"]
        return self._sent(
            self.venue.modify(order.id, quantity=body["modifiedOrderQuantity"], validity=validity, **terms)
        )

    def _cancel(self, asked: Asked) -> Answer:
        assert asked.one("clientID") == CLIENT
        return self._sent(self.venue.cancel(asked.one("appOrderID")))

    def _book(self, asked: Asked) -> Answer:
        wanted = asked.one("appOrderID", "")
        if not wanted:
            return _rows(list(map(order_row, self.venue.orders)), "e-orders-0005")
        row = order_row(self.venue.order(wanted))
        first = {**row, "OrderStatus": "PendingNew", "CumulativeQuantity": 0, "OrderAverageTradedPrice": ""}
        return _rows([{**first, "LastUpdateDateTime": row["OrderGeneratedDateTime"]}, row], "e-orders-0005")

    def _trades(self, asked: Asked) -> Answer:
        return _rows(list(map(trade_row, self.venue.trades)), "e-tradeBook-0005")

    # The account -----------------------------------------------------------------------------------------------

    def _positions(self, asked: Asked) -> Answer:
        assert asked.one("dayOrNet") == "NetWise"
        rows = [position_row(position) for position in self.venue.positions()]
        return _ok({"positionList": rows}) if rows else _error("e-portfolio-0005", "Data Not Available")

    def _holdings(self, asked: Asked) -> Answer:
        rows = {held[0].isin: holding_row(*held) for held in HOLDINGS}
        return _ok({"RMSHoldings": {"Holdings": rows}})

    def _balance(self, asked: Asked) -> Answer:
        money = self.venue.money
        limits = {
            "cashAvailable": str(money["cash"]), "collateral": str(money["collateral"]), "RealizedMTM": "NaN",
            "marginUtilized": str(money["used"]), "netMarginAvailable": str(money["available"]), "UnrealizedMTM": "0",
        }  # fmt: skip
        entries = {"CASH|NSE|MTF": dict.fromkeys(limits, "0"), "ALL|ALL|ALL": limits}
        rows = [{"limitHeader": name, "limitObject": {"RMSSubLimits": each}} for name, each in entries.items()]
        return _ok({"BalanceList": rows})

    def _margin(self, asked: Asked) -> Answer:
        legs = []
        for leg in asked.json()["portfolio"]:
            listing = listing_of(leg["exchange"], leg["exchangeInstrumentId"])
            assert listing is not None
            assert leg["orderSessionType"] == 1
            self._terms(leg["orderType"], leg["price"], leg["stopPrice"])
            legs.append((listing, leg["quantity"]))
        need = {"IsValid": True, "MarginRequired": self.venue.margin(legs), "MarginShortfall": 0, "ErrorMessage": ""}
        return _ok({"brokerageDeatils": need}, "s-calculatemargin-0001")

    # Market ----------------------------------------------------------------------------------------------------

    def _master(self, asked: Asked) -> Answer:
        return _ok("\n".join(filter(None, map(master_rows, asked.json()["exchangeSegmentList"]))), "s-instrument-0001")

    def _indices(self, asked: Asked) -> Answer:
        number = int(asked.one("exchangeSegment"))
        return _ok({"exchangeSegment": number, "indexList": index_names(number)}, "s-instrument-0007")

    def _wanted(self, asked: Asked) -> tuple[int, list[Listing]]:
        body = asked.json()
        if len(body["instruments"]) > 50:
            raise Refused("schema", "instruments")
        found = [listing_of(each["exchangeSegment"], each["exchangeInstrumentID"]) for each in body["instruments"]]
        return body["xtsMessageCode"], [listing for listing in found if listing is not None]

    def _pictures(self, code: int, listings: Sequence[Listing]) -> list[str]:
        return [message(listing, self.venue.pictures[listing], code) for listing in listings][::-1]

    def _quotes(self, asked: Asked) -> Answer:
        code, listings = self._wanted(asked)
        assert asked.json()["publishFormat"] == "JSON"
        return _ok({"mdp": code, "quotesList": [], "listQuotes": self._pictures(code, listings)}, "s-quotes-0001")

    def _subscribe(self, asked: Asked) -> Answer:
        code, listings = self._wanted(asked)
        fresh = {(code, listing) for listing in listings} - self.subscribed
        self.subscribed |= fresh
        self._spread()
        count = {"Remaining_Subscription_Count": 1000 - len(self.subscribed)}
        if not fresh:
            return _error("e-session-0002", "Instrument Already Subscribed !", count)
        return _ok({"mdp": code, "quotesList": [], "listQuotes": self._pictures(code, listings), **count})

    def _unsubscribe(self, asked: Asked) -> Answer:
        code, listings = self._wanted(asked)
        self.subscribed -= {(code, listing) for listing in listings}
        self._spread()
        return _ok({"mdp": code, "unsubList": []})

    def _spread(self) -> None:
        """A subscription belongs to the token: every market socket has it."""
        for socket in self.open_sockets:
            if socket.path.startswith(self.socket):
                socket.modes = {listing: "" for _, listing in self.subscribed}

    def _history(self, asked: Asked) -> Answer:
        listing = listing_of(int(asked.one("exchangeSegment")), int(asked.one("exchangeInstrumentID")))
        first, last = (
            datetime.strptime(asked.one(name), "%b %d %Y %H%M%S").replace(tzinfo=IST)
            for name in ("startTime", "endTime")
        )
        length = asked.one("compressionValue")
        rows = ""
        if listing is not None:
            seconds = 86_400 if length == "D" else int(length)
            if length == "D":
                first = first.replace(hour=0, minute=0)
            for bar in self.venue.candles(listing, seconds // 60, first, last):
                end = bar.start + (timedelta(hours=15, minutes=30) if length == "D" else timedelta(seconds=seconds))
                stamp = int(end.timestamp()) - 1 + 19_800
                rows += f"{stamp}|{bar.open}|{bar.high}|{bar.low}|{bar.close}|{bar.volume}|{bar.oi}|,"
        return _ok({"exchangeSegment": "1", "dataReponse": rows.rstrip(",")}, "s-instrument-0002", "Data found")

    # The sockets -----------------------------------------------------------------------------------------------

    def admit(self, asked: Asked) -> Answer | None:
        if asked.one("EIO", "") != "3" or asked.one("transport", "") != "websocket":
            return Answer(400, b'{"code":0,"message":"Transport unknown"}')
        return None

    def greet(self, socket: Socket) -> None:
        socket.send('0{"sid":"Xy1","upgrades":[],"pingInterval":25000,"pingTimeout":60000}')
        socket.send("40")
        market = socket.path.startswith(self.socket)
        right = (self.market_token, f"{CLIENT}M") if market else (self.token, CLIENT)
        if not self.alive or (socket.asked.one("token", ""), socket.asked.one("userID", "")) != right:
            socket.send('42["error","Invalid Token"]')
            return
        socket.send('42["joined","Client has successfully joined"]')
        self._spread()

    def heard(self, socket: Socket, message: str | bytes) -> None:
        if message == "2":
            socket.send("3")

    def show(self, socket: Socket, listings: Sequence[Listing]) -> None:
        for listing in listings:
            picture = self.venue.pictures[listing]
            for code in sorted(code for code, each in self.subscribed if each is listing):
                if self.ticks == "json" or code == 1512:
                    socket.send(_event(f"{code}-json-full", message(listing, picture, code)))
                else:
                    socket.send('451-["xts-binary-packet",{"_placeholder":true,"num":0}]')
                    socket.send(b"\x04" + binary(listing, picture, code, wide=self.ticks == "wide"))

    def order_changed(self, order: Booked) -> None:
        filled = order.filled > self._told.get(order.id, 0)
        self._told[order.id] = order.filled
        for socket in self.open_sockets:
            if socket.path.startswith(self.interactive):
                if filled:
                    socket.send(_event("trade", json.dumps(trade_row(self.venue.trades[-1]))))
                socket.send(_event("order", json.dumps(order_row(order))))


def _event(name: str, argument: str) -> str:
    return "42" + json.dumps([name, argument])


def _ok(result: Any, code: str = "s-x-0001", text: str = "") -> Answer:
    return json_answer({"type": "success", "code": code, "description": text, "result": result})


def _error(code: str, text: str, result: Any = None, status: int = 400) -> Answer:
    return json_answer({"type": "error", "code": code, "description": text, "result": result or {}}, status)


def _rows(rows: list[dict[str, Any]], empty: str) -> Answer:
    return _ok(rows) if rows else _error(empty, "Data Not Available")


class CompositedgeSimulator(XtsSimulator):
    login_fields = frozenset({"appKey", "secretKey", "accessToken"})

    def credentials(self) -> dict[str, str]:
        return super().credentials() | {"session": json.dumps(json.dumps({"accessToken": "at", "userID": CLIENT}))}


class FivepaisaxtsSimulator(XtsSimulator):
    pass


class IbullsSimulator(XtsSimulator):
    """Its market-data login answers under the other prefix only."""

    md = "/apibinarymarketdata"
    market_orders = False


class IiflSimulator(XtsSimulator):
    market_orders = False

    def authorise(self, asked: Asked) -> Answer | None:
        """Its market-data side says a dead token with status 200."""
        refused = super().authorise(asked)
        if refused is not None and asked.path.startswith(self.md):
            return _error("e-session-0007", "Invalid Token", status=200)
        return refused


class JainamxtsSimulator(XtsSimulator):
    md = md_login = "/apibinarymarketdata"
    socket = "/apibinarymarketdata/socket.io"
    login_fields = frozenset({"appKey", "secretKey", "accessToken", "source"})
    ticks = "wide"


class RmoneySimulator(XtsSimulator):
    """Its page's answer holds the token itself; its position list lies bare."""

    md = "/apibinarymarketdata"
    has_margin = True
    ticks = "narrow"

    def credentials(self) -> dict[str, str]:
        return super().credentials() | {"session": json.dumps({"token": self._enter(), "userID": CLIENT})}

    def _positions(self, asked: Asked) -> Answer:
        return _ok([position_row(position) for position in self.venue.positions()])


class WisdomSimulator(XtsSimulator):
    has_margin = True

    def _margin(self, asked: Asked) -> Answer:
        body = asked.json()
        if body.get("clientID") != CLIENT or any(leg.get("userID") != CLIENT for leg in body["portfolio"]):
            raise Refused("input", "Instrument Informations count is 0")
        return super()._margin(asked)
