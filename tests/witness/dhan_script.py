"""Drives Dhan with the official library; prints what it understood as one line of JSON. Arguments: the REST address,
the websocket's, client id, PIN, one-time code."""

import asyncio
import json
import sys

from dhanhq import DhanContext, MarketFeed, OrderUpdate, dhanhq
from dhanhq.auth import DhanLogin
from dhanhq.dhan_http import DhanHTTP

SHARE, INDEX, CALL = ("NSE_EQ", "3045"), ("IDX_I", "1001"), ("NSE_FNO", "47164")
STREAMED = [(MarketFeed.NSE, "3045"), (MarketFeed.IDX, "1001"), (MarketFeed.NSE_FNO, "47164")]
KINDS = {15: "Ticker Data", 17: "Quote Data", 21: "Full Data"}


def data(answer):
    if answer["status"] != "success":
        raise SystemExit(f"refused: {answer}")
    return answer["data"]


def placed(dhan, side, kind, quantity, price, trigger=0, tag=None):
    segment, number = SHARE
    answer = dhan.place_order(number, segment, side, quantity, kind, "INTRADAY", price, trigger, tag=tag)
    return data(answer)["orderId"]


def orders(dhan, told):
    first = placed(dhan, "BUY", "LIMIT", 10, 800.05, tag="WITNESS1")
    second = placed(dhan, "SELL", "MARKET", 5, 0)
    third = placed(dhan, "BUY", "STOP_LOSS", 7, 820.1, 819.95)
    data(dhan.modify_order(first, "LIMIT", "ENTRY_LEG", 12, 800.1, 0, 0, "DAY"))
    data(dhan.cancel_order(third))
    told["ids"] = [first, second, third]
    told["refused"] = dhan.cancel_order(third)["remarks"]
    told["orders"], told["one"] = data(dhan.get_order_list()), data(dhan.get_order_by_id(first))
    told["external"] = data(dhan.get_order_by_correlationID("WITNESS1"))
    told["trades"] = data(dhan.get_trade_book())
    segment, number = SHARE
    single = dhan.place_forever(number, segment, "SELL", "CNC", "LIMIT", 7, 779.5, 780)
    pair = dhan.place_forever(
        number, segment, "SELL", "CNC", "LIMIT", 7, 779.5, 780, "OCO", price1=849.5, trigger_Price1=850, quantity1=7
    )
    told["gtt"] = [data(single)["orderId"], data(pair)["orderId"]]
    data(dhan.modify_forever(told["gtt"][0], "SINGLE", "LIMIT", "ENTRY_LEG", 7, 769.5, 770, 0, "DAY"))
    told["gtts"] = data(dhan.get_forever())


def rest(dhan, told):
    orders(dhan, told)
    told["positions"], told["holdings"] = data(dhan.get_positions()), data(dhan.get_holdings())
    told["funds"] = data(dhan.get_fund_limits())
    segment, number = CALL
    told["margin"] = data(dhan.margin_calculator(number, segment, "SELL", 65, "MARGIN", 200.0))
    leg = {"exchangeSegment": segment, "transactionType": "SELL", "quantity": 65, "productType": "MARGIN",
           "securityId": number, "price": 200.0, "triggerPrice": 0}  # fmt: skip
    told["margins"] = data(dhan.margin_calculator_multi([leg, leg]))
    asked = {segment: [int(number)] for segment, number in (SHARE, INDEX, CALL)}
    told["quotes"] = data(dhan.quote_data(asked))["data"]
    told["ohlc"] = data(dhan.ohlc_data(asked))["data"]
    told["ticker"] = data(dhan.ticker_data(asked))["data"]
    segment, number = SHARE
    told["minutes"] = data(
        dhan.intraday_minute_data(number, segment, "EQUITY", "2026-01-02 09:15:00", "2026-01-05 15:30:00", 5, True)
    )
    told["days"] = data(dhan.historical_daily_data(number, segment, "EQUITY", "2025-12-29", "2026-01-06"))


async def market(context, told, code):
    """A picture of each instrument in one mode."""
    feed = MarketFeed(context, [(segment, number, code) for segment, number in STREAMED])
    await feed.connect()
    found = told.setdefault(KINDS[code], {})
    previous, interest = told.setdefault("Previous Close", {}), told.setdefault("OI Data", {})
    wanted = {number for _, number in STREAMED}
    with_interest = {SHARE[1], CALL[1]} if code == MarketFeed.Quote else set()
    async with asyncio.timeout(20):
        while not (wanted <= {*found} and wanted <= {*previous} and with_interest <= {*interest}):
            packet = await feed.get_instrument_data()
            kind, number = packet["type"], str(packet["security_id"])
            if kind in (KINDS[code], "Ticker Data"):
                found[number] = packet
            elif kind == "Previous Close":
                previous[number] = packet
            elif kind == "OI Data":
                interest[number] = packet
    await feed.disconnect()


async def updates(context, url, told):
    stream = OrderUpdate(context)
    stream.order_feed_wss = url
    heard = asyncio.get_running_loop().create_future()
    stream.on_update = lambda update: heard.done() or heard.set_result(update)
    task = asyncio.ensure_future(stream.connect_order_update())
    async with asyncio.timeout(20):
        told["update"] = await heard
    task.cancel()


def main():
    url, feed_url, client, pin, totp = sys.argv[1:]
    DhanHTTP.API_BASE_URL, DhanLogin.AUTH_BASE_URL = f"{url}/v2", url
    MarketFeed.market_feed_wss = feed_url
    session = DhanLogin(client).generate_token(pin, totp)
    context = DhanContext(client, session["accessToken"])
    told = {"session": session}
    rest(dhanhq(context), told)
    for code in KINDS:
        asyncio.run(market(context, told, code))
    asyncio.run(updates(context, feed_url, told))
    print(json.dumps(told))


main()
