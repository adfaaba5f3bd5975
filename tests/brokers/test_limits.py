"""An exchange takes ten orders a second of a client; what each broker's limits let through is no more."""

from __future__ import annotations

import pytest

from openalgo_lab.broker.registry import available, load

_PER_EXCHANGE = 10


@pytest.mark.parametrize("key", [key for key in available() if key != "simulated"])
def test_no_second_holds_more_orders_than_an_exchange_takes(key: str) -> None:
    rates = [rate for rate in load(key).limits.rates if rate.pool in ("order", "all") and rate.per_s <= 1]
    assert min(rate.count / rate.per_s for rate in rates) <= _PER_EXCHANGE
