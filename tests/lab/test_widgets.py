"""Every widget is one call away, and none is loaded before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from openalgo_lab import Lab
from openalgo_lab.model.errors import SymbolError


@pytest.mark.parametrize(
    ("ask", "name"),
    [
        (lambda lab: lab.ticket(), "OrderTicket"),
        (lambda lab: lab.ticket("NSE:SBIN"), "OrderTicket"),
        (lambda lab: lab.depth("SBIN"), "DepthLadder"),
        (lambda lab: lab.watchlist(["SBIN", ("NIFTY", "NSE_INDEX")]), "Watchlist"),
        (lambda lab: lab.watchlist(), "Watchlist"),
        (lambda lab: lab.blotter(tab="positions"), "Blotter"),
        (lambda lab: lab.chart("SBIN"), "CandleChart"),
        (lambda lab: lab.status(), "StatusBar"),
        (lambda lab: lab.desk(), "Desk"),
        (lambda lab: lab.vault(), "VaultDialog"),
        (lambda lab: lab.sign_in(), "SignInDialog"),
        (lambda lab: lab.option_chain("NIFTY").widget(), "OptionChainView"),
    ],
)
def test_widget(lab: Lab, ask: Callable[[Lab], object], name: str) -> None:
    widget = ask(lab)
    assert type(widget).__name__ == name
    widget.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("ask", [lambda lab: lab.ticket("NOSUCH"), lambda lab: lab.chart("NOSUCH")])
def test_unknown_symbol_says_so_before_anything_is_drawn(lab: Lab, ask: Callable[[Lab], object]) -> None:
    with pytest.raises(SymbolError, match="not listed"):
        ask(lab)


def test_a_lab_without_widgets_loads_none(lab_home: Path, repository: Path) -> None:
    code = (
        "import sys; from openalgo_lab import Lab; lab = Lab(); lab.quote('SBIN'); lab.place_order('SBIN', 'BUY', 1);"
        "print([name for name in ('pandas', 'ipywidgets', 'bqplot', 'scipy', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
