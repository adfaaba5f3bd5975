"""The Action Center: what programs ask for, and a person's yes, no, or other terms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import msgspec

from openalgo_lab.lab.action_center import summary
from openalgo_lab.model.approvals import (
    Approval,
    ApprovalState,
    Approve,
    EditApproval,
    GetApprovals,
    GetOrderMode,
    OrderMode,
    Reject,
    SetOrderMode,
)
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.errors import LabError
from openalgo_lab.ui.blotter.items import Item, ItemsSpec, ItemsView
from openalgo_lab.ui.grid import Action, Column
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.style.sheet import StyleSheet

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["ActionCenterView"]

MOVED_PCT = 0.5
"""From here on a moved price is said in words."""


def _rows(approvals: Sequence[Approval]) -> list[Item]:
    waiting = ApprovalState.PENDING
    return [
        Item(
            key=one.approval_id,
            value=one,
            texts={
                "what": summary(one) + (" (edited)" if one.edited else ""),
                "by": one.asked_by,
                "status": one.state.value if not one.outcome else f"{one.state.value}: {one.outcome}",
                "note": _note(one),
            },
            numbers={"time": one.created_ns / 1e6, "moved": one.moved_pct},
            actions=7 if one.state is waiting else 0,
        )
        for one in sorted(approvals, key=lambda one: (one.state is not waiting, -one.created_ns))
    ]


def _note(one: Approval) -> str:
    if one.state is ApprovalState.PENDING and abs(one.moved_pct) >= MOVED_PCT:
        return f"The price has moved from {one.price_then:,.2f} to {one.price_now:,.2f}."
    return one.reason or (f"by {one.decided_by}" if one.decided_by else "")


def _act(action: str, one: Approval) -> Command[Any] | None:
    if action == "approve":
        return Approve(one.approval_id)
    return Reject(one.approval_id) if action == "reject" else None


SPEC = ItemsSpec(
    name="approvals",
    title="Action Center",
    columns=(
        Column(key="time", title="Asked", kind="time", width=80),
        Column(key="what", title="What", kind="text", width=300, pinned=True),
        Column(key="act", title="", kind="action", width=200, actions=(
            Action(key="approve", title="Approve", name="Carry the request out", tone="buy", shortcut="a"),
            Action(key="edit", title="Edit", name="Change what is asked for", shortcut="e"),
            Action(key="reject", title="Reject", name="Refuse the request", tone="danger", shortcut="r"))),
        Column(key="by", title="By", kind="text", width=110, min_view=560),
        Column(key="moved", title="Price since", kind="pct", min_view=640),
        Column(key="status", title="Status", kind="status", width=130),
        Column(key="note", title="", kind="text", width=260, min_view=860),
    ),
    empty="Nothing waits. In semi-automatic mode the orders of programs come here first.",
    read=GetApprovals(pending_only=False),
    rows=_rows,
    act=_act,
)  # fmt: skip


class ActionCenterView(ipywidgets.VBox):
    """Mode, approve or reject one or all, edit. "All" asks once more before it does anything."""

    def __init__(self, lab: Lab, *, height: str = "240px") -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._editing: Approval | None = None
        self._telling = False
        self._true_mode: OrderMode | None = None
        self._choices = 0
        self.table = ItemsView(lab, SPEC, height=height)
        self.mode = ipywidgets.ToggleButtons(
            options=[("Automatic", OrderMode.AUTO.value), ("Semi-automatic", OrderMode.SEMI_AUTO.value)],
            tooltips=["Programs' orders leave at once", "Programs' orders wait for you"],
            style={"button_width": "auto"},
        )
        self.approve_all = ipywidgets.Button(description="Approve all", button_style="")
        self.reject_all = ipywidgets.Button(description="Reject all")
        self.quantity = ipywidgets.BoundedIntText(description="Qty", min=0, max=10_000_000)
        self.price = ipywidgets.BoundedFloatText(description="Price", min=0.0, max=10_000_000.0)
        self.apply = ipywidgets.Button(description="Apply")
        self.leave = ipywidgets.Button(description="Leave as it is")
        self._form_title = ipywidgets.Label().add_class("oal-form-title")
        self.form = ipywidgets.HBox(
            [self._form_title, self.quantity, self.price, self.apply, self.leave],
            layout=ipywidgets.Layout(display="none", flex_flow="row wrap"),
        ).add_class("oal-form")
        bar = ipywidgets.HBox(
            [self.mode, self.approve_all, self.reject_all], layout=ipywidgets.Layout(flex_flow="row wrap")
        ).add_class("oal-form")
        self.mode.observe(self._mode_chosen, "value")
        self.approve_all.on_click(lambda _: self._all(self.approve_all, "Approve", Approve()))
        self.reject_all.on_click(lambda _: self._all(self.reject_all, "Reject", Reject()))
        self.apply.on_click(lambda _: self._apply())
        self.leave.on_click(lambda _: self._shut())
        self.table.on_action(lambda action, one: self.edit(one) if action == "edit" else None)
        self.table.on_items(self._counted)
        super().__init__([StyleSheet("approval"), bar, self.table, self.form])
        self._ask_mode()

    def edit(self, approval: Approval) -> None:
        """Open the form on a waiting request for one contract."""
        order = _order_of(approval.request)
        if order is None:
            self.table.message.bad("A request with several legs cannot be edited here: reject it and order anew.")
            return
        self._editing = approval
        self._form_title.value = summary(approval)
        self.quantity.value, self.price.value = order.quantity, order.price
        self.price.layout.display = "" if order.price_type.has_price else "none"
        self.form.layout.display = "flex"

    def close(self) -> None:
        """End the table and the widget."""
        self.table.close()
        super().close()

    def _apply(self) -> None:
        approval = self._editing
        if approval is None:
            return
        request: Any = approval.request
        changes = {"quantity": self.quantity.value}
        if self.price.layout.display != "none":
            changes["price"] = self.price.value
        order = msgspec.structs.replace(_order_of(request), **changes)
        changed = order if order.__class__ is request.__class__ else msgspec.structs.replace(request, order=order)
        self.table.do(EditApproval(approval.approval_id, changed), "Changed.")
        self._shut()

    def _shut(self) -> None:
        self._editing = None
        self.form.layout.display = "none"

    def _all(self, button: ipywidgets.Button, word: str, command: Command[Any]) -> None:
        waiting = sum(bool(item.actions) for item in self.table.items)
        if button.description.startswith("Really"):
            button.description = f"{word} all"
            self.table.do(command, "Done.")
        elif waiting:
            button.description = f"Really {word.lower()} {waiting}?"

    def _counted(self, items: Sequence[Item]) -> None:
        waiting = sum(bool(item.actions) for item in items)
        for button in (self.approve_all, self.reject_all):
            if button.disabled is bool(waiting):
                button.disabled = not waiting

    def _ask_mode(self) -> None:
        told, failed = partial(self._told_mode, self._choices), self.table.message.bad
        self._loop.ask(self._handle, self._handle.call(GetOrderMode()), told, lambda error: failed(str(error)))

    def _told_mode(self, choices: int, mode: OrderMode) -> None:
        if choices != self._choices:  # the answer is older than what the person has chosen meanwhile
            return
        self._show_mode(mode)
        self._true_mode = mode

    def _show_mode(self, mode: OrderMode) -> None:
        self._telling = True
        self.mode.value = mode.value
        self._telling = False

    def _mode_chosen(self, change: Any) -> None:
        if self._telling:
            return
        self._choices += 1
        self.table.message.info("…")
        request = self._handle.call(SetOrderMode(OrderMode(change["new"])))
        self._loop.ask(
            self._handle, request, partial(self._mode_set, self._choices), partial(self._mode_kept, self._choices)
        )

    def _mode_set(self, choices: int, mode: OrderMode) -> None:
        self._true_mode = mode
        self._told_mode(choices, mode)
        self.table.message.info(f"The mode is {mode.value.replace('_', '-')}.")

    def _mode_kept(self, choices: int, error: LabError) -> None:
        """The switch shows the mode in force, never the wish that failed."""
        if choices == self._choices and self._true_mode is not None:
            self._show_mode(self._true_mode)
        self.table.message.bad(f"The mode was not changed: {error}")
        if choices == self._choices:
            self._ask_mode()


def _order_of(request: Any) -> Any:
    """The single order of a request, or None where it has legs."""
    inner = getattr(request, "order", None) or request
    return inner if hasattr(inner, "quantity") and hasattr(inner, "price_type") else None
