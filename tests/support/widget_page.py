"""The page's side of a widget in a test: what the widget sent, and a way to say what a browser would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from openalgo_lab import Lab
from openalgo_lab.model.commands import PlaceOrder
from tests.support.waiting import eventually

__all__ = ["Page", "held", "orders_sent", "simulated_lab"]


class Page:
    """One view of ``widget``; keeps the newest message of each kind."""

    def __init__(self, widget: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self._widget = widget
        self.seen: dict[str, Any] = {}
        self.count: dict[str, int] = {}
        monkeypatch.setattr(widget, "send", self._hear)

    def say(self, **message: Any) -> None:
        """A message of the browser."""
        self._widget._on_message(self._widget, message, [])

    def hello(self, *, ago_s: float = 0.0) -> None:
        """The view is drawn."""
        self.say(k="hello", t=time.time() - ago_s)

    def _hear(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.seen[content["k"]] = content.get("v", content)
        self.count[content["k"]] = self.count.get(content["k"], 0) + 1


@contextmanager
def simulated_lab(profile: str) -> Iterator[Lab]:
    """A Lab that hosts its engine in this process, with its first prices there."""
    lab = Lab(profile)
    try:
        key = lab.instrument("SBIN").key
        lab.quote("SBIN")
        eventually(lambda: lab.handle.board.quote(key) is not None)
        yield lab
    finally:
        lab.close()


@contextmanager
def held(lab: Lab, monkeypatch: pytest.MonkeyPatch, kind: type[Any]) -> Iterator[list[Any]]:
    """Commands of a kind wait before they reach the engine, and are noted, until the block ends."""
    gate, noted = asyncio.Event(), list[Any]()
    real = lab.handle.call

    def call(command: Any, *rest: Any) -> Coroutine[Any, Any, Any]:
        async def run() -> Any:
            noted.append(command)
            await gate.wait()
            return await real(command, *rest)

        return run() if isinstance(command, kind) else real(command, *rest)

    monkeypatch.setattr(lab.handle, "call", call)
    try:
        yield noted
    finally:
        lab.handle.loop.call_soon_threadsafe(gate.set)
        monkeypatch.setattr(lab.handle, "call", real)


def orders_sent(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[PlaceOrder]:
    """Every order that leaves through this process's handle from now on; they pass on to the engine."""
    sent: list[PlaceOrder] = []
    real: Callable[[Any], Coroutine[Any, Any, Any]] = lab.handle.call

    def call(command: Any) -> Coroutine[Any, Any, Any]:
        if isinstance(command, PlaceOrder):
            sent.append(command)
        return real(command)

    monkeypatch.setattr(lab.handle, "call", call)
    return sent
