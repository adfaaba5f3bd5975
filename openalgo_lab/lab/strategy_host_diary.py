"""Keeps a running strategy on disk as it changes, so that the process may die at any moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from openalgo_lab.lab.strategy_host import LiveHost
from openalgo_lab.lab.strategy_host_lab import LabGate
from openalgo_lab.lab.strategy_host_state import Saved, load_state, save_state, saved_of
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument

__all__ = ["Diary"]


class Diary:
    """One file. An order is written down before it is given: what became of it is asked by its key afterwards."""

    def __init__(self, path: Path, name: str, started_ns: int, instrument: Callable[[str], Instrument]) -> None:
        self._path = path
        self._name = name
        self._started_ns = started_ns
        self._instrument = instrument
        self._host: LiveHost | None = None
        self._gate: LabGate | None = None
        self._stands: tuple[int, bytes] = (-1, b"")

    def begin(self, host: LiveHost, gate: LabGate) -> Saved | None:
        """Take up what an earlier process has left, and write from now on. Raises StoreError."""
        saved = load_state(self._path)
        if saved is not None:
            host.restore(saved, self._instrument)
            gate.ids.update({order.key: order.order_id for order in saved.orders if order.key and order.order_id})
            self._started_ns = gate.since_ns = saved.started_ns
        self._host, self._gate = host, gate
        host.before_order = self.note
        return saved

    def note(self) -> None:
        """Write, if anything but the time has changed."""
        host, gate = self._host, self._gate
        if host is None or gate is None or not host.started:
            return
        stands = (host.changes, _plain(host.strategy.state))
        if stands != self._stands:
            save_state(self._path, saved_of(host, self._name, self._started_ns, gate.ids))
            self._stands = stands


def _plain(state: dict[str, Any]) -> bytes:
    """Raises InputError for a state that is not made of texts, numbers, lists and dictionaries."""
    try:
        return msgspec.json.encode(state)
    except (TypeError, ValueError) as error:
        raise InputError(f"self.state cannot be kept ({error}): use texts, numbers, lists and dictionaries.") from error
