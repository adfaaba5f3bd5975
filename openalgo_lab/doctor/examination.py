"""All checks, in the order in which a person would want them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from openalgo_lab.doctor.clock import check_clock, check_time_zone
from openalgo_lab.doctor.finding import Finding, fail
from openalgo_lab.doctor.folder import check_disk_space, check_durable_write, check_permissions
from openalgo_lab.doctor.keychain import check_keychain
from openalgo_lab.doctor.locks import check_engine_lock
from openalgo_lab.doctor.network import check_browser, check_port
from openalgo_lab.doctor.versions import check_libraries, check_python
from openalgo_lab.model.profile import profile_dir

__all__ = ["CHECKS", "Check", "examine"]

Check = Callable[[Path], Finding]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("python", lambda _: check_python()),
    ("libraries", lambda _: check_libraries()),
    ("keychain", lambda _: check_keychain()),
    ("profile folder", check_permissions),
    ("disk space", check_disk_space),
    ("durable write", check_durable_write),
    ("time zone", lambda _: check_time_zone()),
    ("clock", check_clock),
    ("engine", check_engine_lock),
    ("port", lambda _: check_port()),
    ("browser", lambda _: check_browser()),
)


def examine(profile: str = "default", checks: Sequence[tuple[str, Check]] = CHECKS) -> list[Finding]:
    """Runs every check for ``profile`` and changes nothing. Raises InputError for an impossible profile name."""
    folder = profile_dir(profile, create=False)
    return [_run(name, check, folder) for name, check in checks]


def _run(name: str, check: Check, folder: Path) -> Finding:
    try:
        return check(folder)
    # A sick machine may fail a check in ways nobody thought of; the others must still be heard.
    except Exception as error:  # noqa: BLE001
        return fail(
            name, f"the check itself failed: {type(error).__name__}: {error}", "Please report this as a defect."
        )
