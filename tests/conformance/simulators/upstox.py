"""Upstox's servers: REST v2 and v3, the market feed of protocol buffers, the portfolio stream."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Final

from tests.conformance.simulator import Answer, Asked, Route, Simulator, Socket, json_answer
from tests.conformance.simulators.upstox_rows import (
    PROFILE,
    feed_frame,
    file_row,
    find,
    key_of,
    market_info,
    order_row,
    position_row,
    quote_row,
)  # fmt: skip
from tests.conformance.venue import HOLDINGS, IST, LISTED, NOW, Booked, Listing, Picture, Refused, Trigger, Venue

__all__ = ["API_KEY", "API_SECRET", "REDIRECT", "UpstoxSimulator"]

API_KEY: Final = "upstox-front-key"
API_SECRET: Final = "upstoxsecretcanary"
REDIRECT: Final = "http://127.0.0.1:8899/callback"

_MARKET = "/market-data-feeder/v3/upstox-developer-api/feeds"
_ORDERS = "/upstox-developer-api/order-updates/feed"
_ERRORS = {
    "input": (400, "UDAPI100036"),
    "instrument": (400, "UDAPI100011"),
    "order": (400, "UDAPI100040"),
    "missing": (404, "UDAPI100010"),
    "margin": (400, "UDAPI100039"),
    "token": (401, "UDAPI100050"),
    "client": (401, "UDAPI100069"),
    "code": (401, "UDAPI100057"),
    "protection": (400, "UDAPI1158"),
    "gtt": (400, "UDAPI1141"),
}
_PRODUCTS = {"D": ("CNC", "NRML"), "I": ("MIS", "MIS")}
_UNITS = {"minutes": 1, "hours": 60, "days": 1440}


class UpstoxSimulator(Simulator):
    # The official library asks for candles without a token.
    open_routes: ClassVar = frozenset({"_login", "_instruments", "_history", "_today"})

    def __init__(self, venue: Venue | None = None) -> None:
        super().__init__(venue)
        self.venue.id_of = lambda number: f"2501210105{number:05d}"
        self.tokens: set[str] = set()
        """Sessions that live: several accounts may be logged in at once."""
        self._codes: set[str] = set()
        self._tickets: set[str] = set()
        self._issued = 0

    def credentials(self) -> dict[str, str]:
        """What a login needs, with a code that works once."""
        code = f"Fwm4Xa{len(self._codes)}{self.logins}"
        self._codes.add(code)
        return {"api_key": API_KEY, "api_secret": API_SECRET, "redirect_uri": REDIRECT, "code": code}

    def routes(self) -> Sequence[Route]:
        return (
            Route("POST", "/v2/login/authorization/token", self._login),
            Route("DELETE", "/v2/logout", self._logout),
            Route("GET", "/v2/user/profile", self._profile),
            Route("GET", "/v3/user/get-funds-and-margin", self._funds),
            Route("POST", "/v3/order/place", self._place),
            Route("PUT", "/v3/order/modify", self._modify),
            Route("DELETE", "/v3/order/cancel", self._cancel),
            Route("GET", "/v2/order/retrieve-all", self._book),
            Route("GET", "/v2/order/details", self._details),
            Route("GET", "/v2/order/trades/get-trades-for-day", self._trades),
            Route("GET", "/v2/portfolio/short-term-positions", self._positions),
            Route("GET", "/v2/portfolio/long-term-holdings", self._holdings),
            Route("POST", "/v2/charges/margin", self._margin),
            Route("GET", "/v2/market-quote/quotes", self._quotes),
            Route("GET", "/v3/historical-candle/intraday/([^/]+)/([a-z]+)/([0-9]+)", self._today),
            Route("GET", "/v3/historical-candle/([^/]+)/([a-z]+)/([0-9]+)/([0-9-]+)/([0-9-]+)", self._history),
            Route("GET", "/market-quote/instruments/exchange/complete.json.gz", self._instruments),
            Route("POST", "/v3/order/gtt/place", self._place_gtt),
            Route("PUT", "/v3/order/gtt/modify", self._modify_gtt),
            Route("DELETE", "/v3/order/gtt/cancel", self._cancel_gtt),
            Route("GET", "/v3/order/gtt", self._gtts),
            Route("GET", "/v3/feed/market-data-feed/authorize", self._authorise_market),
            Route("GET", "/v2/feed/portfolio-stream-feed/authorize", self._authorise_orders),
        )

    def sockets(self) -> Sequence[str]:
        return (_MARKET, _ORDERS, "/v3/feed/market-data-feed", "/v2/feed/portfolio-stream-feed")

    # Errors ----------------------------------------------------------------------------------------------------

    def authorise(self, asked: Asked) -> Answer | None:
        if not self.alive or asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return self._error("token", "Invalid token used to access API")
        return None

    def refusal(self, refused: Refused) -> Answer:
        return self._error(refused.kind, str(refused))

    def unknown_path(self, asked: Asked) -> Answer:
        return _failure(404, "UDAPI10000", "This API request is not supported by our backend")

    def throttled(self) -> Answer:
        return _failure(429, "UDAPI10005", "Too Many Request Sent")

    def _error(self, kind: str, text: str) -> Answer:
        return _failure(*_ERRORS[kind], text)

    # Session ---------------------------------------------------------------------------------------------------

    def _login(self, asked: Asked) -> Answer:
        form = asked.form()
        if (form.get("client_id"), form.get("client_secret")) != (API_KEY, API_SECRET):
            raise Refused("client", "The client_id or client_secret is incorrect.")
        if form.get("redirect_uri") != REDIRECT or form.get("grant_type") != "authorization_code":
            raise Refused("client", "The redirect_uri or grant_type is incorrect.")
        if form.get("code") not in self._codes:
            raise Refused("code", "Invalid Auth code")
        self._codes.discard(form["code"])
        self.logins += 1
        token = f"eyJ0eXAiOiJKV1QifQ.canary-{self.logins}.signature"
        self.tokens = {*(self.tokens if self.alive else ()), token}
        self.alive = True
        return json_answer({**PROFILE, "access_token": token, "extended_token": "eyJ"})

    def _logout(self, asked: Asked) -> Answer:
        self.tokens.discard(asked.headers["authorization"].removeprefix("Bearer "))
        return json_answer({"status": "success", "data": True})

    def _profile(self, asked: Asked) -> Answer:
        return _ok({**PROFILE, "ddpi": False})

    def _funds(self, asked: Asked) -> Answer:
        money = self.venue.money
        used = {"total": 0.0, "mtf": 0, "span_exposure": 0, "cash_margin_var_elm": 0, "premium_present": 0}
        return _ok(
            {
                "available_to_trade": {
                    "total": money["available"] + money["collateral"],
                    "cash_available_to_trade": {
                        "total": money["available"],
                        "cash": {"opening_balance": money["cash"]},
                        "margin_used": {**used, "total": money["used"] - 500.25},
                    },
                    "pledge_available_to_trade": {
                        "margin_from_pledge": {"total": money["collateral"] + 500.25, "equity": 0, "mutual_funds": 0},
                        "margin_used": {**used, "total": 500.25},
                    },
                },
                "unavailable_to_trade": {},
            }
        )

    # Orders ----------------------------------------------------------------------------------------------------

    def _place(self, asked: Asked) -> Answer:
        body = asked.json()
        needed = ("quantity", "product", "validity", "price", "instrument_token", "order_type", "transaction_type")
        _present(body, *needed, "disclosed_quantity", "trigger_price", "is_amo")
        if not isinstance(body["quantity"], int) or len(body.get("tag") or "") > 40:
            raise Refused("input", "Invalid quantity or tag")
        listing = find(body["instrument_token"])
        order = self.venue.place(
            listing,
            side=_one_of(body["transaction_type"], "BUY", "SELL"),
            product=_product(listing, body["product"]),
            quantity=body["quantity"],
            tag=body.get("tag") or "",
            validity=_one_of(body["validity"], "DAY", "IOC"),
            disclosed=body["disclosed_quantity"],
            word=body["product"],
            **_terms(body),
        )
        return _with_latency({"order_ids": [order.id]})

    def _modify(self, asked: Asked) -> Answer:
        body = asked.json()
        _present(body, "order_id", "validity", "order_type", "price", "trigger_price")
        order = self._order(body["order_id"])
        quantity = body.get("quantity", order.quantity)
        return _with_latency({"order_id": self.venue.modify(order.id, quantity=quantity, **_terms(body)).id})

    def _cancel(self, asked: Asked) -> Answer:
        return _with_latency({"order_id": self.venue.cancel(self._order(asked.one("order_id")).id).id})

    def _order(self, order_id: str) -> Booked:
        try:
            return self.venue.order(order_id)
        except Refused as error:
            raise Refused("missing", "Order not found") from error

    def _book(self, asked: Asked) -> Answer:
        return _ok([_own(order) for order in self.venue.orders])

    def _details(self, asked: Asked) -> Answer:
        return _ok(_own(self._order(asked.one("order_id"))))

    def _trades(self, asked: Asked) -> Answer:
        """The documented form of a trade's times differs from the order book's."""
        rows = []
        for trade in self.venue.trades:
            row = _own(trade.order)
            kept: tuple[str, ...] = (
                "exchange",
                "product",
                "trading_symbol",
                "tradingsymbol",
                "instrument_token",
                "order_type",
            )
            kept += ("transaction_type", "exchange_order_id", "order_id", "order_ref_id")
            times = trade.at.strftime("%d-%b-%Y %H:%M:%S")
            rows.append(
                {name: row[name] for name in kept}
                | {"quantity": trade.quantity, "average_price": trade.price, "trade_id": trade.id}
                | {"exchange_timestamp": times, "order_timestamp": times}
            )
        return _ok(rows)

    # Portfolio -------------------------------------------------------------------------------------------------

    def _positions(self, asked: Asked) -> Answer:
        words = {("CNC"): "D", "NRML": "D", "MIS": "I"}
        return _ok([position_row(p, self.venue.pictures[p.listing], words[p.product]) for p in self.venue.positions()])

    def _holdings(self, asked: Asked) -> Answer:
        return _ok(
            [
                {
                    "isin": listing.isin, "cnc_used_quantity": 0, "collateral_type": "WC", "company_name": listing.name,
                    "haircut": 0.2, "product": "D", "quantity": quantity - 1, "trading_symbol": listing.symbol,
                    "tradingsymbol": listing.symbol, "last_price": 800.0, "close_price": 799.0, "pnl": 1.0,
                    "day_change": 0, "day_change_percentage": 0, "instrument_token": key_of(listing),
                    "average_price": average, "collateral_quantity": 0, "collateral_update_quantity": 0,
                    "t1_quantity": 1, "exchange": listing.exchange,
                }
                for listing, quantity, average in HOLDINGS
            ]
        )  # fmt: skip

    def _margin(self, asked: Asked) -> Answer:
        rows = asked.json()["instruments"]
        for row in rows:
            _present(row, "instrument_key", "quantity", "transaction_type", "product")
        legs = [(find(row["instrument_key"]), row["quantity"]) for row in rows]
        if not 0 < len(legs) <= 20:
            raise Refused("input", "Ask for 1 to 20 instruments.")
        each = [{"total_margin": self.venue.margin([leg]), "span_margin": 0, "exposure_margin": 0} for leg in legs]
        needed = sum(row["total_margin"] for row in each)
        return _ok({"margins": each, "required_margin": needed, "final_margin": self.venue.margin(legs)})

    # Market ----------------------------------------------------------------------------------------------------

    def _quotes(self, asked: Asked) -> Answer:
        """The official library calls the parameter ``symbol``; both names are taken."""
        keys = (asked.query.get("instrument_key") or asked.query.get("symbol") or [""])[0].split(",")
        if not keys or len(keys) > 500:
            raise Refused("input", "Ask for 1 to 500 instruments.")
        found = {f"{key.partition('|')[0]}:{find(key).symbol}": find(key) for key in keys}
        return _ok({name: quote_row(x, self.venue.pictures[x]) for name, x in found.items()})

    def _history(self, asked: Asked) -> Answer:
        """Dates are inclusive, today is not in it, the newest candle stands first."""
        key, unit, interval, last, first = asked.parts
        start = datetime.combine(_day(first), datetime.min.time(), IST)
        end = datetime.combine(_day(last), datetime.max.time(), IST)
        most = {"minutes": 31, "hours": 92, "days": 3660}[unit]
        if end < start or end - start > timedelta(days=most):
            raise Refused("input", "Invalid date range")
        return self._candles(key, unit, interval, start, min(end, _midnight() - timedelta(seconds=1)))

    def _today(self, asked: Asked) -> Answer:
        key, unit, interval = asked.parts
        return self._candles(key, unit, interval, _midnight(), _midnight() + timedelta(hours=23))

    def _candles(self, key: str, unit: str, interval: str, first: datetime, last: datetime) -> Answer:
        bars = self.venue.candles(find(key), int(interval) * _UNITS[unit], first, last)
        rows = [[b.start.isoformat(), b.open, b.high, b.low, b.close, b.volume, b.oi] for b in bars]
        return _ok({"candles": rows[::-1]})

    def _instruments(self, asked: Asked) -> Answer:
        rows = [file_row(listing) for listing in LISTED]
        rows.append(
            {"segment": "NSE_COM", "instrument_key": "NSE_COM|1", "exchange_token": "1", "trading_symbol": "GOLD"}
        )
        return Answer(200, gzip.compress(json.dumps(rows).encode()), {"Content-Type": "application/octet-stream"})

    # GTT -------------------------------------------------------------------------------------------------------

    def _place_gtt(self, asked: Asked) -> Answer:
        body = asked.json()
        _present(body, "type", "quantity", "product", "instrument_token", "transaction_type", "rules")
        listing = find(body["instrument_token"])
        trigger = Trigger(
            f"GTT-C2527020013795{len(self.venue.triggers)}", listing, body["transaction_type"],
            _product(listing, body["product"]), body["quantity"], _legs(body),
        )  # fmt: skip
        self.venue.triggers.append(trigger)
        return _with_latency({"gtt_order_ids": [trigger.id]})

    def _modify_gtt(self, asked: Asked) -> Answer:
        body = asked.json()
        _present(body, "type", "quantity", "gtt_order_id", "rules")
        trigger = self._trigger(body["gtt_order_id"])
        trigger.legs, trigger.quantity = _legs(body), body["quantity"]
        return _with_latency({"gtt_order_ids": [trigger.id]})

    def _cancel_gtt(self, asked: Asked) -> Answer:
        trigger = self._trigger(asked.json()["gtt_order_id"])
        trigger.status = "cancelled"
        return _with_latency({"gtt_order_ids": [trigger.id]})

    def _gtts(self, asked: Asked) -> Answer:
        return _ok([_gtt_row(trigger) for trigger in self.venue.triggers])

    def _trigger(self, gtt_id: str) -> Trigger:
        found = next((t for t in self.venue.triggers if t.id == gtt_id), None)
        if found is None:
            raise Refused("gtt", "GTT order not found")
        return found

    # Feeds -----------------------------------------------------------------------------------------------------

    def _authorise_market(self, asked: Asked) -> Answer:
        return self._ticket(_MARKET)

    def _authorise_orders(self, asked: Asked) -> Answer:
        return self._ticket(_ORDERS)

    def _ticket(self, path: str) -> Answer:
        url = self._address(path)
        return _ok({"authorized_redirect_uri": url, "authorizedRedirectUri": url})

    def _address(self, path: str) -> str:
        self._issued += 1
        code = f"code-{self._issued}"
        self._tickets.add(code)
        return f"{self.feed_url}{path}?requestId={self._issued}&code={code}"

    def admit(self, asked: Asked) -> Answer | None:
        """A ticket works once; the public address redirects a right bearer to a ticket's."""
        if asked.path in (_MARKET, _ORDERS):
            code = asked.one("code", "")
            if not self.alive or code not in self._tickets:
                return self._error("token", "Invalid token used to access API")
            self._tickets.discard(code)
            return None
        refused = self.authorise(asked)
        if refused is not None:
            return refused
        path = _MARKET if asked.path.startswith("/v3") else _ORDERS
        return Answer(302, b"", {"Location": self._address(path)})

    def greet(self, socket: Socket) -> None:
        if socket.path == _MARKET:
            socket.send(market_info(NOW))

    def heard(self, socket: Socket, message: str | bytes) -> None:
        """Text frames are ignored."""
        if not isinstance(message, bytes) or socket.path != _MARKET:
            return
        asked = json.loads(message)
        listings = [x for x in LISTED if key_of(x) in asked["data"]["instrumentKeys"]]
        if asked["method"] == "unsub":
            for listing in listings:
                socket.modes.pop(listing, None)
            return
        if asked["method"] == "change_mode":
            listings = [x for x in listings if x in socket.modes]
        elif asked["method"] != "sub":
            return
        for listing in listings:
            socket.modes[listing] = _one_of(
                asked["data"].get("mode", "ltpc"), "ltpc", "option_greeks", "full", "full_d30"
            )
        if listings:
            self.show(socket, listings, snapshot=True)

    def show(self, socket: Socket, listings: Sequence[Listing], *, snapshot: bool = False) -> None:
        shown = [(x, self._picture(x, socket.modes[x]), socket.modes[x]) for x in listings]
        socket.send(feed_frame(shown, snapshot=snapshot))

    def _picture(self, listing: Listing, mode: str) -> Picture:
        picture = self.venue.pictures[listing]
        if mode != "full_d30" or listing.kind == "INDEX":
            return picture
        bids, asks = self.venue.deep(listing, 30)
        return replace(picture, bids=bids, asks=asks)

    def order_changed(self, order: Booked) -> None:
        row = _own(order)
        key = row["instrument_token"]
        text = json.dumps(
            {"update_type": "order", "user_id": "AB1234", "userId": "AB1234", "instrument_key": key, **row}
        )
        for socket in self.open_sockets:
            if socket.path == _ORDERS:
                socket.send(text)


