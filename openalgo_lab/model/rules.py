"""The rule book: lots, freezes, ticks, expiries, bands, cut-offs, caps and charges, each as of a date.

Every answer comes from a dated table (`data/*.json`); an unknown one is a `RuleError` that names the
missing row, never a default. The broker's daily instrument file comes first for live contracts: these
tables are the fall-back, the simulated exchange's contracts and the history that backtests need.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Literal, Self, TypeVar

import msgspec

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.expiries import ladder, month_ends, nominal_month_expiry
from openalgo_lab.model.rule_rows import (
    BandRow,
    BrokerageRow,
    ChargeRow,
    CircuitRow,
    ContractRow,
    Cycle,
    ExpiryRow,
    ExpiryTimeRow,
    FreezeLevelRow,
    FreezeRow,
    LotRow,
    LppRow,
    OrderTypeRow,
    ProtectionRow,
    RateCapRow,
    SquareOffRow,
    StrikeStepRow,
    TickRow,
    slab_value,
)
from openalgo_lab.model.tables import DatedRow, clock_time, in_force, read_table
from openalgo_lab.model.times import at_ist
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType

__all__ = ["RuleBook"]

RowT = TypeVar("RowT", bound=DatedRow)


class RuleBook(msgspec.Struct, frozen=True):
    """All rule tables. Load one and pass it on; every lookup is a pure function of its arguments."""

    lots: tuple[LotRow, ...]
    contracts: tuple[ContractRow, ...]
    freezes: tuple[FreezeRow, ...]
    freeze_levels: tuple[FreezeLevelRow, ...]
    ticks: tuple[TickRow, ...]
    expiries: tuple[ExpiryRow, ...]
    expiry_times: tuple[ExpiryTimeRow, ...]
    strikes: tuple[StrikeStepRow, ...]
    bands: tuple[BandRow, ...]
    lpp: tuple[LppRow, ...]
    circuit: tuple[CircuitRow, ...]
    protection: tuple[ProtectionRow, ...]
    square_off: tuple[SquareOffRow, ...]
    rate_caps: tuple[RateCapRow, ...]
    charges: tuple[ChargeRow, ...]
    brokerage: tuple[BrokerageRow, ...]
    order_types: tuple[OrderTypeRow, ...]

    @classmethod
    def load(cls, extra: Path | None = None) -> Self:
        """Read the package's tables and, added to them, files of the same names in the folder `extra`.

        Raises `RuleError` naming a file that does not fit.
        """
        return cls(
            lots=read_table("lots.json", LotRow, extra),
            contracts=read_table("contracts.json", ContractRow, extra),
            freezes=read_table("freeze.json", FreezeRow, extra),
            freeze_levels=read_table("freeze_levels.json", FreezeLevelRow, extra),
            ticks=read_table("ticks.json", TickRow, extra),
            expiries=read_table("expiries.json", ExpiryRow, extra),
            expiry_times=read_table("expiry_times.json", ExpiryTimeRow, extra),
            strikes=read_table("strikes.json", StrikeStepRow, extra),
            bands=read_table("bands.json", BandRow, extra),
            lpp=read_table("lpp.json", LppRow, extra),
            circuit=read_table("circuit.json", CircuitRow, extra),
            protection=read_table("protection.json", ProtectionRow, extra),
            square_off=read_table("square_off.json", SquareOffRow, extra),
            rate_caps=read_table("rate_caps.json", RateCapRow, extra),
            charges=read_table("charges.json", ChargeRow, extra),
            brokerage=read_table("brokerage.json", BrokerageRow, extra),
            order_types=read_table("order_types.json", OrderTypeRow, extra),
        )

    def __repr__(self) -> str:
        rows = sum(len(getattr(self, name)) for name in self.__struct_fields__)
        return f"RuleBook({len(self.__struct_fields__)} tables, {rows} rows)"

    # Contracts -------------------------------------------------------------------------------------------------

    def is_index(self, underlying: str) -> bool:
        """Whether derivatives of this name are written on an index."""
        return any(
            row.underlying == underlying and row.exchange in (Exchange.NFO, Exchange.BFO) for row in self.expiries
        )

    def derivative_stocks(self, on: date) -> tuple[str, ...]:
        """Shares the tables know a lot for on that date, sorted: those with a closing auction from August
        2026.
        """
        names = {r.underlying for r in self.lots if r.exchange is Exchange.NFO and r.effective_from <= on}
        return tuple(sorted(name for name in names if not self.is_index(name)))

    def lot_size(
        self, underlying: str, expiry: date, *, on: date | None = None, exchange: Exchange | None = None
    ) -> int:
        """Units a lot of the contract that expires on `expiry`, as of the trade date `on` (default: its
        last day).

        Two series of one underlying may differ on the same day, and long-dated contracts are converted on a
        day: hence both dates. Commodity lots are in units of the quotation (GOLD 100 × 10 g).
        """
        day = on or expiry
        named = [r for r in self.lots if r.underlying == underlying and exchange in (None, r.exchange)]
        if not named and any(row.underlying == underlying for row in self.contracts):
            return self.contract(underlying, day, exchange=exchange).multiplier
        rows = [row for row in named if row.first_expiry is None or row.first_expiry <= expiry]
        cycle = self._cycle(underlying, expiry, {row.cycle for row in rows})
        chosen = in_force((row for row in rows if row.cycle in (None, cycle)), day)
        lot = _known(chosen, "lots", f"{underlying} {expiry}", day).lot
        if lot is None:
            raise _missing("lots", f"{underlying} {expiry}", day)
        return lot

    def contract(self, underlying: str, on: date, *, exchange: Exchange | None = None) -> ContractRow:
        """Specification of a currency or commodity contract."""
        rows = (
            row
            for row in self.contracts
            if row.underlying == underlying and (exchange is None or exchange in row.exchanges)
        )
        return _known(in_force(rows, on), "contracts", underlying, on)

    def freeze_quantity(self, underlying: str, on: date, *, exchange: Exchange | None = None) -> int:
        """Largest quantity of one order, in units; an order above it is rejected by the exchange."""
        rows = (r for r in self.freezes if r.underlying == underlying and exchange in (None, r.exchange))
        return _known(in_force(rows, on), "freeze", underlying, on).quantity

    def freeze_by_level(self, level: float, on: date, exchange: Exchange = Exchange.NFO) -> int:
        """Freeze quantity of an index by its close at the month's review."""
        rows = (row for row in self.freeze_levels if row.exchange is exchange)
        return int(slab_value(_known(in_force(rows, on), "freeze_levels", exchange.value, on).slabs, level))

    def largest_order(self, underlying: str, expiry: date, on: date) -> int:
        """The freeze quantity in whole lots, in units."""
        lot = self.lot_size(underlying, expiry, on=on)
        return self.freeze_quantity(underlying, on) // lot * lot

    def strike_step(self, underlying: str, on: date) -> float:
        """Distance between the strikes of near expiries."""
        rows = (row for row in self.strikes if row.underlying == underlying)
        return _known(in_force(rows, on), "strikes", underlying, on).step

    def tick_size(
        self,
        exchange: Exchange,
        kind: InstrumentType,
        on: date,
        *,
        underlying: str = "",
        level: float | None = None,
        etf: bool = False,
    ) -> float:
        """Tick in rupees. `level`: last close of the month before, of the share itself, or of the share or
        index under a derivative; needed where the tick depends on it.
        """
        if exchange in (Exchange.CDS, Exchange.BCD, Exchange.MCX, Exchange.NCO):
            row = self.contract(underlying, on, exchange=exchange)
            tick = row.option_tick if kind.is_option else row.future_tick
            if tick is None:
                raise _missing("contracts", f"{underlying} option_tick", on)
            return tick
        product = self._tick_product(exchange, kind, underlying, etf)
        slabs = _known(in_force((r for r in self.ticks if r.product == product), on), "ticks", product, on).slabs
        if level is None and len(slabs) > 1:
            raise RuleError(
                f"The tick of {product.replace('_', ' ')} {underlying} depends on the price; "
                f"give level, the last close of the month before {on}.",
                "level",
            )
        return slab_value(slabs, level or 0.0)

    # Expiries --------------------------------------------------------------------------------------------------

    def expiry_dates(
        self,
        underlying: str,
        start: date,
        count: int,
        *,
        calendar: TradingCalendar,
        cycle: Literal["weekly", "monthly"] = "monthly",
        exchange: Exchange | None = None,
    ) -> tuple[date, ...]:
        """The next `count` expiries from `start` (included), moved before holidays.

        `weekly` is the whole ladder with the month's own expiry in its week; an underlying without weekly
        expiries on `start` raises `RuleError`. `exchange` is needed for shares that have no row in lots.json.
        """
        rows = self._expiry_rows(underlying, exchange)
        if cycle == "weekly" and not any(
            row.cycle == "weekly"
            and row.effective_from <= start
            and (row.effective_to is None or start <= row.effective_to)
            for row in rows
        ):
            raise RuleError(f"{underlying} has no weekly expiries on {start}; ask for the monthly ones.", "cycle")
        found = tuple(islice(ladder(rows, start, weekly=cycle == "weekly", calendar=calendar), count))
        if len(found) < count:
            raise _missing("expiries", f"{underlying} {cycle}", start)
        return found

    def expiry_time(self, exchange: Exchange, expiry: date, underlying: str = "") -> time:
        """Time of day at which a contract that expires on `expiry` stops trading."""
        rows = [row for row in self.expiry_times if row.exchange is exchange]
        chosen = in_force((row for row in rows if underlying in row.underlyings), expiry)
        chosen = chosen or in_force((row for row in rows if not row.underlyings), expiry)
        return clock_time(_known(chosen, "expiry_times", f"{exchange.value} {underlying}", expiry).time, expiry)

    # Prices ----------------------------------------------------------------------------------------------------

    def price_band(self, group: str, on: date) -> BandRow:
        """Daily price band of a group.

        Groups: `cash_2`, `cash_5`, `cash_10`, `cash_20`, `cash_derivative` (shares with derivatives),
        `stock_future`, `index_future`, `surveillance_2`, `surveillance_5`, `etf`, `etf_overnight`, `ipo`,
        `ipo_small`, `currency_near` (to 6 months), `currency_far`, `mcx_bullion`, `mcx_energy`,
        `mcx_base_metal`.
        """
        return _known(in_force((row for row in self.bands if row.group == group), on), "bands", group, on)

    def limit_price_protection(self, exchange: Exchange, underlying: str, kind: InstrumentType, on: date) -> LppRow:
        """The band outside which the exchange rejects orders on a derivative."""
        scope = "index" if self.is_index(underlying) else "stock"
        product = "option" if kind.is_option else "future"
        rows = [r for r in self.lpp if (r.exchange, r.scope, r.product) == (exchange, scope, product)]
        chosen = in_force((row for row in rows if underlying in row.underlyings), on)
        chosen = chosen or in_force((row for row in rows if not row.underlyings), on)
        return _known(chosen, "lpp", f"{exchange.value} {scope} {product}", on)

    def protection_pct(self, kind: InstrumentType, price: float, on: date) -> float:
        """Per cent of the last price by which a market order is protected: a buy is limited above, a sell
        below.
        """
        product = "option" if kind.is_option else "other"
        rows = (row for row in self.protection if row.product == product)
        return slab_value(_known(in_force(rows, on), "protection", product, on).slabs, price)

    def circuit_halt(self, move_pct: float, at: time, on: date) -> CircuitRow | None:
        """The halt that follows when an index has moved `move_pct` (either sign) at a time of day; None
        below the first level and where trading goes on.
        """
        reached = [row for row in self.circuit if row.percent <= abs(move_pct) and row.effective_from <= on]
        if not reached:
            return None
        level = max(row.percent for row in reached)
        rows = sorted((r for r in reached if r.percent == level), key=lambda r: r.hit_before or "99")
        for row in rows:
            if row.hit_before is None or at < time.fromisoformat(row.hit_before):
                return None if row.halt_minutes == 0 else row
        raise _missing("circuit", f"{level} % at {at}", on)

    # Cut-offs and caps -----------------------------------------------------------------------------------------

    def square_off_time(
        self, exchange: Exchange, on: date, *, calendar: TradingCalendar, closing_auction: bool = False
    ) -> time:
        """When intraday (MIS) positions are closed by default; `closing_auction` for shares that have one.

        On a day without trading, and where the cut-off lies before a special session, raises `RuleError`.
        """
        window = calendar.window(exchange, on)
        if window is None:
            raise RuleError(f"{exchange.value} does not trade on {on}: {calendar.reason(exchange, on)}.")
        rows = [row for row in self.square_off if exchange in row.exchanges]
        chosen = in_force((row for row in rows if row.closing_auction), on) if closing_auction else None
        chosen = chosen or in_force((row for row in rows if not row.closing_auction), on)
        row = _known(chosen, "square_off", exchange.value, on)
        if row.before_close is not None:
            return (window[1] - timedelta(minutes=row.before_close)).time()
        cut_off = at_ist(on, clock_time(row.time or "", on))
        if not window[0] < cut_off < window[1]:
            raise RuleError(
                f"{exchange.value} trades special hours on {on}, for which no square-off time is known; "
                f"close intraday positions by hand before {window[1]:%H:%M}."
            )
        return cut_off.time()

    def takes_order_type(self, exchange: Exchange, kind: InstrumentType, price_type: PriceType, on: date) -> bool:
        """Whether the exchange takes that price type on that kind of contract; a kind without a row takes all."""
        product = "option" if kind.is_option else "share" if kind is InstrumentType.EQ else "future"
        rows = (
            row
            for row in self.order_types
            if exchange in row.exchanges and product in row.products and row.price_type is price_type
        )
        row = in_force(rows, on)
        return row is None or row.taken

    def rate_cap(self, exchange: Exchange, on: date) -> RateCapRow:
        """Orders a second that one client may send to an exchange."""
        rows = (row for row in self.rate_caps if exchange in row.exchanges)
        return _known(in_force(rows, on), "rate_caps", exchange.value, on)

    # Charges ---------------------------------------------------------------------------------------------------

    def charge(
        self, charge: str, segment: str, exchange: Exchange, on: date, *, underlying: str = "", group: str = ""
    ) -> ChargeRow:
        """The rate of one levy (`stt`, `ctt`, `txn`, `ipft`, `sebi`, `stamp`, `gst`, …) for a segment
        (`equity_delivery`, `equity_intraday`, `equity_future`, `equity_option`, `currency_future`, …)."""
        rows = [
            row
            for row in self.charges
            if row.charge == charge
            and segment in row.segments
            and row.exchange in (None, exchange)
            and (not row.underlyings or underlying in row.underlyings)
            and (not row.groups or group in row.groups)
        ]
        for detail in sorted({_detail(row) for row in rows}, reverse=True):  # the most particular row wins
            found = in_force((row for row in rows if _detail(row) == detail), on)
            if found is not None:
                return found
        raise _missing("charges", f"{charge} {segment} {exchange.value}", on)

    def brokerage_of(self, plan: str, segment: str, on: date) -> BrokerageRow:
        """What a brokerage plan takes for an executed order of a segment."""
        rows = (row for row in self.brokerage if row.plan == plan and segment in row.segments)
        return _known(in_force(rows, on), "brokerage", f"{plan} {segment}", on)

    # -----------------------------------------------------------------------------------------------------------

    def _expiry_rows(self, underlying: str, exchange: Exchange | None) -> tuple[ExpiryRow, ...]:
        named = tuple(r for r in self.expiries if r.underlying == underlying and exchange in (None, r.exchange))
        if named:
            return named
        if exchange is None and any(row.underlying == underlying for row in self.lots):
            exchange = Exchange.NFO  # the tables hold lots of NSE's share derivatives
        return tuple(row for row in self.expiries if row.underlying == "*" and row.exchange is exchange)

    def _cycle(self, underlying: str, expiry: date, written: set[Cycle | None]) -> Cycle | None:
        """Cycle of a contract by its date, as far as the lot rows tell cycles apart."""
        if written == {None}:
            return None
        end = next(month_ends(expiry))
        nominal = nominal_month_expiry(self._expiry_rows(underlying, None), end)
        if nominal is None or not nominal - timedelta(days=6) <= expiry <= nominal:
            return "weekly"
        return "quarterly" if expiry.month % 3 == 0 and "quarterly" in written else "monthly"

    def _tick_product(self, exchange: Exchange, kind: InstrumentType, underlying: str, etf: bool) -> str:
        if kind is InstrumentType.EQ:
            return "etf" if etf else f"{exchange.value.lower()}_cash"
        scope = "index" if self.is_index(underlying) else "stock"
        return f"{exchange.value.lower()}_{scope}_{'option' if kind.is_option else 'future'}"


def _detail(row: ChargeRow) -> int:
    return (row.exchange is not None) + 2 * bool(row.groups) + 4 * bool(row.underlyings)


def _missing(table: str, key: str, on: date) -> RuleError:
    return RuleError(f"No row for {key.strip()} on {on} in the table {table}.json; add one to your rules folder.")


def _known(row: RowT | None, table: str, key: str, on: date) -> RowT:
    if row is None:
        raise _missing(table, key, on)
    return row
