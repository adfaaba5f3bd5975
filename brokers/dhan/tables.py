"""Dhan's words, numbers and packet layouts (DhanHQ v2)."""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import Final

from openalgo_lab.broker.packed import layout
from openalgo_lab.broker.reading import words
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.gtt import GttStatus
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, FeedMode, PriceType, Product, Side

NAME: Final = "Dhan"
SEGMENTS: Final = MappingProxyType({
    Exchange.NSE_INDEX: ("IDX_I", 0), Exchange.BSE_INDEX: ("IDX_I", 0),
    Exchange.NSE: ("NSE_EQ", 1), Exchange.NFO: ("NSE_FNO", 2), Exchange.CDS: ("NSE_CURRENCY", 3),
    Exchange.BSE: ("BSE_EQ", 4), Exchange.BFO: ("BSE_FNO", 8), Exchange.BCD: ("BSE_CURRENCY", 7),
    Exchange.MCX: ("MCX_COMM", 5),
})  # fmt: skip
"""Exchange → (segment in requests, code on the sockets). Security ids are unique within a segment only."""

EXCHANGES: Final = MappingProxyType({text: exchange for exchange, (text, code) in SEGMENTS.items() if code})
"""The way back, for what can be ordered."""

CODES: Final = frozenset(code for _, code in SEGMENTS.values())
CURRENCY: Final = (3, 7)

# The order-update socket has words of its own for the same things: they follow the first ones, which requests use.
PRODUCTS: Final = words(
    Product, "CNC MARGIN=NRML INTRADAY=MIS MTF=NRML CO=MIS BO=MIS C=CNC M=NRML I=MIS F=NRML V=MIS B=MIS"
)
PRICE_TYPES: Final = words(
    PriceType, "MARKET LIMIT STOP_LOSS=SL STOP_LOSS_MARKET=SL-M MKT=MARKET LMT=LIMIT SL SLM=SL-M"
)
SIDES: Final = words(Side, "BUY SELL B=BUY S=SELL")
STATUSES: Final = words(
    OrderStatus,
    "TRANSIT=accepted PENDING=open MODIFIED=open TRIGGERED=open PART_TRADED=partially_filled TRADED=complete "
    "CLOSED=complete CANCELLED=cancelled REJECTED=rejected EXPIRED=expired",
)
FOREVER_STATUSES: Final = words(
    GttStatus,
    "TRANSIT=active PENDING=active CONFIRM=active TRADED=triggered REJECTED=rejected EXPIRED=expired "
    "CANCELLED=cancelled",
)
SOCKET_EXCHANGES: Final = words(Exchange, "NSE:E=NSE NSE:D=NFO NSE:C=CDS BSE:E=BSE BSE:D=BFO BSE:C=BCD MCX:M=MCX")
SOCKET_FIELDS: Final = words(
    str,
    "orderno=orderId correlationid=correlationId status=orderStatus securityid=securityId txntype=transactionType "
    "product=productType ordertype=orderType quantity tradedqty=filledQty avgtradedprice=averageTradedPrice price "
    "triggerprice=triggerPrice reasondescription=omsErrorDescription lastupdatedtime=updateTime",
)
"""Fields of an order update → the same fields of the order book."""

ACTIVE_SEGMENTS: Final = MappingProxyType({
    "Equity": (Exchange.NSE, Exchange.BSE), "Derivative": (Exchange.NFO, Exchange.BFO),
    "Currency": (Exchange.CDS, Exchange.BCD), "Commodity": (Exchange.MCX,),
})  # fmt: skip
INTERVALS: Final = words(str, "1m=1 5m=5 15m=15 25m=25 1h=60")
MODES: Final = MappingProxyType({FeedMode.LTP: 15, FeedMode.QUOTE: 17, FeedMode.DEPTH: 21})
INDEX_NAMES: Final = words(str, "NIFTYNEXT50=NIFTYNXT50 SNSX50=SENSEX50 NIFTYMCAP50=NIFTYMIDCAP50")
LISTINGS: Final = words(
    Exchange,
    "NSE:EQUITY=NSE BSE:EQUITY=BSE NSE:INDEX=NSE_INDEX BSE:INDEX=BSE_INDEX NSE:FUTIDX=NFO NSE:FUTSTK=NFO "
    "NSE:OPTIDX=NFO NSE:OPTSTK=NFO BSE:FUTIDX=BFO BSE:FUTSTK=BFO BSE:OPTIDX=BFO BSE:OPTSTK=BFO NSE:FUTCUR=CDS "
    "NSE:OPTCUR=CDS BSE:FUTCUR=BCD BSE:OPTCUR=BCD MCX:FUTCOM=MCX MCX:FUTIDX=MCX MCX:OPTFUT=MCX",
)
"""Exchange id and instrument name of the file → our exchange; other rows are of no exchange of ours."""

# Codes of errors: of the trading calls, then of the data calls and the sockets.
LOGIN_AGAIN: Final = frozenset({"DH-901", "807", "808", "809", "810"})
TOO_MANY: Final = frozenset({"DH-904", "805"})
NOTHING_THERE: Final = frozenset({"DHOLDING_ERROR", "DH-1111"})
SERVER_SIDE: Final = frozenset({"DH-908", "DH-909", "800"})

FAREWELLS: Final = MappingProxyType({
    805: "too many feeds are open for this client", 806: "no data plan", 807: "token expired",
    808: "authentication failed", 809: "token invalid", 810: "client id invalid",
})  # fmt: skip
FINAL: Final = frozenset(FAREWELLS) - {805}

# Market feed: little-endian, packed. Counts are read unsigned, as volumes above 2**31 need it.
_HEAD: Final = "code length segment id"
_DEAL: Final = f"{_HEAD} ltp ltq time average volume sell_total buy_total"
_DAY: Final = "open close high low"
_TRADED: Final = "ltp average open high low"
_TICKER: Final = layout("<BHBIfI", f"{_HEAD} ltp time", "ltp")
PACKETS: Final = MappingProxyType({
    1: _TICKER,
    2: _TICKER,
    4: layout("<BHBIfHIfIIIffff", f"{_DEAL} {_DAY}", _TRADED),
    5: layout("<BHBII", f"{_HEAD} oi", ""),
    6: layout("<BHBIfI", f"{_HEAD} prev_close prev_oi", "prev_close"),
    8: layout("<BHBIfHIfIIIIIIffff" + "IIHHff" * 5, f"{_DEAL} oi oi_high oi_low {_DAY}", _TRADED, book=True),
})  # fmt: skip
DISCONNECT: Final = 50
SIZES: Final = MappingProxyType(
    {0: 8, 3: 112, 7: 8, DISCONNECT: 10, **{code: kind.fields.size for code, kind in PACKETS.items()}}
)
MOST_LEVELS: Final = 200
BOOK_HEAD: Final = struct.Struct("<HBBII")
BOOK_SIDES: Final = MappingProxyType({41: "bids", 51: "asks"})
BOOK_ROW: Final = 16
BOOK_LEVEL: Final = [("price", "<f8"), ("quantity", "<u4"), ("orders", "<u4")]
"""Books of 20 and 200 levels: length, code, segment, id and a number that is not needed; then a row a level."""


def segment(exchange: Exchange) -> str:
    """The segment's text of an exchange. Raises InputError for one that Dhan does not list."""
    if exchange not in SEGMENTS:
        raise InputError(f"Dhan does not list {exchange}; choose one of {', '.join(SEGMENTS)}.", field="exchange")
    return SEGMENTS[exchange][0]
