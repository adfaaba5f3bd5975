"""The chain's table: Greeks to choose, and conventions that are remembered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openalgo_lab import Lab
from openalgo_lab.engine.option_data.reading import GREEKS
from openalgo_lab.lab.option_settings import load_conventions, save_conventions
from openalgo_lab.lab.strategy_legs import DRAFT, SavedBook
from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.option_conventions import EXCHANGE, OWN, Conventions
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.ui.chain import OptionChainView
from openalgo_lab.ui.chain.columns import CHAIN_COLUMNS, FIELDS
from openalgo_lab.ui.chain.conventions import ConventionChoice
from openalgo_lab.ui.grid import GridEvent
from tests.support.waiting import eventually


def test_every_greek_is_a_column_to_choose() -> None:
    by_key = {column.key: column for column in CHAIN_COLUMNS}
    for side in ("call", "put"):
        assert {f"{side}_{name}" for name in FIELDS} <= set(by_key)
        assert [name for name in GREEKS if not by_key[f"{side}_{name}"].hidden] == ["delta"]


def test_the_conventions_change_the_numbers_and_are_remembered(lab: Lab) -> None:
    lab.option_chain("NIFTY")
    view = OptionChainView(lab, "NIFTY")
    try:
        eventually(lambda: view.reading is not None and np.isfinite(view.reading.atm_iv))
        assert view.reading is not None
        assert view.reading.conventions == OWN
        view._choice.preset.value = EXCHANGE
        eventually(lambda: view.reading is not None and view.reading.conventions == EXCHANGE)
        assert view.reading.forward_source == "spot with carry"
        assert load_conventions(profile_dir(lab.profile)) == EXCHANGE
        again = lab.volatility()
        eventually(lambda: bool(again.looks) and again.looks[0].reading.conventions == EXCHANGE)
        again.close()
    finally:
        view._choice.preset.value = OWN
        view.close()


def test_shift_gathers_legs_for_the_builder(lab: Lab) -> None:
    lab.option_chain("NIFTY")
    book = SavedBook(profile_dir(lab.profile))
    view = OptionChainView(lab, "NIFTY")
    try:
        row = view.grid.row_ids[len(view.grid.row_ids) // 2]
        view._on_event(GridEvent(type="click", row=row, column="call_ask", shift=True))
        view._on_event(GridEvent(type="click", row=row, column="put_bid", shift=True))
        assert not view.panel.opened
        assert "SELL NIFTY" in view._message.value
        builder = lab.strategy_builder("NIFTY")
        assert [leg.side.value for leg in builder.legs] == ["BUY", "SELL"]
        builder.close()
        view._on_event(GridEvent(type="click", row=row, column="call_bid", shift=True))  # the opposite takes it out
        assert [leg.side.value for leg in book.load()[DRAFT].legs] == ["SELL"]
        view._on_event(GridEvent(type="click", row=row, column="put_ask", shift=True))
        assert DRAFT not in book.load()
    finally:
        view.close()


def test_a_choice_that_cannot_be_kept_counts_all_the_same(tmp_path: Path) -> None:
    chosen: list[Conventions] = []
    choice = ConventionChoice(tmp_path / "gone", chosen.append)
    choice.preset.value = EXCHANGE
    assert chosen == [EXCHANGE]
    assert "cannot be saved" in choice.problem


def test_the_rate_is_a_setting_of_its_own(tmp_path: Path) -> None:
    chosen: list[Conventions] = []
    choice = ConventionChoice(tmp_path, chosen.append)
    choice.rate.value = 6.5
    assert chosen == [Conventions(rate_pct=6.5)]
    again = ConventionChoice(tmp_path, chosen.append)
    assert (again.preset.value, again.rate.value) == (OWN, 6.5)
    again.preset.value = EXCHANGE
    assert again.rate.value == 10.0
    assert chosen[1:] == [EXCHANGE]  # one change, not two


def test_settings_that_cannot_be_read(lab: Lab) -> None:
    folder = profile_dir("broken-options")
    (folder / "options.json").write_text('{"rate_pct": "high"}')
    with pytest.raises(StoreError, match="correct the file or remove it"):
        load_conventions(folder)
    save_conventions(folder, EXCHANGE)
    assert load_conventions(folder) == EXCHANGE
