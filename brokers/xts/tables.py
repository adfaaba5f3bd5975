"""Words of Symphony's XTS servers and the members that run them.

Words are compared in capitals. Products that only a broker's own screen can place (cover CO, bracket BO, margin
trading MTF) are read into the product that carries them, never written.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from openalgo_lab.broker.reading import words
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side, Validity

__all__ = ["MEMBERS", "Member"]

EXCHANGES: Final = words(Exchange, "NSECM=NSE NSEFO=NFO NSECD=CDS BSECM=BSE BSEFO=BFO BSECD=BCD NCDEX MCXFO=MCX")
SEGMENTS: Final = words(int, "NSECM=1 NSEFO=2 NSECD=3 BSECM=11 BSEFO=12 BSECD=13 NCDEX=21 MCXFO=51")
"""Numbers of the market-data side; the upper bits of our token."""
SEGMENT_WORDS: Final = MappingProxyType({code: word for word, code in SEGMENTS.items()})
INDICES: Final = MappingProxyType({1: Exchange.NSE_INDEX, 11: Exchange.BSE_INDEX})
SIDES: Final = words(Side, "BUY SELL")
PRODUCTS: Final = words(Product, "CNC NRML MIS CO=MIS BO=MIS MTF=CNC")
PRICE_TYPES: Final = words(PriceType, "MARKET LIMIT STOPLIMIT=SL STOPMARKET=SL-M")
VALIDITIES: Final = words(Validity, "DAY IOC")
STATUSES: Final = words(
    OrderStatus,
    "PENDINGNEW=accepted NEW=open OPEN=open REPLACED=open PENDINGREPLACE=open PENDINGCANCEL=open "
    "TRIGGER~PENDING=trigger_pending PARTIALLYFILLED=partially_filled FILLED=complete CANCELLED=cancelled "
    "REJECTED=rejected EXPIRED=expired",
)
INTERVALS: Final = words(
    str,
    "1m=60 2m=120 3m=180 4m=240 5m=300 10m=600 15m=900 20m=1200 30m=1800 45m=2700 1h=3600 2h=7200 3h=10800 4h=14400 D",
)
HISTORY_DAYS: Final = MappingProxyType(
    {"1m": 6, "2m": 12, "3m": 18, "4m": 24, "5m": 30, "10m": 60, "15m": 90, "20m": 90, "30m": 90, "45m": 90}
    | dict.fromkeys(("1h", "2h", "3h", "4h", "D"), 365)
)
LTP, QUOTE, DEPTH, INTEREST = 1512, 1501, 1502, 1510
"""Message codes of the market-data side."""
INDEX_NAMES: Final = words(
    str,
    "NIFTY50=NIFTY NIFTYBANK=BANKNIFTY NIFTYFINSERVICE=FINNIFTY NIFTYMIDSELECT=MIDCPNIFTY NIFTYNEXT50=NIFTYNXT50 "
    "SNSX50=SENSEX50 SNXT50=BSESENSEXNEXT50 MID150=BSE150MIDCAPINDEX LMI250=BSE250LARGEMIDCAPINDEX "
    "MSL400=BSE400MIDSMALLCAPINDEX AUTO=BSEAUTO METAL=BSEMETAL POWER=BSEPOWER REALTY=BSEREALTY ENERGY=BSEENERGY "
    "CPSE=BSECPSE TECK=BSETECK GREENX=BSEGREENEX SMEIPO=BSESMEIPO BSECG=BSECAPITALGOODS BSECD=BSECONSUMERDURABLES "
    "BSEHC=BSEHEALTHCARE BSEIT=BSEINFORMATIONTECHNOLOGY BSEFMC=BSEFASTMOVINGCONSUMERGOODS FIN=BSEFINANCIALSERVICES "
    "FINSER=BSEFINANCIALSERVICES INFRA=BSEINDIAINFRASTRUCTUREINDEX INDSTR=BSEINDUSTRIALS LRGCAP=BSELARGECAP "
    "MIDCAP=BSEMIDCAP MIDSEL=BSEMIDCAPSELECTINDEX SMLCAP=BSESMALLCAP SMLSEL=BSESMALLCAPSELECTINDEX OILGAS=BSEOIL&GAS "
    "BSEPBI=BSEPSU TELCOM=BSETELECOM CARBON=BSECARBONEX DOL30=BSEDOLLEX30 DOL100=BSEDOLLEX100 DOL200=BSEDOLLEX200",
)
"""Index names, capitals without blanks and hyphens, that are not the canonical symbol already."""

_PLAIN: Final = "/apimarketdata"
_BINARY: Final = "/apibinarymarketdata"


class Member(msgspec.Struct, frozen=True):
    """What differs between the brokers: hosts, prefixes, login, switches."""

    key: str
    name: str
    host: str
    segments: str
    md: str = _PLAIN
    """Prefix of the market-data REST."""
    md_login: str = ""
    """Prefix of its login; "" = the same. The token holds under both prefixes."""
    socket: str = f"{_PLAIN}/socket.io"
    interactive: str = "/interactive"
    redirect: bool = False
    final_token: bool = False
    """The page's answer holds the token itself, not something to exchange for one."""
    placeholder: str = ""
    """What the login sends as ``accessToken`` though there is none."""
    ltp_code: int = LTP
    """Not every server tells the last price alone."""
    market: bool = True
    """Whether MARKET orders pass; else every order carries a price."""
    margin: bool = False
    margin_user: bool = False
    """Margin calls name the client in every leg and at the top."""
    margin_pause_s: float = 0.0


_FOUR: Final = "NSECM BSECM NSEFO BSEFO"
MEMBERS: Final = (
    Member("compositedge", "CompositEdge", "https://xts.compositedge.com", f"{_FOUR} NSECD MCXFO", redirect=True),
    Member("fivepaisaxts", "5paisa (XTS)", "https://xtsmum.5paisa.com", _FOUR),
    Member(
        "ibulls", "Indiabulls Securities", "https://xts.ibullssecurities.com", f"{_FOUR} MCXFO", _BINARY, market=False
    ),
    Member("iifl", "IIFL Securities (XTS)", "https://ttblaze.iifl.com", f"{_FOUR} NSECD MCXFO", market=False),
    Member(
        "jainamxts", "Jainam (XTS)", "https://jtrade.jainam.in:5000", _FOUR, _BINARY,
        socket=f"{_BINARY}/socket.io", placeholder="access_token",
        ltp_code=QUOTE,
    ),
    Member(
        "rmoney", "RMoney", "https://xts.rmoneyindia.co.in:3000", _FOUR, _BINARY, _PLAIN,
        redirect=True, final_token=True, margin=True, ltp_code=QUOTE,
    ),
    Member(
        "wisdom", "Wisdom Capital", "https://trade.wisdomcapital.in", f"{_FOUR} NSECD MCXFO",
        margin=True, margin_user=True, margin_pause_s=3.0,
    ),
)  # fmt: skip
