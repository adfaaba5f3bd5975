"""Start the app or Lab: one server a profile, opened in a browser, ended by Ctrl-C."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

import openalgo_lab
from openalgo_lab.model.errors import InputError, LabError, ReplayError, StoreError
from openalgo_lab.model.profile import PROFILE_VARIABLE
from openalgo_lab.server.browser import open_app, redirect_page, sign_in_url
from openalgo_lab.server.places import Places, places_of
from openalgo_lab.server.state import Instance, InstanceLock, find_running

if TYPE_CHECKING:
    from openalgo_lab.server.serverapp import LabServerApp

__all__ = ["DEFAULT_PORT", "run_app", "run_lab"]

DEFAULT_PORT: Final = 8742
_PORTS_TO_TRY: Final = 50
_POOL_SIZE: Final = 2
#: jsonschema's checks of two formats that nobody here uses (1.9 s and 0.1 s), and httpx's command line (0.1 s).
_SLOW_AND_OPTIONAL: Final = ("rfc3987_syntax", "isoduration", "httpx._main")
#: A second start waits this long for the first one, which may itself be starting.
_PATIENCE_S: Final = 10.0


def run_app(
    *,
    replay: Path | None = None,
    speed: float = 1.0,
    browser: str = "default",
    app_window: bool = False,
    port: int | None = None,
    profile: str = "default",
) -> int:
    """Serve the app until Ctrl-C; returns the exit status (0 good, 1 could not start).

    `browser` is 'default', 'none' (the address is printed once) or a command; `app_window` opens a window without
    browser controls where a Chromium-family browser is found; `port` None takes the first free one from
    `DEFAULT_PORT`. When the profile's app is already running, it is opened and this call returns.
    """
    try:
        lab = {"engine": "start", "replay": _readable(replay), "speed": speed}
    except ReplayError as error:
        _say(str(error))
        return 1
    return _run(profile, _Plan(port, "/openalgo", lab, _POOL_SIZE, browser, app_window))


def run_lab(*, port: int | None = None, profile: str = "default", browser: str = "default") -> int:
    """Serve JupyterLab on the profile's workbench until Ctrl-C; the engine kernel starts with the first dashboard."""
    return _run(profile, _Plan(port, "/lab", {"engine": "on_demand"}, 0, browser, app_window=False))


@dataclass(frozen=True, slots=True)
class _Plan:
    """One start: what to serve and how to open it."""

    port: int | None
    landing: str
    lab: dict[str, Any]
    pool_size: int
    browser: str
    app_window: bool


def _run(profile: str, plan: _Plan) -> int:
    try:
        places = places_of(profile)
        lock = InstanceLock(places.server)
        running = _take_or_find(lock, places)
        if running is not None:
            _say(f"OpenAlgo Lab already runs at {running.url} (process {running.pid}).")
            _open(running, places, plan)
            return 0
        try:
            return _serve(places, plan)
        finally:
            Instance.forget(places.server)
            shutil.rmtree(places.runtime, ignore_errors=True)
            lock.release()
    except LabError as error:
        _say(str(error))
        return 1


def _serve(places: Places, plan: _Plan) -> int:
    port = _free_port(plan.port)
    gc.disable()  # start-up only makes objects that stay: collecting among them costs a tenth of it
    _keep_slow_imports_out()
    from openalgo_lab.server.serverapp import LabServerApp, config_for, set_jupyter_paths
    from openalgo_lab.server.workbench import prepare_workbench

    prepare_workbench(places.workbench)
    set_jupyter_paths(places)
    os.environ[PROFILE_VARIABLE] = places.profile  # a plain Lab() in any kernel of this server means this profile
    config = config_for(places, port=port, landing=plan.landing, lab=plan.lab, pool_size=plan.pool_size)
    app = LabServerApp(config=config)
    app.initialize(argv=[])
    gc.freeze()
    gc.enable()
    app.io_loop.add_callback(_announce, app, places, plan)
    app.start()
    return 0


def _announce(app: LabServerApp, places: Places, plan: _Plan) -> None:
    """The server listens: leave word where it is, and open it."""
    token = str(app.identity_provider.token)
    url = f"http://127.0.0.1:{app.port}/"
    instance = Instance(pid=os.getpid(), url=url, token=token, version=openalgo_lab.__version__)
    instance.save(places.server)
    _say(f"OpenAlgo Lab runs at {instance.url} (profile {places.profile!r}). Ctrl-C ends it.")
    _open(instance, places, plan)


def _open(instance: Instance, places: Places, plan: _Plan) -> None:
    if plan.browser == "none":
        _say(f"Open {sign_in_url(instance, plan.landing)}")
        return
    page = redirect_page(instance, plan.landing, places.server)
    note = open_app(page, browser=plan.browser, app_window=plan.app_window, data_dir=places.home / "browser")
    if note:
        _say(note)


def _take_or_find(lock: InstanceLock, places: Places) -> Instance | None:
    """None when this process now holds the profile, else the server that does (it may just be starting or ending)."""
    deadline = time.monotonic() + _PATIENCE_S
    while not lock.take():
        instance = find_running(places.server)
        if instance is not None:
            return instance
        if time.monotonic() >= deadline:
            raise StoreError(
                f"Profile {places.profile!r} is held by a server that does not answer: end it, then start again."
            )
        time.sleep(0.1)
    return None


def _keep_slow_imports_out() -> None:
    """Before any Jupyter import: optional modules that its libraries do without, and that only cost time at start."""
    for name in _SLOW_AND_OPTIONAL:
        if name not in sys.modules:
            sys.modules[name] = cast(ModuleType, None)


def _readable(replay: Path | None) -> str:
    if replay is None:
        return ""
    path = replay.expanduser().resolve()
    if not path.is_file():
        raise ReplayError(f"There is no recording at {replay}: check the path after --replay.")
    return str(path)


def _free_port(asked: int | None) -> int:
    if asked is not None:
        if _is_free(asked):
            return asked
        raise InputError(f"Port {asked} is in use: choose another one, or leave --port out.", field="port")
    for port in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TO_TRY):
        if _is_free(port):
            if port != DEFAULT_PORT:
                _say(f"Port {DEFAULT_PORT} is in use, taking {port}.")
            return port
    raise InputError(f"No free port from {DEFAULT_PORT} on: name one with --port.", field="port")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # on Windows this option would share a port that is in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
