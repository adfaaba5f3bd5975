"""The strategy builder: legs from template and hand, payoff and what-if, one press one basket, the book."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from openalgo_lab import Lab
from openalgo_lab.model.structure_commands import PlaceBasket
from openalgo_lab.ui.grid import GridEvent
from openalgo_lab.ui.options import StrategyBuilder
from tests.support.waiting import eventually


@pytest.fixture
def builder(lab: Lab) -> Iterator[StrategyBuilder]:
    lab.option_chain("NIFTY")  # prices are there
    made = StrategyBuilder(lab)
    yield made
    made.close()


def build(builder: StrategyBuilder, key: str, outlook: str) -> None:
    builder.form.outlook.value = outlook
    builder.form.template.value = key
    builder.form.build.click()
    eventually(lambda: builder.reading is not None and builder.reading.complete and "expiry" in builder.payoff.values())


def figures(builder: StrategyBuilder) -> dict[str, str]:
    return {figure.key: figure.value for figure in builder.figures(builder.looks, "")}


def press(builder: StrategyBuilder, row: int, action: str) -> None:
    builder._on_event(GridEvent(type="action", row=builder.grid.row_ids[row], action=action))


def test_a_template_becomes_legs_with_a_payoff(builder: StrategyBuilder) -> None:
    build(builder, "iron condor", "Neutral")
    assert len(builder.legs) == 4
    levels, expiry = builder.payoff.values()["expiry"]
    assert expiry.max() > 0 > expiry.min()
    assert np.all(np.diff(levels) > 0)
    said = figures(builder)
    assert said["pop"].endswith("%")
    assert "·" in said["even"]
    assert said["margin"] not in ("–", "0")
    assert builder.form.place.description == "PLACE 4 LEGS MARKET · SIM · SIMULATED"
    assert builder.table.shown is not None
    assert len(builder.table.shown["rows"]) == 5


def test_sliders_move_the_what_if_curve(builder: StrategyBuilder) -> None:
    build(builder, "long straddle", "Volatile")
    assert len(builder.payoff.values()["then"][0]) == 0
    builder.form.points.value = 5.0
    builder.form.days.value = 1.0
    builder.form.spot.value = 1.0
    eventually(lambda: len(builder.payoff.values()["then"][0]) > 0)
    values = builder.payoff.values()
    assert values["then"][1].mean() > values["now"][1].mean()
    eventually(lambda: any("+1.0 %" in mark["label"] for mark in (builder.payoff.shown or {})["marks"]))
    builder.form.still.click()
    eventually(lambda: len(builder.payoff.values()["then"][0]) == 0)


def test_legs_by_hand_and_their_buttons(builder: StrategyBuilder) -> None:
    builder.form.lots.value = 2
    builder.form.side.value = "SELL"
    builder.form.kind.value = "PE"
    builder.form.add.click()
    (leg,) = builder.legs
    lot = builder.contracts.lot_size
    assert leg.quantity == -2 * lot
    assert leg.key.symbol.endswith("PE")
    press(builder, 0, "more")
    assert builder.legs[0].quantity == -3 * lot
    press(builder, 0, "flip")
    assert builder.legs[0].quantity == 3 * lot
    press(builder, 0, "less")
    assert builder.legs[0].quantity == 2 * lot
    press(builder, 0, "drop")
    assert builder.legs == ()
    eventually(lambda: "press Build" in builder.payoff.said)


def test_a_future_that_is_not_listed_is_said(builder: StrategyBuilder) -> None:
    builder.form.kind.value = "FUT"
    builder.form.add.click()
    assert "no FUT to add" in builder._message.value


def test_one_press_one_basket(builder: StrategyBuilder, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    build(builder, "bull put spread", "Bullish")
    baskets: list[PlaceBasket] = []
    real = lab.handle.call

    def call(command: Any) -> Any:
        if isinstance(command, PlaceBasket):
            baskets.append(command)
        return real(command)

    monkeypatch.setattr(lab.handle, "call", call)
    builder.form.name.value = "my spread"
    builder.form.place.click()
    eventually(lambda: "legs were taken" in builder._message.value)
    assert len(baskets) == 1
    assert {order.strategy for order in baskets[0].orders} == {"my spread"}
    assert not builder.form.place.disabled


def test_the_book_keeps_and_brings_back(builder: StrategyBuilder, lab: Lab) -> None:
    build(builder, "jade lizard", "Neutral")
    builder.form.save.click()
    assert "Give the strategy a name" in builder._message.value
    builder.form.name.value = "lizard"
    builder.form.save.click()
    assert "marks to market" in builder._message.value
    kept = [leg.quantity for leg in builder.legs]
    build(builder, "short straddle", "Neutral")
    builder.form.saved.value = "–"
    builder.form.saved.value = "lizard"
    assert [leg.quantity for leg in builder.legs] == kept
    assert all(leg.entry is not None for leg in builder.legs)
    builder.form.delete.click()
    assert "lizard" not in [one.name for one in lab.saved_strategies()]


def test_legs_of_another_underlying_go(builder: StrategyBuilder) -> None:
    build(builder, "short straddle", "Neutral")
    builder._picked("BANKNIFTY")
    assert builder.legs == ()
    assert builder.form.strike.value in builder.contracts.strikes


def test_from_a_strategy_of_the_facade(lab: Lab) -> None:
    strategy = lab.option_strategy("strap")
    made = strategy.widget()
    assert made.legs == strategy.legs
    made.close()
