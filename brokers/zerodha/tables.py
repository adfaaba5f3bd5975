"""Kite Connect's words. Where two of them mean one of ours, the first is the one we send."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from openalgo_lab.broker.reading import words
from openalgo_lab.model.gtt import GttStatus
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType, Product, Side, Validity

EXCHANGES: Final = words(Exchange, "NSE BSE NFO BFO CDS BCD MCX")
PRODUCTS: Final = words(Product, "CNC NRML MIS MTF=CNC CO=MIS BO=MIS")
SIDES: Final = words(Side, "BUY SELL")
PRICE_TYPES: Final = words(PriceType, "MARKET LIMIT SL SL-M")
VALIDITIES: Final = words(Validity, "DAY IOC")
KINDS: Final = words(InstrumentType, "EQ FUT CE PE")
STATUSES: Final = words(
    OrderStatus,
    "PUT~ORDER~REQ~RECEIVED=accepted VALIDATION~PENDING=accepted OPEN~PENDING=accepted AMO~REQ~RECEIVED=accepted "
    "MODIFY~AMO~REQ~RECEIVED=accepted OPEN=open MODIFIED=open MODIFY~PENDING=open MODIFY~VALIDATION~PENDING=open "
    "CANCEL~PENDING=open NOT~MODIFIED=open NOT~CANCELLED=open UPDATE=open TRIGGER~PENDING=trigger_pending "
    "COMPLETE=complete CANCELLED=cancelled CANCELLED~AMO=cancelled REJECTED=rejected",
)
"""UPDATE is the ticker's word for a modification or a partial fill."""
GTT_STATUSES: Final = words(GttStatus, "active triggered disabled expired cancelled deleted=cancelled rejected")

MODES: Final = MappingProxyType({"ltp": "ltp", "quote": "full", "depth": "full"})
"""Kite's own "quote" has neither the best bid and offer nor open interest, which our QUOTE promises."""
INTERVALS: Final = words(
    str, "1m=minute 3m=3minute 5m=5minute 10m=10minute 15m=15minute 30m=30minute 1h=60minute D=day"
)
HISTORY_DAYS: Final = MappingProxyType(
    {"1m": 60, "3m": 100, "5m": 100, "10m": 100, "15m": 200, "30m": 200, "1h": 400, "D": 2000}
)
