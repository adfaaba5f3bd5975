"""DhanHQ v2 as its published protocol has it: REST without envelopes, the binary market feed, order updates as JSON."""

from __future__ import annotations

import csv
import io
import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

import msgspec

from tests.conformance.simulator import Answer, Asked, Route, Simulator, Socket, json_answer
from tests.conformance.simulators.dhan_rows import (
    COLUMNS,
    PRODUCTS,
    SEGMENTS,
    back,
    csv_row,
    find,
    gtt_rows,
    instrument_of,
    leg_of,
    number,
    order_row,
    position_row,
    quote_row,
    terms_of,
    trade_row,
    update_of,
)
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
    Trigger,
    Venue,
)

__all__ = ["PIN", "TOTP", "DhanSandboxSimulator", "DhanSimulator", "packets"]

PIN: Final = "112233"
TOTP: Final = "654321"
_MODES = {15: "ticker", 17: "quote", 21: "full"}
# The market feed's packets ------------------------------------------------------------------------------------------


def packets(listing: Listing, picture: Picture, mode: str) -> list[bytes]:
    """Previous close, the mode's own packet, open interest: one a frame, as the official client needs it."""
    code = SEGMENTS[listing.exchange][1]
    ltt = int(picture.traded_at.timestamp()) + 19800  # the wall clock in India, written as if it were UTC

    def packet(number: int, layout: str, *values: float) -> bytes:
        body = struct.pack("<" + layout, *values)
        return struct.pack("<BhBi", number, len(body) + 8, code, listing.number) + body

    found = [packet(6, "fi", picture.close, 0)]
    if mode == "ticker" or listing.kind == "INDEX":
        return [*found, packet(2, "fi", picture.ltp, ltt)]
    deal = (picture.ltp, picture.ltq & 0xFFFF, ltt, picture.average, picture.volume)
    totals, day = (picture.sell_quantity, picture.buy_quantity), (picture.open, 0.0, picture.high, picture.low)
    if mode == "quote":
        return [*found, packet(4, "fHifIII4f", *deal, *totals, *day), packet(5, "i", picture.oi)]
    interest = (picture.oi, picture.oi_high, picture.oi_low)
    full = packet(8, "fHifIII3I4f", *deal, *totals, *interest, *day)
    empty = Level(0.0, 0, 0)
    for level in range(5):
        bid, ask = ((side[level] if level < len(side) else empty) for side in (picture.bids, picture.asks))
        full += struct.pack("<iihhff", bid.quantity, ask.quantity, bid.orders, ask.orders, bid.price, ask.price)
    return [*found, full[:1] + struct.pack("<h", len(full)) + full[3:]]


def deep_packets(listing: Listing, sides: Sequence[Sequence[Level]], levels: int) -> bytes:
    """Buyers, then sellers, each a packet; of 200 levels the head tells how many rows there are."""
    code, found = SEGMENTS[listing.exchange][1], b""
    for kind, side in zip((41, 51), sides, strict=True):
        rows = b"".join(struct.pack("<dII", level.price, level.quantity, level.orders) for level in side)
        count = len(side) if levels == 200 else 7
        found += struct.pack("<hBBiI", 12 + len(rows), kind, code, listing.number, count) + rows
    return found


