"""The plain form of HTTP against the whole grammar: what it reads h11 reads the same, and what it leaves it leaves."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from openalgo_lab.model.errors import InputError
from openalgo_lab.wire.http import HttpTransport
from openalgo_lab.wire.plain import plain_head, written_request
from openalgo_lab.wire.transport import HttpRequest

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n{}\r\n"
pieces = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 404\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 204 X\r\n",
        b"HTTP/1.1 100 C\r\n",
        b"Content-Length: 3\r\n", b"content-length: 3\r\n", b"Content-Length: -1\r\n", b"Content-Length: 3, 3\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"X-A:  b \t\r\n",
        b" folded\r\n", b"X_B: c\r\n", b"X-\xe9: d\r\n", b"X-C: \xe9\r\n", b"X-D: \x00\r\n", b"X-E: a\nb\r\n",
        b"nothing\r\n",
        b"\r\n", b"\r\n", b"abc", b"abc", b"ab", b"3\r\nabc\r\n0\r\n\r\n",
    ]
)  # fmt: skip
heads = st.lists(pieces, max_size=8).map(b"".join)


def by_grammar(received: bytes) -> tuple[int, list[tuple[str, str]], bytes] | None:
    """Status, headers and body by h11; None where they are not whole or no HTTP."""
    grammar = h11.Connection(h11.CLIENT)
    grammar.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    grammar.send(h11.EndOfMessage())
    grammar.receive_data(received)
    head, body = None, b""
    try:
        while True:
            event = grammar.next_event()
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                names = [(name.decode(), value.decode("latin-1")) for name, value in head.headers]
                return head.status_code, names, body
            elif event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return None
    except h11.RemoteProtocolError:
        return None


@given(st.one_of(heads, st.tuples(heads, st.binary(max_size=8)).map(b"".join), st.binary(max_size=60)))
@example(PLAIN)
def test_what_it_reads_the_grammar_reads_the_same(received: bytes) -> None:
    head = plain_head(received)
    if head is None or len(received) < head.start + head.size:
        return
    answer = head.answer(received)
    assert by_grammar(received) == (answer.status, list(answer.headers), answer.body)


@given(st.integers(0, len(PLAIN) - 1), st.binary(min_size=1, max_size=3))
def test_a_damaged_answer_is_read_as_the_grammar_reads_it_or_left_to_it(at: int, bytes_: bytes) -> None:
    received = PLAIN[:at] + bytes_ + PLAIN[at + len(bytes_) :]
    head = plain_head(received)
    if head is not None and len(received) >= head.start + head.size:
        answer = head.answer(received)
        assert by_grammar(received) == (answer.status, list(answer.headers), answer.body)


def test_a_plain_answer_is_read() -> None:
    head = plain_head(PLAIN)
    assert head is not None
    assert (head.status, head.answer(PLAIN).body) == (200, b"{}\r\n")


@pytest.mark.parametrize(
    "end", [b"Connection: close", b"Transfer-Encoding: chunked", b"Content-Length: 4", b"bad name: x"]
)
def test_whatever_differs_is_left_to_the_grammar(end: bytes) -> None:
    assert plain_head(PLAIN.replace(b"\r\n\r\n", b"\r\n" + end + b"\r\n\r\n")) is None


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
@example("GET", "/a\r\nx: y", "v")
@example("GET", "/a", "v\r\nx: y")
def test_nothing_in_a_request_can_begin_a_line_of_its_own(method: str, target: str, value: str) -> None:
    written = written_request(method, target, [("x-a", value)], b"body")
    if written is not None:
        head, _, body = written.partition(b"\r\n\r\n")
        assert body == b"body"
        assert head == f"{method} {target} HTTP/1.1\r\nx-a: {value}".encode()
        assert len(head.split(b" ")) >= 3
        assert head.count(b"\n") == head.count(b"\r") == 1


async def test_a_token_that_cannot_be_sent_is_said_before_anything_leaves() -> None:
    import asyncio

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        wire = HttpTransport(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(InputError, match="cannot be sent"):
            await wire.request(HttpRequest("GET", "/", (("authorization", "token\nx: y"),)), timeout_s=5)
        await wire.close()
