"""Quote frames: what goes in comes out, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.engine.link.quotes import QuoteFrame, decode_quotes, encode_quotes
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.market import DEPTH_LEVELS, QUOTE_FIELDS


@st.composite
def frames(draw: st.DrawFn) -> QuoteFrame:
    n = draw(st.integers(0, 12))
    m = draw(st.integers(0, n))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    fields = rng.normal(size=(len(QUOTE_FIELDS), n))
    fields[rng.random(fields.shape) < 0.2] = np.nan
    return QuoteFrame(
        number=draw(st.integers(0, 2**32 - 1)),
        rows=rng.integers(0, 2**31 - 1, n, dtype=np.int32),
        time_ns=rng.integers(0, 2**62, n, dtype=np.int64),
        fields=fields,
        depth_rows=rng.integers(0, 2**31 - 1, m, dtype=np.int32),
        depth=rng.normal(size=(m, 4, DEPTH_LEVELS)),
    )


@given(frames())
def test_round_trip(frame: QuoteFrame) -> None:
    back = decode_quotes(encode_quotes(frame))
    assert back.number == frame.number
    for name in ("rows", "time_ns", "fields", "depth_rows", "depth"):
        np.testing.assert_array_equal(getattr(back, name), getattr(frame, name))


@given(frames(), st.integers(-20, 20).filter(bool))
def test_wrong_length_is_refused(frame: QuoteFrame, by: int) -> None:
    data = encode_quotes(frame)
    with pytest.raises(DecodeError):
        decode_quotes(data[:by] if by < 0 else data + b"\0" * by)
