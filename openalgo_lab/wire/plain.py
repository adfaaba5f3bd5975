"""The plainest form of HTTP/1.1, read and written by hand: it is the form of nearly every order and its answer, and the
whole grammar costs ten times as much. Whatever is not exactly of that form is left to the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from openalgo_lab.wire.transport import HttpResponse

__all__ = ["PlainHead", "plain_head", "written_request"]

_STATUS: Final = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [ -~]*)?")
_NO_BODY: Final = frozenset({204, 205, 304})
_UNCOMMON: Final = frozenset({b"transfer-encoding", b"upgrade", b"trailer"})
_LONGEST: Final = 10
"""Digits of a length."""


class PlainHead(msgspec.Struct, frozen=True):
    """The head of an answer and where its body lies in what came: ``size`` bytes from ``start`` on."""

    status: int
    headers: tuple[tuple[str, str], ...]
    start: int
    size: int

    def answer(self, received: bytes | bytearray) -> HttpResponse:
        """The whole, once ``start + size`` bytes are there."""
        return HttpResponse(self.status, self.headers, bytes(received[self.start : self.start + self.size]))


def plain_head(received: bytes | bytearray) -> PlainHead | None:
    """The head, where it is whole and plain: HTTP/1.1, one length, nothing that says how the body or the connection
    differs from the usual. None leaves the answer to the grammar."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = bytes(received[:end]).split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if status is None or (code := int(status[1])) in _NO_BODY:
        return None
    headers: list[tuple[str, str]] = []
    sizes: list[bytes] = []
    for line in lines:
        name, colon, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if not colon or not name.replace(b"-", b"").isalnum() or name in _UNCOMMON or not _is_text(value):
            return None
        match name:
            case b"content-length":
                sizes.append(value)
            case b"connection":
                if value.lower() != b"keep-alive":
                    return None
        headers.append((name.decode("ascii"), value.decode("latin-1")))
    if len(sizes) != 1 or not sizes[0].isdigit() or len(sizes[0]) > _LONGEST:
        return None
    return PlainHead(code, tuple(headers), end + 4, int(sizes[0]))


def _is_text(value: bytes) -> bool:
    """Whether a header's value holds no sign that steers; of others than ASCII the grammar decides."""
    return value.isascii() and value.decode("ascii").isprintable()


def written_request(method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes) -> bytes | None:
    """The bytes of a request; None where a part of its head holds a sign that could end its line or its word."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    words = (method, target, *(name for name, _ in headers))
    if not all(map(str.isprintable, lines)) or any(" " in word for word in words):
        return None
    head = "\r\n".join(lines)
    return head.encode("ascii") + b"\r\n\r\n" + body if head.isascii() else None
