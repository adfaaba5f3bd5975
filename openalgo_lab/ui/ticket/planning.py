"""A ticket of any kind: what is wrong with it, what it sends, what it says."""

from __future__ import annotations

from typing import Any, Final

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.market import Quote
from openalgo_lab.model.portfolio import Account
from openalgo_lab.ui.ticket.algo_plans import Chase, Iceberg, Twap
from openalgo_lab.ui.ticket.kinds import TicketKind
from openalgo_lab.ui.ticket.plan import Facts, Plan
from openalgo_lab.ui.ticket.plans import Bracket, Gtt, Option, Smart, Split
from openalgo_lab.ui.ticket.state import TicketState

__all__ = ["command_of", "plain_order", "plan_of", "problems_of", "sentence_of"]

_PLANS: Final[dict[TicketKind, type[Plan]]] = {
    plan.kind: plan for plan in (Smart, Split, Bracket, Gtt, Option, Chase, Twap, Iceberg)
}


def plan_of(state: TicketState, facts: Facts) -> Plan | None:
    """The plan of the ticket's kind; None for a plain order."""
    made = _PLANS.get(state.kind)
    return made(state, facts) if made is not None else None


def problems_of(state: TicketState, facts: Facts, quote: Quote | None) -> dict[str, str]:
    """What must be mended before it can be sent: one sentence a field ("" where it belongs to none)."""
    plan = plan_of(state, facts)
    if plan is None or state.instrument is None:
        return state.problems(quote)
    found = dict(plan.faults())
    if "symbol" in found:
        return found
    for field, sentence in plan.plain().problems(quote).items():
        found.setdefault(plan.names.get(field, field), sentence)
    return found


def plain_order(state: TicketState, facts: Facts, quote: Quote | None) -> PlaceOrder:
    """The order whose cost is estimated. Raises InputError with the first problem and its field."""
    for field, sentence in problems_of(state, facts, quote).items():
        raise InputError(sentence, field=field)
    plan = plan_of(state, facts)
    return (plan.plain() if plan is not None else state).order(quote)


def command_of(state: TicketState, facts: Facts, quote: Quote | None) -> Command[Any]:
    """What a press sends. Raises InputError with the first problem and its field."""
    order, plan = plain_order(state, facts, quote), plan_of(state, facts)
    return order if plan is None else plan.command(order)


def sentence_of(state: TicketState, facts: Facts, account: Account) -> str:
    """What the button says."""
    plan = plan_of(state, facts)
    if plan is None or state.instrument is None:
        return state.sentence(account)
    return f"{plan.deed()} · {state.ending(account)}"
