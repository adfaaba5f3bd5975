"""The risk of all open positions: net Greeks by underlying, what-if table of the whole book, value at risk."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import ipywidgets
import msgspec
import numpy as np

from openalgo_lab.lab.option_settings import load_conventions
from openalgo_lab.lab.strategy_legs import StrategyLeg, legs_of_positions
from openalgo_lab.lab.strategy_reading import StrategyReader, StrategyReading
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.portfolio import Position
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.vocabulary import FeedMode, Mode
from openalgo_lab.options.legs import LegSheet
from openalgo_lab.options.scenarios import scenario_table, value_at_risk
from openalgo_lab.ui.chain.header import ChainFigure, ChainHeader
from openalgo_lab.ui.freshness import feed_is_stale
from openalgo_lab.ui.grid import Column, Empty, Grid
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.options.plot import Axis, Plot
from openalgo_lab.ui.options.words import money, signed_money
from openalgo_lab.ui.style import StyleSheet

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["PortfolioView"]

_ALL: Final = "All accounts"
_MOVES: Final = (-8.0, -5.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 8.0)
_SHIFTS: Final = (6.0, 3.0, 0.0, -3.0, -6.0)
_EVERY_S: Final = 0.5

_COLUMNS: Final = (
    Column(key="underlying", title="Underlying", kind="text", width=120, pinned=True),
    Column(key="legs", title="Legs", kind="number", width=48, decimals=0, tint=False),
    Column(key="spot", title="Spot", kind="price", width=92),
    Column(key="profit", title="P&L", kind="money", width=104, signed=True, decimals=0, tooltip="since the entries"),
    Column(key="delta", title="Δ", kind="number", width=80, decimals=1, tooltip="rupees a rupee of the underlying"),
    Column(key="exposure", title="Δ, ₹", kind="money", width=120, decimals=0, tooltip="delta × level"),
    Column(key="gamma", title="Γ", kind="number", width=72, decimals=3, tooltip="delta a rupee"),
    Column(key="theta", title="Θ / day", kind="money", width=92, signed=True, decimals=0),
    Column(key="vega", title="Vega / pt", kind="money", width=92, signed=True, decimals=0),
    Column(key="var", title="VaR 99 %", kind="money", width=104, decimals=0, tooltip="one day, by revaluation"),
    Column(key="margin", title="Margin (est.)", kind="money", width=112, decimals=0, tooltip="with hedges counted"),
)


class _Book(msgspec.Struct, frozen=True):
    """What is read, replaced as one: the positions it was made from, a reader an underlying."""

    positions: tuple[Position, ...]
    readers: tuple[StrategyReader, ...]
    first_id: int


class PortfolioView(ipywidgets.VBox):
    """Live Greeks and scenarios of the open positions, of all accounts or of one."""

    def __init__(self, lab: Lab, account: str = "") -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._rules = RuleBook.load()
        self._conventions = load_conventions(profile_dir(lab.profile))
        self._account = account
        self._owner = ""
        self._drawn_at = 0.0
        self._waiting = False
        self._book = _Book((), (), 0)
        self.readings: tuple[StrategyReading, ...] = ()
        self._header = ChainHeader(self._picked)
        self._message = MessageLine()
        empty = Empty(text="No open positions: what you hold is measured here as soon as an order fills.")
        self.grid = Grid("portfolio-greeks", _COLUMNS, label="Greeks by underlying", empty=empty, height="220px")
        self.table = Plot(
            "portfolio-scenarios", "The whole book: profit from now, ₹", x=Axis("All underlyings move by, %", "points"),
            y=Axis("IV, points", "points"), z=Axis("Profit", "rupees"), kind="heat", diverging=True, height="100%",
        )  # fmt: skip
        self.table.say("No open positions.")
        inner = ipywidgets.VBox([self.grid, self.table]).add_class("oal-options-side")
        body = ipywidgets.Box([inner]).add_class("oal-options-body")
        super().__init__([StyleSheet("options"), self._header, self._message, body])
        self.add_class("oal-options")
        self._choices()
        publisher_of(self._handle).add(self)

    def close(self) -> None:
        """End subscription and drawing."""
        publisher_of(self._handle).remove(self)
        if self._owner:
            self._handle.unsubscribe(self._owner)
        super().close()

    def publish(self) -> None:
        """Draw what changed; runs on the publisher thread."""
        if time.monotonic() - self._drawn_at < _EVERY_S:
            return
        self._drawn_at = time.monotonic()
        wanted = tuple(
            position for position in self._handle.books.positions
            if position.quantity and self._account in ("", position.account)
        )  # fmt: skip
        if not _same_legs(wanted, self._book.positions):
            if not self._waiting:
                self._waiting = True
                self._loop.call(lambda: self._use(wanted))
            return
        self._draw()

    # ----------------------------------------------------------------------------------------------------------------

    def _use(self, positions: tuple[Position, ...]) -> None:
        """Readers for these positions; on the kernel's loop."""
        self._waiting = False
        store, readers, names = self._handle.instruments, [], []
        for name, legs in legs_of_positions(store, positions).items():
            try:
                readers.append(StrategyReader(store, self._rules, name, _legs(legs), conventions=self._conventions))
                names.append(name)
            except LabError as error:
                self._message.bad(f"{name} cannot be measured: {error}")
        owner, first = f"portfolio-{id(self)}-{self._book.first_id}", self._book.first_id + 1000
        keys = dict.fromkeys(key for reader in readers for key in reader.keys)
        self._handle.subscribe(tuple(keys), FeedMode.QUOTE, owner)
        if self._owner:
            self._handle.unsubscribe(self._owner)
        self._owner = owner
        self.grid.set_rows(range(first, first + len(names)), {"underlying": names})
        self._book = _Book(positions, tuple(readers), first)
        self._drawn_at = 0.0

    def _draw(self) -> None:
        status, book = self._handle.status, self._book
        replayed = status.mode is Mode.REPLAY
        readings = tuple(
            reader.read(self._handle.board, status.market_ns, traded_only=replayed) for reader in book.readers
        )
        if book is not self._book:
            return
        self.readings = readings
        stale = feed_is_stale(self._handle)
        self._header.tell_facts(self._figures(readings), mode=status.mode.value, stale=stale)
        if not readings:
            self.table.say("No open positions: what you hold is measured here as soon as an order fills.")
            return
        rows = [self._row(reading) for reading in readings]
        self.grid.push(
            {name: [row[name] for row in rows] for name in rows[0]},
            engine_ns=max(reading.engine_ns for reading in readings),
        )
        known = [reading for reading in readings if reading.complete]
        if not known:
            self.table.say("A leg has no price yet: the book's scenarios are not known.")
            return
        table = scenario_table(
            [(reading.sheet, reading.spot) for reading in known], moves_pct=_MOVES, volatility_points=_SHIFTS
        )
        left_out = len(readings) - len(known)
        without = f", {left_out} without prices left out" if left_out else ""
        self.table.show_field(
            np.round(table.profit),
            rows=[f"{shift:+g}" for shift in _SHIFTS],
            columns=[f"{move:+g} %" for move in _MOVES],
            title=f"The whole book: profit from now, ₹{without}",
        )

    def _figures(self, readings: tuple[StrategyReading, ...]) -> list[ChainFigure]:
        known = [reading for reading in readings if reading.complete]
        greeks = [reading.sheet.greeks(reading.spot) for reading in known]
        profit = math.fsum(reading.profit for reading in known)
        exposure = math.fsum(one.delta * reading.spot for one, reading in zip(greeks, known, strict=True))
        risky = _risky(known)
        risk = value_at_risk(risky) if risky else None
        missing = len(readings) - len(risky)
        together = "All underlyings moving together" + (f"; {missing} without a volatility left out" if missing else "")
        gain = (profit > 0) - (profit < 0)
        return [
            ChainFigure("positions", "Underlyings", str(len(readings)), "With open positions"),
            ChainFigure("profit", "P&L", signed_money(profit), "Since the entries, at the market's prices", gain),
            ChainFigure("exposure", "Net delta, ₹", money(exposure), "Delta × level over all underlyings"),
            ChainFigure("theta", "Θ / day", money(math.fsum(one.theta for one in greeks)), "Rupees a calendar day"),
            ChainFigure("vega", "Vega / pt", money(math.fsum(one.vega for one in greeks)), "Rupees a volatility point"),
            ChainFigure("var", "VaR 99 %, 1 day", money(risk.value) if risk else "–", together),
            ChainFigure("shortfall", "Shortfall", money(risk.shortfall) if risk else "–", "Mean of what is worse"),
        ]

    def _row(self, reading: StrategyReading) -> dict[str, float]:
        greeks = reading.sheet.greeks(reading.spot)
        whole = reading.complete
        try:
            margin = reading.margin(is_index=self._rules.is_index(reading.underlying)).total
        except LabError:
            margin = math.nan  # the tables do not reach this day: no figure rather than a guess
        row = {
            "delta": greeks.delta, "exposure": greeks.delta * reading.spot, "gamma": greeks.gamma,
            "theta": greeks.theta, "vega": greeks.vega, "margin": margin,
            "var": value_at_risk(_risky([reading])).value if whole and _risky([reading]) else math.nan,
        }  # fmt: skip
        shown = row if whole else dict.fromkeys(row, math.nan)
        return {"legs": float(len(reading.legs)), "spot": reading.spot, "profit": reading.profit, **shown}

    def _choices(self) -> None:
        accounts = [account.account for account in self._handle.status.accounts]
        self._header.tell_choices([_ALL, *accounts], self._account or _ALL)

    def _picked(self, account: str) -> None:
        self._account = "" if account == _ALL else account
        self._choices()
        self._drawn_at = 0.0


def _legs(pairs: tuple[tuple[Instrument, StrategyLeg], ...]) -> list[StrategyLeg]:
    return [leg for _item, leg in pairs]


def _risky(readings: Sequence[StrategyReading]) -> list[tuple[LegSheet, float, float]]:
    """What value at risk is computed of: those whose underlying has a known volatility."""
    return [
        (reading.sheet, reading.spot, reading.atm_iv / 100) for reading in readings if math.isfinite(reading.atm_iv)
    ]


def _same_legs(one: tuple[Position, ...], other: tuple[Position, ...]) -> bool:
    """Whether only their marks differ."""

    def key(position: Position) -> tuple[object, ...]:
        where = (position.account, position.exchange, position.symbol, position.product)
        return (*where, position.quantity, position.average_price)

    return len(one) == len(other) and all(key(a) == key(b) for a, b in zip(one, other, strict=True))
