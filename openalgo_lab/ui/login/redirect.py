"""Waiting for a broker's page to send the browser back, beside the kernel's loop."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Final

from openalgo_lab.broker.callback import CallbackServer, parameters_of
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.secret import Secret

__all__ = ["Redirect", "safe_page"]

WAIT_S: Final = 300.0
_HERE: Final = ("http://127.0.0.1:", "http://localhost:")


def safe_page(url: str) -> str:
    """The address of a broker's page, where a browser may be sent: https, or a simulator on this machine.

    Raises InputError for any other (a script, a file, a page without encryption).
    """
    if url.startswith(("https://", *_HERE)):
        return url
    raise InputError("The broker gave a login page that is not safe to open: nothing was sent there.", field="broker")


class Redirect:
    """One login on a broker's page. ``state`` goes there with the browser and has to come back.

    `listen` takes the callback on this machine; where it cannot come, `pasted` reads the address that the browser
    shows. Whatever it brings is secret: who has it has the session.
    """

    def __init__(self, redirect_uri: str) -> None:
        self.redirect_uri = redirect_uri
        self.state = secrets.token_urlsafe(18)
        self._given_up = threading.Event()
        self._server: CallbackServer | None = None
        self._thread: threading.Thread | None = None

    def listen(
        self, page: str, came: Callable[[Mapping[str, Secret]], None], missed: Callable[[InputError], None]
    ) -> None:
        """Wait on a thread of its own, which calls ``came`` or ``missed`` once, or neither after `close`.

        Raises InputError when the address is not this machine's or its port is taken.
        """
        server = self._server = CallbackServer(self.redirect_uri, self.state, echoes_state=self.state in page)

        def wait() -> None:
            try:
                with server:
                    found = {name: Secret(value) for name, value in server.wait(WAIT_S, self._given_up.is_set).items()}
            except InputError as error:
                if not self._given_up.is_set():
                    missed(error)
            else:
                if not self._given_up.is_set():
                    came(found)

        self._thread = threading.Thread(target=wait, name="openalgo-login-callback", daemon=True)
        self._thread.start()

    def pasted(self, address: Secret) -> dict[str, Secret]:
        """What the pasted address brings. Raises InputError for one that is not it, or of another login."""
        return {name: Secret(value) for name, value in parameters_of(address.reveal(), self.state).items()}

    def close(self) -> None:
        """Listen no more; the port is free when this returns."""
        self._given_up.set()
        if self._server is None or self._thread is None or self._thread is threading.current_thread():
            return
        # A visit of our own ends its wait at once.
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._server.port), 0.5):
            pass
        self._thread.join(5)
