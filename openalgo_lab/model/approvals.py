"""The Action Center: in semi-automatic mode orders of programs wait until a person says yes. Values and commands."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from openalgo_lab.model.algo_commands import PlaceBracket, StartAlgo
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.gtt_commands import PlaceGtt
from openalgo_lab.model.order_commands import PlaceOrder
from openalgo_lab.model.structure_commands import (
    PlaceBasket,
    PlaceOptionsMultiOrder,
    PlaceOptionsOrder,
    PlaceSmartOrder,
    SplitOrder,
)

__all__ = [
    "AnyApprovalCommand",
    "Approval",
    "ApprovalState",
    "Approve",
    "EditApproval",
    "GetApprovals",
    "GetOrderMode",
    "OrderMode",
    "Queued",
    "Reject",
    "SetOrderMode",
]

Queued = (
    PlaceOrder
    | PlaceSmartOrder
    | PlaceBasket
    | SplitOrder
    | PlaceOptionsOrder
    | PlaceOptionsMultiOrder
    | PlaceGtt
    | PlaceBracket
    | StartAlgo
)
"""What waits in semi-automatic mode. Reads never do; what changes or ends orders is refused to programs there."""


class OrderMode(StrEnum):
    """AUTO: programs' orders leave at once. SEMI_AUTO: they wait for a person."""

    AUTO = "auto"
    SEMI_AUTO = "semi_auto"


class ApprovalState(StrEnum):
    """Where a request stands. EXPIRED: nobody decided before the day's end."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Approval(msgspec.Struct, frozen=True):
    """One request of a program. Times UTC ns, prices rupees.

    ``price_then`` is what the contract cost when it was asked, ``price_now`` at this look (0: not known): a person
    should see that the price has moved. ``outcome`` after approval: ``open``, ``partial``, ``rejected`` or ``nothing``.
    """

    approval_id: str
    request: Queued
    asked_by: str
    state: ApprovalState
    created_ns: int
    expires_ns: int
    price_then: float = 0.0
    price_now: float = 0.0
    edited: bool = False
    decided_by: str = ""
    decided_ns: int = 0
    reason: str = ""
    outcome: str = ""
    orders: tuple[str, ...] = ()

    @property
    def moved_pct(self) -> float:
        """How far the price has moved since, in per cent; 0 where one of both is not known."""
        if not (self.price_then > 0 and self.price_now > 0):
            return 0.0
        return (self.price_now - self.price_then) / self.price_then * 100


class GetApprovals(Command[tuple[Approval, ...]], frozen=True, tag="get_approvals"):
    """Requests that wait, or all that are remembered, oldest first."""

    pending_only: bool = True


class Approve(Command[tuple[Approval, ...]], frozen=True, tag="approve"):
    """Carry out one request, or with "" every one that waits; each is answered with its outcome."""

    approval_id: str = ""


class Reject(Command[tuple[Approval, ...]], frozen=True, tag="reject"):
    """Refuse one request, or with "" every one that waits."""

    approval_id: str = ""
    reason: str = ""


class EditApproval(Command[Approval], frozen=True, tag="edit_approval"):
    """Change what a waiting request asks for; its kind stays."""

    approval_id: str
    request: Queued


class GetOrderMode(Command[OrderMode], frozen=True, tag="get_order_mode"):
    """The mode in force."""


class SetOrderMode(Command[OrderMode], frozen=True, tag="set_order_mode"):
    """Switch it; kept in the profile."""

    mode: OrderMode


AnyApprovalCommand = GetApprovals | Approve | Reject | EditApproval | GetOrderMode | SetOrderMode
"""Every command of this module."""
