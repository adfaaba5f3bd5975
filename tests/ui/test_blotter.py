"""The blotter: rows from books, counts, modify, cancel, close; one press, one request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openalgo_lab import Lab
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import Order
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.ui.blotter import QUICK_POSITIONS, Blotter
from openalgo_lab.ui.blotter.tables import TABLES
from openalgo_lab.ui.grid import GridEvent
from tests.support.waiting import eventually

HOSTILE = "<img src=x onerror=window.__pwned=1>"


@pytest.fixture
def blotter(lab: Lab) -> Iterator[Blotter]:
    made = Blotter(lab)
    yield made
    made.close()


def texts(blotter: Blotter, column: str) -> tuple[str, ...]:
    return blotter.grid._layout_now.text[column]


def cells(blotter: Blotter, row: int) -> dict[str, str]:
    """A row's texts as they stand in the grid; empty while it is not there."""
    layout = blotter.grid._layout_now
    at = layout.ids.index(row) if row in layout.ids else None
    return {} if at is None else {column: values[at] for column, values in layout.text.items()}


def row_of(blotter: Blotter, order_id: str) -> int:
    page = blotter._pages[blotter._tabs.active]
    eventually(lambda: any(row.key == order_id for row in page.rows.values()))
    return next(number for number, row in page.rows.items() if row.key == order_id)


def act(blotter: Blotter, row: int, action: str) -> None:
    blotter.grid._dispatch(GridEvent(type="action", row=row, column="do", action=action))


def working(lab: Lab, symbol: str) -> Order:
    price = round(lab.quote(symbol).ltp * 0.97)
    placed = lab.place_order(symbol, "BUY", 2, price=price, strategy=HOSTILE)
    eventually(lambda: placed.status.value == "open")
    return next(one for one in lab.handle.books.orders if one.order_id == placed.order_id)


def now(lab: Lab, order: Order) -> Order:
    return next(one for one in lab.handle.books.orders if one.order_id == order.order_id)


def test_an_order_stands_first_with_its_state_and_markup_stays_text(lab: Lab, blotter: Blotter) -> None:
    order = working(lab, "NTPC")
    row = row_of(blotter, order.order_id)
    eventually(lambda: cells(blotter, row).get("status") == "open")
    shown = cells(blotter, row)
    assert (shown["symbol"], shown["strategy"]) == ("NTPC", HOSTILE)
    assert "SIMULATED" in shown["account"]
    act(blotter, row, "cancel")
    eventually(lambda: now(lab, order).status.value == "cancelled")
    eventually(lambda: blotter._message.value.startswith("NTPC: "))


def test_modify_sends_only_what_differs_and_once(lab: Lab, blotter: Blotter) -> None:
    order = working(lab, "ONGC")
    act(blotter, row_of(blotter, order.order_id), "modify")
    form = blotter.form
    assert form.layout.display == "flex"
    assert (form.quantity.value, form.price.value) == (2, order.price)
    assert form.trigger.layout.display == "none"
    form.quantity.value = 4
    form.apply.click()
    form.apply.click()  # disarmed until answered
    eventually(lambda: now(lab, order).quantity == 4)
    assert now(lab, order).price == order.price
    eventually(lambda: form.layout.display == "none")
    assert lab.cancel_order(order.order_id)


def test_a_refused_change_is_said_and_arms_the_form_again(lab: Lab, blotter: Blotter) -> None:
    order = working(lab, "BPCL")
    act(blotter, row_of(blotter, order.order_id), "modify")
    blotter.form.price.value = order.price + 0.013
    blotter.form.apply.click()
    eventually(lambda: "oal-message-bad" in blotter._message._dom_classes)
    eventually(lambda: not blotter.form.apply.disabled)
    assert blotter.form.layout.display == "flex"
    blotter.form.dismiss.click()
    assert blotter.form.layout.display == "none"
    lab.cancel_order(order.order_id)


def test_an_ended_order_has_nothing_to_modify(lab: Lab, blotter: Blotter) -> None:
    done = lab.place_order("COALINDIA", "BUY", 1)
    done.wait(10)
    blotter.modify(done.order_id)
    assert "ended meanwhile" in blotter._message.value


def test_a_position_is_closed_at_market_and_flat_ones_say_so(lab: Lab) -> None:
    quick = Blotter(lab, tables=QUICK_POSITIONS)
    lab.place_order("HINDALCO", "BUY", 3).wait(10)
    page = quick._pages["quick-positions"]
    eventually(lambda: "HINDALCO" in texts(quick, "symbol"))
    row = next(number for number, one in page.rows.items() if one.texts["symbol"] == "HINDALCO")
    act(quick, row, "close")
    eventually(lambda: all(one.quantity == 0 for one in lab.handle.books.positions if one.symbol == "HINDALCO"))
    eventually(lambda: "closing order" in quick._message.value)
    act(quick, row, "close")
    assert "flat already" in quick._message.value
    quick.close()


def test_a_pressed_row_selects_its_instrument(lab: Lab, blotter: Blotter) -> None:
    order = working(lab, "GRASIM")
    heard: list[InstrumentKey] = []
    blotter.on_select(heard.append)
    row = row_of(blotter, order.order_id)
    blotter.grid._dispatch(GridEvent(type="click", row=row, column="symbol"))
    assert heard == [InstrumentKey(Exchange.NSE, "GRASIM")]
    lab.cancel_order(order.order_id)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.key)
def test_every_book_opens_with_its_own_columns(lab: Lab, table: object) -> None:
    key = table.key  # type: ignore[attr-defined]
    blotter = Blotter(lab, tab=key)
    eventually(lambda: blotter._pages[key].books_version >= 0)
    eventually(lambda: blotter.grid._layout_now.ids == tuple(blotter._pages[key].rows))
    blotter.close()
