"""Charges of executed orders by the dated tables: exact, or rounded as on a contract note. Decimal arithmetic only.

Shares bought and sold on the same day are intraday whatever their product, the surplus is delivery; both are valued at
the day's average price of their side. Brokerage is by executed order and product. A levy that the tables do not know
for a segment at all is not levied; one that they know, but not for the day, is a RuleError. The end of a contract is
no trade: an option's holder pays the tax on exercise, shares that are delivered the tax on physical delivery.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from openalgo_lab.model.accounting import AccountingSettings, NoteLine
from openalgo_lab.model.errors import RuleError, SymbolError
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.rule_rows import ChargeRow
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.symbols import parse_symbol
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import Exchange, Product, Settlement, Side

__all__ = ["Charges", "exercise_tax"]

_PAISA, _RUPEE = Decimal("0.01"), Decimal(1)
_ZERO = Decimal(0)
_CASH = (Exchange.NSE, Exchange.BSE)
_TAXED = ("brokerage", "txn", "ipft", "sebi")
_LEVIES = ("stt", "ctt", "txn", "ipft", "sebi", "stamp")


class _Part(msgspec.Struct, frozen=True):
    """A share of one trade's value that falls into one segment."""

    fill: Fill
    segment: str
    underlying: str
    value: Decimal


class Charges:
    """The tables and plans in force; pure otherwise."""

    def __init__(self, rules: RuleBook, settings: AccountingSettings | None = None) -> None:
        self._rules = rules
        self.settings = settings or AccountingSettings()
        self._rows: dict[tuple[str, str, Exchange, date, str], ChargeRow | None] = {}

    def notes(self, fills: Iterable[Fill], *, exact: bool = False) -> list[NoteLine]:
        """A line for each account, day, exchange and segment, in that order. Raises RuleError."""
        lines: list[NoteLine] = []
        for group in _by_day(fills).values():
            parts: dict[tuple[Exchange, str], list[_Part]] = {}
            for part in self._parts(group):
                parts.setdefault((part.fill.exchange, part.segment), []).append(part)
            homes = _homes(parts.values())
            for key in sorted(parts):
                orders = [ones for order, ones in _by_order(group).items() if homes[order] == key]
                lines.append(self._line(parts[key], orders, exact=exact))
        return lines

    def of_fills(self, fills: Iterable[Fill]) -> dict[tuple[str, date, str], Decimal]:
        """Each trade's exact share of its day's charges, by (account, day, trade id), in rupees. Raises RuleError."""
        shares: dict[tuple[str, date, str], Decimal] = {}
        for (account, day), group in _by_day(fills).items():
            totals = {order: sum((_value(one) for one in ones), _ZERO) for order, ones in _by_order(group).items()}
            for part in self._parts(group):
                fill = part.fill
                order = totals[_order_of(fill)]
                whole = self._brokerage(fill, order, day)
                amounts = self._levies(part, day)
                amounts["brokerage"] = whole * part.value / order if order else _ZERO
                key = (account, day, fill.trade_id)
                shares[key] = shares.get(key, _ZERO) + sum(amounts.values(), _ZERO) + self._gst(part, amounts, day)
        return shares

    # -----------------------------------------------------------------------------------------------------------

    def _line(self, parts: Sequence[_Part], orders: Sequence[Sequence[Fill]], *, exact: bool) -> NoteLine:
        first = parts[0]
        day = trade_date(first.fill.time_ns)
        sums = dict.fromkeys((*_LEVIES, "brokerage"), _ZERO)
        for part in parts:
            for levy, amount in self._levies(part, day).items():
                sums[levy] += amount
        sums["brokerage"] = sum((self._brokerage(fills[0], _sum(fills), day) for fills in orders), _ZERO)
        gst = self._gst(first, sums, day)
        if not exact:
            gst = _round(gst, _PAISA)
            stamp = _RUPEE if self.settings.stamp_to_rupee else _PAISA
            grids = {"stt": _RUPEE, "ctt": _RUPEE, "stamp": stamp}
            sums = {levy: _round(amount, grids.get(levy, _PAISA)) for levy, amount in sums.items()}
        return NoteLine(
            account=first.fill.account,
            day=day,
            exchange=first.fill.exchange,
            segment=first.segment,
            buy_value=sum((part.value for part in parts if part.fill.side is Side.BUY), _ZERO),
            sell_value=sum((part.value for part in parts if part.fill.side is Side.SELL), _ZERO),
            brokerage=sums["brokerage"],
            transaction_tax=sums["stt"] + sums["ctt"],
            exchange_fee=sums["txn"],
            investor_protection=sums["ipft"],
            regulator_fee=sums["sebi"],
            stamp=sums["stamp"],
            gst=gst,
            orders=len(orders),
            rounded=not exact,
        )

    def _parts(self, group: Sequence[Fill]) -> list[_Part]:
        """Trades with their segments; shares split into intraday and delivery by the day's totals."""
        totals: dict[tuple[Exchange, str, Side], int] = {}
        for fill in group:
            if not fill.settlement:
                key = (fill.exchange, fill.symbol, fill.side)
                totals[key] = totals.get(key, 0) + fill.quantity
        parts: list[_Part] = []
        for fill in group:
            if fill.settlement:
                parts.append(_Part(fill, _settled_segment(fill), "", _value(fill)))
                continue
            if fill.exchange not in _CASH:
                segment, underlying = _derivative_segment(fill)
                parts.append(_Part(fill, segment, underlying, _value(fill)))
                continue
            mine = totals[(fill.exchange, fill.symbol, fill.side)]
            intraday = min(mine, totals.get((fill.exchange, fill.symbol, fill.side.opposite), 0))
            for units, segment in ((intraday, "equity_intraday"), (mine - intraday, "equity_delivery")):
                if units:
                    parts.append(_Part(fill, segment, "", _value(fill) * units / mine))
        return parts

    def _levies(self, part: _Part, day: date) -> dict[str, Decimal]:
        side = part.fill.side.value.lower()
        found: dict[str, Decimal] = {}
        for levy in _LEVIES:
            row = self._row(levy, part, day)
            holder = row is not None and row.side == "holder" and part.fill.side is Side.SELL
            if row is not None and row.unit != "rupees" and (holder or row.side in (side, "both")):
                found[levy] = part.value * row.fraction
        return found

    def _brokerage(self, fill: Fill, value: Decimal, day: date) -> Decimal:
        if fill.settlement:
            return _ZERO
        row = self._rules.brokerage_of(self.settings.plan_of(fill.account), _plan_of(fill), day)
        amounts = []
        if row.flat is not None:
            amounts.append(row.flat)
        if row.percent is not None:
            amounts.append(value * row.percent / 100)
        return min(amounts)

    def _gst(self, part: _Part, amounts: dict[str, Decimal], day: date) -> Decimal:
        row = self._row("gst", part, day)
        if row is None:
            return _ZERO
        return sum((amounts.get(name, _ZERO) for name in _TAXED), _ZERO) * row.fraction

    def _row(self, levy: str, part: _Part, day: date) -> ChargeRow | None:
        key = (levy, part.segment, part.fill.exchange, day, part.underlying)
        if key not in self._rows:
            self._rows[key] = self._look_up(*key)
        return self._rows[key]

    def _look_up(self, levy: str, segment: str, exchange: Exchange, day: date, underlying: str) -> ChargeRow | None:
        try:
            return self._rules.charge(levy, segment, exchange, day, underlying=underlying)
        except RuleError:
            if any(
                row.charge == levy and segment in row.segments and row.exchange in (None, exchange)
                for row in self._rules.charges
                if not row.underlyings or underlying in row.underlyings
            ):
                raise
            return None


