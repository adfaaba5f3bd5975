"""F10, F12: a full disk, a folder that cannot be written, other processes. Refused in a sentence, never a loss."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from openalgo_lab.model.errors import VaultBusy, VaultError
from openalgo_lab.store.vault import FromKeychain, Vault, vault_status
from tests.store.vault.parts import WORDS, FolderKeychain, MemoryKeychain, credentials, make, reopen, revealed

OLD = {"FIRST": "one"}
NEW = {"FIRST": "one", "SECOND": "two"}

# Forks a child a point of failure: the disk is full from its n-th write on, and empty again after the error.
_DRIVER = """
import ctypes, os, shutil, sys
from pathlib import Path
from openalgo_lab.model.errors import VaultError
from openalgo_lab.store.vault import FromKeychain, Vault
from tests.store.vault.parts import FolderKeychain, credentials, revealed
disk = ctypes.CDLL(None)
disk.writes_left.restype = ctypes.c_long
root, sound = Path(sys.argv[1]), Path(sys.argv[2])

def unlocked(folder):
    return Vault.unlock(folder, FromKeychain(FolderKeychain(folder / "keychain")))

def act(folder):
    {act}

def child(n, folder):
    disk.disk_full_from(ctypes.c_long(n))
    try:
        act(folder)
    except VaultError as error:
        assert "disk space" in str(error) or "No space left" in str(error), error
        disk.disk_full_from(ctypes.c_long(-1))
        with unlocked(folder) as vault:  # there is room again
            vault.settings.put("later", n)
        return 3
    full = disk.writes_left() == 1
    disk.disk_full_from(ctypes.c_long(-1))
    return 4 if full else 0

for n in range(1, 400):
    folder = root / str(n)
    shutil.copytree(sound, folder)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = child(n, folder)
        except BaseException as error:
            sys.stderr.write(f"{{n}}: {{error!r}}\\n")
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(n, code, flush=True)
    if code in (0, 1):
        break
"""
_ACTS = {
    "put": """
    with unlocked(folder) as vault:
        vault.credentials.put(credentials("SECOND", "two"))""",
    "rotate": """
    keychain = FolderKeychain(folder / "keychain")
    with unlocked(folder) as vault:
        vault.rotate(keychain=keychain)
        assert set(revealed(vault)) == {"FIRST"}
        vault.credentials.put(credentials("SECOND", "two"))""",
    "another way": """
    with unlocked(folder) as vault:
        vault.ways.keep_in_keychain(FolderKeychain(folder / "keychain"))
        vault.ways.new_recovery_key()""",
}


@pytest.mark.parametrize("act", _ACTS)
def test_a_disk_that_is_full_from_any_write_on(library: Path, quick_path: Path, act: str) -> None:
    sound, root = quick_path / "sound", quick_path / "full"
    (sound / "keychain").mkdir(parents=True)
    root.mkdir()
    vault, _ = Vault.create(sound, keychain=FolderKeychain(sound / "keychain"))
    with vault:
        vault.credentials.put(credentials("FIRST", "one"))
    env = {**os.environ, "LD_PRELOAD": str(library), "RECORD_DIR": str(root), "RECORD_LOG": os.devnull}
    code = _DRIVER.format(act=_ACTS[act].strip())
    command = [sys.executable, "-c", code, str(root), str(sound)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    outcomes = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert outcomes[-1][1] == "0", (outcomes, done.stderr)  # the last one had room for everything
    assert sum(code == "3" for _, code in outcomes) > 3
    for number, _ in outcomes:
        folder = root / number
        with reopen_folder(folder) as opened:
            assert revealed(opened) in (OLD, NEW), number


def reopen_folder(folder: Path) -> Vault:
    return Vault.unlock(folder, FromKeychain(FolderKeychain(folder / "keychain")))


_LOOK = """
import os, sys
from pathlib import Path
from openalgo_lab.model.errors import VaultError
from openalgo_lab.store.vault import FromKeychain, Vault
from tests.store.vault.parts import FolderKeychain
folder = Path(sys.argv[1])
if os.getuid() == 0:
    os.setuid(65534)  # root may write anywhere
try:
    Vault.unlock(folder, FromKeychain(FolderKeychain(folder / "keychain")))
except VaultError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="rights are other ones there")
def test_a_folder_that_cannot_be_written(public_folder: Path) -> None:
    folder = public_folder / "vault"
    (folder / "keychain").mkdir(parents=True)
    vault, _ = Vault.create(folder, keychain=FolderKeychain(folder / "keychain"))
    vault.close()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        done = look(folder)
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
    assert "make it writable" in done.stdout, done.stderr
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    reopen_folder(folder).close()


@pytest.mark.skipif(sys.platform == "win32", reason="rights are other ones there")
def test_a_vault_that_may_not_be_read(public_folder: Path) -> None:
    folder = public_folder / "vault"
    (folder / "keychain").mkdir(parents=True)
    folder.chmod(0o755)
    vault, _ = Vault.create(folder, keychain=FolderKeychain(folder / "keychain"))
    vault.close()
    header = folder / "vault.json"
    header.chmod(0o000)
    try:
        done = look(folder)
    finally:
        header.chmod(0o600)
    assert "may not be read by you" in done.stdout, done.stderr
    reopen_folder(folder).close()


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that another user can reach: pytest's own lie below one that only root may enter."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


def look(folder: Path) -> subprocess.CompletedProcess[str]:
    """What an unprivileged process says when it opens the vault."""
    code = [sys.executable, "-c", _LOOK, str(folder)]
    return subprocess.run(code, capture_output=True, text=True, check=False)


_HOLD = """
import sys
from pathlib import Path
from openalgo_lab.store.vault import FromKeychain, Vault
from tests.store.vault.parts import FolderKeychain, credentials
folder = Path(sys.argv[1])
vault = Vault.unlock(folder, FromKeychain(FolderKeychain(folder / "keychain")))
vault.credentials.put(credentials("SECOND", "two"))
print("held", flush=True)
sys.stdin.read()
"""


def test_two_processes_and_a_death(tmp_path: Path) -> None:
    keychain = FolderKeychain(tmp_path / "keychain")
    (tmp_path / "keychain").mkdir()
    vault, _ = Vault.create(tmp_path, keychain=keychain)
    with vault:
        vault.credentials.put(credentials("FIRST", "one"))
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        status = vault_status(tmp_path)
        assert status.writer is not None
        assert status.writer.pid == holder.pid
        with pytest.raises(VaultBusy, match=f"process {holder.pid}"):
            Vault.unlock(tmp_path, FromKeychain(keychain))
        with pytest.raises(VaultBusy):
            Vault.restore(tmp_path, FromKeychain(keychain))
        with Vault.unlock(tmp_path, FromKeychain(keychain), write=False) as reader:
            assert revealed(reader) == NEW
        holder.kill()
    with Vault.unlock(tmp_path, FromKeychain(keychain)) as opened:  # its lock died with it, its write did not
        assert revealed(opened) == NEW


def test_a_passphrase_try_needs_its_record(tmp_path: Path) -> None:
    make(tmp_path, MemoryKeychain(), WORDS).close()
    (tmp_path / "vault.tries").unlink(missing_ok=True)
    (tmp_path / "vault.tries").mkdir()
    with pytest.raises(VaultError, match="writ"):
        reopen(tmp_path, WORDS)
