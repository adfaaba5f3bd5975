"""The option commands on a running engine: whole chains, single contracts, what is listed, and what is refused."""

from __future__ import annotations

import pytest

from openalgo_lab import Lab
from openalgo_lab.model.errors import InputError, LabError, SymbolError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.option_commands import (
    GetExpiries,
    GetOptionChain,
    GetOptionGreeks,
    GetStrikes,
    GetSyntheticFuture,
)
from openalgo_lab.model.option_conventions import EXCHANGE
from openalgo_lab.model.vocabulary import Exchange, InstrumentType


def test_the_chain_round_the_money(lab: Lab) -> None:
    chain = lab.call(GetOptionChain("nifty", strike_count=5))
    assert chain.expiry == chain.expiries[0]
    assert len(chain.rows) == 11
    middle = chain.rows[5]
    assert chain.atm == middle.strike
    assert middle.ce is not None
    assert middle.pe is not None
    assert (middle.ce.label, middle.pe.label) == ("ATM", "ATM")
    lower = chain.rows[4]
    assert lower.ce is not None
    assert lower.pe is not None
    assert (lower.ce.label, lower.pe.label) == ("ITM1", "OTM1")
    for row in chain.rows:
        for side in (row.ce, row.pe):
            assert side is not None
            assert side.iv is not None
            assert 1 < side.iv < 100
            assert side.note == ""
    assert chain.spot is not None
    assert chain.forward == pytest.approx(chain.spot, rel=0.02)
    assert chain.forward_source in ("future", "put–call parity")
    assert chain.straddle is not None
    assert chain.expected_move == pytest.approx(chain.straddle * 1.2533, rel=1e-4)
    strikes = lab.call(GetStrikes("NIFTY", chain.expiry))
    assert len(lab.call(GetOptionChain("NIFTY", chain.expiry)).rows) == len(strikes)
    assert {chain.atm, chain.max_pain, chain.support, chain.resistance} <= set(strikes)


def test_greeks_of_one_and_of_many(lab: Lab) -> None:
    chains = [lab.call(GetOptionChain("NIFTY", day, 1)) for day in lab.call(GetExpiries("NIFTY"))[:2]]
    names = [side.symbol for chain in chains for side in (chain.rows[1].ce, chain.rows[1].pe) if side is not None]
    keys = tuple(InstrumentKey(Exchange.NFO, name) for name in names)
    found = lab.call(GetOptionGreeks(keys))
    assert [one.key for one in found] == list(keys)
    assert [one.kind for one in found] == [InstrumentType.CE, InstrumentType.PE] * 2
    assert found[0].days < found[2].days
    call, put = found[0].figures, found[1].figures
    assert call.delta is not None
    assert put.delta is not None
    assert call.delta - put.delta == pytest.approx(1.0, abs=0.02)
    (own,) = lab.call(GetOptionGreeks(keys[:1], forward=30_000.0))
    assert (own.forward, own.forward_source) == (30_000.0, "given")
    assert own.figures.iv is None
    assert "intrinsic" in own.figures.note
    (published,) = lab.call(GetOptionGreeks(keys[:1], EXCHANGE))
    assert published.forward_source == "spot with carry"


def test_synthetic_future(lab: Lab) -> None:
    found = lab.call(GetSyntheticFuture("NIFTY"))
    assert found.price == pytest.approx(found.strike + found.call - found.put, abs=1e-3)
    assert found.spot is not None
    assert found.basis == pytest.approx(found.price - found.spot)
    assert abs(found.strike - found.spot) <= 50


@pytest.mark.parametrize(
    ("command", "error", "sentence"),
    [
        (GetOptionChain("NOSUCH"), InputError, "No options are listed"),
        (GetStrikes("NOSUCH"), InputError, "No options are listed"),
        (GetOptionGreeks(()), InputError, "at least one"),
        (GetOptionGreeks((InstrumentKey(Exchange.NSE, "SBIN"),)), SymbolError, "is no option"),
        (GetOptionGreeks((InstrumentKey(Exchange.NFO, "X"),)), SymbolError, "no listed contract"),
        (GetOptionGreeks((InstrumentKey(Exchange.NFO, "X"),), forward=-1.0), InputError, "above 0"),
    ],
)
def test_what_is_refused(lab: Lab, command: GetOptionChain, error: type[LabError], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        lab.call(command)
