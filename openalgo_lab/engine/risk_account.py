"""The checks of an order by how its account stands: arming, rates, open orders, position, margin, losses, cut-off."""

from __future__ import annotations

from openalgo_lab.engine.risk_case import Case, deny
from openalgo_lab.model.money import format_inr, format_qty, from_paise
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Mode, Product

__all__ = ["armed", "margin", "max_open_orders", "max_orders_per_s", "max_position", "mis_cut_off", "stopped_out"]


def armed(case: Case) -> None:
    """Real money moves only after somebody has said so in this session."""
    if case.standing.mode is Mode.LIVE and not case.standing.armed:
        account = case.order.account or "this account"
        how = f"lab.arm({case.order.account!r})" if case.order.account else "lab.arm()"
        raise deny("armed", "account", f"Live trading on {account} is not armed: arm it for this session with {how}.")


def stopped_out(case: Case) -> None:
    """After the day's loss limit, stop or target nothing new is opened."""
    if case.standing.stopped:
        raise deny("loss_limit", "", case.standing.stopped)


def max_orders_per_s(case: Case) -> None:
    """A guard against a runaway loop."""
    limit = case.settings.max_orders_per_s
    if limit and case.standing.orders_this_second >= limit:
        raise deny(
            "max_orders_per_s",
            "",
            f"{limit} orders were given within one second, which is your limit: wait a second, or raise "
            "max_orders_per_s.",
        )


def max_open_orders(case: Case) -> None:
    """The user's limit of orders that wait at the same time."""
    limit = case.settings.max_open_orders
    if limit and case.standing.open_orders >= limit:
        raise deny(
            "max_open_orders",
            "",
            f"{case.standing.open_orders} orders are open already, your limit is {limit}: cancel some, or raise "
            "max_open_orders.",
        )


def max_position(case: Case) -> None:
    """The user's limit of units held in one contract, counting what working orders would add."""
    limit = case.settings.max_position_quantity
    if not limit:
        return
    standing, order = case.standing, case.order
    after = standing.held + standing.coming + order.side.sign * order.quantity
    if abs(after) > limit and abs(after) > abs(standing.held):
        raise deny(
            "max_position",
            "quantity",
            f"The position in {case.instrument.symbol} could become {format_qty(after)}, more than your limit of "
            f"{format_qty(limit)}: order less, or raise max_position_quantity.",
        )


def mis_cut_off(case: Case) -> None:
    """After the cut-off an intraday position could not be closed in time; what reduces one passes."""
    until = case.intraday_until
    if until is None or case.order.product is not Product.MIS or from_ns(case.now_ns) < until:
        return
    held, order = case.standing.held, case.order
    if held * order.side.sign < 0 and order.quantity <= abs(held):
        return
    raise deny(
        "mis_cut_off",
        "product",
        f"{case.instrument.exchange} squares MIS off at {until:%H:%M} IST, so no new MIS order is taken today: use "
        f"{'CNC' if case.instrument.exchange in ('NSE', 'BSE') else 'NRML'}, or wait for the next session.",
    )


def margin(case: Case) -> None:
    """The money must be there, where both it and the need are known."""
    needed, free = case.standing.needed_paise, case.standing.available_paise
    if needed is not None and free is not None and needed > free:
        short = format_inr(from_paise(needed - free), symbol=True)
        raise deny(
            "margin",
            "quantity",
            f"Insufficient funds: {format_inr(from_paise(needed), symbol=True)} required, "
            f"{format_inr(from_paise(free), symbol=True)} available, {short} short: order less.",
        )
