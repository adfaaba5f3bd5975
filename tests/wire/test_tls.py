"""TLS on real sockets: versions, trust, names, pins; nothing leaves over a connection that fails one of them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from openalgo_lab.model.errors import WireError
from openalgo_lab.wire.h1 import H1Connection
from openalgo_lab.wire.http import HttpTransport
from openalgo_lab.wire.pins import HostPins, PinBook, spki_pin
from openalgo_lab.wire.tls import PinnedContext, PinRefused, tls_context
from openalgo_lab.wire.transport import HttpRequest
from tests.wire.certificates import Authority, serve_tls

ANOTHER = base64.b64encode(b"x" * 32).decode()
BACKUP = base64.b64encode(b"y" * 32).decode()
FUTURE = date(2100, 1, 1)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Trusted as the system's own store would be."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return authority


class Site:
    """A host on loopback."""

    def __init__(self, server: asyncio.Server, certificate: bytes, heard: list[bytes]) -> None:
        self.port = server.sockets[0].getsockname()[1]
        self.pin = spki_pin(certificate)
        self.heard = heard

    async def ask(self, pins: PinBook) -> str:
        """One request; its answer's body, or why there is none."""
        connection = await H1Connection.open("localhost", self.port, tls_context(pins))
        try:
            answer = await connection.exchange("GET", "/", [("host", "localhost")], b"", 1000)
            return answer.body.decode()
        finally:
            connection.close()


@contextlib.asynccontextmanager
async def running(context: ssl.SSLContext, certificate: bytes) -> AsyncIterator[Site]:
    heard: list[bytes] = []
    server = await serve_tls(context, heard)
    try:
        yield Site(server, certificate, heard)
    finally:
        server.close()


@pytest.fixture
async def site(authority: Authority) -> AsyncIterator[Site]:
    async with running(*authority.server("localhost", "127.0.0.1")) as site:
        yield site


def pinned(*pins: str, expires: date = FUTURE, confirmed: bool = True, host: str = "localhost") -> PinBook:
    return PinBook([HostPins(host, pins, expires, confirmed)])


def test_a_pin_is_the_hash_of_the_public_key(authority: Authority) -> None:
    key = x509.load_der_x509_certificate(authority.der).public_key()
    raw = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert spki_pin(authority.der) == base64.b64encode(hashlib.sha256(raw).digest()).decode()


@pytest.mark.parametrize(
    "pins",
    [
        lambda site, authority: PinBook(),
        lambda site, authority: pinned(ANOTHER, site.pin),
        lambda site, authority: pinned(spki_pin(authority.der), ANOTHER),
        lambda site, authority: pinned(ANOTHER, BACKUP, host="other.example"),
    ],
    ids=["no pins", "its own key", "the authority's key", "another host's pins"],
)
async def test_a_certified_host_whose_key_is_known_is_spoken_with(
    site: Site, authority: Authority, pins: Callable[[Site, Authority], PinBook]
) -> None:
    assert await site.ask(pins(site, authority)) == "ok"


async def test_a_key_that_was_not_confirmed_ends_the_connection_before_a_byte_leaves(site: Site) -> None:
    with pytest.raises(PinRefused) as refused:
        await site.ask(pinned(ANOTHER, BACKUP))
    assert "nothing was sent" in str(refused.value)
    assert site.pin in str(refused.value)
    assert not site.heard


@pytest.mark.parametrize(
    ("pins", "why"),
    [
        (pinned(ANOTHER, BACKUP, confirmed=False), "not confirmed"),
        (pinned(ANOTHER, BACKUP, expires=date(2020, 1, 1)), "expired"),
    ],
)
async def test_pins_that_do_not_bind_only_report(
    site: Site, pins: PinBook, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert await site.ask(pins) == "ok"
    assert why in caplog.text
    assert site.pin in caplog.text


@pytest.mark.parametrize(("days", "refused"), [(0, False), (-1, True)], ids=["last day", "day after"])
async def test_pins_bind_to_the_end_of_their_last_day(
    site: Site, days: int, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    expires = date(2026, 11, 25)
    monkeypatch.setattr(PinnedContext, "today", staticmethod(lambda: expires - timedelta(days=days)))
    book = pinned(ANOTHER, BACKUP, expires=expires)
    if refused:
        assert await site.ask(book) == "ok"
    else:
        with pytest.raises(PinRefused):
            await site.ask(book)


async def test_pins_hold_for_code_that_blocks(site: Site) -> None:
    def shake(pins: PinBook) -> str:
        with (
            socket.create_connection(("127.0.0.1", site.port)) as plain,
            tls_context(pins).wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            return secured.version() or ""

    assert await asyncio.to_thread(shake, pinned(site.pin, ANOTHER)) == "TLSv1.3"
    with pytest.raises(PinRefused):
        await asyncio.to_thread(shake, pinned(ANOTHER, BACKUP))


async def test_the_transport_says_it_as_a_request_that_did_not_leave(
    site: Site, lab_home: Path, authority: Authority
) -> None:
    pinned(ANOTHER, BACKUP).save(lab_home / "pins.json")
    wire = HttpTransport(f"https://localhost:{site.port}")
    with pytest.raises(WireError, match="nothing was sent"):
        await wire.request(HttpRequest("GET", "/"), timeout_s=5)
    with pytest.raises(WireError, match="nothing was sent"):
        await wire.open_feed("/feed")
    await wire.close()
    assert not site.heard


# Trust, names, versions ---------------------------------------------------------------------------------------------


async def test_an_authority_that_the_system_does_not_trust_is_refused(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "other").mkdir()
    async with running(*Authority(tmp_path / "other", "stranger").server("localhost")) as site:
        with pytest.raises(ssl.SSLCertVerificationError):
            await site.ask(PinBook())
        assert not site.heard


async def test_pins_do_not_stand_in_for_a_certificate(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "other").mkdir()
    async with running(*Authority(tmp_path / "other", "stranger").server("localhost")) as site:
        with pytest.raises(ssl.SSLCertVerificationError):
            await site.ask(pinned(site.pin, ANOTHER))


@pytest.mark.parametrize(("hosts", "days"), [(("elsewhere.example",), 1), (("localhost",), -1)])
async def test_another_name_and_an_old_certificate_are_refused(
    authority: Authority, hosts: tuple[str, ...], days: int
) -> None:
    async with running(*authority.server(*hosts, days=days)) as site:
        with pytest.raises(ssl.SSLCertVerificationError):
            await site.ask(PinBook())


async def test_the_newest_version_is_spoken_and_old_ones_are_not(authority: Authority) -> None:
    for newest, spoken in ((ssl.TLSVersion.TLSv1_3, "TLSv1.3"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")):
        context, certificate = authority.server("localhost")
        context.maximum_version = newest
        async with running(context, certificate) as site:
            _, writer = await asyncio.open_connection("localhost", site.port, ssl=tls_context(PinBook()))
            assert writer.get_extra_info("ssl_object").version() == spoken
            writer.close()


async def test_a_host_that_speaks_only_old_versions_is_refused(authority: Authority) -> None:
    context, certificate = authority.server("localhost")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSVersion"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    async with running(context, certificate) as site:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await site.ask(PinBook())
        lax = tls_context(PinBook())
        lax.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSVersion"):
            lax.minimum_version = ssl.TLSVersion.TLSv1
        _, writer = await asyncio.open_connection("localhost", site.port, ssl=lax)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.1"  # so the refusal above was ours
        writer.close()


def test_without_a_store_of_the_system_mozillas_list_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    assert len(tls_context(PinBook()).get_ca_certs()) > 50
