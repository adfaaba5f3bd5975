"""A live option chain: strikes by calls and puts of one expiry, with volatilities and deltas. Shows as a widget."""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Collection, Sequence
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from openalgo_lab.engine.option_data.contracts import ChainContracts, load_contracts
from openalgo_lab.engine.option_data.reading import GREEKS, ChainReader, ChainReading
from openalgo_lab.engine.option_data.smiles import smile_of
from openalgo_lab.lab.frames import frame_of
from openalgo_lab.lab.shown import Cell, Shown, amount, text_table
from openalgo_lab.lab.words import plain_underlying, word
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.commands import GetQuotes
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.option_conventions import OWN, Conventions
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.symbols import format_strike, parse_expiry
from openalgo_lab.model.vocabulary import FeedMode, InstrumentType, Mode, OptionType

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.lab.core import LabCore
    from openalgo_lab.options.svi import SmileFit

__all__ = ["OptionChain"]

Floats = npt.NDArray[np.float64]

SIDE_FIELDS = ("ltp", "change", "bid", "ask", "volume", "oi", "oi_change", "iv", *GREEKS)
"""Columns of each side: rupees, units, ``iv`` in per cent, Greeks in the units of the formulas."""

_FIRST_S = 1.0
_LOOK_S = 0.005
_SHOWN_STRIKES = 8  # either side of the money, in text and in HTML


