"""What the browser gets of a ticket: plain values, texts formatted already, so that a change is a change on screen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from openalgo_lab.model.commands import MarginReply
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote
from openalgo_lab.model.money import format_inr, from_paise, snap
from openalgo_lab.model.portfolio import Account
from openalgo_lab.ui.search.box import describe
from openalgo_lab.ui.ticket.kinds import KIND_WORDS
from openalgo_lab.ui.ticket.plan import Facts, Shape
from openalgo_lab.ui.ticket.planning import plan_of, sentence_of
from openalgo_lab.ui.ticket.state import TicketState, price_text, price_types_for, products_for

__all__ = ["Cost", "Field", "Market", "Shown", "cost_of", "market_of", "show"]

TEXT_FIELDS = ("lots", "quantity", "price", "trigger_price", "disclosed_quantity", "strategy", "tag")


class Field(msgspec.Struct, frozen=True):
    """A text field. ``rev`` grows when the text was changed by anything but typing into this very field."""

    text: str
    rev: int
    problem: str = ""


class Cost(msgspec.Struct, frozen=True):
    """Margin, charges and what stays, as texts; ``short``: the money does not suffice."""

    margin: str = ""
    charges: str = ""
    left: str = ""
    short: bool = False
    note: str = ""


class Market(msgspec.Struct, frozen=True):
    """The contract's market as texts; "–" where nothing is known. ``sign`` of the day's change."""

    ltp: str = "–"
    change: str = ""
    sign: int = 0
    bid: str = "–"
    mid: str = "–"
    ask: str = "–"
    stale: bool = False


class Shown(msgspec.Struct, frozen=True):
    """The whole ticket but its market and the line of its last order."""

    symbol: str
    exchange: str
    title: str
    name: str
    lot: int
    side: str
    mode: str
    account: str
    accounts: tuple[tuple[str, str], ...]
    products: tuple[str, ...]
    product: str
    types: tuple[str, ...]
    price_type: str
    validity: str
    fields: dict[str, Field]
    problems: dict[str, str]
    cost: Cost
    button: str
    armed: bool
    waiting: bool
    message: str
    bad: bool
    again: str
    kind: str
    kinds: tuple[tuple[str, str], ...]
    hides: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = ()
    story: str = ""


_KINDS = tuple((kind.value, words) for kind, words in KIND_WORDS.items())


def show(
    state: TicketState,
    *,
    account: Account,
    accounts: Sequence[Account],
    revs: Mapping[str, int],
    problems: Mapping[str, str],
    cost: Cost,
    waiting: bool,
    message: str,
    bad: bool,
    again: str,
    facts: Facts,
) -> Shown:
    """The ticket as the browser paints it. ``problems`` are local ones and the engine's."""
    item, plan = state.traded or state.instrument, plan_of(state, facts)
    shapes = plan.shapes() if plan is not None else ()
    texts = {name: str(getattr(state, name)) for name in TEXT_FIELDS}
    texts |= {shape.key: _chosen(shape, getattr(state.extra, shape.key)) for shape in shapes}
    fields = {name: Field(text, revs.get(name, 0), problems.get(name, "")) for name, text in texts.items()}
    return Shown(
        symbol=item.symbol if item else "",
        exchange=item.exchange.value if item else "",
        title=_titles(item)[0],
        name=_titles(item)[1],
        lot=item.lot_size if item else 1,
        side=(plan.plain() if plan is not None else state).side.value,
        mode=account.mode.value,
        account=account.account,
        accounts=tuple((one.account, one.mode.value.upper()) for one in accounts),
        products=tuple(one.value for one in (plan.products(item) if plan else products_for(item.exchange)))
        if item
        else (),
        product=state.product.value,
        types=tuple(one.value for one in (plan.price_types(item) if plan else price_types_for(item))) if item else (),
        price_type=state.price_type.value,
        validity=state.validity.value,
        fields=fields,
        problems={field: text for field, text in problems.items() if field not in fields},
        cost=cost,
        button=sentence_of(state, facts, account),
        armed=not problems and not waiting,
        waiting=waiting,
        message=message,
        bad=bad,
        again=again,
        kind=state.kind.value,
        kinds=_KINDS,
        hides=tuple(sorted(plan.hides)) if plan else (),
        shapes=shapes,
        story=plan.story() if plan and not problems else "",
    )


def _chosen(shape: Shape, text: str) -> str:
    """A list without a choice shows its first entry."""
    return text or (shape.options[0][0] if shape.options else "")


def _titles(item: Instrument | None) -> tuple[str, str]:
    """Large and small print: a contract is read by its words, a share by its symbol."""
    if item is None:
        return "No symbol chosen", ""
    return (describe(item), item.symbol) if item.underlying else (item.symbol, describe(item))


def cost_of(reply: MarginReply) -> Cost:
    """An estimate as texts."""
    return Cost(
        margin=format_inr(from_paise(reply.margin_paise), symbol=True),
        charges=format_inr(from_paise(reply.charges_paise), symbol=True),
        left=format_inr(from_paise(reply.available_paise), symbol=True),
        short=reply.available_paise < 0,
        note=reply.basis,
    )


def market_of(state: TicketState, quote: Quote | None, *, stale: bool) -> Market:
    """The market of the ticket's contract."""
    item = state.traded
    if item is None or quote is None:
        return Market(stale=stale)
    tick = item.tick_size
    change = quote.change
    known = not math.isnan(change)
    mid = (quote.bid + quote.ask) / 2
    return Market(
        ltp=price_text(quote.ltp, tick),
        change=f"{change:+.2f} ({quote.change_pct:+.2f} %)" if known else "",
        sign=(change > 0) - (change < 0) if known else 0,
        bid=price_text(quote.bid, tick),
        mid=price_text(snap(mid, tick) if mid > 0 else math.nan, tick),
        ask=price_text(quote.ask, tick),
        stale=stale,
    )
