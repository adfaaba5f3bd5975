"""From matched trades to round trips, sums and statistics. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from openalgo_lab.engine.accounting.lots import Closed, match, to_paise
from openalgo_lab.model.accounting import BookedFill, Matching, ResultRow, ResultsBy, RoundTrip, TradeStatistics
from openalgo_lab.model.money import to_paise as rupees_to_paise
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.times import NS_PER_SECOND, trade_date

__all__ = ["results", "round_trips", "statistics"]

FillKey = tuple[str, date, str]
UNTAGGED = "(none)"


def round_trips(
    booked: Sequence[BookedFill],
    shares: dict[FillKey, Decimal],
    matching: Matching = Matching.FIFO,
    *,
    within_strategies: bool = False,
) -> list[RoundTrip]:
    """Closed trades in order of their exits, each with its share of both ends' charges (``shares``, in rupees)."""
    by_key = {_key(one): one for one in booked}
    matched = match((one.fill for one in booked), matching, within_strategies=within_strategies)
    return [_trip(closed, by_key, shares) for closed in matched.closed]


def _trip(closed: Closed, by_key: dict[FillKey, BookedFill], shares: dict[FillKey, Decimal]) -> RoundTrip:
    entry, exit_ = closed.entry, closed.exit
    charges = sum(
        (shares.get(_fill_key(fill), Decimal(0)) * closed.quantity / fill.quantity for fill in (entry, exit_)),
        Decimal(0),
    )
    ends = (by_key.get(_fill_key(entry)), by_key.get(_fill_key(exit_)))
    tags = tuple(dict.fromkeys(tag for end in ends if end is not None for tag in end.tags))
    return RoundTrip(
        account=entry.account,
        exchange=entry.exchange,
        symbol=entry.symbol,
        product=entry.product,
        side=entry.side,
        quantity=closed.quantity,
        entry_price=closed.cost / closed.quantity / 10_000,
        exit_price=exit_.price,
        entry_ns=entry.time_ns,
        exit_ns=exit_.time_ns,
        gross_paise=to_paise(closed.gain),
        charges_paise=rupees_to_paise(charges),
        strategy=entry.strategy or exit_.strategy,
        tags=tags,
    )


def results(trips: Iterable[RoundTrip], by: ResultsBy) -> list[ResultRow]:
    """Sums by what is asked, in the order of its text; a trade with two tags counts under both."""
    groups: dict[str, list[RoundTrip]] = {}
    for trip in trips:
        for key in _groups_of(trip, by):
            groups.setdefault(key, []).append(trip)
    return [
        ResultRow(
            key=key,
            gross_paise=sum(trip.gross_paise for trip in group),
            charges_paise=sum(trip.charges_paise for trip in group),
            trades=len(group),
            winners=sum(trip.net_paise > 0 for trip in group),
            turnover_paise=sum(rupees_to_paise((trip.entry_price + trip.exit_price) * trip.quantity) for trip in group),
        )
        for key, group in sorted(groups.items())
    ]


def _groups_of(trip: RoundTrip, by: ResultsBy) -> tuple[str, ...]:
    match by:
        case ResultsBy.DAY:
            return (trade_date(trip.exit_ns).isoformat(),)
        case ResultsBy.STRATEGY:
            return (trip.strategy or UNTAGGED,)
        case ResultsBy.TAG:
            return trip.tags or (UNTAGGED,)
        case ResultsBy.ACCOUNT:
            return (trip.account,)
        case ResultsBy.SYMBOL:
            return (f"{trip.exchange}:{trip.symbol}",)


def statistics(trips: Sequence[RoundTrip]) -> TradeStatistics:
    """Figures over round trips in order of their exits; zeros without one. A result of 0 is neither won nor lost."""
    if not trips:
        return TradeStatistics()
    nets = [trip.net_paise for trip in trips]
    wins, losses = [net for net in nets if net > 0], [net for net in nets if net < 0]
    return TradeStatistics(
        trades=len(trips),
        winners=len(wins),
        losers=len(losses),
        gross_paise=sum(trip.gross_paise for trip in trips),
        charges_paise=sum(trip.charges_paise for trip in trips),
        net_paise=sum(nets),
        average_win_paise=round(sum(wins) / len(wins)) if wins else 0,
        average_loss_paise=round(sum(losses) / len(losses)) if losses else 0,
        best_paise=max(nets),
        worst_paise=min(nets),
        profit_factor=sum(wins) / -sum(losses) if losses and wins else 0.0,
        expectancy_paise=round(sum(nets) / len(nets)),
        drawdown_paise=_drawdown(nets),
        longest_win_streak=_streak(net > 0 for net in nets),
        longest_loss_streak=_streak(net < 0 for net in nets),
        average_holding_s=sum(trip.exit_ns - trip.entry_ns for trip in trips) / len(trips) / NS_PER_SECOND,
    )


def _drawdown(nets: Iterable[int]) -> int:
    total = peak = deepest = 0
    for net in nets:
        total += net
        peak = max(peak, total)
        deepest = min(deepest, total - peak)
    return deepest


def _streak(flags: Iterable[bool]) -> int:
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest


def _key(one: BookedFill) -> FillKey:
    return one.fill.account, one.day, one.fill.trade_id


def _fill_key(fill: Fill) -> FillKey:
    return fill.account, trade_date(fill.time_ns), fill.trade_id
