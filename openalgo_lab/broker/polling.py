"""Order updates of a broker that streams none: the day's books, read again and again, sooner while orders work."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from openalgo_lab.model.errors import LabError, SessionExpired
from openalgo_lab.model.orders import WORKING
from openalgo_lab.model.reports import FillReport, OrderReport, Report

__all__ = ["OrderPoller"]

_IDLE_S: Final = 15.0
_AWAKE_S: Final = 10.0
_log = logging.getLogger(__name__)


class OrderPoller:
    """Tells what is different from the last look. Belongs to the engine's loop.

    It looks every ``every_s`` while an order works or was sent within the last ten seconds, else four times a minute.
    """

    def __init__(
        self,
        *,
        every_s: float,
        order_book: Callable[[], Awaitable[Sequence[OrderReport]]],
        trade_book: Callable[[], Awaitable[Sequence[FillReport]]],
        report: Callable[[Report], None],
    ) -> None:
        self._every_s = every_s
        self._order_book = order_book
        self._trade_book = trade_book
        self._report = report
        self._orders: dict[str, OrderReport] = {}
        self._trades: set[str] = set()
        self._filled: defaultdict[str, int] = defaultdict(int)
        self._sent_at = 0.0
        self._sent = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="order-poll")

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def stir(self) -> None:
        """An order, a change or a cancel was sent."""
        self._sent_at = time.monotonic()
        self._sent.set()

    async def look(self) -> None:
        """Once. Raises LabError."""
        fresh = {report.broker_order_id: report for report in await self._order_book()}
        changed = [report for key, report in fresh.items() if self._orders.get(key) != report]
        filled = any(report.filled_quantity > self._filled[key] for key, report in fresh.items())
        trades = await self._trade_book() if filled else ()
        self._orders = fresh
        for report in changed:
            self._report(report)
        for trade in trades:
            if trade.trade_id not in self._trades:
                self._trades.add(trade.trade_id)
                self._filled[trade.broker_order_id] += trade.quantity
                self._report(trade)

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except SessionExpired:
                return  # a new connect() starts anew
            except LabError as error:
                _log.info("The order book could not be read: %s", error)
            await self._pause()

    async def _pause(self) -> None:
        if self._awake():
            await asyncio.sleep(self._every_s)
            return
        self._sent.clear()
        try:
            async with asyncio.timeout(_IDLE_S):
                await self._sent.wait()
        except TimeoutError:
            return

    def _awake(self) -> bool:
        if time.monotonic() - self._sent_at < _AWAKE_S:
            return True
        return any(report.status in WORKING for report in self._orders.values())
