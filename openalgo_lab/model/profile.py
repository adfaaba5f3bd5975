"""Where a profile lives on disk. One profile = one engine, one journal, one vault."""

from __future__ import annotations

import os
import re
from pathlib import Path

from openalgo_lab.model.errors import InputError

__all__ = ["HOSTING_VARIABLE", "PROFILE_VARIABLE", "default_hosting", "default_profile", "home_dir", "profile_dir"]

PROFILE_VARIABLE = "OPENALGO_LAB_PROFILE"
"""Environment variable with the profile that is meant where none is named: the app sets it for all its kernels."""

HOSTING_VARIABLE = "OPENALGO_LAB_HOSTING"
"""Environment variable with the hosting that is meant where none is named: a page's kernel never runs the engine."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def home_dir() -> Path:
    """The workbench's data folder: ``OPENALGO_LAB_HOME`` if set, else the platform's user data folder."""
    chosen = os.environ.get("OPENALGO_LAB_HOME")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_data_dir("openalgo-lab", appauthor=False))


def default_profile() -> str:
    """The profile that is meant where none is named."""
    return os.environ.get(PROFILE_VARIABLE) or "default"


def default_hosting() -> str:
    """Whether this process may run the engine, where its code does not say: ``auto`` unless its starter said else."""
    return os.environ.get(HOSTING_VARIABLE) or "auto"


def profile_dir(name: str = "default", *, create: bool = True) -> Path:
    """The private folder (mode 0700) of profile ``name``: 1-32 letters, digits, ``_`` or ``-``.

    Raises InputError for another name, or when the folder cannot be made.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no profile name: use 1 to 32 letters, digits, '_' or '-'.", field="profile")
    path = home_dir() / "profiles" / name
    if create:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
        except OSError as error:
            raise InputError(
                f"The profile folder {path} cannot be made ({error.strerror}): set OPENALGO_LAB_HOME to a folder "
                "that you may write.",
                field="profile",
            ) from error
    return path
