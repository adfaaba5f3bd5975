"""The theme: every text is readable on every ground, direction never hangs on hue alone, one table prints all."""

from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.ui.grid import Column
from openalgo_lab.ui.grid.bundle import MODULES, esm, grid_css
from openalgo_lab.ui.theme import DARK, LIGHT, Palette, css, variables
from openalgo_lab.ui.theme.colour import contrast, linear, luminance, mix, parse, readable, show
from openalgo_lab.ui.theme.css import surfaces
from openalgo_lab.ui.theme.tokens import ROLES

THEMES = pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
BARS = ("bar", "bar-up", "bar-down", "select")
# Deuteranopia in linear RGB: Viénot, Brettel and Mollon (1999), "Digital video colourmaps for checking the
# legibility of displays by dichromats".
DEUTERANOPIA = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])


def rgb(colour: str) -> np.ndarray:
    return np.array([linear(part) for part in parse(colour)])


@THEMES
@pytest.mark.parametrize("token", ["text", *(f"{role}-text" for role in ROLES)])
def test_text_is_readable_on_every_ground(palette: Palette, token: str) -> None:
    colour = variables(palette)[token]
    worst = min(surfaces(palette), key=lambda ground: contrast(colour, ground))
    assert contrast(colour, worst) >= 4.5, worst


@THEMES
@pytest.mark.parametrize("ground", BARS)
def test_numbers_are_readable_over_bars_and_selection(palette: Palette, ground: str) -> None:
    table = variables(palette)
    assert contrast(table["text"], table[ground]) >= 4.5


@THEMES
@pytest.mark.parametrize("role", ROLES)
def test_white_is_readable_on_every_fill(palette: Palette, role: str) -> None:
    assert contrast("#ffffff", variables(palette)[f"{role}-fill"]) >= 4.5


@THEMES
def test_lines_and_focus_are_seen(palette: Palette) -> None:
    assert contrast(palette.accent, palette.background) >= 3  # WCAG 1.4.11, the focus ring
    assert palette.line not in (palette.background, palette.panel)


@THEMES
@pytest.mark.parametrize(("first", "second"), [("up", "down"), ("buy", "sell")])
def test_pairs_stay_apart_without_the_green_cones(palette: Palette, first: str, second: str) -> None:
    """Buy and sell must differ by colour for a deuteranope; up and down may not, hence their sign and arrow."""
    table = variables(palette)
    seen = [DEUTERANOPIA @ rgb(table[f"{name}-text"]) for name in (first, second)]
    apart = float(np.abs(seen[0] - seen[1]).max())
    if first == "buy":
        assert apart > 0.2
    else:
        specs = [Column(key="x", title="x", kind=kind).spec(0) for kind in ("pct", "change")]
        assert all(spec["signed"] for spec in specs)


@THEMES
def test_the_given_colours_are_the_design(palette: Palette) -> None:
    dark = palette.scheme == "dark"
    assert (palette.background, palette.panel) == (("#0f1419", "#161b22") if dark else ("#ffffff", "#f6f8fa"))
    assert (palette.buy, palette.sell, palette.up, palette.down) == ("#387ed1", "#e25f5b", "#2ea043", "#e5534b")


def test_every_variable_used_is_defined() -> None:
    defined = {f"--oal-{name}" for name in variables(DARK)}
    assert defined == {f"--oal-{name}" for name in variables(LIGHT)}
    used = set(re.findall(r"var\((--oal-[\w-]+)", css() + grid_css()))
    assert used
    assert used <= defined


def test_the_painter_asks_only_for_defined_tokens() -> None:
    source = (files("openalgo_lab.ui.grid") / "esm" / "palette.js").read_text("utf-8")
    listed = re.search(r"const TOKENS = \[(.*?)\];", source, re.DOTALL)
    assert listed is not None
    tokens = set(re.findall(r'"([\w-]+)"', listed[1]))
    assert tokens <= set(variables(DARK))
    used = set(re.findall(r'palette\["([\w-]+)"\]', esm())) | set(re.findall(r"palette\.([a-z]+)\b", esm()))
    assert used <= tokens


def test_no_colour_stands_outside_the_table() -> None:
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", grid_css()) == []
    assert set(re.findall(r"#[0-9a-fA-F]{6}\b", esm())) <= {"#ffffff"}  # the text on fills


def test_the_bundle_is_one_module_of_all_files() -> None:
    folder = files("openalgo_lab.ui.grid") / "esm"
    assert {f"{name}.js" for name in MODULES} == {entry.name for entry in folder.iterdir()}
    assert re.findall(r"^import|^export (?!default)", esm(), re.MULTILINE) == []
    assert len(re.findall(r"^export default", esm(), re.MULTILINE)) == 1
    for forbidden in ("innerHTML", "insertAdjacentHTML", "eval(", "new Function", "http://", "https://"):
        assert forbidden not in esm()


colours = st.builds(show, st.tuples(*[st.floats(0, 1)] * 3))


@given(colours, colours)
def test_contrast_is_symmetric_and_bounded(first: str, second: str) -> None:
    assert contrast(first, second) == contrast(second, first)
    assert 1 <= contrast(first, second) <= 21.0001


@given(colours)
def test_mixing_goes_from_one_to_the_other(colour: str) -> None:
    assert mix(colour, "#ffffff", 0) == colour
    assert mix(colour, "#ffffff", 1) == "#ffffff"
    assert luminance(mix(colour, "#ffffff", 0.5)) >= luminance(colour) - 0.01


@given(colours)
def test_readable_keeps_a_colour_that_is_and_mends_one_that_is_not(colour: str) -> None:
    shade = readable(colour, ["#ffffff"], "#000000")
    assert contrast(shade, "#ffffff") >= 4.5
    if contrast(colour, "#ffffff") >= 4.5:
        assert shade == colour


def test_readable_says_when_there_is_none() -> None:
    with pytest.raises(ValueError, match="No shade"):
        readable("#808080", ["#ffffff", "#000000"], "#ffffff")


def test_a_colour_is_written_in_one_way() -> None:
    with pytest.raises(ValueError, match="#rrggbb"):
        parse("red")
