"""The desk: its parts follow one selection; what is put off comes behind the first prices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import ipywidgets
import pytest

from openalgo_lab import Lab
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import Exchange, Side
from openalgo_lab.ui.desk import Desk
from openalgo_lab.ui.grid import GridEvent
from tests.support.widget_page import Page

SBIN, TCS = InstrumentKey(Exchange.NSE, "SBIN"), InstrumentKey(Exchange.NSE, "TCS")


@pytest.fixture
def desk(lab: Lab) -> Iterator[Desk]:
    made = Desk(lab, "SBIN")
    yield made
    made.close()


def test_a_selected_row_moves_chart_depth_and_ticket(desk: Desk) -> None:
    desk.watchlist.add(TCS)
    assert (desk.chart.key, desk.ladder.key) == (TCS, TCS)
    assert desk.ticket.state.instrument is not None
    assert desk.ticket.state.instrument.key == TCS
    assert desk.key == TCS


def test_sell_on_a_row_opens_the_ticket_to_sell_it(desk: Desk) -> None:
    row = next(
        number for number, key in zip(desk.watchlist.grid.row_ids, desk.watchlist.keys_shown, strict=True) if key == TCS
    )
    desk.watchlist.grid._dispatch(GridEvent(type="action", row=row, column="symbol", action="sell"))
    assert desk.ticket.state.side is Side.SELL
    assert desk.key == TCS
    assert "oal-desk-shows-ticket" in desk._dom_classes


def test_a_price_of_the_ladder_makes_a_limit_order(desk: Desk) -> None:
    desk.trade(SBIN, Side.BUY, 800.5)
    assert (desk.ticket.state.price_type.value, desk.ticket.state.price) == ("LIMIT", "800.50")


def test_keys_of_the_page_trade_what_is_selected(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(desk._frame, monkeypatch)
    page.say(k="hello", wide=True)
    assert page.seen["facts"]["mode"] == "simulated"
    page.say(k="key", key="s")
    assert desk.ticket.state.side is Side.SELL
    page.say(k="key", key="x")
    page.say(k="other")
    desk._frame.show_keys()
    assert "keys" in page.seen


def test_an_index_can_be_shown_and_says_that_it_cannot_be_ordered(desk: Desk, lab: Lab) -> None:
    desk.select(InstrumentKey(Exchange.NSE_INDEX, "NIFTY"))
    assert desk.chart.key.symbol == "NIFTY"
    assert desk.ticket.problems
    assert not desk.ticket.armed


async def test_parts_out_of_view_are_not_built(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a running loop, as in a kernel: first prices first, and on a narrow page only what is opened."""
    desk = Desk(lab, "SBIN")
    assert (desk._ticket, desk._chart, desk._blotter) == (None, None, None)
    desk._drawn(False)
    desk._made_at -= 10.0
    desk.publish()
    await asyncio.sleep(0)
    assert desk._ticket is None
    desk._parts._chosen("ticket")
    assert desk._ticket is not None
    assert desk._chart is None
    desk.close()


async def test_on_a_wide_page_all_parts_come_one_after_the_other(lab: Lab) -> None:
    desk = Desk(lab, "SBIN")
    desk._made_at -= 10.0
    desk._drawn(True)
    for _turn in range(200):
        if desk._quick is not None:
            break
        await asyncio.sleep(0.02)
    parts = (desk._ticket, desk._blotter, desk._ladder, desk._chart, desk._quick)
    assert all(part is not None for part in parts)
    desk.close()


def test_a_desk_costs_a_page_few_models(lab: Lab) -> None:
    made: list[ipywidgets.Widget] = []
    before = ipywidgets.Widget._widget_construction_callback
    ipywidgets.Widget.on_widget_constructed(made.append)
    try:
        desk = Desk(lab, "SBIN")
    finally:
        ipywidgets.Widget.on_widget_constructed(before)
    desk.close()
    assert len(made) < 110
