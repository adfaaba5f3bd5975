"""Words of the Noren order system (NorenOMS "jData") and the members that run it.

Products that only a broker's own screen can place (cover H, bracket B, margin trading F) are read into the product
that carries them, never written. Words of states are in capitals with underscores for blanks; some are only heard
through Firstock, whose gateway stands before the same system.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from openalgo_lab.broker import Rate
from openalgo_lab.broker.reading import words
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side, Validity

__all__ = ["MEMBERS", "Member"]

EXCHANGES: Final = words(Exchange, "NSE BSE NFO BFO CDS BCD MCX NCX=NCDEX")
SEGMENTS: Final = MappingProxyType({word: code for code, word in enumerate(EXCHANGES, start=1)})
"""Upper bits of our token: numbers repeat between exchanges."""
SIDES: Final = words(Side, "B=BUY S=SELL")
PRODUCTS: Final = words(Product, "C=CNC M=NRML I=MIS H=MIS B=MIS F=CNC")
PRICE_TYPES: Final = words(PriceType, "MKT=MARKET LMT=LIMIT SL-LMT=SL SL-MKT=SL-M MARKET LIMIT SL-LIMIT=SL")
VALIDITIES: Final = words(Validity, "DAY IOC")
STATUSES: Final = words(
    OrderStatus,
    "PENDING=accepted OPEN=open NEW=open REPLACED=open OPEN_PENDING=open MODIFY_PENDING=open CANCEL_PENDING=open "
    "AFTER_MARKET_ORDER_REQ_RECEIVED=open TRIGGER_PENDING=trigger_pending COMPLETE=complete EXECUTED=complete "
    "ORDER_ACK=accepted ORDER_PENDING=accepted AMO_OPEN=open AMO_MODIFIED=open AMO_CANCELED=cancelled FILLED=complete "
    "CANCELED=cancelled CANCELLED=cancelled REJECTED=rejected REJECT=rejected INVALID_STATUS_TYPE=rejected",
)
INTERVALS: Final = MappingProxyType(
    {"1m": 1, "3m": 3, "5m": 5, "10m": 10, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240}
)
HISTORY_DAYS: Final = MappingProxyType(
    {"1m": 5, "3m": 10, "5m": 20, "10m": 40, "15m": 60, "30m": 90, "1h": 180, "2h": 180, "4h": 365, "D": 730}
)
TICK_COLUMNS: Final = words(
    str,
    "lp=ltp bp1=bid sp1=ask o=open h=high l=low c=prev_close ap=average "
    "bq1=bid_qty sq1=ask_qty v=volume oi poi=prev_oi ltq",
)
"""Keys of quotes and ticks by our columns; the first eight are prices, whose 0 means that there is none."""
PRICES: Final = 8
INDEX_NAMES: Final = words(
    str,
    "NIFTY50=NIFTY NIFTYINDEX=NIFTY NIFTYBANK=BANKNIFTY BANKNIFTYINDEX=BANKNIFTY NIFTYFIN=FINNIFTY "
    "NIFTYFINSERVICE=FINNIFTY NIFTYNEXT50=NIFTYNXT50 NIFTYMIDSELECT=MIDCPNIFTY",
)
"""Index names, capitals and digits only, that are not the canonical symbol already."""


class Member(msgspec.Struct, frozen=True):
    """What differs between the brokers. ``prefix`` is the path of REST, ``files`` (exchange, path) of the masters."""

    key: str
    name: str
    host: str
    prefix: str
    feed_url: str
    login_url: str
    files: tuple[tuple[str, str], ...]
    files_host: str = ""
    auth_host: str = ""
    jkey: bool = False
    """The token travels in the body and comes for a request code (Flattrade); else as Bearer for an OAuth code."""
    direct_token: bool = False
    """The login page may send the token itself instead of a code."""
    chart_jkey: bool = False
    """Charts want the token in the body as well."""
    paise_ticks: bool = False
    """A tick of the cash files from 1 upwards is in paise."""
    basket_margin: bool = True
    gtt: bool = True
    automatic_orders: bool = False
    """Order updates come without being asked for."""
    bse_indices: bool = True
    per_s: tuple[int, int] = (10, 10)
    """Requests a second: order calls, others."""
    per_min: tuple[int, int] = (0, 0)
    together: tuple[Rate, ...] = ()
    """Limits over everything."""
    day_ends: str = "06:00"


def _zips(*exchanges: str) -> tuple[tuple[str, str], ...]:
    return tuple((exchange, f"/{exchange}_symbols.txt.zip") for exchange in exchanges)


_SIX: Final = ("NSE", "NFO", "CDS", "MCX", "BSE", "BFO")
_CONTRACTS: Final = ("Nfo_Equity", "Nfo_Index", "Bfo_Index", "Bfo_Equity")
_FLATTRADE_FILES: Final = (
    ("NSE", "/scripmaster/NSE_Equity.csv"),
    ("BSE", "/scripmaster/BSE_Equity.csv"),
    ("CDS", "/scripmaster/Currency_Derivatives.csv"),
    ("MCX", "/scripmaster/Commodity.csv"),
    *((name[:3].upper(), f"/scripmaster/{name}_Derivatives.csv") for name in _CONTRACTS),
)
_OAUTH: Final = "/OAuthlogin/authorize/oauth?client_id="

MEMBERS: Final = (
    Member(
        "shoonya", "Shoonya (Finvasia)", "https://api.shoonya.com", "/NorenWClientAPI/",
        "wss://api.shoonya.com/NorenWSAPI", f"https://api.shoonya.com{_OAUTH}", _zips(*_SIX, "NCX"),
        chart_jkey=True, paise_ticks=True, day_ends="03:00",
    ),
    Member(
        "flattrade", "Flattrade", "https://piconnect.flattrade.in", "/PiConnectAPI/",
        "wss://piconnect.flattrade.in/PiConnectWSAPI", "https://auth.flattrade.in/?app_key=", _FLATTRADE_FILES,
        "https://flattrade.s3.ap-south-1.amazonaws.com", "https://authapi.flattrade.in", jkey=True,
        per_s=(10, 40), per_min=(40, 200), day_ends="05:00",
    ),
    Member(
        "zebu", "Zebu (MYNT)", "https://go.mynt.in", "/NorenWClientAPI/", "wss://go.mynt.in/NorenWSAPI",
        f"https://go.mynt.in{_OAUTH}", _zips(*_SIX), bse_indices=False,
    ),
    Member(
        "tradesmart", "TradeSmart", "https://v2api.tradesmartonline.in", "/NorenWClientAPIv2/",
        "wss://v2api.tradesmartonline.in/NorenWSAPI", f"https://v2api.tradesmartonline.in{_OAUTH}", _zips(*_SIX),
        paise_ticks=True, basket_margin=False, gtt=False, automatic_orders=True, direct_token=True,
        together=(Rate("all", 10, 1), Rate("all", 120, 60)),
    ),
)  # fmt: skip
