"""The panel of hosted strategies: files are read and not run, errors stand beside what causes them."""

from __future__ import annotations

import pytest

from openalgo_lab import Lab
from openalgo_lab.lab.strategy_host_source import outline
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.strategy_commands import StrategyPnl, StrategyState
from openalgo_lab.ui.strategies import StrategyPanel
from openalgo_lab.ui.strategies.table import rows
from tests.support.waiting import eventually

SOURCE = b"""
raise SystemExit("it was run")
from openalgo_lab.strategy import Strategy

class Mine(Strategy):
    length = 20
    share: float = 0.5
    word = "<img src=x onerror=alert(1)>"
    on = True
    table = {"a": 1}
    _hidden = 3

    def on_bar(self, bar):
        pass
"""

WRONG = (("x.py", b"a = 1", "no class"), ("x.py", b"def (", "no Python"), ("x.txt", b"", "neither"))


def test_a_file_is_read_and_not_run() -> None:
    found = outline("mine.py", SOURCE)
    assert found == {"Mine": {"length": 20, "share": 0.5, "word": "<img src=x onerror=alert(1)>", "on": True}}
    for name, body, words in (
        ("x.py", b"a = 1", "no class"),
        ("x.py", b"def (", "no Python"),
        ("x.txt", b"", "neither"),
    ):
        with pytest.raises(InputError, match=words):
            outline(name, body)


def test_add_schedule_look_and_remove(lab: Lab) -> None:
    panel = StrategyPanel(lab)
    form = panel.add
    form.take("x.txt", b"")
    assert "neither" in form.message.value and form.add.disabled
    form.take("mine-ui.py", SOURCE)
    assert form.kind.value == "Mine" and [knob.value for knob in form.knobs.children][:2] == [20, 0.5]
    form.symbols.value = " "
    form.give()
    assert "at least one symbol" in form.message.value
    form.symbols.value = "NSE:SBIN, NSE:TCS"
    form.knobs.children[0].value = 7
    form.give()
    eventually(lambda: "mine-ui" in lab.strategies.names)
    info = lab.strategies.info("mine-ui")
    assert info.strategy.parameters["length"] == 7 and info.strategy.universe == ("NSE:SBIN", "NSE:TCS")
    eventually(lambda: "press Start" in form.message.value)
    form.give()
    eventually(lambda: "already" in form.message.value)
    panel.look(info)
    assert panel.schedule.title.value == "mine-ui" and "length = 7" in panel.schedule.facts.value
    eventually(lambda: panel.log_view.text.value == "It has said nothing yet.")
    panel.schedule.start.value = "16:00"
    panel.schedule.set.click()
    eventually(lambda: "stop" in panel.schedule.message.value)
    panel.schedule.start.value = "09:20"
    panel.schedule.set.click()
    eventually(lambda: lab.strategies.info("mine-ui").state is not StrategyState.STOPPED)
    panel.schedule.by_hand.click()
    eventually(lambda: lab.strategies.info("mine-ui").strategy.schedule is None)
    lab.strategies.remove("mine-ui", files=True)
    panel.close()


def test_rows_say_what_runs(lab: Lab) -> None:
    form = StrategyPanel(lab)
    form.add.take("row-ui.py", SOURCE)
    stopped = lab.call(form.add.command())
    form.close()
    lab.strategies.remove("row-ui", files=True)
    book = StrategyPnl(1, -12.5, 0.0, 3.0, 2, 1, {"SBIN": -10})
    running = type(stopped)(stopped.strategy, StrategyState.RUNNING, pid=7, book=book)
    first, second = rows([stopped, running])
    assert (first.actions, second.actions) == (5, 6)
    assert first.texts["held"] == "flat" and second.texts["held"] == "SBIN -10" and second.numbers["profit"] == -12.5
