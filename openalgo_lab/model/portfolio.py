"""What an account holds: positions, holdings, funds. Money of sums is kept in integer paise."""

from __future__ import annotations

import msgspec

from openalgo_lab.model.vocabulary import Exchange, Mode, Product

__all__ = ["Account", "Funds", "Holding", "Position", "Profile"]


class Account(msgspec.Struct, frozen=True):
    """A broker account as the router knows it; ``mode`` says whose money it is and never changes."""

    account: str
    broker: str
    mode: Mode
    name: str = ""


class Profile(msgspec.Struct, frozen=True):
    """Who is logged in at the broker, and what that person may trade; empty where the broker does not say."""

    client: str
    name: str = ""
    exchanges: tuple[Exchange, ...] = ()
    products: tuple[Product, ...] = ()


class Position(msgspec.Struct, frozen=True):
    """Net position of (account, exchange, symbol, product). Signed units; average in rupees, 0 when flat.

    ``realised_paise`` is today's realised profit without charges; unrealised is derived from the board's price.
    ``buy_quantity``/``sell_quantity`` and values are the day's totals.
    """

    account: str
    exchange: Exchange
    symbol: str
    product: Product
    quantity: int
    average_price: float
    realised_paise: int = 0
    buy_quantity: int = 0
    sell_quantity: int = 0
    buy_value_paise: int = 0
    sell_value_paise: int = 0
    multiplier: int = 1

    def unrealised_paise(self, ltp: float) -> int:
        """Profit in paise if closed at ``ltp`` (rupees); 0 when flat."""
        if not self.quantity:
            return 0
        return round((ltp - self.average_price) * self.quantity * self.multiplier * 100)


class Holding(msgspec.Struct, frozen=True):
    """Shares in the demat account."""

    account: str
    exchange: Exchange
    symbol: str
    quantity: int
    average_price: float


class Funds(msgspec.Struct, frozen=True):
    """Money of an account, in paise."""

    account: str
    available_paise: int
    used_paise: int
    collateral_paise: int = 0
    realised_paise: int = 0
    unrealised_paise: int = 0
