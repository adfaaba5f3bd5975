"""The home page, the health report, the theme's style sheet and the app's static files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web

import openalgo_lab
from openalgo_lab.server import catalogue
from openalgo_lab.server.engine_keeper import EngineReport
from openalgo_lab.server.names import APP_NAME
from openalgo_lab.server.places import jupyter_config_dirs
from openalgo_lab.server.security import StrictPage
from openalgo_lab.server.settings import OpenAlgoLab

__all__ = ["Health", "HealthHandler", "HomeHandler", "StyleHandler", "make_health", "static_folder"]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of `/openalgo/health`."""

    app: str
    version: str
    profile: str
    market: str
    engine: EngineReport
    pool_warm: int
    pool_size: int
    pages: int


@cache
def _templates() -> Environment:
    shared = jupyter_config_dirs()[1] / "voila" / "templates" / "openalgo_lab"
    return Environment(loader=FileSystemLoader([Path(__file__).parent / "templates", shared]), autoescape=True)


def static_folder() -> Path:
    """Folder of the app's own scripts and pictures."""
    return Path(__file__).parent / "static"


class HomeHandler(StrictPage, JupyterHandler):
    """`/openalgo`: where the app opens."""

    def initialize(self, *, lab: OpenAlgoLab, health: Callable[[], Health], workbench: Path) -> None:
        """Take the server's parts."""
        self._lab = lab
        self._health = health
        self._workbench = workbench

    @web.authenticated
    def get(self) -> None:
        """Show dashboards, notebooks, and how the engine is."""
        page = (
            _templates()
            .get_template("home.html")
            .render(
                base_url=self.base_url,
                health=self._health(),
                dashboards=[entry for entry in catalogue.dashboards(self._workbench) if self._lab.allows(entry.path)],
                notebooks=catalogue.notebooks(self._workbench),
            )
        )
        self.set_header("Cache-Control", "no-store")
        self.finish(page)


class HealthHandler(APIHandler):
    """`/openalgo/health`: JSON for `doctor`, the home page and the launcher."""

    _track_activity = False

    def initialize(self, *, health: Callable[[], Health]) -> None:
        """Take the reporter."""
        self._health = health

    @web.authenticated
    def get(self) -> None:
        """The report."""
        self.finish(msgspec.json.encode(self._health()))


class StyleHandler(JupyterHandler):
    """`/openalgo/theme.css`: the table of design tokens as CSS."""

    @web.authenticated
    def get(self) -> None:
        """The style sheet, kept by the browser until it changes."""
        from openalgo_lab.ui.theme import css

        sheet = css().encode()
        self.set_header("Content-Type", "text/css; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Etag", f'"{hashlib.sha256(sheet).hexdigest()[:20]}"')
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
            return
        self.finish(sheet)


def make_health(lab: OpenAlgoLab, engine: Callable[[], EngineReport], manager: Any) -> Callable[[], Health]:
    """A function that reports how the server is, now."""

    def report() -> Health:
        return Health(
            app=APP_NAME,
            version=openalgo_lab.__version__,
            profile=lab.profile,
            market="replay" if lab.replay else "simulated exchange",
            engine=engine(),
            pool_warm=getattr(manager, "warm", 0),
            pool_size=getattr(manager, "pool_size", 0),
            pages=len(getattr(manager, "pages", ())),
        )

    return report
