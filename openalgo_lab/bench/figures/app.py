"""The app as a person meets it: command to first answer, page to first price, and what a page costs in memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import psutil

from openalgo_lab.bench.opened import HANG_S, is_warm, running_app, running_browser, wait_for
from openalgo_lab.bench.spec import CannotMeasure, Measured, figure
from openalgo_lab.server.state import Instance

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["app_start_s", "page_first_price_s", "page_rss_mb"]

ROUNDS = 5
SETTLE_S = 2.0  # between two page loads: the pool refills behind a page that has painted

#: True once a cell of the desk's watchlist shows a price and its table has painted it.
_PRICE_IS_PAINTED = """() => {
  const grid = document.querySelector('[data-grid="watchlist-Main"]')?.__grid;
  const stats = Object.values(window.__openalgo_lab_grid_stats ?? {});
  return !!grid && stats.some((one) => one.paints > 0)
    && grid.rowIds().some((id) => /\\d/.test(grid.cellText(id, "ltp") ?? ""));
}"""


@figure("app_start_s", unit="s", goal=3.0, better="lower")
def app_start_s() -> float:
    """From the command `openalgo-lab app` until its server answers a request; median, the first start left out."""
    took = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        with running_app():
            took.append(time.perf_counter() - began)
    return statistics.median(took[1:])


@figure("page_first_price_s", unit="s", goal=2.5, better="lower", also={"reload": 1.6})
def page_first_price_s() -> Measured:
    """From the request of the desk, by a browser that knows nothing of it, to the first price painted; and a reload."""
    with running_app() as app, running_browser() as browser:
        first, again = [], []
        for _ in range(ROUNDS):
            wait_for(lambda: is_warm(app), "the pages are warm")
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.goto(f"{app.url}login?token={app.token}&next=/openalgo")
            first.append(_until_price(page, partial(page.goto, f"{app.url}openalgo/desk", wait_until="commit")))
            for _ in range(2):
                time.sleep(SETTLE_S)
                wait_for(lambda: is_warm(app), "the pages are warm")
                again.append(_until_price(page, partial(page.reload, wait_until="commit")))
            context.close()
        return Measured(statistics.median(first), also={"reload": statistics.median(again)})


@figure("page_rss_mb", unit="MB", goal=180.0, better="lower")
def page_rss_mb() -> float:
    """Resident memory of the process behind an open desk, a while after its first price."""
    with running_app() as app, running_browser() as browser:
        wait_for(lambda: is_warm(app), "the pages are warm")
        waiting = set(_page_processes(app))
        page = browser.new_page()
        page.goto(f"{app.url}login?token={app.token}&next=/openalgo")
        _until_price(page, partial(page.goto, f"{app.url}openalgo/desk", wait_until="commit"))
        time.sleep(5 * SETTLE_S)
        used = page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
        return _rss_of(waiting, used)


def _rss_of(processes: set[psutil.Process], kernel_id: str) -> float:
    for process in processes:
        if kernel_id in " ".join(process.cmdline()):
            return float(process.memory_info().rss / 2**20)
    raise CannotMeasure("The desk did not get a warm kernel.")


def _page_processes(app: Instance) -> list[psutil.Process]:
    children = psutil.Process(app.pid).children()
    return [child for child in children if "openalgo_lab.server.page_kernel" in child.cmdline()]


def _until_price(page: Page, request: Callable[[], Any]) -> float:
    """Seconds from `request` to the first painted price."""
    began = time.perf_counter()
    request()
    while time.perf_counter() - began < HANG_S:
        if page.evaluate(_PRICE_IS_PAINTED):
            return time.perf_counter() - began
        time.sleep(0.01)
    raise CannotMeasure(f"The desk showed no price within {HANG_S:g} s.")
