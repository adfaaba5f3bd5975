"""What stands in the ledger, made of intents, reports and verdicts. Pure."""

from __future__ import annotations

import msgspec

from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.engine.merging import Verdict
from openalgo_lab.model.orders import Fill, Order, OrderIntent, OrderStatus
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.reports import FillReport, OrderReport
from openalgo_lab.model.vocabulary import Validity

__all__ = ["fill_of", "has_terms", "judged", "name_of", "order_of_intent", "order_of_report"]


def judged(order: Order, verdict: Verdict, local: OrderStatus, reason: str) -> Order:
    """The order as the evidence has it."""
    terms = verdict.terms
    if terms is not None:
        names = ("quantity", "price", "trigger_price", "price_type")
        order = msgspec.structs.replace(order, **{name: getattr(terms, name) for name in names})
    return msgspec.structs.replace(
        order,
        status=verdict.status or local,
        filled_quantity=verdict.filled_quantity,
        average_price=verdict.average_price,
        reason=verdict.reason if verdict.status is not None else reason,
        alarms=verdict.alarms,
    )


def has_terms(order: Order, change: OrderChange) -> bool:
    """Whether an order has the terms that were asked for."""
    mine = (order.quantity, order.price_type, order.price, order.trigger_price)
    return mine == (change.quantity, change.price_type, change.price, change.trigger_price)


def name_of(order: Order) -> str:
    """For people."""
    return f"Order {order.order_id} ({order.side} {order.quantity} {order.symbol})"


def order_of_intent(intent: OrderIntent, account: Account, sent_ns: int) -> Order:
    """An order that is on its way."""
    fields = {name: getattr(intent, name) for name in intent.__struct_fields__}
    return Order(**fields, mode=account.mode, status=OrderStatus.SENDING, sent_ns=sent_ns, updated_ns=sent_ns)


def order_of_report(order_id: str, account: Account, report: OrderReport) -> Order:
    """An order that the broker knows and we did not."""
    return Order(
        order_id=order_id,
        account=account.account,
        mode=account.mode,
        exchange=report.exchange,
        symbol=report.symbol,
        side=report.side,
        quantity=report.quantity,
        product=report.product,
        price_type=report.price_type,
        price=report.price,
        trigger_price=report.trigger_price,
        disclosed_quantity=0,
        validity=Validity.DAY,
        strategy="",
        status=OrderStatus.ACCEPTED,
        broker_order_id=report.broker_order_id,
        created_ns=report.exchange_ns,
    )


def fill_of(account: str, report: FillReport, order: Order | None) -> Fill:
    """The trade of a report, with what its order adds to it."""
    return Fill(
        trade_id=report.trade_id,
        order_id=order.order_id if order is not None else "",
        broker_order_id=report.broker_order_id,
        account=account,
        exchange=report.exchange,
        symbol=report.symbol,
        side=report.side,
        product=order.product if order is not None else report.product,
        quantity=report.quantity,
        price=report.price,
        time_ns=report.exchange_ns,
        strategy=order.strategy if order is not None else "",
        tag=order.tag if order is not None else "",
        settlement=report.settlement,
    )
