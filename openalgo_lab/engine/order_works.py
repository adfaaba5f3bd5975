"""Everything that stands on the order flow, built in one place: slices, structures, closing, limits, accounting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from openalgo_lab.engine.accounting.book import FillBook
from openalgo_lab.engine.accounting.desk import AccountingDesk
from openalgo_lab.engine.alerts import AlertDesk, AlertKeeper
from openalgo_lab.engine.algos import AlgoDesk, AlgoKeeper
from openalgo_lab.engine.approvals import ActionCenter, ApprovalDesk, Call, PaperOnly
from openalgo_lab.engine.bar_source import BarSource
from openalgo_lab.engine.baskets import Baskets
from openalgo_lab.engine.board import Board
from openalgo_lab.engine.brackets import BracketDesk, BracketKeeper
from openalgo_lab.engine.bus import Bus
from openalgo_lab.engine.closing import Closer
from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.delivery_watch import DeliveryWatch
from openalgo_lab.engine.desks import TradingDesk
from openalgo_lab.engine.gtt import GttDesk, GttKeeper
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.loss_watch import LossWatch
from openalgo_lab.engine.market_data import MarketData
from openalgo_lab.engine.option_symbols import OptionFinder
from openalgo_lab.engine.orders import OrderFlow
from openalgo_lab.engine.posting import post_json
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.engine.risk import RiskGate
from openalgo_lab.engine.risk_desk import RiskDesk
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.shelf import PriceWatch
from openalgo_lab.engine.slicing import Slicer
from openalgo_lab.engine.smart import SmartOrders
from openalgo_lab.engine.strategy_fills import StrategyFills
from openalgo_lab.engine.structure_desk import StructureDesk
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.engine.telegram.bot import Workbench
from openalgo_lab.engine.telegram.desk import TelegramDesk, profits_of
from openalgo_lab.engine.traffic import TrafficDesk
from openalgo_lab.model.errors import SymbolError
from openalgo_lab.model.events import AnyEvent, EngineStatus, KillSwitchChanged, TradeHappened, WorksChanged
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.order_commands import ClosePosition
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import FeedMode, PriceType
from openalgo_lab.store.fills import FillStore
from openalgo_lab.store.instruments import InstrumentStore
from openalgo_lab.store.kept import KeptStore

__all__ = ["OrderWorks"]

WORKS_OWNER = "engine:works"
"""Who wants the symbols of triggers, brackets and algorithms on the board."""


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
        call: Call,
        status: Callable[[], EngineStatus],
    ) -> None:
        self._supervisor = supervisor
        self._bus = bus
        self.slicer = Slicer(flow=flow, ledger=ledger, router=router, instruments=instruments)
        self.fill_book = FillBook(
            store=FillStore(parts.fills_file), folder=parts.folder, ledger=ledger, report=report, now_ns=parts.now_ns
        )
        strategies = StrategyFills(ledger, self.fill_book.store, parts.now_ns)
        self.closer = Closer(
            router=router,
            ledger=ledger,
            flow=flow,
            gate=gate,
            instruments=instruments,
            publish=bus.publish,
            strategies=strategies,
        )
        self.loss_watch = LossWatch(
            ledger=ledger,
            board=board,
            gate=gate,
            closer=self.closer,
            report=report,
            now_ns=parts.now_ns,
            strategies=strategies,
        )
        self.kept = KeptStore(parts.works_file)

        def changed(kind: str, key: str) -> None:
            bus.publish(WorksChanged(kind, key))

        def want(keys: Sequence[InstrumentKey]) -> None:
            data.subscribe(WORKS_OWNER, keys, FeedMode.QUOTE)

        def takes_stop_market(instrument: Instrument) -> bool:
            day = trade_date(parts.now_ns())
            return parts.takes_type is None or parts.takes_type(instrument, PriceType.SL_M, day)

        self.gtts = GttKeeper(
            store=self.kept,
            slicer=self.slicer,
            router=router,
            board=board,
            instruments=instruments,
            want=want,
            quotes=data.quotes,
            takes_orders=parts.hours.takes_orders,
            changed=changed,
            report=report,
            now_ns=parts.now_ns,
        )
        self.delivery = DeliveryWatch(
            ledger=ledger,
            prices=PriceWatch(board, want),
            instruments=instruments,
            report=report,
            now_ns=parts.now_ns,
        )
        self.brackets = BracketKeeper(
            store=self.kept,
            slicer=self.slicer,
            ledger=ledger,
            router=router,
            board=board,
            instruments=instruments,
            want=want,
            takes_stop_market=takes_stop_market,
            changed=changed,
            report=report,
            now_ns=parts.now_ns,
        )
        self.algos = AlgoKeeper(
            store=self.kept,
            slicer=self.slicer,
            board=board,
            bus=bus,
            supervisor=supervisor,
            instruments=instruments,
            want=want,
            changed=changed,
            now_ns=parts.now_ns,
        )
        self.action_center = ActionCenter(
            store=self.kept,
            board=board,
            call=call,
            is_paper=PaperOnly(router, ledger),
            changed=changed,
            now_ns=parts.now_ns,
        )
        source = BarSource(parts, router, worker, instruments)
        self.alerts = AlertKeeper(
            store=self.kept,
            board=board,
            ledger=ledger,
            router=router,
            supervisor=supervisor,
            publish=bus.publish,
            greeks=lambda command: call(command, LOCAL),
            bars=source.bars,
            want=want,
            post=post_json,
            changed=changed,
            report=report,
            now_ns=parts.now_ns,
            strategies=strategies,
        )

        async def quote(symbol: str, exchange: str) -> Quote:
            store = instruments()
            found = [row for row in store.by_symbol(symbol) if exchange in ("", row.exchange.value)]
            if not found:
                raise SymbolError(f"{symbol} is not listed{' on ' + exchange if exchange else ''}.", field="symbol")
            return (await data.quotes([found[0].key]))[0]

        async def close_all() -> str:
            reply = await self.closer.close(ClosePosition())
            failed = "".join(f"\n{name}: {why}" for name, why in reply.failed)
            return f"{len(reply.done)} closing orders were sent.{failed}"

        self.telegram = TelegramDesk(
            workbench=Workbench(
                books=lambda: ledger.books,
                status=status,
                quote=quote,
                bars=source.bars,
                profits=lambda: profits_of(ledger.books, board),
                close_all=close_all,
                now_ns=parts.now_ns,
            ),
            alerts=self.alerts,
            store=self.kept,
            vault=lambda: parts.vault,
            supervisor=supervisor,
        )
        finder = OptionFinder(instruments, data.quotes)
        baskets = Baskets(slicer=self.slicer, bus=bus)
        smart = SmartOrders(slicer=self.slicer, ledger=ledger, router=router)
        self.desks: tuple[object, ...] = (
            TradingDesk(self.slicer, self.closer, ledger),
            StructureDesk(
                slicer=self.slicer,
                smart=smart,
                baskets=baskets,
                finder=finder,
                ledger=ledger,
                router=router,
                strategies=strategies,
            ),
            RiskDesk(gate=gate, router=router, folder=parts.folder),
            GttDesk(self.gtts),
            BracketDesk(self.brackets),
            AlgoDesk(self.algos),
            ApprovalDesk(self.action_center),
            AlertDesk(self.alerts),
            self.telegram,
            TrafficDesk(router),
            AccountingDesk(
                book=self.fill_book,
                ledger=ledger,
                router=router,
                minute_bars=source.minutes,
                now_ns=parts.now_ns,
            ),
        )

    def start(self) -> None:
        """Take up the books as they are after recovery, and begin to watch."""
        self.fill_book.catch_up()
        self._bus.listen(self._hear_all)
        self._supervisor.keep("loss watch", self.loss_watch.keep)
        self._supervisor.keep("delivery watch", self.delivery.keep)
        self._supervisor.keep("gtt", self.gtts.keep)
        self._supervisor.keep("brackets", self.brackets.keep)
        self._supervisor.keep("action center", self.action_center.keep)
        self._supervisor.keep("alerts", self.alerts.keep)

    def hear(self, event: AnyEvent) -> None:
        """Every event of the ledger, before anyone else hears it."""
        if isinstance(event, TradeHappened):
            self.fill_book.take(event.fill)

    def _hear_all(self, event: AnyEvent) -> None:
        self.alerts.hear(event)
        if isinstance(event, KillSwitchChanged) and event.engaged:
            self._supervisor.start("algos stop", self.algos.stop_all("The kill switch was engaged."))

    def close(self) -> None:
        """Close the files."""
        self.fill_book.store.close()
        self.kept.close()
