"""Books between processes: a snapshot once, then patches of what changed; and the events that a jump implies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

import msgspec

from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.events import AnyEvent, Books, FundsUpdated, OrderUpdated, PositionUpdated, TradeHappened
from openalgo_lab.model.orders import Fill, Order
from openalgo_lab.model.portfolio import Funds, Holding, Position

__all__ = ["BooksPatch", "SectionPatch", "apply_patch", "implied_events", "make_patch"]

T = TypeVar("T")


class SectionPatch(msgspec.Struct, Generic[T], frozen=True, array_like=True):
    """How one section became another: cut or extend to ``length``, then put ``items`` at the indices ``at``."""

    length: int
    at: tuple[int, ...] = ()
    items: tuple[T, ...] = ()


class BooksPatch(msgspec.Struct, frozen=True, array_like=True):
    """From the books of version ``base`` to those of ``version``; None = that section is as it was."""

    base: int
    version: int
    orders: SectionPatch[Order] | None = None
    fills: SectionPatch[Fill] | None = None
    positions: SectionPatch[Position] | None = None
    holdings: SectionPatch[Holding] | None = None
    funds: SectionPatch[Funds] | None = None


def make_patch(before: Books, after: Books) -> BooksPatch:
    """The patch that turns ``before`` into ``after``."""
    return BooksPatch(
        before.version,
        after.version,
        _section(before.orders, after.orders),
        _section(before.fills, after.fills),
        _section(before.positions, after.positions),
        _section(before.holdings, after.holdings),
        _section(before.funds, after.funds),
    )


def apply_patch(books: Books, patch: BooksPatch) -> Books:
    """``books`` brought forward. Raises DecodeError when the patch belongs to other books."""
    if patch.base != books.version:
        raise DecodeError(f"A patch of books {patch.base} does not fit books {books.version}.")
    return Books(
        patch.version,
        _patched(books.orders, patch.orders),
        _patched(books.fills, patch.fills),
        _patched(books.positions, patch.positions),
        _patched(books.holdings, patch.holdings),
        _patched(books.funds, patch.funds),
    )


def implied_events(before: Books, after: Books) -> list[AnyEvent]:
    """The events that somebody missed who saw ``before`` and next sees ``after`` (a take-over, a long freeze)."""
    seen = {fill.trade_id: fill for fill in before.fills}
    events: list[AnyEvent] = [TradeHappened(fill) for fill in after.fills if fill.trade_id not in seen]
    orders = {order.order_id: order for order in before.orders}
    events += [OrderUpdated(order) for order in after.orders if orders.get(order.order_id) != order]
    events += [PositionUpdated(position) for position in _news(before.positions, after.positions)]
    events += [FundsUpdated(funds) for funds in _news(before.funds, after.funds)]
    return events


def _news(before: Iterable[T], after: Iterable[T]) -> list[T]:
    known = set(before)
    return [item for item in after if item not in known]


def _section(before: tuple[T, ...], after: tuple[T, ...]) -> SectionPatch[T] | None:
    if before is after:
        return None
    # Items are immutable, so most are the very same objects: identity first, it is much cheaper.
    at = [index for index, (old, new) in enumerate(zip(before, after, strict=False)) if old is not new and old != new]
    at += range(len(before), len(after))
    if not at and len(before) == len(after):
        return None
    return SectionPatch(len(after), tuple(at), tuple(after[index] for index in at))


def _patched(section: tuple[T, ...], patch: SectionPatch[T] | None) -> tuple[T, ...]:
    if patch is None:
        return section
    items: list[T | None] = list(section[: patch.length])
    items += [None] * (patch.length - len(items))
    for index, item in zip(patch.at, patch.items, strict=True):
        items[index] = item
    whole = tuple(item for item in items if item is not None)
    if len(whole) != patch.length:
        raise DecodeError("A patch of the books leaves a hole.")
    return whole
