"""The handlers of hosted strategies. One method a command."""

from __future__ import annotations

import asyncio

from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.strategies.keeper import StrategyKeeper
from openalgo_lab.engine.strategies.logs import last_lines
from openalgo_lab.engine.table import Idempotency, RateClass, handles
from openalgo_lab.model import strategy_commands as c
from openalgo_lab.model.command_base import Done

__all__ = ["StrategyDesk"]

_MOST_LINES = 5000


class StrategyDesk:
    """To add a program is an administrator's; to start and stop it a trader's, who may use all accounts."""

    def __init__(self, keeper: StrategyKeeper) -> None:
        self._keeper = keeper

    @handles(c.AddStrategy, permission=Permission.ADMIN, audit=True)
    async def add_strategy(self, command: c.AddStrategy, _: Principal) -> c.StrategyInfo:
        """Kept in the profile."""
        return await self._keeper.add(command.strategy, command.source, command.file_name, replace=command.replace)

    @handles(c.RemoveStrategy, permission=Permission.ADMIN, audit=True)
    async def remove_strategy(self, command: c.RemoveStrategy, _: Principal) -> Done:
        """Stopped first."""
        await self._keeper.remove(command.name, files=command.files)
        return Done(f"{command.name} is no longer hosted; its orders and positions are as they were.")

    @handles(c.StartStrategy, permission=Permission.TRADE, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def start_strategy(self, command: c.StartStrategy, principal: Principal) -> c.StrategyInfo:
        """Now."""
        return await self._keeper.start(command.name, str(principal))

    @handles(
        c.StopStrategy, permission=Permission.TRADE, rate=RateClass.FREE, audit=True, idempotency=Idempotency.IDEMPOTENT
    )
    async def stop_strategy(self, command: c.StopStrategy, _: Principal) -> c.StrategyInfo:
        """Answers when it has ended."""
        return await self._keeper.stop(command.name, close_positions=command.close_positions)

    @handles(c.ScheduleStrategy, permission=Permission.TRADE, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def schedule_strategy(self, command: c.ScheduleStrategy, _: Principal) -> c.StrategyInfo:
        """Armed."""
        return await self._keeper.schedule(command.name, command.schedule)

    @handles(c.GetStrategies, permission=Permission.READ)
    async def get_strategies(self, _: c.GetStrategies, __: Principal) -> tuple[c.StrategyInfo, ...]:
        """All."""
        return tuple([await self._keeper.info(name) for name in self._keeper.names()])

    @handles(c.GetStrategyLog, permission=Permission.READ)
    async def get_strategy_log(self, command: c.GetStrategyLog, _: Principal) -> c.StrategyLog:
        """Read from its files."""
        folder = self._keeper.folder(command.name)
        count = min(max(command.lines, 1), _MOST_LINES)
        return c.StrategyLog(await asyncio.to_thread(last_lines, folder, count))

    @handles(c.GetStrategyStarts, permission=Permission.READ)
    async def get_strategy_starts(self, command: c.GetStrategyStarts, _: Principal) -> tuple[c.StrategyStart, ...]:
        """Oldest first."""
        return self._keeper.starts(command.name)
