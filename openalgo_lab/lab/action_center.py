"""The Action Center through the facade: what programs ask for, and a person's yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from openalgo_lab.lab.shown import Cell, Shown, text_table
from openalgo_lab.lab.words import word
from openalgo_lab.model.approvals import (
    Approval,
    Approve,
    EditApproval,
    GetApprovals,
    GetOrderMode,
    OrderMode,
    Reject,
    SetOrderMode,
)
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.times import format_ist

if TYPE_CHECKING:
    from openalgo_lab.lab.core import LabCore

__all__ = ["ActionCenter", "summary"]


class ActionCenter(Shown):
    """``mode`` ``"auto"`` or ``"semi_auto"``; :attr:`pending` requests wait for :meth:`approve` or :meth:`reject`."""

    def __init__(self, lab: LabCore) -> None:
        self._lab = lab

    @property
    def mode(self) -> OrderMode:
        """Whether programs' orders leave at once or wait."""
        return self._lab.call(GetOrderMode())

    @mode.setter
    def mode(self, mode: OrderMode | str) -> None:
        self._lab.call(SetOrderMode(word(OrderMode, mode, "mode")))

    @property
    def pending(self) -> tuple[Approval, ...]:
        """What waits, oldest first."""
        return self._lab.call(GetApprovals())

    @property
    def all(self) -> tuple[Approval, ...]:
        """Everything that is remembered, decided or not."""
        return self._lab.call(GetApprovals(pending_only=False))

    def approve(self, request: Approval | str = "") -> tuple[Approval, ...]:
        """Carry out one request, or without one every request that waits."""
        return self._lab.call(Approve(_id(request)), 120.0)

    def reject(self, request: Approval | str = "", reason: str = "") -> tuple[Approval, ...]:
        """Refuse one request, or without one every request that waits."""
        return self._lab.call(Reject(_id(request), reason))

    def edit(self, request: Approval, **changes: Any) -> Approval:
        """Change what a request asks for, such as ``quantity=50`` or ``price=101.5``. Raises InputError."""
        asked: Any = request.request
        target: Any = asked.order if hasattr(asked, "order") else asked
        unknown = [name for name in changes if name not in target.__struct_fields__]
        if unknown:
            raise InputError(f"{unknown[0]!r} is nothing that such a request has.", field=unknown[0])
        changed = msgspec.structs.replace(target, **changes)
        new = changed if target is asked else msgspec.structs.replace(asked, order=changed)
        return self._lab.call(EditApproval(request.approval_id, new))

    def __repr__(self) -> str:
        return f"Action Center ({self.mode.value})\n{text_table(_HEADERS, self._rows())}"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return f"Action Center: {self.mode.value}", _HEADERS, self._rows()

    def _rows(self) -> list[list[Cell]]:
        return [
            [one.approval_id, format_ist(one.created_ns), one.asked_by, summary(one), f"{one.moved_pct:+.2f} %"]
            for one in self.pending
        ]


_HEADERS = ("number", "asked (IST)", "by", "what", "price since")


def summary(approval: Approval) -> str:
    """What is asked for, in one line."""
    request: Any = approval.request
    order: Any = getattr(request, "order", None) or getattr(getattr(request, "terms", None), "order", None) or request
    kind = str(request.__struct_config__.tag).replace("place_", "").replace("_", " ")
    legs = getattr(request, "orders", None) or getattr(request, "legs", None)
    if legs and not hasattr(order, "symbol"):
        return f"{kind}: {len(legs)} legs {getattr(request, 'underlying', '')}".strip()
    leg = getattr(request, "leg", None)
    if leg is not None:
        return f"{kind}: {leg.side} {leg.quantity} {request.underlying} {leg.offset} {leg.option_type}"
    price = f" @ {order.price:g}" if getattr(order, "price", 0.0) else ""
    return f"{kind}: {order.side} {order.quantity} {order.exchange}:{order.symbol}{price} {order.product}"


def _id(request: Approval | str) -> str:
    return request if isinstance(request, str) else request.approval_id
