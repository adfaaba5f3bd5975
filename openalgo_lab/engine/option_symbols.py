"""Which contract an offset such as OTM2 means now: listed strikes, counted from the one nearest to the price."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import date

from openalgo_lab.model.errors import InputError, SymbolError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.structure_commands import OptionSymbol
from openalgo_lab.model.symbols import parse_expiry
from openalgo_lab.model.underlyings import derivative_exchange, has_spot, parse_offset, spot_exchange
from openalgo_lab.model.vocabulary import Exchange, OptionType
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["OptionFinder", "Underlying", "pick_strike", "split_underlying"]

_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_TEXT = re.compile(rf"(?P<name>[A-Z0-9&-]+?)(?:(?P<expiry>[0-9]{{2}}(?:{_MONTHS})[0-9]{{2}})(?P<future>FUT)?)?")

Quotes = Callable[[Sequence[InstrumentKey]], Awaitable[tuple[Quote, ...]]]


def split_underlying(text: str) -> tuple[str, date | None, bool]:
    """(name, expiry inside, whether the future itself is named): ``NIFTY``, ``NIFTY01DEC26``, ``NIFTY01DEC26FUT``.

    Raises SymbolError.
    """
    match = _TEXT.fullmatch(text.strip().upper())
    if match is None:
        raise SymbolError(f"{text!r} is no underlying: write NIFTY, NIFTY01DEC26 or NIFTY01DEC26FUT.", "underlying")
    inside = parse_expiry(match["expiry"]) if match["expiry"] else None
    return match["name"], inside, match["future"] is not None


def pick_strike(strikes: Sequence[float], price: float, offset: str, option_type: OptionType) -> float:
    """The strike of ``offset`` among listed ``strikes`` (ascending). At the money is the nearest, a tie the lower one.

    Raises SymbolError for an offset that cannot be read or lies outside the list.
    """
    if not strikes:
        raise SymbolError("No strikes are listed: choose another expiry.", field="expiry")
    at_the_money = min(range(len(strikes)), key=lambda index: (abs(strikes[index] - price), strikes[index]))
    index = at_the_money + parse_offset(offset.strip().upper()).shift(option_type)
    if not 0 <= index < len(strikes):
        raise SymbolError(
            f"Offset {offset} is out of range for available strikes: {strikes[0]:g} to {strikes[-1]:g} are listed.",
            field="offset",
        )
    return strikes[index]


class Underlying:
    """An underlying with its price of one moment: every leg that is chosen by it has the same strike at the money."""

    def __init__(self, store: InstrumentStore, name: str, venue: Exchange, inside: date | None, ltp: float) -> None:
        self._store = store
        self._venue = venue
        self._inside = inside
        self.name = name
        self.ltp = ltp

    def option(self, offset: str, option_type: OptionType, expiry: date | None = None) -> OptionSymbol:
        """The contract. Raises SymbolError, InputError without an expiry."""
        day = expiry or self._inside
        if day is None:
            raise InputError(
                f"Expiry date required: give expiry, or put it into the underlying as in {self.name}29DEC26.",
                field="expiry",
            )
        chain = {
            row.strike: row
            for row in self._store.chain(self.name, day)
            if row.exchange is self._venue and row.kind.value == option_type.value
        }
        if not chain:
            raise SymbolError(self._no_strikes(option_type, day), field="expiry")
        strike = pick_strike(sorted(chain), self.ltp, offset, option_type)
        return OptionSymbol(chain[strike], self.name, self.ltp, offset.strip().upper())

    def _no_strikes(self, option_type: OptionType, day: date) -> str:
        listed = [f"{one:%d-%b-%y}" for one in self._store.expiries(self.name)[:4]]
        hint = f"the next expiries are {', '.join(listed)}" if listed else f"{self.name} has no options"
        return f"No strikes found for {self.name} {day:%d-%b-%y} {option_type} on {self._venue}: {hint}."


class OptionFinder:
    """Reads the underlying's price and finds contracts by it."""

    def __init__(self, instruments: Callable[[], InstrumentStore], quotes: Quotes) -> None:
        self._instruments = instruments
        self._quotes = quotes

    async def underlying(self, text: str, exchange: Exchange, expiry: date | None = None) -> Underlying:
        """The underlying and its price now. Raises SymbolError, and InputError when no price is known."""
        name, inside, future = split_underlying(text)
        venue = derivative_exchange(exchange)
        store = self._instruments()
        key = self._reference(store, name, exchange, (inside or expiry) if not future else inside, future=future)
        (quote,) = await self._quotes([key])
        if not quote.ltp > 0:
            raise InputError(f"No price of {key} is known, so no strike can be chosen: wait for the feed.")
        return Underlying(store, name, venue, expiry or inside, quote.ltp)

    @staticmethod
    def _reference(
        store: InstrumentStore, name: str, exchange: Exchange, expiry: date | None, *, future: bool
    ) -> InstrumentKey:
        """Whose price decides: the future if it is named, the spot where there is one, else the nearest future."""
        venue = derivative_exchange(exchange)
        if not future and has_spot(venue):
            return store.require(InstrumentKey(spot_exchange(name, venue), name)).key
        if not future and venue is Exchange.CRYPTO:
            return store.require(InstrumentKey(venue, f"{name}USDFUT")).key
        futures = [row for row in store.futures(name) if row.exchange is venue and row.expiry is not None]
        chosen = _chosen_future(futures, expiry, exact=future)
        if chosen is None:
            raise SymbolError(f"{name} has no such future on {venue} to take the price from.", field="underlying")
        return chosen.key


def _chosen_future(futures: Sequence[Instrument], expiry: date | None, *, exact: bool) -> Instrument | None:
    if exact:
        return next((row for row in futures if row.expiry == expiry), None)
    later = (row for row in futures if expiry is None or (row.expiry is not None and row.expiry >= expiry))
    return next(later, None)
