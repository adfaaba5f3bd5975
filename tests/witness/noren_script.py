"""Drives a Noren order system with the vendor's official library; prints what it understood as one line of JSON.
Arguments: the REST address, the websocket's, client id, secret, code."""

import contextlib
import json
import sys
import threading
import time

from NorenRestApiPy.NorenApi import FeedType, NorenApi

KEYS = ["NSE|3045", "NFO|47164"]


def rest(api, key, secret, code):
    told = {"session": api.getAccessToken(code, secret, key, "AB1234")}
    what = {"product_type": "I", "exchange": "NSE", "tradingsymbol": "SBIN-EQ", "discloseqty": 0}
    first = api.place_order(
        "B", quantity=10, price_type="LMT", price=800.05, retention="DAY", remarks="WITNESS1", **what
    )["norenordno"]
    second = api.place_order("S", quantity=5, price_type="LMT", price=812.5, **what)["norenordno"]
    third = api.place_order("B", quantity=7, price_type="SL-LMT", price=820.1, trigger_price=819.95, **what)[
        "norenordno"
    ]
    what["tradingsymbol"] = "M&M-EQ"
    fourth = api.place_order("B", quantity=1, price_type="LMT", price=3650.4, **what)["norenordno"]
    api.modify_order(first, "NSE", "SBIN-EQ", 12, "LMT", newprice=800.1)
    api.cancel_order(third)
    told["refused"] = [api.cancel_order(third), api.modify_order("9", "NSE", "SBIN-EQ", 1, "LMT", newprice=800.1)]
    told["ids"] = [first, second, third, fourth]
    while not api.get_trade_book():  # the library answers an empty book with None
        time.sleep(0.05)
    told["orders"], told["trades"] = api.get_order_book(), api.get_trade_book()
    told["history_of"] = api.single_order_history(first)
    told["positions"], told["holdings"], told["limits"] = api.get_positions(), api.get_holdings("C"), api.get_limits()
    told["quote"] = api.get_quotes("NSE", "3045")
    told["candles"] = api.get_time_price_series("NSE", "3045", starttime=1767584700, endtime=1767585060, interval=1)
    told["days"] = api.get_daily_price_series("NSE", "SBIN-EQ", startdate=1767052800, enddate=1767571200)
    return told


def stream(api):
    """Touchline, depth and order updates, until all have come."""
    told = {"tk": {}, "tf": {}, "dk": {}, "df": {}, "om": []}
    opened, done = threading.Event(), threading.Event()

    def finish():
        if all(told.values()) and len(told["dk"]) == len(told["tk"]) == len(KEYS):
            done.set()

    def on_tick(row):
        told[row["t"]][f"{row['e']}|{row['tk']}"] = row
        if row["t"] == "tf" and not told["dk"]:
            api.unsubscribe(KEYS)
            api.subscribe(KEYS, feed_type=FeedType.SNAPQUOTE)
        finish()

    def on_order(row):
        told["om"].append(row)
        finish()

    api.start_websocket(subscribe_callback=on_tick, order_update_callback=on_order, socket_open_callback=opened.set)
    if not opened.wait(20):
        raise SystemExit("The socket was never accepted.")
    api.subscribe_orders()
    api.subscribe(KEYS)
    if not done.wait(30):
        raise SystemExit(f"The socket told too little: { {name: len(rows) for name, rows in told.items()} }")
    return told


def main():
    url, feed_url, key, secret, code = sys.argv[1:]
    api = NorenApi(host=url, websocket=feed_url)
    with contextlib.redirect_stdout(sys.stderr):  # the library prints
        told = rest(api, key, secret, code)
        told["stream"] = stream(api)
        told["logged_out"] = api.logout()
    print(json.dumps(told))


main()
