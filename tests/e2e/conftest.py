"""One app for all tests of this folder, one browser a file, a fresh browser context for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from openalgo_lab import Lab
from tests.e2e.pages import PATIENCE_S, AppPage
from tests.e2e.running_app import RunningApp
from tests.support.chromium import chromium

_failed = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


# Of the module, not of the session: a running Playwright holds an event loop that other tests cannot share.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_S * 1000)
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="package")
def app() -> Iterator[RunningApp]:
    # Each process of a parallel run has an app and a profile of its own.
    running = RunningApp(f"e2e{os.environ.get('PYTEST_XDIST_WORKER', '')}")
    yield running
    running.stop()


@pytest.fixture(scope="package")
def lab(app: RunningApp) -> Iterator[Lab]:
    """An attached facade in this process: what the books of the app's engine say."""
    attached = Lab(app.profile, host="never")
    yield attached
    attached.close()


@pytest.fixture
def open_page(
    browser: Browser, app: RunningApp, screens: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., AppPage]]:
    """Opens a page of the app in a browser context of its own; none may end with an error on its console."""
    opened: list[AppPage] = []

    def start(name: str, *, of: RunningApp = app, width: int = 1440, height: int = 900, **context: Any) -> AppPage:
        made = browser.new_context(viewport={"width": width, "height": height}, **context)
        landing = "openalgo" if name == "home" else f"openalgo/{name}"
        opened.append(AppPage(made.new_page(), of.sign_in_url(landing)))
        return opened[-1]

    yield start
    for number, one in enumerate(opened):
        if request.node.stash.get(_failed, False) and not one.page.is_closed():
            one.page.screenshot(path=screens / f"failed-{request.node.name}-{number}.png")
        _leave(one.page)
    assert [error for one in opened for error in one.errors] == []


def _leave(page: Page) -> None:
    """As a person closes a tab, so that its kernel ends at once; one that just vanished is kept for a minute."""
    if not page.is_closed():
        with page.expect_event("close"):
            page.close(run_before_unload=True)
    page.context.close()


@pytest.fixture(scope="session")
def screens() -> Path:
    default = Path(__file__).resolve().parents[2] / "ci-output" / "screens"
    folder = Path(os.environ.get("OPENALGO_LAB_SCREENS", default))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
