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
_MINUTES, _QUARTER, _DECADE, _ANY = 28, 88, 3650, 9000
HISTORY_DAYS: Final = MappingProxyType(
    dict.fromkeys(("1m", "2m", "3m", "5m", "10m", "15m"), _MINUTES)
    | dict.fromkeys(("30m", "1h", "2h", "4h"), _QUARTER)
    | {"D": _DECADE, "W": _ANY, "M": _ANY}
)
INDEX_NAMES: Final = words(
    str,
    "NIFTY~50=NIFTY NIFTY~BANK=BANKNIFTY NIFTY~FIN~SERVICE=FINNIFTY NIFTY~MID~SELECT=MIDCPNIFTY "
    "NIFTY~NEXT~50=NIFTYNXT50 INDIA~VIX=INDIAVIX SNSX50=SENSEX50 SENSEX BANKEX",
)
"""Where dropping the blanks of an index's name does not give its symbol."""
