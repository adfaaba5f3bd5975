"""The ticket's form in a browser, without an engine: what a kind shows, keys, one press, and text that stays text."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from playwright.sync_api import expect

from openalgo_lab.model.instruments import Instrument
from openalgo_lab.ui.theme import css
from openalgo_lab.ui.ticket.kinds import TicketKind
from openalgo_lab.ui.ticket.outcome import Outcome
from openalgo_lab.ui.ticket.plan import Facts
from openalgo_lab.ui.ticket.planning import problems_of, sentence_of
from openalgo_lab.ui.ticket.shown import Cost, show
from openalgo_lab.ui.ticket.state import TicketState
from tests.support.chromium import chromium
from tests.ui.test_ticket_kinds import FACTS, ticket_of
from tests.ui.test_ticket_state import CALL, SHARE, SIM

pytestmark = pytest.mark.e2e

HOSTILE = "<img src=x onerror=window.hit=1>"
PAGE = """<!doctype html><meta charset="utf-8"><style>%s</style><body class="oal" data-oal-theme="dark">
<div id="host" class="oal-ticket-box" style="width:330px"></div><script type="module">
import widget from "data:text/javascript;base64,%s";
window.sent = [];
let heard;
const model = { on: (_n, h) => { heard = h; }, off: () => {}, send: (m) => window.sent.push(m) };
widget.render({ model, el: document.getElementById("host") });
window.tell = (k, v) => heard({ k, v });
</script></body>"""


class Form:
    """The form on its page, told what Python's side would tell it."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def tell(self, state: TicketState, facts: Facts = FACTS, **more: Any) -> None:
        """Show a ticket as the widget does."""
        problems = problems_of(state, facts, None)
        shown = show(
            state, account=SIM, accounts=(SIM,), revs={}, problems=problems, cost=Cost("₹100.00", "₹1.00", "₹9.00"),
            waiting=False, message="", bad=False, again="", facts=facts,
        )  # fmt: skip
        self.page.evaluate("v => window.tell('state', v)", msgspec.to_builtins(msgspec.structs.replace(shown, **more)))

    def sent(self) -> list[dict[str, Any]]:
        """What the page has said since the last look, without its hello."""
        found: list[dict[str, Any]] = self.page.evaluate("() => window.sent.splice(0)")
        return [one for one in found if one["k"] != "hello"]

    def labels(self) -> list[str]:
        """The fields that can be seen, by their labels."""
        found: list[str] = self.page.evaluate(
            "() => [...document.querySelectorAll('label.oal-ticket-label')].filter((l) => l.checkVisibility())"
            ".map((l) => l.textContent)"
        )
        return found


@pytest.fixture(scope="module")
def browser_page() -> Iterator[Any]:
    script = files("openalgo_lab.ui.ticket").joinpath("form.js").read_bytes()
    styles = css() + files("openalgo_lab.ui.ticket").joinpath("form.css").read_text("utf-8")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 1000})
        page.set_content(PAGE % (styles, base64.b64encode(script).decode()))
        page.wait_for_function("window.tell !== undefined")
        yield page


@pytest.fixture
def form(browser_page: Any) -> Form:
    browser_page.evaluate(
        """() => {
          window.tell('outcome', null);
          document.activeElement.blur();
          document.querySelector('details').open = false;
          window.sent.length = 0;
        }"""
    )
    return Form(browser_page)


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        (TicketKind.ORDER, ["Quantity", "Price"]),
        (TicketKind.SMART, ["Price", "Position to hold (now flat)"]),
        (TicketKind.SPLIT, ["Quantity", "Price", "Each order"]),
        (TicketKind.BRACKET, ["Quantity", "Price", "Stop", "Target", "Trail by"]),
        (TicketKind.GTT, ["Quantity", "Falls to", "…then at", "Rises to", "…then at"]),
        (TicketKind.CHASE, ["Quantity", "Not beyond", "Look every (s)", "Give up after (min)", "The rest then"]),
        (TicketKind.TWAP, ["Quantity", "Price", "Parts", "Over (min)"]),
        (TicketKind.ICEBERG, ["Quantity", "Price", "Shown at a time"]),
    ],
)
def test_only_the_fields_that_a_kind_needs_are_shown(form: Form, kind: TicketKind, labels: list[str]) -> None:
    form.tell(ticket_of(kind))
    assert form.labels() == labels
    assert form.page.get_by_label("Kind of order").input_value() == kind.value
    radios = form.page.get_by_role("radio", name="BUY", exact=True)
    assert radios.is_visible() is (kind is not TicketKind.SMART)
    assert form.page.evaluate("() => document.querySelector('.oal-ticket').scrollWidth <= 330")


