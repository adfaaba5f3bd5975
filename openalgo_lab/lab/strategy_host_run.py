"""One run of a strategy on an account: in real time on a thread of its own, or through a replay step by step."""

from __future__ import annotations

import logging
import secrets
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.lab.backtest import dated_tables
from openalgo_lab.lab.backtest_result import BacktestResult
from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.shown import Cell, Shown, amount, rupees, text_table
from openalgo_lab.lab.strategy_host import LiveHost
from openalgo_lab.lab.strategy_host_diary import Diary
from openalgo_lab.lab.strategy_host_lab import LabGate, StepGate
from openalgo_lab.lab.strategy_host_record import EquityTrack
from openalgo_lab.lab.strategy_host_steps import Changes, run_steps
from openalgo_lab.lab.strategy_host_ticks import interval_ns
from openalgo_lab.model.errors import CallTimeout, EngineDead, InputError, LabError
from openalgo_lab.model.events import AnyEvent, OrderUpdated, TradeHappened
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote
from openalgo_lab.strategy.strategy import Strategy

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StrategyRun"]

log = logging.getLogger(__name__)

LOOK_S: Final = 0.1
"""How often a strategy that runs in real time looks at the prices; news of its orders wakes it at once."""
AGAIN_S: Final = 0.5
"""How often it looks for an engine that is coming back."""
LATE_NS: Final = 4 * 10**9
"""How long a bar is waited for; a minute without a trade has none."""
ALONE_S: Final = 600.0
"""How long it looks for one; then it ends, and what it holds is on disk."""


