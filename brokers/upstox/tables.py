"""Upstox's words. Where two of them mean one of ours, the first is the one we send."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from openalgo_lab.broker.reading import words
from openalgo_lab.model.gtt import GttStatus
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side, Validity

SEGMENTS: Final = words(
    Exchange,
    "NSE_EQ=NSE BSE_EQ=BSE NSE_FO=NFO BSE_FO=BFO NCD_FO=CDS BCD_FO=BCD MCX_FO=MCX NSE_INDEX BSE_INDEX MCX_INDEX",
)
"""The first part of an instrument key. Its place in this table is the upper part of our token."""
EXCHANGES: Final = words(Exchange, "NSE BSE NFO BFO CDS BCD MCX NSCOM=NCO")
SIDES: Final = words(Side, "BUY SELL")
PRICE_TYPES: Final = words(PriceType, "MARKET LIMIT SL SL-M")
VALIDITIES: Final = words(Validity, "DAY IOC")
CASH: Final = words(Product, "D=CNC I=MIS CO=MIS MTF=CNC")
DERIVATIVES: Final = words(Product, "D=NRML I=MIS CO=MIS")
STATUSES: Final = words(
    OrderStatus,
    "put~order~req~received=accepted validation~pending=accepted open~pending=accepted "
    "after~market~order~req~received=accepted modify~after~market~order~req~received=accepted open modified=open "
    "modify~pending=open modify~validation~pending=open not~modified=open cancel~pending=open not~cancelled=open "
    "trigger~pending=trigger_pending complete cancelled cancelled~after~market~order=cancelled rejected",
)
GTT_STATUSES: Final = words(
    GttStatus,
    "SCHEDULED=active TRIGGERED=triggered FAILED=rejected CANCELLED=cancelled EXPIRED=expired OPEN=triggered "
    "COMPLETED=triggered PENDING=active INACTIVE=disabled",
)
MODES: Final = MappingProxyType({"ltp": "ltpc", "quote": "full", "depth": "full"})
INTERVALS: Final = words(
    str,
    "1m=minutes/1 2m=minutes/2 3m=minutes/3 5m=minutes/5 10m=minutes/10 15m=minutes/15 30m=minutes/30 1h=hours/1 "
    "2h=hours/2 4h=hours/4 D=days/1 W=weeks/1 M=months/1",
)
HISTORY_DAYS: Final = words(int, "1m=28 2m=28 3m=28 5m=28 10m=28 15m=28 30m=88 1h=88 2h=88 4h=88 D=3650 W=9000 M=9000")
