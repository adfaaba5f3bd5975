"""Sockets, secret and record: private, short enough, and never half written."""

from __future__ import annotations

import stat
import tempfile
import threading
from pathlib import Path

import pytest

from openalgo_lab.engine.link.places import HostRecord, LinkPlaces
from openalgo_lab.model.errors import StoreError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(LinkPlaces(tmp_path).secret())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    assert mode(tmp_path / "link.key") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["link.key"]


def test_damaged_secret_is_named(tmp_path: Path) -> None:
    (tmp_path / "link.key").write_bytes(b"short")
    with pytest.raises(StoreError, match="is damaged: delete it"):
        LinkPlaces(tmp_path).secret()


def test_secret_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    places = LinkPlaces(tmp_path)
    places.secret()
    (tmp_path / "link.key").chmod(0o644)
    places.secret()
    assert mode(tmp_path / "link.key") == 0o600


def test_sockets_lie_in_the_profile_where_they_fit() -> None:
    with tempfile.TemporaryDirectory(prefix="oal") as short:
        folder = LinkPlaces(Path(short)).socket_folder()
        assert folder == Path(short) / "link"
        assert mode(folder) == 0o700


def test_long_profile_path_gets_a_short_private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    profile = tmp_path / ("p" * 90)
    profile.mkdir()
    folder = LinkPlaces(profile).socket_folder()
    assert folder.parent == runtime
    assert mode(folder) == 0o700
    assert folder == LinkPlaces(profile).socket_folder()
    assert folder != LinkPlaces(tmp_path / ("q" * 90)).socket_folder()


def test_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="belongs to somebody else"):
        LinkPlaces(tmp_path).socket_folder()


def test_record_round_trip(tmp_path: Path) -> None:
    places = LinkPlaces(tmp_path)
    assert places.read_record() is None
    record = HostRecord("abc", 42, "ipc:///x.sock", 7)
    places.write_record(record)
    assert places.read_record() == record
    places.drop_record()
    places.drop_record()
    assert places.read_record() is None


def test_leftover_sockets_of_the_dead_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    places = LinkPlaces(tmp_path)
    dead = places.socket_folder() / "dead.sock"
    dead.touch()
    assert places.endpoint("new").endswith("/new.sock")
    assert not dead.exists()
