"""Alerts and the bot through the facade."""

from __future__ import annotations

import pytest

from openalgo_lab import Lab
from openalgo_lab.model.alerts import AlertState, Channel
from openalgo_lab.model.errors import InputError
from tests.support.waiting import eventually


def test_alerts(lab: Lab) -> None:
    ltp = lab.quote("ONGC").ltp
    alert = lab.alerts.price("ONGC", below=ltp * 2, name="cheap", channels=["toast"])
    assert alert.channels == (Channel.TOAST,)
    eventually(lambda: next(a for a in lab.alerts if a.alert_id == alert.alert_id).state is AlertState.FIRED)
    assert lab.alerts.acknowledge(alert).state is AlertState.REST
    assert "cheap" in repr(lab.alerts) and "ltp of ONGC" in lab.alerts._repr_html_()
    orders = lab.alerts.orders("filled", symbol="ONGC")
    lab.place_order("ONGC", "BUY", 1).wait()
    eventually(lambda: next(a for a in lab.alerts if a.alert_id == orders.alert_id).count == 1)
    for made in (lab.alerts.pnl(above=1e9), lab.alerts.indicator("ONGC", "rsi", above=101), orders, alert):
        lab.alerts.remove(made)
    for wrong in (
        lambda: lab.alerts.price("ONGC"), lambda: lab.alerts.price("ONGC", above=1, below=2),
        lambda: lab.alerts.price("ONGC", above=1, field="colour"), lambda: lab.alerts.greek("ONGC", "rho", above=1),
        lambda: lab.alerts.orders("lost"), lambda: lab.alerts.indicator("ONGC", "macd", above=1),
    ):  # fmt: skip
        with pytest.raises(InputError):
            wrong()


def test_a_bot_that_does_not_run(lab: Lab) -> None:
    assert "not running" in repr(lab.telegram)
    assert not lab.telegram.stop().running
