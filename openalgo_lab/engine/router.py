"""From an account's name to its line: the adapter, its journal, and whether orders may pass now."""

from __future__ import annotations

from collections.abc import Iterable

from openalgo_lab.broker.adapter import Adapter
from openalgo_lab.model.errors import Denied, InputError
from openalgo_lab.model.portfolio import Account
from openalgo_lab.store.journal import Journal

__all__ = ["Line", "Router"]


class Line:
    """One account's way to its broker. Closed until its books have been compared with the ledger."""

    def __init__(self, adapter: Adapter, journal: Journal, *, tagged: bool = True) -> None:
        self.adapter = adapter
        self.tagged = tagged
        """Whether the broker's books carry our order ids: only then does absence prove that an order did not arrive."""
        self.journal = journal
        self.closed_because = "its books are still being compared; wait a moment"
        self.expired = False
        self.paused_because = ""
        """Why its orders would be judged by another market's prices; "" when they are not."""

    @property
    def account(self) -> Account:
        """Whose line it is."""
        return self.adapter.account

    @property
    def name(self) -> str:
        """The account's name."""
        return self.adapter.account.account

    @property
    def open(self) -> bool:
        """Whether new orders may pass."""
        return not (self.closed_because or self.paused_because)

    def open_up(self) -> None:
        """Let orders pass."""
        self.closed_because, self.expired = "", False

    def shut(self, because: str, *, expired: bool = False) -> None:
        """Refuse new orders here, with a reason; cancels still go out."""
        self.closed_because, self.expired = because, expired


class Router:
    """All lines of the profile."""

    def __init__(self, lines: Iterable[Line], default_account: str = "") -> None:
        self._lines = {line.name: line for line in lines}
        self.default_account = default_account or next(iter(self._lines))
        self.data_line = self.line(self.default_account)
        """Whose market data, instruments and history are shown."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line, in the order of the profile."""
        return tuple(self._lines.values())

    def find(self, account: str) -> Line | None:
        """The line of that name; None where there is none."""
        return self._lines.get(account)

    def add(self, line: Line) -> None:
        """Another account; its name must be new."""
        if line.name in self._lines:
            raise InputError(f"There is an account {line.name} already: give the new one another name.", "account")
        self._lines[line.name] = line

    def remove(self, line: Line) -> None:
        """An account leaves. Raises InputError for the default one."""
        if line.name == self.default_account:
            raise InputError(f"{line.name} is the default account: make another one the default first.", "account")
        self._lines.pop(line.name, None)

    def line(self, account: str) -> Line:
        """The line of an account, "" for the default one. Raises InputError for a name that nobody has."""
        name = account or self.default_account
        found = self._lines.get(name)
        if found is None:
            raise InputError(f"There is no account {name!r}: choose from {', '.join(self._lines)}.", field="account")
        return found

    def open_line(self, account: str) -> Line:
        """The same, for a new order. Raises Denied when the line is closed."""
        line = self.line(account)
        if not line.open:
            because = line.closed_because or line.paused_because
            raise Denied(f"The account {line.name} takes no orders now: {because}.")
        return line
