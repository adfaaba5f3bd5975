"""Voilà's front end, served so that a browser keeps it: addresses that carry a version, never asked for twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from jupyter_server.base.handlers import FileFindHandler
from jupyter_server.utils import url_path_join
from voila.paths import collect_static_paths
from voila.utils import get_voila_labextensions_path

from openalgo_lab.server.bundle import BundleHandler, ScriptBundle

__all__ = ["KeptFileHandler", "kept_routes", "page_config_hook"]

_WIDGET_PACKAGES = ("voila", "jupyterlab-widgets", "anywidget", "bqplot", "bqscales")
PageConfig = dict[str, Any]


class KeptFileHandler(FileFindHandler):
    """Files whose address changes with their content. They are the published front end: no session is needed."""

    def set_headers(self) -> None:
        """Let the browser keep the file for good."""
        super().set_headers()
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")


def _prefix(kind: str) -> str:
    """Address part that changes when one of the packages does."""
    return f"openalgo/kept/{'-'.join(version(name) for name in _WIDGET_PACKAGES)}/{kind}"


def kept_routes() -> tuple[list[tuple[Any, ...]], ScriptBundle]:
    """Routes of the kept files, and the bundle among them."""
    scripts = collect_static_paths(["voila", "nbconvert"], "lab")
    extensions = get_voila_labextensions_path()
    bundle = ScriptBundle(scripts, extensions)
    return [
        (r"/openalgo/kept/pages-\w+\.js", BundleHandler, {"bundle": bundle}),
        (rf"/{_prefix('voila')}/(.*)", KeptFileHandler, {"path": scripts}),
        (rf"/{_prefix('extensions')}/(.*)", KeptFileHandler, {"path": extensions}),
    ], bundle


def page_config_hook(bundle: ScriptBundle, pages: Callable[[], Sequence[tuple[str, str]]]) -> Callable[..., PageConfig]:
    """Voilà's page-config hook: scripts from the kept addresses, and the app's own two entries.

    `pages` gives (short name, title) of the dashboards for the bar at the top.
    """
    scripts, extensions = _prefix("voila"), _prefix("extensions")

    def hook(page_config: PageConfig, *, base_url: str, **_: object) -> PageConfig:
        page_config["fullStaticUrl"] = url_path_join(base_url, scripts)
        page_config["fullLabextensionsUrl"] = url_path_join(base_url, extensions)
        page_config["fullMathjaxUrl"] = url_path_join(base_url, "openalgo/static/no-formulas.js")
        page_config["openalgoScripts"] = url_path_join(base_url, f"openalgo/kept/pages-{bundle.name}.js")
        page_config["openalgoPages"] = list(pages())
        return page_config

    return hook
