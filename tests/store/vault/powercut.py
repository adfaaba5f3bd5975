"""What a disk holds when the power goes: every state between two changes of a recorded run, in four readings.

``killed``   everything written so far is there: the process died, the machine did not;
``torn``     the same, but the last write reached the disk by half;
``names``    of files, only what was synced; of folders, every change so far (a rename overtakes the data it names);
``strict``   of files and of folders, only what was synced: files made since then are not there, renames are undone.
"""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

State = dict[str, bytes]
"""Path below the folder → content."""


@dataclass
class _File:
    """An inode: what was written, and what of it is on the disk for certain."""

    now: bytearray
    synced: bytes


@dataclass
class Disk:
    """A folder as it is being changed."""

    root: Path
    files: dict[str, _File] = field(default_factory=dict)
    by_inode: dict[int, _File] = field(default_factory=dict)
    synced: dict[str, dict[str, _File]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Disk:
        disk = cls(root)
        for path in (one for one in root.rglob("*") if one.is_file()):
            content = path.read_bytes()
            file = _File(bytearray(content), content)
            disk.files[str(path)] = disk.by_inode[path.stat().st_ino] = file
        for folder in {str(root), *(str(Path(path).parent) for path in disk.files)}:
            disk._sync_folder(folder)
        return disk

    def apply(self, line: str) -> bytes | None:
        """One recorded change; the bytes of the file before it, when it was a write."""
        operation, inode, offset, path, other, content = line.rstrip("\n").split("\t")
        at, before = int(offset), None
        match operation:
            case "create":
                self.files[path] = self.by_inode[int(inode)] = _File(bytearray(), b"")
            case "write":
                before, data = bytes(self._file(path, inode).now), bytes.fromhex(content)
                now = self._file(path, inode).now
                now.extend(bytes(max(0, at - len(now))))
                now[at : at + len(data)] = data
            case "truncate":
                now = self._file(path, inode).now
                del now[at:]
                now.extend(bytes(max(0, at - len(now))))
            case "sync" if Path(path) == self.root or path not in self.files:
                self._sync_folder(path)
            case "sync":
                file = self._file(path, inode)
                file.synced = bytes(file.now)
            case "rename":
                self.files[other] = self.files.pop(path)
            case "link":
                self.files[other] = self.files[path]
            case "unlink":
                self.files.pop(path, None)
            case "mkdir":
                pass
            case _:
                raise AssertionError(line)
        return before

    def _file(self, path: str, inode: str) -> _File:
        return self.by_inode[int(inode)] if int(inode) in self.by_inode else self.files[path]

    def _sync_folder(self, folder: str) -> None:
        self.synced[folder] = {path: file for path, file in self.files.items() if str(Path(path).parent) == folder}

    def states(self, torn: tuple[str, bytes, bytes] | None) -> Iterator[tuple[str, State]]:
        now = {self._name(path): bytes(file.now) for path, file in self.files.items()}
        yield "killed", now
        if torn is not None:
            path, before, after = torn
            half = bytearray(after)
            first = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
            middle = (first + len(after)) // 2
            half[middle:] = before[middle:]
            yield "torn", now | {self._name(path): bytes(half)}
        yield "names", {self._name(path): file.synced for path, file in self.files.items()}
        kept = {path: file for entries in self.synced.values() for path, file in entries.items()}
        yield "strict", {self._name(path): file.synced for path, file in kept.items()}

    def _name(self, path: str) -> str:
        return str(Path(path).relative_to(self.root))


def compiled(folder: Path) -> Path | None:
    """The recorder as a library; None without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    library = folder / "recorder.so"
    source = Path(__file__).with_name("recorder.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-w", "-o", library, source, "-ldl"], check=True)
    return library


def recorded(library: Path, folder: Path, code: str, log: Path) -> list[str]:
    """Run ``code`` in a child whose changes below ``folder`` are written down; the lines."""
    env = {**os.environ, "LD_PRELOAD": str(library), "RECORD_DIR": str(folder), "RECORD_LOG": str(log)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [line for line in log.read_text().splitlines() if "-shm\t" not in line]


def cuts(before: Disk, lines: list[str]) -> Iterator[tuple[str, State]]:
    """Each different state that a cut can leave, with a name for it."""
    disk, seen = copy.deepcopy(before), set[int]()
    for number in range(len(lines) + 1):
        torn = None
        if number:
            line = lines[number - 1]
            old = disk.apply(line)
            path = line.split("\t")[3]
            if old is not None and path in disk.files:
                torn = (path, old, bytes(disk.files[path].now))
        for reading, state in disk.states(torn):
            key = hash(frozenset(state.items()))
            if key not in seen:
                seen.add(key)
                yield f"{reading} after change {number} of {len(lines)}", state


def lay_out(state: State, folder: Path) -> Path:
    """The state as a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in state.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
