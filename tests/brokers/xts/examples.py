"""The XTS sheet's examples, and what its tests share."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from brokers.xts import COMPOSITEDGE, FIVEPAISAXTS, IBULLS, IIFL, JAINAMXTS, RMONEY, WISDOM
from openalgo_lab.broker import BrokerSpec, Call, FeedSession, HttpResponse, Session
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Mode, PriceType, Product, Side, Validity

__all__ = [
    "ASKS",
    "BIDS",
    "CODEC",
    "CRUDE",
    "FUTURE",
    "HEAD",
    "KEYS",
    "M1501",
    "M1502",
    "M1510",
    "M1512",
    "MARKET",
    "MEMBERS",
    "ORDER_ROW",
    "PACKED_1501",
    "PACKED_1502",
    "PLAIN_1501",
    "PLAIN_1510",
    "POSITION",
    "RELIANCE",
    "ROWS",
    "SEEN",
    "SESSION",
    "TOUCHLINE",
    "USER",
    "WHEN",
    "an_intent",
    "an_order",
    "answer",
    "codes",
    "columns",
    "event",
    "failed",
    "market_feed",
    "order_feed",
    "run",
    "token",
]

MEMBERS = (COMPOSITEDGE, FIVEPAISAXTS, IBULLS, IIFL, JAINAMXTS, RMONEY, WISDOM)
CODEC = FIVEPAISAXTS.codec
SESSION = Session("AB1234", "itok", {"market": "mtok", "market_user": "AB1234", "user": "AB1234"})
RELIANCE = Instrument(
    "RELIANCE", Exchange.NSE, InstrumentType.EQ, "RELIANCE", 1 << 40 | 2885, 1, 0.1, broker_symbol="2885"
)
FUTURE = Instrument(
    "NIFTY24FEB26FUT", Exchange.NFO, InstrumentType.FUT, "NIFTY", 2 << 40 | 35001, 65, 0.1, broker_symbol="35001"
)
CRUDE = Instrument(
    "CRUDEOIL19FEB26FUT", Exchange.MCX, InstrumentType.FUT, "CRUDEOIL", 51 << 40 | 447552, 100, 1.0,
    broker_symbol="447552",
)  # fmt: skip
WHEN = 1770698730 * 10**9
ORDER_ROW = {
    "LoginID": "AB1234", "ClientID": "AB1234", "AppOrderID": 1110023456, "OrderReferenceID": "",
    "GeneratedBy": "TWSAPI",
    "ExchangeOrderID": "1100000012345678", "OrderCategoryType": "NORMAL", "ExchangeSegment": "NSEFO",
    "ExchangeInstrumentID": 41024, "OrderSide": "BUY", "OrderType": "Limit", "ProductType": "NRML",
    "TimeInForce": "DAY", "OrderPrice": 104.5, "OrderQuantity": 65, "OrderStopPrice": 0, "OrderStatus": "Filled",
    "OrderAverageTradedPrice": "104.35", "LeavesQuantity": 0, "CumulativeQuantity": 65, "OrderDisclosedQuantity": 0,
    "OrderGeneratedDateTime": "10-02-2026 10:15:30", "ExchangeTransactTime": "10-02-2026 10:15:30",
    "LastUpdateDateTime": "10-02-2026 10:15:31", "OrderExpiryDate": "01-01-1980 00:00:00", "CancelRejectReason": "",
    "OrderUniqueIdentifier": "tw000123", "OrderLegStatus": "SingleOrderLeg", "IsSpread": False, "BoLegDetails": 0,
    "BoEntryOrderId": "", "TradingSymbol": "NIFTY 17FEB2026 PE 25700", "OrderSource": "", "ApiOrderSource": "",
    "IsAMO": False, "MessageCode": 9004, "MessageVersion": 4, "TokenID": 0, "ApplicationType": 0,
    "SequenceNumber": 1455185731000123,
}  # fmt: skip
BIDS = [(120, 1310.4, 5), (300, 1310.35, 9), (210, 1310.3, 4), (95, 1310.25, 2), (640, 1310.2, 11)]
ASKS = [(75, 1310.5, 3), (180, 1310.55, 6), (260, 1310.6, 7), (410, 1310.65, 12), (55, 1310.7, 1)]


def _side(levels: list[tuple[int, float, int]]) -> list[dict[str, Any]]:
    return [{"Size": s, "Price": p, "TotalOrders": n, "BuyBackMarketMaker": 0} for s, p, n in levels]


TOUCHLINE = {
    "BidInfo": _side(BIDS)[0], "AskInfo": _side(ASKS)[0], "LastTradedPrice": 1310.45, "LastTradedQunatity": 25,
    "TotalBuyQuantity": 451200, "TotalSellQuantity": 512300, "TotalTradedQuantity": 3125400,
    "AverageTradedPrice": 1308.72, "LastTradedTime": 1455185729, "LastUpdateTime": 1455185730, "PercentChange": 0.35,
    "Open": 1306, "High": 1315.9, "Low": 1301.1, "Close": 1305.85, "TotalValueTraded": None, "BuyBackTotalBuy": 0,
    "BuyBackTotalSell": 0,
}  # fmt: skip
HEAD = {
    "MessageVersion": 4, "ApplicationType": 0, "TokenID": 0, "ExchangeSegment": 1, "ExchangeInstrumentID": 2885,
    "ExchangeTimeStamp": 1455185730,
}  # fmt: skip
M1501 = {"MessageCode": 1501, **HEAD, "Touchline": TOUCHLINE, "BookType": 1, "XMarketType": 1, "SequenceNumber": 1001}
M1502 = {**M1501, "MessageCode": 1502, "Bids": _side(BIDS), "Asks": _side(ASKS)}
M1510 = {
    "MessageCode": 1510, **HEAD, "ExchangeSegment": 2, "ExchangeInstrumentID": 35001, "XTSMarketType": 1,
    "OpenInterest": 12456750,
}  # fmt: skip
M1512 = {
    "MessageCode": 1512, "MessageVersion": 4, "ApplicationType": 0, "TokenID": 0, "ExchangeSegment": 1,
    "ExchangeInstrumentID": 2885, "BookType": 1, "XMarketType": 1, "LastTradedPrice": 1310.45,
    "LastTradedQunatity": 25, "LastUpdateTime": 1455185730,
}  # fmt: skip
SEEN = {
    "ltp": 1310.45, "bid": 1310.4, "ask": 1310.5, "open": 1306.0, "high": 1315.9, "low": 1301.1, "prev_close": 1305.85,
    "average": 1308.72, "bid_qty": 120.0, "ask_qty": 75.0, "volume": 3125400.0, "ltq": 25.0,
}  # fmt: skip
PLAIN_1501 = bytes.fromhex(
    "00dd050100450b000001000100b400dd05040000000000000000000000e903000000000000000000000100450b000042"
    "5fbc5600000000780000009a999999997994400500000000004b00000000000000007a9440030000000000425fbc5600"
    "000000cdcccccccc7994401900000080e206002cd1070098b02f007b14ae47e1729440415fbc56000000006666666666"
    "66d63f00000000006894409a999999998f94406666666666549440666666666667944000000000000000000000000001"
    "000100"
)
PACKED_1501 = bytes.fromhex(
    "01dd050100450b000001000100b4006b00bbcbcac280002f99116c4606576e0606a7f83d61205e0510cf9a090495531c"
    "58c1f2de308555531c20da606acf9e0102a03a4920bbe1111b83ce457686191bf419aa45d6b93f2c9ae2e00855970606"
    "d7ecc19a33a63880cdef9fe200160e81d2e9531c901c087415230300"
)
PLAIN_1510 = bytes.fromhex(
    "00e6050200b9880000010001003d00e605040000000000000000000000e903000000000000000000000200b988000042"
    "5fbc560000000001002e13be00010090650000000000000000000000"
)
PACKED_1502 = bytes.fromhex(
    "01de050100450b0000010001007001bd00bbc7cac280002f99116c4606576e0606a7f83d61201e2b105700f1ac994050"
    "39c58115ac46879181210d0480229c60914b406c0c02401188c9f1300381224c604603903a7b06082aa6387033c04cf7"
    "86a9ab9ae20071c6169859401136b0080bcc3ea0083b58641623d44d40111eb0883903d474a008235804d3dd9876c1fc"
    "09d60954270972e72336069d8bec0c3336e833548bac737f5834c5c111aa0eec8ab46bf660cd19531cc0e6f74f71000b"
    "8740e9f4290e48810b0c51460600"
)


def answer(result: Any, status: int = 200) -> HttpResponse:
    if isinstance(result, bytes):
        return HttpResponse(status, (), result)
    return HttpResponse(
        status, (), msgspec.json.encode({"type": "success", "code": "s", "description": "", "result": result})
    )


def failed(code: str, text: str, status: int = 400, result: Any = None) -> HttpResponse:
    body = {"type": "error", "code": code, "description": text, "result": result}
    return HttpResponse(status, (), msgspec.json.encode(body))


def an_intent(**how: Any) -> OrderIntent:
    terms: dict[str, Any] = {
        "side": Side.BUY, "quantity": 10, "product": Product.MIS, "price_type": PriceType.LIMIT, "price": 1310.5,
    }  # fmt: skip
    return OrderIntent("TW000123ABCDE", "A", Exchange.NSE, "RELIANCE", **(terms | how))


def an_order() -> Order:
    return Order(
        "TW000123ABCDE", "A", Mode.LIVE, Exchange.NSE, "RELIANCE", Side.BUY, 10, Product.MIS, PriceType.LIMIT, 1310.5,
        0.0, 0, Validity.DAY, "", OrderStatus.OPEN, broker_order_id="1110023456",
    )  # fmt: skip


def market_feed(spec: BrokerSpec = FIVEPAISAXTS) -> FeedSession:
    return spec.codec.open_feed(SESSION, spec.feeds[0])


def order_feed() -> FeedSession:
    return CODEC.open_feed(SESSION, FIVEPAISAXTS.feeds[1])


def event(name: str, argument: Any) -> str:
    return "42" + json.dumps([name, argument if isinstance(argument, str) else json.dumps(argument)])


def columns(batch: TickBatch) -> dict[str, float]:
    return {name: float(column[0]) for name, column in batch.columns.items()}


KEYS = {"app_key": "ik", "secret_key": "is", "market_app_key": "mk", "market_secret_key": "ms"}


def token(exp: int) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": exp}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{claims}.y"


def run(spec: BrokerSpec, credentials: dict[str, str], *replies: HttpResponse) -> tuple[list[Call[Any]], Session]:
    flow = spec.codec.login(credentials)
    calls = [next(flow)]
    for reply in replies[:-1]:
        calls.append(flow.send(calls[-1].decode(reply)))
    with pytest.raises(StopIteration) as end:
        flow.send(calls[-1].decode(replies[-1]))
    return calls, end.value.value


USER = {"clientCodes": ["AB1234"], "token": token(1770784200), "userID": "AB1234", "isInvestorClient": True}
MARKET = {"token": token(1770784100), "userID": "AB1234", "appVersion": "2.0"}
POSITION = {
    "AccountID": "AB1234", "TradingSymbol": "NIFTY 17FEB2026 PE 25700", "ExchangeSegment": "NSEFO",
    "ExchangeInstrumentId": "41024", "ProductType": "NRML", "Marketlot": "65", "Multiplier": "1",
    "BuyAveragePrice": "104.35", "SellAveragePrice": "0.00", "OpenBuyQuantity": "65", "OpenSellQuantity": "0",
    "Quantity": "65", "BuyAmount": "6782.75", "SellAmount": "0.00", "NetAmount": "-6782.75", "UnrealizedMTM": "9.75",
    "RealizedMTM": "1.25", "MTM": "9.75", "BEP": "104.35", "StatisticsLevel": "ParentLevel", "IsInterOpPosition": True,
    "childPositions": [], "MessageCode": 9002,
}  # fmt: skip
ROWS = """NSECM|2885|8|RELIANCE|RELIANCE-EQ|EQ|RELIANCE-EQ|11001000002885|1598|1307.6|6766210.1|0.1|1|1|RELIANCE|INE002A01018|1|1|RELIANCE INDUSTRIES LTD-EQ|0|-1|-1
NSECM|99|8|OLD|OLD-BE|BE|OLD-BE|1|1598|1307.6|1|0.1|1|1|OLD|INE0|1|1|OLD LTD|0|-1|-1
NSEFO|41024|2|NIFTY|NIFTY26217PE25700|OPTIDX|NIFTY-OPTIDX|2604800041024|310.5|0.05|1801|0.05|65|1|-1|Nifty 50|2026-02-17T14:30:00|25700|4|NIFTY 17FEB2026 PE 25700|1|1|NIFTY26217PE25700
NSEFO|35001|1|NIFTY|NIFTY26FEBFUT|FUTIDX|NIFTY-FUTIDX|2605500035001|28310|23163|1801|0.1|65|1|-1|Nifty 50|2026-02-24T14:30:00|NIFTY 24FEB2026|1|1|NIFTY26FEBFUT
MCXFO|5|1|GOLD|X|FUTCOM|X|1|1|1|1|1|1|1|-1|X|1|X|1|1|X
NSEFO|7|4|NIFTY|SPREAD|FUTIDX|X|1|1|1|1|1|1|1|-1|X|2026-02-24T14:30:00|X|1|1|X
BSECM|8|8|SENSEX|SENSEX|SPOT|SENSEX|1|1|1|1|1|1|1|SENSEX|X|1|1|SENSEX|0|-1|-1
short|row"""  # noqa: E501


def codes(calls: list[Call[Any]]) -> list[tuple[str, int]]:
    return [(c.request.method, json.loads(c.request.body)["xtsMessageCode"]) for c in calls]
