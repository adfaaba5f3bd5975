"""The Action Center: a step before the handlers that holds programs' orders back, and what people decide about them."""

from __future__ import annotations

import asyncio
import typing
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.shelf import Shelf
from openalgo_lab.engine.table import CommandRule, RateClass, Step, handles, places, reads
from openalgo_lab.model import approvals as c
from openalgo_lab.model.algo_commands import ControlAlgo, EndBracket, ProtectPosition
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.errors import AwaitsApproval, InputError, LabError, NotPermitted
from openalgo_lab.model.gtt_commands import CancelGtt, ModifyGtt
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.order_commands import CancelAllOrders, CancelOrder, ClosePosition, ModifyOrder
from openalgo_lab.model.orders import Order, OrderStatus, new_order_id
from openalgo_lab.model.structure_commands import GroupReply, SmartReply
from openalgo_lab.model.times import day_bounds_ns, trade_date
from openalgo_lab.model.vocabulary import Mode
from openalgo_lab.store.kept import KeptStore

__all__ = ["ActionCenter", "ApprovalDesk", "Call", "PaperOnly"]

KIND = "approval"
MODE = "order_mode"
EVERY_S = 1.0
_QUEUED = typing.get_args(c.Queued)
_REFUSED = (
    ModifyOrder,
    CancelOrder,
    CancelAllOrders,
    ClosePosition,
    ModifyGtt,
    CancelGtt,
    ProtectPosition,
    EndBracket,
    ControlAlgo,
    c.Approve,
    c.Reject,
    c.EditApproval,
    c.SetOrderMode,
)
_S = c.ApprovalState


class _Mode(msgspec.Struct, frozen=True):
    mode: c.OrderMode


Call = Callable[[Command[Any], Principal], Awaitable[Any]]


class PaperOnly:
    """Whether a command touches no account with money. One that names none, or an order, is judged by all accounts."""

    def __init__(self, router: Router, ledger: Ledger) -> None:
        self._router = router
        self._ledger = ledger

    def __call__(self, command: Command[Any]) -> bool:
        """True where only paper money is at stake."""
        order_id, account = getattr(command, "order_id", ""), getattr(command, "account", None)
        order = self._ledger.find(order_id) if order_id else None
        if order is not None:
            return order.mode is not Mode.LIVE
        if account is not None:
            return self._router.line(account).account.mode is not Mode.LIVE
        return all(line.account.mode is not Mode.LIVE for line in self._router.lines)


