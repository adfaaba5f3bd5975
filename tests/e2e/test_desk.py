"""A newcomer at the desk: prices, a first order, a limit order changed and cancelled, keys, kill switch, markup."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from playwright.sync_api import Page, expect

from openalgo_lab import Lab
from openalgo_lab.model.events import Books
from openalgo_lab.model.money import format_inr
from openalgo_lab.model.orders import Order
from tests.e2e.pages import AppPage
from tests.e2e.running_app import wait_for

OpenPage = Callable[..., AppPage]

HOSTILE = "<img src=x onerror=window.__pwned=1>"


def orders_of(lab: Lab, symbol: str) -> list[Order]:
    books: Books = lab.handle.books
    return [order for order in books.orders if order.symbol == symbol]


def position_of(lab: Lab, symbol: str) -> int:
    return sum(one.quantity for one in lab.handle.books.positions if one.symbol == symbol)


def test_the_desk_shows_moving_prices_and_says_whose_money_it_is(open_page: OpenPage) -> None:
    desk = open_page("desk")
    table = desk.table("watchlist-Main")
    table.wait_change(table.find("symbol", "NIFTY"), "ltp")
    expect(desk.page.locator(".oal-bar-mode")).to_have_text("SIMULATED")
    expect(desk.page.locator(".oal-bar-feed .oal-bar-value")).to_have_text("live")
    expect(desk.ticket.locator(".oal-badge").first).to_have_text("SIMULATED")


def test_a_market_order_from_the_ticket_fills_and_its_position_appears(open_page: OpenPage, lab: Lab) -> None:
    desk = open_page("desk")
    desk.choose_symbol("infy")
    expect(desk.ticket.locator(".oal-ticket-symbol-text")).to_have_text("INFY")
    desk.set_ticket("MARKET", quantity=7)
    desk.send("BUY 7 INFY at MARKET")
    expect(desk.ticket.locator(".oal-ticket-outcome-text")).to_contain_text("7")
    orders = desk.table("blotter-orders")
    orders.wait_text(orders.find("symbol", "INFY"), "status", 'text === "filled"')
    desk.book("Positions")
    positions = desk.table("blotter-positions")
    assert positions.wait_text(positions.find("symbol", "INFY"), "quantity", 'text !== "–"') == "+7"
    quick = desk.table("blotter-quick-positions")
    quick.wait_text(quick.find("symbol", "INFY"), "profit", 'text !== "–"')
    assert position_of(lab, "INFY") == 7


def test_a_limit_order_is_modified_and_cancelled_from_the_blotter(open_page: OpenPage, lab: Lab) -> None:
    desk = open_page("desk")
    desk.choose_symbol("tcs")
    low = round(lab.quote("NSE:TCS").ltp * 0.97)
    desk.set_ticket("LIMIT", quantity=3, price=str(low))
    desk.send(f"BUY 3 TCS @ {format_inr(low)}")
    orders = desk.table("blotter-orders")
    row = orders.find("symbol", "TCS")
    orders.wait_text(row, "status", 'text === "open"')
    orders.press(row, "do", "modify")
    quantity = desk.page.get_by_role("spinbutton", name="Qty")
    quantity.fill("5")
    quantity.press("Tab")
    desk.page.get_by_role("button", name="Apply").click()
    orders.wait_text(row, "quantity", 'text === "5"')
    orders.wait_text(row, "status", 'text === "open"')
    orders.press(row, "do", "cancel")
    orders.wait_text(row, "status", 'text === "cancelled"')
    assert [(order.quantity, order.status.value) for order in orders_of(lab, "TCS")] == [(5, "cancelled")]


def test_an_order_by_keyboard_alone(open_page: OpenPage, lab: Lab) -> None:
    desk = open_page("desk")
    desk.table("watchlist-Main")
    press = desk.page.keyboard.press
    expect(desk.ticket).to_be_visible()
    press("/")
    desk.page.keyboard.type("wipro")
    expect(desk.page.get_by_role("option").first).to_contain_text("WIPRO")
    press("Enter")
    press("Escape")  # out of the search box
    press("b")
    field = desk.ticket.get_by_role("textbox", name="Quantity", exact=True)
    expect(field).to_be_focused()
    press("ArrowUp")
    expect(desk.submit).to_contain_text("BUY 2 WIPRO")
    expect(desk.submit).to_be_enabled()
    press("Enter")
    wait_for(lambda: orders_of(lab, "WIPRO"), "the order of the keyboard")
    assert [(order.side.value, order.quantity) for order in orders_of(lab, "WIPRO")] == [("BUY", 2)]


def test_the_list_of_keys_is_a_dialog_that_escape_closes(open_page: OpenPage) -> None:
    desk = open_page("desk")
    desk.table("watchlist-Main")
    desk.page.keyboard.press("?")
    dialog = desk.page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Kill switch")
    desk.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_three_things_to_try_stay_away_once_dismissed(open_page: OpenPage) -> None:
    desk = open_page("desk")
    card = desk.page.get_by_label("Three things to try")
    expect(card).to_be_visible()
    card.get_by_role("button", name="Do not show again").click()
    expect(card).to_be_hidden()
    desk.page.reload()
    desk.table("watchlist-Main")
    expect(desk.ticket).to_be_visible()
    expect(card).to_be_hidden()


@pytest.mark.parametrize("presses", [20, pytest.param(1000, marks=pytest.mark.long)])
def test_a_double_click_is_one_order(open_page: OpenPage, lab: Lab, presses: int) -> None:
    desk = open_page("desk")
    desk.choose_symbol("sbin")
    symbol, before, sent = "SBIN", len(orders_of(lab, "SBIN")), 0
    desk.set_ticket("MARKET")
    field = desk.ticket.get_by_role("textbox", name="Quantity", exact=True)
    for number in range(1, presses + 1):
        units = 1 + number % 8  # two equal orders within two seconds would be asked about
        field.fill(str(units))
        says = f"BUY {units} SBIN at MARKET"
        desk.page.wait_for_function(
            "says => { const b = document.querySelector('.oal-ticket-submit');"
            " return !b.disabled && b.textContent.startsWith(says); }",
            arg=says,
        )
        desk.submit.dblclick(no_wait_after=True)
        wait_for(partial(answered, desk, lab, before + sent), f"press {number} is answered")
        # A press that was stuck on a busy machine for seconds is refused, and says so.
        sent += len(orders_of(lab, symbol)) - before > sent
    assert len(orders_of(lab, symbol)) - before == sent
    assert sent > presses * 0.8


def answered(desk: AppPage, lab: Lab, orders: int) -> bool:
    """Whether the press became one more order than ``orders``, or was refused because it came late."""
    message = desk.ticket.locator(".oal-ticket-message")
    return len(orders_of(lab, "SBIN")) > orders or "late" in message.inner_text()


def test_the_kill_switch_wants_to_be_held(open_page: OpenPage, lab: Lab) -> None:
    desk = open_page("desk")
    desk.table("watchlist-Main")
    low = round(lab.quote("NSE:LT").ltp * 0.96)
    order = lab.place_order("NSE:LT", "BUY", 1, price=low)
    wait_for(lambda: order.status.value == "open", "the limit order is open")
    switch = desk.page.locator(".oal-bar-kill")
    switch.click()  # a mere click does nothing
    assert not lab.handle.status.kill_switch
    try:
        _hold(desk.page, switch.bounding_box())
        expect(switch).to_have_attribute("aria-pressed", "true")
        wait_for(lambda: order.status.value == "cancelled", "the working order is cancelled")
        desk.set_ticket("MARKET", quantity=1)
        desk.send("at MARKET")
        expect(desk.ticket.get_by_role("alert").filter(has_text="kill switch")).to_be_visible()
        _hold(desk.page, switch.bounding_box())
        expect(switch).to_have_attribute("aria-pressed", "false")
    finally:
        lab.kill_switch(False)


def _hold(page: Page, box: object) -> None:
    assert isinstance(box, dict)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    pressed = page.locator(".oal-bar-kill").get_attribute("aria-pressed")
    page.wait_for_function("was => document.querySelector('.oal-bar-kill').ariaPressed !== was", arg=pressed)
    page.mouse.up()


def test_hostile_text_is_shown_as_text(open_page: OpenPage, lab: Lab) -> None:
    """A strategy name with markup, typed markup in search and ticket, and a refusal that repeats it."""
    lab.place_order("NSE:CIPLA", "BUY", 3, strategy=HOSTILE)
    desk = open_page("desk")
    for book in ("Orders", "Trades"):
        desk.book(book)
        table = desk.table(f"blotter-{book.lower()}")
        row = table.find("symbol", "CIPLA")
        desk.page.locator(f'[data-grid="{table.name}"]').get_by_role("button", name="Columns of").click()
        desk.page.get_by_role("checkbox", name="Strategy").check()
        desk.page.keyboard.press("Escape")
        table.call("hit", row, "strategy")  # scrolls it into view
        assert table.wait_text(row, "strategy", 'text !== ""') == HOSTILE
    search = desk.page.locator(".oal-watchlist").get_by_role("combobox", name="Search instruments")
    search.fill(HOSTILE)
    expect(desk.page.locator(".oal-watchlist .oal-search-note")).to_be_visible()
    search.fill("")
    desk.ticket.locator("summary").click()
    desk.ticket.get_by_role("textbox", name="Strategy").fill(HOSTILE)
    desk.ticket.get_by_role("textbox", name="Quantity", exact=True).fill(HOSTILE[:20])
    expect(desk.ticket.locator(".oal-ticket-problem").filter(has_text="<img")).to_be_visible()
    assert desk.page.evaluate("window.__pwned === undefined")
    assert desk.page.locator('img[src="x"]').count() == 0
