"""The one table of design tokens. Everything that paints derives from it; nothing else holds a colour.

Each palette names a colour by its role. `css.py` derives from a role the shades that contrast asks for:
`<role>-text` (readable as text on background, panel and shaded rows) and `<role>-fill` (carries white text).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec


class Palette(msgspec.Struct, frozen=True, kw_only=True):
    """Colours of one theme as `#rrggbb`. Direction (`up`, `down`) is always shown with a sign or arrow too."""

    scheme: str
    background: str
    panel: str
    line: str
    text: str
    muted: str
    accent: str
    buy: str
    sell: str
    up: str
    down: str
    simulated: str
    sandbox: str
    live: str
    warning: str
    #: Shade of in-the-money cells of an option chain, and of the at-the-money row.
    itm: str
    atm: str


DARK: Final = Palette(
    scheme="dark", background="#0f1419", panel="#161b22", line="#2a313a", text="#e6e8eb", muted="#8b949e",
    accent="#4c8dff", buy="#387ed1", sell="#e25f5b", up="#2ea043", down="#e5534b", simulated="#986ee2",
    sandbox="#d29922", live="#e5534b", warning="#d29922", itm="#1c1d1a", atm="#1d2a40",
)  # fmt: skip

LIGHT: Final = Palette(
    scheme="light", background="#ffffff", panel="#f6f8fa", line="#d8dee4", text="#1c2128", muted="#636c76",
    accent="#1f6feb", buy="#387ed1", sell="#e25f5b", up="#2ea043", down="#e5534b", simulated="#8250df",
    sandbox="#bf8700", live="#cf222e", warning="#9a6700", itm="#fdf8e8", atm="#e1ecfd",
)  # fmt: skip

#: Roles that appear as text or as a button's fill, hence get derived `-text` and `-fill` shades.
ROLES: Final = (
    "muted", "accent", "buy", "sell", "up", "down", "simulated", "sandbox", "live", "warning",
)  # fmt: skip

#: Tokens that are the same in both themes. Digits of every family in `font-num` have one width.
SHARED: Final = MappingProxyType({
    "font": 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
    "font-num": '"Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans", "DejaVu Sans", sans-serif',
    "font-size": "13px",
    "font-size-small": "11px",
    "row": "24px",
    "row-touch": "32px",
    "unit": "4px",
    "radius": "4px",
    "tint-ms": "400",
})  # fmt: skip
