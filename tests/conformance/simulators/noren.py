"""The Noren order system as its published protocol has it: jData calls, JSON socket; four members by what differs."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import unquote

import msgspec

from tests.conformance.simulator import Answer, Asked, Route, Simulator, Socket, json_answer
from tests.conformance.simulators.noren_rows import (
    candle_row,
    dated_row,
    exchange_of,
    gtt_row,
    holding_row,
    master_lines,
    order_row,
    position_row,
    quote_row,
    report_of,
    tick_row,
    trade_part,
    traded_as,
)
from tests.conformance.venue import CLIENT, HOLDINGS, IST, LISTED, Booked, Listing, Refused, Trigger, Venue

__all__ = ["FlattradeSimulator", "NorenSimulator", "ShoonyaSimulator", "TradesmartSimulator", "ZebuSimulator"]

_KEY: Final = "AB1234_U"
_SECRET: Final = "noren-secret-canary"
_MINUTES: Final = {"1": 5, "3": 10, "5": 20, "10": 40, "15": 60, "30": 90, "60": 180, "120": 180, "240": 365}
_PRODUCTS: Final = {"C": "CNC", "M": "NRML", "I": "MIS"}
_SIDES: Final = {"B": "BUY", "S": "SELL"}
_TYPES: Final = {"LMT": "LIMIT", "SL-LMT": "SL", "MKT": "MARKET", "SL-MKT": "SL-M"}


class NorenSimulator(Simulator):
    """What the members share. ``oauth``: Bearer for a code; else a jKey for a request code."""

    open_routes: ClassVar = frozenset({"_login", "_token", "_master"})
    prefix: ClassVar[str]
    oauth: ClassVar[bool] = True
    files: ClassVar[dict[str, str]]
    """Path of each exchange's master."""
    paise_ticks: ClassVar[bool] = True
    order_ack: ClassVar[bool] = True
    automatic: ClassVar[bool] = False
    has_gtt: ClassVar[bool] = True
    basket: ClassVar[bool] = True

    def __init__(self, venue: Venue | None = None) -> None:
        super().__init__(venue)
        self.venue.id_of = lambda n: f"260105{n:08d}"
        self.token = ""
        self._codes: set[str] = set()
        self._told: dict[str, int] = {}

    def credentials(self) -> dict[str, str]:
        code = f"code-{len(self._codes)}"
        self._codes.add(code)
        name = "code" if self.oauth else "request_code"
        return {"client_id": _KEY, "client_secret": _SECRET, name: code, "client": CLIENT}

    def routes(self) -> Sequence[Route]:
        calls = {
            "Logout": self._logout, "UserDetails": self._user, "PlaceOrder": self._place, "ModifyOrder": self._modify,
            "CancelOrder": self._cancel, "OrderBook": self._book, "SingleOrdHist": self._history_of_order,
            "TradeBook": self._trades, "PositionBook": self._positions, "Holdings": self._holdings,
            "Limits": self._limits, "GetQuotes": self._quotes, "TPSeries": self._series, "EODChartData": self._days,
            "GetOrderMargin": self._order_margin,
        }  # fmt: skip
        if self.basket:
            calls["GetBasketMargin"] = self._basket_margin
        if self.has_gtt:
            calls |= {
                "PlaceGTTOrder": self._place_gtt, "PlaceOCOOrder": self._place_gtt, "ModifyGTTOrder": self._modify_gtt,
                "ModifyOCOOrder": self._modify_gtt, "CancelGTTOrder": self._cancel_gtt,
                "CancelOCOOrder": self._cancel_gtt, "GetPendingGTTOrder": self._gtts,
            }  # fmt: skip
        files = [Route("GET", path, self._master) for path in self.files.values()]
        login = Route("POST", f"{self.prefix}GenAcsTok", self._login)
        token = Route("POST", "/trade/apitoken", self._token)
        return [*(Route("POST", self.prefix + n, f) for n, f in calls.items()), login if self.oauth else token, *files]

    def sockets(self) -> Sequence[str]:
        return ("/",)

    # Errors ----------------------------------------------------------------------------------------------------

    def authorise(self, asked: Asked) -> Answer | None:
        given = asked.headers.get("authorization", "") if self.oauth else _part(asked, "jKey")
        right = f"Bearer {self.token}" if self.oauth else self.token
        if self.alive and self.token and given == right:
            return None
        return _no("Session Expired :  Invalid Session Key", 401 if self.oauth else 200)

    def refusal(self, refused: Refused) -> Answer:
        return _no(
            {"input": f"Invalid Input :  {refused}", "order": f"Rejected : {refused}"}.get(refused.kind, str(refused))
        )

    def unknown_path(self, asked: Asked) -> Answer:
        return Answer(404, b"<html>Not Found</html>", {"Content-Type": "text/html"})

    def throttled(self) -> Answer:
        return _no("Invalid Input :  Order Recieved 11 in a current second exceeds Limit 10 for user")

    # Session ---------------------------------------------------------------------------------------------------

    def _enter(self, code: str, right: bool, wrong: str) -> str:
        if not right or code not in self._codes:
            raise Refused("", wrong)
        self._codes.discard(code)
        self.logins += 1
        self.alive = True
        self.token = f"noren-token-canary-{self.logins}"
        return self.token

    def _login(self, asked: Asked) -> Answer:
        data = _data(asked)
        digest = hashlib.sha256((_KEY + _SECRET + data["code"]).encode()).hexdigest()
        token = self._enter(data["code"], data["checksum"] == digest, "Invalid Input : INVALID_VERIFIER")
        return json_answer(
            {
                "stat": "Ok", "request_time": "09:05:11 05-01-2026", "access_token": token, "expires_in": "4102444800",
                "refresh_token": "9b1d", "susertoken": token, "lastaccesstime": "1767584111", "scope": "",
                "USERID": CLIENT, "actid": CLIENT, "uname": "A PERSON", "exarr": ["NSE", "NFO"], "brkname": "X",
            }
        )  # fmt: skip

    def _token(self, asked: Asked) -> Answer:
        data = asked.json()
        digest = hashlib.sha256((_KEY + data["request_code"] + _SECRET).encode()).hexdigest()
        right = data["api_key"] == _KEY and data["api_secret"] == digest
        try:
            token = self._enter(data["request_code"], right, "Invalid Input :  Invalid Api Secret")
        except Refused as error:
            return json_answer({"token": "", "client": "", "status": "Not_Ok", "emsg": str(error)})
        return json_answer({"token": token, "client": CLIENT, "status": "Ok", "emsg": ""})

    def _logout(self, asked: Asked) -> Answer:
        self.alive = False
        return json_answer({"stat": "Ok", "request_time": "10:00:00 05-01-2026"})

    def _user(self, asked: Asked) -> Answer:
        products = [{"prd": "C", "s_prdt_ali": "Delivery", "exch": ["NSE", "BSE"]}, {"prd": "I", "exch": ["NSE"]}]
        body = {"stat": "Ok", "actid": CLIENT, "exarr": ["NSE", "BSE", "NFO"], "prarr": products, "uprev": "INVESTOR"}
        return json_answer(body | {"orarr": ["LMT", "SL-LMT"], "email": "a@example.com", "brkname": "X"})

    # Orders ----------------------------------------------------------------------------------------------------

    def _listing(self, data: dict[str, Any]) -> Listing:
        # Order calls take the symbol percent-encoded as well, as the official library sends it.
        asked = (data["exch"], unquote(data["tsym"]))
        found = [x for x in LISTED if (exchange_of(x), traded_as(x)) == asked]
        if len(found) != 1:
            raise Refused("input", "Invalid Trading Symbol")
        return found[0]

    def _terms(self, data: dict[str, Any], validity: str = "DAY") -> dict[str, Any]:
        kind = data["prctyp"]
        trigger = float(data["trgprc"]) if kind.startswith("SL") else 0.0
        validity = data.get("ret", validity)
        return {"price_type": _TYPES[kind], "price": float(data["prc"]), "trigger": trigger, "validity": validity}

    def _place(self, asked: Asked) -> Answer:
        data = _data(asked)
        if data["actid"] != CLIENT or data.get("amo", "Yes") != "Yes":
            raise Refused("input", "Invalid AMO")
        if data["prctyp"] == "LMT" and data.get("trgprc", "0") not in ("0", "None"):
            raise Refused("", "Trigger price invalid - 0.00")
        terms = self._terms(data)
        order = self.venue.place(
            self._listing(data), side=_SIDES[data["trantype"]], product=_PRODUCTS[data["prd"]],
            quantity=int(data["qty"]), tag=data.get("remarks", ""), disclosed=int(data.get("dscqty", "0")), **terms,
        )  # fmt: skip
        if terms["price_type"] in ("MARKET", "SL-M"):
            self.venue.reject(order, "ALGO_CHK: MKT Order type not allowed for API order")
        return json_answer({"request_time": "10:15:30 05-01-2026", "stat": "Ok", "norenordno": order.id})

    def _own(self, data: dict[str, Any]) -> Booked:
        try:
            return self.venue.order(data["norenordno"])
        except Refused:
            raise Refused("order", "ORA:Order not found") from None

    def _modify(self, asked: Asked) -> Answer:
        data = _data(asked)
        order = self._own(data)
        if self._listing(data) is not order.listing or int(data["qty"]) < order.filled:
            raise Refused("input", "Invalid quantity or symbol")
        if data["prctyp"] == "LMT" and "trgprc" in data:
            raise Refused("", "Trigger price invalid - 0.00")
        self.venue.modify(order.id, quantity=int(data["qty"]), **self._terms(data, order.validity))
        return json_answer({"stat": "Ok", "result": order.id, "request_time": "10:15:31 05-01-2026"})

    def _cancel(self, asked: Asked) -> Answer:
        order = self.venue.cancel(self._own(_data(asked)).id)
        return json_answer({"stat": "Ok", "result": order.id, "request_time": "10:15:31 05-01-2026"})

    def _book(self, asked: Asked) -> Answer:
        return _rows([order_row(order) for order in self.venue.orders])

    def _history_of_order(self, asked: Asked) -> Answer:
        order = self._own(_data(asked))
        first = order_row(order) | {"status": "PENDING", "rpt": "NewAck", "fillshares": "0", "avgprc": "0.00"}
        return _rows([order_row(order), first])

    def _trades(self, asked: Asked) -> Answer:
        done: dict[str, int] = {}
        rows = []
        for trade in self.venue.trades:
            done[trade.order.id] = done.get(trade.order.id, 0) + trade.quantity
            rows.append(order_row(trade.order) | trade_part(trade) | {"fillshares": str(done[trade.order.id])})
        return _rows(rows)

    # The account -----------------------------------------------------------------------------------------------

    def _positions(self, asked: Asked) -> Answer:
        return _rows([position_row(p, self.venue.pictures[p.listing]) for p in self.venue.positions()])

    def _holdings(self, asked: Asked) -> Answer:
        assert _data(asked)["prd"] == "C"
        return _rows([holding_row(*held) for held in HOLDINGS])

    def _limits(self, asked: Asked) -> Answer:
        money = self.venue.money
        body = {
            "cash": money["cash"],
            "payin": 0,
            "payout": 0,
            "brkcollamt": money["collateral"],
            "marginused": money["used"],
        }
        return json_answer({"stat": "Ok", "actid": CLIENT, **{name: f"{value:.2f}" for name, value in body.items()}})

    def _leg(self, data: dict[str, Any]) -> tuple[Listing, int]:
        self._terms(data)
        return self._listing(data), int(data["qty"])

    def _basket_margin(self, asked: Asked) -> Answer:
        data = _data(asked)
        legs = [self._leg(each) for each in (data, *data["basketlists"])]
        alone = sum(self.venue.margin([each]) for each in legs)
        body = {"marginused": f"{alone:.2f}", "marginusedtrade": f"{self.venue.margin(legs):.2f}", "remarks": ""}
        return json_answer({"stat": "Ok", "request_time": "10:15:31 05-01-2026", **body})

    def _order_margin(self, asked: Asked) -> Answer:
        data = _data(asked)
        need = f"{self.venue.margin([self._leg(data)]):.2f}"
        assert (data["rorgqty"], data["rorgprc"]) == ("0", "0")
        body = {"cash": "100000.00", "ordermargin": need, "marginused": "9.00", "marginusedprev": "0.00"}
        return json_answer({"stat": "Ok", "remarks": "Order Success", **body})

    # Market ----------------------------------------------------------------------------------------------------

    def _scrip(self, data: dict[str, Any]) -> Listing:
        found = [x for x in LISTED if (exchange_of(x), str(x.number)) == (data["exch"], data["token"])]
        if len(found) != 1:
            raise Refused("input", "Invalid Token")
        return found[0]

    def _quotes(self, asked: Asked) -> Answer:
        listing = self._scrip(_data(asked))
        return json_answer(quote_row(listing, self.venue.pictures[listing]))

    def _series(self, asked: Asked) -> Answer:
        data = _data(asked)
        first, last = (datetime.fromtimestamp(int(data[name]), IST) for name in ("st", "et"))
        if last - first > timedelta(days=_MINUTES[data["intrv"]], seconds=1):
            return _no("Server Timeout :  ", 200)
        bars = self.venue.candles(self._scrip(data), int(data["intrv"]), first, last)
        return _rows([candle_row(bar) for bar in bars][::-1])

    def _days(self, asked: Asked) -> Answer:
        data = _data(asked)
        exchange, _, name = data["sym"].partition(":")
        listing = next((x for x in LISTED if exchange_of(x) == exchange and name in (traded_as(x), x.index_name)), None)
        if listing is None:
            raise Refused("input", "Invalid symbol")
        first, last = int(data["from"]), int(data["to"])
        from_day, to_day = (datetime.fromtimestamp(x, UTC).astimezone(IST) for x in (first - 86_400, last + 86_400))
        rows = [dated_row(bar) for bar in self.venue.candles(listing, 1440, from_day, to_day)]
        return _rows([msgspec.json.encode(r).decode() for r in rows if first <= int(r["ssboe"]) <= last][::-1])

    def _master(self, asked: Asked) -> Answer:
        exchange = next(key for key, path in self.files.items() if path == asked.path)
        text = "\n".join(master_lines(exchange, self.paise_ticks)).encode()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{exchange}_symbols.txt", text)
        return Answer(200, buffer.getvalue(), {"Content-Type": "application/zip"})

    # GTT -------------------------------------------------------------------------------------------------------

    def _trigger(self, data: dict[str, Any], gtt_id: str) -> Trigger:
        if data["validity"] != "GTT":
            raise Refused("", "Invalid Oi")
        if data["ai_t"] == "LMT_BOS_O":
            marks = {each["var_name"]: float(each["d"]) for each in data["oivariable"]}
            orders = (data["place_order_params_leg2"], data["place_order_params"])
            legs = tuple((marks[n], float(o["prc"])) for n, o in zip("yx", orders, strict=True))
            assert marks["y"] < marks["x"]
            data |= data["place_order_params"]
        else:
            last = self.venue.pictures[self._listing(data)].ltp
            assert (data["ai_t"] == "LTP_A_O") == (float(data["d"]) >= last)
            legs = ((float(data["d"]), float(data["prc"])),)
        side, product = _SIDES[data["trantype"]], _PRODUCTS[data["prd"]]
        return Trigger(gtt_id, self._listing(data), side, product, int(data["qty"]), legs)

    def _place_gtt(self, asked: Asked) -> Answer:
        trigger = self._trigger(_data(asked), f"2601050000{len(self.venue.triggers):04d}")
        self.venue.triggers.append(trigger)
        return json_answer({"request_time": "10:15:31 05-01-2026", "stat": "Oi created", "Al_id": trigger.id})

    def _find_gtt(self, data: dict[str, Any], pair: bool) -> Trigger:
        found = next((t for t in self.venue.triggers if t.id == data["al_id"] and t.status == "active"), None)
        if found is None or (len(found.legs) == 2) != pair:
            raise Refused("", "Invalid Oi")
        return found

    def _modify_gtt(self, asked: Asked) -> Answer:
        data = _data(asked)
        old = self._find_gtt(data, "OCO" in asked.path)
        self.venue.triggers[self.venue.triggers.index(old)] = self._trigger(data, old.id)
        return json_answer({"stat": "Oi Replaced", "Al_id": old.id})

    def _cancel_gtt(self, asked: Asked) -> Answer:
        found = self._find_gtt(_data(asked), "OCO" in asked.path)
        found.status = "cancelled"
        return json_answer([{"stat": "Oi delete success", "al_id": found.id}])

    def _gtts(self, asked: Asked) -> Answer:
        return _rows([gtt_row(t) for t in self.venue.triggers if t.status == "active"])

    # The socket ------------------------------------------------------------------------------------------------

    def admit(self, asked: Asked) -> Answer | None:
        return None

    def heard(self, socket: Socket, message: str | bytes) -> None:
        asked = msgspec.json.decode(message)
        kind = asked["t"]
        if kind == "h":
            socket.send('{"t":"hk","hk":"1767594393"}')
        elif kind == "a":
            right = self.alive and asked["accesstoken"] == self.token and asked["uid"] == asked["actid"] == CLIENT
            socket.facts["in"] = "yes" if right else ""
            if right and self.automatic:
                socket.facts["orders"] = "yes"
            socket.send(_frame({"t": "ak", "uid": CLIENT, "s": "OK" if right else "Not_Ok"}))
        elif not socket.facts.get("in"):
            socket.close()
        elif kind == "o":
            socket.facts["orders"] = "yes"
            if self.order_ack:
                socket.send('{"t":"ok"}')
        elif kind in ("t", "d"):
            self._subscribe(socket, kind, asked["k"].split("#"))
        elif kind in ("u", "ud"):
            for listing in self._known(asked["k"].split("#")):
                socket.modes.pop(listing, None)
            socket.send(_frame({"t": f"{kind}k", "k": asked["k"]}))

    def _known(self, keys: Sequence[str]) -> list[Listing]:
        by_key = {f"{exchange_of(x)}|{x.number}": x for x in LISTED}
        return [by_key[key] for key in keys if key in by_key]

    def _subscribe(self, socket: Socket, kind: str, keys: Sequence[str]) -> None:
        for listing in self._known(keys):
            socket.modes[listing] = kind
            socket.send(_frame(tick_row(listing, self.venue.pictures[listing], f"{kind}k")))

    def show(self, socket: Socket, listings: Sequence[Listing]) -> None:
        """Changes only: the last price, the volume and one level."""
        for listing in listings:
            whole = tick_row(listing, self.venue.pictures[listing], f"{socket.modes[listing]}f")
            kept = ("t", "e", "tk", "ft", "lp", "v", "bq1", "oi")
            socket.send(_frame({name: whole[name] for name in kept if name in whole}))

    def order_changed(self, order: Booked) -> None:
        fresh = order.filled - self._told.get(order.id, 0)
        known = order.id in self._told
        self._told[order.id] = order.filled
        frames = []
        if not known:
            frames.append(self._update(order) | {"status": "PENDING", "reporttype": "NewAck"})
        trade = self.venue.trades[-1] if fresh else None
        frames.append(self._update(order) | (trade_part(trade) | {"reporttype": "Fill"} if trade is not None else {}))
        for socket in self.open_sockets:
            if socket.facts.get("orders"):
                for frame in frames:
                    socket.send(_frame(frame))

    def _update(self, order: Booked) -> dict[str, str]:
        row = order_row(order)
        own = {
            "t": "om",
            "pcode": row["prd"],
            "reporttype": report_of(order),
            "tm": str(int(order.updated_at.timestamp())),
        }
        return {name: value for name, value in row.items() if name not in ("stat", "rpt", "norentm")} | own


