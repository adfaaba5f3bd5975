"""Colour arithmetic for the theme: WCAG 2 contrast and the nearest shade that reaches it."""

from __future__ import annotations

from collections.abc import Iterable

RGB = tuple[float, float, float]

#: WCAG 2.2, success criterion 1.4.3 (AA, normal text).
MINIMUM_CONTRAST = 4.5


def parse(colour: str) -> RGB:
    """`#rrggbb` as three parts of one."""
    if len(colour) != 7 or colour[0] != "#":
        raise ValueError(f"A colour is written as #rrggbb, not {colour!r}.")
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255


def show(rgb: RGB) -> str:
    """Three parts of one as `#rrggbb`."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)


def linear(part: float) -> float:
    """One sRGB part as linear light (WCAG 2 definition of relative luminance)."""
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    """Relative luminance, 0 (black) to 1 (white)."""
    red, green, blue = map(linear, parse(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """WCAG contrast ratio, 1 to 21."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def mix(colour: str, other: str, share: float) -> str:
    """`colour` with `share` (0 to 1) of `other` in it."""
    pairs = zip(parse(colour), parse(other), strict=True)
    red, green, blue = (a + (b - a) * share for a, b in pairs)
    return show((red, green, blue))


def readable(colour: str, surfaces: Iterable[str], towards: str) -> str:
    """The shade nearest to `colour`, on the way to `towards`, that has 4.5:1 on every surface.

    Raises ValueError when even `towards` itself does not reach it.
    """
    surfaces = tuple(surfaces)
    for step in range(101):
        shade = mix(colour, towards, step / 100)
        if all(contrast(shade, surface) >= MINIMUM_CONTRAST for surface in surfaces):
            return shade
    raise ValueError(f"No shade between {colour} and {towards} is readable on {', '.join(surfaces)}.")
