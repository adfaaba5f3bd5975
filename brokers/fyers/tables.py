"""Fyers' words, numbers and frame layouts (API v3, data socket HSM v1-5)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from openalgo_lab.broker.hsm import TopicKind
from openalgo_lab.broker.reading import words
from openalgo_lab.model.gtt import GttStatus
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side

NAME: Final = "Fyers"
PLACES: Final = words(Exchange, "10:10=NSE 10:11=NFO 10:12=CDS 12:10=BSE 12:11=BFO 12:12=BCD 11:20=MCX 10:20=NCO")
"""Exchange and segment numbers → our exchange."""

INDICES: Final = MappingProxyType({Exchange.NSE: Exchange.NSE_INDEX, Exchange.BSE: Exchange.BSE_INDEX})
LOTS_ON: Final = frozenset({Exchange.MCX, Exchange.CDS})
FILES: Final = ("NSE_CM", "NSE_FO", "NSE_CD", "BSE_CM", "BSE_FO", "MCX_COM")
LISTED: Final = frozenset(PLACES.values()) - {Exchange.BCD, Exchange.NCO} | frozenset(INDICES.values())
EQUITY_TYPES: Final = MappingProxyType({Exchange.NSE: (0, 9), Exchange.BSE: (0, 4, 9, 50)})
INDEX_TYPE: Final = 10
PRODUCTS: Final = words(Product, "CNC MARGIN=NRML INTRADAY=MIS MTF=NRML CO=MIS BO=MIS")
PRICE_TYPES: Final = words(PriceType, "2=MARKET 1=LIMIT 4=SL 3=SL-M")
SIDES: Final = words(Side, "1=BUY -1=SELL")
STATUSES: Final = words(OrderStatus, "1=cancelled 2=complete 3=accepted 4=accepted 5=rejected 6=open 7=expired")
GTT_STATUSES: Final = words(GttStatus, "1=cancelled 2=triggered 3=active 4=active 5=rejected 6=active 7=expired")
SOCKET_ORDER: Final = words(
    str,
    "id ordertag=orderTag org_ord_status=status ord_type=type exchange segment symbol tran_side=side "
    "product_type=productType qty qty_filled=filledQty price_traded=tradedPrice price_limit=limitPrice "
    "price_stop=stopPrice oms_msg=message time_oms=orderDateTime",
)
"""Fields of a raw order message → the same fields of the order book."""

SOCKET_TRADE: Final = words(
    str,
    "id_fill=tradeNumber id=orderNumber ordertag=orderTag exchange segment symbol tran_side=side "
    "product_type=productType qty_traded=tradedQty price_traded=tradePrice fill_time=orderDateTime",
)
INTERVALS: Final = words(
    str,
    "5s=5S 10s=10S 15s=15S 30s=30S 45s=45S 1m=1 2m=2 3m=3 5m=5 10m=10 15m=15 20m=20 30m=30 1h=60 2h=120 4h=240 D=1D",
)
INDEX_SYMBOLS: Final = words(
    str,
    "NSE:NIFTY50-INDEX=NIFTY NSE:NIFTYBANK-INDEX=BANKNIFTY NSE:FINNIFTY-INDEX=FINNIFTY "
    "NSE:MIDCPNIFTY-INDEX=MIDCPNIFTY NSE:NIFTYNXT50-INDEX=NIFTYNXT50 NSE:NIFTYNEXT50-INDEX=NIFTYNXT50 "
    "NSE:INDIAVIX-INDEX=INDIAVIX BSE:SENSEX-INDEX=SENSEX BSE:BANKEX-INDEX=BANKEX BSE:SNSX50-INDEX=SENSEX50",
)
TOPICS: Final = MappingProxyType(
    {
        "NIFTY50": "Nifty 50", "NIFTYBANK": "Nifty Bank", "FINNIFTY": "Nifty Fin Service",
        "MIDCPNIFTY": "NIFTY MID SELECT", "NIFTYNXT50": "Nifty Next 50", "INDIAVIX": "India VIX",
        "NIFTY100": "Nifty 100", "NIFTY200": "Nifty 200", "NIFTY500": "Nifty 500", "NIFTYIT": "Nifty IT",
        "NIFTYAUTO": "Nifty Auto", "NIFTYPHARMA": "Nifty Pharma", "NIFTYFMCG": "Nifty FMCG",
        "NIFTYMETAL": "Nifty Metal", "NIFTYREALTY": "Nifty Realty", "NIFTYENERGY": "Nifty Energy",
        "NIFTYINFRA": "Nifty Infra", "NIFTYMEDIA": "Nifty Media", "NIFTYPSE": "Nifty PSE",
        "NIFTYPSUBANK": "Nifty PSU Bank", "NIFTYPVTBANK": "Nifty Pvt Bank", "NIFTYMIDCAP50": "Nifty Midcap 50",
        "NIFTYMIDCAP100": "NIFTY MIDCAP 100",
    }
)  # fmt: skip
"""An index's name on the data socket, where it is not the ticker's own."""

TOPIC_SEGMENTS: Final = words(
    str,
    "1010=nse_cm 1011=nse_fo 1120=mcx_fo 1210=bse_cm 1012=cde_fo 1211=bse_fo 1212=bcs_fo 1020=nse_com",
)
"""First four digits of a Fytoken → segment on the data socket."""

LOGIN_AGAIN: Final = frozenset({-8, -15, -16, -17})
TOO_MANY: Final = -429
UNACKNOWLEDGED: Final = 201

# Values of the data socket's topics in their order; those with a minus are none of ours.
_COUNTS: Final = "volume bid_qty ask_qty ltq oi"
KINDS: Final = MappingProxyType({
    "sf": TopicKind.of(
        "ltp volume -traded time bid_qty ask_qty bid ask ltq -buy_total -sell_total average oi low high -year_high "
        "-year_low -lower -upper open prev_close", _COUNTS
    ),
    "if": TopicKind.of("ltp prev_close time high low open", _COUNTS),
    "dp": TopicKind(30, book=True),
})  # fmt: skip
