"""Each check of the doctor against a healthy and a sick machine."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import webbrowser
from collections import namedtuple
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from openalgo_lab.doctor import Status
from openalgo_lab.doctor import folder as folder_checks
from openalgo_lab.doctor.clock import check_clock, check_time_zone
from openalgo_lab.doctor.folder import GIB, check_disk_space, check_durable_write, check_permissions
from openalgo_lab.doctor.keychain import check_keychain
from openalgo_lab.doctor.locks import check_engine_lock
from openalgo_lab.doctor.network import check_browser, check_port
from openalgo_lab.doctor.versions import check_libraries, check_python
from openalgo_lab.engine.link.lock import EngineLock

posix = pytest.mark.skipif(os.name == "nt", reason="modes and owners are POSIX")


def test_this_python_is_right() -> None:
    assert check_python().status is Status.OK


def test_an_old_python_fails() -> None:
    found = check_python((3, 10, 4))
    assert found.status is Status.FAIL
    assert "Python 3.10.4, but >=3.11 is needed" in found.detail


def test_the_installed_libraries_are_right() -> None:
    assert check_libraries().status is Status.OK


def test_a_wrong_and_a_missing_library_are_named() -> None:
    def version_of(name: str) -> str:
        if name == "duckdb":
            raise metadata.PackageNotFoundError(name)
        return "7.0.1"

    wanted = ["ipykernel<7.5,>=7.4", "duckdb>=2", 'ruff>=99; extra == "dev"', 'never>=1; python_version < "3"']
    found = check_libraries(wanted, version_of)
    assert found.status is Status.FAIL
    assert found.detail == "ipykernel 7.0.1 is not <7.5,>=7.4; duckdb is missing"
    assert "run.py" in found.remedy


def backend(module: str, **attributes: object) -> object:
    return type("Keyring", (), {"__module__": module, **attributes})()


@pytest.mark.parametrize("system", ["macOS", "Windows", "SecretService", "libsecret", "kwallet"])
def test_a_system_keychain(system: str) -> None:
    assert check_keychain(backend(f"keyring.backends.{system}")).status is Status.OK


def test_a_system_keychain_behind_a_chainer() -> None:
    inner = [backend("keyrings.alt.file"), backend("keyring.backends.SecretService")]
    assert check_keychain(backend("keyring.backends.chainer", backends=inner)).status is Status.OK


@pytest.mark.parametrize("module", ["keyring.backends.fail", "keyring.backends.null", "keyrings.alt.file"])
def test_no_keychain_or_a_plaintext_file(module: str) -> None:
    found = check_keychain(backend(module))
    assert found.status is Status.WARN
    assert module in found.detail
    assert "passphrase" in found.remedy


@posix
@pytest.mark.parametrize(
    ("mode", "status"), [(0o700, Status.OK), (0o750, Status.FAIL), (0o777, Status.FAIL), (0o500, Status.OK)]
)
def test_who_may_look_into_the_profile(tmp_path: Path, mode: int, status: Status) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    profile.chmod(mode)
    assert check_permissions(profile).status is status


@posix
def test_a_profile_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    found = check_permissions(tmp_path)
    assert (found.status, "another user" in found.detail) == (Status.FAIL, True)


def test_a_profile_that_is_yet_to_be_made(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet"
    for check in (check_permissions, check_disk_space, check_durable_write, check_engine_lock):
        assert check(folder).status is not Status.FAIL
    assert not folder.parent.exists()


@pytest.mark.parametrize(("free", "status"), [(50 * GIB, Status.OK), (GIB, Status.WARN), (GIB // 100, Status.FAIL)])
def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, status: Status) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(100 * GIB, 100 * GIB - free, free))
    assert check_disk_space(tmp_path).status is status


@pytest.mark.parametrize(("seconds", "status"), [(0.002, Status.OK), (0.050, Status.WARN), (0.400, Status.FAIL)])
def test_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, status: Status) -> None:
    monkeypatch.setattr(folder_checks, "fsync_times", lambda _folder: [seconds] * 9)
    assert check_durable_write(tmp_path).status is status


def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_options: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    found = check_durable_write(tmp_path)
    assert found.status is Status.FAIL
    assert "Read-only file system" in found.detail
    assert "OPENALGO_LAB_HOME" in found.remedy


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_durable_write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_time_zone_is_known() -> None:
    assert check_time_zone().status is Status.OK


def test_no_time_zone_data() -> None:
    def load(name: str) -> ZoneInfo:
        raise ZoneInfoNotFoundError(name)

    found = check_time_zone(load)
    assert (found.status, "tzdata" in found.remedy) == (Status.FAIL, True)


def test_wrong_time_zone_data() -> None:
    assert check_time_zone(lambda _name: ZoneInfo("Asia/Dubai")).status is Status.FAIL


def clock(*readings: float) -> Callable[[], float]:
    sequence: Iterator[float] = iter(readings)
    last = readings[-1]
    return lambda: next(sequence, last)


NOW = 4_000_000_000.0  # in 2096: later than any file of this tree


@pytest.mark.parametrize(
    ("step", "status"), [(0.2, Status.OK), (0.215, Status.OK), (0.5, Status.WARN), (-3.0, Status.WARN)]
)
def test_a_clock_that_is_set_while_watched(tmp_path: Path, step: float, status: Status) -> None:
    found = check_clock(tmp_path, clock(NOW, NOW + step), clock(10.0, 10.2), lambda _s: None)
    assert found.status is status


def test_a_clock_behind_the_profile(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("")
    os.utime(tmp_path / "journal", (NOW, NOW))
    wall = NOW - 3600
    found = check_clock(tmp_path, clock(wall, wall + 0.2), clock(10.0, 10.2), lambda _s: None)
    assert (found.status, "behind" in found.detail) == (Status.FAIL, True)


def test_a_free_and_a_used_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        used = check_port(port)
    assert (used.status, "--port" in used.remedy) == (Status.WARN, True)
    assert check_port(port).status is Status.OK


def test_no_browser() -> None:
    def get() -> webbrowser.BaseBrowser:
        raise webbrowser.Error("none")

    found = check_browser(get)
    assert (found.status, "--no-browser" in found.remedy) == (Status.WARN, True)


def test_a_browser() -> None:
    assert check_browser(lambda: webbrowser.GenericBrowser("firefox")).detail == "firefox"


@posix
class TestEngineLock:
    def test_hosted(self, tmp_path: Path) -> None:
        lock = EngineLock(tmp_path)
        assert lock.try_acquire("engine")
        try:
            found = check_engine_lock(tmp_path)
        finally:
            lock.release()
        assert found.status is Status.OK
        assert f"process {os.getpid()}" in found.detail

    def test_held_by_nobody_known(self, tmp_path: Path) -> None:
        lock = EngineLock(tmp_path)
        assert lock.try_acquire("engine")
        (tmp_path / "engine.lock").write_bytes(b"")
        try:
            assert check_engine_lock(tmp_path).status is Status.WARN
        finally:
            lock.release()

    def test_left_behind_but_free(self, tmp_path: Path) -> None:
        lock = EngineLock(tmp_path)
        assert lock.try_acquire("engine")
        lock.release()
        found = check_engine_lock(tmp_path)
        assert found.status is Status.OK
        assert "no engine is running" in found.detail

    def test_looking_does_not_keep_the_lock(self, tmp_path: Path) -> None:
        (tmp_path / "engine.lock").write_text("")
        check_engine_lock(tmp_path)
        lock = EngineLock(tmp_path)
        assert lock.try_acquire("engine")
        lock.release()

    def test_a_lock_that_may_not_be_opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_args: object) -> int:
            raise PermissionError(13, "Permission denied")

        (tmp_path / "engine.lock").write_text("")
        monkeypatch.setattr(os, "open", refuse)
        assert check_engine_lock(tmp_path).status is Status.FAIL
