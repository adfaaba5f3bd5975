"""What a page or a file gives away, and what it may do: no source, no traceback, no script in the server's origin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running import Running

from openalgo_lab.server.places import jupyter_config_dirs

CELLS = ["# source-canary\nprint('shown by the ' + 'page')", "raise ValueError('trace-' + 'canary')"]
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "source": code,
            "outputs": [],
            "execution_count": None,
        }
        for number, code in enumerate(CELLS)
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
SCRIPT = "<script>document.title = parent.document.cookie</script>"


@pytest.fixture(scope="module")
def workbench(server: Running) -> Path:
    """The running server's folder, with a dashboard and files of somebody's."""
    found = Path(server.home)
    (folder,) = (path.parent for path in found.rglob("dashboards") if path.is_dir())
    (folder / "dashboards" / "leaky.ipynb").write_text(json.dumps(NOTEBOOK))
    (folder / "page.html").write_text(SCRIPT)
    (folder / "picture.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{SCRIPT}</svg>')
    return folder


def test_a_page_shows_no_source_and_no_traceback(server: Running, workbench: Path) -> None:
    page = server.get("/voila/render/dashboards/leaky.ipynb", timeout=120).text
    assert "shown by the page" in page
    assert "source-canary" not in page
    assert "trace-canary" not in page
    assert "Traceback" not in page


@pytest.mark.parametrize("name", ["page.html", "picture.svg"])
def test_a_file_of_somebodys_runs_outside_the_servers_origin(server: Running, workbench: Path, name: str) -> None:
    reply = server.get(f"/files/{name}")
    assert reply.status_code == 200
    assert "sandbox" in reply.headers["content-security-policy"]
    assert "allow-same-origin" not in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/files/../link.key", "/files/%2e%2e/link.key", "/api/contents/../link.key"])
def test_nothing_above_the_workbench_is_served(server: Running, workbench: Path, path: str) -> None:
    assert server.get(path).status_code in {403, 404}


def test_what_is_shipped_for_pages() -> None:
    shipped = json.loads((jupyter_config_dirs()[0] / "voila.json").read_text("utf-8"))["VoilaConfiguration"]
    assert shipped["strip_sources"] is True
    assert shipped["show_tracebacks"] is False
    assert shipped["file_allowlist"] == []
    assert shipped["allow_template_override"] == "NO"
    assert set(shipped["extension_allowlist"]) <= {
        "@voila-dashboards/widgets-manager8",
        "@jupyter-widgets/jupyterlab-manager",
        "anywidget",
        "bqplot",
        "bqscales",
    }
