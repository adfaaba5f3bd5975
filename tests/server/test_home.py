"""The home page, health, second starts, and what a person is told when something is in the way."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

from running import Running, free_port, wait_for

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'"


def hostile_notebook(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {"title": HOSTILE, "description": HOSTILE}
    content = {"cells": [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (folder / "a'\"<b>.ipynb").write_text(json.dumps(content))


def test_home_page(server: Running) -> None:
    reply = server.get("/openalgo")
    assert reply.status_code == 200
    for text in (
        "The simulated exchange is running",
        "Three things to try",
        "/openalgo/desk",
        "/openalgo/option_chain",
    ):
        assert text in reply.text
    assert server.state["version"] in reply.text
    assert server.state["token"] not in reply.text


def test_hostile_titles_stay_text(server: Running) -> None:
    hostile_notebook(server.profile / "workbench" / "notebooks")
    hostile_notebook(server.profile / "workbench" / "dashboards")
    try:
        text = server.get("/openalgo").text
    finally:
        for file in (server.profile / "workbench").rglob("a'*.ipynb"):
            file.unlink()
    assert "alert(1)" in text
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "<b>.ipynb" not in text


def test_health(server: Running) -> None:
    health = server.health()
    assert health["app"] == "openalgo-lab"
    assert health["version"] == server.state["version"]
    assert health["pool_size"] == 2
    assert wait_for(server.engine_running)["kernel_id"]


def test_theme_sheet_is_revalidated_by_tag(server: Running) -> None:
    first = server.get("/openalgo/theme.css")
    assert "--oal-background" in first.text
    again = server.get("/openalgo/theme.css", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


def test_front_end_files_are_kept_by_the_browser(server: Running) -> None:
    page = server.get("/openalgo/desk").text
    scripts = [part.split('"')[0] for part in page.split('src="')[1:]]
    assert len(scripts) >= 3
    for script in scripts:
        reply = server.get(script)
        assert reply.status_code == 200, script
        assert "immutable" in reply.headers["cache-control"]


def test_a_second_start_finds_the_first(start_server: Callable[..., Running]) -> None:
    running = start_server()
    second = running.launch()
    assert second.wait(60) == 0
    assert f"already runs at {running.state['url']}" in running.log
    assert json.loads(running.state_file.read_text())["pid"] == running.process.pid


def test_a_taken_port_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        running = Running(tmp_path / "home", code=f"run_app(browser='none', port={taken.getsockname()[1]})")
        running.home.mkdir()
        assert running.launch().wait(60) == 1
    assert "choose another one, or leave --port out" in running.log


def test_the_usual_port_gives_way_and_says_so(start_server: Callable[..., Running]) -> None:
    with socket.socket() as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        taken.listen()
        before = f"from openalgo_lab.server import launch; launch.DEFAULT_PORT = {port}"
        running = start_server(before=before, code="run_app(browser='none')")
        assert f"Port {port} is in use, taking {running.state['url'].rsplit(':')[-1].strip('/')}" in running.log


def test_a_missing_recording_is_told_before_anything_starts(tmp_path: Path) -> None:
    code = "run_app(browser='none', replay=__import__('pathlib').Path('nowhere.parquet'))"
    running = Running(tmp_path / "home", code=code)
    running.home.mkdir()
    assert running.launch().wait(60) == 1
    assert "There is no recording at nowhere.parquet" in running.log


def test_lab_serves_lab_and_starts_the_engine_with_the_first_dashboard(start_server: Callable[..., Running]) -> None:
    running = start_server(code="run_lab(port={port}, browser='none')")
    assert running.get("/").headers["location"].rstrip("?") == "/lab"
    assert running.health()["engine"]["state"] == "off"
    assert running.health()["pool_size"] == 0
    assert running.get("/openalgo/desk").status_code == 200
    wait_for(running.engine_running)
    settings = running.get("/lab/api/settings").json()["settings"]
    shells = next(one for one in settings if one["id"].endswith("kernels-settings"))
    assert shells["schema"]["properties"]["commsOverSubshells"]["default"] == "disabled"
    news = next(one for one in settings if one["id"] == "@jupyterlab/apputils-extension:notification")
    assert news["schema"]["properties"]["fetchNews"]["default"] == "false"
