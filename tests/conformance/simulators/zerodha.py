"""Kite Connect v3 as its published protocol has it: REST, the ticker's binary packets, order updates as text frames."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final

import msgspec

from tests.conformance.simulator import Answer, Asked, Route, Simulator, Socket, json_answer
from tests.conformance.simulators.zerodha_rows import (
    COLUMNS,
    PROFILE,
    csv_row,
    find,
    frame,
    full_quote,
    gtt_row,
    home_of,
    leg,
    moment,
    one_of,
    order_row,
    packet,
    position_row,
    short_quote,
    stamp,
    terms,
    token_of,
    traded_as,
    trigger_of,
    what,
)  # fmt: skip
from tests.conformance.venue import CLIENT, HOLDINGS, LISTED, Booked, Listing, Refused, Trigger, Venue

__all__ = ["API_KEY", "API_SECRET", "REQUEST_TOKEN", "ZerodhaSimulator"]

API_KEY: Final = "kitefront0key"
API_SECRET: Final = "kitesecret0canary"
REQUEST_TOKEN: Final = "0123456789abcdefghijklmnopqrstuv"

_ERRORS = {
    "input": (400, "InputException"),
    "order": (400, "OrderException"),
    "margin": (400, "MarginException"),
    "holding": (400, "HoldingException"),
    "token": (403, "TokenException"),
    "permission": (403, "PermissionException"),
}
_INTERVALS = {
    "minute": (1, 60),
    "3minute": (3, 100),
    "5minute": (5, 100),
    "10minute": (10, 100),
    "15minute": (15, 200),
    "30minute": (30, 200),
    "60minute": (60, 400),
    "day": (1440, 2000),
}


def _ok(data: Any) -> Answer:
    return json_answer({"status": "success", "data": data})


# The servers --------------------------------------------------------------------------------------------------------


class ZerodhaSimulator(Simulator):
    open_routes: ClassVar = frozenset({"_login"})

    def __init__(self, venue: Venue | None = None) -> None:
        super().__init__(venue)
        self.tokens: set[str] = set()
        """Sessions that live: several accounts may be logged in at once."""
        self._codes = {REQUEST_TOKEN}
        self._issued = 0

    def credentials(self) -> dict[str, str]:
        """What a login needs, with a request token that works once."""
        self._issued += 1
        code = f"{REQUEST_TOKEN[:-2]}{self._issued:02d}"
        self._codes.add(code)
        return {"api_key": API_KEY, "api_secret": API_SECRET, "request_token": code}

    def routes(self) -> Sequence[Route]:
        return (
            Route("POST", "/session/token", self._login),
            Route("DELETE", "/session/token", self._logout),
            Route("GET", "/user/profile", self._profile),
            Route("GET", "/user/margins", self._funds),
            Route("POST", "/orders/([a-z]+)", self._place),
            Route("PUT", "/orders/([a-z]+)/([0-9]+)", self._modify),
            Route("DELETE", "/orders/([a-z]+)/([0-9]+)", self._cancel),
            Route("GET", "/orders", self._book),
            Route("GET", "/orders/([0-9]+)", self._history_of_order),
            Route("GET", "/trades", self._trades),
            Route("GET", "/orders/([0-9]+)/trades", self._trades_of_order),
            Route("GET", "/portfolio/positions", self._positions),
            Route("GET", "/portfolio/holdings", self._holdings),
            Route("POST", "/margins/basket", self._basket),
            Route("POST", "/margins/orders", self._margins),
            Route("GET", "/quote", self._quote),
            Route("GET", "/quote/ohlc", self._ohlc),
            Route("GET", "/quote/ltp", self._ltp),
            Route("GET", "/instruments", self._instruments),
            Route("GET", "/instruments/historical/([0-9]+)/([0-9a-z]+)", self._history),
            Route("POST", "/gtt/triggers", self._place_gtt),
            Route("GET", "/gtt/triggers", self._gtts),
            Route("GET", "/gtt/triggers/([0-9]+)", self._gtt),
            Route("PUT", "/gtt/triggers/([0-9]+)", self._modify_gtt),
            Route("DELETE", "/gtt/triggers/([0-9]+)", self._delete_gtt),
        )

    def sockets(self) -> Sequence[str]:
        return ("/",)

    # Errors ----------------------------------------------------------------------------------------------------

    def authorise(self, asked: Asked) -> Answer | None:
        token = asked.headers.get("authorization", "").removeprefix(f"token {API_KEY}:")
        if not self.alive or token not in self.tokens:
            return self._error("token", "Incorrect `api_key` or `access_token`.")
        if asked.headers.get("x-kite-version") != "3":
            return self._error("input", "Missing or bad X-Kite-Version.")
        return None

    def refusal(self, refused: Refused) -> Answer:
        return self._error(refused.kind, str(refused))

    def unknown_path(self, asked: Asked) -> Answer:
        return json_answer(
            {"status": "error", "message": "Route not found", "data": None, "error_type": "GeneralException"}, 404
        )

    def throttled(self) -> Answer:
        body = {"status": "error", "message": "Too many requests", "data": None, "error_type": "NetworkException"}
        return json_answer(body, 429)

    def _error(self, kind: str, message: str) -> Answer:
        status, name = _ERRORS[kind]
        return json_answer({"status": "error", "message": message, "data": None, "error_type": name}, status)

    # Session ---------------------------------------------------------------------------------------------------

    def _login(self, asked: Asked) -> Answer:
        form = asked.form()
        code = form.get("request_token", "")
        right = hashlib.sha256(f"{API_KEY}{code}{API_SECRET}".encode()).hexdigest()
        if asked.headers.get("x-kite-version") != "3" or form.get("api_key") != API_KEY:
            raise Refused("input", "Invalid `api_key`.")
        if form.get("checksum") != right:
            raise Refused("token", "Invalid `checksum`.")
        if code not in self._codes:
            raise Refused("token", "Token is invalid or has expired.")
        self._codes.discard(code)
        self.logins += 1
        self.tokens = {*(self.tokens if self.alive else ()), token := f"kite-access-token-canary-{self.logins}"}
        self.alive = True
        return _ok(
            {**PROFILE, "api_key": API_KEY, "access_token": token, "public_token": "pub", "enctoken": "enc",
             "refresh_token": "", "silo": "", "login_time": stamp(self.venue.tick())}
        )  # fmt: skip

    def _logout(self, asked: Asked) -> Answer:
        if asked.one("api_key") != API_KEY or asked.one("access_token") not in self.tokens:
            raise Refused("token", "Invalid `access_token`.")
        self.tokens.discard(asked.one("access_token"))
        return _ok(True)

    def _profile(self, asked: Asked) -> Answer:
        return _ok(PROFILE)

    def _funds(self, asked: Asked) -> Answer:
        money = self.venue.money
        equity: dict[str, Any] = {
            "enabled": True,
            "net": money["available"],
            "available": {
                "adhoc_margin": 0, "cash": money["cash"], "opening_balance": money["cash"],
                "live_balance": money["available"], "collateral": money["collateral"], "intraday_payin": 0,
            },
            "utilised": {
                "debits": money["used"], "exposure": 38981.25, "m2m_realised": 761.7, "m2m_unrealised": -12.5,
                "option_premium": 0, "payout": 0, "span": 101989, "holding_sales": 0, "turnover": 0,
                "liquid_collateral": 0, "stock_collateral": 0, "delivery": 0,
            },
        }  # fmt: skip
        closed = {
            "enabled": False,
            "net": 0,
            "available": dict.fromkeys(equity["available"], 0),
            "utilised": dict.fromkeys(equity["utilised"], 0),
        }
        return _ok({"equity": equity, "commodity": closed})

    # Orders ----------------------------------------------------------------------------------------------------

    def _place(self, asked: Asked) -> Answer:
        form, (variety,) = asked.form(), asked.parts
        if variety not in {"regular", "amo", "co", "iceberg", "auction"}:
            raise Refused("input", "Invalid `variety`.")
        for name in ("tradingsymbol", "exchange", "transaction_type", "order_type", "quantity", "product"):
            if not form.get(name):
                raise Refused("input", f"Missing or empty field `{name}`.")
        if form["transaction_type"] not in ("BUY", "SELL") or form["product"] not in ("CNC", "NRML", "MIS", "MTF"):
            raise Refused("input", "Invalid `transaction_type` or `product`.")
        if len(form.get("tag", "")) > 20:
            raise Refused("input", "Invalid `tag`: at most 20 characters.")
        listing = find(form["exchange"], form["tradingsymbol"])
        order = self.venue.place(
            listing,
            side=form["transaction_type"],
            product=form["product"],
            quantity=int(form["quantity"]),
            tag=form.get("tag", ""),
            disclosed=int(form.get("disclosed_quantity", "0")),
            validity=one_of(form.get("validity", "DAY"), "DAY", "IOC", "TTL"),
            variety=variety,
            protection=form.get("market_protection", "0"),
            **terms(form),
        )
        return _ok({"order_id": order.id})

    def _modify(self, asked: Asked) -> Answer:
        form, order = asked.form(), self._own(asked)
        changed = terms({"order_type": order.price_type, "price": f"{order.price}", **form})
        quantity = int(form.get("quantity", order.quantity))
        if quantity < order.filled:
            raise Refused("input", "Quantity cannot be less than the filled quantity.")
        return _ok({"order_id": self.venue.modify(order.id, quantity=quantity, **changed).id})

    def _cancel(self, asked: Asked) -> Answer:
        return _ok({"order_id": self.venue.cancel(self._own(asked).id).id})

    def _own(self, asked: Asked) -> Booked:
        variety, order_id = asked.parts
        order = self.venue.order(order_id)
        if order.more["variety"] != variety:
            raise Refused("order", "Order was placed under another variety.")
        return order

    def _book(self, asked: Asked) -> Answer:
        return _ok([order_row(order) for order in self.venue.orders])

    def _history_of_order(self, asked: Asked) -> Answer:
        """Rows of a history lack several fields, as in the official sample."""
        row = order_row(self.venue.order(asked.parts[0]))
        absent = ("account_id", "status_message_raw", "tags", "guid", "meta", "market_protection", "validity_ttl")
        short = {name: value for name, value in row.items() if name not in (*absent, "exchange_update_timestamp")}
        first = {**short, "status": "PUT ORDER REQ RECEIVED", "filled_quantity": 0, "exchange_order_id": None}
        return _ok([first, short])

    def _trades(self, asked: Asked) -> Answer:
        return _ok(self._trade_rows())

    def _trades_of_order(self, asked: Asked) -> Answer:
        return _ok([row for row in self._trade_rows() if row["order_id"] == asked.parts[0]])

    def _trade_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "trade_id": trade.id, "order_id": trade.order.id, **what(trade.order.listing),
                "product": trade.order.product, "average_price": trade.price, "quantity": trade.quantity,
                "exchange_order_id": trade.order.exchange_id, "transaction_type": trade.order.side,
                "fill_timestamp": stamp(trade.at), "order_timestamp": stamp(trade.at)[11:],
                "exchange_timestamp": stamp(trade.at),
            }
            for trade in self.venue.trades
        ]  # fmt: skip

    # Portfolio -------------------------------------------------------------------------------------------------

    def _positions(self, asked: Asked) -> Answer:
        rows = [position_row(p, self.venue.pictures[p.listing]) for p in self.venue.positions()]
        return _ok({"net": rows, "day": rows})

    def _holdings(self, asked: Asked) -> Answer:
        return _ok(
            [
                {
                    **what(listing), "isin": listing.isin, "product": "CNC", "price": 0, "quantity": quantity - 1,
                    "used_quantity": 0, "t1_quantity": 1, "realised_quantity": quantity - 1,
                    "authorised_quantity": 0, "authorised_date": "2026-01-05 00:00:00", "authorisation": {},
                    "opening_quantity": quantity - 1, "short_quantity": 0, "collateral_quantity": 0,
                    "collateral_type": "", "discrepancy": False, "average_price": average,
                    "last_price": 762.45, "close_price": 766.4, "pnl": -629.2999999999993,
                    "day_change": -3.949999999999932, "day_change_percentage": -0.5153966597077155,
                    "mtf": {"quantity": 0, "used_quantity": 0, "average_price": 0, "value": 0, "initial_margin": 0},
                }
                for listing, quantity, average in HOLDINGS
            ]
        )  # fmt: skip

    def _basket(self, asked: Asked) -> Answer:
        legs = [leg(row) for row in asked.json()]
        rows = [self._margin_row(listing, quantity) for listing, quantity in legs]
        whole = {"type": "", "tradingsymbol": "", "exchange": "", "charges": {"total": 0}}
        return _ok(
            {
                "initial": {**whole, "total": round(sum(row["total"] for row in rows), 2)},
                "final": {**whole, "total": self.venue.margin(legs)},
                "orders": rows,
                "charges": {"total": 0},
            }
        )

    def _margins(self, asked: Asked) -> Answer:
        return _ok([self._margin_row(*leg(row)) for row in asked.json()])

    def _margin_row(self, listing: Listing, quantity: int) -> dict[str, Any]:
        amounts = dict.fromkeys(("span", "exposure", "option_premium", "additional", "bo", "cash", "var"), 0)
        return {
            "type": "equity", **what(listing), **amounts, "pnl": {"realised": 0, "unrealised": 0}, "leverage": 5,
            "charges": {"total": 1.5}, "total": self.venue.margin([(listing, quantity)]),
        }  # fmt: skip

    # Market ----------------------------------------------------------------------------------------------------

    def _asked_listings(self, asked: Asked, most: int) -> dict[str, Listing]:
        """Unknown ones are simply missing from the answer."""
        keys = asked.query.get("i", [])
        if not keys or len(keys) > most:
            raise Refused("input", f"Ask for 1 to {most} instruments.")
        known = {f"{home_of(listing)}:{traded_as(listing)}": listing for listing in LISTED}
        return {key: known[key] for key in keys if key in known}

    def _quote(self, asked: Asked) -> Answer:
        return _ok({k: full_quote(x, self.venue.pictures[x]) for k, x in self._asked_listings(asked, 500).items()})

    def _ohlc(self, asked: Asked) -> Answer:
        found = self._asked_listings(asked, 1000)
        return _ok({k: short_quote(x, self.venue.pictures[x]) for k, x in found.items()})

    def _ltp(self, asked: Asked) -> Answer:
        rows = {k: short_quote(x, self.venue.pictures[x]) for k, x in self._asked_listings(asked, 1000).items()}
        return _ok({k: {n: v for n, v in row.items() if n != "ohlc"} for k, row in rows.items()})

    def _instruments(self, asked: Asked) -> Answer:
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(COLUMNS)
        for listing in LISTED:
            table.writerow(csv_row(listing))
        # What is not ours to trade stands in the same file.
        table.writerow([1026, 4, "GIFT NIFTY", "GIFT NIFTY", "0", "", "0", "0", "0", "EQ", "INDICES", "NSEIX"])
        return Answer(200, out.getvalue().encode(), {"Content-Type": "text/csv"})

    def _history(self, asked: Asked) -> Answer:
        token, interval = asked.parts
        listing = next((x for x in LISTED if str(token_of(x)) == token), None)
        if listing is None or interval not in _INTERVALS:
            raise Refused("input", "Invalid `token` or `interval`.")
        minutes, most = _INTERVALS[interval]
        first, last = moment(asked.one("from")), moment(asked.one("to"))
        if last - first > timedelta(days=most):
            raise Refused("input", f"interval exceeds max limit: {most} days")
        with_oi = asked.one("oi", "0") == "1"
        rows = [
            [b.start.strftime("%Y-%m-%dT%H:%M:%S%z"), b.open, b.high, b.low, b.close, b.volume, *([b.oi] * with_oi)]
            for b in self.venue.candles(listing, minutes, first, last)
        ]
        return _ok({"candles": rows})

    # GTT -------------------------------------------------------------------------------------------------------

    def _place_gtt(self, asked: Asked) -> Answer:
        trigger = trigger_of(asked.form(), str(112127 + len(self.venue.triggers)))
        self.venue.triggers.append(trigger)
        return _ok({"trigger_id": int(trigger.id)})

    def _gtts(self, asked: Asked) -> Answer:
        return _ok([gtt_row(trigger) for trigger in self.venue.triggers])

    def _gtt(self, asked: Asked) -> Answer:
        return _ok(gtt_row(self._trigger(asked)))

    def _modify_gtt(self, asked: Asked) -> Answer:
        old = self._trigger(asked)
        self.venue.triggers[self.venue.triggers.index(old)] = trigger_of(asked.form(), old.id)
        return _ok({"trigger_id": int(old.id)})

    def _delete_gtt(self, asked: Asked) -> Answer:
        trigger = self._trigger(asked)
        trigger.status = "deleted"
        return _ok({"trigger_id": int(trigger.id)})

    def _trigger(self, asked: Asked) -> Trigger:
        found = next((t for t in self.venue.triggers if t.id == asked.parts[0]), None)
        if found is None:
            raise Refused("input", "Trigger not found.")
        return found

    # The ticker ------------------------------------------------------------------------------------------------

    def admit(self, asked: Asked) -> Answer | None:
        right = asked.one("api_key", "") == API_KEY and asked.one("access_token", "") in self.tokens
        if not self.alive or not right:
            return self._error("token", "Incorrect `api_key` or `access_token`.")
        return None

    def greet(self, socket: Socket) -> None:
        socket.send('{"type":"instruments_meta","data":{"count":9,"etag":"W/\\"1\\""}}')
        socket.send(b"\x00")

    def beat(self) -> None:
        """The heartbeat of one byte, to everybody."""
        for socket in self.open_sockets:
            socket.send(b"\x00")

    def heard(self, socket: Socket, message: str | bytes) -> None:
        asked = msgspec.json.decode(message)
        act, value = asked["a"], asked["v"]
        if isinstance(message, bytes) or act not in ("subscribe", "unsubscribe", "mode"):
            socket.send('{"type":"error","data":"invalid message"}')
            return
        mode, tokens = value if act == "mode" else ("quote", value)
        listings = [x for x in LISTED if token_of(x) in tokens]
        if act == "unsubscribe":
            for listing in listings:
                socket.modes.pop(listing, None)
            return
        if act == "mode":
            listings = [x for x in listings if x in socket.modes]
        for listing in listings:
            socket.modes[listing] = mode
        self.show(socket, listings)

    def show(self, socket: Socket, listings: Sequence[Listing]) -> None:
        if listings:
            packets = [packet(x, self.venue.pictures[x], socket.modes[x]) for x in listings]
            socket.send(frame(packets))

    def order_changed(self, order: Booked) -> None:
        row = order_row(order)
        row = {n: v for n, v in row.items() if n not in ("account_id", "modified", "tags", "validity_ttl")}
        partial = order.status == "open" and (order.filled or order.modified)
        data = {
            **row, "status": "UPDATE" if partial else row["status"], "user_id": CLIENT, "app_id": 1234, "checksum": "",
            "unfilled_quantity": 0, "guid": "XXXXXX",
        }  # fmt: skip
        text = msgspec.json.encode({"type": "order", "data": data}).decode()
        for socket in self.open_sockets:
            socket.send(text)
