"""The fill book kept in step with the ledger, and what is computed from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec

from openalgo_lab.engine.accounting.contract_note import Charges
from openalgo_lab.engine.accounting.lots import match
from openalgo_lab.engine.accounting.results import round_trips
from openalgo_lab.engine.accounting.settings import load_settings, save_settings
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.model.accounting import AccountingSettings, BookedFill, Matching, NoteLine, RoundTrip
from openalgo_lab.model.errors import RuleError, StoreError
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import day_bounds_ns, trade_date
from openalgo_lab.model.vocabulary import Side
from openalgo_lab.store.fills import FillStore

__all__ = ["FillBook"]


class FillBook:
    """Owns the store. A trade that cannot be written is told and comes back from the broker's book."""

    def __init__(
        self,
        *,
        store: FillStore,
        folder: Path,
        ledger: Ledger,
        report: Callable[[str, str], None],
        now_ns: Callable[[], int],
    ) -> None:
        self.store = store
        self._folder = folder
        self._ledger = ledger
        self._report = report
        self._now_ns = now_ns
        self._rules: RuleBook | None = None
        self._charges: Charges | None = None

    # Keeping ------------------------------------------------------------------------------------------------------

    def take(self, fill: Fill) -> None:
        """A trade has happened, or a better report of it has come."""
        try:
            self.store.put([fill])
        except StoreError as error:
            self._report("fill book", str(error))

    def catch_up(self) -> None:
        """Enter what the ledger knows, and what it held before the book began, so that both always agree."""
        try:
            self.store.put(self._ledger.books.fills)
            self.store.put(self._openings(), opening=True)
        except StoreError as error:
            self._report("fill book", str(error))

    def _openings(self) -> list[Fill]:
        """Positions that no trade of the book explains: held before it began, or bought elsewhere."""
        matched = match(one.fill for one in self.store.read())
        known: dict[PositionKey, int] = {}
        for (key, _), lots in matched.open.items():
            known[key] = sum(lot.quantity * lot.side.sign for lot in lots)
        start_ns, _ = day_bounds_ns(trade_date(self._now_ns()))
        found: list[Fill] = []
        for position in self._ledger.books.positions:
            key = PositionKey(position.account, position.exchange, position.symbol, position.product)
            extra = position.quantity - known.get(key, 0)
            if not extra or not position.quantity or extra * position.quantity < 0:
                continue
            found.append(
                Fill(
                    trade_id=f"opening-{key.exchange}-{key.symbol}-{key.product}",
                    order_id="",
                    broker_order_id="",
                    account=key.account,
                    exchange=key.exchange,
                    symbol=key.symbol,
                    side=Side.BUY if extra > 0 else Side.SELL,
                    product=key.product,
                    quantity=abs(extra),
                    price=position.average_price,
                    time_ns=start_ns,
                )
            )
        return found

    # Settings -----------------------------------------------------------------------------------------------------

    @property
    def charges(self) -> Charges:
        """The tables and plans in force. Raises StoreError for plans that cannot be read."""
        if self._charges is None:
            self._charges = Charges(self.rules, load_settings(self._folder))
        return self._charges

    @property
    def rules(self) -> RuleBook:
        """The dated tables, read when first needed."""
        if self._rules is None:
            self._rules = RuleBook.load()
        return self._rules

    def set_settings(self, settings: AccountingSettings) -> None:
        """Keep and use them. Raises RuleError for a plan without a row."""
        day = trade_date(self._now_ns())
        for plan in {settings.plan, *settings.plans.values()}:
            self.rules.brokerage_of(plan, "equity_intraday", day)
        save_settings(self._folder, settings)
        self._charges = Charges(self.rules, settings)

    # Reading ------------------------------------------------------------------------------------------------------

    def fills(
        self, start: date | None = None, end: date | None = None, account: str = "", strategy: str = ""
    ) -> list[BookedFill]:
        """Trades with their share of charges, oldest first."""
        booked = self.store.read(account=account, start=start, end=end, strategy=strategy)
        # The day's netting of shares needs the whole day, not the strategy's part of it.
        whole = self.store.read(account=account, start=start, end=end) if strategy else booked
        shares = self.shares(whole)
        return [
            msgspec.structs.replace(
                one, charges=Decimal(0) if one.opening else shares.get((one.fill.account, one.day, one.fill.trade_id))
            )
            for one in booked
        ]

    def shares(self, booked: list[BookedFill]) -> dict[tuple[str, date, str], Decimal]:
        """Charges by trade; a day whose rates are not known is left out, and told."""
        found: dict[tuple[str, date, str], Decimal] = {}
        for day in dict.fromkeys(one.day for one in booked):
            fills = [one.fill for one in booked if one.day == day and not one.opening]
            try:
                found.update(self.charges.of_fills(fills))
            except RuleError as error:
                self._report("accounting", f"The charges of {day} are not known: {error}")
        return found

    def trips(
        self, start: date | None, end: date | None, account: str, strategy: str, matching: Matching
    ) -> list[RoundTrip]:
        """Round trips whose exit lies in the days asked for; entries may be older."""
        booked = self.store.read(account=account, end=end)
        shares = self.shares(booked)
        if strategy:
            booked = [one for one in booked if one.fill.strategy == strategy]
        trips = round_trips(booked, shares, matching, within_strategies=bool(strategy))
        return [trip for trip in trips if start is None or trade_date(trip.exit_ns) >= start]

    def notes(self, start: date | None, end: date | None, account: str, *, exact: bool) -> list[NoteLine]:
        """Contract notes. Raises RuleError."""
        booked = self.store.read(account=account, start=start, end=end)
        return self.charges.notes((one.fill for one in booked if not one.opening), exact=exact)
