"""Search over instruments, in the order in which people type: structured, prefix, trigram, and fuzzy when all is empty.

``nifty 24000 ce`` is read by grammar (underlying, strike, option type, expiry words) and answered straight from the
index, nearest expiry first. One word is a symbol's beginning. Several words must all occur in symbol or name. Only
when nothing is found is a typing error assumed and the word compared with all names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Protocol

import msgspec

from openalgo_lab.model.errors import SymbolError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.symbols import parse_expiry
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

__all__ = ["Query", "Searchable", "read_query", "search"]

_KINDS = {
    "CE": InstrumentType.CE,
    "CALL": InstrumentType.CE,
    "CALLS": InstrumentType.CE,
    "PE": InstrumentType.PE,
    "PUT": InstrumentType.PE,
    "PUTS": InstrumentType.PE,
    "FUT": InstrumentType.FUT,
    "FUTURE": InstrumentType.FUT,
    "FUTURES": InstrumentType.FUT,
}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_STRIKE = re.compile(r"\d{1,7}(\.\d{1,4})?")
_STRIKE_AND_KIND = re.compile(r"(\d{1,7}(?:\.\d{1,4})?)(CE|PE)")
_DAY_MONTH = re.compile(r"(\d{1,2})-?([A-Z]{3})")
_MOST_TOKENS = 8
_FUZZY_FLOOR = 0.6


class Searchable(Protocol):
    """What search asks of a store."""

    def select(self, where: str, values: tuple[object, ...]) -> Sequence[Instrument]:
        """Instruments by an SQL condition over the columns of the ``instruments`` table."""

    def underlyings(self) -> Sequence[str]:
        """Every underlying that has derivatives."""

    def names(self) -> Sequence[str]:
        """The symbol of everything that is not a derivative."""

    def by_symbol(self, symbol: str) -> Sequence[Instrument]:
        """The instruments of that symbol on every exchange."""


class Query(msgspec.Struct, frozen=True):
    """What the words of a query say. ``expiry_like`` is an SQL pattern over ISO dates, "" when no expiry was named."""

    words: tuple[str, ...] = ()
    strike: float | None = None
    kind: InstrumentType | None = None
    expiry_like: str = ""

    @property
    def is_structured(self) -> bool:
        """Whether it names a derivative by its parts."""
        return bool(self.words) and (self.strike is not None or self.kind is not None or bool(self.expiry_like))


def read_query(text: str) -> Query:
    """Read a query's words: an underlying, a strike, CE/PE/FUT, an expiry (``25NOV``, ``25-NOV-26``, ``NOV``)."""
    words: list[str] = []
    found = Query()
    for token in text.upper().split()[:_MOST_TOKENS]:
        fields = _meaning(token) if words else {}
        if fields:
            found = msgspec.structs.replace(found, **fields)
        else:
            words.append(token)
    return msgspec.structs.replace(found, words=tuple(words))


def _meaning(token: str) -> dict[str, object]:
    """The structured fields that a token states; empty for a plain word. The first word is always a name."""
    if token in _KINDS:
        return {"kind": _KINDS[token]}
    if both := _STRIKE_AND_KIND.fullmatch(token):
        return {"strike": float(both[1]), "kind": InstrumentType(both[2])}
    if _STRIKE.fullmatch(token):
        return {"strike": float(token)}
    like = _expiry_pattern(token)
    return {"expiry_like": like} if like else {}


def _expiry_pattern(token: str) -> str:
    """An SQL pattern over ISO dates for ``NOV``, ``25NOV``, ``25-NOV``, or a whole expiry; "" for anything else."""
    if token in _MONTHS:
        return f"____-{_MONTHS.index(token) + 1:02d}-__"
    if (day := _DAY_MONTH.fullmatch(token)) and day[2] in _MONTHS:
        return f"____-{_MONTHS.index(day[2]) + 1:02d}-{int(day[1]):02d}"
    try:
        return parse_expiry(token).isoformat()
    except SymbolError:
        return ""


