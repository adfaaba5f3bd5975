"""A page of the app as a person sees and works it: cells of its canvas tables, presses, keys, what went wrong."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page

__all__ = ["PATIENCE_S", "AppPage", "Table"]

PATIENCE_S = 45
"""A condition that has not come true by then never will; on a machine with other work it may take a while."""

# A page that is left while messages are on their way says so on the console: no fault of the page.
_HARMLESS = ("Unsatisfied version", "No satisfying version", "Cannot send", "ResizeObserver loop")


class Table:
    """One canvas table of the page, by its name."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name
        self._where = f'[data-grid="{name}"]'

    def wait(self) -> Table:
        """Until it is drawn."""
        self.page.wait_for_function(f"() => document.querySelector('{self._where}')?.__grid")
        return self

    def call(self, method: str, *arguments: Any) -> Any:
        """One of the table's hooks."""
        return self.page.evaluate(
            f"([method, all]) => document.querySelector('{self._where}').__grid[method](...all)",
            [method, list(arguments)],
        )

    def rows(self) -> list[int]:
        """Row ids in order."""
        found: list[int] = self.call("rowIds")
        return found

    def text(self, row: int, column: str) -> str | None:
        """What is painted in a cell; None when it is out of view."""
        found: str | None = self.call("cellText", row, column)
        return found

    def find(self, column: str, text: str) -> int:
        """The first row that shows ``text``; waits for it."""
        found: int = self.page.wait_for_function(
            f"""([column, text]) => {{
              const grid = document.querySelector('{self._where}')?.__grid;
              return grid?.rowIds().find((id) => (grid.cellText(id, column) ?? "").includes(text));
            }}""",
            arg=[column, text],
        ).json_value()
        return found

    def wait_text(self, row: int, column: str, test: str) -> str:
        """Waits until a JavaScript condition over ``text`` holds for a cell."""
        found: str = self.page.wait_for_function(
            f"""([row, column]) => {{
              const text = document.querySelector('{self._where}')?.__grid.cellText(row, column);
              return text !== null && text !== undefined && ({test}) ? text : null;
            }}""",
            arg=[row, column],
        ).json_value()
        return found

    def wait_change(self, row: int, column: str) -> None:
        """Waits until a number on screen becomes another one."""
        before = self.wait_text(row, column, 'text !== "–"')
        self.wait_text(row, column, f'text !== "–" && text !== {before!r}')

    def press(self, row: int, column: str, action: str = "", **options: Any) -> None:
        """A mouse click on a cell or one of its buttons; the row must be under the pointer for the button to show."""
        at = self.call("hit", row, column)
        self.page.mouse.move(at["x"], at["y"])
        if action:
            at = self.call("hit", row, column, action)
            self.page.mouse.move(at["x"], at["y"])
        self.page.mouse.click(at["x"], at["y"], **options)


class AppPage:
    """One tab with the app in it. `errors` are what the console said that is no harmless noise."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("pageerror", lambda error: self._hear(str(error)))
        page.on("console", lambda message: self._hear(message.text) if message.type == "error" else None)
        page.goto(url)

    def _hear(self, text: str) -> None:
        if not any(word in text for word in _HARMLESS):
            self.errors.append(text)

    def table(self, name: str) -> Table:
        """A canvas table by its name, drawn."""
        return Table(self.page, name).wait()

    @property
    def ticket(self) -> Locator:
        """The order ticket."""
        return self.page.get_by_role("form", name="Order ticket")

    def choose_symbol(self, text: str) -> None:
        """Search, and take the first that is found: chart, depth and ticket show it."""
        self.page.locator(".oal-watchlist").get_by_role("combobox", name="Search instruments").fill(text)
        self.page.get_by_role("option").first.wait_for()
        self.page.keyboard.press("Enter")

    def set_ticket(self, kind: str, *, side: str = "BUY", quantity: int | None = None, price: str = "") -> None:
        """Fill the ticket in as a person does."""
        for name in (side, kind):
            self.ticket.get_by_role("radio", name=name, exact=True).click()
        if quantity is not None:
            self.ticket.get_by_role("textbox", name="Quantity", exact=True).fill(str(quantity))
        if price:
            self.ticket.get_by_role("textbox", name="Price", exact=True).fill(price)

    @property
    def submit(self) -> Locator:
        """The button that says what it will do."""
        return self.ticket.locator(".oal-ticket-submit")

    def send(self, says: str) -> None:
        """Press the button once it says ``says`` and is armed."""
        self.page.wait_for_function(
            "says => { const b = document.querySelector('.oal-ticket-submit');"
            " return b && !b.disabled && b.textContent.includes(says); }",
            arg=says,
        )
        self.submit.click()

    def book(self, name: str) -> None:
        """Open one of the books."""
        self.page.get_by_role("tablist", name="Books").get_by_role("tab", name=name).click()
