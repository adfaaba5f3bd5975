"""Limits and arming through the facade."""

from __future__ import annotations

import pytest

from openalgo_lab import Lab
from openalgo_lab.model.errors import InputError, RiskDenied


def test_limits_come_back_as_they_were_set(lab: Lab) -> None:
    before = lab.limits
    try:
        now = lab.set_limits(max_order_quantity=3, strategies={"scalp": {"stop": 5_000, "target": 8_000}})
        assert now == lab.limits
        assert now.max_order_value == before.max_order_value
        assert now.strategies["scalp"].target == 8_000
        with pytest.raises(RiskDenied, match="limit of 3"):
            lab.place_order("SBIN", "BUY", 4)
    finally:
        lab.set_limits(max_order_quantity=0, strategies={})
    assert lab.limits == before


def test_wrong_limits(lab: Lab) -> None:
    with pytest.raises(InputError, match="is no limit: choose from max_order_value"):
        lab.set_limits(max_value=1)
    with pytest.raises(InputError, match="cannot be read"):
        lab.set_limits(max_order_quantity="many")
    with pytest.raises(InputError, match="cannot be -1"):
        lab.set_limits(max_daily_loss=-1)


def test_a_simulated_account_is_not_armed(lab: Lab) -> None:
    assert "nothing is to be armed" in lab.arm()
