"""What the bot answers: each command one function from the engine's answers to plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from openalgo_lab.model.events import Books, EngineStatus
from openalgo_lab.model.market import Quote
from openalgo_lab.model.money import format_inr
from openalgo_lab.model.vocabulary import Mode

__all__ = ["HELP", "banner", "funds", "holdings", "orders", "pnl", "positions", "quote", "status", "trades"]

MOST_ROWS = 20

HELP = (
    "/status /orderbook /tradebook /positions /holdings /funds /pnl\n"
    "/quote SYMBOL [EXCHANGE] - price now\n/chart SYMBOL [EXCHANGE] [INTERVAL] - picture\n"
    "/closeall - close all positions (asks first)\n/mode - whose money it is\n/menu - buttons\n"
    "/unlink - forget this chat"
)


def banner(status: EngineStatus) -> str:
    """Whose money it is: before everything that was done."""
    return "LIVE" if status.mode is Mode.LIVE else status.mode.value.upper()


def status(now: EngineStatus) -> str:
    """Accounts, feed, orders in doubt."""
    feeds = ", ".join(f"{one.broker} {'connected' if one.connected else 'NOT connected'}" for one in now.feeds)
    accounts = ", ".join(f"{one.account} ({one.mode.value})" for one in now.accounts)
    lines = [f"Accounts: {accounts}", f"Feed: {feeds}", f"Orders in doubt: {now.unknown_orders}"]
    return "\n".join([*lines, *(["KILL SWITCH ENGAGED"] if now.kill_switch else [])])


def orders(books: Books) -> str:
    """Newest first."""
    return _rows(
        f"{one.side} {one.filled_quantity}/{one.quantity} {one.symbol} {one.price_type} {one.status.value}"
        for one in reversed(books.orders)
    )


def trades(books: Books) -> str:
    """Newest first."""
    return _rows(f"{one.side} {one.quantity} {one.symbol} @ {one.price:,.2f}" for one in reversed(books.fills))


def positions(books: Books) -> str:
    """Open ones."""
    return _rows(
        f"{one.symbol} {one.product} {one.quantity:+d} @ {one.average_price:,.2f}"
        for one in books.positions
        if one.quantity
    )


def holdings(books: Books) -> str:
    """Shares."""
    return _rows(f"{one.symbol} {one.quantity} @ {one.average_price:,.2f}" for one in books.holdings)


def funds(books: Books) -> str:
    """Money by account."""
    return _rows(
        f"{one.account}: available {format_inr(one.available_paise / 100, symbol=True)}, used "
        f"{format_inr(one.used_paise / 100, symbol=True)}"
        for one in books.funds
    )


def pnl(profits: Iterable[tuple[str, int, int]]) -> str:
    """(account, realised, open) in paise."""
    return _rows(
        f"{account}: {format_inr((realised + still) / 100, symbol=True, plus=True)} today (realised "
        f"{format_inr(realised / 100, symbol=True, plus=True)}, open {format_inr(still / 100, symbol=True, plus=True)})"
        for account, realised, still in profits
    )


def quote(one: Quote) -> str:
    """Price, change, range."""
    return (
        f"{one.symbol} {one.ltp:,.2f} ({one.change_pct:+.2f} %)\nhigh {one.high:,.2f} low {one.low:,.2f} volume "
        f"{one.volume:,.0f}"
    )


def _rows(lines: Iterable[str]) -> str:
    found: Sequence[str] = list(lines)
    if not found:
        return "Nothing."
    more = f"\n... and {len(found) - MOST_ROWS} more" if len(found) > MOST_ROWS else ""
    return "\n".join(found[:MOST_ROWS]) + more