def search(store: Searchable, query: str, exchange: Exchange | None = None, limit: int = 20) -> Sequence[Instrument]:
    """At most ``limit`` instruments, best first, each once; empty for an empty query."""
    text = "".join(char if char.isprintable() else " " for char in query).upper()
    asked = read_query(text)
    if not asked.words or limit <= 0:
        return []
    exact = _structured(store, asked, exchange, limit)
    if exact:
        return exact
    found: dict[InstrumentKey, Instrument] = {}
    for item in _prefix(store, "".join(text.split()), exchange, limit):
        found.setdefault(item.key, item)
    if len(found) < limit:
        for item in _trigram(store, text.split()[:_MOST_TOKENS], exchange, limit):
            found.setdefault(item.key, item)
    return list(found.values())[:limit] if found else _fuzzy(store, asked, exchange, limit)


def _on(exchange: Exchange | None) -> tuple[str, tuple[object, ...]]:
    return (" AND exchange = ?", (exchange.value,)) if exchange else ("", ())


def _structured(store: Searchable, asked: Query, exchange: Exchange | None, limit: int) -> Sequence[Instrument]:
    """Derivatives by their parts; the underlying as written first, then those that begin with it."""
    if not asked.is_structured:
        return []
    conditions, values = _parts(asked)
    also, on = _on(exchange)
    where = "underlying = ?" + conditions + also + " ORDER BY expiry, strike, kind LIMIT ?"
    word = asked.words[0]
    named = [name for name in store.underlyings() if name.startswith(word)]
    found: list[Instrument] = []
    for name in sorted(named, key=lambda name: name != word):
        found += store.select(where, (name, *values, *on, limit - len(found)))
        if len(found) >= limit:
            break
    return found


def _parts(asked: Query) -> tuple[str, tuple[object, ...]]:
    """The SQL conditions that a structured query states besides its underlying."""
    parts: list[tuple[str, object]] = []
    if asked.strike is not None:
        parts.append((" AND strike = ?", asked.strike))
    if asked.kind:
        parts.append((" AND kind = ?", asked.kind.value))
    if asked.expiry_like:
        parts.append((" AND expiry LIKE ?", asked.expiry_like))
    return "".join(condition for condition, _ in parts), tuple(value for _, value in parts)


def _prefix(store: Searchable, word: str, exchange: Exchange | None, limit: int) -> Sequence[Instrument]:
    """Symbols that begin with the whole query; an exact one first, then cash and indices, then nearest expiry."""
    also, on = _on(exchange)
    span = "symbol >= ? AND symbol < ?"
    plain = store.select(
        f"{span} AND underlying = ''{also} ORDER BY symbol <> ?, length(symbol), symbol LIMIT ?",
        (word, word + "\uffff", *on, word, limit),
    )
    if len(plain) >= limit:
        return plain
    contracts = store.select(
        f"{span} AND underlying <> ''{also} LIMIT ?", (word, word + "\uffff", *on, limit - len(plain))
    )
    return [*plain, *sorted(contracts, key=lambda item: (item.symbol != word, item.expiry or date.max, item.symbol))]


def _trigram(store: Searchable, words: list[str], exchange: Exchange | None, limit: int) -> Sequence[Instrument]:
    """Instruments whose symbol or name holds every word; words under three letters only narrow the others."""
    grams = {word[at : at + 3] for word in words for at in range(len(word) - 2)}
    if not grams:
        return []
    match = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in sorted(grams))
    also, on = _on(exchange)
    rows = store.select(
        f"id IN (SELECT rowid FROM words WHERE words MATCH ? LIMIT ?){also}",  # noqa: S608 (only marks are joined)
        (match, limit * 2, *on),
    )
    holding = [item for item in rows if all(word in f"{item.symbol} {item.name}".upper() for word in words)]
    return sorted(holding, key=lambda item: (item.underlying != "", item.expiry or date.min, item.symbol))


def _fuzzy(store: Searchable, asked: Query, exchange: Exchange | None, limit: int) -> Sequence[Instrument]:
    """Symbols a typing error or two away from the first word (optimal string alignment: a swap counts once)."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    near = process.extract(
        asked.words[0],
        store.names(),
        scorer=OSA.normalized_similarity,
        score_cutoff=_FUZZY_FLOOR,
        limit=limit,
    )
    found: list[Instrument] = []
    for symbol in dict.fromkeys(symbol for symbol, _score, _index in near):
        found += _structured(store, msgspec.structs.replace(asked, words=(symbol,)), exchange, limit)
        found += [item for item in store.by_symbol(symbol) if exchange in (None, item.exchange)]
    return found[:limit]
