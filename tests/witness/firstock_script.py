"""Drives Firstock with the official library; prints what it understood as one line of JSON. Arguments: the REST
address, the websocket's host, user id, password, code, API key.

The library knows one address and keeps its tokens in the working directory: requests are turned to the simulator, and
the directory is a scratch one.
"""

import contextlib
import json
import os
import sys
import tempfile
import threading
import time

import requests

REAL = "https://api.firstock.in/V1"
KEYS = ["NSE:3045", "NFO:47164", "NSE:1001"]


def turn(address):
    """Every request of the library goes to ``address``."""
    send = requests.sessions.Session.request

    def turned(self, method, url, *args, **kwargs):
        return send(self, method, url.replace(REAL, address), *args, **kwargs)

    requests.sessions.Session.request = turned


def rest(sdk, user, password, code, key):
    told = {"session": sdk.login(userId=user, password=password, TOTP=code, vendorCode=f"{user}_API", apiKey=key)}
    told["user"] = sdk.userDetails(userId=user)
    what = {"exchange": "NSE", "tradingSymbol": "SBIN-EQ", "product": "I", "retention": "DAY", "userId": user}
    limit = {"priceType": "LMT", "triggerPrice": "0", **what}
    sent = [
        sdk.placeOrder(quantity="10", price="800.05", transactionType="B", remarks="WITNESS1", **limit),
        sdk.placeOrder(
            quantity="5", price="0", transactionType="S", remarks="W2", priceType="MKT", triggerPrice="0",
            mkt_protection="1", **what,
        ),
        sdk.placeOrder(
            quantity="7", price="820.10", transactionType="B", remarks="W3", priceType="SL-LMT", triggerPrice="819.95",
            **what,
        ),
    ]  # fmt: skip
    told["ids"] = [row["data"]["orderNumber"] for row in sent]
    first, _, third = told["ids"]
    told["modified"] = sdk.modifyOrder(
        quantity="12", orderNumber=first, product="I", triggerPrice="0", price="800.10", tradingSymbol="SBIN-EQ",
        priceType="LMT", userId=user, retention="DAY",
    )  # fmt: skip
    told["cancelled"] = [sdk.cancelOrder(orderNumber=third, userId=user) for _ in range(2)]
    while any(row["fillShares"] == "" for row in sdk.orderBook(userId=user)["data"][:1]):
        time.sleep(0.05)
    told["orders"], told["trades"] = sdk.orderBook(userId=user)["data"], sdk.tradeBook(userId=user)["data"]
    told["positions"], told["limit"] = sdk.positionBook(userId=user)["data"], sdk.limit(userId=user)["data"]
    told["candles"] = sdk.timePriceSeries(
        exchange="NSE", tradingSymbol="SBIN-EQ", startTime="09:15:00 05-01-2026", endTime="09:20:00 05-01-2026",
        interval="1mi", userId=user,
    )["data"]  # fmt: skip
    return told


def stream(host, user):
    """Ticks and order updates, until all have come."""
    from firstock.websockets import Firstock, FirstockWebSocket

    told, done = {"ticks": {}, "orders": []}, threading.Event()

    def finish():
        if len(told["ticks"]) == len(KEYS) and told["orders"]:
            done.set()

    def on_tick(rows):
        for key, row in rows.items():
            told["ticks"].setdefault(key, row)
        finish()

    def on_order(row):
        told["orders"].append(row)
        finish()

    model = FirstockWebSocket(tokens=KEYS, order_data=on_order, subscribe_feed_data=on_tick)
    _, error = Firstock.initialize_websockets(user, model, {"scheme": "ws", "host": f"{host}/V2"})
    if error or not done.wait(30):
        raise SystemExit(f"The socket told too little: {error}, {list(told['ticks'])}, {len(told['orders'])} orders")
    return told


def main():
    address, host, user, password, code, key = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):  # the library prints
        os.chdir(folder)
        from firstock import firstock as sdk

        turn(address)
        told = rest(sdk, user, password, code, key)
        told["stream"] = stream(host, user)
        told["logged_out"] = sdk.logout(userId=user)
        os.chdir(tempfile.gettempdir())
    print(json.dumps(told))


main()
