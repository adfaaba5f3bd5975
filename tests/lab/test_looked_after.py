"""GTT, brackets, algorithms and the sandbox through the facade."""

from __future__ import annotations

import pytest

from openalgo_lab import Lab
from openalgo_lab.model.algo_commands import AlgoStatus, BracketStatus
from openalgo_lab.model.errors import InputError
from tests.support.waiting import eventually


def near(lab: Lab, symbol: str, factor: float) -> float:
    tick = lab.instrument(symbol).tick_size
    return round(round(lab.quote(symbol).ltp * factor / tick) * tick, 2)


def test_gtt(lab: Lab) -> None:
    low, high = near(lab, "TITAN", 0.9), near(lab, "TITAN", 1.1)
    prices = {"trigger_below": low, "price_below": low, "trigger_above": high, "price_above": high}
    gtt = lab.place_gtt("TITAN", "BUY", 2, expires="2027-01-01", **prices)
    assert any(one.gtt_id == gtt.gtt_id for one in lab.gtt_orders())
    assert "watched here" in repr(lab.gtt_orders()) and "TITAN" in lab.gtt_orders()._repr_html_()
    assert lab.modify_gtt(gtt, quantity=3).quantity == 3
    assert lab.cancel_gtt(gtt).status.value == "cancelled"
    assert gtt.gtt_id in set(lab.gtt_orders(active_only=False).frame["id"])


def test_bracket(lab: Lab) -> None:
    bracket = lab.place_bracket("TRENT", "BUY", 5, near(lab, "TRENT", 0.97), near(lab, "TRENT", 1.05), trail=200.0)
    eventually(lambda: lab.brackets()[-1].status is BracketStatus.GUARDED)
    assert lab.end_bracket(bracket, close=True).status is BracketStatus.CANCELLED
    eventually(lambda: lab.open_position("TRENT") == 0)
    lab.place_order("TRENT", "BUY", 5, confirm_duplicate=True).wait()
    eventually(lambda: lab.open_position("TRENT") == 5)
    guarded = lab.protect_position("TRENT", near(lab, "TRENT", 0.97))
    lab.end_bracket(guarded, close=True)


def test_algos(lab: Lab) -> None:
    twap = lab.twap("CIPLA", "BUY", 10, parts=2, duration_s=0.2)
    eventually(lambda: next(a for a in lab.algos() if a.algo_id == twap.algo_id).status is AlgoStatus.DONE)
    chase = lab.chase("CIPLA", "BUY", 10, worst_price=near(lab, "CIPLA", 0.95))
    assert lab.control_algo(chase, "pause").status is AlgoStatus.PAUSED
    assert lab.control_algo(chase, "stop").status is AlgoStatus.STOPPED
    berg = lab.iceberg("CIPLA", "BUY", 10, visible=5, price=near(lab, "CIPLA", 0.95))
    assert lab.control_algo(berg.algo_id, "stop").status is AlgoStatus.STOPPED
    assert "twap" in repr(lab.algos())


def test_sandbox(lab: Lab) -> None:
    assert "paper" in lab.sandbox.open()
    try:
        eventually(lambda: lab.sandbox.is_open)
        order = lab.place_order("SBIN", "BUY", 10, account="SANDBOX").wait()
        assert order.now.mode.value == "sandbox" and order.filled == 10
        assert lab.sandbox.set(slippage_ticks=1).slippage_ticks == 1
        with pytest.raises(InputError, match="is no setting"):
            lab.sandbox.set(capital=5)
        assert "starting capital" in repr(lab.sandbox)
        assert "begins anew" in lab.sandbox.reset()
    finally:
        lab.sandbox.close()
    eventually(lambda: not lab.sandbox.is_open)
