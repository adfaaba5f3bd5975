"""The Noren sheet's examples, and what its tests share."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import msgspec
import pytest

from brokers.noren import FLATTRADE, SHOONYA, TRADESMART, ZEBU
from openalgo_lab.broker import BrokerSpec, Call, FeedSession, HttpResponse, Session
from openalgo_lab.model.gtt import GttIntent, GttLeg
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Mode, PriceType, Product, Side, Validity

__all__ = [
    "BFO_FILE",
    "CODEC",
    "DF",
    "DK",
    "FLATTRADE_FILE",
    "MCX_FILE",
    "MEMBERS",
    "MM",
    "NFO_FILE",
    "NSE_FILE",
    "OM",
    "ORDER_ROW",
    "QUOTE",
    "RELIANCE",
    "SESSION",
    "TF",
    "TK",
    "a_feed",
    "a_gtt",
    "an_intent",
    "an_order",
    "answer",
    "asked",
    "read_file",
    "run_login",
    "zipped",
]

MEMBERS = (SHOONYA, FLATTRADE, ZEBU, TRADESMART)
SESSION = Session("FA12345", "5f0c")
CODEC = SHOONYA.codec
RELIANCE = Instrument(
    "RELIANCE", Exchange.NSE, InstrumentType.EQ, "RELIANCE", 1 << 40 | 2885, 1, 0.1,
    broker_symbol="RELIANCE-EQ", broker_token="NSE|2885",
)  # fmt: skip
MM = Instrument(
    "M&M",
    Exchange.NSE,
    InstrumentType.EQ,
    "M&M",
    1 << 40 | 2031,
    1,
    0.05,
    broker_symbol="M&M-EQ",
    broker_token="NSE|2031",
)
ORDER_ROW = {
    "stat": "Ok", "norenordno": "26021000000123", "kidid": "1", "uid": "FA12345", "actid": "FA12345", "exch": "NSE",
    "tsym": "RELIANCE-EQ", "qty": "10", "ordenttm": "1770698730", "trantype": "B", "prctyp": "LMT", "ret": "DAY",
    "token": "2885", "mult": "1", "prcftr": "1.000000", "instname": "EQ", "ordersource": "API", "pp": "2", "ls": "1",
    "ti": "0.10", "prc": "1310.50", "trgprc": "0.00", "avgprc": "1310.40", "rprc": "1310.50", "rqty": "10",
    "dscqty": "0", "prd": "I", "s_prdt_ali": "MIS", "status": "COMPLETE", "st_intrn": "COMPLETE", "rpt": "Fill",
    "fillshares": "10", "cancelqty": "0", "rejreason": "", "exchordid": "1100000012345678", "remarks": "tw000123",
    "amo": "No", "norentm": "10:15:30 10-02-2026", "exch_tm": "10-02-2026 10:15:30", "snonum": "", "snoordt": "",
    "bpprc": "", "blprc": "", "trailprc": "",
}  # fmt: skip
TK = (
    '{"t":"tk","e":"NSE","tk":"2885","ts":"RELIANCE-EQ","pp":"2","ls":"1","ti":"0.10","ft":"1770698731","lp":"1310.45",'
    '"pc":"0.35","o":"1306.00","h":"1315.90","l":"1301.10","c":"1305.85","ap":"1308.72","v":"3125400","bp1":"1310.40",'
    '"bq1":"120","sp1":"1310.50","sq1":"75"}'
)
TF = '{"t":"tf","e":"NSE","tk":"2885","ft":"1770698732","lp":"1310.55","pc":"0.36","v":"3125460"}'
DK = (
    '{"t":"dk","e":"NSE","tk":"2885","ts":"RELIANCE-EQ","pp":"2","ls":"1","ti":"0.10","ft":"1770698731","lp":"1310.45",'
    '"pc":"0.35","o":"1306.00","h":"1315.90","l":"1301.10","c":"1305.85","ap":"1308.72","v":"3125400",'
    '"ltt":"10:15:30","ltq":"25","tbq":"451200","tsq":"512300","bp1":"1310.40","bq1":"120","bo1":"5","bp2":"1310.35",'
    '"bq2":"300","bo2":"9","bp3":"1310.30","bq3":"210","bo3":"4","bp4":"1310.25","bq4":"95","bo4":"2","bp5":"1310.20",'
    '"bq5":"640","bo5":"11","sp1":"1310.50","sq1":"75","so1":"3","sp2":"1310.55","sq2":"180","so2":"6",'
    '"sp3":"1310.60","sq3":"260","so3":"7","sp4":"1310.65","sq4":"410","so4":"12","sp5":"1310.70","sq5":"55",'
    '"so5":"1","lc":"1175.30","uc":"1436.40","52h":"1611.80","52l":"1114.85"}'
)
DF = '{"t":"df","e":"NSE","tk":"2885","ft":"1770698732","bq1":"145","sq3":"250"}'
OM = (
    '{"t":"om","norenordno":"26021000000123","uid":"FA12345","actid":"FA12345","exch":"NSE","tsym":"RELIANCE-EQ",'
    '"qty":"10","prc":"1310.50","prd":"I","pcode":"I","status":"COMPLETE","reporttype":"Fill","trantype":"B",'
    '"prctyp":"LMT","ret":"DAY","fillshares":"10","avgprc":"1310.40","fltm":"10-02-2026 10:15:31","flid":"12345",'
    '"flqty":"10","flprc":"1310.40","exchordid":"1100000012345678","cancelqty":"0","remarks":"tw000123",'
    '"dscqty":"0","trgprc":"0.00","rejreason":"","exch_tm":"10-02-2026 10:15:31","tm":"1770698731",'
    '"ntm":"1770698731123","amo":"No","kidid":"1","os":"API","snonum":"","snoordt":"","blprc":"","bpprc":"",'
    '"trailprc":"","sno_fillid":"","rejby":"","dname":"","handlinst":"","ordentm":"","uidc":"","ai":""}'
)
QUOTE = {
    "request_time": "10:15:31 10-02-2026", "stat": "Ok", "exch": "NSE", "tsym": "RELIANCE-EQ", "token": "2885",
    "lp": "1310.45", "c": "1305.85", "h": "1315.90", "l": "1301.10", "o": "1306.00", "ap": "1308.72", "v": "3125400",
    "ltq": "25", "ltt": "10:15:30", "ltd": "10-02-2026", "tbq": "451200", "tsq": "512300", "bp1": "1310.40",
    "bq1": "120", "bo1": "5", "sp1": "1310.50", "sq1": "75", "so1": "3", "So5": "2", "sp5": "1310.70", "sq5": "55",
}  # fmt: skip


def answer(body: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, (), body if isinstance(body, bytes) else msgspec.json.encode(body))


def asked(call: Call[Any]) -> dict[str, Any]:
    """The jData of a request, read as the order system does: the body is cut at ampersands first."""
    first, *_ = call.request.body.split(b"&")
    assert first.startswith(b"jData=")
    found: dict[str, Any] = msgspec.json.decode(first[6:])
    return found


def an_intent(**how: Any) -> OrderIntent:
    terms: dict[str, Any] = {
        "side": Side.BUY,
        "quantity": 10,
        "product": Product.MIS,
        "price_type": PriceType.LIMIT,
        "price": 1310.5,
    }
    return OrderIntent("TW000123ABCDE", "A", Exchange.NSE, "RELIANCE", **(terms | how))


def an_order(**how: Any) -> Order:
    return Order(
        "TW000123ABCDE", "A", Mode.LIVE, Exchange.NSE, "RELIANCE", Side.BUY, 10, Product.MIS, PriceType.LIMIT, 1310.5,
        0.0, 0, Validity.DAY, "", OrderStatus.OPEN, broker_order_id="26021000000123", **how,
    )  # fmt: skip


def a_feed(spec: BrokerSpec = SHOONYA) -> FeedSession:
    return spec.codec.open_feed(SESSION, spec.feeds[0])


def run_login(spec: BrokerSpec, credentials: dict[str, str], reply: Any) -> tuple[Call[Any], Session]:
    flow = spec.codec.login(credentials)
    call = next(flow)
    with pytest.raises(StopIteration) as end:
        flow.send(call.decode(answer(reply)))
    return call, end.value.value


NSE_FILE = """Exchange,Token,LotSize,Symbol,TradingSymbol,Instrument,TickSize,
NSE,2885,1,RELIANCE,RELIANCE-EQ,EQ,10.00,
NSE,26000,1,Nifty 50,NIFTY INDEX,INDEX,0.05,
NSE,26009,1,Nifty Bank,BANKNIFTY INDEX,INDEX,0.05,
NSE,9,1,OLD,OLD-BE,BE,5.00,
NSE,10,1,,BLANK,EQ,5.00,
"""
NFO_FILE = """Exchange,Token,LotSize,Symbol,TradingSymbol,Expiry,Instrument,OptionType,StrikePrice,TickSize,
NFO,41024,65,NIFTY,NIFTY17FEB26P25700,17-FEB-2026,OPTIDX,PE,25700,0.05,
NFO,35001,65,NIFTY,NIFTY24FEB26F,24-FEB-2026,FUTIDX,XX,0,0.10,
"""
BFO_FILE = """Exchange,Token,LotSize,Symbol,TradingSymbol,Expiry,Instrument,OptionType,Strike,TickSize,
BFO,11,20,BSXOPT,SENSEX2621779000CE,17-FEB-2026,OPTIDX,CE,79000,0.05,
BFO,12,20,SX5OPT,SENSEX50FEB2624000PE,26-FEB-2026,OPTIDX,PE,24000,0.05,
BFO,13,20,BSXFUT,SENSEX26FEBFUT,26-FEB-2026,FUTIDX,XX,0,0.05,
"""
MCX_FILE = """Exchange,Token,LotSize,GNGD,Symbol,TradingSymbol,Expiry,Instrument,OptionType,StrikePrice,TickSize,
MCX,447552,100,1,CRUDEOIL,CRUDEOIL19FEB26,19-FEB-2026,FUTCOM,XX,0,1,
"""
FLATTRADE_FILE = """Exchange,Token,Lotsize,Symbol,Tradingsymbol,Instrument,Expiry,Strike,Optiontype
NFO,41024,65,NIFTY,NIFTY17FEB26P25700,OPTIDX,17-FEB-2026,25700,PE
"""


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("symbols.txt", text)
    return buffer.getvalue()


def read_file(spec: BrokerSpec, exchange: str, body: bytes) -> dict[str, Instrument]:
    calls = spec.codec.instrument_files(SESSION)
    call = next(c for c in calls if f"{exchange}_" in c.request.path or f"{exchange}_" in c.request.path.upper())
    return {i.symbol: i for i in call.decode(answer(body))}


def a_gtt(*legs: GttLeg, last: float = 1310.0) -> GttIntent:
    return GttIntent("G000000000001", "A", Exchange.NSE, "RELIANCE", Side.SELL, Product.CNC, legs, last)
