"""Rows of pins: which host they are for, which rows are refused, and the file they lie in."""

from __future__ import annotations

import base64
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.errors import StoreError
from openalgo_lab.wire.pins import HostPins, PinBook

A, B = (base64.b64encode(letter * 32).decode() for letter in (b"a", b"b"))
DAY = date(2027, 1, 1)


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("api.example.in", "api.example.in"),
        ("API.Example.in.", "api.example.in"),
        ("ws.example.in", "example.in"),
        ("deep.ws.example.in", "example.in"),
        ("badexample.in", None),
        ("in", None),
        ("", None),
    ],
)
def test_the_nearest_row_counts(host: str, found: str | None) -> None:
    book = PinBook([HostPins("example.in", (A, B), DAY), HostPins("api.example.in", (B, A), DAY)])
    row = book.of(host)
    assert (row.host if row else None) == found


@pytest.mark.parametrize(
    ("host", "pins"),
    [
        ("example.in", (A,)),
        ("example.in", (A, A)),
        ("example.in", (A, "short")),
        ("example.in", (A, B[:-1])),
        ("example.in", (A, base64.b64encode(b"c" * 31).decode())),
        ("", (A, B)),
        ("Example.in", (A, B)),
        (".example.in", (A, B)),
    ],
)
def test_half_a_pin_is_no_protection(host: str, pins: tuple[str, ...]) -> None:
    with pytest.raises(StoreError):
        PinBook([HostPins(host, pins, DAY)])


@given(confirmed=st.booleans(), expires=st.dates(), on=st.dates())
def test_only_confirmed_rows_bind_and_only_while_they_last(confirmed: bool, expires: date, on: date) -> None:
    assert HostPins("h", (A, B), expires, confirmed).binds(on) == (confirmed and on <= expires)


def test_the_file_keeps_what_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "pins.json"
    assert PinBook.load(path).rows == ()
    book = PinBook([HostPins("a.in", (A, B), DAY, True)]).with_row(HostPins("b.in", (B, A), DAY))
    book = book.with_row(HostPins("b.in", (A, B), DAY))
    book.save(path)
    assert PinBook.load(path).rows == book.rows
    assert len(book.rows) == 2


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[{}]", b"\xff", b'[{"host":"a.in","sha256":[],"expires":"2027-01-01"}]']
)
def test_a_damaged_file_is_an_error_and_no_empty_book(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pins.json"
    path.write_bytes(content)
    with pytest.raises(StoreError):
        PinBook.load(path)
