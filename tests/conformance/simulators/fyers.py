"""Fyers' API v3 as its published protocol has it: REST, the binary data socket, the order socket in JSON."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

import msgspec

from tests.conformance.simulator import Answer, Asked, Route, Simulator, Socket, json_answer
from tests.conformance.simulators.fyers_books import Sides, tbt_frame
from tests.conformance.simulators.fyers_rows import (
    PRODUCTS,
    RESOLUTIONS,
    SEGMENTS,
    back,
    depth_row,
    file_of,
    file_row,
    find,
    fytoken_of,
    gtt_row,
    leg_of,
    order_row,
    position_row,
    quote_row,
    raw_order,
    terms_of,
    ticker_of,
    trade_row,
    what,
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

__all__ = ["APP_ID", "FyersSimulator", "snapshot", "topic_of"]

APP_ID: Final = "ABCD1234XY-100"
SECRET: Final = "fyers0secret0canary"
HSM_KEY: Final = "0123456789abcdef0123456789abcdef"
_INDEX_NAMES = {"NIFTY": "Nifty 50", "SENSEX": "SENSEX"}
_UNSET = -(2**31)
_ERRORS = {"input": (400, -50), "symbol": (400, -300), "order": (400, -51), "token": (401, -15)}


def topic_of(listing: Listing, kind: str) -> str:
    fytoken = fytoken_of(listing)
    name = _INDEX_NAMES[listing.symbol] if listing.kind == "INDEX" else fytoken[10:]
    return f"{kind}|{SEGMENTS[fytoken[:4]]}|{name}"


# The data socket's records ------------------------------------------------------------------------------------------


def _values(kind: str, picture: Picture, precision: int) -> list[int]:
    def price(rupees: float) -> int:
        return round(rupees * 10**precision)

    at = int(picture.at.timestamp())
    if kind == "if":
        return [price(picture.ltp), price(picture.close), at, *map(price, (picture.high, picture.low, picture.open))]
    empty = Level(0.0, 0, 0)
    bids, asks = ((*side, *[empty] * (5 - len(side))) for side in (picture.bids, picture.asks))
    if kind == "dp":
        both = (*bids, *asks)
        return [*(price(x.price) for x in both), *(x.quantity for x in both), *(x.orders for x in both)]
    return [
        price(picture.ltp), picture.volume, int(picture.traded_at.timestamp()), at, bids[0].quantity,
        asks[0].quantity, price(bids[0].price), price(asks[0].price), picture.ltq, picture.buy_quantity,
        picture.sell_quantity, price(picture.average), picture.oi, price(picture.low), price(picture.high), _UNSET,
        _UNSET, price(picture.ltp * 0.9), price(picture.ltp * 1.1), price(picture.open), price(picture.close),
    ]  # fmt: skip


def snapshot(number: int, key: str, listing: Listing, picture: Picture) -> bytes:
    """The first record of a topic: its name, values and scale."""
    precision = 4 if listing.exchange == "CDS" else 2
    values = _values(key[:2], picture, precision)
    _, segment, token = key.split("|")
    texts = b"".join(bytes([len(text)]) + text.encode() for text in (segment, token, listing.symbol))
    head = struct.pack("<BH", 83, number) + bytes([len(key)]) + key.encode() + bytes([len(values)])
    return head + struct.pack(f">{len(values)}i", *values) + b"\x00\x00" + struct.pack(">HB", 1, precision) + texts


def update(number: int, key: str, listing: Listing, old: Picture, new: Picture) -> bytes:
    """What has changed; a field without change is not set."""
    precision = 4 if listing.exchange == "CDS" else 2
    before, after = (_values(key[:2], picture, precision) for picture in (old, new))
    values = [_UNSET if x == y else y for x, y in zip(before, after, strict=True)]
    return struct.pack("<BHB", 85, number, len(values)) + struct.pack(f">{len(values)}i", *values)


def frame(kind: int, body: bytes) -> bytes:
    return struct.pack(">HB", len(body) + 1, kind) + body


_OK: Final = b"\x01\x01\x00\x01K"


class FyersSimulator(Simulator):
    open_routes: ClassVar = frozenset({"_login", "_file"})

    def __init__(self, venue: Venue | None = None) -> None:
        super().__init__(venue)
        self.token = ""
        self._codes: set[str] = set()
        self._message = 0
        self._topics: dict[Socket, dict[str, int]] = {}
        self._books: dict[tuple[Socket, Listing], Sides] = {}
        self._shown: dict[tuple[Socket, str], Picture] = {}

    def credentials(self) -> dict[str, str]:
        code = f"auth-code-canary-{self.logins}"
        self._codes.add(code)
        return {"app_id": APP_ID, "app_secret": SECRET, "s": "ok", "code": "200", "auth_code": code, "state": "x"}

    def routes(self) -> Sequence[Route]:
        api = "/api/v3"
        return (
            Route("GET", "/indus/home/tbtws", self._address),
            Route("POST", f"{api}/validate-authcode", self._login),
            Route("GET", "/sym_details/([A-Z_]+)_sym_master.json", self._file),
            Route("POST", f"{api}/logout", self._logout),
            Route("GET", f"{api}/profile", self._profile),
            Route("GET", f"{api}/funds", self._funds),
            Route("POST", f"{api}/orders/sync", self._place),
            Route("PATCH", f"{api}/orders/sync", self._modify),
            Route("DELETE", f"{api}/orders/sync", self._cancel_by_body),
            Route("DELETE", f"{api}/orders/([^/]+)/sync", self._cancel),
            Route("GET", f"{api}/orders", self._book),
            Route("GET", f"{api}/tradebook", self._trades),
            Route("GET", f"{api}/positions", self._positions),
            Route("GET", f"{api}/holdings", self._holdings),
            Route("POST", f"{api}/multiorder/margin", self._margin),
            Route("GET", "/data/quotes", self._quotes),
            Route("GET", "/data/depth", self._depth),
            Route("GET", "/data/history", self._history),
            Route("POST", f"{api}/gtt/orders/sync", self._place_gtt),
            Route("PATCH", f"{api}/gtt/orders/sync", self._modify_gtt),
            Route("DELETE", f"{api}/gtt/orders/sync", self._cancel_gtt),
            Route("GET", f"{api}/gtt/orders", self._gtts),
        )

    def sockets(self) -> Sequence[str]:
        return ("/hsm/v1-5/prod", "/trade/v3", "/tbt-given")

    # Envelopes -------------------------------------------------------------------------------------------------

    def _ok(self, code: int = 200, message: str = "", **own: Any) -> Answer:
        return json_answer({"s": "ok", "code": code, "message": message, **own})

    def _error(self, status: int, code: int, message: str) -> Answer:
        return json_answer({"s": "error", "code": code, "message": message}, status)

    def authorise(self, asked: Asked) -> Answer | None:
        if not self.alive or not self.token or asked.headers.get("authorization") != f"{APP_ID}:{self.token}":
            return self._error(401, -16, "Could not authenticate the user")
        return None

    def refusal(self, refused: Refused) -> Answer:
        status, code = _ERRORS.get(refused.kind, (400, -99))
        return self._error(status, code, str(refused))

    def unknown_path(self, asked: Asked) -> Answer:
        return json_answer({"message": "Not Found"}, 404)

    def throttled(self) -> Answer:
        answer = self._error(429, -429, "request limit reached")
        return Answer(429, answer.body, {**answer.headers, "Retry-After": "2", "X-Retry-After-Ms": "1500"})

    # Session ---------------------------------------------------------------------------------------------------

    def _login(self, asked: Asked) -> Answer:
        body = asked.json()
        right = hashlib.sha256(f"{APP_ID}:{SECRET}".encode()).hexdigest()
        if body["grant_type"] != "authorization_code" or body["appIdHash"] != right:
            raise Refused("input", "invalid app id hash")
        if body["code"] not in self._codes:
            raise Refused("token", "invalid auth code")
        self._codes.discard(body["code"])
        self.logins += 1
        self.alive = True
        claims = {"fy_id": CLIENT, "hsm_key": HSM_KEY, "exp": 4_000_000_000, "n": self.logins}
        parts = (b'{"typ":"JWT","alg":"HS256"}', msgspec.json.encode(claims), b"signature-canary")
        self.token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        return self._ok(access_token=self.token, refresh_token="eyJ")

    def _logout(self, asked: Asked) -> Answer:
        self.alive = False
        return self._ok(message="you are successfully logged out")

    def _profile(self, asked: Asked) -> Answer:
        return self._ok(data={"name": "ASHA B", "fy_id": CLIENT, "email_id": "x", "totp": True, "pwd_to_expire": 9})

    def _funds(self, asked: Asked) -> Answer:
        money = self.venue.money
        amounts = {2: money["used"], 4: 0.0, 5: money["collateral"], 10: money["available"]}
        rows = [
            {"id": n, "title": "x", "equityAmount": round(amounts.get(n, 1.0) - 50, 2), "commodityAmount": 50}
            for n in range(1, 11)
        ]
        return self._ok(fund_limit=rows)

    # Orders ----------------------------------------------------------------------------------------------------

    def _place(self, asked: Asked) -> Answer:
        body = asked.json()
        listing = find(body["symbol"])
        tag = body.get("orderTag", "")
        if not (tag.isalnum() and len(tag) <= 30) or body["offlineOrder"] is not False:
            raise Refused("input", "Invalid orderTag")
        order = self.venue.place(
            listing, side=back({"BUY": 1, "SELL": -1}, body["side"]), quantity=body["qty"], tag=tag,
            product=back(PRODUCTS, body["productType"]), disclosed=body["disclosedQty"],
            validity=back({"DAY": "DAY", "IOC": "IOC"}, body["validity"]), **terms_of(body, listing),
        )  # fmt: skip
        return self._ok(1101, f"Order submitted successfully. Your Order Ref. No.{order.id}", id=order.id)

    def _modify(self, asked: Asked) -> Answer:
        body = asked.json()
        order = self.venue.order(body["id"])
        self.venue.modify(order.id, quantity=body["qty"], **terms_of(body, order.listing))
        return self._ok(1102, "Successfully modified order", id=order.id)

    def _cancel_by_body(self, asked: Asked) -> Answer:
        return self._ok(1103, "Successfully cancelled order", id=self.venue.cancel(asked.json()["id"]).id)

    def _cancel(self, asked: Asked) -> Answer:
        return self._ok(1103, "Successfully cancelled order", id=self.venue.cancel(asked.parts[0]).id)

    def _book(self, asked: Asked) -> Answer:
        found, tag = asked.one("id", ""), asked.one("order_tag", "")
        orders = [o for o in self.venue.orders if found in ("", o.id) and tag in ("", f"1:{o.tag}")]
        return self._ok(orderBook=[order_row(order) for order in orders] or None)

    def _trades(self, asked: Asked) -> Answer:
        return self._ok(tradeBook=[trade_row(trade) for trade in self.venue.trades])

    # Portfolio -------------------------------------------------------------------------------------------------

    def _positions(self, asked: Asked) -> Answer:
        rows = [position_row(p, self.venue.pictures[p.listing]) for p in self.venue.positions()]
        return self._ok(netPositions=rows, overall={"count_total": len(rows), "pl_total": 0.0})

    def _holdings(self, asked: Asked) -> Answer:
        rows = [
            {
                "holdingType": "HLD", "quantity": quantity + 1, "remainingQuantity": quantity, "costPrice": price,
                "marketVal": 1.0, "pl": 0.0, "ltp": 1.0, "id": number, **what(listing), "qty_t1": 0,
                "fyToken": int(fytoken_of(listing)), "isin": listing.isin, "remainingPledgeQuantity": -1,
                "collateralQuantity": 0,
            }
            for number, (listing, quantity, price) in enumerate(HOLDINGS)
        ]  # fmt: skip
        return self._ok(holdings=rows, overall={"count_total": len(rows)})

    def _margin(self, asked: Asked) -> Answer:
        total = self.venue.margin([leg_of(row) for row in asked.json()["data"]])
        return self._ok(data={"margin_avail": 1999.9, "margin_total": total, "margin_new_order": total})

    # Market ----------------------------------------------------------------------------------------------------

    def _quotes(self, asked: Asked) -> Answer:
        symbols = asked.one("symbols").split(",")
        if len(symbols) > 50:
            raise Refused("input", "At most 50 symbols")
        known = {ticker_of(listing): listing for listing in LISTED}
        rows = [
            quote_row(known[s], self.venue.pictures[known[s]])
            if s in known
            else {"n": s, "s": "error", "v": {"errmsg": "invalid symbol"}}
            for s in symbols
        ]
        return self._ok(d=rows[::-1])

    def _depth(self, asked: Asked) -> Answer:
        listing = find(asked.one("symbol"))
        return json_answer({"s": "ok", "d": {ticker_of(listing): depth_row(self.venue.pictures[listing])}})

    def _history(self, asked: Asked) -> Answer:
        listing, resolution = find(asked.one("symbol")), asked.one("resolution")
        daily = resolution in ("D", "1D")
        if not daily and resolution not in RESOLUTIONS:
            raise Refused("input", "Invalid resolution")
        if asked.one("date_format") == "1":
            first, last = (datetime.fromisoformat(asked.one(n)).replace(tzinfo=IST) for n in ("range_from", "range_to"))
            last += timedelta(days=1, seconds=-1)
        else:
            first, last = (datetime.fromtimestamp(int(asked.one(n)), UTC) for n in ("range_from", "range_to"))
        if last - first > timedelta(days=367 if daily else 100):
            raise Refused("input", "Range exceeds the limit")
        rows = self.venue.candles(listing, 1440 if daily else RESOLUTIONS[resolution], first, last)
        if not rows:
            return json_answer({"s": "no_data", "candles": []})
        # A day is stamped with midnight of its date in London.
        shift = 19_800 if daily else 0
        candles = [[int(b.start.timestamp()) + shift, b.open, b.high, b.low, b.close, b.volume] for b in rows]
        return json_answer({"s": "ok", "candles": candles})

    def _file(self, asked: Asked) -> Answer:
        rows = {ticker_of(x): file_row(x) for x in LISTED if file_of(x) == asked.parts[0]}
        if asked.parts[0] == "NSE_CM":
            other = file_row(LISTED[0]) | {"symTicker": "NSE:SBIN-BE", "fyToken": "101000000099", "exToken": 99}
            rows = {"NSE:SBIN-BE": other, **rows}
        # The venue lists nothing in two of the files, and no file of the broker's is empty.
        return json_answer(rows or {ticker_of(LISTED[0]): file_row(LISTED[0])})

    # GTT -------------------------------------------------------------------------------------------------------

    def _place_gtt(self, asked: Asked) -> Answer:
        body = asked.json()
        listing = find(body["symbol"])
        legs = self._legs(body, listing)
        trigger = Trigger(
            f"2501050000{len(self.venue.triggers):04d}", listing, back({"BUY": 1, "SELL": -1}, body["side"]),
            back(PRODUCTS, body["productType"]), body["orderInfo"]["leg1"]["qty"], legs,
        )  # fmt: skip
        self.venue.triggers.append(trigger)
        return self._ok(1101, "Successfully placed order", id=trigger.id)

    def _legs(self, body: dict[str, Any], listing: Listing) -> tuple[tuple[float, float], ...]:
        """Of a pair, leg 1 lies above the market and leg 2 below it."""
        info = body["orderInfo"]
        legs = [(float(info[n]["triggerPrice"]), float(info[n]["price"])) for n in ("leg1", "leg2") if n in info]
        ltp = self.venue.pictures[listing].ltp
        if len(legs) == 2 and not legs[0][0] > ltp > legs[1][0]:
            raise Refused("input", "leg1 trigger must be above and leg2 trigger below the LTP")
        return tuple(sorted(legs))

    def _modify_gtt(self, asked: Asked) -> Answer:
        body, trigger = asked.json(), self._trigger(asked)
        trigger.legs = self._legs(body, trigger.listing)
        return self._ok(1102, "Successfully modified order", id=trigger.id)

    def _cancel_gtt(self, asked: Asked) -> Answer:
        trigger = self._trigger(asked)
        trigger.status = "cancelled"
        return self._ok(1103, "Successfully cancelled order", id=trigger.id)

    def _trigger(self, asked: Asked) -> Trigger:
        found = next((t for t in self.venue.triggers if t.id == asked.json()["id"]), None)
        if found is None:
            raise Refused("order", "Invalid order id")
        return found

    def _gtts(self, asked: Asked) -> Answer:
        return self._ok(orderBook=[gtt_row(trigger) for trigger in self.venue.triggers])

    # The sockets -----------------------------------------------------------------------------------------------

    def admit(self, asked: Asked) -> Answer | None:
        right = self.alive and asked.headers.get("authorization") == f"{APP_ID}:{self.token}"
        return Answer(403, b"") if asked.path != "/hsm/v1-5/prod" and not right else None

    def heard(self, socket: Socket, message: str | bytes) -> None:
        if socket.path == "/trade/v3":
            if message == "ping":
                socket.send("pong")
            elif msgspec.json.decode(message) == {"T": "SUB_ORD", "SLIST": ["orders", "trades"], "SUB_T": 1}:
                socket.facts["orders"] = "yes"
                socket.send('{"code":1605,"message":"Successfully subscribed","s":"ok"}')
            return
        if socket.path == "/tbt-given":
            self._heard_tbt(socket, message)
            return
        assert isinstance(message, bytes)
        if message == b"\x00\x01\x0b":
            return
        kind, fields = message[2], _fields(message)
        if kind == 1:
            self._auth(socket, fields)
        elif "in" not in socket.facts:
            socket.close()
        elif kind == 12:
            socket.facts["mode"] = fields[2].decode()
            socket.send(frame(12, _OK))
        elif kind in (4, 5) and socket.facts.get("mode") == "F" and fields[2] == b"\x0b":
            socket.send(frame(kind, _OK))
            self._keys(socket, _key_list(fields[1]), on=kind == 4)
        elif kind == 3:
            socket.facts["acknowledged"] = str(int.from_bytes(fields[1], "big"))

    def _address(self, asked: Asked) -> Answer:
        return self._ok(data={"socket_url": f"{self.feed_url}/tbt-given"})

    def _heard_tbt(self, socket: Socket, message: str | bytes) -> None:
        if message == "ping":
            socket.send("pong")
            return
        asked = msgspec.json.decode(message)
        data = asked["data"]
        if asked["type"] == 2:
            socket.facts["flows"] = ",".join(data["resumeChannels"])
            return
        assert (data["mode"], data["channel"]) == ("depth", "1")
        for listing in [x for x in LISTED if ticker_of(x) in data["symbols"]]:
            self._books.pop((socket, listing), None)
            if data["subs"] == 1 and len(socket.modes) < 5:
                socket.modes[listing] = "depth"
                self.show(socket, [listing])
            elif data["subs"] == -1:
                socket.modes.pop(listing, None)

    def _show_book(self, socket: Socket, listing: Listing) -> None:
        """Whole at first; then the levels that changed, and of these what changed."""
        if socket.facts.get("flows") != "1":
            return
        old, new = self._books.get((socket, listing)), self.venue.deep(listing, 50)
        self._books[socket, listing] = new
        socket.send(tbt_frame(ticker_of(listing), old, new, int(self.venue.pictures[listing].at.timestamp())))

    def _auth(self, socket: Socket, fields: dict[int, bytes]) -> None:
        right = self.alive and fields[1].decode() == HSM_KEY and (fields[2], fields[3]) == (b"P", b"\x01")
        if right:
            socket.facts["in"] = "yes"
            socket.send(frame(1, b"\x02\x01\x00\x01K\x02\x00\x04" + struct.pack(">I", 5)))
        else:
            socket.force(frame(1, b"\x01\x01\x00\x01E"))

    def _keys(self, socket: Socket, keys: list[str], *, on: bool) -> None:
        topics = self._topics.setdefault(socket, {})
        by_key = {topic_of(x, k): x for x in LISTED for k in (("if",) if x.kind == "INDEX" else ("sf", "dp"))}
        for key in keys:
            if on:
                topics[key] = len(topics) + 1
                self._shown.pop((socket, key), None)
            else:
                topics.pop(key, None)
        wanted = {by_key[key] for key in topics}
        for listing in list(socket.modes):
            if listing not in wanted:
                del socket.modes[listing]
        socket.modes.update(dict.fromkeys(wanted, "F"))
        self.show(socket, [by_key[key] for key in keys] if on else [])

    def show(self, socket: Socket, listings: Sequence[Listing]) -> None:
        if socket.path == "/tbt-given":
            for listing in listings:
                self._show_book(socket, listing)
            return
        records = []
        for key, number in self._topics.get(socket, {}).items():
            listing = next(
                (x for x in listings if key in (topic_of(x, "sf"), topic_of(x, "dp"), topic_of(x, "if"))), None
            )
            if listing is None:
                continue
            old, new = self._shown.get((socket, key)), self.venue.pictures[listing]
            self._shown[socket, key] = new
            records.append(
                snapshot(number, key, listing, new) if old is None else update(number, key, listing, old, new)
            )
        if records:
            self._message += 1
            socket.send(frame(6, struct.pack(">IH", self._message, len(records)) + b"".join(records)))

    def order_changed(self, order: Booked) -> None:
        text = msgspec.json.encode({"orders": raw_order(order), "s": "ok"}).decode()
        for socket in self.open_sockets:
            if socket.facts.get("orders"):
                socket.send(text)


def _fields(message: bytes) -> dict[int, bytes]:
    """Fields of a request; its own length field is not to be believed."""
    found, at = {}, 4
    for _ in range(message[3]):
        number, size = struct.unpack_from(">BH", message, at)
        found[number] = message[at + 3 : at + 3 + size]
        at += 3 + size
    return found


def _key_list(body: bytes) -> list[str]:
    (count,), at, found = struct.unpack_from(">H", body), 2, []
    for _ in range(count):
        found.append(body[at + 1 : at + 1 + body[at]].decode())
        at += 1 + body[at]
    return found
