"""A secret shows a mask wherever it could be shown, and a log line never carries one."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.secret import MASK, Secret, SecretBytes, SecretFilter, SecretMasker

VALUE = 's3cr&t/"käse"+9999'
SECRET = Secret(VALUE)


class _Holder(msgspec.Struct, frozen=True):
    name: str
    secret: Secret


SHOWN: list[Callable[[], str]] = [
    lambda: repr(SECRET),
    lambda: str(SECRET),
    lambda: f"{SECRET}{SECRET!r}{SECRET!s}{SECRET!a}{SECRET:>40}",
    lambda: "{:x}".format(SECRET),  # noqa: UP032 - another way to ask
    lambda: "%s %r" % (SECRET, SECRET),  # noqa: UP031
    lambda: repr([SECRET, {"a": SECRET}]),
    lambda: repr(_Holder("a", SECRET)),
    lambda: pprint.pformat(vars(type(SECRET)) | {"value": SECRET}),
    lambda: repr({name: getattr(SECRET, name) for name in dir(SECRET) if name != "reveal"}),
    lambda: json.dumps({"a": SECRET}, default=str),
    lambda: msgspec.json.encode(_Holder("a", SECRET), enc_hook=str).decode(),
]


@pytest.mark.parametrize("show", SHOWN)
def test_shown_as_a_mask(show: Callable[[], str]) -> None:
    shown = show()
    assert "s3cr" not in shown
    assert "k\\xe4se" not in shown


REFUSED: list[Callable[[], object]] = [
    lambda: json.dumps(SECRET),
    lambda: msgspec.json.encode(SECRET),
    lambda: msgspec.msgpack.encode(_Holder("a", SECRET)),
    lambda: msgspec.to_builtins(_Holder("a", SECRET)),
    lambda: pickle.dumps(SECRET),
    lambda: pickle.dumps(SecretBytes(b"key")),
    lambda: hash(SECRET),
    lambda: hash(SecretBytes(b"key")),
    lambda: {SECRET},
    lambda: list(SECRET),
    lambda: bytes(SECRET),  # type: ignore[call-overload]
    lambda: "".join([SECRET]),  # type: ignore[list-item]
    lambda: SECRET + "x",  # type: ignore[operator]
    lambda: len(SECRET),  # type: ignore[arg-type]
    lambda: Secret(5),  # type: ignore[arg-type]
    lambda: Secret(SECRET),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("act", REFUSED)
def test_refused(act: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        act()


def test_value_equality_truth_and_copies() -> None:
    assert SECRET.reveal() == VALUE
    assert Secret(VALUE) == SECRET
    assert Secret(VALUE + " ") != SECRET
    assert SECRET != VALUE
    assert not Secret("")
    assert copy.deepcopy({"a": SECRET})["a"] is SECRET
    with pytest.raises(AttributeError):
        SECRET._open = None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        del SECRET._open


def test_traceback_with_locals_shows_the_mask() -> None:
    def login(password: Secret) -> None:
        raise ValueError(f"login with {password} failed")

    try:
        login(SECRET)
    except ValueError as error:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert f"login with {MASK} failed" in told
    assert "s3cr" not in told


def test_bytes_are_wiped() -> None:
    key = SecretBytes(b"0123456789abcdef")
    held = key._held()
    assert key.reveal() == b"0123456789abcdef"
    assert key == SecretBytes(b"0123456789abcdef")
    assert "0123" not in f"{key!r}{key}{key:>9}"
    key.wipe()
    assert held == b""
    assert not key
    with pytest.raises(ValueError, match="unlock"):
        key.reveal()


def _logged(write: Callable[[logging.Logger], None], masker: SecretMasker) -> str:
    out = io.StringIO()
    parent, child = logging.Logger("parent"), logging.Logger("parent.child")  # noqa: LOG001 - of this test alone
    child.parent = parent
    parent.addHandler(logging.StreamHandler(out))
    parent.handlers[0].setFormatter(logging.Formatter("%(message)s"))
    filtering = SecretFilter(masker)
    filtering.install(parent)
    filtering.install(parent)
    assert parent.handlers[0].filters == [filtering]
    write(child)
    return out.getvalue()


def _raise_and_log(log: logging.Logger) -> None:
    try:
        raise ValueError(f"refused: {VALUE}")
    except ValueError:
        log.exception("login failed", stack_info=True)


LINES: list[Callable[[logging.Logger], None]] = [
    lambda log: log.warning("token %s", VALUE),
    lambda log: log.warning(VALUE),
    lambda log: log.warning("%(t)s", {"t": VALUE}),
    lambda log: log.warning("url https://x/?t=%s", quote(VALUE, safe="")),
    lambda log: log.warning("body %s", json.dumps({"t": VALUE})),
    lambda log: log.warning("body %s", json.dumps({"t": VALUE}, ensure_ascii=False)),
    lambda log: log.warning("%r %r", VALUE, VALUE.encode()),
    lambda log: log.warning("too few arguments %s %s", VALUE),  # noqa: PLE1206 - that is the case
    _raise_and_log,
]


@pytest.mark.parametrize("write", LINES)
def test_log_lines_are_masked(write: Callable[[logging.Logger], None]) -> None:
    masker = SecretMasker()
    masker.add(SECRET)
    logged = _logged(write, masker)
    assert logged
    assert "s3cr" not in logged
    assert MASK in logged


def test_lines_without_a_secret_stay_as_they_are() -> None:
    masker = SecretMasker()
    masker.add(Secret("9"))  # too short to be looked for
    assert _logged(lambda log: log.warning("order %d of %s", 9, "SBIN"), masker) == "order 9 of SBIN\n"
    assert "ZeroDivisionError" in _logged(_divide, masker)


def _divide(log: logging.Logger) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("no")


@given(secrets=st.lists(st.text(min_size=4), max_size=5), before=st.text(), after=st.text())
def test_no_text_shows_what_was_registered(secrets: list[str], before: str, after: str) -> None:
    masker = SecretMasker()
    usable = [one for one in secrets if one.isprintable() and MASK not in one and "•" not in one]
    for one in usable:
        masker.add(Secret(one))
    masked = masker.mask(before + "".join(f" <{one}> " for one in usable) + after)
    assert not any(f"<{one}>" in masked for one in usable)
