"""How things show: escaped in HTML, aligned in text."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.lab.outcome import Margin, Matches, Outcome
from openalgo_lab.lab.shown import amount, html_table, text_table
from openalgo_lab.model.commands import CancelReply, MarginReply

EVIL = "<script>alert(1)</script>&\"'"


@given(st.text(), st.text(), st.text())
def test_html_holds_no_tag_of_others(caption: str, header: str, cell: str) -> None:
    plain = html_table("c", ["h"], [["x"]])
    told = html_table(f"c{caption}", [f"h{header}"], [[f"x{cell}"]])
    assert told.count("<") == plain.count("<")
    assert told.count(">") == plain.count(">")
    assert told.count('"') == plain.count('"')


def test_hostile_reason_is_text() -> None:
    outcome = Outcome("cancelled", CancelReply(("1",), (("2", EVIL),)))
    assert "<script>" not in outcome._repr_html_()
    assert "&lt;script&gt;" in outcome._repr_html_()
    assert not outcome.ok


def test_mimebundle_obeys_what_is_asked() -> None:
    outcome = Outcome("cancelled", CancelReply(("1",)))
    assert set(outcome._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert set(outcome._repr_mimebundle_(include=["text/plain"])) == {"text/plain"}
    assert set(outcome._repr_mimebundle_(exclude=["text/plain"])) == {"text/html"}
    assert repr(outcome) == "<1 cancelled>"


def test_text_columns_are_aligned() -> None:
    lines = text_table(("a", "long header"), [("x", 1.5), ("yyyy", math.nan)]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[-1].endswith("–")


def test_amounts() -> None:
    assert amount(1234567.891) == "1,234,567.89"
    assert amount(math.nan) == "–"
    assert amount(1000.4, 0) == "1,000"


def test_margin_in_rupees() -> None:
    margin = Margin(MarginReply(123_456, 78, -1, "The rule."))
    assert (margin.margin, margin.charges, margin.available) == (1234.56, 0.78, -0.01)
    assert not margin.enough
    assert "The rule." in margin._repr_html_()


def test_nothing_found_says_so() -> None:
    assert repr(Matches(())) == "Nothing found."
    assert Matches(()).frame.empty
