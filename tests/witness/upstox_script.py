"""Drives Upstox with the official library; prints what it understood as one line of JSON. Arguments: the REST
address, the websocket's, API key, secret, redirect address, code."""

import json
import sys
import threading

import upstox_client
import websocket
from upstox_client.rest import ApiException

SHARE, INDEX, CALL = "NSE_EQ|INE062A01020", "NSE_INDEX|Nifty 50", "NSE_FO|47164"
KEYS = [SHARE, INDEX, CALL]


def client_of(url, key, secret, redirect, code):
    settings = upstox_client.Configuration()
    settings.host = settings.order_host = url
    client = upstox_client.ApiClient(settings)
    session = upstox_client.LoginApi(client).token(
        "2.0", code=code, client_id=key, client_secret=secret, redirect_uri=redirect, grant_type="authorization_code"
    )
    settings.access_token = session.access_token
    return client, session


def placed(api, **terms):
    fields = {"product": "I", "validity": "DAY", "price": 0, "trigger_price": 0, "disclosed_quantity": 0}
    fields |= {"is_amo": False, "slice": False, "instrument_token": SHARE, **terms}
    return api.place_order(upstox_client.PlaceOrderV3Request(**fields)).data.order_ids[0]


def orders(client, told):
    api = upstox_client.OrderApiV3(client)
    first = placed(api, quantity=10, price=800.05, order_type="LIMIT", transaction_type="BUY", tag="WITNESS1")
    second = placed(api, quantity=5, order_type="MARKET", transaction_type="SELL")
    third = placed(api, quantity=7, price=820.1, trigger_price=819.95, order_type="SL", transaction_type="BUY")
    api.modify_order(
        upstox_client.ModifyOrderRequest(
            order_id=first, quantity=12, price=800.1, order_type="LIMIT", validity="DAY", trigger_price=0
        )
    )
    api.cancel_order(third)
    told["ids"] = [first, second, third]
    try:
        api.cancel_order(third)
    except ApiException as error:
        told["refused"] = [error.status, json.loads(error.body)["errors"][0]["errorCode"]]
    rule = upstox_client.GttRule(strategy="ENTRY", trigger_type="BELOW", trigger_price=780.0)
    request = upstox_client.GttPlaceOrderRequest(
        type="SINGLE", quantity=7, product="D", rules=[rule], instrument_token=SHARE, transaction_type="SELL"
    )
    told["gtt"] = api.place_gtt_order(request).data.gtt_order_ids
    told["gtts"] = api.get_gtt_order_details()
    books = upstox_client.OrderApi(client)
    told["orders"], told["details"] = books.get_order_book("2.0"), books.get_order_status(order_id=first)
    told["trades"] = books.get_trade_history("2.0")


def rest(client, told):
    told["profile"] = upstox_client.UserApi(client).get_profile("2.0")
    told["funds"] = upstox_client.UserApi(client).get_user_fund_margin_v3()
    orders(client, told)
    portfolio = upstox_client.PortfolioApi(client)
    told["positions"], told["holdings"] = portfolio.get_positions("2.0"), portfolio.get_holdings("2.0")
    legs = [
        upstox_client.Instrument(instrument_key=CALL, quantity=65, product="D", transaction_type="SELL", price=0),
        upstox_client.Instrument(instrument_key=SHARE, quantity=10, product="D", transaction_type="BUY", price=0),
    ]
    told["margin"] = upstox_client.ChargeApi(client).post_margin(upstox_client.MarginRequest(instruments=legs))
    told["quotes"] = upstox_client.MarketQuoteApi(client).get_full_market_quote(",".join(KEYS), "2.0")
    history = upstox_client.HistoryV3Api(client)
    told["candles"] = history.get_historical_candle_data1(SHARE, "minutes", "5", "2026-01-05", "2026-01-02")
    told["today"] = history.get_intra_day_candle_data(SHARE, "minutes", "5")


def on_loopback(url):
    """The library's addresses are fixed: its sockets are led to the simulator."""
    app = websocket.WebSocketApp

    def redirected(address, *args, **kwargs):
        return app(address.replace("wss://api.upstox.com", url), *args, **kwargs)

    websocket.WebSocketApp = redirected


def streams(client, told):
    """A picture of each instrument in every mode, and an order update."""
    told |= {"ltpc": {}, "fullFeed": {}, "firstLevelWithGreeks": {}, "updates": []}
    done = threading.Event()
    market = upstox_client.MarketDataStreamerV3(client, KEYS, "ltpc")
    portfolio = upstox_client.PortfolioDataStreamer(client)

    def on_market(message):
        for key, feed in message.get("feeds", {}).items():
            kind = next(name for name in ("ltpc", "fullFeed", "firstLevelWithGreeks") if name in feed)
            told[kind][key] = feed[kind]
        if len(told["ltpc"]) == len(KEYS) and not told["fullFeed"]:
            market.change_mode(KEYS, "full")
        elif len(told["fullFeed"]) == len(KEYS) and not told["firstLevelWithGreeks"]:
            market.change_mode([CALL], "option_greeks")
        finish()

    def on_update(message):
        told["updates"].append(json.loads(message))
        finish()

    def finish():
        if told["firstLevelWithGreeks"] and told["updates"]:
            done.set()

    market.on("message", on_market)
    portfolio.on("message", on_update)
    for stream in (market, portfolio):
        stream.auto_reconnect(False)
        stream.connect()
    heard = done.wait(60)
    for stream in (market, portfolio):
        stream.disconnect()
    if not heard:
        raise SystemExit("The streams heard too little.")


def main():
    url, feed_url, key, secret, redirect, code = sys.argv[1:]
    client, session = client_of(url, key, secret, redirect, code)
    told = {"session": session}
    rest(client, told)
    on_loopback(feed_url)
    streams(client, told)
    print(json.dumps(client.sanitize_for_serialization(told)))


main()
