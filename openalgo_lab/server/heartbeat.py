"""Which pages are open. A page's kernel ends when its page is gone; a page hears when its kernel is gone.

A page holds one small websocket open and says a word every few seconds. The open socket itself counts as life (the
browser answers pings even for a tab whose timers it has slowed down), and so does an open kernel channel.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, Protocol

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from traitlets import Float
from traitlets.config import LoggingConfigurable

__all__ = ["PageRegister", "PageSocket"]


class _Pool(Protocol):
    pages: set[str]

    async def is_page_alive(self, kernel_id: str) -> bool: ...
    async def end_page(self, kernel_id: str) -> None: ...
    def page_painted(self) -> None: ...
    async def check_pool(self) -> None: ...


class PageRegister(LoggingConfigurable):
    """Watches the pages of one server."""

    timeout_s = Float(60.0, min=0.1, config=True, help="A page silent and unconnected for this long is gone.")
    check_s = Float(1.0, min=0.05, config=True, help="Time between two looks at all pages.")

    def __init__(self, pool: _Pool, connections: Callable[[str], int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._pool = pool
        self._connections = connections
        self._seen: dict[str, float] = {}
        self._sockets: dict[str, set[PageSocket]] = {}
        self._task: asyncio.Task[None] | None = None

    # -- what the sockets say ----------------------------------------------------------------------------------

    def joined(self, kernel_id: str, socket: PageSocket) -> None:
        """A page opened its socket."""
        self._sockets.setdefault(kernel_id, set()).add(socket)
        self.heard(kernel_id)

    def left(self, kernel_id: str, socket: PageSocket) -> None:
        """A page's socket closed; the page may come back (network, sleep) until the time is over."""
        self._sockets.get(kernel_id, set()).discard(socket)
        self.heard(kernel_id)

    def heard(self, kernel_id: str) -> None:
        """A page said a word."""
        self._seen[kernel_id] = time.monotonic()

    def painted(self) -> None:
        """A page has drawn itself."""
        self._pool.page_painted()

    # -- what is done about it ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin watching."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _watch(self) -> None:
        while True:
            await self._pool.check_pool()
            await asyncio.sleep(self.check_s)
            for kernel_id in list(self._pool.pages):
                await self._look_at(kernel_id)
            for kernel_id in self._seen.keys() - self._pool.pages:
                self._tell_gone(kernel_id)

    async def _look_at(self, kernel_id: str) -> None:
        if not await self._pool.is_page_alive(kernel_id):
            self.log.warning("The kernel of a page has died: %s", kernel_id)
            await self._pool.end_page(kernel_id)
        elif self._is_abandoned(kernel_id):
            self.log.info("The page of a kernel is gone, the kernel ends: %s", kernel_id)
            await self._pool.end_page(kernel_id)

    def _is_abandoned(self, kernel_id: str) -> bool:
        if self._sockets.get(kernel_id) or self._connections(kernel_id) > 0:
            self.heard(kernel_id)
            return False
        return time.monotonic() - self._seen.setdefault(kernel_id, time.monotonic()) > self.timeout_s

    def _tell_gone(self, kernel_id: str) -> None:
        self._seen.pop(kernel_id, None)
        for socket in self._sockets.pop(kernel_id, set()):
            socket.tell({"kernel": "gone"})


class PageSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """`/openalgo/page/<kernel id>`: from the page 'beat' and 'painted', to the page `{"kernel": "gone"}`."""

    auth_resource = "kernels"

    def initialize(self, register: PageRegister) -> None:
        """Take the register of this server."""
        self._register = register
        self._kernel_id = ""

    @ws_authenticated
    async def get(self, kernel_id: str) -> None:
        """Upgrade to a websocket; 403 without a session."""
        self._kernel_id = kernel_id
        await super().get(kernel_id)

    def open(self, kernel_id: str) -> None:
        """Note the page, or tell it at once that its kernel is gone."""
        if kernel_id in self.kernel_manager:
            self._register.joined(kernel_id, self)
        else:
            self.tell({"kernel": "gone"})

    def on_message(self, message: str | bytes) -> None:
        """Take a word of the page; anything unknown is ignored."""
        if self._kernel_id in self.kernel_manager:
            self._register.heard(self._kernel_id)
        if message == "painted":
            self._register.painted()

    def on_close(self) -> None:
        """Note that the page's socket closed."""
        if self._kernel_id in self.kernel_manager:
            self._register.left(self._kernel_id, self)

    def tell(self, message: dict[str, str]) -> None:
        """Send a message to the page, if it still listens."""
        try:
            self.write_message(json.dumps(message))
        except WebSocketClosedError:
            self.log.debug("A page left before it could be told %s", message)
