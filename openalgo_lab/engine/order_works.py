"""Everything that stands on the order flow, built in one place: slices, structures, closing, limits, accounting."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

from openalgo_lab.engine.accounting.book import FillBook
from openalgo_lab.engine.accounting.desk import AccountingDesk
from openalgo_lab.engine.bar_source import BarSource
from openalgo_lab.engine.baskets import Baskets
from openalgo_lab.engine.board import Board
from openalgo_lab.engine.bus import Bus
from openalgo_lab.engine.closing import Closer
from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.desks import TradingDesk
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.loss_watch import LossWatch
from openalgo_lab.engine.market_data import MarketData
from openalgo_lab.engine.option_symbols import OptionFinder
from openalgo_lab.engine.orders import OrderFlow
from openalgo_lab.engine.risk import RiskGate
from openalgo_lab.engine.risk_desk import RiskDesk
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.slicing import Slicer
from openalgo_lab.engine.smart import SmartOrders
from openalgo_lab.engine.structure_desk import StructureDesk
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.model.events import AnyEvent, TradeHappened
from openalgo_lab.store.fills import FillStore
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["OrderWorks"]


class OrderWorks:
    """Holds the parts; ``desks`` are their handlers, :meth:`start` their lasting tasks. On the engine's loop."""

    def __init__(
        self,
        *,
        flow: OrderFlow,
        ledger: Ledger,
        router: Router,
        gate: RiskGate,
        data: MarketData,
        board: Board,
        bus: Bus,
        supervisor: Supervisor,
        parts: Composition,
        worker: Executor,
        instruments: Callable[[], InstrumentStore],
        report: Callable[[str, str], None],
    ) -> None:
        self._supervisor = supervisor
        self.slicer = Slicer(flow=flow, ledger=ledger, router=router, instruments=instruments)
        self.closer = Closer(
            router=router, ledger=ledger, flow=flow, gate=gate, instruments=instruments, publish=bus.publish
        )
        self.loss_watch = LossWatch(
            ledger=ledger, board=board, gate=gate, closer=self.closer, report=report, now_ns=parts.now_ns
        )
        self.fill_book = FillBook(
            store=FillStore(parts.fills_file), folder=parts.folder, ledger=ledger, report=report, now_ns=parts.now_ns
        )
        finder = OptionFinder(instruments, data.quotes)
        baskets = Baskets(slicer=self.slicer, bus=bus)
        smart = SmartOrders(slicer=self.slicer, ledger=ledger, router=router)
        self.desks: tuple[object, ...] = (
            TradingDesk(self.slicer, self.closer, ledger),
            StructureDesk(
                slicer=self.slicer, smart=smart, baskets=baskets, finder=finder, ledger=ledger, router=router
            ),
            RiskDesk(gate=gate, router=router, folder=parts.folder),
            AccountingDesk(
                book=self.fill_book,
                ledger=ledger,
                router=router,
                minute_bars=BarSource(parts, router, worker, instruments).minutes,
                now_ns=parts.now_ns,
            ),
        )

    def start(self) -> None:
        """Take up the books as they are after recovery, and begin to watch."""
        self.fill_book.catch_up()
        self._supervisor.keep("loss watch", self.loss_watch.keep)

    def hear(self, event: AnyEvent) -> None:
        """Every event of the ledger, before anyone else hears it."""
        if isinstance(event, TradeHappened):
            self.fill_book.take(event.fill)

    def close(self) -> None:
        """Close the files."""
        self.fill_book.store.close()
