"""Everything about kept candles, built with the first question about them."""

from __future__ import annotations

from collections.abc import Callable

from openalgo_lab.engine.bar_source import BarSource
from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.history.book import HistoryBook
from openalgo_lab.engine.history.damage import DamageWatch
from openalgo_lab.engine.history.filling import Filler
from openalgo_lab.engine.history.groups import Groups
from openalgo_lab.engine.history.jobs import Jobs
from openalgo_lab.engine.history.preparing import Preparer
from openalgo_lab.engine.history.schedules import Schedules
from openalgo_lab.engine.history.sources import Sources
from openalgo_lab.engine.history.writing import HandWriter
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.scheduler import EngineScheduler
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.model.events import HistoryProgress
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["HistoryKeeper"]


class HistoryKeeper:
    """Used on the engine's loop."""

    def __init__(
        self,
        *,
        parts: Composition,
        router: Router,
        candles: BarSource,
        instruments: Callable[[], InstrumentStore],
        quote: Callable[[InstrumentKey], Quote | None],
        supervisor: Supervisor,
        publish: Callable[[HistoryProgress], None],
        report: Callable[[str, str], None],
        scheduler: EngineScheduler,
    ) -> None:
        self._writer = HandWriter()
        self._book = HistoryBook(parts.folder)
        sources = Sources(parts, router, candles, instruments)
        filler = Filler(self._writer, parts.now_ns, report)
        damage = DamageWatch(self._book, report)
        self.preparer = Preparer(
            folder=parts.folder,
            sources=sources,
            filler=filler,
            writer=self._writer,
            supervisor=supervisor,
            damage=damage,
            quote=quote,
            now_ns=parts.now_ns,
        )
        self.jobs = Jobs(
            folder=parts.folder,
            sources=sources,
            filler=filler,
            damage=damage,
            book=self._book,
            supervisor=supervisor,
            publish=publish,
            now_ns=parts.now_ns,
        )

        self.groups = Groups(self._book)
        self.schedules = Schedules(
            scheduler=scheduler,
            jobs=self.jobs,
            groups=self.groups,
            sources=sources,
            book=self._book,
            now_ns=parts.now_ns,
            report=report,
        )

    async def restore(self) -> None:
        """Take up what the last engine left."""
        await self.jobs.restore()
        await self.groups.restore()
        await self.schedules.restore()

    def close(self) -> None:
        """What is being written is finished; the rest goes on with the next engine."""
        self._writer.close()
        self._book.close()
