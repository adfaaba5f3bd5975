"""The parts that need no server."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.errors import InputError
from openalgo_lab.server import catalogue, workbench
from openalgo_lab.server.browser import open_app, redirect_page, sign_in_url
from openalgo_lab.server.places import jupyter_config_dirs, places_of
from openalgo_lab.server.settings import OpenAlgoLab
from openalgo_lab.server.state import Instance, InstanceLock, find_running, read_state

INSTANCE = Instance(pid=1, url="http://127.0.0.1:9/", token="secret&token", version="0")


def notebook(path: Path, **metadata: object) -> Path:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": ["# A heading\n", "\n", "One line."]}]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    return path


class TestPlaces:
    def test_folders_are_private(self, own_home: Path) -> None:
        places = places_of("default")
        for folder in (places.home, places.server, places.runtime):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_two_profiles_share_nothing(self, own_home: Path) -> None:
        one, two = places_of("one"), places_of("two")
        assert {one.home, one.runtime, one.server}.isdisjoint({two.home, two.runtime, two.server})

    @pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "x" * 33, "-a"])
    def test_names_that_are_no_folder(self, own_home: Path, name: str) -> None:
        with pytest.raises(InputError):
            places_of(name)

    def test_a_socket_fits_into_the_runtime_folder(self, own_home: Path) -> None:
        socket = places_of("default").runtime / "kernel-00000000-0000-0000-0000-000000000000-ipc-5"
        assert len(str(socket)) < 104

    def test_shipped_configuration_is_found(self) -> None:
        etc, share = jupyter_config_dirs()
        assert (etc / "voila.json").is_file()
        assert (share / "kernels" / "openalgo-page" / "kernel.json").is_file()


class TestKernelSpecs:
    @pytest.mark.parametrize("name", ["engine", "page"])
    def test_no_absolute_path(self, name: str) -> None:
        spec = json.loads((jupyter_config_dirs()[1] / "kernels" / f"openalgo-{name}" / "kernel.json").read_text())
        assert spec["argv"][0] == "python"  # replaced by the running interpreter, see jupyter_client
        assert spec["argv"][-1] == "{connection_file}"
        assert not any("/" in part for part in spec["argv"])


class TestState:
    def test_saved_private_and_read_back(self, tmp_path: Path) -> None:
        INSTANCE.save(tmp_path)
        assert read_state(tmp_path) == INSTANCE
        assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600
        Instance.forget(tmp_path)
        assert read_state(tmp_path) is None

    def test_unreadable_state_is_no_state(self, tmp_path: Path) -> None:
        (tmp_path / "state.json").write_text("{")
        assert find_running(tmp_path) is None

    def test_a_state_that_does_not_answer_is_not_running(self, tmp_path: Path) -> None:
        INSTANCE.save(tmp_path)
        assert find_running(tmp_path) is None

    def test_the_lock_has_one_holder_across_processes(self, tmp_path: Path) -> None:
        lock = InstanceLock(tmp_path)
        assert lock.take()
        code = (
            "import sys; from pathlib import Path; from openalgo_lab.server.state import InstanceLock;"
            f"sys.exit(0 if InstanceLock(Path({str(tmp_path)!r})).take() else 7)"
        )
        repo = Path(__file__).resolve().parents[2]
        assert subprocess.run([sys.executable, "-c", code], cwd=repo, check=False).returncode == 7
        lock.release()
        assert subprocess.run([sys.executable, "-c", code], cwd=repo, check=False).returncode == 0


class TestAllowList:
    @pytest.mark.parametrize("path", ["dashboards/desk.ipynb", "dashboards/my own.ipynb"])
    def test_dashboards_may_be_shown(self, path: str) -> None:
        assert OpenAlgoLab().allows(path)

    @pytest.mark.parametrize(
        "path",
        [
            "notebooks/01_quickstart.ipynb", "dashboards/../notebooks/a.ipynb", "/dashboards/desk.ipynb",
            "dashboards//desk.ipynb", "dashboards/deep/desk.ipynb", "dashboards/desk.py", "./dashboards/desk.ipynb",
            "dashboards\\..\\a.ipynb", "dashboards/a\\..\\..\\b.ipynb", "", "dashboards",
        ],
    )  # fmt: skip
    def test_nothing_else(self, path: str) -> None:
        assert not OpenAlgoLab().allows(path)

    @given(st.lists(st.sampled_from(["dashboards", "..", ".", "", "a.ipynb", "notebooks", "\\", "*"]), max_size=5))
    def test_what_is_allowed_stays_in_the_folder(self, parts: list[str]) -> None:
        path = "/".join(parts)
        if OpenAlgoLab().allows(path):
            assert os.path.normpath(path) == path
            assert Path(path).parent == Path("dashboards")


class TestCatalogue:
    def test_titles_from_metadata_heading_or_name(self, tmp_path: Path) -> None:
        notebook(tmp_path / "notebooks" / "a.ipynb", title="Given")
        notebook(tmp_path / "notebooks" / "b.ipynb")
        (tmp_path / "notebooks" / "c_d.ipynb").write_text("not json")
        found = catalogue.notebooks(tmp_path)
        assert [entry.title for entry in found] == ["Given", "A heading", "C d"]
        assert found[1].about == "One line."
        assert "cannot be read" in found[2].about

    def test_a_changed_file_is_read_again(self, tmp_path: Path) -> None:
        file = notebook(tmp_path / "a.ipynb", title="One")
        assert catalogue.notebooks(tmp_path)[0].title == "One"
        notebook(file, title="Two")
        os.utime(file, ns=(1, 1))
        assert catalogue.notebooks(tmp_path)[0].title == "Two"

    def test_hidden_folders_and_dashboards_are_left_out(self, tmp_path: Path) -> None:
        notebook(tmp_path / ".ipynb_checkpoints" / "a.ipynb")
        notebook(tmp_path / "dashboards" / "desk.ipynb")
        assert catalogue.notebooks(tmp_path) == []
        assert [entry.name for entry in catalogue.dashboards(tmp_path)] == ["desk"]


class TestWorkbench:
    def test_own_notebooks_stay_and_dashboards_follow(self, tmp_path: Path) -> None:
        workbench.prepare_workbench(tmp_path)
        desk = tmp_path / "dashboards" / "desk.ipynb"
        shipped = desk.read_bytes()
        desk.write_text("old layout")
        mine = notebook(tmp_path / "notebooks" / "mine.ipynb", title="Mine")
        kept = mine.read_bytes()
        workbench.prepare_workbench(tmp_path)
        assert desk.read_bytes() == shipped
        assert mine.read_bytes() == kept


class TestBrowser:
    def test_the_token_is_in_a_private_file_and_in_no_command(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[list[str]] = []
        monkeypatch.setattr("openalgo_lab.server.browser._spawn", calls.append)
        page = redirect_page(INSTANCE, "/openalgo", tmp_path)
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
        assert "secret%26token" in page.read_text()
        assert open_app(page, browser=sys.executable, app_window=False, data_dir=tmp_path) == ""
        assert calls == [[sys.executable, page.as_uri()]]

    def test_app_window_uses_a_chromium(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[list[str]] = []
        monkeypatch.setattr("openalgo_lab.server.browser._spawn", calls.append)
        program = tmp_path / "chromium"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        page = tmp_path / "open.html"
        assert open_app(page, browser="default", app_window=True, data_dir=tmp_path / "own") == ""
        assert calls[0][:3] == [str(program), f"--app={page.as_uri()}", f"--user-data-dir={tmp_path / 'own'}"]

    def test_without_a_chromium_the_default_browser_and_a_word(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[str] = []
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("openalgo_lab.server.browser._installed_apps", list)
        monkeypatch.setattr("webbrowser.open", lambda url: not opened.append(url))
        note = open_app(tmp_path / "open.html", browser="default", app_window=True, data_dir=tmp_path)
        assert opened == [(tmp_path / "open.html").as_uri()]
        assert "default browser" in note

    def test_an_unknown_browser_is_named(self, tmp_path: Path) -> None:
        note = open_app(tmp_path / "open.html", browser="no-such-browser", app_window=False, data_dir=tmp_path)
        assert "no-such-browser" in note

    def test_the_sign_in_address_quotes_the_token(self) -> None:
        assert sign_in_url(INSTANCE, "/openalgo").startswith("http://127.0.0.1:9/login?token=secret%26token&next=")


class TestTemplate:
    FOLDER = jupyter_config_dirs()[1] / "voila" / "templates" / "openalgo_lab"

    @pytest.mark.parametrize("folder", [FOLDER, Path(catalogue.__file__).parent / "templates"])
    def test_no_foreign_address(self, folder: Path) -> None:
        files = [file for file in folder.rglob("*") if file.is_file()]
        assert files
        for file in files:
            text = file.read_text("utf-8").replace("http://www.w3.org/", "")
            assert "http:" not in text.replace('=== "http:', ""), file
            assert "https://" not in text, file
            assert "//cdn" not in text, file

    def test_front_end_list_matches_the_installed_packages(self) -> None:
        from openalgo_lab.server.assets import kept_routes

        _, bundle = kept_routes()
        wanted = json.loads((Path(catalogue.__file__).parent / "page_scripts.json").read_text())
        assert len(bundle.files) == sum(len(names) for names in wanted.values()), "regenerate page_scripts.json"
        assert bundle.content.count(b"webpackChunk") >= len(bundle.files)
