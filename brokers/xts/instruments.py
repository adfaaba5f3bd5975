"""Master and index lists of the XTS market-data server: text within JSON, three shapes of rows, no header."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Any, Final

from brokers.xts.tables import EXCHANGES, INDEX_NAMES, INDICES, SEGMENTS
from openalgo_lab.broker.listing import each_once, listed
from openalgo_lab.broker.reading import from_word, number, whole
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import InstrumentType

__all__ = ["indices", "master", "number_of", "segment_of", "token_of"]

_FUTURE, _OPTION, _EQUITY = "1", "2", "8"
_KINDS: Final = {"3": InstrumentType.CE, "4": InstrumentType.PE}


def token_of(segment: int, code: int) -> int:
    """Our token of an instrument id, unique over the segments."""
    if segment not in SEGMENTS.values() or not 0 <= code < 1 << 40:
        raise DecodeError(f"An answer names an instrument that cannot be: {segment} {code}.")
    return segment << 40 | code


def segment_of(instrument: Instrument) -> int:
    """Its segment's number."""
    return instrument.token >> 40


def number_of(instrument: Instrument) -> int:
    """Its id within the segment."""
    return instrument.token & (1 << 40) - 1


def master(text: Any, segment: str) -> tuple[Instrument, ...]:
    """The instruments of one segment. Raises DecodeError."""
    if not isinstance(text, str):
        raise DecodeError("The master is no text.")
    return each_once((line.split("|") for line in text.splitlines()), _instrument, segment)


def _instrument(row: list[str]) -> Instrument | None:
    """Spreads, other papers, spot rows (the index list has them) and contracts without a date are left out."""
    if len(row) < 21 or row[0] not in EXCHANGES or row[2] not in (_FUTURE, _OPTION, _EQUITY) or row[5] == "SPOT":
        return None
    base, kind, expiry, strike = row[3], InstrumentType.EQ, None, 0.0
    if row[2] != _EQUITY:
        expiry = _date(row[16])
        kind = InstrumentType.FUT
    elif row[0] != "BSECM" and row[5] != "EQ":
        base = f"{base}-{row[5]}"
    if row[2] == _OPTION:
        kind, strike = from_word(_KINDS, row[18], "option type", "XTS"), number(row[17])
    return listed(
        EXCHANGES[row[0]], kind, base, token_of(SEGMENTS[row[0]], whole(row[1])), traded=row[1], lot=whole(row[12]),
        tick=number(row[11]), freeze=math.floor(number(row[10])), expiry=expiry, strike=strike,
        name=row[18] if row[2] == _EQUITY else row[3],
    )  # fmt: skip


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise DecodeError("A contract has no date of expiry.") from None


def indices(result: Any, segment: int) -> tuple[Instrument, ...]:
    """The indices of a list of `NAME_token`. Raises DecodeError."""
    names = result.get("indexList") if isinstance(result, dict) else None
    if not isinstance(names, list):
        raise DecodeError("The list of indices is none.")
    return each_once((str(name) for name in names), lambda name: _index(name, segment), "index")


def _index(text: str, segment: int) -> Instrument:
    name, _, code = text.rpartition("_")
    plain = re.sub(r"[\s-]", "", name.upper())
    return listed(
        INDICES[segment], InstrumentType.INDEX, INDEX_NAMES.get(plain, plain), token_of(segment, whole(code)),
        traded=code, tick=0.05, name=name,
    )  # fmt: skip