def _frame(fields: dict[str, str]) -> str:
    return msgspec.json.encode(fields).decode()


def _part(asked: Asked, name: str) -> str:
    """A field of the body as the order system cuts it: at every ampersand."""
    parts = dict(part.partition("=")[::2] for part in asked.body.decode().split("&"))
    return parts.get(name, "")


def _data(asked: Asked) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.json.decode(_part(asked, "jData"))
    except msgspec.DecodeError:
        raise Refused("input", "jData is not valid json object") from None
    found = {name: value for name, value in found.items() if value is not None}
    for name, value in found.items():
        if not isinstance(value, str) and name not in (
            "basketlists", "oivariable", "place_order_params", "place_order_params_leg2",
        ):  # fmt: skip
            raise Refused("input", f"Invalid {name}")
    return found


def _no(text: str, status: int = 200) -> Answer:
    return json_answer({"stat": "Not_Ok", "request_time": "10:15:31 05-01-2026", "emsg": text}, status)


def _rows(rows: Sequence[Any]) -> Answer:
    return json_answer(rows) if rows else _no('Error Occurred : 5 "no data"')


def _zips(*exchanges: str) -> dict[str, str]:
    return {exchange: f"/{exchange}_symbols.txt.zip" for exchange in exchanges}


class ShoonyaSimulator(NorenSimulator):
    prefix = "/NorenWClientAPI/"
    files = _zips("NSE", "NFO", "CDS", "MCX", "BSE", "BFO", "NCX")

    def authorise(self, asked: Asked) -> Answer | None:
        if asked.path.endswith(("TPSeries", "EODChartData")) and _part(asked, "jKey") != self.token:
            return _no("Session Expired :  Invalid Session Key")
        return super().authorise(asked)


