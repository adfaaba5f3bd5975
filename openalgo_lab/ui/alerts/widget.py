"""Alerts on a page: toasts, sound, the desktop's own notifications, and the list of all of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets
import msgspec
import traitlets

from openalgo_lab.model.alerts import AcknowledgeAlert, Alert, AlertState, GetAlerts, RemoveAlert
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.events import AlertFired, AnyEvent
from openalgo_lab.ui.alerts.form import AlertForm
from openalgo_lab.ui.blotter.items import Item, ItemsSpec, ItemsView
from openalgo_lab.ui.grid import Action, Column
from openalgo_lab.ui.style.sheet import StyleSheet
from openalgo_lab.ui.theme import css

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["AlertsView"]

_log = logging.getLogger(__name__)


class _Seen(msgspec.Struct, frozen=True, tag="seen", tag_field="k"):
    """A toast was pressed."""

    alert_id: str


class Toasts(anywidget.AnyWidget):
    """Shows what it is told; a pressed toast is acknowledged. ``tell`` from any thread."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(self, seen: Any, **traits: Any) -> None:
        self._seen = seen
        super().__init__(**traits)
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.alerts").joinpath("toast.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.alerts").joinpath("toast.css").read_text("utf-8")

    def tell(self, event: AlertFired) -> None:
        """Show an alert by the channels that a page has."""
        told = {name: name in event.channels for name in ("toast", "sound", "desktop")}
        self.send({"k": "alert", "alert_id": event.alert_id, "name": event.name, "message": event.message, **told})

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message = msgspec.convert(content, _Seen)
        except msgspec.ValidationError as error:
            _log.warning("A page sent the alerts a message that cannot be read; reload the page. (%s)", error)
            return
        self._seen(message.alert_id)


def _rows(alerts: Sequence[Alert]) -> list[Item]:
    return [
        Item(
            key=one.alert_id,
            value=one,
            texts={
                "name": one.name,
                "status": one.state.value,
                "channels": ", ".join(channel.value for channel in one.channels),
                "message": one.message,
            },
            numbers={"time": one.fired_ns / 1e6 if one.fired_ns else float("nan"), "count": one.count},
            actions=3 if one.state is AlertState.FIRED else 2,
        )
        for one in reversed(alerts)
    ]


def _act(action: str, one: Alert) -> Command[Any] | None:
    return AcknowledgeAlert(one.alert_id) if action == "seen" else RemoveAlert(one.alert_id)


SPEC = ItemsSpec(
    name="alerts",
    title="Alerts",
    columns=(
        Column(key="name", title="Alert", kind="text", width=160, pinned=True),
        Column(key="act", title="", kind="action", width=140, actions=(
            Action(key="seen", title="Seen", name="Acknowledge the alert", shortcut="s"),
            Action(key="remove", title="Remove", name="Remove the alert", tone="danger", shortcut="x"))),
        Column(key="status", title="Status", kind="status"),
        Column(key="time", title="Last", kind="time"),
        Column(key="count", title="Told", kind="number", decimals=0, width=56),
        Column(key="message", title="Message", kind="text", width=320, min_view=520),
        Column(key="channels", title="By", kind="text", width=140, min_view=860),
    ),
    empty="No alerts. Add one above, or with lab.alerts.price('SBIN', above=850).",
    read=GetAlerts(),
    rows=_rows,
    act=_act,
)  # fmt: skip


class AlertsView(ipywidgets.VBox):
    """The form that arms one, the list, and a toast for every alert that is told while the page is open."""

    def __init__(self, lab: Lab, *, height: str = "200px") -> None:
        self._handle = lab.handle
        self.table = ItemsView(lab, SPEC, height=height)
        self.toasts = Toasts(lambda alert_id: self.table.do(AcknowledgeAlert(alert_id)))
        self.form = AlertForm(lab, lambda command: self.table.do(command, "It is watched."), self.table.message.bad)
        super().__init__([StyleSheet("approval"), self.toasts, self.form, self.table])
        self._unlisten = self._handle.add_listener(self._hear)

    def close(self) -> None:
        """End the subscriptions and the widget."""
        self._unlisten()
        self.form.close()
        self.table.close()
        super().close()

    def _hear(self, event: AnyEvent) -> None:
        if isinstance(event, AlertFired):
            self.toasts.tell(event)