# Words --------------------------------------------------------------------------------------------------------------


def _ok(data: Any) -> Answer:
    return json_answer({"status": "success", "data": data})


def _with_latency(data: Any) -> Answer:
    return json_answer({"status": "success", "data": data, "metadata": {"latency": 30}})


def _failure(status: int, code: str, text: str) -> Answer:
    """Both spellings are sent."""
    error = {"errorCode": code, "message": text, "propertyPath": None, "invalidValue": None}
    error |= {"error_code": code, "property_path": None, "invalid_value": None}
    return json_answer({"status": "error", "errors": [error]}, status)


def _present(body: dict[str, Any], *names: str) -> None:
    for name in names:
        if name not in body:
            raise Refused("input", f"The '{name}' is required")


def _one_of(word: str, *known: str) -> str:
    if word not in known:
        raise Refused("input", f"Invalid value: {word}")
    return word


def _product(listing: Listing, word: str) -> str:
    return _PRODUCTS[_one_of(word, "D", "I")][listing.exchange not in ("NSE", "BSE")]


def _own(order: Booked) -> dict[str, Any]:
    return {**order_row(order), "product": order.more["word"]}


def _terms(body: dict[str, Any]) -> dict[str, Any]:
    kind = _one_of(body["order_type"], "MARKET", "LIMIT", "SL", "SL-M")
    if kind in ("MARKET", "SL-M") and body.get("market_protection", -1) == 0:
        raise Refused("protection", "Market orders need market protection")
    if (kind in ("LIMIT", "SL")) != (body["price"] > 0) or (kind in ("SL", "SL-M")) != (body["trigger_price"] > 0):
        raise Refused("input", "Price or trigger price does not go with the order type")
    return {"price_type": kind, "price": float(body["price"]), "trigger": float(body["trigger_price"])}


