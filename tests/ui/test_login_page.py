"""The brokers' form in a browser: by keys alone, nothing typed stays, hostile text stays text (F21)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from openalgo_lab.ui.login.parts import AccountRow, BrokerRow, LoginShown, ShownField
from openalgo_lab.ui.vault.parts import Button
from tests.support.chromium import chromium

pytestmark = pytest.mark.e2e

HOSTILE = "</option><img src=x onerror=window.hit=1><script>window.hit=1</script>"
PAGE = """<!doctype html><meta charset="utf-8"><body><div id="host"></div><script type="module">
import widget from "data:text/javascript;base64,%s";
window.sent = [];
let heard;
const model = { on: (_n, h) => { heard = h; }, off: () => {}, send: (content) => window.sent.push(content) };
widget.render({ model, el: document.getElementById("host") });
window.tell = (k, v) => heard({ k, v });
</script></body>"""


def row(key: str, name: str, *lacks: str) -> BrokerRow:
    offers = tuple(one for one in ("orders", "history", "GTT") if one not in lacks)
    return BrokerRow(key, name, "", "logs in on its own page", ("NSE",), offers, lacks, ("simulator",))


ROWS = (row("alpha", "Alpha", "GTT"), row("beta", "Beta"), row("gamma", "Gamma & Sons"))
FORM = LoginShown(
    broker="beta",
    facts=ROWS[1],
    title="Log in at Beta",
    fields=(ShownField("user", "User id"), ShownField("pin", "PIN", "password"), ShownField("totp", "Code", "code")),
    buttons=(Button("login", "Log in"),),
    switches=True,
)


@pytest.fixture(scope="module")
def tab() -> Iterator[Any]:
    script = files("openalgo_lab.ui.login").joinpath("form.js").read_bytes()
    with chromium() as browser:
        tab = browser.new_page()
        tab.set_content(PAGE % base64.b64encode(script).decode())
        tab.wait_for_function("window.tell !== undefined")
        yield tab


def tell(tab: Any, kind: str, value: object) -> None:
    tab.evaluate("([k, v]) => window.tell(k, v)", [kind, msgspec.json.decode(msgspec.json.encode(value))])


def last(tab: Any) -> dict[str, Any]:
    return tab.evaluate("window.sent.at(-1)")  # type: ignore[no-any-return]


def test_from_the_search_to_the_login_by_keys_alone(tab: Any) -> None:
    tell(tab, "list", ROWS)
    tell(tab, "shown", LoginShown())
    tab.keyboard.press("Tab")
    tab.keyboard.type("GTT his")
    assert tab.get_by_role("option").all_inner_texts()[0].startswith("Beta"), "Alpha has no GTT"
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Enter")
    assert last(tab) == {"k": "choose", "broker": "beta"}
    tell(tab, "shown", FORM)
    assert tab.get_by_role("option", selected=True).all_inner_texts()[0].startswith("Beta")
    assert tab.evaluate("document.activeElement.name") == "user"
    tab.keyboard.type("AB1")
    tab.keyboard.press("Tab")
    tab.keyboard.type("canary-4821")
    tell(tab, "shown", FORM)
    assert tab.evaluate("document.activeElement.name") == "pin", "a repaint that nobody asked for moves nothing"
    tab.keyboard.press("Tab")
    tab.keyboard.type("123456")
    tab.keyboard.press("Enter")
    values = {"user": "AB1", "pin": "canary-4821", "totp": "123456"}
    assert last(tab) == {"k": "press", "act": "login", "values": values, "keep": True, "data": True}
    kept = tab.evaluate("[...document.querySelectorAll('#host form input')].map((one) => one.value)")
    assert kept[:3] == ["AB1", "", ""] and "canary" not in tab.content()
    assert tab.get_by_role("button", name="Log in").is_disabled()


def test_an_error_stands_beside_its_field_and_takes_the_focus(tab: Any) -> None:
    wrong = ShownField("pin", "PIN", "password", error="Six digits are needed.")
    tell(tab, "shown", msgspec.structs.replace(FORM, fields=(FORM.fields[0], wrong, FORM.fields[2])))
    pin = tab.get_by_label("PIN")
    assert pin.get_attribute("aria-invalid") == "true"
    described = (pin.get_attribute("aria-describedby") or "").split()[0]
    assert tab.locator(f"#{described}").inner_text() == "Six digits are needed."
    assert tab.evaluate("document.activeElement.name") == "pin"


def test_hostile_text_is_text_and_a_link_only_leads_to_the_web(tab: Any) -> None:
    bad = BrokerRow(HOSTILE, HOSTILE, HOSTILE, HOSTILE, (HOSTILE,), (HOSTILE,), (HOSTILE,), (HOSTILE,))
    tab.get_by_label("Search brokers").fill("")
    tell(tab, "list", [bad])
    shown = LoginShown(
        accounts=(AccountRow(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, (HOSTILE,)),),
        broker=HOSTILE,
        facts=bad,
        title=HOSTILE,
        note=HOSTILE,
        fields=(ShownField(HOSTILE, HOSTILE, "text", HOSTILE, HOSTILE, HOSTILE, True, HOSTILE, HOSTILE, HOSTILE),),
        buttons=(Button(HOSTILE, HOSTILE),),
        link="javascript:window.hit=1",
        link_text=HOSTILE,
        message=HOSTILE,
        bad=True,
    )
    tell(tab, "shown", shown)
    assert tab.evaluate("document.querySelectorAll('#host script, #host img').length") == 0
    assert tab.evaluate("document.querySelector('.oal-login-link').hasAttribute('href')") is False
    tab.get_by_role("option").click()
    assert last(tab) == {"k": "choose", "broker": HOSTILE}
    assert tab.evaluate("window.hit") is None
