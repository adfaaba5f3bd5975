"""Canonical symbols: the text that names an instrument on an exchange, parsed and printed.

    equity, index   SBIN   M&M   BAJAJ-AUTO   NIFTY   BSEOIL&GAS
    future          UNDERLYING + DDMMMYY + FUT                  BANKNIFTY28APR26FUT
    option          UNDERLYING + DDMMMYY + STRIKE + CE|PE       NIFTY01DEC2626000CE   USDINR27NOV2684.25PE
    perpetual       BASE + QUOTE + FUT (crypto only)            BTCUSDFUT

Parsing runs from the right, because underlyings contain digits (360ONE, SENSEX50, 726GS2032) and the digits
of the year touch those of the strike. Every symbol has one spelling: what parses prints back as the same
text.
"""

from __future__ import annotations

import math
import re
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Final

import msgspec

from openalgo_lab.model.errors import SymbolError
from openalgo_lab.model.vocabulary import DERIVATIVE_EXCHANGES, INDEX_EXCHANGES, Exchange, InstrumentType

__all__ = [
    "ExpiryStyle",
    "ParsedSymbol",
    "format_expiry",
    "format_strike",
    "format_symbol",
    "parse_expiry",
    "parse_symbol",
]

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTH: Final = "|".join(_MONTHS)
_UNDERLYING: Final = re.compile(r"[A-Z0-9&][A-Z0-9&-]*")
# Greedy head: the last date before the tail is the expiry.
_DATED: Final = re.compile(
    rf"(?P<underlying>[A-Z0-9&-]+)(?P<expiry>[0-9]{{2}}(?:{_MONTH})[0-9]{{2}})"
    r"(?:(?P<future>FUT)|(?P<strike>[0-9]+(?:\.[0-9]+)?)(?P<option>CE|PE))"
)
_COMPACT_DATE: Final = re.compile(rf"([0-9]{{2}})({_MONTH})([0-9]{{2}})")
_HYPHEN_DATE: Final = re.compile(rf"([0-9]{{2}})-({_MONTH})-((?:20)?[0-9]{{2}})")

_FORMS: Final = (
    "a future reads UNDERLYING + DDMMMYY + FUT (NIFTY29DEC26FUT), "
    "an option UNDERLYING + DDMMMYY + STRIKE + CE or PE (NIFTY29DEC2626000CE)"
)


class ExpiryStyle(Enum):
    """How an expiry date is written: in symbols and requests, in instrument records, in Greeks answers."""

    COMPACT = "DDMMMYY"  # 01DEC26
    HYPHEN = "DD-MMM-YY"  # 01-DEC-26
    LONG = "DD-MMM-YYYY"  # 01-Dec-2026


class ParsedSymbol(msgspec.Struct, frozen=True):
    """What a symbol says. `expiry` only for dated contracts, `strike` (rupees or points) only for options;
    the underlying of a crypto perpetual is base + quote currency (`BTCUSD`).
    """

    underlying: str
    kind: InstrumentType
    expiry: date | None = None
    strike: float | None = None

    @property
    def text(self) -> str:
        """The canonical symbol; raises `SymbolError` if the parts do not belong together."""
        return format_symbol(self.underlying, self.kind, self.expiry, self.strike)

    @property
    def is_option(self) -> bool:
        return self.kind.is_option


def parse_expiry(text: str) -> date:
    """Date from `DDMMMYY`, `DD-MMM-YY` or `DD-MMM-YYYY`, any case, years 2000–2099. Raises `SymbolError`."""
    match = _COMPACT_DATE.fullmatch(text.upper()) or _HYPHEN_DATE.fullmatch(text.upper())
    if match:
        day, month, year = match.groups()
        try:
            return date(2000 + int(year[-2:]), _MONTHS.index(month) + 1, int(day))
        except ValueError:
            pass  # 31FEB26 has the form but is no date: same sentence
    raise SymbolError(f"'{text}' is not an expiry date; write it as DDMMMYY, for example 29DEC26, or as 29-DEC-26.")


def format_expiry(expiry: date, style: ExpiryStyle = ExpiryStyle.COMPACT) -> str:
    """`01DEC26`, `01-DEC-26` or `01-Dec-2026`, independent of the machine's language."""
    if not 2000 <= expiry.year <= 2099:
        raise SymbolError(f"{expiry} cannot be an expiry in a symbol; its year must lie in 2000–2099.")
    month = _MONTHS[expiry.month - 1]
    match style:
        case ExpiryStyle.COMPACT:
            return f"{expiry.day:02d}{month}{expiry.year % 100:02d}"
        case ExpiryStyle.HYPHEN:
            return f"{expiry.day:02d}-{month}-{expiry.year % 100:02d}"
        case ExpiryStyle.LONG:
            return f"{expiry.day:02d}-{month.title()}-{expiry.year}"


