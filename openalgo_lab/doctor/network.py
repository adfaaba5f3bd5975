"""What the app needs to be reached: a free port on loopback and a browser."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable

from openalgo_lab.doctor.finding import Finding, ok, warn

__all__ = ["check_browser", "check_port"]


def check_port(port: int | None = None) -> Finding:
    """The app's own port on 127.0.0.1."""
    name = "port"
    if port is None:
        from openalgo_lab.server.launch import DEFAULT_PORT

        port = DEFAULT_PORT
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do on POSIX: a port in TIME_WAIT counts as free.
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return warn(
                name,
                f"port {port} cannot be used ({error.strerror})",
                "If that is this app, all is well; otherwise end the other program or start with --port NUMBER.",
            )
    return ok(name, f"port {port} is free")


def check_browser(get: Callable[[], webbrowser.BaseBrowser] = webbrowser.get) -> Finding:
    """A browser that can be opened from here."""
    name = "browser"
    try:
        found = get()
    except webbrowser.Error:
        return warn(
            name,
            "no browser can be opened from here",
            "Start with --no-browser and open the printed address, or give one with --browser COMMAND.",
        )
    return ok(name, getattr(found, "name", type(found).__name__))
