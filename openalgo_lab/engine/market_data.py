"""Market data into the board: who wants what, which token is which row, and the frames as they come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from openalgo_lab.broker.adapter import Adapter
from openalgo_lab.engine.board import Board
from openalgo_lab.model.errors import LabError, NotSupported
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import DEPTH_LEVELS, QUOTE_FIELDS, Depth, Quote, TickBatch
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["MarketData", "TokenRows"]

log = logging.getLogger(__name__)

_RANK = {FeedMode.LTP: 0, FeedMode.QUOTE: 1, FeedMode.DEPTH: 2}
_MAX_SPAN = 2**18  # 2 MB
_BY_RANK = {rank: mode for mode, rank in _RANK.items()}


class TokenRows:
    """A broker's tokens to rows of the board, for a whole frame at once.

    Tokens that lie close enough together are looked up in a table, four times as fast as by bisection.
    """

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self._tokens: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._sorted_rows: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._table: npt.NDArray[np.int64] | None = None

    def add(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Make (token, row) pairs known."""
        known = len(self._rows)
        self._rows.update(pairs)
        if len(self._rows) == known:
            return
        self._tokens = np.array(sorted(self._rows), dtype=np.int64)
        self._sorted_rows = np.array([self._rows[int(token)] for token in self._tokens], dtype=np.int64)
        self._table = None
        span = int(self._tokens[-1] - self._tokens[0]) + 1
        if span <= _MAX_SPAN:
            self._table = np.full(span, -1, dtype=np.int64)
            self._table[self._tokens - self._tokens[0]] = self._sorted_rows

    def find(self, tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Their rows; -1 for a token that nobody asked for."""
        if not len(self._tokens):
            return np.full(len(tokens), -1, dtype=np.int64)
        if self._table is not None:
            return self._look_up(tokens, self._table)
        at = self._tokens.searchsorted(tokens)
        rows = self._sorted_rows.take(at, mode="clip")
        known = self._tokens.take(at, mode="clip") == tokens
        return rows if known.all() else np.where(known, rows, -1)

    def _look_up(self, tokens: npt.NDArray[np.int64], table: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        at = tokens - self._tokens[0]
        if len(at) and (at.min() < 0 or at.max() >= len(table)):
            inside = (at >= 0) & (at < len(table))
            return np.where(inside, table[np.where(inside, at, 0)], -1)
        rows: npt.NDArray[np.int64] = table[at]
        return rows


class MarketData:
    """Subscriptions counted by owner, over one adapter; used on the engine's loop.

    Wishes are gathered for a turn of the loop and sent to the feed by one task, so that a thousand owners cost one
    request; what fails is asked again when the feed is back (:meth:`ask_again`).
    """

    def __init__(
        self,
        board: Board,
        adapter: Adapter,
        instruments: Callable[[], InstrumentStore],
        report: Callable[[str, str], None],
    ) -> None:
        self._board = board
        self._adapter = adapter
        self._unfed: Adapter | None = None
        self._instruments = instruments
        self._report = report
        self._wanted: dict[str, dict[InstrumentKey, int]] = {}
        self._have: dict[InstrumentKey, int] = {}
        self._touched: dict[InstrumentKey, None] = {}  # wanted more or less than before, in the order of asking
        self._tokens = TokenRows()
        self._changed = asyncio.Event()
        self.unknown_ticks = 0
        self.ticks = 0

    # Wishes -------------------------------------------------------------------------------------------------------

    def subscribe(self, owner: str, keys: Sequence[InstrumentKey], mode: FeedMode) -> None:
        """Add to what ``owner`` wants. Raises SymbolError for a symbol that is not listed; then nothing is added."""
        store = self._instruments()
        found = [store.require(key) for key in keys]
        self._tokens.add((instrument.token, self._board.row(instrument.key)) for instrument in found)
        wanted, rank = self._wanted.setdefault(owner, {}), _RANK[mode]
        more = [instrument.key for instrument in found if wanted.get(instrument.key, -1) < rank]
        wanted.update(dict.fromkeys(more, rank))
        self._touch(more)

    def unsubscribe(self, owner: str, keys: Sequence[InstrumentKey] | None = None) -> None:
        """``owner`` no longer wants ``keys``; None for all."""
        if keys is None:
            self._touch(self._wanted.pop(owner, {}))
        else:
            wanted = self._wanted.get(owner, {})
            self._touch([key for key in keys if wanted.pop(key, None) is not None])

    # Another market -----------------------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Tell the present feed that nobody listens any more; before :meth:`use`, with the old instruments."""
        held, self._have = list(self._have), {}
        try:
            await self._adapter.unsubscribe(self._listed(held))
        except LabError as error:
            log.info("The former feed was not told that nobody listens: %s", error)

    def use(self, adapter: Adapter) -> None:
        """Take market data from another account, by its own instruments; nothing of the old market stays on the board.

        What its list does not hold is wanted no longer.
        """
        self._adapter = adapter
        self._have.clear()
        self._tokens = TokenRows()
        self._blank()
        store = self._instruments()
        for owner, keys in self._wanted.items():
            found = {key: store.find(key) for key in keys}
            self._wanted[owner] = {key: rank for key, rank in keys.items() if found[key] is not None}
            self._tokens.add((one.token, self._board.row(one.key)) for one in found.values() if one is not None)
        self.ask_again()

    def _blank(self) -> None:
        rows = self._board.find_rows(self._board.keys())
        if not len(rows):
            return
        nothing = np.full(len(rows), np.nan)
        depth = np.full((len(rows), 4, DEPTH_LEVELS), np.nan)
        self._board.write(rows, dict.fromkeys(QUOTE_FIELDS, nothing), np.zeros(len(rows), dtype=np.int64), depth)

    def ask_again(self) -> None:
        """The feed is new: it knows nothing of what we wanted."""
        self._have.clear()
        for wanted in self._wanted.values():
            self._touch(wanted)

    def _touch(self, keys: Iterable[InstrumentKey]) -> None:
        self._touched.update(dict.fromkeys(keys))
        if self._touched:
            self._changed.set()

    @property
    def wanted(self) -> dict[InstrumentKey, FeedMode]:
        """What the feed should carry: of every symbol the most that anybody wants."""
        keys = {key for wanted in self._wanted.values() for key in wanted}
        return {key: _BY_RANK[self._most(key)] for key in keys}

    def _most(self, key: InstrumentKey) -> int:
        """The highest rank that anybody wants of a symbol; -1 when nobody wants it."""
        return max((wanted.get(key, -1) for wanted in self._wanted.values()), default=-1)

    async def keep(self) -> None:
        """Bring the feed to what is wanted, whenever that changes; until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._bring()
            except NotSupported as error:
                self._touched.clear()  # asking again would not help; quotes are fetched when they are asked for
                if self._unfed is not self._adapter:
                    self._unfed = self._adapter
                    self._report("market data", str(error))
            except LabError as error:
                self._report("market data", f"The feed did not take a subscription ({error}); it is asked again.")
                await asyncio.sleep(1.0)
                self._changed.set()

    async def _bring(self) -> None:
        """Only what was touched is looked at: one new symbol must not cost a walk over all of them."""
        touched, self._touched = self._touched, {}
        try:
            target = {key: self._most(key) for key in touched}
            for rank, mode in _BY_RANK.items():
                more = [key for key, want in target.items() if want == rank and self._have.get(key, -1) < want]
                if more:
                    await self._adapter.subscribe(self._listed(more), mode)
                    self._have.update(dict.fromkeys(more, rank))
            gone = [key for key, want in target.items() if want < 0 and key in self._have]
            if gone:
                await self._adapter.unsubscribe(self._listed(gone))
                for key in gone:
                    del self._have[key]
        except BaseException:  # a cancelled round too is made again; raised again
            self._touched = touched | self._touched
            raise

    def _listed(self, keys: Sequence[InstrumentKey]) -> list[Instrument]:
        store = self._instruments()
        return [store.require(key) for key in keys]

    # Ticks --------------------------------------------------------------------------------------------------------

    def on_ticks(self, batch: TickBatch) -> None:
        """Write one frame to the board. Ticks of tokens that nobody asked for are counted and left out."""
        rows = self._tokens.find(batch.tokens)
        self.ticks += len(rows)
        if len(rows) and rows.min() >= 0:
            self._board.write(rows, batch.columns, batch.time_ns, batch.depth)
            return
        known = rows >= 0
        self.unknown_ticks += int(len(rows) - known.sum())
        if known.any():
            columns = {name: values[known] for name, values in batch.columns.items()}
            depth = batch.depth[known] if batch.depth is not None else None
            self._board.write(rows[known], columns, batch.time_ns[known], depth)

    def write_quotes(self, quotes: Iterable[Quote]) -> None:
        """Put quotes that were fetched on the board, where nothing newer stands."""
        for quote in quotes:
            row = self._board.row(InstrumentKey(quote.exchange, quote.symbol))
            at = np.array([row], dtype=np.int64)
            if quote.time_ns > int(self._board.times(at)[0]):
                columns = {name: np.array([getattr(quote, name)], dtype=np.float64) for name in QUOTE_FIELDS}
                self._board.write(at, columns, np.array([quote.time_ns], dtype=np.int64))

    # Answers ------------------------------------------------------------------------------------------------------

    def live_quote(self, key: InstrumentKey) -> Quote | None:
        """The board's quote while the feed carries the symbol."""
        return self._board.quote(key) if key in self._have else None

    async def quotes(self, keys: Sequence[InstrumentKey]) -> tuple[Quote, ...]:
        """Quotes in the order asked: from the board where the feed is live, else from the broker."""
        live = {key: self.live_quote(key) for key in keys}
        missing = [key for key, quote in live.items() if quote is None]
        fetched: dict[InstrumentKey, Quote] = {}
        if missing:
            got = await self._adapter.quotes(self._listed(missing))
            fetched = dict(zip(missing, got, strict=True))
            self.write_quotes(fetched.values())
        return tuple(live[key] or fetched[key] for key in keys)

    async def depth(self, key: InstrumentKey, levels: int = DEPTH_LEVELS) -> Depth:
        """Five levels: from the board where the feed carries them, else from the broker, as all that are more.

        Raises NotSupported where the broker has no deeper books.
        """
        if levels > DEPTH_LEVELS:
            return await self._adapter.depth(self._instruments().require(key), levels)
        if self._have.get(key) == _RANK[FeedMode.DEPTH] and (depth := self._board.depth(key)) is not None:
            return depth
        return await self._adapter.depth(self._instruments().require(key))
