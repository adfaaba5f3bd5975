"""The watch over the day's profit: at a limit, stop or target it cancels and closes all and takes nothing new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.closing import Closer
from openalgo_lab.engine.day_profit import Profit, account_profits, strategy_profits
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.risk import RiskGate
from openalgo_lab.engine.strategy_fills import StrategyFills
from openalgo_lab.model.commands import CancelAllOrders, ClosePosition
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.money import format_inr, from_paise, to_paise
from openalgo_lab.model.risk import StopTarget
from openalgo_lab.model.times import trade_date

__all__ = ["LossWatch", "breach"]

EVERY_S = 0.5
BY = "loss watch"


def breach(profit: Profit, limits: StopTarget) -> str:
    """What was reached, in words; "" while nothing is."""
    total = profit.total_paise
    amount = format_inr(from_paise(total), symbol=True)
    if limits.stop > 0 and total <= -to_paise(limits.stop):
        return f"the day's result of {amount} has reached the loss limit of {format_inr(limits.stop, symbol=True)}"
    if limits.target > 0 and total >= to_paise(limits.target):
        return f"the day's result of {amount} has reached the target of {format_inr(limits.target, symbol=True)}"
    return ""


class LossWatch:
    """Looks twice a second while a limit is set. What it has stopped stays so for the trading day."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        board: Board,
        gate: RiskGate,
        closer: Closer,
        report: Callable[[str, str], None],
        now_ns: Callable[[], int],
        strategies: StrategyFills,
    ) -> None:
        self._strategies = strategies
        self._ledger = ledger
        self._board = board
        self._gate = gate
        self._closer = closer
        self._report = report
        self._now_ns = now_ns
        self._day = trade_date(now_ns())

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Judge every account and strategy once, and act on what has been reached."""
        self._turn_day()
        settings = self._gate.settings
        whole = StopTarget(settings.max_daily_loss, settings.daily_target)
        if whole != StopTarget():
            for account, profit in account_profits(self._ledger.books, self._price).items():
                await self._judge(account, "", profit, whole)
        if settings.strategies:
            for (account, strategy), profit in strategy_profits(self._strategies.all(), self._price).items():
                await self._judge(account, strategy, profit, settings.strategies.get(strategy, StopTarget()))

    async def _judge(self, account: str, strategy: str, profit: Profit, limits: StopTarget) -> None:
        reached = breach(profit, limits)
        if not reached or (account, strategy) in self._gate.stopped:
            return
        whom = f"Strategy {strategy}" if strategy else f"Account {account}"
        self._gate.stop(account, strategy, f"{whom} takes no new orders today: {reached}.")
        self._report("risk", f"{whom}: {reached}. Its orders are cancelled and its positions closed.")
        await self._closer.cancel_all(CancelAllOrders(account, strategy), BY)
        await self._closer.close(ClosePosition(account, strategy=strategy))

    def _turn_day(self) -> None:
        today = trade_date(self._now_ns())
        if today != self._day:
            self._day = today
            self._gate.stopped.clear()

    def _price(self, key: InstrumentKey) -> float:
        quote = self._board.quote(key)
        return quote.ltp if quote is not None else float("nan")
