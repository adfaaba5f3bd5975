"""Who is let in, what is offered, and every setting that matters, on a server that runs."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import Running, wait_for

DUMP = """
import json, os
from openalgo_lab.server import launch
announce = launch._announce
def dump(app, places, plan):
    kernels, web = app.kernel_manager, app.web_app.settings
    facts = dict(
        ip=app.ip, root=app.root_dir, workbench=str(places.workbench), allow_origin=app.allow_origin,
        allow_origin_pat=app.allow_origin_pat, allow_credentials=app.allow_credentials,
        remote=app.allow_remote_access, xsrf_off=app.disable_check_xsrf, terminals=app.terminals_enabled,
        unauthenticated=app.allow_unauthenticated_access, ping=web["ws_ping_interval"], pong=web["ws_ping_timeout"],
        buffer=kernels.buffer_offline_messages, cull=kernels.cull_idle_timeout, pool=kernels.pool_size,
        transport=kernels.kernel_manager_factory(parent=kernels).transport,
        connection=app.kernel_websocket_connection_class.__name__,
        token=len(app.identity_provider.token), generated=app.identity_provider.token_generated,
        password=app.identity_provider.allow_password_change, cookie=app.identity_provider.cookie_options,
        secret=app.cookie_secret_file, services=list(app.default_services),
        extensions={name: on for name, on in app.jpserver_extensions.items()},
        limits=[app.kernel_websocket_connection_class(config=app.config).iopub_msg_rate_limit,
                app.kernel_websocket_connection_class(config=app.config).iopub_data_rate_limit],
    )
    path = os.environ["FACTS"]
    open(path + "~", "w").write(json.dumps(facts, default=str))
    os.replace(path + "~", path)
    announce(app, places, plan)
launch._announce = dump
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The settings of a started server, against a user's own configuration that tries to loosen them."""
    home = tmp_path_factory.mktemp("facts")
    loose = {
        "ServerApp": {
            "allow_origin": "*", "ip": "0.0.0.0", "disable_check_xsrf": True, "allow_remote_access": True,
            "terminals_enabled": True, "jpserver_extensions": {"jupyter_server_terminals": True},
        },
        "IdentityProvider": {"token": ""},
        "MappingKernelManager": {"buffer_offline_messages": True},
    }  # fmt: skip
    running = Running(home, settings=loose, env={"FACTS": str(home / "facts.json")}, before=DUMP).start()
    content: dict[str, Any] = json.loads((home / "facts.json").read_text())
    running.stop()
    return content


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ip", "127.0.0.1"), ("allow_origin", ""), ("allow_origin_pat", ""), ("allow_credentials", False),
        ("remote", False), ("xsrf_off", False), ("terminals", False), ("unauthenticated", False),
        ("ping", 10000), ("pong", 30000), ("buffer", False), ("cull", 0), ("pool", 2),
        ("transport", "ipc" if os.name == "posix" else "tcp"), ("connection", "NoDelayConnection"),
        ("token", 43), ("generated", False), ("password", False), ("cookie", {"samesite": "Lax"}),
        ("limits", [4000, 20000000]),
    ],
)  # fmt: skip
def test_setting(facts: dict[str, Any], name: str, value: object) -> None:
    assert facts[name] == value


def test_root_is_the_workbench(facts: dict[str, Any]) -> None:
    assert facts["root"] == facts["workbench"] != str(Path.home())


def test_no_conversion_and_no_terminals(facts: dict[str, Any]) -> None:
    assert not {"nbconvert", "view"} & set(facts["services"])
    off = {name for name, on in facts["extensions"].items() if not on}
    assert {"jupyter_server_terminals", "jupyter_lsp", "notebook_shim"} <= off


def test_cookie_secret_is_private_and_in_the_profile(facts: dict[str, Any]) -> None:
    secret = Path(facts["secret"])
    assert secret.parent.name == "server"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


