"""``openalgo-lab pins``: what a host shows, confirming it, and a key that changes afterwards."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openalgo_lab.cli.commands import app
from openalgo_lab.model.errors import InputError, LabError, WireError
from openalgo_lab.wire.h1 import H1Connection
from openalgo_lab.wire.pins import FILE_NAME, PinBook, spki_pin
from openalgo_lab.wire.tls import PinRefused, tls_context
from tests.wire.certificates import Authority, serve_tls

SPARE = "A" * 43 + "="


def run(*line: str) -> str:
    result = CliRunner().invoke(app, ["pins", *line])
    if isinstance(result.exception, LabError):
        raise result.exception
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab_home: Path) -> Authority:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    return authority


@contextmanager
def serving(context: ssl.SSLContext) -> Iterator[int]:
    """A host in a thread of its own; its port."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(serve_tls(context, []))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


async def connects(port: int) -> None:
    (await H1Connection.open("localhost", port, tls_context())).close()


def test_confirm_then_another_key(authority: Authority, lab_home: Path) -> None:
    context, certificate = authority.server("localhost")
    with serving(context) as port:
        shown = run("show", f"localhost:{port}").splitlines()
        assert [line.split()[2] for line in shown] == [spki_pin(certificate), spki_pin(authority.der)]
        assert "CN=authority" in shown[1]
        run("confirm", f"localhost:{port}", "--report-only")
        assert "only reports" in run("list")
        assert "is refused" in run("confirm", f"localhost:{port}", "--pin", SPARE, "--days", "30")
        assert "binds" in run("list")
        asyncio.run(connects(port))
    (row,) = PinBook.load(lab_home / FILE_NAME).rows
    PinBook([type(row)(row.host, (row.sha256[0], SPARE), row.expires, True)]).save(lab_home / FILE_NAME)
    with serving(authority.server("localhost")[0]) as port:
        with pytest.raises(PinRefused, match="pins confirm localhost"):
            asyncio.run(connects(port))
        assert run("show", f"localhost:{port}")  # looking is not refused: how else could one see the new key
        run("remove", "localhost")
        asyncio.run(connects(port))
    assert run("list") == ""


def test_what_is_wrong_is_said(authority: Authority) -> None:
    with pytest.raises(InputError, match="no pins"):
        run("remove", "localhost")
    with pytest.raises(InputError, match="no host"):
        run("show", "localhost:x")
    with pytest.raises(WireError, match="cannot be reached"):
        run("show", "localhost:1")
