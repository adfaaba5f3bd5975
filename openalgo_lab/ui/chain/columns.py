"""Columns of the chain's grid: calls to the left of the strike, puts mirrored to the right of it."""

from __future__ import annotations

from typing import Final

from openalgo_lab.engine.option_data.reading import GREEKS
from openalgo_lab.model.vocabulary import InstrumentType
from openalgo_lab.ui.grid import Action, Column

__all__ = ["CHAIN_COLUMNS", "FIELDS", "field_of", "side_of"]

BUY: Final = Action(key="buy", title="B", name="Buy", tone="buy", shortcut="b")
SELL: Final = Action(key="sell", title="S", name="Sell", tone="sell", shortcut="s")

FIELDS: Final = ("oi", "oi_change", "volume", *reversed(GREEKS[1:]), "iv", "delta", "ltp", "change", "bid", "ask")
"""What a reading holds of each side, in the order of the calls' columns from the outside inwards."""

_GREEKS: Final = {
    "gamma": ("Γ", 5, "delta a rupee of the underlying"),
    "theta": ("Θ", 2, "rupees a calendar day"),
    "vega": ("Vega", 2, "rupees a volatility point"),
    "rho": ("Rho", 3, "rupees a percentage point of the rate"),
    "vanna": ("Vanna", 4, "delta a volatility point"),
    "volga": ("Volga", 3, "vega a volatility point"),
    "charm": ("Charm", 4, "delta a calendar day"),
}
"""Title, decimals, unit; hidden until the user chooses them."""

_PREFIX: Final = {InstrumentType.CE: "call", InstrumentType.PE: "put"}


def _side(kind: InstrumentType) -> tuple[Column, ...]:
    prefix, group = _PREFIX[kind], f"{_PREFIX[kind]}s"
    call = kind is InstrumentType.CE

    def column(field: str, title: str, tooltip: str, **rest: object) -> Column:
        about = {"key": f"{prefix}_{field}", "title": title, "group": group, "tooltip": tooltip}
        return Column(**about, **rest)  # type: ignore[arg-type]  # the keywords of Column, given once for all

    outside_in = (
        column("oi", "OI", "open interest, units", kind="bar", width=78, compact=True, tint=False,
               bar_tone="down" if call else "up", bar_side="right" if call else "left",
               bar_scale="put_oi" if call else "call_oi"),
        column("oi_change", "OI chg", "open interest against yesterday's, units", kind="qty", width=72, compact=True,
               signed=True, min_view=1080),
        column("volume", "Volume", "traded today, units", kind="qty", width=70, compact=True, min_view=1240),
        *(
            column(name, title, about, kind="number", width=64, decimals=decimals, hidden=True)
            for name, (title, decimals, about) in reversed(_GREEKS.items())
        ),
        column("iv", "IV", "implied volatility, per cent a year; computed as chosen above", kind="number",
               width=50, decimals=1, min_view=480),
        column("delta", "Δ", "rupees a rupee of the forward", kind="number", width=52, decimals=2, min_view=700),
        column("ltp", "LTP", "last traded price", kind="price", width=100, decimals="row", actions=(BUY, SELL)),
        column("change", "Chg", "against the previous close", kind="change", width=76, decimals="row", min_view=620),
    )  # fmt: skip
    book = (
        column("bid", "Bid", "best bid; a click sells at it", kind="price", width=68, decimals="row", min_view=930),
        column("ask", "Ask", "best offer; a click buys at it", kind="price", width=68, decimals="row", min_view=930),
    )
    return (*outside_in, *book) if call else (*book, *reversed(outside_in))


CHAIN_COLUMNS: Final = (
    *_side(InstrumentType.CE),
    Column(key="strike", title="Strike", kind="text", width=70, align="center", pinned=True, group="strike"),
    *_side(InstrumentType.PE),
)


def side_of(column: str) -> InstrumentType | None:
    """Which side a column belongs to; None for the strike."""
    return next((kind for kind, prefix in _PREFIX.items() if column.startswith(f"{prefix}_")), None)


def field_of(column: str) -> str:
    """A column's field without its side: ``bid`` of ``call_bid``."""
    return column.partition("_")[2]
