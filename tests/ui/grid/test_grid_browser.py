"""The grid in a real browser: painting, keyboard, copy, mouse, themes, widths, lost contact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from openalgo_lab.ui.grid import Column, Flag, GridEvent
from openalgo_lab.ui.grid.credit import WINDOW
from openalgo_lab.ui.theme import DARK, LIGHT
from openalgo_lab.ui.theme.colour import parse
from tests.ui.grid.harness import Desk, Wired
from tests.ui.grid.samples import (
    ATM,
    BUY,
    SELL,
    STRIKES,
    chain_flags,
    chain_values,
    make_chain,
    make_orders,
    order_rows,
)

pytestmark = pytest.mark.e2e
Open = Callable[..., Desk]
PHONE = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2, "width": 390}


def moved_chain() -> dict[str, np.ndarray]:
    values = chain_values()
    return {"c_ltp": values["c_ltp"] + 1.05, "p_ltp": np.maximum(values["p_ltp"] - 0.35, 0.05)}


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [1440, 390])
def test_screens(open_desk: Open, screens: Path, theme: str, width: int) -> None:
    size = PHONE if width == 390 else {"width": width}
    for name, grid in (("chain", make_chain(height="640px")), ("orders", make_orders())):
        desk = open_desk(grid, **size)
        desk.page.evaluate("t => { document.body.dataset.jpThemeLight = t === 'light' }", theme)
        if name == "chain":
            grid.push(moved_chain(), engine_ns=1)
        desk.settle()
        if width == 1440:
            at = desk.call("hit", *((24150, "c_bid") if name == "chain" else (102, "qty")))
            desk.page.mouse.move(at["x"], at["y"])
            desk.settle(1)
        shot = desk.page.screenshot(path=screens / f"grid-{name}-{theme}-{width}.png")
        assert len(shot) > 5_000
        ground = (DARK if theme == "dark" else LIGHT).background
        assert desk.page.evaluate("getComputedStyle(document.querySelector('.oal-grid')).backgroundColor") == (
            "rgb({}, {}, {})".format(*(round(part * 255) for part in parse(ground)))
        )


def test_numbers_read_as_in_india(open_desk: Open) -> None:
    desk = open_desk(make_orders())
    assert desk.text(102, "qty") == "1,00,000"
    assert desk.text(105, "pnl") == "−1,23,456.75"
    assert desk.text(101, "pnl") == "+1,250.50"
    assert desk.text(104, "pnl") == "0.00"
    assert desk.text(102, "pnl") == "–"
    assert desk.text(103, "price") == "83.1275"
    assert desk.text(101, "time") == "19:43:20"
    chain = open_desk(make_chain())
    values = {"c_oi": np.full(41, 99_99_999.0), "c_vol": np.full(41, 45_012_300.0), "c_chg": np.full(41, -3.5)}
    chain.grid.push({**values, "p_oi": np.full(41, 1_23_456.0), "p_chg": np.full(41, 3.5)}, engine_ns=1)
    chain.settle()
    shown = [chain.text(ATM, key) for key in ("c_oi", "c_vol", "c_chg", "p_oi", "p_chg")]
    assert shown == ["1.00 Cr", "4.50 Cr", "▼ 3.50", "1.23 L", "▲ 3.50"]


def test_the_screen_follows_pushes_and_says_so(open_desk: Open) -> None:
    desk = open_desk(make_chain())
    ltp = chain_values()["c_ltp"]
    for step in range(20):
        desk.grid.push({"c_ltp": ltp + step}, engine_ns=1)
        desk.settle(1)
    assert desk.text(ATM, "c_ltp") == f"{ltp[20] + 19:.2f}"
    stats = desk.page.evaluate("window.__openalgo_lab_grid_stats.chain")
    assert stats["frames"] == desk.grid.stats.frames
    assert stats["paints"] >= 20
    assert 0 < len(stats["lagMs"]) <= 256
    assert desk.grid.stats.acknowledged >= desk.grid.stats.frames - 1


def test_a_hidden_view_stops_the_frames_and_catches_up(open_desk: Open) -> None:
    desk = open_desk(make_chain())
    desk.page.evaluate("document.getElementById('host').style.display = 'none'")
    desk.settle()
    before = desk.grid.stats.frames
    for step in range(30):
        desk.grid.push({"c_ltp": np.full(41, 100.0 + step)}, engine_ns=1)
        desk.settle(1)
    assert desk.grid.stats.frames - before <= WINDOW
    desk.page.evaluate("document.getElementById('host').style.display = ''")
    desk.settle(4)
    assert desk.text(ATM, "c_ltp") == "129.00"


def test_atm_is_centred_until_the_user_scrolls(open_desk: Open) -> None:
    desk = open_desk(make_chain())
    assert desk.text(ATM, "strike") == "24,000"
    pill = desk.page.locator(".oal-grid-pill")
    assert not pill.is_visible()
    at = desk.call("hit", ATM, "strike")
    desk.page.mouse.move(at["x"], at["y"])
    desk.page.mouse.wheel(0, -5_000)
    desk.page.wait_for_function("() => document.querySelector('.oal-grid-scroller').scrollTop === 0")
    flags = chain_flags() & ~np.uint16(Flag.ATM)
    flags[22] |= Flag.ATM
    desk.grid.push({}, engine_ns=1, flags=flags)
    desk.settle()
    assert desk.text(STRIKES[0], "strike") == "23,000"
    assert pill.text_content() == "ATM ↓"
    pill.click()
    desk.settle()
    assert desk.text(STRIKES[22], "strike") == "24,100"
    assert not pill.is_visible()


def test_a_changed_cell_tints_and_a_stale_row_does_not(open_desk: Open) -> None:
    desk = open_desk(make_chain())
    plain = desk.pixel(ATM + 50, "p_ask", dx=-20)
    flags = chain_flags()
    flags[STRIKES.index(ATM + 100)] |= Flag.STALE
    desk.grid.push({"p_ask": chain_values()["p_ask"] + 5}, engine_ns=1, flags=flags)
    desk.pump()
    script = "([m, a]) => document.querySelector('[data-grid]').__grid[m](...a)"
    assert desk.page.evaluate(script, ["hit", [ATM, "p_ask"]])
    tinted = desk.pixel(ATM + 50, "p_ask", dx=-20)
    stale = desk.pixel(ATM + 100, "p_ask", dx=-20)
    assert tinted != plain
    assert tinted[1] > tinted[0]  # upwards is green, and an arrow stands beside it
    assert stale == plain
    desk.page.wait_for_timeout(500)
    assert desk.pixel(ATM + 50, "p_ask", dx=-20) == plain


def test_no_motion_where_the_user_asked_for_none(open_desk: Open) -> None:
    desk = open_desk(make_chain(), reduced_motion="reduce")
    plain = desk.pixel(ATM + 50, "p_ask", dx=-20)
    desk.grid.push({"p_ask": chain_values()["p_ask"] + 5}, engine_ns=1)
    desk.settle(1)
    assert desk.pixel(ATM + 50, "p_ask", dx=-20) == plain


def test_the_theme_switches_without_a_reload(open_desk: Open) -> None:
    desk = open_desk(make_orders())
    at = {"row": 105, "key": "symbol", "dx": 70}

    def ground() -> tuple[int, ...]:
        return tuple(desk.pixel(at["row"], at["key"], at["dx"]))

    assert ground() == tuple(round(part * 255) for part in parse(DARK.background))
    desk.page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    desk.settle()
    assert ground() == tuple(round(part * 255) for part in parse(LIGHT.background))
    desk.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    desk.settle()
    assert ground() == tuple(round(part * 255) for part in parse(DARK.background))


def test_hostile_text_is_inert(open_desk: Open) -> None:
    desk = open_desk(make_orders())
    assert desk.text(104, "symbol") == "<img src=x onerror=window.hacked=1>"
    desk.click(104, "symbol")
    desk.page.wait_for_timeout(100)
    assert desk.page.evaluate("window.hacked") is None
    assert desk.page.locator(".oal-grid img").count() == 0
    assert "<img" in desk.page.locator("[role=row]").last.text_content()


# Mouse


def test_a_click_names_row_column_and_modifiers(open_desk: Open) -> None:
    desk = open_desk(make_chain())
    desk.click(ATM, "c_bid")
    assert desk.events[-1] == GridEvent(type="click", row=ATM, column="c_bid")
    desk.page.keyboard.down("Shift")
    desk.click(ATM + 50, "p_ask")
    desk.page.keyboard.up("Shift")
    assert desk.events[-1] == GridEvent(type="click", row=ATM + 50, column="p_ask", shift=True)
    desk.click(ATM, "c_bid", click_count=2)
    assert desk.events[-1].type == "dblclick"


def test_hover_buttons_act_on_their_half_of_the_chain(open_desk: Open) -> None:
    desk = open_desk(make_chain())
    desk.click(ATM + 50, "p_ltp", "sell")
    assert desk.events[-1] == GridEvent(type="action", row=ATM + 50, column="p_ltp", action="sell")
    desk.click(ATM - 50, "c_ltp", "buy")
    assert desk.events[-1] == GridEvent(type="action", row=ATM - 50, column="c_ltp", action="buy")
    assert not [event for event in desk.events if event.type == "click"]


def test_an_action_that_a_row_does_not_allow_is_not_there(open_desk: Open) -> None:
    desk = open_desk(make_orders())
    desk.click(101, "do", "cancel")
    assert "action" not in [event.type for event in desk.events]
    desk.click(102, "do", "cancel")
    assert desk.events[-1] == GridEvent(type="action", row=102, column="do", action="cancel")


def test_a_press_is_held_off_when_rows_move_under_the_pointer(open_desk: Open) -> None:
    desk = open_desk(make_orders())
    at = desk.call("hit", 102, "do", "cancel")
    desk.page.mouse.move(at["x"], at["y"])
    desk.settle(1)
    rows = order_rows(5)
    rows["ids"] = [999, 101, 102, 103, 104]  # a new order at the top: every row is one lower now
    rows["actions"] = [3] * 5
    desk.grid.set_rows(**rows)
    desk.pump()
    desk.page.mouse.click(at["x"], at["y"])
    desk.settle(1)
    assert [event for event in desk.events if event.type == "action"] == []
    desk.page.wait_for_timeout(450)
    desk.page.mouse.click(at["x"], at["y"])
    desk.settle(1)
    assert desk.events[-1] == GridEvent(type="action", row=101, column="do", action="cancel")


def test_selection_by_shift_and_ctrl(open_desk: Open) -> None:
    desk = open_desk(make_orders())
    desk.click(101, "qty")
    desk.page.keyboard.down("Shift")
    desk.click(103, "qty")
    desk.page.keyboard.up("Shift")
    assert desk.call("selection") == [101, 102, 103]
    desk.page.keyboard.down("Control")
    desk.click(102, "qty")
    desk.page.keyboard.up("Control")
    assert desk.call("selection") == [101, 103]
    selects = [event.rows for event in desk.events if event.type == "select"]
    assert selects == [(101,), (101, 102, 103), (101, 103)]
    desk.press("Escape")
    assert desk.call("selection") == []


def test_header_sorts_and_ticks_do_not_move_rows(open_desk: Open) -> None:
    desk = open_desk(make_orders())
    at = desk.call("headerHit", "pnl")
    desk.page.mouse.click(at["x"], at["y"])
    desk.settle(1)
    assert desk.call("rowIds") == [101, 104, 103, 105, 102]  # no value last
    assert desk.events[-1] == GridEvent(type="sort", column="pnl", order="desc")
    desk.grid.push({"pnl": [0, 5, 9, 1, 7]}, engine_ns=1)
    desk.settle(1)
    assert desk.call("rowIds") == [101, 104, 103, 105, 102]
    for order, rows in (("asc", [101, 104, 102, 105, 103]), ("", [101, 102, 103, 104, 105])):
        desk.page.mouse.click(at["x"], at["y"])
        desk.settle(1)
        assert desk.events[-1].order == order
        assert desk.call("rowIds") == rows


def test_a_column_is_resized_chosen_and_remembered(open_desk: Open) -> None:
    desk = open_desk(make_orders())
    at = desk.call("headerHit", "symbol")
    desk.page.mouse.move(at["right"] - 1, at["y"])
    desk.page.mouse.down()
    desk.page.mouse.move(at["right"] - 101, at["y"], steps=4)
    desk.page.mouse.up()
    desk.settle(1)
    narrowed = desk.call("headerHit", "symbol")["right"]
    assert narrowed == pytest.approx(at["right"] - 100, abs=2)
    desk.page.hover(".oal-grid")
    desk.page.get_by_label("Columns of Orders").click()
    menu = desk.page.locator(".oal-grid-menu")
    menu.get_by_label("Note").check()
    menu.get_by_label("Avg").uncheck()
    assert menu.get_by_label("Symbol").is_disabled()  # the pinned column names the row
    desk.page.keyboard.press("Escape")
    desk.settle(1)
    assert menu.count() == 0
    assert desk.events[-1].columns == ("time", "symbol", "side", "qty", "price", "pnl", "status", "note", "do")
    desk.page.evaluate("showView()")
    desk.page.wait_for_timeout(50)
    second = desk.page.locator(".oal-grid").nth(1)
    headers = second.get_by_role("columnheader").all_text_contents()
    assert "Note" in headers
    assert "Avg" not in headers
    desk.settle(1)
    assert desk.events[-1].type == "columns"  # a remembered choice is told to Python when the view opens


def test_a_narrow_view_leaves_columns_out_unless_the_user_wants_them(open_desk: Open) -> None:
    columns = [
        Column(key="name", title="Name", kind="text", width=100, pinned=True),
        Column(key="ltp", title="LTP", kind="price", width=100),
        Column(key="oi", title="OI", kind="qty", width=100, min_view=600, tooltip="Open interest"),
    ]
    grid = Wired("narrow", columns, label="Narrow")
    grid.set_rows([1], {"name": ["SBIN"]}, values={"ltp": [812.5], "oi": [100.0]})
    desk = open_desk(grid, width=500)
    assert (desk.text(1, "ltp"), desk.text(1, "oi")) == ("812.50", None)
    desk.page.hover(".oal-grid")
    desk.page.get_by_label("Columns of Narrow").click()
    desk.page.locator(".oal-grid-menu").get_by_label("Open interest").check()
    desk.page.keyboard.press("Escape")
    desk.settle(1)
    assert desk.text(1, "oi") == "100"
    desk.page.set_viewport_size({"width": 900, "height": 700})
    desk.settle(1)
    assert desk.text(1, "oi") == "100"


def test_bars_of_two_columns_share_one_scale(open_desk: Open) -> None:
    columns = [
        Column(key="call", title="Calls", kind="bar", width=200, bar_scale="put", sortable=False),
        Column(key="put", title="Puts", kind="bar", width=200, bar_scale="call", sortable=False),
    ]
    grid = Wired("bars", columns, label="Bars", height="200px")
    grid.set_rows([1, 2], values={"call": [25.0, 0.0], "put": [0.0, 100.0]})
    desk = open_desk(grid, width=440)
    assert desk.pixel(1, "call") == desk.pixel(2, "call")  # a quarter of the shared scale ends left of the middle
    assert desk.pixel(1, "put") != desk.pixel(2, "put")


def test_a_number_under_its_buttons_is_not_shown_in_part(open_desk: Open) -> None:
    column = Column(key="ltp", title="LTP", kind="price", width=80, actions=(BUY, SELL))
    grid = Wired("covered", [Column(key="n", title="N", kind="text", width=300), column], label="Covered")
    grid.set_rows([1], {"n": ["x"]}, values={"ltp": [1_234_567.85]})
    desk = open_desk(grid, width=400)
    at = desk.call("hit", 1, "ltp")
    digit = 24  # px to the right of the middle: under the last digits, beside the buttons

    def ink() -> bool:
        return any(desk.pixel(1, "ltp", dx) != desk.pixel(1, "ltp", -37) for dx in range(digit, digit + 10))

    desk.page.mouse.move(5, 5)
    desk.settle(1)
    assert ink()
    desk.page.mouse.move(at["x"], at["y"])
    desk.settle(1)
    assert not ink()


def test_the_empty_state_offers_the_button_that_mends_it(open_desk: Open, screens: Path) -> None:
    desk = open_desk(make_orders())
    desk.grid.set_rows([], {"symbol": [], "side": [], "status": [], "note": []})
    desk.settle()
    desk.page.screenshot(path=screens / "grid-empty-dark-1440.png")
    assert desk.page.get_by_text("No orders today. Place one from a ticket.").is_visible()
    desk.page.get_by_role("button", name="Open a ticket").click()
    desk.settle(1)
    assert desk.events[-1] == GridEvent(type="action", action="ticket")


# Keyboard and screen reader


def test_arrows_move_and_enter_acts(open_desk: Open) -> None:
    desk = open_desk(make_orders())
    desk.page.locator(".oal-grid-table").focus()
    desk.press("ArrowDown")
    assert desk.call("focus") == {"id": 101, "key": "time", "action": ""}
    desk.press("ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight")
    assert desk.call("focus") == {"id": 102, "key": "qty", "action": ""}
    desk.press("Enter")
    assert desk.events[-1] == GridEvent(type="click", row=102, column="qty")
    desk.press("End")
    assert desk.call("focus") == {"id": 102, "key": "do", "action": "modify"}
    desk.press("ArrowRight", "Enter")
    assert desk.events[-1] == GridEvent(type="action", row=102, column="do", action="cancel")
    desk.press("Home", "m")
    assert desk.events[-1] == GridEvent(type="action", row=102, column="do", action="modify")
    desk.press("Delete")
    assert desk.events[-1] == GridEvent(type="key", row=102, column="time", key="Delete")
    desk.press("PageDown", "Control+Home")
    assert desk.call("focus")["id"] == 101


def test_shortcuts_trade_the_half_that_is_focused(open_desk: Open) -> None:
    desk = open_desk(make_chain())
    desk.click(ATM, "p_iv")
    desk.press("b")
    assert desk.events[-1] == GridEvent(type="action", row=ATM, column="p_ltp", action="buy")
    desk.click(ATM, "c_iv")
    desk.press("s")
    assert desk.events[-1] == GridEvent(type="action", row=ATM, column="c_ltp", action="sell")


def test_a_key_held_down_is_one_press(open_desk: Open) -> None:
    desk = open_desk(make_chain())
    desk.click(ATM, "p_iv")
    for _ in range(4):
        desk.page.keyboard.down("b")
    desk.page.keyboard.up("b")
    desk.settle(1)
    assert [event.action for event in desk.events if event.type == "action"] == ["buy"]


def test_paging_keeps_the_focus_in_view(open_desk: Open) -> None:
    desk = open_desk(make_orders(5_000))
    desk.page.locator(".oal-grid-table").focus()
    desk.press("ArrowDown", "Control+End")
    assert desk.call("focus")["id"] == 5_100
    assert desk.text(5_100, "qty") is not None
    assert desk.text(101, "qty") is None  # only what is in view is painted
    desk.press("PageUp")
    assert 5_080 <= desk.call("focus")["id"] < 5_100


def test_lab_shortcuts_are_held_off_for_the_keys_of_the_grid_only(open_desk: Open) -> None:
    desk = open_desk(make_orders())
    desk.page.evaluate(
        """() => { window.seen = []; document.addEventListener('keydown', (e) =>
        seen.push([e.key, e.target.closest('[data-lm-suppress-shortcuts]') !== null]), true) }"""
    )
    desk.click(102, "qty")
    desk.press("ArrowDown", "m", "Control+s", "z")
    seen = dict(desk.page.evaluate("seen"))
    assert (seen["ArrowDown"], seen["m"], seen["s"], seen["z"]) == (True, True, False, False)


def test_copy_gives_exact_numbers(open_desk: Open) -> None:
    desk = open_desk(make_orders(), permissions=["clipboard-read", "clipboard-write"])
    read = "navigator.clipboard.readText()"
    desk.click(101, "qty")
    desk.press("Control+c")
    row = "2026-09-21T19:43:20.000+05:30\tNIFTY26NOV24000CE\tBUY\t75\t187.05\t187.0333\t1250.5\tCOMPLETE"
    assert desk.page.evaluate(read) == row
    desk.page.keyboard.down("Shift")
    desk.click(102, "qty")
    desk.page.keyboard.up("Shift")
    desk.press("Control+c")
    assert desk.page.evaluate(read).split("\n") == [
        "Time\tSymbol\tSide\tQty\tPrice\tAvg\tP&L\tStatus",
        row,
        "2026-09-21T19:44:21.000+05:30\tSBIN\tSELL\t100000\t812.4\t\t\tOPEN",
    ]


def test_the_twin_says_what_is_focused_and_is_quiet_about_ticks(open_desk: Open) -> None:
    desk = open_desk(make_chain())
    grid = desk.page.get_by_role("grid", name="Option chain NIFTY")
    assert grid.get_attribute("aria-rowcount") == "42"
    live = desk.page.locator(".oal-grid [aria-live]")
    desk.click(ATM, "p_bid")
    desk.press("ArrowLeft")
    said = live.text_content()
    assert said == f"24,000, puts Ask {desk.text(ATM, 'p_ask')}"
    cell = desk.page.locator("#" + grid.get_attribute("aria-activedescendant"))
    assert cell.text_content() == desk.text(ATM, "p_ask")
    names = [button.get_attribute("aria-label") for button in grid.get_by_role("button", include_hidden=True).all()]
    assert [name for name in names if name in {"Buy", "Sell"}] == ["Buy", "Sell"] * 2
    desk.page.wait_for_timeout(1_100)
    desk.grid.push({"p_ask": chain_values()["p_ask"] + 1}, engine_ns=1)
    desk.settle()
    assert live.text_content() == said
    assert cell.text_content() == desk.text(ATM, "p_ask")


# Narrow, touch, silence


def test_a_phone_shows_both_prices_beside_the_strike(open_desk: Open) -> None:
    desk = open_desk(make_chain(height="640px"), **PHONE)
    assert all(desk.text(ATM, key) for key in ("c_ltp", "strike", "p_ltp"))
    assert desk.text(ATM, "c_oi") is None
    rows = [desk.call("hit", strike, "strike")["y"] for strike in (ATM, ATM + 50)]
    assert rows[1] - rows[0] >= 30
    desk.page.evaluate("document.querySelector('.oal-grid-scroller').scrollLeft = 10_000")
    desk.settle()
    assert desk.text(ATM, "strike") == "24,000"  # the strike stays, now at the left
    assert desk.text(ATM, "p_oi") is not None


def test_a_tap_is_a_click(open_desk: Open) -> None:
    desk = open_desk(make_orders(), **PHONE)
    at = desk.call("hit", 102, "qty")
    desk.page.touchscreen.tap(at["x"], at["y"])
    desk.settle()
    assert desk.events[-1] == GridEvent(type="click", row=102, column="qty")
    at = desk.call("hit", 103, "do", "cancel")
    desk.page.touchscreen.tap(at["x"], at["y"])
    desk.settle()
    assert desk.events[-1] == GridEvent(type="action", row=103, column="do", action="cancel")


def test_a_kernel_that_does_not_answer_is_said(open_desk: Open, screens: Path) -> None:
    desk = open_desk(make_chain())
    desk.page.wait_for_timeout(4_300)
    assert {message["k"] for message in desk.heard} == {"p"}  # it asks, and nobody answers
    desk.page.evaluate("performance.now = ((real) => () => real.call(performance) + 60_000)(performance.now)")
    desk.page.wait_for_timeout(1_200)
    notice = desk.page.locator(".oal-grid-notice")
    assert "the kernel does not answer" in notice.text_content()
    desk.page.screenshot(path=screens / "grid-silent-dark-1440.png")
    desk.page.evaluate("model.deliver({k: 'p'}, [])")
    desk.page.wait_for_timeout(1_200)
    assert notice.text_content() == ""
