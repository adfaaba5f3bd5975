"""The handlers of the commands about options. A chain is read from the board: never one request an option."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.market_data import MarketData
from openalgo_lab.engine.option_data.contracts import ChainContracts, load_contracts
from openalgo_lab.engine.option_data.reading import ChainReader, ChainReading
from openalgo_lab.engine.option_data.replies import chain_reply, greeks_of, number
from openalgo_lab.engine.principal import Principal
from openalgo_lab.engine.table import reads
from openalgo_lab.model import option_commands as c
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import InputError, SymbolError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.option_conventions import OWN, Conventions
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.vocabulary import InstrumentType
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["OptionDesk"]

_KINDS: Final = (InstrumentType.CE, InstrumentType.PE)


class OptionDesk:
    """Reads chains. ``traded_only``: the market's books are not real (a replay), so last trades are priced."""

    def __init__(
        self,
        *,
        data: MarketData,
        board: Board,
        instruments: Callable[[], InstrumentStore],
        now_ns: Callable[[], int],
        traded_only: bool,
    ) -> None:
        self._data = data
        self._board = board
        self._instruments = instruments
        self._now_ns = now_ns
        self._traded_only = traded_only
        self._tables: tuple[RuleBook, TradingCalendar] | None = None

    @reads(c.GetOptionChain)
    async def option_chain(self, command: c.GetOptionChain, _: Principal) -> c.ChainReply:
        """The whole chain, or the strikes round the money."""
        contracts, reading = await self._read(command.underlying, command.expiry, command.conventions)
        expiries = tuple(self._instruments().expiries(contracts.underlying))
        return chain_reply(contracts, reading, expiries, command.strike_count)

    @reads(c.GetOptionGreeks)
    async def option_greeks(self, command: c.GetOptionGreeks, _: Principal) -> tuple[c.OptionGreeks, ...]:
        """Each on its own chain."""
        if not command.keys:
            raise InputError("No option was named: give at least one.", field="symbol")
        if command.forward is not None and not command.forward > 0:
            raise InputError("A forward must be above 0: leave it out to take the market's own.", field="forward")
        wanted = [self._option(self._instruments().require(key)) for key in command.keys]
        read: dict[tuple[str, date], tuple[ChainContracts, ChainReading]] = {}
        for item, day in wanted:
            if (chain := (item.underlying, day)) not in read:
                read[chain] = await self._read(*chain, command.conventions, forward=command.forward)
        return tuple(greeks_of(*read[item.underlying, day], item) for item, day in wanted)

    @reads(c.GetSyntheticFuture)
    async def synthetic_future(self, command: c.GetSyntheticFuture, _: Principal) -> c.SyntheticFuture:
        """Of the strike nearest to the spot."""
        contracts, reading = await self._read(command.underlying, command.expiry, OWN)
        price, spot = number(reading.synthetic), number(reading.spot)
        if reading.atm is None or price is None:
            raise InputError(
                f"{contracts.underlying} {contracts.expiry:%d-%b-%y} has no prices of both options at the money: "
                "wait for the feed or choose another expiry.",
                field="expiry",
            )
        return c.SyntheticFuture(
            underlying=contracts.underlying,
            expiry=contracts.expiry,
            strike=float(contracts.strikes[reading.atm]),
            call=float(reading.calls["price"][reading.atm]),
            put=float(reading.puts["price"][reading.atm]),
            price=price,
            spot=spot,
            basis=None if spot is None else price - spot,
        )

    @reads(c.GetExpiries)
    async def expiries(self, command: c.GetExpiries, _: Principal) -> tuple[date, ...]:
        """From the instruments."""
        return tuple(self._instruments().expiries(command.underlying.strip().upper(), command.kind))

    @reads(c.GetStrikes)
    async def strikes(self, command: c.GetStrikes, _: Principal) -> tuple[float, ...]:
        """From the instruments."""
        return tuple(self._contracts(command.underlying, command.expiry).strikes.tolist())

    def _contracts(self, underlying: str, expiry: date | None) -> ChainContracts:
        if self._tables is None:
            self._tables = RuleBook.load(), TradingCalendar.load()
        rules, calendar = self._tables
        return load_contracts(self._instruments(), rules, underlying.strip().upper(), expiry, calendar)

    async def _read(
        self, underlying: str, expiry: date | None, conventions: Conventions, *, forward: float | None = None
    ) -> tuple[ChainContracts, ChainReading]:
        """One request for all that the feed does not carry yet, then one look at the board."""
        contracts = self._contracts(underlying, expiry)
        await self._data.quotes(contracts.keys)
        reader = ChainReader(contracts, conventions)
        reading = reader.read(self._board, self._now_ns(), traded_only=self._traded_only, forward=forward)
        return contracts, reading

    @staticmethod
    def _option(item: Instrument) -> tuple[Instrument, date]:
        if item.kind not in _KINDS or item.expiry is None:
            raise SymbolError(f"{item.key} is no option: give one like NIFTY01DEC2625000CE.", field="symbol")
        return item, item.expiry
