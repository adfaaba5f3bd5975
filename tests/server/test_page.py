"""A dashboard page in a real browser: it paints in both themes, keeps quiet, and comes back by itself."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from running import Running, wait_for

from tests.support.chromium import chromium

expect.set_options(timeout=60_000)  # a hang guard
pytestmark = pytest.mark.e2e

PROBE = """
import os
import ipywidgets as widgets

press = widgets.Button(description="Press me")
told = widgets.Label("not yet")
press.on_click(lambda _: setattr(told, "value", f"pressed in {os.getpid()}"))
widgets.VBox([press, told, widgets.Text(value="SBIN", description="Symbol")])
"""
HOSTILE = "raise ValueError('</script><img src=x onerror=window.hacked=1>')"
DYING = "import os\nos._exit(1)"
_EXPECTED = ("Unsatisfied version", "No satisfying version")  # widgets built for a newer Lab than Voilà's: harmless


def dashboard(running: Running, name: str, code: str) -> None:
    cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": code}
    content = {"cells": [cell], "metadata": {"title": name.title()}, "nbformat": 4, "nbformat_minor": 5}
    (running.profile / "workbench" / "dashboards" / f"{name}.ipynb").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    one = Running(tmp_path_factory.mktemp("page")).start()
    for name, code in (("probe", PROBE), ("hostile", HOSTILE), ("dying", DYING)):
        dashboard(one, name, code)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def context(browser: Browser, running: Running) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    made.set_default_timeout(90_000)
    page = made.new_page()
    page.goto(f"{running.state['url']}login?token={running.state['token']}&next=/openalgo")
    page.close()
    yield made
    made.close()


@pytest.fixture(scope="module")
def screens() -> Path:
    default = Path(__file__).resolve().parents[2] / "ci-output" / "screens"
    folder = Path(os.environ.get("OPENALGO_LAB_SCREENS", default))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def said(page: Page) -> list[str]:
    """What the page says on its console and asks of others, filled as it goes."""
    lines: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_EXPECTED):
            lines.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: lines.append(str(error)))
    page.on("requestfailed", lambda request: lines.append(f"failed: {request.url}"))
    return lines


def foreign(page: Page, running: Running) -> list[str]:
    urls: list[str] = []
    own = (running.state["url"], "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else urls.append(request.url))
    return urls


def test_a_button_in_both_themes_without_a_word_on_the_console(
    context: BrowserContext, running: Running, screens: Path
) -> None:
    page = context.new_page()
    lines, urls = said(page), foreign(page, running)
    page.goto(f"{running.state['url']}openalgo/probe")
    button = page.get_by_role("button", name="Press me")
    button.click()
    expect(page.get_by_text("pressed in")).to_be_visible()
    grounds = set()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        for _ in range(2):
            theme = page.evaluate("document.documentElement.dataset.oalTheme")
            assert page.evaluate("document.body.dataset.jpThemeLight") == str(theme == "light").lower()
            grounds.add((theme, page.evaluate("getComputedStyle(document.body).backgroundColor")))
            page.screenshot(path=screens / f"probe-{theme}-{width}.png")
            page.locator("[data-oal-toggle]").click()
        assert page.evaluate("document.body.scrollWidth") <= width
    assert len(grounds) == 2
    assert page.title() == "Probe · OpenAlgo Lab"
    assert (lines, urls) == ([], [])
    loads = page.evaluate("performance.getEntriesByType('resource').filter((r) => r.name.endsWith('.js')).length")
    assert loads < 20, "page_scripts.json no longer fits Voilà: one script should hold nearly all of them"


def test_the_theme_is_kept_and_there_before_the_first_paint(context: BrowserContext, running: Running) -> None:
    page = context.new_page()
    page.goto(f"{running.state['url']}openalgo")
    page.locator("[data-oal-toggle]").click()
    page.goto(f"{running.state['url']}openalgo/probe", wait_until="commit")
    page.wait_for_selector(".oal-top")
    assert page.evaluate("document.documentElement.dataset.oalTheme") == "light"


def test_a_page_whose_kernel_dies_comes_back(context: BrowserContext, running: Running) -> None:
    page = context.new_page()
    page.goto(f"{running.state['url']}openalgo/probe")
    page.get_by_role("button", name="Press me").click()
    first = page.get_by_text("pressed in").inner_text()
    os.kill(int(first.split()[-1]), signal.SIGKILL)
    expect(page.get_by_text("not yet")).to_be_visible()  # loaded afresh, by itself
    page.get_by_role("button", name="Press me").click()
    second = page.get_by_text("pressed in")
    expect(second).to_be_visible()
    assert second.inner_text() != first


def test_a_page_that_is_closed_takes_its_kernel_along(context: BrowserContext, running: Running) -> None:
    before = running.health()["pages"]
    page = context.new_page()
    page.goto(f"{running.state['url']}openalgo/probe")
    page.get_by_role("button", name="Press me").click()
    assert running.health()["pages"] == before + 1
    page.close(run_before_unload=True)
    wait_for(lambda: running.health()["pages"] <= before)


@pytest.mark.parametrize("name", ["hostile", "dying"])
def test_a_dashboard_that_fails_says_so(context: BrowserContext, running: Running, screens: Path, name: str) -> None:
    page = context.new_page()
    page.goto(f"{running.state['url']}openalgo/{name}")
    alert = page.get_by_role("alert").filter(has_text="could not start")
    expect(alert).to_be_visible()
    expect(alert.get_by_role("button", name="Reload")).to_be_visible()
    assert page.evaluate("window.hacked") is None
    expect(page.get_by_text("Traceback")).to_have_count(0)
    page.screenshot(path=screens / f"fault-{name}.png")


_IMPATIENT = """
const later = window.setTimeout;
window.setTimeout = (act, ms, ...more) => later(ms === 30000 ? () => {
  act(); window.told = !document.getElementById("oal-fault").hidden;
} : act, ms === 30000 ? 1 : ms, ...more);
"""


def test_a_page_that_was_given_up_is_shown_when_it_comes_after_all(context: BrowserContext, running: Running) -> None:
    page = context.new_page()
    page.add_init_script(_IMPATIENT)
    page.goto(f"{running.state['url']}openalgo/probe")
    page.get_by_role("button", name="Press me").click()
    expect(page.get_by_text("pressed in")).to_be_visible()
    expect(page.locator("#oal-fault")).to_be_hidden()
    assert page.evaluate("window.told")


def test_an_unknown_dashboard_is_told(context: BrowserContext, running: Running) -> None:
    page = context.new_page()
    page.goto(f"{running.state['url']}openalgo/nothing")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page.get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name="The simulated exchange is running")).to_be_visible()


def test_a_page_outlives_a_restart_of_the_server(context: BrowserContext, tmp_path: Path) -> None:
    port_code = "run_app(browser='none', port=int(__import__('os').environ['PORT']))"
    from running import free_port

    one = Running(tmp_path / "home", env={"PORT": str(free_port())}, code=port_code).start()
    dashboard(one, "probe", PROBE)
    page = context.new_page()
    page.goto(f"{one.state['url']}login?token={one.state['token']}&next=/openalgo/probe")
    page.get_by_role("button", name="Press me").click()
    expect(page.get_by_text("pressed in")).to_be_visible()
    one.stop()
    expect(page.get_by_text("The server does not answer")).to_be_visible()
    one.start()
    expect(page.get_by_text("not yet")).to_be_visible()  # the cookie outlives the server: nobody signs in again
    one.stop()


def test_lab_opens_under_its_policy(context: BrowserContext, running: Running, screens: Path) -> None:
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
    urls = foreign(page, running)
    page.goto(f"{running.state['url']}lab")
    expect(page.locator(".jp-LauncherCard").first).to_be_visible()
    expect(page.get_by_text("OpenAlgo page")).to_have_count(0)
    page.screenshot(path=screens / "lab.png")
    assert (refused, urls) == ([], [])
