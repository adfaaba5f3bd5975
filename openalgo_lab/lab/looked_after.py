"""Orders that are looked after: GTT, brackets, trailing stops, execution algorithms. Each with its ``_async`` twin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from openalgo_lab.lab.frames import frame_of
from openalgo_lab.lab.pairs import Ask, awaited, blocking
from openalgo_lab.lab.shown import Cell, Shown, text_table
from openalgo_lab.lab.structures import StructureCalls
from openalgo_lab.lab.words import Moment, SymbolLike, moment_ns, rupee_price, whole_number, word
from openalgo_lab.model.algo_commands import (
    Algo,
    AlgoAct,
    AlgoKind,
    AlgoTerms,
    Bracket,
    ControlAlgo,
    EndBracket,
    GetAlgos,
    GetBrackets,
    PlaceBracket,
    ProtectPosition,
    StartAlgo,
)
from openalgo_lab.model.gtt_commands import CancelGtt, GetGtts, GttOrder, ModifyGtt, PlaceGtt
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side

__all__ = ["LookedAfterCalls", "Table"]


class Table(Shown, Sequence[Any]):
    """Values of one kind as a table; ``.frame`` for pandas."""

    def __init__(self, columns: dict[str, Callable[[Any], Cell]], items: Sequence[Any]) -> None:
        self._columns = columns
        self._items = tuple(items)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    @property
    def frame(self) -> Any:
        """One row an item."""
        return frame_of({name: [read(item) for item in self._items] for name, read in self._columns.items()})

    def __repr__(self) -> str:
        return text_table(tuple(self._columns), self._cells()) if self._items else "None."

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return "" if self._items else "None.", tuple(self._columns), self._cells()

    def _cells(self) -> list[list[Cell]]:
        return [[read(item) for read in self._columns.values()] for item in self._items]


_GTT_COLUMNS: dict[str, Callable[[Any], Cell]] = {
    "id": lambda gtt: gtt.gtt_id,
    "symbol": lambda gtt: f"{gtt.exchange}:{gtt.symbol}",
    "side": lambda gtt: gtt.side.value,
    "quantity": lambda gtt: gtt.quantity,
    "triggers": lambda gtt: ", ".join(f"{'≥' if leg.above else '≤'} {leg.trigger_price:g}" for leg in gtt.legs),
    "prices": lambda gtt: ", ".join(f"{leg.price:g}" if leg.price else "market" for leg in gtt.legs),
    "status": lambda gtt: gtt.status.value,
    "where": lambda gtt: "at the broker" if gtt.native else "watched here",
    "reason": lambda gtt: gtt.reason,
}
_BRACKET_COLUMNS: dict[str, Callable[[Any], Cell]] = {
    "id": lambda one: one.bracket_id,
    "symbol": lambda one: f"{one.exchange}:{one.symbol}",
    "side": lambda one: one.side.value,
    "quantity": lambda one: one.quantity,
    "stop": lambda one: one.stop,
    "target": lambda one: one.target,
    "filled": lambda one: one.filled,
    "exited": lambda one: one.exited,
    "status": lambda one: one.status.value,
    "reason": lambda one: one.reason,
}
_ALGO_COLUMNS: dict[str, Callable[[Any], Cell]] = {
    "id": lambda algo: algo.algo_id,
    "kind": lambda algo: algo.terms.kind.value,
    "symbol": lambda algo: f"{algo.terms.order.exchange}:{algo.terms.order.symbol}",
    "side": lambda algo: algo.terms.order.side.value,
    "filled": lambda algo: f"{algo.filled} of {algo.terms.order.quantity}",
    "parts": lambda algo: algo.placed,
    "status": lambda algo: algo.status.value,
    "message": lambda algo: algo.message,
}


class LookedAfterCalls(StructureCalls):
    """The part of :class:`~openalgo_lab.lab.Lab` whose orders go on working by themselves."""

    # GTT -----------------------------------------------------------------------------------------------------------

    def _place_gtt(
        self,
        symbol: SymbolLike,
        side: Side | str,
        quantity: int,
        *,
        trigger_below: float | None = None,
        price_below: float | None = None,
        trigger_above: float | None = None,
        price_above: float | None = None,
        price_type: PriceType | str = PriceType.LIMIT,
        product: Product | str = Product.CNC,
        exchange: Exchange | str | None = None,
        expires: Moment | None = None,
        strategy: str = "",
        account: str = "",
        watch: bool = False,
        tag: str = "",
    ) -> Ask[GttOrder, GttOrder]:
        """A good-till-triggered order; with both triggers an OCO, of which the first that fires ends the other.

        Args:
            trigger_below: fires at or below (a stop-loss of a long); ``price_below`` is its limit.
            trigger_above: fires at or above (a target of a long); ``price_above`` is its limit.
            price_type: LIMIT, or MARKET without prices.
            watch: by this engine, even where the broker keeps such orders itself.
        """
        instrument = self.instrument(symbol, exchange)
        command = PlaceGtt(
            exchange=instrument.exchange,
            symbol=instrument.symbol,
            side=word(Side, side, "side"),
            quantity=whole_number(quantity),
            product=word(Product, product, "product"),
            trigger_below=rupee_price(trigger_below, "trigger_below"),
            price_below=rupee_price(price_below, "price_below"),
            trigger_above=rupee_price(trigger_above, "trigger_above"),
            price_above=rupee_price(price_above, "price_above"),
            price_type=word(PriceType, price_type, "price_type"),
            expires_ns=0 if expires is None else moment_ns(expires, "expires", day_end=True),
            strategy=strategy,
            account=account,
            watch=watch,
            tag=tag,
        )
        return Ask(command, _as_it_is)

    def _modify_gtt(self, /, gtt: GttOrder | str, **changes: Any) -> Ask[GttOrder, GttOrder]:
        """Change quantity, trigger_below, price_below, trigger_above or price_above; what is not given stays."""
        return Ask(msgspec.convert({"gtt_id": _id(gtt), **changes, "type": "modify_gtt"}, ModifyGtt), _as_it_is)

    def _cancel_gtt(self, gtt: GttOrder | str) -> Ask[GttOrder, GttOrder]:
        """End one. One that has ended is the answer."""
        return Ask(CancelGtt(_id(gtt)), _as_it_is)

    def _gtt_orders(self, *, account: str = "", active_only: bool = True) -> Ask[tuple[GttOrder, ...], Table]:
        """Triggers that wait, or all that are remembered."""
        return Ask(GetGtts(account, active_only), partial(Table, _GTT_COLUMNS))

    # Brackets ------------------------------------------------------------------------------------------------------

    def _place_bracket(
        self,
        /,
        symbol: SymbolLike,
        side: Side | str,
        quantity: int,
        stop: float,
        target: float = 0.0,
        *,
        trail: float = 0.0,
        **terms: Any,
    ) -> Ask[Bracket, Bracket]:
        """An entry with a stop, and where wanted a target and a trailing distance, all in rupees.

        One exit order guards what is filled: it rests as a stop at the exchange, trails the best price by ``trail``,
        and becomes a limit at the target. ``terms`` are those of ``place_order``.
        """
        order = self._terms(symbol, side, quantity, **terms)
        return Ask(PlaceBracket(order, stop, target, trail), _as_it_is)

    def _protect_position(
        self,
        symbol: SymbolLike,
        stop: float,
        target: float = 0.0,
        *,
        trail: float = 0.0,
        product: Product | str = Product.MIS,
        exchange: Exchange | str | None = None,
        account: str = "",
    ) -> Ask[Bracket, Bracket]:
        """Stop, target and trailing distance for a position that is held already."""
        instrument = self.instrument(symbol, exchange)
        kind = word(Product, product, "product")
        command = ProtectPosition(instrument.exchange, instrument.symbol, kind, stop, target, trail, account)
        return Ask(command, _as_it_is)

    def _end_bracket(self, bracket: Bracket | str, *, close: bool = False) -> Ask[Bracket, Bracket]:
        """Cancel what waits; ``close`` leaves the position at market, else it stays, unguarded."""
        return Ask(EndBracket(bracket if isinstance(bracket, str) else bracket.bracket_id, close), _as_it_is)

    def _brackets(self, *, account: str = "") -> Ask[tuple[Bracket, ...], Table]:
        """Brackets and protected positions."""
        return Ask(GetBrackets(account), partial(Table, _BRACKET_COLUMNS))

    # Algorithms ----------------------------------------------------------------------------------------------------

    def _chase(
        self,
        /,
        symbol: SymbolLike,
        side: Side | str,
        quantity: int,
        *,
        worst_price: float | None = None,
        every_s: float = 1.0,
        duration_s: float = 0.0,
        finish_at_market: bool = False,
        **terms: Any,
    ) -> Ask[Algo, Algo]:
        """One limit order at the own side's best price, moved as it moves, never beyond ``worst_price``."""
        order = self._terms(symbol, side, quantity, price=worst_price, **terms)
        wanted = AlgoTerms(
            AlgoKind.CHASE, order, duration_s=duration_s, every_s=every_s, finish_at_market=finish_at_market
        )
        return Ask(StartAlgo(wanted), _as_it_is)

    def _twap(
        self, /, symbol: SymbolLike, side: Side | str, quantity: int, *, parts: int, duration_s: float, **terms: Any
    ) -> Ask[Algo, Algo]:
        """Equal parts at equal times: at market, or as limits where a price is given."""
        order = self._terms(symbol, side, quantity, **terms)
        return Ask(StartAlgo(AlgoTerms(AlgoKind.TWAP, order, parts=parts, duration_s=duration_s)), _as_it_is)

    def _iceberg(
        self, /, symbol: SymbolLike, side: Side | str, quantity: int, *, visible: int, price: float, **terms: Any
    ) -> Ask[Algo, Algo]:
        """A limit order of which only ``visible`` units are shown at a time."""
        order = self._terms(symbol, side, quantity, price=price, **terms)
        return Ask(StartAlgo(AlgoTerms(AlgoKind.ICEBERG, order, visible=visible)), _as_it_is)

    def _control_algo(self, algo: Algo | str, act: AlgoAct | str) -> Ask[Algo, Algo]:
        """``"pause"`` (its working order is cancelled), ``"resume"`` or ``"stop"``."""
        algo_id = algo if isinstance(algo, str) else algo.algo_id
        return Ask(ControlAlgo(algo_id, word(AlgoAct, act, "act")), _as_it_is, 30.0)

    def _algos(self) -> Ask[tuple[Algo, ...], Table]:
        """Algorithms with their progress."""
        return Ask(GetAlgos(), partial(Table, _ALGO_COLUMNS))

    place_gtt, place_gtt_async = blocking(_place_gtt), awaited(_place_gtt)
    modify_gtt, modify_gtt_async = blocking(_modify_gtt), awaited(_modify_gtt)
    cancel_gtt, cancel_gtt_async = blocking(_cancel_gtt), awaited(_cancel_gtt)
    gtt_orders, gtt_orders_async = blocking(_gtt_orders), awaited(_gtt_orders)
    place_bracket, place_bracket_async = blocking(_place_bracket), awaited(_place_bracket)
    protect_position, protect_position_async = blocking(_protect_position), awaited(_protect_position)
    end_bracket, end_bracket_async = blocking(_end_bracket), awaited(_end_bracket)
    brackets, brackets_async = blocking(_brackets), awaited(_brackets)
    chase, chase_async = blocking(_chase), awaited(_chase)
    twap, twap_async = blocking(_twap), awaited(_twap)
    iceberg, iceberg_async = blocking(_iceberg), awaited(_iceberg)
    control_algo, control_algo_async = blocking(_control_algo), awaited(_control_algo)
    algos, algos_async = blocking(_algos), awaited(_algos)


def _id(gtt: GttOrder | str) -> str:
    return gtt if isinstance(gtt, str) else gtt.gtt_id


def _as_it_is(answer: Any) -> Any:
    return answer
