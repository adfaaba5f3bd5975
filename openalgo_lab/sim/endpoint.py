"""The simulated exchange's API as values: a request in, a response out; feed messages in, messages out. No I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np

from openalgo_lab.model.errors import InputError, SymbolError
from openalgo_lab.model.market import QUOTE_FIELDS
from openalgo_lab.model.times import trade_date
from openalgo_lab.sim.account import to_paise
from openalgo_lab.sim.clients import Client
from openalgo_lab.sim.records import VenueOrder, VenueTrade
from openalgo_lab.sim.rules import Code, Refusal
from openalgo_lab.sim.tape import DEPTH, LTP, QUOTE, Look, Reader, Tape
from openalgo_lab.sim.venue import Update, Venue
from openalgo_lab.sim.words import (
    OrderBody,
    Row,
    Session,
    funds_row,
    holding_row,
    instrument_row,
    order_id,
    order_number,
    order_row,
    position_rows,
    terms_of,
    trade_row,
)
from openalgo_lab.wire.transport import HttpRequest, HttpResponse

__all__ = ["Endpoint", "Unauthorised"]

_JSON: Final = (("content-type", "application/json"),)
_CLIENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_MODES: Final = {"P": LTP, "Q": QUOTE, "D": DEPTH}
_MAX_BODY: Final = 1 << 20
_STATUS: Final = {Code.HALTED: 503, Code.NO_ORDER: 404, Code.DONE: 409}


class _Quotes(msgspec.Struct, frozen=True):
    toks: list[int]


class _FeedRequest(msgspec.Struct, frozen=True):
    op: str
    toks: list[int]
    mode: str = ""


class _Refused(Exception):
    """An answer that is no success: status, code, sentence."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


