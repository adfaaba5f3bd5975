"""Candles in other forms than they are stored: adjusted shares, continuous futures; and contracts that have expired."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openalgo_lab.lab.history import PREPARE_S, span_ns
from openalgo_lab.lab.history_base import LakeReads
from openalgo_lab.lab.words import Moment, SymbolLike, plain_underlying, word
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.history_commands import PrepareHistory
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import NS_PER_DAY, from_ns, trade_date
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.lab.history_frame import HistoryFrame
    from openalgo_lab.model.market import Bars
    from openalgo_lab.store.history.actions import ActionTable, CorporateAction
    from openalgo_lab.store.history.continuous import Continuous, Leg

__all__ = ["ActionBook", "ViewCalls"]


class ViewCalls(LakeReads):
    """The part of ``lab.lake`` that joins and adjusts."""

    def continuous(
        self,
        underlying: str,
        interval: str,
        start: Moment,
        end: Moment | None = None,
        *,
        exchange: Exchange | str = Exchange.NFO,
        roll: str = "expiry",
        days: int = 0,
        adjust: str = "none",
        fetch: bool = True,
    ) -> HistoryFrame:
        """The futures of an underlying joined end to end, also those that have expired and are kept:
        ``lab.lake.continuous("NIFTY", "D", "2026-01-01", roll="oi", adjust="ratio")``.

        A column ``contract`` says whose each candle is; ``frame.attrs["rolls"]`` holds a sentence a roll.

        Args:
            roll: ``"expiry"``, or ``"volume"`` or ``"oi"``: the day after the next contract first had more.
            days: trading days before expiry that a contract is left, where the roll is by expiry.
            adjust: ``"none"``; ``"difference"`` or ``"ratio"`` shift the older contracts so that no roll is a jump.

        Raises:
            InputError: no contract is listed or kept, or two contracts have no candle in common where one is needed.
        """
        import pandas as pd

        from openalgo_lab.lab.history_frame import history_frame
        from openalgo_lab.store.history.continuous import Adjustment, RollBy, RollRule, join_contracts
        from openalgo_lab.store.history.reading import hours_of

        rule = RollRule(word(RollBy, roll, "roll"), days)
        where, name = word(Exchange, exchange, "exchange"), plain_underlying(underlying)
        span = span_ns(self._lab, start, end)
        legs = self._legs(name, where, interval, span, needs_days=rule.by is not RollBy.EXPIRY, fetch=fetch)
        joined = join_contracts(legs, rule, word(Adjustment, adjust, "adjust"), hours_of(False))
        frame = history_frame(joined.bars, symbol=f"{where}:{name}", source=self.source)
        names = [key.symbol for key in joined.keys]
        frame["contract"] = pd.Categorical.from_codes(joined.contract, categories=pd.Index(names))
        frame.attrs["rolls"] = _sentences(joined)
        return frame

    def adjusted(
        self,
        symbol: SymbolLike,
        interval: str,
        start: Moment,
        end: Moment | None = None,
        *,
        exchange: Exchange | str | None = None,
        dividends: bool = False,
        fetch: bool = True,
    ) -> HistoryFrame:
        """Candles of a share as ``lab.history`` gives them, adjusted for the splits and bonus issues of
        ``lab.lake.actions`` up to today, and for dividends where asked. What is kept stays as it was traded.
        """
        from openalgo_lab.lab.backtest_data import bars_of_frame
        from openalgo_lab.lab.history_frame import history_frame
        from openalgo_lab.store.history.adjusted import adjusted
        from openalgo_lab.store.history.columns import cut
        from openalgo_lab.store.history.reading import hours_of
        from openalgo_lab.store.history.resample import parse_interval, resample

        asked, key = parse_interval(interval), self._key(symbol, exchange)
        span = span_ns(self._lab, start, end)
        longer = asked.unit != "m" and not (asked.unit == "D" and asked.count == 1)
        first = span[0] - asked.longest_ns if longer else span[0]
        raw = self._calls.history(key, "D" if longer else interval, from_ns(first), from_ns(span[1]), fetch=fetch)
        today = trade_date(self._lab.handle.status.market_ns)
        actions = self.actions.of(key)
        closes = self._closes(key, actions, today, fetch) if dividends else None
        bars = adjusted(bars_of_frame(raw), actions, today, dividends=dividends, closes=closes)
        if longer:
            ready = self._lab.call(PrepareHistory(key, "D", span[0], span[1], fetch=False), PREPARE_S)
            bars = cut(resample(bars, asked, key.exchange, hours_of(ready.always_open)), *span)
        frame = history_frame(bars, symbol=str(key), source=raw.source, gaps=raw.gaps)
        frame.attrs["actions"] = [str(one) for one in actions if one.ex_date <= today]
        return frame

    @property
    def actions(self) -> ActionBook:
        """The table of corporate actions of this profile."""
        from openalgo_lab.store.history.actions import ActionTable

        return ActionBook(self, ActionTable(self._lab.handle.folder / "corporate_actions.csv"))

    def contracts(
        self,
        underlying: str | None = None,
        *,
        expiry: date | str | None = None,
        strike: float | None = None,
        kind: InstrumentType | str | None = None,
        source: str | None = None,
    ) -> pd.DataFrame:
        """Futures and options that candles are kept of, also expired ones; ``lab.history("NFO:…")`` gives them.

        Args:
            kind: ``"CE"``, ``"PE"`` or ``"FUT"``.
            source: None is the market that is shown.
        """
        from openalgo_lab.lab.frames import frame_of
        from openalgo_lab.store.history.contracts import dated_contracts, pick_contracts
        from openalgo_lab.store.history.series import all_series

        found = pick_contracts(
            dated_contracts(all_series(self.store(source or self.source).root)),
            underlying,
            expiry=date.fromisoformat(expiry) if isinstance(expiry, str) else expiry,
            strike=strike,
            kind=None if kind is None else word(InstrumentType, kind, "kind"),
        )
        today = trade_date(self._lab.handle.status.market_ns)
        return frame_of(
            {
                "symbol": [str(one.series.key) for one in found],
                "interval": [one.series.interval.value for one in found],
                "underlying": [one.underlying for one in found],
                "kind": [one.kind.value for one in found],
                "expiry": [one.expiry for one in found],
                "strike": [one.strike for one in found],
                "expired": [one.has_expired(today) for one in found],
            },
            index="symbol",
        )

    # ----------------------------------------------------------------------------------------------------------------

    def _legs(
        self, name: str, where: Exchange, interval: str, span: tuple[int, int], *, needs_days: bool, fetch: bool
    ) -> list[Leg]:
        """The contracts that can have traded in the span, and the one after them."""
        from openalgo_lab.lab.backtest_data import bars_of_frame
        from openalgo_lab.store.history.continuous import Leg

        def bars(key: InstrumentKey, length: str) -> Bars:
            frame = self._calls.history(key, length, from_ns(span[0]), from_ns(span[1]), fetch=fetch)
            return bars_of_frame(frame, f"The history of {key}")

        legs = []
        for key, expiry in self._futures(name, where, trade_date(span[0]), trade_date(span[1])):
            found = bars(key, interval)
            if len(found):
                legs.append(Leg(key, expiry, found, bars(key, "D") if needs_days and interval != "D" else found))
        if not legs:
            raise InputError(
                f"No candles of {name} futures on {where} are listed or kept for that span: look at "
                f"lab.lake.contracts({name!r}).",
                "underlying",
            )
        return legs

    def _futures(self, name: str, where: Exchange, first: date, last: date) -> list[tuple[InstrumentKey, date]]:
        """Keys and expiries, from the first that ends in the span to the first that ends after it."""
        from openalgo_lab.store.history.contracts import dated_contracts, pick_contracts
        from openalgo_lab.store.history.series import all_series

        source = self.source
        kept = pick_contracts(
            dated_contracts(all_series(self.store(source).root)) if source else (),
            name,
            kind=InstrumentType.FUT,
            exchange=where,
        )
        found = {one.series.key: one.expiry for one in kept}
        rows = self._lab.handle.instruments.select(
            "underlying = ? AND exchange = ? AND kind = ?", (name, where.value, InstrumentType.FUT.value)
        )
        found |= {one.key: one.expiry for one in rows if one.expiry is not None}
        ordered = sorted((expiry, key) for key, expiry in found.items() if expiry >= first)
        inside = [(key, expiry) for expiry, key in ordered if expiry <= last]
        after = [(key, expiry) for expiry, key in ordered if expiry > last]
        return [*inside, *after[:1]]

    def _closes(
        self, key: InstrumentKey, actions: tuple[CorporateAction, ...], today: date, fetch: bool
    ) -> Bars | None:
        """Daily candles that hold the close before every dividend."""
        from openalgo_lab.lab.backtest_data import bars_of_frame
        from openalgo_lab.model.times import day_bounds_ns
        from openalgo_lab.store.history.actions import ActionKind

        days = [one.ex_date for one in actions if one.kind is ActionKind.DIVIDEND and one.ex_date <= today]
        if not days:
            return None
        first = day_bounds_ns(min(days))[0] - 15 * NS_PER_DAY
        return bars_of_frame(self._calls.history(key, "D", from_ns(first), max(days), fetch=fetch))


class ActionBook:
    """``lab.lake.actions``: splits, bonus issues and dividends, by their ex-dates."""

    def __init__(self, lake: LakeReads, table: ActionTable) -> None:
        self._lake = lake
        self._table = table

    @property
    def frame(self) -> pd.DataFrame:
        """All rows."""
        from openalgo_lab.lab.frames import frame_of

        rows = self._table.load()
        return frame_of(
            {
                "symbol": [str(one.key) for one in rows],
                "ex_date": [one.ex_date for one in rows],
                "kind": [one.kind.value for one in rows],
                "ratio": [f"{one.first}:{one.second}" if one.first else "" for one in rows],
                "amount": [float(one.amount) if one.amount else float("nan") for one in rows],
            },
            index="symbol",
        )

    def of(self, symbol: SymbolLike) -> tuple[CorporateAction, ...]:
        """The rows of one share, in order."""
        return self._table.of(self._lake._key(symbol, None))

    def add(self, symbol: SymbolLike, ex_date: date | str, kind: str, value: Any) -> int:
        """One row by hand: ``add("SBIN", "2026-01-15", "split", "5:1")`` (new for old), ``"bonus", "1:2"`` (free for
        held), ``"dividend", 12.5`` (rupees a share). Answers 1, or 0 where it was there already. Raises InputError.
        """
        return self._table.add([self._row(symbol, ex_date, kind, value)])

    def remove(self, symbol: SymbolLike, ex_date: date | str, kind: str, value: Any) -> None:
        """Take that row out. Raises InputError when it is not there."""
        self._table.remove(self._row(symbol, ex_date, kind, value))

    def import_file(self, file: Path | str) -> int:
        """Add the rows of a CSV or Excel file with the columns exchange, symbol, ex_date, kind, ratio, amount; answers
        how many were new. Raises InputError or DecodeError, which names the row and column; then nothing was added.
        """
        return self._table.take(Path(file).expanduser())

    def _row(self, symbol: SymbolLike, ex_date: date | str, kind: str, value: Any) -> CorporateAction:
        from openalgo_lab.store.history.actions import ActionKind, CorporateAction, parse_ratio

        key, what = self._lake._key(symbol, None), word(ActionKind, kind, "kind")
        try:
            day = date.fromisoformat(ex_date) if isinstance(ex_date, str) else ex_date
        except ValueError:
            raise InputError(f"{ex_date!r} is no date: write one such as '2026-01-31'.", "ex_date") from None
        if what is not ActionKind.DIVIDEND:
            return CorporateAction(key, day, what, *parse_ratio(str(value)))
        try:
            return CorporateAction(key, day, what, amount=Decimal(str(value)))
        except InvalidOperation:
            raise InputError(f"{value!r} is no amount: write rupees a share, such as 12.5.", "amount") from None

    def __repr__(self) -> str:
        return f"<Corporate actions: {len(self._table.load())} rows>"


def _sentences(joined: Continuous) -> list[str]:
    return [
        f"{roll.day}: {roll.old.symbol} to {roll.new.symbol}, by {roll.why.value}"
        + ("" if roll.difference is None else f", {roll.old_price:g} to {roll.new_price:g} ({roll.difference:+g})")
        for roll in joined.rolls
    ]