def _legs(body: dict[str, Any]) -> tuple[tuple[float, float], ...]:
    rules = body["rules"]
    if body["type"] != "SINGLE" or len(rules) != 1 or rules[0]["strategy"] != "ENTRY":
        raise Refused("gtt", "An ENTRY rule is mandatory")
    _one_of(rules[0]["trigger_type"], "ABOVE", "BELOW", "IMMEDIATE")
    return ((float(rules[0]["trigger_price"]), float(rules[0]["trigger_price"])),)


def _gtt_row(trigger: Trigger) -> dict[str, Any]:
    word = "CANCELLED" if trigger.status == "cancelled" else "SCHEDULED"
    rules = [
        {"strategy": "ENTRY", "status": word, "message": None, "trigger_type": "BELOW", "trigger_price": price,
         "transaction_type": trigger.side, "order_id": None, "trailing_gap": None}
        for price, _ in trigger.legs
    ]  # fmt: skip
    return {
        "type": "SINGLE", "exchange": "NSE_EQ", "quantity": trigger.quantity,
        "product": "I" if trigger.product == "MIS" else "D", "trading_symbol": trigger.listing.symbol,
        "instrument_token": key_of(trigger.listing), "gtt_order_id": trigger.id,
        "expires_at": int(NOW.timestamp() * 1e6) + 10**13, "created_at": int(NOW.timestamp() * 1e3), "rules": rules,
    }  # fmt: skip


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused("input", "Invalid date") from error


def _midnight() -> datetime:
    """Today begins by the machine's clock: the broker's and ours are the same day."""
    return datetime.now(IST).replace(hour=0, minute=0, second=0, microsecond=0)
