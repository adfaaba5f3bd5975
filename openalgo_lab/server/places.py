"""Where the app keeps its files: profile, workbench, runtime folder, shipped Jupyter configuration."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.profile import profile_dir

__all__ = ["Places", "jupyter_config_dirs", "places_of"]


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one profile's server. `runtime` holds sockets: its path is kept short."""

    profile: str
    home: Path
    runtime: Path

    @property
    def workbench(self) -> Path:
        """Root of what the browser can see: notebooks and dashboards."""
        return self.home / "workbench"

    @property
    def server(self) -> Path:
        """Private folder of the server: state, lock, cookie secret, log."""
        return self.home / "server"

    def make(self) -> None:
        """Create the folders; all but the workbench are readable by this user alone."""
        self.workbench.mkdir(parents=True, exist_ok=True)
        for folder in (self.server, self.runtime.parent, self.runtime):
            folder.mkdir(parents=True, exist_ok=True)
            _make_private(folder)


def places_of(profile: str) -> Places:
    """Folders of `profile`, made where missing. Raises `InputError` for a name that cannot be a folder's."""
    home = profile_dir(profile)
    places = Places(profile=profile, home=home, runtime=_runtime_root() / _short_name(home))
    places.make()
    return places


def _runtime_root() -> Path:
    """Short on purpose: a unix socket's path may not exceed about 100 bytes, and macOS' own is long."""
    if os.name != "posix":
        return Path(tempfile.gettempdir()) / "openalgo-lab"
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if given and len(given) <= 30 and Path(given).is_dir():
        return Path(given) / "openalgo-lab"
    return Path("/tmp") / f"openalgo-lab-{os.getuid()}"  # noqa: S108 (made private and checked in `make`)


def _short_name(home: Path) -> str:
    return hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:10]


def _make_private(folder: Path) -> None:
    """0700, and refused when somebody else made it (a shared temporary folder can be raced)."""
    if os.name != "posix":
        return
    if folder.is_symlink() or folder.lstat().st_uid != os.getuid():
        raise StoreError(f"The folder {folder} belongs to somebody else: remove it, then start again.")
    folder.chmod(0o700)


def jupyter_config_dirs() -> tuple[Path, Path]:
    """The shipped `etc/jupyter` and `share/jupyter`: beside the package in a checkout, else the environment's.

    Raises `StoreError` when neither holds them.
    """
    beside = Path(__file__).resolve().parents[2] / "jupyter_config"
    for root in (beside, Path(sys.prefix)):
        etc, share = root / "etc" / "jupyter", root / "share" / "jupyter"
        if (share / "voila" / "templates" / "openalgo_lab").is_dir():
            return etc, share
    raise StoreError("The app's Jupyter files are missing: install openalgo-lab again.")
