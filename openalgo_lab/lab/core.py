"""What all parts of the facade stand on: the handle, asking it in both ways, and reading it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from openalgo_lab.lab.pairs import CALL_S
from openalgo_lab.lab.warming import load_when_idle
from openalgo_lab.lab.watch import Callback, Watch
from openalgo_lab.lab.words import SymbolLike, resolve
from openalgo_lab.model.commands import Command
from openalgo_lab.model.errors import EngineDead, InputError
from openalgo_lab.model.events import Books
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.order_groups import combine
from openalgo_lab.model.orders import Order
from openalgo_lab.model.profile import default_hosting, default_profile
from openalgo_lab.model.vocabulary import Exchange

if TYPE_CHECKING:
    from openalgo_lab.engine.config import EngineConfig, SimSettings
    from openalgo_lab.engine.link.handle import LinkedHandle

__all__ = ["LabCore"]

R = TypeVar("R")


class LabCore:
    """Opens the engine of a profile and speaks with it."""

    def __init__(
        self,
        profile: str | None = None,
        *,
        host: str | None = None,
        replay: Path | str | None = None,
        speed: float = 1.0,
        seed: int | None = None,
        hours: str = "always",
        account: str = "",
    ) -> None:
        from openalgo_lab.engine.link.handle import Hosting
        from openalgo_lab.engine.link.shared import shared_handles
        from openalgo_lab.lab.words import word

        config = _config(profile or default_profile(), replay, speed, _sim(seed, hours), account)
        hosting = word(Hosting, host or default_hosting(), "host")
        self._handle: LinkedHandle = shared_handles().take(config, hosting, "lab")
        self._watch = Watch(self._handle)
        self._closed = False
        self._numbers = itertools.count(1)
        self._indexed: tuple[Books | None, dict[str, Order]] = (None, {})
        self._priced: set[InstrumentKey] = set()
        self._require_market(config.replay)
        load_when_idle()

    # ---- life

    @property
    def handle(self) -> LinkedHandle:
        """The engine underneath: commands, books, board, events. For widgets and for the curious."""
        if self._closed:
            raise EngineDead("This Lab was closed: make a new one with Lab().")
        return self._handle

    @property
    def profile(self) -> str:
        """The profile's name."""
        return self._handle.profile

    def close(self) -> None:
        """Leave the engine. The process's last Lab of a profile ends it here; another kernel then takes over.

        Orders and positions are not touched. Happens by itself at the end of the process.
        """
        if not self._closed:
            from openalgo_lab.engine.link.shared import shared_handles

            self._closed = True
            self._watch.close()
            shared_handles().give_back(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- speaking with the engine

    def call(self, command: Command[R], timeout_s: float = CALL_S) -> R:
        """Give any command of :mod:`openalgo_lab.model.commands` and wait for its answer."""
        return self.handle.call_sync(command, timeout_s)

    async def call_async(self, command: Command[R], timeout_s: float = CALL_S) -> R:
        """The same on your own loop."""
        return await self.handle.call(command, timeout_s)

    def on(self, topic: str, callback: Callback) -> Callable[[], None]:
        """Call ``callback(event)`` for every event of a topic (``"order:update"``, ``"trade:update"`` …; "" = all).

        Runs on a thread of its own, one call after the other, never on the engine's. Answers with what ends it.
        """
        return self._watch.on(topic, callback)

    # ---- reading

    @property
    def books(self) -> Books:
        """The latest books as they are: one immutable snapshot."""
        return self.handle.books

    def instrument(self, symbol: SymbolLike, exchange: Exchange | str | None = None) -> Instrument:
        """What is known of an instrument: lot, tick, freeze quantity, expiry, strike. Raises SymbolError."""
        return resolve(self.handle.instruments, symbol, exchange)

    def _find_order(self, order_id: str) -> Order | None:
        books, orders = self._indexed
        if books is not (now := self._handle.books):
            orders = {order.order_id: order for order in now.orders}
            self._indexed = (now, orders)
        found = orders.get(order_id)
        if found is None and (slices := self._slices(order_id)):
            found = orders[order_id] = combine(slices)
        return found

    def _slices(self, order_id: str) -> list[Order]:
        """The slices of an order that was larger than the exchange takes in one."""
        return [order for order in self._handle.books.orders if order.parent == order_id]

    def _owner(self, what: str) -> str:
        """A fresh name for somebody who wants quotes."""
        return f"{what}-{id(self):x}-{next(self._numbers)}"

    def _require_market(self, replay: str) -> None:
        """A recording was asked for, but the engine of the profile may run already, on another market."""
        running = self._handle.status.replay
        if replay and (running is None or running.name != Path(replay).name):
            market = "the simulated exchange" if running is None else f"the recording {running.name}"
            pid = self._handle.status.pid
            self.close()
            raise InputError(
                f"The engine of profile {self.profile!r} already runs {market} (process {pid}): end it first, or give "
                "the recording a profile of its own, Lab('replay', replay=...).",
                field="replay",
            )


def _config(profile: str, replay: Path | str | None, speed: float, sim: SimSettings, account: str) -> EngineConfig:
    from openalgo_lab.engine.config import EngineConfig

    if not speed > 0:
        raise InputError(f"A speed of {speed} cannot be played: give a positive number, 1 is as recorded.", "speed")
    path = "" if replay is None else str(Path(replay).expanduser().resolve())
    if path and not Path(path).is_file():
        raise InputError(f"There is no recording {path}: give the path of an existing file.", "replay")
    return EngineConfig(profile=profile, account=account, replay=path, speed=speed, sim=sim)


def _sim(seed: int | None, hours: str) -> SimSettings:
    from openalgo_lab.engine.config import SimSettings

    if hours not in ("always", "exchange"):
        raise InputError(f"{hours!r} are no hours: use 'always' or 'exchange'.", "hours")
    always = hours == "always"
    return SimSettings(around_the_clock=always) if seed is None else SimSettings(seed=seed, around_the_clock=always)