PAGES = ["/openalgo", "/openalgo/desk", "/openalgo/theme.css", "/voila/render/dashboards/desk.ipynb", "/lab", "/voila"]
CALLS = ["/openalgo/health", "/api/kernels", "/api/contents", "/api/sessions"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_ask_a_stranger_to_sign_in(server: Running, path: str) -> None:
    reply = server.client.get(path)
    assert reply.status_code == 302
    assert reply.headers["location"].startswith("/login?next=")


@pytest.mark.parametrize("path", CALLS)
def test_calls_refuse_a_stranger(server: Running, path: str) -> None:
    assert server.client.get(path).status_code == 403


@pytest.mark.parametrize("path", [*PAGES, *CALLS])
def test_a_foreign_host_name_is_refused(server: Running, path: str) -> None:
    assert server.get(path, headers={"Host": "evil.example"}).status_code == 403


def signed_in(server: Running) -> httpx.Client:
    client = httpx.Client(base_url=server.state["url"], trust_env=False, follow_redirects=True)
    reply = client.get("/login", params={"token": server.state["token"], "next": "/openalgo"})
    assert reply.status_code == 200
    return client


def test_the_token_is_traded_for_a_cookie_and_leaves_the_address(server: Running) -> None:
    with closing(signed_in(server)) as client:
        reply = client.get("/")
        assert reply.url.path == "/openalgo"
        assert "token" not in str(reply.url)
        cookie = next(cookie for cookie in client.cookies.jar if cookie.name.startswith("username-"))
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "Lax"


def test_a_wrong_token_gets_no_cookie(server: Running) -> None:
    with httpx.Client(base_url=server.state["url"], trust_env=False) as client:
        client.get("/login", params={"token": "guess", "next": "/openalgo"})
        assert not [cookie for cookie in client.cookies.jar if cookie.name.startswith("username-")]


def test_sign_in_goes_to_no_foreign_address(server: Running) -> None:
    with httpx.Client(base_url=server.state["url"], trust_env=False) as client:
        query = {"token": server.state["token"], "next": "//evil.example/"}
        assert "evil.example" not in client.get("/login", params=query).headers.get("location", "")


def test_a_foreign_origin_is_refused(server: Running) -> None:
    """A cookie alone, as a foreign page's request would carry it."""
    kernel = server.kernels() or [{"id": "00000000-0000-0000-0000-000000000000"}]
    upgrade = {
        "Origin": "http://evil.example", "Connection": "Upgrade", "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }  # fmt: skip
    with closing(signed_in(server)) as client:
        for path in (f"/api/kernels/{kernel[0]['id']}/channels", f"/openalgo/page/{kernel[0]['id']}"):
            assert client.get(path, headers=upgrade).status_code == 403
        assert client.post("/api/kernels", headers={"Origin": "http://evil.example"}, json={}).status_code in {403, 404}


def test_a_call_without_the_xsrf_mark_is_refused(server: Running) -> None:
    with closing(signed_in(server)) as client:
        assert client.post("/api/kernels", json={"name": "python3"}).status_code == 403
        assert client.post("/voila/api/shutdown/00000000-0000-0000-0000-000000000000").status_code == 403


@pytest.mark.parametrize(
    "path",
    ["/nbconvert/html/dashboards/desk.ipynb", "/view/dashboards/desk.ipynb", "/api/nbconvert", "/api/terminals",
     "/terminals/websocket/1", "/voila/render/notebooks/01_quickstart.ipynb", "/voila/render/../../etc/passwd",
     "/voila/render/dashboards/..%2f..%2fx.ipynb", "/openalgo/nothing"],
)  # fmt: skip
def test_not_offered(server: Running, path: str) -> None:
    assert server.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/voila", "/voila/tree/dashboards", "/voila/files/dashboards/desk.ipynb"])
def test_voilas_own_file_routes_lead_home(server: Running, path: str) -> None:
    reply = server.get(path)
    assert (reply.status_code, reply.headers["location"]) == (302, "/openalgo")


def test_policy_of_pages(server: Running) -> None:
    policy = server.get("/openalgo").headers["content-security-policy"]
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    lab = server.get("/lab").headers
    assert "frame-ancestors 'self'" in lab["content-security-policy"]
    assert lab["cross-origin-opener-policy"] == "same-origin"
    assert lab["x-content-type-options"] == "nosniff"


def test_the_shutdown_message_ends_pages_only(server: Running) -> None:
    engine = wait_for(server.engine_running)
    reply = server.client.post(f"/voila/api/shutdown/{engine['kernel_id']}", headers=server.auth)
    assert reply.status_code == 404
    assert server.engine_running()


def test_the_log_holds_no_token(start_server: Callable[..., Running]) -> None:
    running = start_server(code="run_app(browser='true', port={port})")
    running.client.get("/login", params={"token": running.state["token"], "next": "/openalgo"})
    running.stop()
    assert running.state["token"] not in running.log
    assert not running.state_file.exists()
