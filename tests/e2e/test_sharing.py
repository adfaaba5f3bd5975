"""One engine under everything: pages and notebooks share it, and its death is survived by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

from playwright.sync_api import expect

from openalgo_lab import Lab
from tests.e2e.pages import AppPage
from tests.e2e.running_app import RunningApp, wait_for

OpenPage = Callable[..., AppPage]

NOTEBOOK = """
from openalgo_lab import Lab
with Lab({profile!r}, host="never") as lab:
    order = lab.place_order("NSE:MARUTI", "BUY", 2)
    order.wait(20)
    print(order.status.value)
"""


def test_two_pages_and_a_notebook_share_one_engine(open_page: OpenPage, app: RunningApp) -> None:
    first, second = open_page("desk"), open_page("desk")
    tables = [page.table("blotter-orders") for page in (first, second)]
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK.format(profile=app.profile)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "complete", done.stderr
    for table in tables:
        row = table.find("symbol", "MARUTI")
        table.wait_text(row, "status", 'text === "filled"')
    engines = {page.page.locator(".oal-bar-engine").inner_text().split(",")[0] for page in (first, second)}
    assert len(engines) == 1


def test_pages_recover_by_themselves_when_the_host_is_killed(open_page: OpenPage, app: RunningApp, lab: Lab) -> None:
    desk, chain = open_page("desk"), open_page("option_chain")
    table = desk.table("watchlist-Main")
    nifty = table.find("symbol", "NIFTY")
    table.wait_change(nifty, "ltp")
    desk.choose_symbol("bhartiartl")
    desk.set_ticket("MARKET", quantity=4)
    desk.send("BUY 4 BHARTIARTL")
    orders = desk.table("blotter-orders")
    orders.wait_text(orders.find("symbol", "BHARTIARTL"), "status", 'text === "filled"')
    killed = lab.handle.status.pid
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: lab.handle.status.pid != killed, "another engine takes over")
    expect(desk.page.locator(".oal-bar-engine")).not_to_contain_text(f"process {killed}")
    expect(desk.page.locator(".oal-bar-feed .oal-bar-value")).to_have_text("live")
    table.wait_change(nifty, "ltp")
    assert orders.wait_text(orders.find("symbol", "BHARTIARTL"), "status", 'text !== ""') == "filled"
    spot = chain.page.locator('[data-figure="spot"] .oal-chain-value')
    before = spot.inner_text()
    expect(spot).not_to_have_text(before)
    desk.set_ticket("MARKET", side="SELL", quantity=4)
    desk.send("SELL 4 BHARTIARTL")
    wait_for(
        lambda: sum(one.quantity for one in lab.handle.books.positions if one.symbol == "BHARTIARTL") == 0,
        "the position is closed through the new engine",
    )
