"""Grids as the desk shows them: an option chain and an order book, with numbers from a fixed seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from openalgo_lab.ui.grid import Action, Column, Empty, Flag
from tests.ui.grid.harness import Wired

BUY = Action(key="buy", title="B", name="Buy", tone="buy", shortcut="b")
SELL = Action(key="sell", title="S", name="Sell", tone="sell", shortcut="s")
MODIFY = Action(key="modify", title="Modify", name="Modify order", shortcut="m")
CANCEL = Action(key="cancel", title="Cancel", name="Cancel order", tone="danger")
NOW_NS = 1_790_000_000_000_000_000
STRIKES = [23000 + 50 * i for i in range(41)]
ATM = 24000


def chain_columns() -> list[Column]:
    def side(group: str, mirror: str) -> list[Column]:
        mark = group[0]
        both = (BUY, SELL)
        columns = [
            Column(key=f"{mark}_oi", title="OI", kind="bar", compact=True, group=group, bar_side=mirror,
                   bar_tone="down" if mark == "c" else "up", tooltip="Open interest"),
            Column(key=f"{mark}_oichg", title="OI chg", kind="qty", compact=True, signed=True, group=group,
                   tooltip="Change of open interest"),
            Column(key=f"{mark}_vol", title="Volume", kind="qty", compact=True, group=group),
            Column(key=f"{mark}_iv", title="IV", kind="number", group=group, decimals=1, width=52),
            Column(key=f"{mark}_delta", title="Delta", kind="number", group=group, width=56),
            Column(key=f"{mark}_bid", title="Bid", kind="price", group=group),
            Column(key=f"{mark}_ask", title="Ask", kind="price", group=group),
            Column(key=f"{mark}_chg", title="Chg", kind="change", group=group, width=76),
            Column(key=f"{mark}_ltp", title="LTP", kind="price", group=group, width=112, actions=both),
        ]  # fmt: skip
        return columns if mark == "c" else columns[::-1]

    strike = Column(
        key="strike", title="Strike", kind="price", decimals=0, group="strike", pinned=True, tint=False,
        width=84, align="center",
    )  # fmt: skip
    return [*side("calls", "right"), strike, *side("puts", "left")]


def chain_values(seed: int = 1) -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    strikes = np.array(STRIKES, float)
    spot = ATM + 12.35
    table: dict[str, np.ndarray[Any, Any]] = {"strike": strikes}
    for mark, sign in (("c", 1.0), ("p", -1.0)):
        money = np.maximum(sign * (spot - strikes), 0)
        value = money + 180 * np.exp(-(((strikes - spot) / 400) ** 2)) + random.normal(0, 1, strikes.size)
        ltp = np.round(np.maximum(value, 0.05) / 0.05) * 0.05
        table[f"{mark}_ltp"] = np.round(ltp, 2)
        table[f"{mark}_bid"] = np.round(np.maximum(ltp - 0.15, 0.05), 2)
        table[f"{mark}_ask"] = np.round(ltp + 0.2, 2)
        table[f"{mark}_chg"] = np.round(random.normal(0, 14, strikes.size), 2)
        table[f"{mark}_oi"] = np.round(random.gamma(2, 2_000_000, strikes.size) / 75) * 75
        table[f"{mark}_oichg"] = np.round(random.normal(0, 400_000, strikes.size) / 75) * 75
        table[f"{mark}_vol"] = np.round(random.gamma(2, 9_000_000, strikes.size) / 75) * 75
        table[f"{mark}_iv"] = 11 + ((strikes - spot) / 700) ** 2
        table[f"{mark}_delta"] = sign / (1 + np.exp(sign * (strikes - spot) / 180))
        for key in ("ltp", "bid", "chg"):
            table[f"{mark}_{key}"][2] = np.nan
    return table


def chain_flags() -> np.ndarray[Any, Any]:
    flags = [
        (Flag.ITM_CALL if s < ATM else 0) | (Flag.ITM_PUT if s > ATM else 0) | (Flag.ATM if s == ATM else 0)
        for s in STRIKES
    ]
    flags[22] |= Flag.OWN_BUY
    return np.array(flags, np.uint16)


def make_chain(**kwargs: Any) -> Wired:
    grid = Wired("chain", chain_columns(), label="Option chain NIFTY", follow_atm=True, **kwargs)
    grid.set_rows(STRIKES, flags=chain_flags(), values=chain_values(), engine_ns=NOW_NS)
    return grid


ORDERS = [
    # time (ms), symbol, side, status, qty, price, average, pnl
    (1_790_000_000_000, "NIFTY26NOV24000CE", "BUY", "COMPLETE", 75, 187.05, 187.0333, 1250.5),
    (1_790_000_061_000, "SBIN", "SELL", "OPEN", 100_000, 812.4, np.nan, np.nan),
    (1_790_000_125_500, "USDINR26NOVFUT", "BUY", "TRIGGER PENDING", 10, 83.1275, np.nan, -42.0),
    (1_790_000_200_000, "<img src=x onerror=window.hacked=1>", "SELL", "REJECTED", 1, 0.05, np.nan, 0.0),
    (1_790_000_300_000, "BANKNIFTY26NOV52000PE", "BUY", "CANCELLED", 35, 402.15, np.nan, -123_456.75),
]


def order_columns() -> list[Column]:
    return [
        Column(key="time", title="Time", kind="time"),
        Column(key="symbol", title="Symbol", kind="text", width=180, pinned=True),
        Column(key="side", title="Side", kind="side"),
        Column(key="qty", title="Qty", kind="qty"),
        Column(key="price", title="Price", kind="price", decimals="row"),
        Column(key="average", title="Avg", kind="price", decimals="row", tint=False),
        Column(key="pnl", title="P&L", kind="money", signed=True),
        Column(key="status", title="Status", kind="status", width=130),
        Column(key="note", title="Note", kind="text", hidden=True),
        Column(key="do", title="", kind="action", width=124, actions=(MODIFY, CANCEL)),
    ]


def make_orders(count: int = len(ORDERS), **kwargs: Any) -> Wired:
    kwargs = {"selection": "multi", "sortable": True, "keys": ("Delete",), **kwargs}
    grid = Wired("orders", order_columns(), label="Orders", empty=EMPTY, **kwargs)
    grid.set_rows(**order_rows(count), engine_ns=NOW_NS)
    return grid


EMPTY = Empty(text="No orders today. Place one from a ticket.", label="Open a ticket", action="ticket")


def order_rows(count: int) -> dict[str, Any]:
    rows = [ORDERS[i % len(ORDERS)] for i in range(count)]
    time, symbol, side, status, qty, price, average, pnl = (list(part) for part in zip(*rows, strict=True))
    return {
        "ids": [101 + i for i in range(count)],
        "text": {"symbol": symbol, "side": side, "status": status, "note": ["" for _ in rows]},
        "decimals": [4 if name.startswith("USD") else 2 for name in symbol],
        "actions": [3 if state in {"OPEN", "TRIGGER PENDING"} else 0 for state in status],
        "values": {"time": time, "qty": qty, "price": price, "average": average, "pnl": pnl},
    }