class Unauthorised(_Refused):
    """No live token."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(401, code, text)


Handler = Callable[[str, str, HttpRequest], object]


class Endpoint:
    """Requests of all clients to one venue, and the readers of its feed.

    Tokens are derived from client and day, so they outlive a restart and die at midnight; `expire_tokens` kills
    them at once.
    """

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.tape = Tape(venue.market, lambda token: self.venue.catalogue.get(token) is not None)
        self._listed = venue.catalogue
        self._epoch = 0
        self._sequence: dict[str, int] = {}
        self._listing: tuple[object, bytes] = (None, b"")
        venue.listen(self._on_update)

    # HTTP ------------------------------------------------------------------------------------------------------

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; whatever is wrong with it is an error body, never an exception."""
        try:
            return self._handle(request)
        except _Refused as refused:
            return _error(refused.status, refused.code, refused.text)
        except Refusal as refusal:
            return _error(_STATUS.get(refusal.code, 400), refusal.code.value, str(refusal))
        except msgspec.DecodeError as error:
            return _error(400, "BODY", f"The body cannot be read: {error}.")
        except (InputError, SymbolError) as error:
            return _error(400, "ARGUMENT", str(error))

    def _handle(self, request: HttpRequest) -> HttpResponse:
        if len(request.body) > _MAX_BODY:
            raise _Refused(413, "BODY", "The body is too large; send at most 1 MiB.")
        parts = urlsplit(request.path)
        segments = parts.path.strip("/").split("/")
        if (request.method, segments) == ("POST", ["session"]):
            return _json(self._log_in(request))
        client = self.authorise(request.headers)
        handler = self._route(request.method, segments)
        argument = segments[1] if len(segments) > 1 else parts.query
        answer = handler(client, argument, request)
        return answer if isinstance(answer, HttpResponse) else _json(answer)

    def _route(self, method: str, segments: list[str]) -> Handler:
        shape = (method, segments[0], len(segments))
        routes: dict[tuple[str, str, int], Handler] = {
            ("POST", "orders", 1): self._place,
            ("PUT", "orders", 2): self._modify,
            ("DELETE", "orders", 2): self._cancel,
            ("GET", "orders", 1): self._orders,
            ("GET", "orders", 2): self._order,
            ("GET", "trades", 1): self._trades,
            ("GET", "positions", 1): self._positions,
            ("GET", "holdings", 1): self._holdings,
            ("GET", "funds", 1): self._funds,
            ("POST", "margin", 1): self._margin,
            ("POST", "quotes", 1): self._quotes,
            ("GET", "depth", 2): self._depth,
            ("GET", "history", 1): self._history,
            ("GET", "instruments", 1): self._instruments,
        }
        found = routes.get(shape)
        if found is None:
            raise _Refused(404, "ROUTE", f"There is no {method} /{'/'.join(segments)[:60]} here.")
        return found

    # Session ---------------------------------------------------------------------------------------------------

    def _log_in(self, request: HttpRequest) -> object:
        body = msgspec.json.decode(request.body, type=Session)
        if not _CLIENT.fullmatch(body.client):
            raise Unauthorised("LOGIN", "A client id has 1 to 32 letters, digits, '_', '.' or '-'.")
        self.venue.client(body.client)
        return {"bearer": self._token(body.client), "client": body.client, "hb": 1.0}

    def _token(self, client: str) -> str:
        day = trade_date(self.venue.market.now_ns()).isoformat()
        text = f"{client}|{day}|{self.venue.settings.seed}|{self._epoch}"
        return f"{client}:{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"

    def authorise(self, headers: tuple[tuple[str, str], ...]) -> str:
        """The client of a request or feed. Raises `Unauthorised` without a live token."""
        value = next((value for name, value in headers if name.lower() == "authorization"), "")
        token = value.removeprefix("Bearer ")
        client = token.rpartition(":")[0]
        if not client or token != self._token(client):
            raise Unauthorised("SESSION", "The session has ended; log in again.")
        return client

    def expire_tokens(self) -> None:
        """Kill every session at once, as brokers do overnight."""
        self._epoch += 1

    # Orders ----------------------------------------------------------------------------------------------------

    def _place(self, client: str, _: str, request: HttpRequest) -> object:
        body = msgspec.json.decode(request.body, type=OrderBody)
        order = self.venue.place(client, body.tok, terms_of(body), body.tag)
        return {"id": order_id(order.number)}

    def _modify(self, client: str, argument: str, request: HttpRequest) -> object:
        body = msgspec.json.decode(request.body, type=OrderBody)
        number = order_number(argument)
        self.venue.modify(client, number, terms_of(body, self.venue.order(client, number)))
        return {"id": argument}

    def _cancel(self, client: str, argument: str, _: HttpRequest) -> object:
        self.venue.cancel(client, order_number(argument))
        return {"id": argument}

    def _margin(self, client: str, _: str, request: HttpRequest) -> object:
        body = msgspec.json.decode(request.body, type=OrderBody)
        return {"need": to_paise(self.venue.margin_of(client, body.tok, terms_of(body)))}

    # Books -----------------------------------------------------------------------------------------------------

    def _client(self, name: str) -> Client:
        return self.venue.client(name)

    def _orders(self, client: str, *_: object) -> object:
        return [order_row(order) for order in self._client(client).orders.values()]

    def _order(self, client: str, argument: str, _: HttpRequest) -> object:
        return order_row(self.venue.order(client, order_number(argument)))

    def _trades(self, client: str, *_: object) -> object:
        return [trade_row(trade) for trade in self._client(client).trades]

    def _positions(self, client: str, *_: object) -> object:
        return position_rows(self._client(client), self.venue.unrealised(client))

    def _holdings(self, client: str, *_: object) -> object:
        held = self._client(client).holdings.values()
        return [holding_row(self.venue.instrument(h.token), h.quantity, h.value) for h in held]

    def _funds(self, client: str, *_: object) -> object:
        return funds_row(self._client(client), self.venue.unrealised(client))

    # Market ----------------------------------------------------------------------------------------------------

    def _quotes(self, _: str, __: str, request: HttpRequest) -> object:
        tokens = msgspec.json.decode(request.body, type=_Quotes).toks
        if len(tokens) > 1000:
            raise _Refused(400, "ARGUMENT", "Ask for at most 1000 tokens at once.")
        batch = self.venue.market.snapshot(_token_array(tokens), self.venue.market.now_ns(), depth=False)
        columns = [_plain(batch.columns.get(name), len(tokens)) for name in QUOTE_FIELDS]
        times = (batch.time_ns // 1000).tolist()
        return [[token, t, *values] for token, t, *values in zip(tokens, times, *columns, strict=True)]

    def _depth(self, _: str, argument: str, __: HttpRequest) -> object:
        token = int(argument) if argument.isascii() and argument.isdigit() else 0
        self.venue.instrument(token)
        batch = self.venue.market.snapshot(_token_array([token]), self.venue.market.now_ns(), depth=True)
        levels = np.full((4, 5), np.nan) if batch.depth is None else batch.depth[0]
        bid, bid_qty, ask, ask_qty = (_plain(row, 5) for row in levels)
        return {
            "tok": token,
            "t": int(batch.time_ns[0]) // 1000,
            "b": [[p, q] for p, q in zip(bid, bid_qty, strict=True) if p is not None and q],
            "a": [[p, q] for p, q in zip(ask, ask_qty, strict=True) if p is not None and q],
        }

    def _history(self, _: str, query: str, __: HttpRequest) -> object:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        try:
            token, start, end = int(asked["tok"]), int(asked["from"]), int(asked["to"])
        except (KeyError, ValueError) as error:
            raise _Refused(400, "ARGUMENT", "Give tok, iv, from and to (microseconds).") from error
        instrument = self.venue.instrument(token)
        bars = self.venue.market.history(instrument, asked.get("iv", ""), start * 1000, end * 1000)
        columns = (bars.open, bars.high, bars.low, bars.close, bars.volume, bars.oi)
        return {"t": (bars.start_ns // 1000).tolist(), "ohlcvi": [_plain(column, len(bars)) for column in columns]}

    def _instruments(self, *_: object) -> HttpResponse:
        if self._listing[0] is not self.venue.catalogue:
            rows = [instrument_row(instrument) for instrument in self.venue.catalogue.instruments]
            self._listing = (self.venue.catalogue, msgspec.json.encode(rows))
        return HttpResponse(200, _JSON, self._listing[1])

    # Feed ------------------------------------------------------------------------------------------------------

    def join(self, client: str) -> Reader:
        """A new reader of the feed; its first message says where the order sequence stands."""
        reader = Reader(client)
        reader.messages.append(self._beat(client, "hello"))
        self.tape.add(reader)
        return reader

    def leave(self, reader: Reader) -> None:
        """The reader is gone."""
        self.tape.remove(reader)

    def hear(self, reader: Reader, message: str | bytes) -> None:
        """One message of a reader: subscribe or unsubscribe. What is wrong with it is said to that reader."""
        try:
            asked = msgspec.json.decode(message, type=_FeedRequest)
        except msgspec.DecodeError as error:
            reader.messages.append(_text({"k": "no", "code": "BODY", "text": f"Not understood: {error}."}))
            return
        kind = _MODES.get(asked.mode, 0) if asked.op == "sub" else 0
        if asked.op not in ("sub", "unsub") or (asked.op == "sub" and not kind):
            reader.messages.append(
                _text({"k": "no", "code": "ARGUMENT", "text": "Use sub with mode P, Q, D or unsub."})
            )
            return
        listed = [token for token in asked.toks if self.venue.catalogue.get(token) is not None]
        unknown = sorted(set(asked.toks) - set(listed))
        self.tape.change(reader, listed, kind)
        if unknown:
            text = "Not listed today; load the instruments of the day."
            reader.messages.append(_text({"k": "no", "code": "LISTING", "text": text, "toks": unknown}))

    def look(self) -> Look | None:
        """What the tape has to look at now."""
        if self._listed is not self.venue.catalogue:
            self._listed = self.venue.catalogue
            self.tape.relist()
        return self.tape.begin()

    def step(self) -> None:
        """Mark for each reader what the market has changed."""
        look = self.look()
        if look is not None:
            self.tape.put(look, self.tape.take(look))

    def beat(self) -> None:
        """A heartbeat to every reader, with the number of its last order message."""
        for reader in self.tape.readers:
            reader.messages.append(self._beat(reader.client, "hb"))

    def _beat(self, client: str, kind: str) -> str:
        return _text({"k": kind, "n": self._sequence.get(client, 0), "t": self.venue.market.now_ns() // 1000})

    def _on_update(self, client: str, update: Update) -> None:
        number = self._sequence[client] = self._sequence.get(client, 0) + 1
        readers = [reader for reader in self.tape.readers if reader.client == client]
        if readers:
            text = _update_text(number, update)
            for reader in readers:
                reader.messages.append(text)


def _update_text(number: int, update: VenueOrder | VenueTrade) -> str:
    if isinstance(update, VenueOrder):
        return _text({"k": "ord", "n": number, "row": order_row(update)})
    return _text({"k": "trd", "n": number, "row": trade_row(update)})


def _text(value: Row) -> str:
    return msgspec.json.encode(value).decode()


def _json(value: object) -> HttpResponse:
    return HttpResponse(200, _JSON, msgspec.json.encode(value))


def _error(status: int, code: str, text: str) -> HttpResponse:
    return HttpResponse(status, _JSON, msgspec.json.encode({"err": {"code": code, "text": text}}))


def _token_array(tokens: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if any(not 0 <= token < 2**63 for token in tokens):
        raise _Refused(400, "LISTING", "A token is a positive number.")
    return np.array(tokens, dtype=np.int64)


def _plain(column: Any, length: int) -> list[float | None]:
    """Floats as JSON can hold them: null for what is not known."""
    if column is None:
        return [None] * length
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN
