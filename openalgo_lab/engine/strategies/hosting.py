"""Everything about strategies that an engine holds, built in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.strategies.desk import StrategyDesk
from openalgo_lab.engine.strategies.keeper import StrategyKeeper
from openalgo_lab.engine.strategies.stepping import SteppingDesk

if TYPE_CHECKING:
    from openalgo_lab.engine.engine import Engine

__all__ = ["StrategyHosting"]


class StrategyHosting:
    """``desks`` are the handlers; :meth:`open` finds what an earlier engine has left."""

    def __init__(self, engine: Engine, parts: Composition) -> None:
        self.keeper = StrategyKeeper(
            profile=engine.config.profile,
            folder=parts.folder,
            store=engine.works.kept,
            supervisor=engine.supervisor,
            scheduler=engine.scheduler,
            identity=engine.security.identity,
            call=engine.call,
            account=lambda name: engine.router.line(name).name,
            publish=engine.bus.publish,
        )
        stepping = SteppingDesk(
            parts=parts,
            router=engine.router,
            ledger=engine.ledger,
            board=engine.board,
            data=engine.data,
            slicer=engine.works.slicer,
            instruments=lambda: engine.instruments,
        )
        self.desks: tuple[object, ...] = (stepping, StrategyDesk(self.keeper))

    async def open(self) -> None:
        """Take up the hosted strategies."""
        await self.keeper.open()