def exercise_tax(rules: RuleBook, exchange: Exchange, intrinsic_value: float, on: date) -> Decimal:
    """Securities transaction tax on an equity option that expires in the money, exact rupees: the holder pays.

    ``intrinsic_value`` is (settlement − strike) × quantity. Raises RuleError.
    """
    row = rules.charge("stt", "equity_exercise", exchange, on)
    return Decimal(str(intrinsic_value)) * row.fraction


def _by_day(fills: Iterable[Fill]) -> dict[tuple[str, date], list[Fill]]:
    groups: dict[tuple[str, date], list[Fill]] = {}
    for fill in fills:
        groups.setdefault((fill.account, trade_date(fill.time_ns)), []).append(fill)
    return dict(sorted(groups.items()))


def _by_order(fills: Iterable[Fill]) -> dict[str, list[Fill]]:
    orders: dict[str, list[Fill]] = {}
    for fill in fills:
        orders.setdefault(_order_of(fill), []).append(fill)
    return orders


def _order_of(fill: Fill) -> str:
    return fill.broker_order_id or fill.order_id or fill.trade_id


def _value(fill: Fill) -> Decimal:
    return Decimal(str(fill.price)) * fill.quantity


def _sum(fills: Iterable[Fill]) -> Decimal:
    return sum((_value(fill) for fill in fills), _ZERO)


def _round(amount: Decimal, grid: Decimal) -> Decimal:
    return amount.quantize(grid, ROUND_HALF_UP)


def _plan_of(fill: Fill) -> str:
    if fill.exchange in _CASH:
        return "equity_delivery" if fill.product is Product.CNC else "equity_intraday"
    return _derivative_segment(fill)[0]


def _settled_segment(fill: Fill) -> str:
    """Where the end of a contract stands on the note: an option's exercise, shares delivered, or nothing but money.

    What a plan takes for deliveries is in no table, so nothing is taken.
    """
    if fill.exchange in _CASH:
        return "equity_physical" if fill.settlement is Settlement.PHYSICAL else "equity_close_out"
    kind = _derivative_segment(fill)[0]
    exercised = kind == "equity_option" and fill.settlement is Settlement.CASH
    return "equity_exercise" if exercised else f"{kind}_end"


def _homes(parts: Iterable[Sequence[_Part]]) -> dict[str, tuple[Exchange, str]]:
    """The line on which each order's brokerage stands: where most of its value fell."""
    values: dict[str, dict[tuple[Exchange, str], Decimal]] = {}
    for group in parts:
        for part in group:
            mine = values.setdefault(_order_of(part.fill), {})
            key = (part.fill.exchange, part.segment)
            mine[key] = mine.get(key, _ZERO) + part.value
    return {order: max(sorted(mine), key=lambda key: mine[key]) for order, mine in values.items()}


def _derivative_segment(fill: Fill) -> tuple[str, str]:
    try:
        contract = parse_symbol(fill.symbol, fill.exchange)
    except SymbolError as error:
        raise RuleError(f"The charges of {fill.symbol} are not known: {error}") from error
    kind = "option" if contract.is_option else "future"
    match fill.exchange:
        case Exchange.CDS | Exchange.BCD:
            return f"currency_{kind}", contract.underlying
        case Exchange.MCX | Exchange.NCDEX | Exchange.NCO:
            return f"commodity_{kind}", contract.underlying
        case _:
            return f"equity_{kind}", contract.underlying
