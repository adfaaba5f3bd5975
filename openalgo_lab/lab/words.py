"""What people type: symbols in any of their forms, words of the trade in any case, moments in Indian time."""

from __future__ import annotations

import operator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar, runtime_checkable

from openalgo_lab.model.errors import InputError, SymbolError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.times import at_ist, parse_time, to_ns
from openalgo_lab.model.vocabulary import Exchange, PriceType
from openalgo_lab.store.instruments import InstrumentStore

__all__ = [
    "HasKey",
    "Moment",
    "SymbolLike",
    "infer_price_type",
    "moment_ns",
    "plain_underlying",
    "resolve",
    "resolve_key",
    "rupee_price",
    "whole_number",
    "word",
]

W = TypeVar("W", bound=StrEnum)


@runtime_checkable
class HasKey(Protocol):
    """A live object or an instrument: it knows its own key."""

    @property
    def key(self) -> InstrumentKey: ...


SymbolLike = str | tuple[str, str] | InstrumentKey | HasKey
"""``"SBIN"``, ``"NSE:SBIN"``, ``("SBIN", "NSE")``, an instrument, or anything live that has a ``key``."""

Moment = str | date | datetime
"""``"2026-01-31"``, ``"2026-01-31 09:15"`` (Indian time), a date, or an aware datetime."""


def resolve(store: InstrumentStore, symbol: SymbolLike, exchange: Exchange | str | None = None) -> Instrument:
    """The instrument that is meant. Without an exchange it is the only one of that symbol, else the one on NSE.

    Raises SymbolError that names the exchanges to choose from, or the nearest symbols on a typo.
    """
    text, where = _parts(symbol, exchange)
    if where is not None:
        return store.require(InstrumentKey(where, text))
    found = store.by_symbol(text)
    if len(found) == 1 or (found and found[0].exchange is Exchange.NSE):
        return found[0]
    if found:
        names = " or ".join(f"{str(item.key)!r}" for item in found)
        raise SymbolError(f"{text} is listed on {len(found)} exchanges: say which, {names}.", field="exchange")
    near = ", ".join(str(item.key) for item in store.search(text, limit=3))
    hint = f"the nearest are {near}" if near else "look it up with lab.search('...')"
    raise SymbolError(f"{text!r} is not listed on any exchange: {hint}.", field="symbol")


def resolve_key(store: InstrumentStore, symbol: SymbolLike, exchange: Exchange | str | None = None) -> InstrumentKey:
    """The key that is meant, also of a contract that is no longer listed: then it must name its exchange, as in
    ``"NFO:NIFTY26NOV25FUT"``. Raises SymbolError for a symbol that is not listed and names none.
    """
    text, where = _parts(symbol, exchange)
    if where is not None and store.find(key := InstrumentKey(where, text)) is None and _expired_form(text):
        return key
    return resolve(store, symbol, exchange).key


def _expired_form(text: str) -> bool:
    """Whether a symbol is written as a contract's: one that had an end."""
    return text[-2:] in ("CE", "PE") or text.endswith("FUT")


def _parts(symbol: SymbolLike, exchange: Exchange | str | None) -> tuple[str, Exchange | None]:
    where = word(Exchange, exchange, "exchange") if exchange is not None else None
    if isinstance(symbol, HasKey):
        symbol = symbol.key
    if isinstance(symbol, InstrumentKey):
        symbol = (symbol.symbol, symbol.exchange)
    match symbol:
        case str():
            named, _, text = symbol.rpartition(":")
        case (str(text), str(named)):
            pass
        case _:
            raise SymbolError(f"{symbol!r} is no symbol: write 'SBIN', 'NSE:SBIN' or ('SBIN', 'NSE').", field="symbol")
    text = text.strip().upper()
    if not text:
        raise SymbolError("The symbol is empty: write for example 'SBIN' or 'NSE:SBIN'.", field="symbol")
    if named:
        own = word(Exchange, named, "exchange")
        if where is not None and own is not where:
            raise SymbolError(f"{text} is asked for on {own} and on {where}: say one exchange.", field="exchange")
        where = own
    return text, where


def plain_underlying(text: str) -> str:
    """The underlying's plain name: ``"nifty"``, ``"NSE_INDEX:NIFTY"`` and ``"NIFTY"`` are one."""
    return text.rpartition(":")[2].strip().upper()


def word(kind: type[W], value: W | str, field: str) -> W:
    """A word of the vocabulary in any case (``"buy"``, ``"sl_m"``). Raises InputError that lists the choices."""
    spelled = str(value).strip()
    for member in kind:
        if member.value.upper().replace("-", "_") == spelled.upper().replace("-", "_"):
            return member
    choices = ", ".join(member.value for member in kind)
    raise InputError(f"{spelled!r} is no {field.replace('_', ' ')}: use one of {choices}.", field=field)


def whole_number(value: object, field: str = "quantity") -> int:
    """An integer (NumPy's too). Raises InputError for 2.5, "10" or True."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]  # that it may be anything is the point
    except TypeError:
        raise InputError(f"{value!r} is no {field}: give a whole number, such as 10.", field=field) from None


def infer_price_type(price: float | None, trigger_price: float | None) -> PriceType:
    """What the prices given say: none MARKET, price LIMIT, trigger SL-M, both SL."""
    if trigger_price is None:
        return PriceType.MARKET if price is None else PriceType.LIMIT
    return PriceType.SL_M if price is None else PriceType.SL


def rupee_price(price: float | None, field: str) -> float:
    """A price in rupees; 0 for none. Raises InputError for text."""
    if price is None:
        return 0.0
    if isinstance(price, bool | str):
        raise InputError(f"{price!r} is no {field.replace('_', ' ')}: give rupees as a number, such as 812.5.", field)
    return float(price)


def moment_ns(moment: Moment, field: str, *, day_end: bool = False) -> int:
    """UTC ns of a moment. A day without a time means its beginning, with ``day_end`` its end (the next midnight).

    Raises InputError for what cannot be read and for a datetime without a time zone.
    """
    if isinstance(moment, datetime):
        return to_ns(moment)
    if isinstance(moment, date):
        return to_ns(at_ist(moment + timedelta(days=1) if day_end else moment, time()))
    if not isinstance(moment, str):
        raise InputError(f"{moment!r} is no moment: write '2026-01-31' or '2026-01-31 09:15' (Indian time).", field)
    day, _, clock = moment.strip().replace("T", " ").partition(" ")
    try:
        parsed = date.fromisoformat(day)
    except ValueError:
        raise InputError(
            f"{moment!r} is no moment: write '2026-01-31' or '2026-01-31 09:15' (Indian time).", field
        ) from None
    if not clock:
        return moment_ns(parsed, field, day_end=day_end)
    return to_ns(at_ist(parsed, parse_time(clock)))
