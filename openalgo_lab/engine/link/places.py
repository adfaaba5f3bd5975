"""Where kernels of one profile meet: a private socket folder, a shared secret, and the record of who hosts."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import sys
import tempfile
from pathlib import Path

import msgspec

from openalgo_lab.model.errors import StoreError

__all__ = ["HostRecord", "LinkPlaces"]

#: A unix socket's path may hold 104 bytes on macOS, 108 on Linux.
_LONGEST_SOCKET = 100
_SECRET_BYTES = 32


class HostRecord(msgspec.Struct, frozen=True):
    """The host as others find it. Written by the holder of the lock once it listens."""

    engine_id: str
    pid: int
    endpoint: str
    started_ns: int


class LinkPlaces:
    """Files of the link within one profile folder (which is itself private, mode 0700)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._record = folder / "link.json"
        self._secret = folder / "link.key"

    def endpoint(self, engine_id: str) -> str:
        """The address to listen on: a unix socket in a private folder; on Windows any free port of loopback."""
        if sys.platform == "win32":
            return "tcp://127.0.0.1:*"
        folder = self.socket_folder()
        for leftover in folder.glob("*.sock"):  # of hosts that were killed; we hold the lock
            leftover.unlink(missing_ok=True)
        return f"ipc://{folder / engine_id}.sock"

    def socket_folder(self) -> Path:
        """The folder of sockets, made private; a short one elsewhere when the profile's path is too long."""
        folder = self.folder / "link"
        if len(os.fsencode(folder / ("x" * 16 + ".sock"))) > _LONGEST_SOCKET:
            root = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
            digest = hashlib.sha256(os.fsencode(self.folder.resolve())).hexdigest()[:12]
            folder = Path(root) / f"oal-{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        _require_private(folder)
        return folder

    def secret(self) -> bytes:
        """The profile's secret, made on first use. Raises StoreError when others could have read it."""
        with contextlib.suppress(FileExistsError):
            self._make_secret()
        found = self._secret.read_bytes()
        if len(found) != _SECRET_BYTES:
            raise StoreError(f"{self._secret} is damaged: delete it while no kernel of this profile runs.")
        if hasattr(os, "getuid"):
            _require_private(self._secret)
        return found

    def _make_secret(self) -> None:
        """Write a new secret so that nobody can ever see half of it."""
        if self._secret.exists():
            return
        fd, name = tempfile.mkstemp(dir=self.folder, prefix=".link-key-")  # mode 0600
        try:
            os.write(fd, secrets.token_bytes(_SECRET_BYTES))
            os.close(fd)
            os.link(name, self._secret)  # unlike a rename, loses against one who was faster
        finally:
            Path(name).unlink(missing_ok=True)

    def read_record(self) -> HostRecord | None:
        """The host that listens, as far as the file knows (it may have died since)."""
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=HostRecord)
        except (OSError, msgspec.DecodeError):
            return None

    def write_record(self, record: HostRecord) -> None:
        """Make known that a host listens. Only the holder of the lock may."""
        fd, name = tempfile.mkstemp(dir=self.folder, prefix=".link-")
        with os.fdopen(fd, "wb") as file:
            file.write(msgspec.json.encode(record))
        Path(name).replace(self._record)

    def drop_record(self) -> None:
        """Nobody listens any more (or not yet). Only the holder of the lock may."""
        self._record.unlink(missing_ok=True)


def _require_private(path: Path) -> None:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
        raise StoreError(f"{path} belongs to somebody else: remove it, or set OPENALGO_LAB_HOME to another folder.")
    if sys.platform != "win32" and stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o700 if stat.S_ISDIR(found.st_mode) else 0o600)
