"""Trades for tests."""

from __future__ import annotations

import itertools
from datetime import date, time, timedelta

from openalgo_lab.model.orders import Fill
from openalgo_lab.model.times import at_ist, to_ns
from openalgo_lab.model.vocabulary import Exchange, Product, Side

__all__ = ["DAY", "fill"]

DAY = date(2026, 11, 25)
_numbers = itertools.count(1)


def fill(
    side: Side | str,
    quantity: int,
    price: float,
    symbol: str = "NSE:SBIN",
    product: Product | str = Product.MIS,
    *,
    day: date = DAY,
    minute: float = 0.0,
    order: str = "",
    strategy: str = "",
    account: str = "A",
    trade_id: str = "",
) -> Fill:
    exchange, _, text = symbol.partition(":")
    number = next(_numbers)
    return Fill(
        trade_id=trade_id or f"T{number}",
        order_id=order or f"O{number}",
        broker_order_id="",
        account=account,
        exchange=Exchange(exchange),
        symbol=text,
        side=Side(side),
        product=Product(product),
        quantity=quantity,
        price=price,
        time_ns=to_ns(at_ist(day, time(9, 15)) + timedelta(minutes=minute)) + number,
        strategy=strategy,
    )
