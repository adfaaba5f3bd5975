"""The vault's page in a browser: a wrong passphrase is said, and what was typed is gone from the page at once."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.pages import AppPage

OpenPage = Callable[..., AppPage]
FIRST, SECOND = "seven purple lorries at dawn", "six purple lorries at dawn"


def test_the_page_asks_for_a_vault_and_keeps_nothing_that_was_typed(open_page: OpenPage) -> None:
    page = open_page("vault", width=900, height=700).page
    expect(page.get_by_role("heading", name="Create the vault")).to_be_visible()
    expect(page.get_by_text("Users are kept in the vault")).to_be_visible()
    page.get_by_label("New passphrase").fill(FIRST)
    page.get_by_label("The same again").fill(SECOND)
    page.get_by_role("button", name="Create vault").click()
    expect(page.get_by_text("The two do not agree")).to_be_visible()
    assert page.get_by_label("New passphrase").input_value() == ""
    assert FIRST not in page.content()
    expect(page.get_by_role("button", name="Create vault")).to_be_enabled()
