"""Drives Kite Connect with the official library; prints what it understood as one line of JSON. Arguments: the
REST address, the websocket's, API key, secret, request token."""

import json
import sys
import threading

from kiteconnect import KiteConnect, KiteTicker, exceptions

TOKENS = [779521, 256265, 412675]


def rest(kite, code, secret):
    told = {"session": kite.generate_session(code, secret)}
    kite.set_access_token(told["session"]["access_token"])
    told["profile"] = kite.profile()
    what = {"exchange": "NSE", "tradingsymbol": "SBIN", "product": "MIS", "variety": "regular"}
    first = kite.place_order(
        **what, transaction_type="BUY", quantity=10, order_type="LIMIT", price=800.05, validity="DAY", tag="WITNESS1"
    )
    second = kite.place_order(**what, transaction_type="SELL", quantity=5, order_type="MARKET", market_protection=-1)
    third = kite.place_order(
        **what, transaction_type="BUY", quantity=7, order_type="SL", price=820.1, trigger_price=819.95
    )
    kite.modify_order("regular", first, quantity=12, price=800.1, order_type="LIMIT")
    kite.cancel_order("regular", third)
    told["ids"] = [first, second, third]
    told["refused"] = []
    for act in (
        lambda: kite.place_order(**what, transaction_type="BUY", quantity=1, order_type="MARKET"),
        lambda: kite.cancel_order("regular", third),
        lambda: kite.historical_data(779521, "2025-01-01 09:15:00", "2025-12-31 15:30:00", "minute"),
    ):
        try:
            act()
        except exceptions.KiteException as error:
            told["refused"].append([type(error).__name__, str(error), error.code])
    told["orders"], told["history_of"] = kite.orders(), kite.order_history(first)
    told["trades"], told["positions"] = kite.trades(), kite.positions()["net"]
    told["holdings"], told["margins"] = kite.holdings(), kite.margins()
    leg = {"exchange": "NFO", "tradingsymbol": "NIFTY26JAN26000CE", "transaction_type": "SELL", "variety": "regular",
           "product": "NRML", "order_type": "LIMIT", "quantity": 65, "price": 200.0}  # fmt: skip
    told["basket"] = kite.basket_order_margins([leg, {**leg, "tradingsymbol": "NIFTY26JANFUT"}])
    told["order_margins"] = kite.order_margins([leg])
    told["quote"] = kite.quote("NSE:SBIN", "NSE:NIFTY 50", "NSE:M&M")
    told["ohlc"], told["ltp"] = kite.ohlc("NSE:SBIN"), kite.ltp("NSE:SBIN", "NSE:NOTHING")
    told["instruments"] = kite.instruments()
    told["candles"] = kite.historical_data(779521, "2026-01-05 09:15:00", "2026-01-05 09:20:00", "minute", oi=True)
    order = {"transaction_type": "SELL", "quantity": 7, "product": "CNC", "order_type": "LIMIT", "price": 779.5}
    gtt = kite.place_gtt("single", "SBIN", "NSE", [780.0], 812.5, [order])["trigger_id"]
    pair = kite.place_gtt("two-leg", "SBIN", "NSE", [780.0, 850.0], 812.5, [order, {**order, "price": 849.5}])
    kite.modify_gtt(gtt, "single", "SBIN", "NSE", [770.0], 812.5, [order])
    kite.delete_gtt(pair["trigger_id"])
    told["gtts"] = kite.get_gtts()
    return told


def ticker(api_key, access_token, root):
    """Ticks in every mode, and order updates, until all have come."""
    told = {"ltp": {}, "quote": {}, "full": {}, "orders": []}
    done = threading.Event()
    feed = KiteTicker(api_key, access_token, root=root, reconnect=False)

    def on_connect(ws, response):
        ws.subscribe(TOKENS)
        ws.set_mode(ws.MODE_LTP, TOKENS)

    def on_ticks(ws, ticks):
        for tick in ticks:
            told[tick["mode"]][str(tick["instrument_token"])] = tick
        for before, after in (("ltp", ws.MODE_QUOTE), ("quote", ws.MODE_FULL)):
            if len(told[before]) == len(TOKENS) and not told[after]:
                ws.set_mode(after, TOKENS)
        finish()

    def on_order_update(ws, order):
        told["orders"].append(order)
        finish()

    def finish():
        if len(told["full"]) == len(TOKENS) and told["orders"]:
            done.set()

    feed.on_connect, feed.on_ticks, feed.on_order_update = on_connect, on_ticks, on_order_update
    feed.connect(threaded=True)
    if not done.wait(60):
        raise SystemExit(f"The ticker heard too little: { {name: len(rows) for name, rows in told.items()} }")
    return told


def main():
    url, feed_url, key, secret, code = sys.argv[1:]
    kite = KiteConnect(api_key=key, root=url)
    told = rest(kite, code, secret)
    told["ticks"] = ticker(key, kite.access_token, feed_url)
    told["logged_out"] = kite.invalidate_access_token()
    print(json.dumps(told, default=str))


main()
