"""Forms against the standard library's."""

from __future__ import annotations

from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.broker.forms import form_text

words = st.one_of(st.text(max_size=8), st.sampled_from(["NSE", "M&M", "12.5", "a b", "x=y", "BAJAJ-AUTO"]))


@given(st.dictionaries(words, st.one_of(words, st.integers(), st.floats(allow_nan=False)), max_size=6))
def test_it_is_urlencode(fields: dict[str, object]) -> None:
    assert form_text(fields) == urlencode(fields)