def test_an_option_has_lists_and_its_contracts_lots(form: Form) -> None:
    form.tell(ticket_of("option").with_contract(CALL).priced(187.0))
    assert form.labels() == ["Lots", "Quantity", "Price", "Option", "Strike", "Expiry"]
    form.page.get_by_label("Strike", exact=True).select_option("OTM3")
    form.page.get_by_label("Expiry", exact=True).select_option("2026-12-01")
    assert form.sent() == [
        {"k": "type", "field": "offset", "text": "OTM3"},
        {"k": "type", "field": "expiry", "text": "2026-12-01"},
    ]


def test_the_story_and_the_button_say_what_will_happen_and_a_fault_stands_beside_its_field(form: Form) -> None:
    state = ticket_of("bracket", stop="95", target="120")
    form.tell(state)
    expect(form.page.get_by_role("note")).to_have_text(
        "Buys 100 at 100.00 or better; sells at 95.00 or 120.00. Risks ₹500 for ₹2,000."
    )
    button = form.page.locator(".oal-ticket-submit")
    expect(button).to_be_enabled()
    expect(button).to_contain_text("BUY 100 SBIN @ 100.00 LIMIT, stop 95.00, target 120.00")
    form.tell(ticket_of("bracket", stop="101", target="120"))
    expect(form.page.locator(".oal-ticket-field-stop .oal-ticket-problem")).to_contain_text("below the entry")
    expect(form.page.get_by_role("textbox", name="Stop", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(button).to_be_disabled()
    expect(form.page.get_by_role("note")).to_be_hidden()


def test_keys_step_choose_and_send_once(form: Form) -> None:
    state = ticket_of("bracket", stop="95", target="120")
    form.tell(state)
    stop = form.page.get_by_role("textbox", name="Stop", exact=True)
    stop.focus()
    for key in ("ArrowUp", "Shift+ArrowDown", "s"):
        form.page.keyboard.press(key)
    assert form.sent() == [
        {"k": "step", "field": "stop", "by": 1},
        {"k": "step", "field": "stop", "by": -10},
        {"k": "choose", "side": "SELL"},
    ]
    form.page.get_by_text("More", exact=True).click()
    form.page.get_by_role("textbox", name="Tag", exact=True).focus()
    form.page.keyboard.press("s")  # a letter of a word here
    assert form.sent() == [{"k": "type", "field": "tag", "text": "s"}]
    form.page.get_by_label("Kind of order").focus()
    form.page.keyboard.press("Enter")
    stop.focus()
    form.page.keyboard.press("Enter")
    form.page.wait_for_function("window.sent.some((one) => one.k === 'submit')")
    form.page.locator(".oal-ticket-submit").dblclick(force=True)
    (only,) = [one for one in form.sent() if one["k"] == "submit"]
    assert only["seen"] == sentence_of(state, FACTS, SIM)
    form.tell(state)
    expect(form.page.locator(".oal-ticket-submit")).to_be_enabled()


def test_what_works_on_can_be_cancelled_and_only_an_order_be_changed(form: Form) -> None:
    form.tell(ticket_of("gtt", trigger_below="90", price_below="90"))
    told = Outcome("BUY trigger active in this engine: ≤ 90.00.", "info", True, "")
    form.page.evaluate("v => window.tell('outcome', v)", msgspec.to_builtins(told))
    assert not form.page.get_by_role("button", name="Modify this order").is_visible()
    form.page.get_by_role("button", name="Cancel this order").click()
    assert form.sent() == [{"k": "cancel"}]


def test_hostile_text_is_text(form: Form) -> None:
    item: Instrument = msgspec.structs.replace(SHARE, symbol=HOSTILE, name=HOSTILE)
    state = msgspec.structs.replace(TicketState(kind=TicketKind.SMART).with_instrument(item), tag=HOSTILE)
    form.tell(state.typed("position", HOSTILE), message=HOSTILE, story=HOSTILE, again=HOSTILE)
    form.page.wait_for_timeout(50)
    assert form.page.evaluate("window.hit") is None
    assert form.page.evaluate("document.querySelectorAll('#host img').length") == 0
    expect(form.page.get_by_role("note")).to_have_text(HOSTILE)