class DhanSimulator(Simulator):
    open_routes: ClassVar = frozenset({"_token", "_file"})

    def __init__(self, venue: Venue | None = None) -> None:
        super().__init__(venue)
        self.token = ""

    def credentials(self) -> dict[str, str]:
        return {"client_id": CLIENT, "pin": PIN, "totp": TOTP}

    def routes(self) -> Sequence[Route]:
        return (
            Route("POST", "/app/generateAccessToken", self._token),
            Route("GET", "/api-data/api-scrip-master.csv", self._file),
            Route("GET", "/v2/profile", self._profile),
            Route("GET", "/v2/fundlimit", self._funds),
            Route("POST", "/v2/orders", self._place),
            Route("PUT", "/v2/orders/([0-9]+)", self._modify),
            Route("DELETE", "/v2/orders/([0-9]+)", self._cancel),
            Route("GET", "/v2/orders", self._book),
            Route("GET", "/v2/orders/([0-9]+)", self._one),
            Route("GET", "/v2/orders/external/(.+)", self._external),
            Route("GET", "/v2/trades/?", self._trades),
            Route("GET", "/v2/positions", self._positions),
            Route("GET", "/v2/holdings", self._holdings),
            Route("POST", "/v2/margincalculator", self._margin),
            Route("POST", "/v2/margincalculator/multi", self._margins),
            Route("POST", "/v2/marketfeed/(ltp|ohlc|quote)", self._quotes),
            Route("POST", "/v2/charts/historical", self._days),
            Route("POST", "/v2/charts/intraday", self._minutes),
            Route("POST", "/v2/forever/orders", self._place_gtt),
            Route("GET", "/v2/forever/orders", self._gtts),
            Route("PUT", "/v2/forever/orders/([0-9]+)", self._modify_gtt),
            Route("DELETE", "/v2/forever/orders/([0-9]+)", self._cancel_gtt),
        )

    def sockets(self) -> Sequence[str]:
        return ("/", "/twentydepth", "/twohundreddepth")

    # Errors ----------------------------------------------------------------------------------------------------

    def authorise(self, asked: Asked) -> Answer | None:
        given = (asked.headers.get("access-token"), asked.headers.get("client-id"))
        if not self.alive or not self.token or given != (self.token, CLIENT):
            return self._error(401, "Invalid_Authentication", "DH-901", "Client ID or user access token is invalid.")
        return None

    def refusal(self, refused: Refused) -> Answer:
        if refused.kind == "login":
            return json_answer({"status": "error", "message": str(refused)}, 401)
        if refused.kind == "input":
            return self._error(400, "Input_Exception", "DH-905", str(refused))
        return self._error(400, "Order_Error", "DH-906", str(refused))

    def unknown_path(self, asked: Asked) -> Answer:
        body = {"timestamp": 1737794954581, "status": 404, "error": "Not Found", "path": asked.path}
        return json_answer(body, 404)

    def throttled(self) -> Answer:
        return self._error(429, "Input_Exception", "DH-904", "Too many requests on server from single user.")

    def _error(self, status: int, kind: str, code: str, text: str) -> Answer:
        return json_answer({"errorType": kind, "errorCode": code, "errorMessage": text}, status)

    # Session ---------------------------------------------------------------------------------------------------

    def _token(self, asked: Asked) -> Answer:
        if (asked.one("dhanClientId"), asked.one("pin"), asked.one("totp")) != (CLIENT, PIN, TOTP):
            raise Refused("login", "Invalid Pin")
        self.logins += 1
        self.alive = True
        self.token = f"dhan-access-token-canary-{self.logins}"
        expires = self.venue.tick() + timedelta(days=365)
        return json_answer(
            {
                "dhanClientId": CLIENT, "dhanClientName": "ASHA B", "dhanClientUcc": "ABCD12345E",
                "givenPowerOfAttorney": True, "accessToken": self.token,
                "expiryTime": expires.strftime("%Y-%m-%dT%H:%M:%S.000"),
            }
        )  # fmt: skip

    def _profile(self, asked: Asked) -> Answer:
        return json_answer(
            {
                "dhanClientId": CLIENT, "tokenValidity": "30/03/2026 15:37",
                "activeSegment": "Equity, Derivative, Currency, Commodity", "ddpi": "Active", "mtf": "Active",
                "dataPlan": "Active", "dataValidity": "2026-12-05 09:37:52.0",
            }
        )  # fmt: skip

    def _funds(self, asked: Asked) -> Answer:
        money = self.venue.money
        return json_answer(
            {
                "dhanClientId": CLIENT, "availabelBalance": money["available"], "sodLimit": 113642.0,
                "collateralAmount": money["collateral"], "receiveableAmount": 0.0, "utilizedAmount": money["used"],
                "blockedPayoutAmount": 0.0, "withdrawableBalance": 98310.0,
            }
        )  # fmt: skip

    # Orders ----------------------------------------------------------------------------------------------------

    def _place(self, asked: Asked) -> Answer:
        body = asked.json()
        tag = body.get("correlationId") or ""
        if body.get("dhanClientId") != CLIENT or len(tag) > 25:
            raise Refused("input", "Missing required fields, bad values for parameters etc.")
        order = self.venue.place(
            find(body["exchangeSegment"], body["securityId"]),
            side=back({"BUY": "BUY", "SELL": "SELL"}, body["transactionType"]),
            product=back(PRODUCTS, body["productType"]),
            quantity=int(number(body["quantity"])),
            validity=back({"DAY": "DAY", "IOC": "IOC"}, body["validity"]),
            disclosed=int(number(body.get("disclosedQuantity"))),
            tag=tag,
            **terms_of(body),
        )
        return json_answer({"orderId": order.id, "orderStatus": "TRANSIT"})

    def _modify(self, asked: Asked) -> Answer:
        body, order = asked.json(), self._own(asked)
        if body.get("orderId") != order.id:
            raise Refused("input", "orderId differs from the path.")
        self.venue.modify(order.id, quantity=int(number(body["quantity"])), **terms_of(body))
        return json_answer({"orderId": order.id, "orderStatus": "TRANSIT"})

    def _cancel(self, asked: Asked) -> Answer:
        return json_answer({"orderId": self.venue.cancel(self._own(asked).id).id, "orderStatus": "CANCELLED"}, 202)

    def _own(self, asked: Asked) -> Booked:
        try:
            return self.venue.order(asked.parts[0])
        except Refused as error:
            raise Refused("input", "Invalid orderId") from error

    def _book(self, asked: Asked) -> Answer:
        return json_answer([order_row(order) for order in self.venue.orders])

    def _one(self, asked: Asked) -> Answer:
        return json_answer([order_row(self._own(asked))])

    def _external(self, asked: Asked) -> Answer:
        found = [order for order in self.venue.orders if order.tag == asked.parts[0]]
        if not found:
            raise Refused("input", "Invalid correlationId")
        return json_answer(order_row(found[0]))

    def _trades(self, asked: Asked) -> Answer:
        return json_answer([trade_row(trade) for trade in self.venue.trades])

    # Portfolio -------------------------------------------------------------------------------------------------

    def _positions(self, asked: Asked) -> Answer:
        return json_answer([position_row(p) for p in self.venue.positions()])

    def _holdings(self, asked: Asked) -> Answer:
        rows = [
            {
                "exchange": "ALL", "tradingSymbol": listing.symbol, "securityId": str(listing.number),
                "isin": listing.isin, "totalQty": quantity, "dpQty": quantity - 1, "t1Qty": 1,
                "availableQty": quantity, "collateralQty": 0, "avgCostPrice": price,
            }
            for listing, quantity, price in HOLDINGS
        ]  # fmt: skip
        return json_answer(rows)

    def _margin(self, asked: Asked) -> Answer:
        total = self.venue.margin([leg_of(asked.json())])
        return json_answer(
            {
                "totalMargin": total, "spanMargin": 1200.0, "exposureMargin": 1003.0, "availableBalance": 10500.0,
                "variableMargin": 1000.0, "insufficientBalance": 0.0, "brokerage": 20.0, "leverage": "1X",
            }
        )  # fmt: skip

    def _margins(self, asked: Asked) -> Answer:
        total = self.venue.margin([leg_of(row) for row in asked.json()["scripList"]])
        return json_answer(
            {
                "total_margin": f"{total:.2f}", "span_margin": "50000.00", "exposure_margin": "30000.00",
                "equity_margin": "0.00", "fo_margin": "0.00", "commodity_margin": "0.00", "currency": "INR",
                "hedge_benefit": "",
            }
        )  # fmt: skip

    # Market ----------------------------------------------------------------------------------------------------

    def _quotes(self, asked: Asked) -> Answer:
        body = {name: ids for name, ids in asked.json().items() if isinstance(ids, list)}
        if sum(map(len, body.values())) > 1000 or any(not isinstance(i, int) for ids in body.values() for i in ids):
            raise Refused("input", "At most 1000 numbers.")
        data: dict[str, dict[str, Any]] = {}
        for segment, ids in body.items():
            for listing in LISTED:
                if SEGMENTS[listing.exchange][0] == segment and listing.number in ids:
                    row = quote_row(listing, self.venue.pictures[listing])
                    data.setdefault(segment, {})[str(listing.number)] = row
        return json_answer({"data": data, "status": "success"})

    def _days(self, asked: Asked) -> Answer:
        body = asked.json()
        first, last = (datetime.fromisoformat(body[name]).replace(tzinfo=IST) for name in ("fromDate", "toDate"))
        # toDate is left out of days.
        return self._candles(body, 1440, first, last - timedelta(seconds=1))

    def _minutes(self, asked: Asked) -> Answer:
        body = asked.json()
        if str(body["interval"]) not in ("1", "5", "15", "25", "60"):
            raise Refused("input", "Invalid interval")
        first, last = (datetime.fromisoformat(body[name]).replace(tzinfo=IST) for name in ("fromDate", "toDate"))
        if last - first > timedelta(days=90):
            raise Refused("input", "At most 90 days.")
        return self._candles(body, int(body["interval"]), first, last)

    def _candles(self, body: dict[str, Any], minutes: int, first: datetime, last: datetime) -> Answer:
        listing = find(body["exchangeSegment"], body["securityId"])
        if body["instrument"] != instrument_of(listing):
            raise Refused("input", "Invalid instrument")
        rows = self.venue.candles(listing, minutes, first, last)
        return json_answer(
            {
                **{name: [getattr(row, name) for row in rows] for name in ("open", "high", "low", "close")},
                "volume": [float(row.volume) for row in rows],
                "timestamp": [row.start.timestamp() for row in rows],
                "open_interest": [row.oi for row in rows] if body.get("oi") else [0],
            }
        )

    def _file(self, asked: Asked) -> Answer:
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerow(["NSE", "E", 99, "EQUITY", 0, "SBIN", "1.0", "SBI", "", "", "", "5.0", "NA", "ES", "BL", "SBI"])
        for listing in LISTED:
            table.writerow(csv_row(listing))
        return Answer(200, out.getvalue().encode(), {"Content-Type": "text/csv"})

    # Forever orders --------------------------------------------------------------------------------------------

    def _place_gtt(self, asked: Asked) -> Answer:
        body = asked.json()
        legs = [(number(body["triggerPrice"]), number(body["price"]))]
        if body["orderFlag"] == "OCO":
            legs.append((number(body["triggerPrice1"]), number(body["price1"])))
        trigger = Trigger(
            str(5132208051112 + len(self.venue.triggers)), find(body["exchangeSegment"], body["securityId"]),
            body["transactionType"], back(PRODUCTS, body["productType"]), int(body["quantity"]), tuple(sorted(legs)),
        )  # fmt: skip
        self.venue.triggers.append(trigger)
        return json_answer({"orderId": trigger.id, "orderStatus": "PENDING"})

    def _gtts(self, asked: Asked) -> Answer:
        return json_answer([row for trigger in self.venue.triggers for row in gtt_rows(trigger)])

    def _modify_gtt(self, asked: Asked) -> Answer:
        body, trigger = asked.json(), self._trigger(asked)
        if (body["orderId"], body["orderFlag"], body["legName"]) != (trigger.id, "SINGLE", "ENTRY_LEG"):
            raise Refused("input", "Invalid leg")
        trigger.legs = ((number(body["triggerPrice"]), number(body["price"])),)
        return json_answer({"orderId": trigger.id, "orderStatus": "PENDING"})

    def _cancel_gtt(self, asked: Asked) -> Answer:
        trigger = self._trigger(asked)
        trigger.status = "cancelled"
        return json_answer({"orderId": trigger.id, "orderStatus": "CANCELLED"})

    def _trigger(self, asked: Asked) -> Trigger:
        found = next((t for t in self.venue.triggers if t.id == asked.parts[0]), None)
        if found is None:
            raise Refused("input", "Invalid orderId")
        return found

    # The sockets -----------------------------------------------------------------------------------------------

    def admit(self, asked: Asked) -> Answer | None:
        return None  # a wrong token is told after the handshake

    def greet(self, socket: Socket) -> None:
        if not socket.asked.query:
            return
        given = tuple(socket.asked.one(name, "") for name in ("version", "token", "clientId", "authType"))
        version = "2" if socket.path == "/" else ""
        if not self.alive or given != (version, self.token, CLIENT, "2"):
            socket.force(struct.pack("<BhBih", 50, 10, 0, 0, 807))
            socket.close()
            return
        socket.facts["kind"] = "market"

    def heard(self, socket: Socket, message: str | bytes) -> None:
        if isinstance(message, bytes):
            return  # the official client's farewell
        asked = msgspec.json.decode(message)
        if "LoginReq" in asked:
            login = asked["LoginReq"]
            if not self.alive or (login["MsgCode"], login["ClientId"], login["Token"]) != (42, CLIENT, self.token):
                socket.force('{"status":"failed","message":"Invalid Token"}')
                socket.close()
                return
            socket.facts["kind"] = "orders"
            return
        code, rows = asked["RequestCode"], asked.get("InstrumentList", [])
        if socket.path != "/":
            self._deep(socket, code, [asked] if socket.path == "/twohundreddepth" else rows)
            return
        if code == 12 or asked["InstrumentCount"] != len(rows) or len(rows) > 100:
            socket.close()
            return
        listings = [find(row["ExchangeSegment"], row["SecurityId"]) for row in rows]
        for listing in listings:
            if code in _MODES:
                socket.modes[listing] = _MODES[code]
            elif socket.modes.get(listing) == _MODES[code - 1]:
                del socket.modes[listing]
        if code in _MODES:
            self.show(socket, listings)

    def _deep(self, socket: Socket, code: int, rows: Sequence[dict[str, Any]]) -> None:
        listings = [find(row["ExchangeSegment"], row["SecurityId"]) for row in rows]
        if code in (24, 25):
            for listing in listings:
                socket.modes.pop(listing, None)
        elif code == 23 and len(rows) <= 50:
            socket.modes.update(dict.fromkeys(listings, "deep"))
            self.show(socket, listings)
        else:
            socket.close()

    def show(self, socket: Socket, listings: Sequence[Listing]) -> None:
        if socket.path != "/":
            levels = 20 if socket.path == "/twentydepth" else 200
            socket.send(b"".join(deep_packets(one, self.venue.deep(one, levels), levels) for one in listings))
            return
        for listing in listings:
            for packet in packets(listing, self.venue.pictures[listing], socket.modes[listing]):
                socket.send(packet)

    def order_changed(self, order: Booked) -> None:
        text = msgspec.json.encode({"Data": update_of(order), "Type": "order_alert"}).decode()
        for socket in self.open_sockets:
            if socket.facts.get("kind") == "orders":
                socket.send(text)


class DhanSandboxSimulator(DhanSimulator):
    """The same without market data, margins of several orders and sockets; its token is made on a page."""

    def __init__(self, venue: Venue | None = None) -> None:
        super().__init__(venue)
        self.token = "dhan-sandbox-token-canary"

    def credentials(self) -> dict[str, str]:
        return {"client_id": CLIENT, "access_token": self.token}

    def routes(self) -> Sequence[Route]:
        missing = ("/v2/marketfeed", "/v2/margincalculator/multi", "/app/")
        return [route for route in super().routes() if not route.pattern.startswith(missing)]

    def sockets(self) -> Sequence[str]:
        return ()

    def answer(self, asked: Asked) -> Answer | None:
        """The adapter's own polls of the books do not use up the faults that are meant for the test's requests."""
        if asked.method == "GET" and asked.path in ("/v2/orders", "/v2/trades"):
            self.log.append(asked)
            return self._serve(asked)
        return super().answer(asked)
