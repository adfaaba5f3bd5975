"""The token table as CSS: variables `--oal-<token>` for dark, light and automatic, then the base rules.

Who decides the theme, strongest first: `data-theme="dark|light"` on any element, JupyterLab's and Voilà's
`data-jp-theme-light` on the body, the system's preference.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from openalgo_lab.ui.theme.colour import mix, readable
from openalgo_lab.ui.theme.tokens import DARK, LIGHT, ROLES, SHARED, Palette

_DARK_SELECTOR = (
    ':root, [data-theme="auto"], body[data-jp-theme-light="false"], [data-theme="dark"][data-theme], '
    '[data-theme="dark"] body[data-jp-theme-light]'
)
_LIGHT_SELECTOR = (
    'body[data-jp-theme-light="true"], [data-theme="light"][data-theme], [data-theme="light"] body[data-jp-theme-light]'
)
_AUTO_SELECTOR = ':root, [data-theme="auto"][data-theme]'


def surfaces(palette: Palette) -> tuple[str, ...]:
    """Every flat colour that text may stand on."""
    tinted = (palette.itm, palette.atm, _tint(palette, palette.up), _tint(palette, palette.down))
    return (palette.background, palette.panel, *tinted, *_sides(palette).values(), _hover(palette))


def variables(palette: Palette) -> Mapping[str, str]:
    """All tokens of one theme by name without the `--oal-` prefix, derived shades included."""
    table = {k: v for k, v in msgspec.to_builtins(palette).items() if k != "scheme"}
    strong = "#ffffff" if palette.scheme == "dark" else "#000000"
    grounds = surfaces(palette)
    for role in ROLES:
        table[f"{role}-text"] = readable(table[role], grounds, strong)
        table[f"{role}-fill"] = readable(table[role], ("#ffffff",), "#000000")
    table |= {"hover": _hover(palette), "select": mix(palette.background, palette.accent, 0.16)}
    table |= {"tint-up": _tint(palette, palette.up), "tint-down": _tint(palette, palette.down)}
    table |= _sides(palette)
    table |= {"bar": mix(palette.background, palette.muted, 0.22)}
    table |= {"bar-up": mix(palette.background, palette.up, 0.25)}
    table |= {"bar-down": mix(palette.background, palette.down, 0.25)}
    return {**table, **SHARED}


def _tint(palette: Palette, colour: str) -> str:
    return mix(palette.background, colour, 0.18)


def _hover(palette: Palette) -> str:
    return mix(palette.background, palette.text, 0.07)


def _sides(palette: Palette) -> dict[str, str]:
    return {f"{side}-row": mix(palette.background, getattr(palette, side), 0.10) for side in ("buy", "sell")}


def _block(selector: str, palette: Palette) -> str:
    lines = "".join(f"  --oal-{name}: {value};\n" for name, value in variables(palette).items())
    return f"{selector} {{\n  color-scheme: {palette.scheme};\n{lines}}}\n"


@cache
def css() -> str:
    """The whole style sheet: variables of both themes and the base rules of `base.css`."""
    auto = f"@media (prefers-color-scheme: light) {{\n{_block(_AUTO_SELECTOR, LIGHT)}}}\n"
    base = files("openalgo_lab.ui.theme").joinpath("base.css").read_text("utf-8")
    return _block(_DARK_SELECTOR, DARK) + auto + _block(_LIGHT_SELECTOR, LIGHT) + base
