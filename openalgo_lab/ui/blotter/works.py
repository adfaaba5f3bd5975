"""What works on by itself: triggers, brackets, algorithms, in tabs, each with what can be done to it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets

from openalgo_lab.model.algo_commands import (
    Algo,
    AlgoAct,
    AlgoStatus,
    Bracket,
    BracketStatus,
    ControlAlgo,
    EndBracket,
    GetAlgos,
    GetBrackets,
)
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.gtt import GttStatus
from openalgo_lab.model.gtt_commands import CancelGtt, GetGtts, GttOrder
from openalgo_lab.ui.blotter.items import Item, ItemsSpec, ItemsView
from openalgo_lab.ui.grid import Action, Column
from openalgo_lab.ui.tabs import Tab, TabBar

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["ALGOS", "BRACKETS", "GTTS", "WorksBlotter"]

_NAMES = (
    Column(key="symbol", title="Symbol", kind="text", width=170, pinned=True),
    Column(key="side", title="Side", kind="side"),
    Column(key="quantity", title="Qty", kind="qty"),
)


def _gtt_rows(gtts: Sequence[GttOrder]) -> list[Item]:
    return [
        Item(
            key=gtt.gtt_id,
            value=gtt,
            texts={
                "symbol": gtt.symbol,
                "side": gtt.side.value,
                "triggers": "  or  ".join(f"{'≥' if leg.above else '≤'} {leg.trigger_price:g}" for leg in gtt.legs),
                "status": gtt.status.value,
                "where": "broker" if gtt.native else "here",
                "account": gtt.account,
                "reason": gtt.reason,
            },
            numbers={"quantity": gtt.quantity},
            actions=1 if gtt.status is GttStatus.ACTIVE else 0,
        )
        for gtt in reversed(gtts)
    ]


GTTS = ItemsSpec(
    name="gtts",
    title="Triggers",
    columns=(
        *_NAMES,
        Column(key="act", title="", kind="action", actions=(
            Action(key="cancel", title="Cancel", name="Cancel the trigger", tone="danger", shortcut="x"),)),
        Column(key="triggers", title="Triggers", kind="text", width=120),
        Column(key="status", title="Status", kind="status"),
        Column(key="where", title="Watched", kind="text", width=70),
        Column(key="account", title="Account", kind="text", width=80, min_view=620),
        Column(key="reason", title="Reason", kind="text", width=200, min_view=760),
    ),
    empty="No triggers. Choose Trigger (GTT, OCO) in a ticket to make one.",
    read=GetGtts(active_only=False),
    rows=_gtt_rows,
    act=lambda action, gtt: CancelGtt(gtt.gtt_id) if action == "cancel" else None,
)  # fmt: skip


def _bracket_rows(brackets: Sequence[Bracket]) -> list[Item]:
    living = (BracketStatus.ENTERING, BracketStatus.GUARDED, BracketStatus.LEAVING)
    return [
        Item(
            key=one.bracket_id,
            value=one,
            texts={
                "symbol": one.symbol,
                "side": one.side.value,
                "status": one.status.value,
                "account": one.account,
                "reason": one.reason,
            },
            numbers={
                "quantity": one.quantity,
                "stop": one.stop,
                "target": one.target or float("nan"),
                "trail": one.trail or float("nan"),
                "filled": one.filled,
                "exited": one.exited,
            },
            actions=3 if one.status in living else 0,
        )
        for one in reversed(brackets)
    ]


def _bracket_act(action: str, one: Bracket) -> Command[Any] | None:
    return EndBracket(one.bracket_id, close=action == "close") if action in ("end", "close") else None


BRACKETS = ItemsSpec(
    name="brackets",
    title="Brackets",
    columns=(
        *_NAMES,
        Column(key="act", title="", kind="action", width=130, actions=(
            Action(key="end", title="End", name="Cancel stop and target; the position stays", shortcut="e"),
            Action(key="close", title="Close", name="Close the position at market", tone="danger", shortcut="c"))),
        Column(key="stop", title="Stop", kind="price"),
        Column(key="target", title="Target", kind="price"),
        Column(key="trail", title="Trail", kind="number", min_view=620),
        Column(key="filled", title="In", kind="qty", width=60),
        Column(key="exited", title="Out", kind="qty", width=60),
        Column(key="status", title="Status", kind="status"),
        Column(key="account", title="Account", kind="text", width=80, min_view=720),
        Column(key="reason", title="Reason", kind="text", width=200, min_view=860),
    ),
    empty="No brackets. Choose Bracket in a ticket; lab.protect_position(...) guards what is held already.",
    read=GetBrackets(),
    rows=_bracket_rows,
    act=_bracket_act,
)  # fmt: skip


def _algo_rows(algos: Sequence[Algo]) -> list[Item]:
    bits = {AlgoStatus.RUNNING: 0b101, AlgoStatus.PAUSED: 0b110}
    return [
        Item(
            key=algo.algo_id,
            value=algo,
            texts={
                "symbol": algo.terms.order.symbol,
                "side": algo.terms.order.side.value,
                "kind": algo.terms.kind.value,
                "status": algo.status.value,
                "message": algo.message,
            },
            numbers={
                "quantity": algo.terms.order.quantity,
                "filled": algo.filled,
                "progress": algo.progress * 100,
                "parts": algo.placed,
            },
            actions=bits.get(algo.status, 0),
        )
        for algo in reversed(algos)
    ]


ALGOS = ItemsSpec(
    name="algos",
    title="Algorithms",
    columns=(
        *_NAMES,
        Column(key="act", title="", kind="action", width=190, actions=(
            Action(key="pause", title="Pause", name="Pause the algorithm", shortcut="p"),
            Action(key="resume", title="Resume", name="Let it go on", shortcut="r"),
            Action(key="stop", title="Stop", name="Stop the algorithm", tone="danger", shortcut="s"))),
        Column(key="kind", title="Kind", kind="text", width=80),
        Column(key="filled", title="Filled", kind="qty"),
        Column(key="progress", title="%", kind="bar", decimals=0, width=90),
        Column(key="parts", title="Parts", kind="number", decimals=0, width=56, min_view=560),
        Column(key="status", title="Status", kind="status"),
        Column(key="message", title="Message", kind="text", width=220, min_view=760),
    ),
    empty="No algorithms. Choose Chase, TWAP or Iceberg in a ticket to start one.",
    read=GetAlgos(),
    rows=_algo_rows,
    act=lambda action, algo: ControlAlgo(algo.algo_id, AlgoAct(action)),
)  # fmt: skip


class WorksBlotter(ipywidgets.VBox):
    """Triggers · Brackets · Algorithms, live, with what can be done to each."""

    def __init__(self, lab: Lab, *, height: str = "200px") -> None:
        self._views = {spec.name: ItemsView(lab, spec, height=height) for spec in (GTTS, BRACKETS, ALGOS)}
        self._titles = {spec.name: spec.title for spec in (GTTS, BRACKETS, ALGOS)}
        self._counts = dict.fromkeys(self._views, 0)
        self._tabs = TabBar(self._tab_list(), label="At work", active="gtts")
        self._tabs.on_choose(self._open)
        for name, view in self._views.items():
            view.on_items(partial(self._count, name))
        super().__init__([self._tabs, self._views["gtts"]])
        self.add_class("oal-blotter")

    def view(self, name: str) -> ItemsView:
        """One table: ``gtts``, ``brackets`` or ``algos``."""
        return self._views[name]

    def close(self) -> None:
        """End all tables."""
        for view in self._views.values():
            view.close()
        super().close()

    def _tab_list(self) -> list[Tab]:
        return [Tab(name, self._titles[name], self._counts[name]) for name in self._views]

    def _count(self, name: str, items: Sequence[Item]) -> None:
        self._counts[name] = sum(bool(item.actions) for item in items)
        self._tabs.show(self._tab_list())

    def _open(self, name: str) -> None:
        self.children = (self._tabs, self._views[name])
