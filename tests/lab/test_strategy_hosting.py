"""Strategies in processes of their own: started, killed, found again, stopped, kept to their account."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from openalgo_lab import Lab
from openalgo_lab.lab.backtest import dated_tables
from openalgo_lab.lab.strategy_host_process import KeyedGate
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError, NotPermitted
from openalgo_lab.model.risk import GetRiskSettings
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import WithKey
from openalgo_lab.model.strategy_commands import StrategyLimits, StrategyRestarts, StrategyState
from openalgo_lab.model.vocabulary import Exchange, Product, Side
from tests.support.waiting import eventually

BUYS = """
from openalgo_lab.strategy import Strategy

class Buys(Strategy):
    quantity = 10
    fail = False

    def on_tick(self, quote):
        if self.fail:
            raise RuntimeError("it was told to")
        self.state["ticks"] = self.state.get("ticks", 0) + 1
        if self.state["ticks"] == 1:
            self.buy(self.quantity, tag="first")

    def on_order(self, order):
        print("heard", order.filled, "of", order.quantity)
"""

KILLABLE = """
import sys
from openalgo_lab import Lab
lab = Lab("hosting", host="always", seed=3)
lab.sandbox.open()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENALGO_LAB_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def source(home: Path) -> Path:
    path = home / "buys.py"
    path.write_text(BUYS)
    return path


@pytest.fixture
def lab(home: Path) -> Iterator[Lab]:
    lab = Lab("hosting", seed=3)
    lab.sandbox.open()
    yield lab
    for name in lab.strategies.names:
        lab.strategies.remove(name)
    lab.close()


def holds(lab: Lab, units: int) -> bool:
    book = lab.strategies.book("buys")
    return book is not None and book.positions.get("SBIN", 0) == units


def test_a_killed_strategy_knows_its_position_and_orders_nothing_twice(lab: Lab, source: Path) -> None:
    restarts = StrategyRestarts(first_s=0.01)
    lab.strategies.add(source, universe="NSE:SBIN", account="SANDBOX", product="MIS", restarts=restarts)
    first = lab.strategies.start("buys")
    assert first.state is StrategyState.RUNNING
    eventually(lambda: holds(lab, 10))
    assert [order.now.strategy for order in lab.orders] == ["buys"]
    os.kill(first.pid, signal.SIGKILL)
    eventually(lambda: lab.strategies.info("buys").pid not in (0, first.pid))
    eventually(lambda: lab.strategies.logs("buys").count("runs on SANDBOX") == 2)
    lab.close_position("NSE:SBIN", strategy="buys", account="SANDBOX")  # somebody else closes half of it: it hears
    eventually(lambda: holds(lab, 0))
    stopped = lab.strategies.stop("buys")
    assert stopped.state is StrategyState.STOPPED and stopped.pid == 0
    assert [(order.side, order.filled) for order in lab.orders] == [("BUY", 10), ("SELL", 10)]
    assert "heard 10 of 10" in lab.strategies.logs("buys")
    by_hand, after_crash = lab.strategies.starts("buys")
    assert by_hand.why == "by hand" and "SIGKILL" in after_crash.why and by_hand.sha256 == after_crash.sha256


def test_what_raises_is_started_again_and_then_left(lab: Lab, source: Path) -> None:
    lab.strategies.add(
        source, universe="NSE:SBIN", account="SANDBOX", product="MIS", fail=True, upload=True,
        restarts=StrategyRestarts(most=1, first_s=0.01), limits=StrategyLimits(max_loss=5000.0, orders_per_day=3),
    )  # fmt: skip
    lab.strategies.start("buys")
    eventually(lambda: lab.strategies.info("buys").state is StrategyState.FAILED)
    info = lab.strategies.info("buys")
    assert "it was told to" in info.message and "line 10" in info.message and info.crashes == 2
    assert lab.call(GetRiskSettings()).strategies["buys"].stop == 5000.0
    assert not lab.orders and Path(info.strategy.path).parent.name == "buys"


def test_a_killed_engine_leaves_the_strategy_alive(home: Path, source: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}

    def engine() -> subprocess.Popen[str]:
        found = subprocess.Popen(
            [sys.executable, "-c", KILLABLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert found.stdout is not None and found.stdout.readline() == "ready\n"
        return found

    host = engine()
    try:
        with Lab("hosting", host="never") as lab:
            lab.strategies.add(source, universe="NSE:SBIN", account="SANDBOX", product="MIS")
            pid = lab.strategies.start("buys").pid
            eventually(lambda: holds(lab, 10))
            host.kill()
            host.wait()
            host = engine()
            eventually(lambda: lab.strategies.info("buys").state is StrategyState.RUNNING)
            assert lab.strategies.info("buys").pid == pid
            stopped = lab.strategies.stop("buys", close=True)
            assert stopped.book is not None and stopped.book.positions == {} and stopped.book.trades == 1
            eventually(lambda: len(lab.orders) == 2)
    finally:
        host.kill()
        host.wait()


def test_a_ticket_is_good_for_its_account_and_its_commands_only(lab: Lab, source: Path) -> None:
    lab.strategies.add(source, universe="NSE:SBIN", account="SANDBOX", product="MIS")
    bad = Secret("oalr_" + "a" * 52)
    order = PlaceOrder(Exchange.NSE, "SBIN", Side.BUY, 1, Product.MIS)
    with pytest.raises(NotPermitted, match="not known"):
        lab.call(WithKey(bad, msgspec.msgpack.encode(order)))
    gate = KeyedGate(lab, "x", "1m", account="SANDBOX", product=Product.MIS, tables=dated_tables(), ticket=bad)
    with pytest.raises(NotPermitted, match="not known"):
        gate.call(order)
    gate.close()


def test_what_cannot_be_hosted(lab: Lab, source: Path) -> None:
    with pytest.raises(InputError, match="no parameter 'lenght'"):
        lab.strategies.add(source, lenght=3)
    lab.strategies.add(source)
    with pytest.raises(InputError, match="already"):
        lab.strategies.add(source)
    with pytest.raises(InputError, match="is no weekday"):
        lab.strategies.schedule("buys", days="mon fry")
    scheduled = lab.strategies.schedule("buys", "09:20", "15:15", days="mon tue")
    assert scheduled.state is StrategyState.SCHEDULED or scheduled.state is StrategyState.STOPPED
    assert scheduled.next_ns > 0
    with pytest.raises(InputError, match="There is no strategy 'none'"):
        lab.strategies.start("none")
    assert "buys" in repr(lab.strategies) and "hosted" in lab.strategies.remove("buys")
    assert "No hosted strategies" in repr(lab.strategies)
