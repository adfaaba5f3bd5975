"""What a connection must show before a byte of ours leaves: TLS 1.2 or newer, a certificate, the host's name, its pins.

Everything is checked within the handshake, so whoever connects through the context, by HTTP or websocket, gets a
connection that was checked or none.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

from openalgo_lab.model.profile import home_dir
from openalgo_lab.model.times import IST
from openalgo_lab.wire.pins import FILE_NAME, PinBook, spki_pin

__all__ = ["PinRefused", "PinnedContext", "tls_context", "verified_chain"]

log = logging.getLogger(__name__)

_DER: Final = 2  # ENCODING_DER of `_ssl`, where the names are private


class PinRefused(ssl.SSLError):
    """The host is certified, but its key is none of those that were confirmed for it."""

    def __str__(self) -> str:
        return str(self.args[-1])


class PinnedContext(ssl.SSLContext):
    """A client's context that also checks pins. Make one by :func:`tls_context`."""

    pins: PinBook = PinBook()

    @staticmethod
    def today() -> date:
        """The day by which pins expire."""
        return datetime.now(UTC).astimezone(IST).date()

    def check(self, host: str, chain: Callable[[], list[bytes]]) -> None:
        """Raises PinRefused when the row of ``host`` binds and no certificate of the chain is in it."""
        row = self.pins.of(host)
        if row is None:
            return
        shown = [spki_pin(certificate) for certificate in chain()]
        if any(pin in row.sha256 for pin in shown):
            return
        if row.binds(self.today()):
            raise PinRefused(
                f"{host} shows a key that is not among those you confirmed for it, so nothing was sent: somebody may "
                f"be reading along, or the broker changed its key. Ask the broker; then confirm {shown[0]} with "
                f"'openalgo-lab pins confirm {host}'."
            )
        why = "its pins have expired" if row.confirmed else "its pins are not confirmed"
        log.warning("%s shows a key that is not among its pins (%s); only reported, because %s.", host, shown[0], why)


class _PinnedObject(ssl.SSLObject):
    """A connection over memory buffers, as asyncio makes them."""

    def do_handshake(self) -> None:
        """As ever, then the pins; called again and again until it is done."""
        super().do_handshake()
        context = self.context
        if isinstance(context, PinnedContext):
            context.check(self.server_hostname or "", lambda: verified_chain(self))


class _PinnedSocket(ssl.SSLSocket):
    """A connection over a socket, for code that blocks."""

    def do_handshake(self, block: bool = False) -> None:
        """As ever, then the pins."""
        super().do_handshake(block)
        context = self.context
        if isinstance(context, PinnedContext):
            context.check(self.server_hostname or "", lambda: verified_chain(self))


def tls_context(pins: PinBook | None = None) -> PinnedContext:
    """Certificates by the system's trust store, host names checked, TLS 1.3 where the host speaks it, never below 1.2.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are the system's way to name another store. Where there is none at all,
    Mozilla's list (certifi) stands in. ``pins`` None takes the user's own file. Raises StoreError when that is damaged.
    """
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.sslobject_class = _PinnedObject
    context.sslsocket_class = _PinnedSocket
    context.pins = PinBook.load(home_dir() / FILE_NAME) if pins is None else pins
    context.load_default_certs()
    if not _has_store(context):
        import certifi

        context.load_verify_locations(cafile=certifi.where())
    return context


def _has_store(context: ssl.SSLContext) -> bool:
    """Certificates in memory, or a folder from which OpenSSL takes them as they are needed."""
    folder = ssl.get_default_verify_paths().capath
    return bool(context.get_ca_certs()) or bool(folder and os.listdir(folder))  # noqa: PTH208 - a bare string


def verified_chain(connection: Any) -> list[bytes]:
    """The certificates (DER) by which a connection was verified, the host's own first."""
    if hasattr(connection, "get_verified_chain"):  # Python 3.13 and newer
        return list(connection.get_verified_chain())
    inner = connection._sslobj
    return [one.public_bytes(_DER) for one in inner.get_verified_chain()]