class ActionCenter:
    """Used on the engine's loop. ``call`` gives an approved request as whoever approved it."""

    def __init__(
        self,
        *,
        store: KeptStore,
        board: Board,
        call: Call,
        is_paper: Callable[[Command[Any]], bool],
        changed: Callable[[str, str], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._store = store
        self._board = board
        self._call = call
        self._is_paper = is_paper
        self._changed = changed
        self._now_ns = now_ns
        self._all = Shelf(store, KIND, c.Approval, changed)
        kept = store.all(MODE, _Mode)
        self.mode = kept[""].mode if kept else c.OrderMode.AUTO

    # The step before the handlers --------------------------------------------------------------------------------

    async def step(self, _: CommandRule, command: Command[Any], principal: Principal, proceed: Step) -> Any:
        """Let a person's commands pass; hold back, or refuse, those of programs."""
        if self.mode is c.OrderMode.AUTO or principal.local:
            return await proceed()
        if isinstance(command, _REFUSED) and not self._is_paper(command):
            raise NotPermitted(
                "Orders are given semi-automatically: programs may not change, cancel or close on accounts with money. "
                "Do it in the workbench, or switch to auto."
            )
        if not isinstance(command, _QUEUED):
            return await proceed()
        approval = self._queue(command, str(principal))
        raise AwaitsApproval(f"It waits for approval in the Action Center under the number {approval.approval_id}.")

    def _queue(self, command: c.Queued, by: str) -> c.Approval:
        now = self._now_ns()
        _, end_ns = day_bounds_ns(trade_date(now))
        approval = c.Approval(
            approval_id=new_order_id(),
            request=command,
            asked_by=by,
            state=_S.PENDING,
            created_ns=now,
            expires_ns=end_ns,
            price_then=self._price(command),
        )
        return self._keep(approval)

    # What people decide -------------------------------------------------------------------------------------------

    def listed(self, *, pending_only: bool) -> tuple[c.Approval, ...]:
        """Oldest first, with the prices of this moment."""
        self.expire()
        return tuple(
            msgspec.structs.replace(one, price_now=self._price(one.request)) if one.state is _S.PENDING else one
            for one in self._all
            if not pending_only or one.state is _S.PENDING
        )

    async def approve(self, approval_id: str, principal: Principal) -> tuple[c.Approval, ...]:
        """One after the other, in the order asked. Raises InputError for one that does not wait."""
        done = []
        for approval in self._chosen(approval_id):
            decided = self._decide(approval, _S.APPROVED, principal, "")
            done.append(await self._carry_out(decided, principal))
        return tuple(done)

    def reject(self, approval_id: str, principal: Principal, reason: str) -> tuple[c.Approval, ...]:
        """Raises InputError for one that does not wait."""
        return tuple(self._decide(one, _S.REJECTED, principal, reason) for one in self._chosen(approval_id))

    def edit(self, approval_id: str, request: c.Queued) -> c.Approval:
        """Raises InputError for one that does not wait, or another kind of request."""
        (approval,) = self._chosen(approval_id)
        if type(request) is not type(approval.request):
            raise InputError("The kind of a request cannot change: reject it and give a new order.", field="request")
        return self._keep(msgspec.structs.replace(approval, request=request, edited=True))

    def set_mode(self, mode: c.OrderMode) -> None:
        """Kept in the profile."""
        self._store.put(MODE, "", _Mode(mode))
        self.mode = mode
        self._changed(MODE, mode.value)

    async def keep(self) -> None:
        """Expire what nobody decided, until cancelled."""
        while True:
            self.expire()
            await asyncio.sleep(EVERY_S)

    def expire(self) -> None:
        """What waits for a day that is over."""
        now = self._now_ns()
        for approval in self._all:
            if approval.state is _S.PENDING and now >= approval.expires_ns:
                reason = "Nobody decided before the day's end."
                self._keep(msgspec.structs.replace(approval, state=_S.EXPIRED, reason=reason, decided_ns=now))

    # ---------------------------------------------------------------------------------------------------------------

    async def _carry_out(self, approval: c.Approval, principal: Principal) -> c.Approval:
        try:
            answer = await self._call(approval.request, principal)
        except LabError as error:
            return self._keep(msgspec.structs.replace(approval, outcome="rejected", reason=str(error)))
        outcome, orders, reason = _outcome(answer)
        return self._keep(msgspec.structs.replace(approval, outcome=outcome, orders=orders, reason=reason))

    def _chosen(self, approval_id: str) -> list[c.Approval]:
        self.expire()
        if not approval_id:
            return [one for one in self._all if one.state is _S.PENDING]
        sentence = f"There is no request {approval_id!r} in the Action Center."
        found = self._all.find(approval_id, sentence, "approval_id")
        if found.state is not _S.PENDING:
            raise InputError(f"The request is {found.state.value} already.", field="approval_id")
        return [found]

    def _decide(self, approval: c.Approval, state: c.ApprovalState, by: Principal, reason: str) -> c.Approval:
        decided = msgspec.structs.replace(
            approval, state=state, decided_by=str(by), decided_ns=self._now_ns(), reason=reason,
            price_now=self._price(approval.request),
        )  # fmt: skip
        return self._keep(decided)

    def _price(self, request: Any) -> float:
        order = getattr(request, "order", None) or getattr(getattr(request, "terms", None), "order", None) or request
        exchange, symbol = getattr(order, "exchange", None), getattr(order, "symbol", "")
        quote = self._board.quote(InstrumentKey(exchange, symbol)) if exchange and symbol else None
        return quote.ltp if quote is not None else 0.0

    def _keep(self, approval: c.Approval) -> c.Approval:
        return self._all.put(approval.approval_id, approval)


def _outcome(answer: object) -> tuple[str, tuple[str, ...], str]:
    """(open, partial, rejected or nothing; ids; why) of what an approved request has become."""
    match answer:
        case GroupReply(legs=legs):
            orders = tuple(leg.order.order_id for leg in legs if leg.order is not None)
            errors = "; ".join(dict.fromkeys(leg.error for leg in legs if leg.error))
            good = sum(leg.ok for leg in legs)
            return ("open" if good == len(legs) else "partial" if good else "rejected"), orders, errors
        case SmartReply(order=None, message=message):
            return "nothing", (), message
        case SmartReply(order=Order() as order) | (Order() as order):
            failed = order.done and order.status is not OrderStatus.COMPLETE
            return ("rejected" if failed else "open"), (order.order_id,), order.reason
        case _:
            key = getattr(answer, "gtt_id", "") or getattr(answer, "bracket_id", "") or getattr(answer, "algo_id", "")
            return "open", (key,), ""


class ApprovalDesk:
    """The handlers."""

    def __init__(self, center: ActionCenter) -> None:
        self._center = center

    @reads(c.GetApprovals)
    async def get_approvals(self, command: c.GetApprovals, _: Principal) -> tuple[c.Approval, ...]:
        """Oldest first."""
        return self._center.listed(pending_only=command.pending_only)

    @places(c.Approve, by_key=False)
    async def approve(self, command: c.Approve, principal: Principal) -> tuple[c.Approval, ...]:
        """One or all."""
        return await self._center.approve(command.approval_id, principal)

    @handles(c.Reject, permission=Permission.TRADE, rate=RateClass.FREE, audit=True)
    async def reject(self, command: c.Reject, principal: Principal) -> tuple[c.Approval, ...]:
        """One or all."""
        return self._center.reject(command.approval_id, principal, command.reason)

    @handles(c.EditApproval, permission=Permission.TRADE, audit=True)
    async def edit_approval(self, command: c.EditApproval, _: Principal) -> c.Approval:
        """Other terms."""
        return self._center.edit(command.approval_id, command.request)

    @reads(c.GetOrderMode)
    async def get_order_mode(self, _: c.GetOrderMode, __: Principal) -> c.OrderMode:
        """In force."""
        return self._center.mode

    @handles(c.SetOrderMode, permission=Permission.ADMIN, audit=True)
    async def set_order_mode(self, command: c.SetOrderMode, _: Principal) -> c.OrderMode:
        """Switch."""
        self._center.set_mode(command.mode)
        return command.mode
