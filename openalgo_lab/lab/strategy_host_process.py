"""The process of one hosted strategy: ``python -m openalgo_lab.lab.strategy_host_process``, its orders on stdin.

It attaches to the profile's engine and gives each command with a ticket of its own, which is kept to its account. It
may die at any moment: what it holds is on disk. While there is no engine it waits for the next one.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec

from openalgo_lab.backtest.market import Tables
from openalgo_lab.engine.link.lock import EngineLock
from openalgo_lab.engine.strategies.order import RunOrder
from openalgo_lab.engine.table import answer_type
from openalgo_lab.lab.backtest import dated_tables, terms
from openalgo_lab.lab.facade import Lab
from openalgo_lab.lab.pairs import CALL_S
from openalgo_lab.lab.strategy_host_diary import Diary
from openalgo_lab.lab.strategy_host_lab import LabGate
from openalgo_lab.lab.strategy_host_log import BoundedLog
from openalgo_lab.lab.strategy_host_run import StrategyRun
from openalgo_lab.lab.strategy_host_source import load_strategy
from openalgo_lab.model.commands import Command
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import WithKey
from openalgo_lab.model.vocabulary import Product
from openalgo_lab.store.guard import guard_process, process_masker

__all__ = ["EXIT_BUSY", "EXIT_FAILED", "KeyedGate", "main"]

R = TypeVar("R")

EXIT_FAILED: Final = 3
EXIT_BUSY: Final = 4
"""Another process runs this strategy."""

log = logging.getLogger("strategy")


class KeyedGate(LabGate):
    """A gate whose commands count as the strategy's, not as the user's."""

    def __init__(
        self, lab: Lab, name: str, interval: str, *, account: str, product: Product, tables: Tables, ticket: Secret
    ) -> None:
        super().__init__(lab, name, interval, account=account, product=product, tables=tables)
        self._ticket = ticket

    def call(self, command: Command[R], timeout_s: float = CALL_S) -> R:
        """With the strategy's ticket."""
        answer = self.lab.call(WithKey(self._ticket, msgspec.msgpack.encode(command)), timeout_s)
        made: R = msgspec.msgpack.decode(answer, type=answer_type(type(command)))
        return made


def main() -> int:
    """Run until told to stop; answers with the exit status."""
    guard_process()
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=RunOrder)
    folder = Path(order.folder)
    process_masker().add(Secret(order.ticket))
    lock = EngineLock(folder, "run.lock")
    if not lock.try_acquire(order.strategy.name):
        return EXIT_BUSY
    said = BoundedLog(folder, process_masker())
    sys.stdout = sys.stderr = said
    logging.basicConfig(stream=said, level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        return _run(order, folder)
    except LabError as error:
        log.error("%s", error)
        return EXIT_FAILED
    finally:
        said.finish()


def _run(order: RunOrder, folder: Path) -> int:
    _set_limits(order)
    strategy, hosted = load_strategy(Path(order.source), order.strategy.strategy), order.strategy
    settings = terms(**cast("dict[str, Any]", hosted.terms))
    with Lab(order.profile, host="never") as lab:
        gate = KeyedGate(
            lab, hosted.name, hosted.interval, account=hosted.account, product=settings.product,
            tables=dated_tables(), ticket=Secret(order.ticket),
        )  # fmt: skip
        universe: Sequence[Instrument] = [lab.instrument(one) for one in hosted.universe or strategy.universe]
        run = StrategyRun(
            lab, strategy, universe, hosted.interval, name=hosted.name, account=hosted.account, settings=settings,
            parameters=hosted.parameters, gate=gate, warm_up=hosted.warm_up, max_orders=hosted.limits.orders_per_day,
            diary=Diary(folder / "state.json", hosted.name, time.time_ns(), lab.instrument),
        )  # fmt: skip
        signal.signal(signal.SIGTERM, lambda *_: run.ask_to_stop(close=(folder / "close").exists()))
        log.info("%s runs on %s in process %d.", hosted.name, hosted.account, os.getpid())
        run.work()
        log.info("%s has %s.%s", hosted.name, run.state, f" {run.error}" if run.error else "")
    return EXIT_FAILED if run.state == "failed" else 0


def _set_limits(order: RunOrder) -> None:
    """Memory and processor time, where the system knows such limits."""
    limits = order.strategy.limits
    if sys.platform == "win32" or not (limits.memory_mb or limits.cpu_s):
        return
    import resource

    if limits.memory_mb:
        size = limits.memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    if limits.cpu_s:
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 5))


if __name__ == "__main__":
    sys.exit(main())
