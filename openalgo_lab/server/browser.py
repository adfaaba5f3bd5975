"""Opening the app for a person: the default browser, a given one, or a window of its own."""

from __future__ import annotations

import html
import os
import shlex
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path
from urllib.parse import quote

from openalgo_lab.server.state import Instance, write_private

__all__ = ["open_app", "redirect_page", "sign_in_url"]

_CHROMIUM_FAMILY = (
    "google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "microsoft-edge", "brave-browser",
    "chrome", "msedge",
)  # fmt: skip
_MAC_APPS = ("Google Chrome", "Chromium", "Microsoft Edge", "Brave Browser")
_WINDOWS_APPS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")


def sign_in_url(instance: Instance, landing: str) -> str:
    """The address that trades the token for a cookie and goes on to `landing` (a path such as `/openalgo`)."""
    return f"{instance.url}login?token={quote(instance.token)}&next={quote(landing)}"


def redirect_page(instance: Instance, landing: str, folder: Path) -> Path:
    """Write the private page that signs the browser in; so the token is in no command line and no history."""
    target = html.escape(sign_in_url(instance, landing), quote=True)
    page = folder / "open.html"
    text = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0;url={target}"><title>OpenAlgo Lab</title></head>'
        f'<body><p>Opening OpenAlgo Lab. <a href="{target}">Go on</a> if nothing happens.</p></body></html>'
    )
    write_private(page, text.encode())
    return page


def open_app(page: Path, *, browser: str, app_window: bool, data_dir: Path) -> str:
    """Open `page`; returns a sentence for the person when something else was done than asked, else ''.

    `browser` is 'default', 'none' or a command; `data_dir` keeps the app window's own browser profile.
    """
    if browser == "none":
        return ""
    address = page.as_uri()
    if app_window:
        if (found := _find_chromium(browser)) is not None:
            _spawn([found, f"--app={address}", f"--user-data-dir={data_dir}", "--no-first-run"])
            return ""
        note = "No Chromium-family browser found for a window of its own: the default browser is used."
    else:
        note = ""
    if browser not in {"default", ""} and not app_window:
        return _open_with(browser, address)
    if not webbrowser.open(address):
        return f"No browser could be started: open {address} yourself."
    return note


def _open_with(command: str, address: str) -> str:
    parts = [command] if Path(command).exists() else shlex.split(command, posix=os.name == "posix")
    if shutil.which(parts[0]) is None:
        return f"The browser {parts[0]!r} was not found: open {address} yourself."
    _spawn([*(part.replace("%s", address) for part in parts), *([] if "%s" in command else [address])])
    return ""


def _find_chromium(browser: str) -> str | None:
    asked = [browser] if browser not in {"default", ""} else []
    for name in (*asked, *_CHROMIUM_FAMILY):
        if (path := shutil.which(name)) is not None:
            return path
    return next((str(path) for path in _installed_apps() if path.is_file()), None)


def _installed_apps() -> list[Path]:
    if sys.platform == "darwin":
        return [Path(f"/Applications/{app}.app/Contents/MacOS/{app}") for app in _MAC_APPS]
    roots = [os.environ.get(name, "") for name in ("ProgramFiles", "ProgramFiles(x86)", "LocalAppData")]
    return [Path(root) / app for root in roots if root for app in _WINDOWS_APPS]


def _spawn(command: list[str]) -> None:
    """Start a browser that outlives nobody's terminal: own session, no inherited output."""
    quiet = subprocess.DEVNULL
    subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
