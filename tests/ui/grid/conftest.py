"""A headless browser for this folder's tests, and the place of their screenshots."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import chromium
from tests.ui.grid.harness import Desk, Wired, serve


# One browser a module: a running Playwright holds an event loop that tests of other modules cannot share.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(tmp_path_factory.mktemp("grid")) as address:
        yield address


@pytest.fixture
def open_desk(browser: Browser, url: str) -> Iterator[Callable[..., Desk]]:
    """Opens a grid in a page of its own; the page must end without a console error."""
    desks: list[Desk] = []

    def start(grid: Wired, *, width: int = 1440, height: int = 760, **context: Any) -> Desk:
        made = browser.new_context(viewport={"width": width, "height": height}, **context)
        desks.append(Desk(made.new_page(), url, grid))
        return desks[-1]

    yield start
    for desk in desks:
        desk.page.context.close()
    assert [error for desk in desks for error in desk.errors] == []


@pytest.fixture(scope="session")
def screens() -> Path:
    default = Path(__file__).resolve().parents[3] / "ci-output" / "screens"
    folder = Path(os.environ.get("OPENALGO_LAB_SCREENS", default))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