def format_strike(strike: float) -> str:
    """Shortest decimal without trailing zeros or point: 24000.0 → `24000`, 292.5 → `292.5`."""
    if not (math.isfinite(strike) and strike > 0):
        raise SymbolError(f"{strike} is not a strike; a strike is a positive number, for example 26000 or 292.5.")
    if float(strike).is_integer():
        return str(int(strike))
    return f"{Decimal(repr(float(strike))):f}"  # never 1e-05, which repr alone would print


def format_symbol(
    underlying: str, kind: InstrumentType, expiry: date | None = None, strike: float | None = None
) -> str:
    """The canonical symbol of these parts. Raises `SymbolError` when a part is missing, superfluous or
    illegal.
    """
    if not _UNDERLYING.fullmatch(underlying):
        raise SymbolError(f"'{underlying}' is not an underlying; use capital letters, digits, & and - only, as in M&M.")
    is_option = kind.is_option
    is_dated = is_option or kind is InstrumentType.FUT
    if is_dated != (expiry is not None) or is_option != (strike is not None):
        raise SymbolError(
            f"A {kind.value} of {underlying} takes {'an' if is_dated else 'no'} expiry and "
            f"{'a' if is_option else 'no'} strike; {_FORMS}."
        )
    if kind is InstrumentType.PERPFUT:
        return _checked_perpetual(underlying) + "FUT"
    head = underlying if expiry is None else underlying + format_expiry(expiry)
    if kind is InstrumentType.FUT:
        return head + "FUT"
    return head if strike is None else head + format_strike(strike) + kind.value


def _checked_perpetual(underlying: str) -> str:
    # Such a name would read back as a dated future of a shorter underlying.
    if _DATED.fullmatch(underlying + "FUT"):
        raise SymbolError(
            f"'{underlying}' ends in a date, so it cannot name a perpetual; use base + quote, as in BTCUSD."
        )
    return underlying


def parse_symbol(text: str, exchange: Exchange) -> ParsedSymbol:
    """Parts of a canonical symbol on an exchange. Raises `SymbolError` with a sentence that shows the right
    form.
    """
    if exchange in INDEX_EXCHANGES:
        return _parse_plain(text, exchange, InstrumentType.INDEX)
    if exchange in DERIVATIVE_EXCHANGES:
        return _parse_derivative(text, exchange)
    return _parse_plain(text, exchange, InstrumentType.EQ)


def _parse_plain(text: str, exchange: Exchange, kind: InstrumentType) -> ParsedSymbol:
    if not _UNDERLYING.fullmatch(text):
        example = "NIFTY or BSEOIL&GAS" if kind is InstrumentType.INDEX else "SBIN, M&M or BAJAJ-AUTO"
        raise SymbolError(
            f"'{text}' is not a symbol on {exchange.value}; write capital letters, digits, & and - "
            f"without spaces, for example {example}."
        )
    if _DATED.fullmatch(text):
        raise SymbolError(
            f"'{text}' names a future or option, which {exchange.value} does not list; "
            f"ask for it on its derivatives exchange, such as NFO or BFO."
        )
    return ParsedSymbol(text, kind)


def _parse_derivative(text: str, exchange: Exchange) -> ParsedSymbol:
    match = _DATED.fullmatch(text)
    if match is None or not _UNDERLYING.fullmatch(match["underlying"]):
        return _parse_perpetual(text, exchange)
    expiry = _expiry_within(text, match["expiry"])
    if match["future"]:
        return ParsedSymbol(match["underlying"], InstrumentType.FUT, expiry)
    strike = float(match["strike"])
    if strike <= 0 or not math.isfinite(strike) or format_strike(strike) != match["strike"]:
        raise SymbolError(_strike_sentence(text, match["strike"], strike))
    return ParsedSymbol(match["underlying"], InstrumentType(match["option"]), expiry, strike)


def _expiry_within(text: str, expiry: str) -> date:
    try:
        return parse_expiry(expiry)
    except SymbolError:
        raise SymbolError(f"'{text}' holds {expiry}, which is no date; {_FORMS}.") from None


def _strike_sentence(text: str, written: str, strike: float) -> str:
    if strike <= 0 or not math.isfinite(strike):
        return f"'{text}' holds the strike {written}, which must be a positive number; {_FORMS}."
    return f"'{text}' holds the strike {written}; write it without extra zeros as {format_strike(strike)}."


def _parse_perpetual(text: str, exchange: Exchange) -> ParsedSymbol:
    underlying = text.removesuffix("FUT")
    if exchange is Exchange.CRYPTO and underlying != text and _UNDERLYING.fullmatch(underlying):
        return ParsedSymbol(underlying, InstrumentType.PERPFUT)
    perpetual = ", a perpetual BASE + QUOTE + FUT (BTCUSDFUT)" if exchange is Exchange.CRYPTO else ""
    raise SymbolError(f"'{text}' is not a symbol on {exchange.value}; {_FORMS}{perpetual}.")
