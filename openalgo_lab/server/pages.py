"""Dashboards: Voilà's rendering behind an allow-list, with our kernel, cached assets and friendly failures."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web
from tornado.ioloop import IOLoop
from voila.notebook_renderer import NotebookRenderer
from voila.tornado.handler import TornadoVoilaHandler

from openalgo_lab.server.engine_keeper import EngineKeeper
from openalgo_lab.server.names import PAGE_KERNEL
from openalgo_lab.server.pool import PooledKernelManager
from openalgo_lab.server.security import StrictPage
from openalgo_lab.server.settings import OpenAlgoLab

__all__ = ["DashboardHandler", "EndingRenderer", "LeaveHandler", "NotHereHandler", "use_page_kernel"]


class DashboardHandler(StrictPage, TornadoVoilaHandler):  # type: ignore[misc]  # voila ships no types
    """`/voila/render/<path>` and `/openalgo/<name>`: one dashboard as a page."""

    def initialize(
        self, *, lab: OpenAlgoLab, keeper: EngineKeeper | None, workbench: Path, folder: str = "", **kwargs: Any
    ) -> None:
        """Take the server's parts; `folder` is where short names lie."""
        super().initialize(**kwargs)
        self._lab = lab
        self._keeper = keeper
        self._workbench = workbench
        self._folder = folder

    @web.authenticated
    async def get(self, path: str = "") -> None:
        """Render the dashboard; 404 for anything that is not on the allow-list."""
        if self._folder:
            path = f"{self._folder}/{path}.ipynb"
        if not self._lab.allows(path) or not (self._workbench / path).is_file():
            raise web.HTTPError(404, "There is no such dashboard.")
        if self._keeper is not None:
            self._keeper.start()
        self.xsrf_token  # noqa: B018  (reading it sets the cookie that the page's shutdown message needs)
        await super().get(path)


class EndingRenderer(NotebookRenderer):  # type: ignore[misc]
    """Voilà's renderer, but a page whose rendering breaks off says so; Voilà would let the browser wait for ever."""

    def generate_content_generator(self, *args: Any, **kwargs: Any) -> AsyncIterator[tuple[str, Any]]:
        """The page's pieces, the last of which may be the word that it failed."""
        return self._to_the_end(super().generate_content_generator(*args, **kwargs))

    async def _to_the_end(self, pieces: AsyncIterator[tuple[str, Any]]) -> AsyncIterator[tuple[str, Any]]:
        try:
            async for piece in pieces:
                yield piece
        except Exception as error:  # whatever it was: the browser must hear of it
            self.log.exception("A dashboard could not be rendered")
            reason = json.dumps(str(error)).replace("</", "<\\/")
            yield f"<script>window.openalgoPage.broken({reason});</script>", {}


class LeaveHandler(APIHandler):
    """`/voila/api/shutdown/<kernel id>`: the page's last message. It ends a page's kernel and no other."""

    @web.authenticated
    def post(self, kernel_id: str) -> None:
        """Answer at once; the kernel ends behind it."""
        manager = self.kernel_manager
        if not isinstance(manager, PooledKernelManager) or kernel_id not in manager.pages:
            raise web.HTTPError(404, "There is no such page.")
        IOLoop.current().add_callback(manager.end_page, kernel_id)
        self.set_status(204)
        self.finish()


class NotHereHandler(JupyterHandler):
    """Voilà's own file browser and file routes, which the app does not offer."""

    @web.authenticated
    def get(self, *_: str) -> None:
        """Go home."""
        self.redirect(self.base_url + "openalgo")


def use_page_kernel(_request: object, notebook: Any, cwd: str) -> Any:  # noqa: ARG001 (Voilà's hook signature)
    """Voilà's prelaunch hook: every dashboard runs in a page kernel, whatever its file says."""
    notebook.metadata.kernelspec = {"name": PAGE_KERNEL, "language": "python", "display_name": "OpenAlgo page"}
    return notebook