class StrategyRun(Shown):
    """A strategy at work. ``state`` is running, ended, stopped or failed (then ``error`` says why).

    Its book is its own, from its own fills: ``trades``, ``orders``, ``positions``, ``pnl``. :meth:`stop` takes its
    working orders back and leaves its positions, unless ``close=True``.
    """

    def __init__(
        self,
        lab: LabCore,
        strategy: type[Strategy],
        universe: Sequence[Instrument],
        interval: str,
        *,
        name: str,
        account: str,
        settings: BacktestSettings,
        parameters: Mapping[str, Any],
        gate: LabGate,
        warm_up: int = 500,
        max_orders: int = 0,
        diary: Diary | None = None,
    ) -> None:
        self.name = name
        self.account = account
        self.state = "running"
        self.error = ""
        self._lab = lab
        self._parameters = strategy.parameters() | dict(parameters)
        self._gate = gate
        self._diary = diary
        _ = gate.mode  # an account that is not there is told now
        self.host = host = LiveHost(
            gate, universe, interval_ns(interval), settings, dated_tables(), warm_up=warm_up, max_orders=max_orders,
            run_id=f"{name}-{secrets.token_hex(4)}",
        )  # fmt: skip
        saved = diary.begin(host, gate) if diary is not None else None
        host.start(strategy, parameters, state=saved.state if saved is not None else None)
        if saved is not None:
            host.take_up_groups(saved)
        self._track = EquityTrack(host)
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._close_positions = False
        self._asked_at = 0.0
        self._thread: threading.Thread | None = None

    # ---- running

    def begin(self) -> None:
        """Run: through the rest of the recording and return, or in the background until :meth:`stop`."""
        if isinstance(self._gate, StepGate):
            self._guarded(self._walk)
            self._gate.close()
            return
        self._thread = threading.Thread(target=self.work, name=f"strategy {self.name}", daemon=True)
        self._thread.start()

    def work(self) -> None:
        """Run on this very thread, until :meth:`stop` or a fault."""
        self._guarded(self._live)

    def stop(self, *, close: bool = False, timeout_s: float = 30.0) -> StrategyRun:
        """End the run: working orders are taken back; ``close`` also leaves its positions at market."""
        self.ask_to_stop(close=close)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return self

    def ask_to_stop(self, *, close: bool = False) -> None:
        """The same without waiting."""
        self._close_positions = close
        self._stop.set()
        self._wake.set()

    def wait(self, true: Callable[[], object], timeout_s: float = 30.0) -> StrategyRun:
        """Until something is true of the run: ``run.wait(lambda: run.orders.size)``. Raises CallTimeout."""
        self._lab._watch.until(lambda: bool(true()) or self.state != "running", timeout_s, f"the strategy {self.name}")
        return self

    def _walk(self) -> None:
        assert isinstance(self._gate, StepGate)
        run_steps(self.host, self._gate, after_bars=self._track.note, stopped=self._stop.is_set)

    def _live(self) -> None:
        leave = self._lab.handle.add_listener(self._hear)
        changes = Changes()
        try:
            alone_since: float | None = None
            while not self._stop.is_set():
                try:
                    self._turn(changes)
                    alone_since = None
                except (EngineDead, CallTimeout) as error:
                    now = time.monotonic()
                    if alone_since is None:
                        alone_since = now
                        log.warning("The engine does not answer (%s): the strategy waits for it.", error)
                    if now - alone_since > ALONE_S:
                        raise
                    self._stop.wait(AGAIN_S)
            self._end()
        finally:
            leave()
            self._gate.close()

    def _turn(self, changes: Changes) -> None:
        """One look at clock, prices and orders."""
        host, now = self.host, self._gate.now_ns
        due = host.moments.next_ns()
        if now >= due and (now > due + LATE_NS or self._has_bars(due)):
            host.bars_end(due)
            self._track.note()
            self._keep()
            return
        woken = self._wake.is_set()
        self._wake.clear()
        news = changes.of(self._quotes())
        if news:
            host.tick(news, now)
        elif woken or host.busy:
            host.settle()
        self._keep()
        self._wake.wait(min(max((due - now) / 1e9, 0.0), LOOK_S))

    def _has_bars(self, due: int) -> bool:
        """Whether the bars that end are there: brokers tell them some seconds late. Asked once a second."""
        now = time.monotonic()
        if self._gate.exact:
            return True
        if now - self._asked_at < 1.0:
            return False
        self._asked_at = now
        return self.host.fetch(due)

    def _keep(self) -> None:
        if self._diary is not None:
            self._diary.note()

    def _quotes(self) -> list[Quote]:
        board = self._lab.handle.board
        return [quote for key in self._gate.followed if (quote := board.quote(key)) is not None]

    def _end(self) -> None:
        """What is under way is taken back; positions are left, or closed if that was asked."""
        host = self.host
        for order in tuple(host.working):
            host.cancel(order)
        if self._close_positions:
            host.close_all()
        self._keep()
        if host.busy:
            self._lab._watch.until(self._is_quiet, 30.0, f"the last orders of {self.name}")

    def _is_quiet(self) -> bool:
        self.host.settle_quietly("The strategy was stopped.")
        self._keep()
        return not self.host.busy

    def _hear(self, event: AnyEvent) -> None:
        if isinstance(event, OrderUpdated):
            mine = event.order.strategy == self.name
        else:
            mine = isinstance(event, TradeHappened) and event.fill.strategy == self.name
        if mine:
            self._wake.set()

    def _guarded(self, work: Callable[[], None]) -> None:
        """A strategy that raises ends with its sentence; its orders and positions stay as they are."""
        try:
            work()
            self.state = "stopped" if self._stop.is_set() else "ended"
        except LabError as error:
            self.state, self.error = "failed", str(error)
        except Exception as error:
            self.state, self.error = "failed", _where(error)
            log.exception("The strategy %s failed.", self.name)

    # ---- looking

    @property
    def strategy(self) -> Strategy:
        """The object at work."""
        return self.host.strategy

    @property
    def result(self) -> BacktestResult:
        """The run so far as a backtest's result: frames, figures, tear sheet."""
        candles = {symbol: data.bars() for symbol, data in self.host.data.items()}
        return BacktestResult(
            type(self.strategy).__name__, self._parameters, self.host.settings, self._track.record(), candles
        )

    @property
    def trades(self) -> pd.DataFrame:
        """Entries with their exits; times are those of the fills."""
        return self.result.trades

    @property
    def orders(self) -> pd.DataFrame:
        """Its orders."""
        return self.result.orders

    @property
    def positions(self) -> dict[str, int]:
        """Signed units of what it holds, by symbol."""
        held = {symbol: data.position.quantity for symbol, data in self.host.data.items()}
        return {symbol: units for symbol, units in held.items() if units}

    @property
    def pnl(self) -> float:
        """Rupees since it began, charges taken off, positions at the last closes."""
        account = self.host.book.account
        return rupees(self.host.book.worth(self.host.marks()) - account.start)

    def __repr__(self) -> str:
        why = f": {self.error}" if self.error else ""
        return f"<StrategyRun {self.name} {self.state}{why}>\n" + text_table(("", ""), self._rows())

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return f"{self.name}: {self.state} {self.error}".strip(), ("", ""), self._rows()

    def _rows(self) -> list[tuple[str, Cell]]:
        held = ", ".join(f"{symbol} {units:+d}" for symbol, units in self.positions.items()) or "flat"
        account = self.host.book.account
        return [
            ("account", self.account or self._lab.handle.status.default_account),
            ("orders", len(self.host.orders)),
            ("trades", len(account.trades)),
            ("position", held),
            ("profit ₹", amount(self.pnl)),
        ]


def require_replay(lab: LabCore) -> None:
    """Raises InputError where there is no recording to step through."""
    if lab.handle.status.replay is None:
        raise InputError(
            "Only a recording can be stepped through: Lab('replay', replay='FILE'); elsewhere leave stepped out.",
            field="stepped",
        )


def _where(error: BaseException) -> str:
    """The error and the line of the strategy that it came from."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename.rpartition('/')[2]}, line {last.lineno})"