class FlattradeSimulator(NorenSimulator):
    prefix = "/PiConnectAPI/"
    oauth = False
    order_ack = False
    files: ClassVar = {
        "NSE": "/scripmaster/NSE_Equity.csv", "BSE": "/scripmaster/BSE_Equity.csv",
        "NFO": "/scripmaster/Nfo_Equity_Derivatives.csv", "NFO index": "/scripmaster/Nfo_Index_Derivatives.csv",
        "CDS": "/scripmaster/Currency_Derivatives.csv", "MCX": "/scripmaster/Commodity.csv",
        "BFO": "/scripmaster/Bfo_Index_Derivatives.csv", "BFO index": "/scripmaster/Bfo_Equity_Derivatives.csv",
    }  # fmt: skip

    def _master(self, asked: Asked) -> Answer:
        """Their own columns, without a tick size; index contracts lie in files of their own."""
        exchange = next(key for key, path in self.files.items() if path == asked.path)
        wanted = [x for x in LISTED if exchange_of(x) == exchange[:3] and x.number != 1]
        if exchange[:3] == "NFO":
            wanted = [x for x in wanted if (x.underlying == "NIFTY") == exchange.endswith("index")]
        lines = ["Exchange,Token,Lotsize,Symbol,Tradingsymbol,Instrument,Expiry,Strike,Optiontype"]
        for x in wanted if "BFO" not in exchange else ():
            series = "INDEX" if x.kind == "INDEX" else {"FUT": "FUTIDX", "EQ": "EQ"}.get(x.kind, "OPTIDX")
            expiry = f"{x.expiry:%d-%b-%Y}".upper() if x.expiry else ""
            name = x.underlying or x.index_name or x.symbol
            option = x.kind if x.kind in ("CE", "PE") else "XX"
            lines.append(
                f"{exchange[:3]},{x.number},{x.lot or 1},{name},{traded_as(x)},{series},{expiry},{x.strike:g},{option}"
            )
        return Answer(200, "\n".join(lines).encode(), {"Content-Type": "text/csv"})


class ZebuSimulator(NorenSimulator):
    prefix = "/NorenWClientAPI/"
    files = _zips("NSE", "NFO", "CDS", "MCX", "BSE", "BFO")
    paise_ticks = False


class TradesmartSimulator(NorenSimulator):
    prefix = "/NorenWClientAPIv2/"
    files = _zips("NSE", "NFO", "CDS", "MCX", "BSE", "BFO")
    automatic = True
    has_gtt = False
    basket = False
