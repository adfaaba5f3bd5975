"""Hostile text in every part of a dialog that shows one: it is text, and nothing of it runs (F21)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from openalgo_lab.ui.vault.parts import Button, Field, Shown

pytestmark = pytest.mark.e2e

CORPUS = [
    "<img src=x onerror=window.hit=1>",
    "<script>window.hit=1</script>",
    "<svg/onload=window.hit=1>",
    '"><iframe srcdoc="<script>parent.hit=1</script>">',
    "'-window.hit=1-'",
    "javascript:window.hit=1",
    "</span><style>*{background:url(javascript:window.hit=1)}</style>",
    "{{constructor.constructor('window.hit=1')()}}",
    "\u202eevil\u0000\ufeff",
]
PAGE = """<!doctype html><meta charset="utf-8"><body><div id="host"></div><script type="module">
import widget from "data:text/javascript;base64,%s";
let heard;
const model = { on: (_n, h) => { heard = h; }, off: () => {}, send: () => {} };
widget.render({ model, el: document.getElementById("host") });
window.tell = (shown) => heard({ k: "shown", v: shown });
</script></body>"""


@pytest.fixture(scope="module")
def tab() -> Iterator[Any]:
    from tests.support.chromium import chromium

    script = files("openalgo_lab.ui.vault").joinpath("form.js").read_bytes()
    with chromium() as browser:
        tab = browser.new_page()
        tab.set_content(PAGE % base64.b64encode(script).decode())
        tab.wait_for_function("window.tell !== undefined")
        yield tab


@pytest.mark.parametrize("text", CORPUS)
def test_hostile_text_is_text(tab: Any, text: str) -> None:
    shown = Shown(text, text, (Field(text, text, text, text),), (Button(text, text),), text, True, False, text, text)
    tab.evaluate("shown => window.tell(shown)", msgspec.to_builtins(shown))
    tab.wait_for_timeout(50)
    assert tab.evaluate("window.hit") is None
    assert tab.evaluate("document.querySelectorAll('#host script, #host iframe, #host svg, #host style').length") == 0
    note = tab.evaluate("document.querySelector('#host .oal-vault-note').textContent")
    assert note == text
    tab.get_by_role("button").first.click()
    assert tab.evaluate("window.hit") is None
