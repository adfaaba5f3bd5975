"""The Jupyter server of the app: Jupyter's own class with less in it, and our settings on top of any other."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import signal
import warnings
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.utils import JupyterServerAuthWarning
from tornado.log import app_log, gen_log
from traitlets.config import Config

from openalgo_lab.server.places import Places, jupyter_config_dirs
from openalgo_lab.store.crash import CrashLog

__all__ = ["LabServerApp", "NoDelayConnection", "config_for", "set_jupyter_paths"]

#: A unix socket's path may have 107 bytes (103 on macOS); this is the longest name that Jupyter appends.
_LONGEST_SOCKET_NAME = len("/kernel-00000000-0000-0000-0000-000000000000-ipc-5")
_LONGEST_SOCKET_PATH = 103
_IDLE_WARNINGS = ("is not trusted", "cannot be longer than the websocket_ping_interval")
_NOT_OFFERED = frozenset({"nbconvert", "view"})


def set_jupyter_paths(places: Places) -> None:
    """Let this process and its kernels find the shipped configuration first, and keep sockets in `runtime`."""
    etc, share = jupyter_config_dirs()
    for variable, folder in (("JUPYTER_CONFIG_PATH", etc), ("JUPYTER_PATH", share)):
        others = [part for part in os.environ.get(variable, "").split(os.pathsep) if part and part != str(folder)]
        os.environ[variable] = os.pathsep.join([str(folder), *others])
    os.environ["JUPYTER_RUNTIME_DIR"] = str(places.runtime)


class NoDelayConnection(ZMQChannelsWebsocketConnection):
    """Kernel channel without Nagle's delay: 48 ms a click become 12."""

    def connect(self) -> asyncio.Future[None] | None:  # type: ignore[override]  # as its own parent does
        """Switch the delay off, then go on as usual."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


class LabServerApp(ServerApp):
    """One server for home page, dashboards and Lab.

    Settings of a person's own are read from `openalgo_lab_config.json` (or `.py`) in the Jupyter configuration folders;
    a `jupyter_server_config` made for another server does not concern this one.
    """

    name = "openalgo-lab"
    default_services = tuple(  # type: ignore[assignment]  # typed upstream by its present length
        name for name in ServerApp.default_services if name not in _NOT_OFFERED
    )

    def init_logging(self) -> None:
        """Leave out two warnings that come with every page and say nothing.

        A dashboard file carries no signature; and tornado takes Jupyter's milliseconds of the ping for seconds.
        """
        super().init_logging()
        for log in (self.log, gen_log):
            log.addFilter(lambda record: not any(words in str(record.msg) for words in _IDLE_WARNINGS))
        for log in (self.log, app_log, logging.getLogger("asyncio")):
            log.addHandler(CrashLog("the app's server"))

    def load_server_extensions(self) -> None:
        """Load them without Voilà's routes being reported: those that matter are covered by ours."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JupyterServerAuthWarning)
            super().load_server_extensions()

    def init_signal(self) -> None:
        """Ctrl-C (with or without a terminal) and a closed terminal end the server politely and without a question."""
        super().init_signal()
        for name in ("SIGINT", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._signal_stop)

    def start(self) -> None:
        """Serve until told to stop, then end what is left of the loop: a waiting thread would keep the process."""
        super().start()
        loop: asyncio.AbstractEventLoop = getattr(self.io_loop, "asyncio_loop")  # noqa: B009  (tornado's, untyped)
        loop.run_until_complete(_end_tasks())

    async def cleanup_extensions(self) -> None:
        """End our services before the kernels are ended."""
        from openalgo_lab.server.extension import stop_services

        await stop_services(self)
        await super().cleanup_extensions()


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def config_for(places: Places, *, port: int, landing: str, lab: dict[str, Any], pool_size: int) -> Config:
    """The whole configuration of one start; it wins over any file of the user's."""
    config = Config(_shipped("jupyter_server_config.json"))
    config.ServerApp.update(
        port=port,
        port_retries=0,
        root_dir=str(places.workbench),
        default_url=landing,
        open_browser=False,
        allow_root=hasattr(os, "geteuid") and os.geteuid() == 0,
        cookie_secret_file=str(places.server / "cookie_secret"),
        jpserver_extensions=dict(
            _shipped("jupyter_server_config.d/openalgo_lab.json")["ServerApp"]["jpserver_extensions"]
        ),
    )
    config.ServerApp.kernel_websocket_connection_class = NoDelayConnection
    config.Application.log_level = "WARN"
    config.IdentityProvider.token = secrets.token_urlsafe(32)
    config.ConnectionFileMixin.transport = _transport(places.runtime)
    config.OpenAlgoLab.update(profile=places.profile, server_dir=str(places.server), **lab)
    config.PooledKernelManager.pool_size = pool_size
    return config


def _transport(runtime: Path) -> str:
    """Private unix sockets where there are any, else plain loopback (signed, but readable by the machine)."""
    fits = len(str(runtime)) + _LONGEST_SOCKET_NAME <= _LONGEST_SOCKET_PATH
    return "ipc" if os.name == "posix" and fits else "tcp"


def _shipped(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((jupyter_config_dirs()[0] / name).read_text("utf-8"))
    return content
