"""The option chain: simulated and recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from openalgo_lab import Lab
from tests.e2e.pages import AppPage, Table
from tests.e2e.running_app import RunningApp, wait_for

OpenPage = Callable[..., AppPage]

RECORDING = Path(__file__).resolve().parents[3] / "shared" / "data" / "nifty_option_chain_2026-08-19.parquet"


def atm_row(chain: AppPage) -> tuple[Table, int]:
    """The table and the row nearest to the spot that the header shows."""
    table = chain.table("option-chain")
    spot = chain.page.locator('[data-figure="spot"] .oal-chain-value')
    expect(spot).not_to_have_text("–")
    shown = wait_for(lambda: strikes_around(table, spot.inner_text()), "strikes around the spot")
    return table, min(shown, key=lambda row: abs(shown[row]))


def strikes_around(table: Table, spot: str) -> dict[int, float]:
    """Distance of each strike in view from the spot; empty while the two are of different underlyings."""
    level = float(spot.replace(",", "")) if spot != "–" else 0.0
    strikes = {row: table.text(row, "strike") for row in table.rows()}
    away = {row: float(text) - level for row, text in strikes.items() if text}
    return away if away and min(away.values()) < 0 < max(away.values()) else {}


def test_the_row_at_the_money_lives(open_page: OpenPage) -> None:
    chain = open_page("option_chain")
    table, row = atm_row(chain)
    table.wait_change(row, "call_ltp")
    for column in ("put_ltp", "call_iv", "put_iv", "call_delta", "put_delta", "call_oi", "put_oi_change"):
        assert table.text(row, column) not in (None, "–"), column
    for figure in ("forward", "days", "atm_iv", "straddle", "pcr", "max_pain"):
        expect(chain.page.locator(f'[data-figure="{figure}"] .oal-chain-value')).not_to_have_text("–")


def test_an_option_is_sold_from_the_chain(open_page: OpenPage, lab: Lab) -> None:
    chain = open_page("option_chain")
    table, row = atm_row(chain)
    strike = table.text(row, "strike")
    table.press(row, "put_ltp", "sell")
    expect(chain.ticket).to_be_visible()
    chain.send(f"SELL {lab.option_chain('NIFTY').lot_size} NIFTY")
    sold = wait_for(
        lambda: [order for order in lab.handle.books.orders if order.symbol.endswith(f"{strike}PE")], "the put is sold"
    )
    assert [(order.side.value, order.price_type.value) for order in sold] == [("SELL", "LIMIT")]
    chain.page.get_by_role("button", name="×").click()
    expect(chain.ticket).to_be_hidden()


def test_another_underlying_and_another_expiry(open_page: OpenPage) -> None:
    chain = open_page("option_chain")
    table, _row = atm_row(chain)
    before = table.rows()
    tabs = chain.page.get_by_role("tablist", name="Expiries").get_by_role("tab")
    tabs.nth(1).click()
    expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    wait_for(lambda: set(table.rows()).isdisjoint(before), "the rows of the other expiry")
    before = table.rows()
    chain.page.get_by_role("combobox", name="Underlying").select_option("RELIANCE")
    wait_for(lambda: set(table.rows()).isdisjoint(before), "the rows of the other underlying")
    table, row = atm_row(chain)
    table.wait_text(row, "put_iv", 'text !== "–"')


@pytest.fixture
def replaying() -> Iterator[RunningApp]:
    if not RECORDING.is_file():
        pytest.skip(f"the recording {RECORDING.name} is not beside the repository")
    running = RunningApp("replay", ["--replay", str(RECORDING), "--speed", "30"])
    yield running
    running.stop()


def test_a_recorded_chain_plays_in_the_app(replaying: RunningApp, open_page: OpenPage) -> None:
    chain = open_page("option_chain", of=replaying)
    table, row = atm_row(chain)
    expect(chain.page.locator(".oal-chain-mode")).to_have_text("REPLAY")
    expect(chain.page.get_by_role("tab")).to_have_count(4)
    table.wait_change(row, "call_ltp")
    assert table.text(row, "call_change") == "–"  # yesterday's close is not in the recording
    assert table.text(row, "call_oi_change") != "–"
    expect(chain.page.locator(".oal-chain-note")).to_contain_text("made up")
