"""What Jupyter loads: the app's routes, the engine keeper and the page register of one server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import voila.handler
from jupyter_core.paths import jupyter_path
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from voila.configuration import VoilaConfiguration
from voila.paths import collect_template_paths

from openalgo_lab.server import catalogue
from openalgo_lab.server.assets import KeptFileHandler, kept_routes, page_config_hook
from openalgo_lab.server.engine_keeper import EngineKeeper, EngineReport
from openalgo_lab.server.heartbeat import PageRegister, PageSocket
from openalgo_lab.server.home import HealthHandler, HomeHandler, StyleHandler, make_health, static_folder
from openalgo_lab.server.pages import DashboardHandler, EndingRenderer, LeaveHandler, NotHereHandler, use_page_kernel
from openalgo_lab.server.places import jupyter_config_dirs
from openalgo_lab.server.pool import PooledKernelManager
from openalgo_lab.server.settings import OpenAlgoLab

__all__ = ["Services"]

_KERNEL_ID = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"
_SETTING = "openalgo_lab"


class Services:
    """The running parts of one server; kept in the web application's settings."""

    def __init__(self, app: ServerApp) -> None:
        self.app = app
        self.lab = OpenAlgoLab(parent=app)
        self.workbench = Path(app.root_dir)
        self.keeper = self._make_keeper()
        self.register = self._make_register()

    def _make_keeper(self) -> EngineKeeper | None:
        if self.lab.engine == "off":
            return None
        manager, sessions = self.app.kernel_manager, self.app.session_manager
        return EngineKeeper(manager, sessions, self.lab.engine_order(), Path(self.lab.server_dir), parent=self.app)

    def _make_register(self) -> PageRegister | None:
        manager = self.app.kernel_manager
        if not isinstance(manager, PooledKernelManager):
            return None
        return PageRegister(manager, lambda kernel_id: manager._kernel_connections.get(kernel_id, 0), parent=self.app)

    def engine_report(self) -> EngineReport:
        """How the engine kernel is."""
        return EngineReport(state="off") if self.keeper is None else self.keeper.report

    def pages(self) -> list[tuple[str, str]]:
        """Short name and title of every dashboard that may be opened."""
        entries = catalogue.dashboards(self.workbench)
        return [(entry.name, entry.title) for entry in entries if self.lab.allows(entry.path)]

    async def start(self) -> None:
        """Begin: the engine first, it is what people wait for."""
        if self.keeper is not None and self.lab.engine == "start":
            self.keeper.start()
        if self.register is not None:
            self.register.start()

    async def stop(self) -> None:
        """End what was begun; kernels themselves are ended by the kernel manager."""
        if self.register is not None:
            await self.register.stop()
        if isinstance(self.app.kernel_manager, PooledKernelManager):
            await self.app.kernel_manager.close_pool()
        if self.keeper is not None:
            await self.keeper.stop()


def _load_jupyter_server_extension(app: ServerApp) -> None:
    """Jupyter's entry: add routes (before Voilà's, so that ours win) and schedule the start."""
    services = Services(app)
    app.web_app.settings[_SETTING] = services
    base = app.web_app.settings["base_url"]
    kept, bundle = kept_routes()
    hook = page_config_hook(bundle, services.pages)
    routes = [*_app_routes(services), *kept, *_dashboard_routes(services, hook), *_closed_routes()]
    app.web_app.add_handlers(".*$", [(url_path_join(base, path), *rest) for path, *rest in routes])
    app.io_loop.add_callback(services.start)


async def stop_services(app: ServerApp) -> None:
    """End the parts of a server that is going down; harmless when there are none."""
    services = app.web_app.settings.get(_SETTING)
    if isinstance(services, Services):
        await asyncio.wait_for(services.stop(), 10)


def _app_routes(services: Services) -> list[tuple[Any, ...]]:
    health = make_health(services.lab, services.engine_report, services.app.kernel_manager)
    home = {"lab": services.lab, "health": health, "workbench": services.workbench}
    routes: list[tuple[Any, ...]] = [
        (r"/openalgo", HomeHandler, home),
        (r"/openalgo/health", HealthHandler, {"health": health}),
        (r"/openalgo/theme\.css", StyleHandler),
        (r"/openalgo/static/(.*)", KeptFileHandler, {"path": str(static_folder())}),
    ]
    if services.register is not None:
        routes.append((rf"/openalgo/page/{_KERNEL_ID}", PageSocket, {"register": services.register}))
    return routes


def _dashboard_routes(services: Services, hook: Callable[..., dict[str, Any]]) -> list[tuple[Any, ...]]:
    voila.handler.NotebookRenderer = EndingRenderer
    settings = _voila_settings(services.app)
    settings.page_config_hook = hook
    roots = [str(jupyter_config_dirs()[1]), *jupyter_path()]
    common = {
        "config": services.app.config,
        "template_paths": collect_template_paths(["voila", "nbconvert"], settings.template, root_dirs=roots),
        "voila_configuration": settings,
        "lab": services.lab,
        "keeper": services.keeper,
        "workbench": services.workbench,
    }
    return [
        (r"/voila/render/(.*)", DashboardHandler, common),
        (r"/openalgo/([a-z0-9_]+)", DashboardHandler, {**common, "folder": "dashboards"}),
    ]


def _voila_settings(app: ServerApp) -> VoilaConfiguration:
    """Our own `voila.json` and no other: a file in the current folder must not reopen what it closes."""
    settings = VoilaConfiguration(parent=app)
    shipped = json.loads((jupyter_config_dirs()[0] / "voila.json").read_text("utf-8"))
    for name, value in shipped["VoilaConfiguration"].items():
        setattr(settings, name, value)
    settings.prelaunch_hook = use_page_kernel
    return settings


def _closed_routes() -> list[tuple[Any, ...]]:
    closed = (r"/voila", r"/voila/tree(.*)", r"/voila/files/(.*)", r"/voila/api/contents(.*)")
    return [(r"/voila/api/shutdown/(.*)", LeaveHandler), *((path, NotHereHandler) for path in closed)]
