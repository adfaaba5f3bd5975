"""What the eye and the hand notice: a click until its order leaves the engine, a tick until it is painted."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from openalgo_lab.bench.opened import is_warm, running_app, running_browser, wait_for
from openalgo_lab.bench.spec import CannotMeasure, Measured, figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, Page

    from openalgo_lab.lab import Lab
    from openalgo_lab.model.instruments import InstrumentKey
    from openalgo_lab.model.orders import Order
    from openalgo_lab.server.state import Instance

__all__ = ["click_to_wire_ms", "tick_to_screen_ms"]

CLICKS = 60
WARM_UP = 3
TICKS_PER_S = 5_000.0
WATCH_S = 20.0
SYMBOL = "SBIN"

#: The browser's own clock at the moment of each press of the ticket's button, in ms since 1970.
_NOTE_PRESSES = """() => {
  window.__presses = [];
  document.addEventListener("click", (event) => {
    if (event.target.closest(".oal-ticket-submit")) window.__presses.push(performance.timeOrigin + event.timeStamp);
  }, { capture: true });
}"""

_ARMED = """says => {
  const button = document.querySelector(".oal-ticket-submit");
  return !!button && !button.disabled && button.textContent.startsWith(says);
}"""

_PAINTED = "() => Object.values(window.__openalgo_lab_grid_stats ?? {}).some((one) => one.lagMs.length)"
_LAGS = "() => window.__openalgo_lab_grid_stats['option-chain'].lagMs.splice(0)"


@figure("click_to_wire_ms", unit="ms", goal=25.0, better="lower", also={"p99": 50.0})
def click_to_wire_ms() -> Measured:
    """From the browser's click on the ticket's button until the order leaves the engine; p50.

    Both moments are clocks of this machine: the event's own time stamp, and the order's ``sent_ns``, taken after the
    intent is durable and before the first byte goes to the broker.
    """
    from openalgo_lab.lab import Lab

    with running_app() as app, Lab(host="never") as lab, running_browser() as browser:
        page = _open(app, browser, "desk")
        _prepare_ticket(page)
        page.evaluate(_NOTE_PRESSES)
        sent = [_press(page, lab, number) for number in range(CLICKS + WARM_UP)]
        pressed: list[float] = page.evaluate("() => window.__presses")
    if len(pressed) != len(sent):
        raise CannotMeasure(f"{len(pressed)} presses became {len(sent)} orders.")
    took = [order.sent_ns / 1e6 - at for order, at in zip(sent, pressed, strict=True)][WARM_UP:]
    return Measured(statistics.median(took), also={"p99": _quantile(took, 0.99)})


@figure("tick_to_screen_ms", unit="ms", goal=100.0, better="lower")
def tick_to_screen_ms() -> Measured:
    """From a tick's own time to its paint in an open option chain, while 5,000 ticks/s reach the engine; p95."""
    from openalgo_lab.lab import Lab

    with running_app() as app, Lab(host="never") as lab, running_browser() as browser:
        page = _open(app, browser, "option_chain")
        rate = _load(lab)
        page.evaluate(_LAGS)  # what was painted until now does not count
        lags, deadline = list[float](), time.monotonic() + WATCH_S
        while time.monotonic() < deadline:
            time.sleep(1.0)
            lags += page.evaluate(_LAGS)
        lab.handle.unsubscribe("bench")
    if len(lags) < WATCH_S:
        raise CannotMeasure(f"The chain was painted {len(lags)} times in {WATCH_S:g} s.")
    return Measured(_quantile(lags, 0.95), also={"p50": statistics.median(lags), "ticks_per_s": rate})


def _open(app: Instance, browser: Browser, name: str) -> Page:
    """A page of the app with its first prices painted."""
    wait_for(lambda: is_warm(app), "the pages are warm")
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{app.url}login?token={app.token}&next=/openalgo/{name}")
    page.wait_for_function(
        "() => Object.values(window.__openalgo_lab_grid_stats ?? {}).some((one) => one.lagMs.length)"
    )
    return page


def _prepare_ticket(page: Page) -> None:
    search = page.locator(".oal-watchlist .oal-search-input")
    search.fill(SYMBOL)
    page.get_by_role("option").first.wait_for()
    search.press("Enter")
    page.get_by_role("radio", name="MARKET", exact=True).click()


def _press(page: Page, lab: Lab, number: int) -> Order:
    """One order by one press; another quantity each time, as two equal ones in a row would be asked about."""
    units = 1 + number % 8
    page.get_by_role("textbox", name="Quantity", exact=True).fill(str(units))
    page.wait_for_function(_ARMED, arg=f"BUY {units} {SYMBOL} at MARKET")
    before = len(_orders(lab))
    page.locator(".oal-ticket-submit").click()
    return wait_for(lambda: next(iter(_orders(lab)[before:]), None), "the order is in the book", pause_s=0.01)


def _orders(lab: Lab) -> list[Order]:
    return [order for order in lab.books.orders if order.symbol == SYMBOL and order.sent_ns]


def _load(lab: Lab) -> float:
    """Wants more and more instruments until 5,000 ticks a second come; answers with the rate reached."""
    from openalgo_lab.model.vocabulary import FeedMode

    keys: Sequence[InstrumentKey] = [item.key for item in lab.handle.instruments.all()]
    for number in range(500, len(keys) + 250, 250):
        lab.handle.subscribe(keys[:number], FeedMode.QUOTE, "bench")
        if rate := _settled_rate(lab):
            return rate
    raise CannotMeasure(f"All {len(keys)} instruments together do not give {TICKS_PER_S:g} ticks/s on this machine.")


def _settled_rate(lab: Lab) -> float:
    """Ticks a second when they are enough within a few seconds; 0 when they are not."""
    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline:
        time.sleep(0.5)
        rate = max((feed.ticks_per_s for feed in lab.handle.status.feeds), default=0.0)
        if rate >= TICKS_PER_S:
            return rate
    return 0.0


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
