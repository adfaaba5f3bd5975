"""Fyers' adapter against its API v3 on loopback."""

from __future__ import annotations

from pathlib import Path

import msgspec

from brokers.fyers import SPEC
from tests.conformance.simulators.fyers import FyersSimulator
from tests.conformance.suite import BrokerSuite
from tests.conformance.through_engine import through_the_engine


class TestFyers(BrokerSuite):
    # Without its rates, which have tests of their own and would only make these slow.
    spec = msgspec.structs.replace(SPEC, limits=msgspec.structs.replace(SPEC.limits, rates=()))
    simulator = FyersSimulator
    has_freeze = True


async def test_fyers_through_the_engine(tmp_path: Path) -> None:
    await through_the_engine(tmp_path, "fyers", FyersSimulator())
