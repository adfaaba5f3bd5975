"""The long names that exchanges give their indices, as several brokers list them."""

from __future__ import annotations

from typing import Final

from openalgo_lab.broker.reading import words

__all__ = ["index_symbol"]

_SYMBOLS: Final = words(
    str,
    "NIFTY~50=NIFTY NIFTY~BANK=BANKNIFTY NIFTY~FIN~SERVICE=FINNIFTY NIFTY~MID~SELECT=MIDCPNIFTY "
    "NIFTY~NEXT~50=NIFTYNXT50 INDIA~VIX=INDIAVIX SNSX50=SENSEX50",
)
"""Where dropping the blanks of the name does not give the symbol."""


def index_symbol(name: str) -> str:
    """The canonical symbol of an index by its long name, in any case: `Nifty Bank` → `BANKNIFTY`."""
    name = name.upper()
    return _SYMBOLS.get(name, name.replace(" ", ""))
