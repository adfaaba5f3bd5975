"""Angel One's SmartAPI as its published protocol has it: REST in envelopes of text, SmartStream, order updates."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar, Final

import msgspec

from tests.conformance.simulator import Answer, Asked, Route, Simulator, Socket, json_answer
from tests.conformance.simulators.angel_rows import (
    BLANK,
    CODES,
    PRODUCTS,
    TYPES,
    back,
    file_row,
    find,
    gtt_row,
    home_of,
    ids_of,
    order_row,
    position_row,
    quote_row,
    terms_of,
    token_of,
    trade_row,
    traded_as,
    update_frame,
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

__all__ = ["API_KEY", "AngelSimulator", "packet"]

API_KEY: Final = "smartkey-canary"
PIN: Final = "4321"
TOTP: Final = "654321"
_INTERVALS = {
    "ONE_MINUTE": (1, 30), "THREE_MINUTE": (3, 60), "FIVE_MINUTE": (5, 100), "TEN_MINUTE": (10, 100),
    "FIFTEEN_MINUTE": (15, 200), "THIRTY_MINUTE": (30, 200), "ONE_HOUR": (60, 400), "ONE_DAY": (1440, 2000),
}  # fmt: skip
_NEEDED_HEADERS = ("x-usertype", "x-sourceid", "x-clientlocalip", "x-clientpublicip", "x-macaddress")


def packet(listing: Listing, picture: Picture, mode: int, sequence: int = 7) -> bytes:
    """One SmartStream packet: 51, 123 or 379 bytes."""
    kind = TYPES[home_of(listing)]
    divisor = 10_000_000 if kind == 13 else 100

    def price(rupees: float) -> int:
        return round(rupees * divisor)

    found = struct.pack(
        "<BB25sqqq", mode, kind, token_of(listing).encode(), sequence, int(picture.at.timestamp() * 1000),
        price(picture.ltp),
    )  # fmt: skip
    if mode == 1:
        return found
    found += struct.pack(
        "<qqqddqqqq", picture.ltq, price(picture.average), picture.volume, float(picture.buy_quantity),
        float(picture.sell_quantity), *map(price, (picture.open, picture.high, picture.low, picture.close)),
    )  # fmt: skip
    if mode == 2:
        return found
    traded = 0 if listing.kind == "INDEX" else int(picture.traded_at.timestamp())
    found += struct.pack("<qqd", traded, picture.oi, -1.5e300)
    for flag, levels in ((1, picture.bids), (0, picture.asks)):
        for level in (*levels, *[Level(0.0, 0, 0)] * (5 - len(levels))):
            found += struct.pack("<hqqh", flag, level.quantity, price(level.price), level.orders)
    return found + struct.pack("<qqqq", *map(price, (picture.ltp * 1.2, picture.ltp * 0.8, 999.0, 1.0)))


def deep_packet(listing: Listing, bids: Sequence[Level], asks: Sequence[Level], at: datetime) -> bytes:
    """A packet of mode 4: twenty levels a side in 443 bytes."""
    found = struct.pack("<BB25sqq", 4, TYPES[home_of(listing)], token_of(listing).encode(), _ms(at), 0)
    for level in (*bids, *asks):
        found += struct.pack("<iih", level.quantity, round(level.price * 100), level.orders)
    return found


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


class AngelSimulator(Simulator):
    open_routes: ClassVar = frozenset({"_login", "_file"})

    def __init__(self, venue: Venue | None = None) -> None:
        super().__init__(venue)
        self.jwt = ""

    def credentials(self) -> dict[str, str]:
        return {
            "api_key": API_KEY, "client_code": CLIENT, "pin": PIN, "totp": TOTP,
            "totp_seed": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "public_ip": "203.0.113.7",
        }  # fmt: skip

    def routes(self) -> Sequence[Route]:
        secure = "/rest/secure/angelbroking"
        order, gtt = f"{secure}/order/v1", f"{secure}/gtt/v1"
        return (
            Route("POST", "/rest/auth/angelbroking/user/v1/loginByPassword", self._login),
            Route("GET", "/OpenAPI_File/files/OpenAPIScripMaster.json", self._file),
            Route("POST", f"{secure}/user/v1/logout", self._logout),
            Route("GET", f"{secure}/user/v1/getProfile", self._profile),
            Route("GET", f"{secure}/user/v1/getRMS", self._funds),
            Route("POST", f"{order}/placeOrder", self._place),
            Route("POST", f"{order}/modifyOrder", self._modify),
            Route("POST", f"{order}/cancelOrder", self._cancel),
            Route("GET", f"{order}/getOrderBook", self._book),
            Route("GET", f"{order}/getTradeBook", self._trades),
            Route("GET", f"{order}/getPosition", self._positions),
            Route("GET", f"{secure}/portfolio/v1/getHolding", self._holdings),
            Route("POST", f"{secure}/margin/v1/batch", self._margin),
            Route("POST", f"{secure}/market/v1/quote/?", self._quotes),
            Route("POST", f"{secure}/historical/v1/getCandleData", self._candles),
            Route("POST", f"{gtt}/createRule", self._place_gtt),
            Route("POST", f"{gtt}/modifyRule", self._modify_gtt),
            Route("POST", f"{gtt}/cancelRule", self._cancel_gtt),
            Route("POST", f"{gtt}/ruleList", self._gtts),
        )

    def sockets(self) -> Sequence[str]:
        return ("/smart-stream", "/smart-order-update")

    # Envelopes -------------------------------------------------------------------------------------------------

    def _ok(self, data: Any) -> Answer:
        answer = json_answer({"status": True, "message": "SUCCESS", "errorcode": "", "data": data})
        return Answer(200, answer.body, {**answer.headers, "Date": format_datetime(self._now(), usegmt=True)})

    def _now(self) -> datetime:
        return self.venue.tick().astimezone(UTC)

    def authorise(self, asked: Asked) -> Answer | None:
        if any(not asked.headers.get(name) for name in _NEEDED_HEADERS):
            return self._gateway("AG8003", "Missing header")
        if asked.headers.get("x-privatekey") != API_KEY:
            return self._gateway("AG8004", "Invalid API Key")
        if not self.alive or asked.headers.get("authorization") != f"Bearer {self.jwt}" or not self.jwt:
            return self._gateway("AG8001", "Invalid Token")
        return None

    def _gateway(self, code: str, text: str) -> Answer:
        return json_answer({"success": False, "message": text, "errorCode": code, "data": ""})

    def refusal(self, refused: Refused) -> Answer:
        code = {"input": "AB1009", "order": "AB1013", "margin": "AB1007"}.get(refused.kind, refused.kind)
        return json_answer({"status": False, "message": str(refused), "errorcode": code, "data": None})

    def unknown_path(self, asked: Asked) -> Answer:
        return json_answer({"message": "no Route matched with those values"}, 404)

    def throttled(self) -> Answer:
        return Answer(403, b"Access denied because of exceeding access rate", {"Content-Type": "text/plain"})

    # Session ---------------------------------------------------------------------------------------------------

    def _login(self, asked: Asked) -> Answer:
        body = asked.json()
        if asked.headers.get("x-privatekey") != API_KEY:
            return self._gateway("AG8004", "Invalid API Key")
        if (body.get("clientcode"), body.get("password")) != (CLIENT, PIN):
            raise Refused("AB1007", "Login Id or password is invalid")
        if body.get("totp") != TOTP and not (isinstance(body.get("totp"), str) and len(body["totp"]) == 6):
            raise Refused("AB1050", "Invalid totp")
        self.logins += 1
        self.alive = True
        self.jwt = f"jwt-canary-{self.logins}"
        return self._ok({"jwtToken": self.jwt, "refreshToken": "refresh", "feedToken": f"feed-canary-{self.logins}"})

    def _logout(self, asked: Asked) -> Answer:
        self.alive = False
        return self._ok("")

    def _profile(self, asked: Asked) -> Answer:
        return self._ok(
            {
                "clientcode": CLIENT, "name": "ASHA B", "email": "", "mobileno": "", "lastlogintime": "",
                "exchanges": '["nse_cm","bse_cm","nse_fo","mcx_fo","cde_fo"]', "brokerid": "ANGEL",
                "products": ["DELIVERY", "INTRADAY", "CARRYFORWARD", "MARGIN"],
            }
        )  # fmt: skip

    def _funds(self, asked: Asked) -> Answer:
        money = self.venue.money
        names = [
            "availableintradaypayin", "availablelimitmargin", "collateral", "m2munrealized", "m2mrealized",
            "utilisedspan", "utilisedoptionpremium", "utilisedholdingsales", "utilisedexposure",
            "utilisedturnover", "utilisedpayout",
        ]  # fmt: skip
        return self._ok(
            {
                **dict.fromkeys(names, "0"), "net": f"{money['available']:.4f}",
                "availablecash": f"{money['collateral'] + 500:.4f}", "utilisedpayout": "500",
                "utiliseddebits": f"{money['used']:.4f}",
            }
        )  # fmt: skip

    # Orders ----------------------------------------------------------------------------------------------------

    def _place(self, asked: Asked) -> Answer:
        body = asked.json()
        listing = find(body["exchange"], body["symboltoken"])
        if body["tradingsymbol"] != traded_as(listing):
            raise Refused("AB1009", "Symbol Not Found")
        if len(body.get("ordertag", "")) >= 20:
            raise Refused("AB4008", "ordertag length should be less than 20")
        terms = terms_of(body)
        if body["variety"] != ("STOPLOSS" if terms["price_type"] in ("SL", "SL-M") else "NORMAL"):
            raise Refused("AB1008", "Invalid Order Variety")
        order = self.venue.place(
            listing, side=back({"BUY": "BUY", "SELL": "SELL"}, body["transactiontype"]),
            product=back(PRODUCTS, body["producttype"]), tag=body.get("ordertag", ""),
            validity=back({"DAY": "DAY", "IOC": "IOC"}, body["duration"]),
            disclosed=int(body.get("disclosedquantity", "0")), variety=body["variety"], **terms,
        )  # fmt: skip
        return self._ok({"script": traded_as(listing), **ids_of(order)})

    def _modify(self, asked: Asked) -> Answer:
        body = asked.json()
        order = self._own(body)
        if find(body["exchange"], body["symboltoken"]) != order.listing:
            raise Refused("AB1009", "Symbol Not Found")
        self.venue.modify(order.id, **terms_of(body))
        # Here the flag comes as text.
        answer = {"status": "true", "message": "SUCCESS", "errorcode": "", "data": ids_of(order)}
        return json_answer(answer)

    def _cancel(self, asked: Asked) -> Answer:
        return self._ok(ids_of(self.venue.cancel(self._own(asked.json()).id)))

    def _own(self, body: dict[str, Any]) -> Booked:
        order = self.venue.order(body["orderid"])
        if order.more["variety"] != body["variety"]:
            raise Refused("AB1008", "Invalid Order Variety")
        return order

    def _book(self, asked: Asked) -> Answer:
        return self._ok([order_row(order) for order in self.venue.orders] or None)

    def _trades(self, asked: Asked) -> Answer:
        return self._ok([trade_row(trade) for trade in self.venue.trades] or None)

    # Portfolio -------------------------------------------------------------------------------------------------

    def _positions(self, asked: Asked) -> Answer:
        return self._ok([position_row(p, self.venue.pictures[p.listing]) for p in self.venue.positions()] or None)

    def _holdings(self, asked: Asked) -> Answer:
        return self._ok(
            [
                {
                    "tradingsymbol": traded_as(listing), "exchange": "NSE", "isin": listing.isin, "t1quantity": 0,
                    "realisedquantity": quantity, "quantity": quantity, "authorisedquantity": 0,
                    "product": "DELIVERY", "collateralquantity": None, "collateraltype": None, "haircut": 0,
                    "averageprice": price, "ltp": 130.15, "symboltoken": token_of(listing), "close": 129.6,
                    "profitandloss": 37, "pnlpercentage": 16.34,
                }
                for listing, quantity, price in HOLDINGS
            ]
        )  # fmt: skip

    def _margin(self, asked: Asked) -> Answer:
        rows = asked.json()["positions"]
        for row in rows:
            back(PRODUCTS, row["productType"])
            back({"BUY": "BUY", "SELL": "SELL"}, row["tradeType"])
        total = self.venue.margin([(find(row["exchange"], row["token"]), int(row["qty"])) for row in rows])
        parts = ("netPremium", "spanMargin", "marginBenefit", "deliveryMargin", "nonNFOMargin", "totOptionsPremium")
        return self._ok({"totalMarginRequired": total, "marginComponents": dict.fromkeys(parts, 0.0)})

    # Market ----------------------------------------------------------------------------------------------------

    def _quotes(self, asked: Asked) -> Answer:
        body = asked.json()
        tokens = [(exchange, token) for exchange, some in body["exchangeTokens"].items() for token in some]
        if body["mode"] not in ("LTP", "OHLC", "FULL") or len(tokens) > 50:
            raise Refused("AB4001", "Tokens limit exceeded")
        fetched = [quote_row(x, self.venue.pictures[x]) for x in LISTED if (home_of(x), token_of(x)) in tokens]
        # A success in the gateway's spelling; unsorted.
        return json_answer(
            {
                "success": True, "message": "SUCCESS", "errorCode": "",
                "data": {"fetched": fetched, "unfetched": []},
            }
        )  # fmt: skip

    def _candles(self, asked: Asked) -> Answer:
        body = asked.json()
        listing = find(body["exchange"], body["symboltoken"])
        if body["interval"] not in _INTERVALS:
            raise Refused("AB4002", "Invalid interval")
        minutes, most = _INTERVALS[body["interval"]]
        first, last = (
            datetime.strptime(body[name], "%Y-%m-%d %H:%M").replace(tzinfo=IST) for name in ("fromdate", "todate")
        )
        if last - first > timedelta(days=most):
            raise Refused("AB4003", "Date range exceeded")
        rows = self.venue.candles(listing, minutes, first, last)
        return self._ok([[b.start.isoformat(), b.open, b.high, b.low, b.close, b.volume] for b in rows] or None)

    def _file(self, asked: Asked) -> Answer:
        other = {"token": "99", "symbol": "SBIN-BE", "name": "SBIN", "expiry": "", "strike": "-1.000000",
                 "lotsize": "1", "instrumenttype": "", "exch_seg": "NSE", "tick_size": "5.000000"}  # fmt: skip
        return json_answer([other, *map(file_row, LISTED)])

    # GTT -------------------------------------------------------------------------------------------------------

    def _place_gtt(self, asked: Asked) -> Answer:
        body = asked.json()
        trigger = Trigger(
            str(1 + len(self.venue.triggers)), find(body["exchange"], body["symboltoken"]), body["transactiontype"],
            back({"CNC": "DELIVERY", "NRML": "MARGIN"}, body["producttype"], "AB9015"), int(body["qty"]),
            ((float(body["triggerprice"]), float(body["price"])),),
        )  # fmt: skip
        self.venue.triggers.append(trigger)
        return self._ok({"id": int(trigger.id)})

    def _modify_gtt(self, asked: Asked) -> Answer:
        body, trigger = asked.json(), self._trigger(asked)
        trigger.legs = ((float(body["triggerprice"]), float(body["price"])),)
        return self._ok({"id": trigger.id})

    def _cancel_gtt(self, asked: Asked) -> Answer:
        trigger = self._trigger(asked)
        trigger.status = "cancelled"
        return self._ok({"id": trigger.id})

    def _trigger(self, asked: Asked) -> Trigger:
        body = asked.json()
        found = next((t for t in self.venue.triggers if t.id == body["id"]), None)
        if found is None or find(body["exchange"], body["symboltoken"]) != found.listing:
            raise Refused("AB9013", "Invalid rule id")
        return found

    def _gtts(self, asked: Asked) -> Answer:
        body = asked.json()
        if not body["status"] or body["page"] < 1 or not 0 < body["count"] <= 100:
            raise Refused("AB9017", "Invalid page")
        return self._ok([gtt_row(trigger) for trigger in self.venue.triggers])

    # The sockets -----------------------------------------------------------------------------------------------

    def admit(self, asked: Asked) -> Answer | None:
        given = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.alive or given != self.jwt:
            return Answer(401, b"", {"x-error-message": "Invalid Header - Invalid Auth token"})
        if asked.path == "/smart-stream":
            rest = (asked.headers.get(f"x-{name}") for name in ("api-key", "client-code", "feed-token"))
            if tuple(rest) != (API_KEY, CLIENT, f"feed-canary-{self.logins}"):
                return Answer(401, b"", {"x-error-message": "Invalid Header - Invalid Feed Token"})
        return None

    def greet(self, socket: Socket) -> None:
        if socket.path == "/smart-order-update":
            blank = dict.fromkeys(order_row(BLANK), "") | {"quantity": "0", "lotsize": "0", "price": 0}
            socket.send(update_frame("AB00", blank))

    def heard(self, socket: Socket, message: str | bytes) -> None:
        if message == "ping":
            socket.send("pong")
            return
        if socket.path != "/smart-stream":
            return
        asked = msgspec.json.decode(message)
        mode, listings = asked["params"]["mode"], []
        for group in asked["params"]["tokenList"]:
            listings += [
                x for x in LISTED if TYPES[home_of(x)] == group["exchangeType"] and token_of(x) in group["tokens"]
            ]
        if asked["action"] == 1:
            socket.modes.update((listing, str(mode)) for listing in listings)
            self.show(socket, listings)
        for listing in listings if asked["action"] == 0 else ():
            if socket.modes.get(listing) == str(mode):
                del socket.modes[listing]

    def show(self, socket: Socket, listings: Sequence[Listing]) -> None:
        for listing in listings:
            picture, mode = self.venue.pictures[listing], int(socket.modes[listing])
            deep = mode == 4 and home_of(listing) == "NSE"
            shown = deep_packet(listing, *self.venue.deep(listing, 20), picture.at) if deep else None
            socket.send(packet(listing, picture, mode) if shown is None else shown)

    def order_changed(self, order: Booked) -> None:
        row = {n: v for n, v in order_row(order).items() if n not in ("uniqueorderid", "exchangeorderid")}
        for socket in self.open_sockets:
            if socket.path == "/smart-order-update":
                socket.send(update_frame(CODES[order.status], row))