class OptionChain(Shown):
    """One expiry of one underlying, live. Every look computes from the newest prices; NaN = not known.

    Volatilities are Black-76 on one forward for the whole chain (the future when it is liquid, else put-call parity at
    the money, else the spot with carry; ``forward_source`` says which), from the middle of a live book, else the last
    trade.
    """

    def __init__(self, lab: LabCore, contracts: ChainContracts, conventions: Conventions = OWN) -> None:
        self._lab = lab
        self._contracts = contracts
        self._reader = ChainReader(contracts, conventions)
        owner = lab._owner("chain")
        lab.handle.subscribe(contracts.keys, FeedMode.QUOTE, owner)
        weakref.finalize(self, lab.handle.unsubscribe, owner)

    @classmethod
    def of(
        cls, lab: LabCore, underlying: str, expiry: date | str | None, conventions: Conventions = OWN
    ) -> OptionChain:
        """The chain, with its first prices there. Raises InputError that names what is listed instead."""
        day = parse_expiry(expiry) if isinstance(expiry, str) else expiry
        contracts = load_contracts(
            lab.handle.instruments, RuleBook.load(), plain_underlying(underlying), day, TradingCalendar.load()
        )
        chain = cls(lab, contracts, conventions)
        lab.call(GetQuotes(contracts.keys))  # puts all that the feed does not carry yet on the host's board
        chain._await_first()
        return chain

    def _await_first(self) -> None:
        """An attached kernel's board gets its first prices a window later than the host's."""
        deadline = time.monotonic() + _FIRST_S
        while time.monotonic() < deadline:
            board = self._lab._handle.board
            if (board.times(self._reader.rows(board)) > 0).any():
                return
            time.sleep(_LOOK_S)

    # ---- what it is

    @property
    def contracts(self) -> ChainContracts:
        """Its contracts by strike."""
        return self._contracts

    @property
    def underlying(self) -> str:
        """What the options are on."""
        return self._contracts.underlying

    @property
    def expiry(self) -> date:
        """The expiry date."""
        return self._contracts.expiry

    @property
    def expiries(self) -> Sequence[date]:
        """All expiries listed for the underlying."""
        return self._lab.handle.instruments.expiries(self.underlying)

    @property
    def strikes(self) -> Floats:
        """Strikes, ascending."""
        return self._contracts.strikes

    @property
    def lot_size(self) -> int:
        """Units a lot."""
        return self._contracts.lot_size

    def option(self, strike: float, kind: OptionType | str) -> Instrument:
        """The call (``"CE"``) or put (``"PE"``) of a strike, to order it. Raises InputError for one not listed."""
        side = InstrumentType(word(OptionType, kind, "kind"))
        at = np.flatnonzero(np.isclose(self.strikes, strike))
        found = self._contracts.at(int(at[0]), side) if len(at) else None
        if found is None:
            near = self.strikes[np.argsort(np.abs(self.strikes - strike))[:3]]
            names = ", ".join(format_strike(float(value)) for value in sorted(near))
            raise InputError(f"{self.underlying} has no {side} at {strike:g}: the nearest are {names}.", "strike")
        return found

    # ---- what it says now

    @property
    def now(self) -> ChainReading:
        """All numbers at this moment."""
        status, board = self._lab.handle.status, self._lab._handle.board
        return self._reader.read(board, status.market_ns, traded_only=status.mode is Mode.REPLAY)

    def columns(self) -> dict[str, Floats]:
        """``strike`` and, for each of :data:`SIDE_FIELDS`, ``call_…`` and ``put_…``: float64 by strike."""
        return _columns(self._contracts, self.now)

    @property
    def frame(self) -> pd.DataFrame:
        """The same as a frame, indexed by strike; figures of the whole chain in ``frame.attrs``."""
        now = self.now
        frame = frame_of(_columns(self._contracts, now), "strike")  # type: ignore[arg-type]  # arrays are sequences
        frame.attrs.update(
            underlying=self.underlying, expiry=self.expiry.isoformat(), spot=now.spot, forward=now.forward,
            forward_source=now.forward_source,
            atm_iv=now.atm_iv, pcr=now.pcr, max_pain=now.max_pain, conventions=str(now.conventions),
        )  # fmt: skip
        return frame

    @property
    def atm(self) -> float:
        """The strike nearest to the spot (to the forward where no spot is quoted)."""
        at = self.now.atm
        return float("nan") if at is None else float(self.strikes[at])

    @property
    def spot(self) -> float:
        """The underlying's price."""
        return self.now.spot

    @property
    def forward(self) -> float:
        """The forward that the volatilities stand on."""
        return self.now.forward

    @property
    def forward_source(self) -> str:
        """Where the forward comes from."""
        return self.now.forward_source

    @property
    def expected_move(self) -> float:
        """One standard deviation until expiry as the straddle prices it, rupees."""
        return self.now.move

    @property
    def smile(self) -> SmileFit | None:
        """The fitted smile of this moment; None where there are too few volatilities."""
        return smile_of(self._contracts, self.now)

    @property
    def atm_iv(self) -> float:
        """Implied volatility at the money, per cent."""
        return self.now.atm_iv

    @property
    def pcr(self) -> float:
        """Open interest of the puts over that of the calls."""
        return self.now.pcr

    @property
    def max_pain(self) -> float:
        """The strike at which all options together would pay least."""
        return self.now.max_pain

    @property
    def straddle(self) -> float:
        """Call and put at the money together, rupees."""
        return self.now.straddle

    # ---- showing

    def widget(self, **options: Any) -> Any:
        """The chain as a live table."""
        view = import_module("openalgo_lab.ui.chain").OptionChainView
        return view(self._lab, self.underlying, self.expiry, **options)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(include, exclude)
        if _in_kernel():
            shown = self.widget()._repr_mimebundle_(include=include, exclude=exclude)
            # IPython takes a bundle or a pair of bundle and metadata.
            bundle |= shown[0] if isinstance(shown, tuple) else shown or {}
        return bundle

    def __repr__(self) -> str:
        now = self.now
        head = (
            f"{self.underlying} {self.expiry:%d %b %Y}: spot {amount(now.spot)}, forward {amount(now.forward)}, "
            f"ATM IV {amount(now.atm_iv)} %, PCR {amount(now.pcr)}, max pain {amount(now.max_pain, 0)}"
        )
        return f"{head}\n{text_table(_HEADERS, self._rows(now))}"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        now = self.now
        return f"{self.underlying} {self.expiry:%d %b %Y}, spot {amount(now.spot)}", _HEADERS, self._rows(now)

    def _rows(self, now: ChainReading) -> list[tuple[Cell, ...]]:
        at = len(self.strikes) // 2 if now.atm is None else now.atm
        rows: list[tuple[Cell, ...]] = []
        for index in range(max(at - _SHOWN_STRIKES, 0), min(at + _SHOWN_STRIKES + 1, len(self.strikes))):
            call = [float(now.calls[name][index]) for name in _SHOWN_CALLS]
            put = [float(now.puts[name][index]) for name in reversed(_SHOWN_CALLS)]
            mark = " ◂" if index == now.atm else ""
            rows.append((*call, f"{format_strike(float(self.strikes[index]))}{mark}", *put))
        return rows


_SHOWN_CALLS = ("oi", "iv", "delta", "bid", "ask", "ltp")
_HEADERS = (*(f"call {name}" for name in _SHOWN_CALLS), "strike", *(f"put {name}" for name in reversed(_SHOWN_CALLS)))


def _columns(contracts: ChainContracts, now: ChainReading) -> dict[str, Floats]:
    calls = {f"call_{name}": now.calls[name] for name in SIDE_FIELDS}
    puts = {f"put_{name}": now.puts[name] for name in SIDE_FIELDS}
    return {"strike": contracts.strikes, **calls, **puts}


def _in_kernel() -> bool:
    """Whether a front end is there that can show widgets."""
    shell = sys.modules.get("IPython") and import_module("IPython").get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None
