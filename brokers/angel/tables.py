"""Angel One's words, numbers and packet layouts (SmartAPI 1, SmartStream 2)."""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import Final

from openalgo_lab.broker.reading import words
from openalgo_lab.model.gtt import GttStatus
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, FeedMode, PriceType, Product, Side

NAME: Final = "Angel One"
HOMES: Final = MappingProxyType({
    Exchange.NSE: "NSE", Exchange.NFO: "NFO", Exchange.BSE: "BSE", Exchange.BFO: "BFO", Exchange.MCX: "MCX",
    Exchange.NCDEX: "NCDEX", Exchange.CDS: "CDS",
    Exchange.NSE_INDEX: "NSE", Exchange.BSE_INDEX: "BSE", Exchange.MCX_INDEX: "MCX",
})  # fmt: skip
"""Exchange → the broker's: an index lives on its stock exchange."""

EXCHANGES: Final = words(Exchange, "NSE NFO BSE BFO MCX NCDEX CDS")
INDICES: Final = words(Exchange, "NSE=NSE_INDEX BSE=BSE_INDEX MCX=MCX_INDEX")
STREAM: Final = MappingProxyType({"NSE": 1, "NFO": 2, "BSE": 3, "BFO": 4, "MCX": 5, "NCDEX": 7, "CDS": 13})
"""The socket's number of an exchange; tokens are unique only within it."""

PROFILE_EXCHANGES: Final = words(
    Exchange,
    "NSE BSE NFO BFO MCX NCDEX CDS nse_cm=NSE bse_cm=BSE nse_fo=NFO bse_fo=BFO mcx_fo=MCX ncx_fo=NCDEX cde_fo=CDS",
)
CURRENCY: Final = 13
PRODUCTS: Final = words(Product, "DELIVERY=CNC CARRYFORWARD=NRML INTRADAY=MIS MARGIN=NRML BO=MIS")
GTT_PRODUCTS: Final = words(Product, "DELIVERY=CNC MARGIN=NRML")
SIDES: Final = words(Side, "BUY SELL")
PRICE_TYPES: Final = words(PriceType, "MARKET LIMIT STOPLOSS_LIMIT=SL STOPLOSS_MARKET=SL-M")
STATUSES: Final = words(
    OrderStatus,
    "put~order~req~received=accepted validation~pending=accepted open~pending=accepted "
    "after~market~order~req~received=accepted modify~after~market~order~req~received=accepted "
    "open pending=open modified=open modify~pending=open modify~validation~pending=open cancel~pending=open "
    "not~modified=open not~cancelled=open partially~executed=open trigger~pending=trigger_pending complete "
    "executed=complete cancelled cancelled~after~market~order=cancelled rejected expired",
)
CODES: Final = words(
    str,
    "AB01=open AB02=cancelled AB03=rejected AB04=modified AB05=complete AB06=after~market~order~req~received "
    "AB07=cancelled~after~market~order AB08=modify~after~market~order~req~received AB09=open~pending "
    "AB10=trigger~pending AB11=modify~pending",
)
"""States of the order socket by code, for frames that say no word."""

GTT_STATUSES: Final = words(GttStatus, "NEW=active ACTIVE=active SENTTOEXCHANGE=triggered CANCELLED=cancelled")
INTERVALS: Final = words(
    str,
    "1m=ONE_MINUTE 3m=THREE_MINUTE 5m=FIVE_MINUTE 10m=TEN_MINUTE 15m=FIFTEEN_MINUTE 30m=THIRTY_MINUTE 1h=ONE_HOUR "
    "D=ONE_DAY",
)
MODES: Final = MappingProxyType({FeedMode.LTP: 1, FeedMode.QUOTE: 2, FeedMode.DEPTH: 3})
INDEX_NAMES: Final = words(
    str,
    "NIFTY50=NIFTY NIFTYBANK=BANKNIFTY NIFTYFINSERVICE=FINNIFTY NIFTYNEXT50=NIFTYNXT50 NIFTYMIDSELECT=MIDCPNIFTY "
    "NIFTYMIDCAPSELECT=MIDCPNIFTY SNSX50=SENSEX50",
)
LOGIN_AGAIN: Final = words(str, "AG8001 AG8002 AG8003 AB8050 AB8051 AB1010 AB1011")
UNCERTAIN: Final = frozenset({"AB1004", "AB2000", "AB2001"})
"""Something went wrong there: the order book shows what was done."""

# SmartStream: little-endian, packed, one packet a frame: mode, exchange, token, sequence, then these.
_LTP: Final = "time ltp"
_QUOTE: Final = f"{_LTP} ltq average volume buy_total sell_total open high low prev_close"
_SNAP: Final = f"{_QUOTE} traded oi oi_change"
PACKETS: Final = MappingProxyType({
    1: (struct.Struct("<BB25sqqq"), tuple(_LTP.split())),
    2: (struct.Struct("<BB25sqqqqqqddqqqq"), tuple(_QUOTE.split())),
    3: (struct.Struct("<BB25sqqqqqqddqqqqqqd200x32x"), tuple(_SNAP.split())),
})  # fmt: skip
LEVEL: Final = struct.Struct("<hqqh")
"""Of the best five of each side: whether it is a buy, quantity, price, orders."""

BOOK_AT: Final = 147

BOOK_MODE: Final = 4
BOOK_SIZE: Final = 443
BOOK_SIDE: Final = 200
BOOK_HEAD: Final = struct.Struct("<BB25sq")
BOOK_LEVEL: Final = [("quantity", "<i4"), ("price", "<i4"), ("orders", "<i2")]
"""A book of twenty levels: mode, exchange, token, time and eight bytes that say nothing; then buyers, then sellers."""
