"""The simulated exchange's words and layouts, as its manual (docs/simulated-exchange.md) has them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeVar

import numpy as np

from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.market import DEPTH_LEVELS, QUOTE_FIELDS
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, PriceType, Product, Side, Validity

V = TypeVar("V")

PRICE_SCALE: Final = 10_000

SEGMENTS: Final = MappingProxyType(
    {
        "NC": Exchange.NSE,
        "BC": Exchange.BSE,
        "NF": Exchange.NFO,
        "BF": Exchange.BFO,
        "NX": Exchange.CDS,
        "BX": Exchange.BCD,
        "MF": Exchange.MCX,
        "GF": Exchange.NCDEX,
        "NO": Exchange.NCO,
        "NI": Exchange.NSE_INDEX,
        "BI": Exchange.BSE_INDEX,
        "MI": Exchange.MCX_INDEX,
        "WI": Exchange.GLOBAL_INDEX,
        "XC": Exchange.CRYPTO,
    }
)
SIDES: Final = MappingProxyType({"B": Side.BUY, "S": Side.SELL})
PRODUCTS: Final = MappingProxyType({"DLV": Product.CNC, "CRY": Product.NRML, "INT": Product.MIS})
PRICE_TYPES: Final = MappingProxyType(
    {"MKT": PriceType.MARKET, "LMT": PriceType.LIMIT, "STL": PriceType.SL, "STM": PriceType.SL_M}
)
VALIDITIES: Final = MappingProxyType({"D": Validity.DAY, "I": Validity.IOC})
MODES: Final = MappingProxyType({"P": FeedMode.LTP, "Q": FeedMode.QUOTE, "D": FeedMode.DEPTH})
STATUSES: Final = MappingProxyType(
    {
        "RCVD": OrderStatus.ACCEPTED,
        "WORK": OrderStatus.OPEN,
        "PART": OrderStatus.PARTIALLY_FILLED,
        "WAIT": OrderStatus.TRIGGER_PENDING,
        "FULL": OrderStatus.COMPLETE,
        "CNCL": OrderStatus.CANCELLED,
        "RJCT": OrderStatus.REJECTED,
        "LAPS": OrderStatus.EXPIRED,
    }
)
KINDS: Final = MappingProxyType(
    {
        "SHR": InstrumentType.EQ,
        "FUT": InstrumentType.FUT,
        "CALL": InstrumentType.CE,
        "PUT": InstrumentType.PE,
        "IDX": InstrumentType.INDEX,
        "PERP": InstrumentType.PERPFUT,
    }
)

# Frames -------------------------------------------------------------------------------------------------------------

MAGIC: Final = b"SX"
VERSION: Final = 1
HEADER: Final = struct.Struct("<2sBBIQ")  # magic, version, kind, records, time of the frame (UTC ns)
UNKNOWN: Final = -(2**63)
PRICE_FIELDS: Final = frozenset(QUOTE_FIELDS) - {"bid_qty", "ask_qty", "volume", "oi", "prev_oi", "ltq"}

LTP_RECORD: Final = np.dtype([("token", "<i8"), ("time", "<i8"), ("ltp", "<i8")])
QUOTE_RECORD: Final = np.dtype([("token", "<i8"), ("time", "<i8"), *((name, "<i8") for name in QUOTE_FIELDS)])
DEPTH_RECORD: Final = np.dtype([*QUOTE_RECORD.descr, ("book", "<i8", (4, DEPTH_LEVELS))])


def from_word(table: Mapping[str, V], word: str, what: str) -> V:
    """Our word for the exchange's. Raises DecodeError for one that is not in the table."""
    try:
        return table[word]
    except KeyError:
        raise DecodeError(f"The simulated exchange sent an unknown {what}: {word[:20]!r}.") from None


def to_word(table: Mapping[str, V], value: V, what: str) -> str:
    """The exchange's word for ours. Raises InputError where it has none."""
    for word, meaning in table.items():
        if meaning == value:
            return word
    raise InputError(f"The simulated exchange has no {what} {value}.", field=what.replace(" ", "_"))
