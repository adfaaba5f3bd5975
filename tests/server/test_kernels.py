"""Warm pages, the engine's keeper, and the end of pages that are gone."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from running import Running, wait_for
from websockets.sync.client import connect

Start = Callable[..., Running]
QUICK = {"PooledKernelManager": {"refill_delay_s": 0.1}, "PageRegister": {"timeout_s": 1.0, "check_s": 0.1}}
# Watched closely, but a page that is slow to speak on a loaded machine is not ended for it.
PATIENT = {"PooledKernelManager": {"refill_delay_s": 0.1}, "PageRegister": {"check_s": 0.1}}
NEVER_REFILL = {"PooledKernelManager": {"refill_delay_s": 3600.0}, "PageRegister": {"check_s": 0.2}}


def full(running: Running) -> bool:
    health = running.health()
    return bool(health["pool_warm"] == health["pool_size"] > 0)


def kernel_processes(running: Running, kind: str) -> list[psutil.Process]:
    return [child for child in psutil.Process(running.process.pid).children() if kind_of(child) == kind]


def kind_of(process: psutil.Process) -> str:
    try:
        module = next((part for part in process.cmdline() if part.startswith("openalgo_lab.server.")), "")
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
    return module.removeprefix("openalgo_lab.server.").removesuffix("_kernel")


def ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def page_socket(running: Running, kernel_id: str) -> Any:
    url = f"{running.state['url']}openalgo/page/{kernel_id}".replace("http:", "ws:")
    return connect(url, additional_headers=running.auth, proxy=None, open_timeout=60)


def execute(running: Running, kernel_id: str, code: str) -> str:
    """What `code` printed, asked over the kernel's own websocket as a page does."""
    url = f"{running.state['url']}api/kernels/{kernel_id}/channels?session_id=test".replace("http:", "ws:")
    header = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "test", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    printed = ""
    with connect(url, additional_headers=running.auth, proxy=None, max_size=None, open_timeout=60) as socket:
        socket.send(json.dumps(message))
        while True:
            reply = json.loads(socket.recv(timeout=60))
            if reply["parent_header"].get("msg_id") != "1":
                continue
            if reply["msg_type"] == "stream":
                printed += reply["content"]["text"]
            if reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
                return printed


class TestPool:
    def test_hand_over_and_refill(self, start_server: Start) -> None:
        running = start_server(settings=QUICK)
        wait_for(lambda: full(running))
        warm = {process.pid for process in kernel_processes(running, "page")}
        assert len(warm) == 2
        assert [kernel["name"] for kernel in running.kernels()] == ["openalgo-engine"]  # waiting ones are hidden
        page = running.start_page()
        with page_socket(running, page):
            pid = int(execute(running, page, "import os; print(os.getpid())"))
            assert pid in warm
            assert page in [kernel["id"] for kernel in running.kernels()]
            wait_for(lambda: full(running))
            assert len(kernel_processes(running, "page")) == 3

    def test_a_warm_kernel_has_its_imports_and_no_engine(self, start_server: Start) -> None:
        running = start_server(settings=NEVER_REFILL)
        wait_for(lambda: full(running))
        code = "import sys; print(*(n in sys.modules for n in ('bqplot', 'anywidget', 'numpy', 'zmq')))"
        assert execute(running, running.start_page(), code).split() == ["True"] * 4
        code = "import sys; print(*(n in sys.modules for n in ('scipy', 'duckdb', 'numba', 'pyarrow')), 'lab' in dir())"
        assert execute(running, running.start_page(), code).split() == ["False"] * 5

    def test_the_requests_folder_and_environment_are_kept(self, start_server: Start) -> None:
        running = start_server(settings=NEVER_REFILL)
        wait_for(lambda: full(running))
        where = "import os; print(os.getcwd())"
        warm = execute(running, running.start_page("dashboards"), where).strip()
        assert Path(warm) == running.profile / "workbench" / "dashboards"
        other = execute(running, running.start_page("notebooks"), where).strip()  # no warm one there: started afresh
        assert Path(other) == running.profile / "workbench" / "notebooks"
        assert running.health()["pool_warm"] == 1

    def test_a_dead_warm_kernel_is_replaced(self, start_server: Start) -> None:
        running = start_server(settings=PATIENT)
        wait_for(lambda: full(running))
        before = kernel_processes(running, "page")
        for process in before:
            process.kill()
        wait_for(lambda: not {process.pid for process in kernel_processes(running, "page")} & {p.pid for p in before})
        wait_for(lambda: full(running))
        assert execute(running, running.start_page(), "print(1)") == "1\n"

    def test_kernels_killed_just_before_the_hand_over_are_passed_over(self, start_server: Start) -> None:
        slow = {"PooledKernelManager": {"refill_delay_s": 3600.0}, "PageRegister": {"check_s": 3600.0}}
        running = start_server(settings={**slow, "PooledKernelManager": {"refill_delay_s": 0.0, "pool_size": 2}})
        wait_for(lambda: kernel_processes(running, "page"))
        wait_for(lambda: full(running))
        for process in kernel_processes(running, "page"):
            process.kill()
        assert execute(running, running.start_page(), "print(1)") == "1\n"

    def test_an_interrupt_while_kernels_start_ends_them_all(self, start_server: Start) -> None:
        running = start_server(settings=QUICK)
        wait_for(lambda: kernel_processes(running, "page") or kernel_processes(running, "engine"))
        children = psutil.Process(running.process.pid).children(recursive=True)
        assert running.stop() == 0
        wait_for(lambda: all(ended(child) for child in children))
        assert "Exception in callback" not in running.log


class TestEngine:
    def test_it_hosts_what_was_asked_and_a_console_may_look_in(self, start_server: Start, tmp_path: Path) -> None:
        recording = tmp_path / "day.parquet"
        recording.write_bytes(b"")
        code = f"run_app(browser='none', port={{port}}, replay=__import__('pathlib').Path({str(recording)!r}), speed=4)"
        running = start_server(code=code)
        engine = wait_for(running.engine_running)
        printed = execute(running, engine["kernel_id"], "print(lab.profile, lab.host, lab.replay, lab.speed)")
        assert printed.split() == ["default", "always", str(recording), "4.0"]
        assert running.health()["market"] == "replay"
        assert "Engine" in [session["name"] for session in running.get("/api/sessions").json()]

    def test_it_is_started_again_after_a_kill(self, start_server: Start) -> None:
        running = start_server()
        first = wait_for(running.engine_running)
        kernel_processes(running, "engine")[0].kill()
        second = wait_for(lambda: (now := running.engine_running()) and now["restarts"] == 1 and now)
        assert second["kernel_id"] != first["kernel_id"]
        assert execute(running, second["kernel_id"], "print(lab.host)") == "always\n"
        assert len([kernel for kernel in running.kernels() if kernel["name"] == "openalgo-engine"]) == 1

    def test_a_refusal_is_told_in_its_own_words(self, start_server: Start) -> None:
        running = start_server(env={"FAKE_LAB_REFUSES": "1"})
        wait_for(lambda: "damaged: choose another one" in running.health()["engine"]["reason"])
        assert "damaged: choose another one" in running.get("/openalgo").text

    def test_it_is_closed_politely_and_leaves_no_process(self, start_server: Start, tmp_path: Path) -> None:
        running = start_server(env={"FAKE_LAB_CLOSED": str(tmp_path / "closed")})
        wait_for(running.engine_running)
        wait_for(lambda: full(running))
        children = psutil.Process(running.process.pid).children(recursive=True)
        assert running.stop() == 0
        assert (tmp_path / "closed").read_text() == "closed"
        assert all(ended(child) for child in children)
        assert "Traceback" not in running.log

    def test_kernels_end_when_the_server_is_killed(self, start_server: Start) -> None:
        running = start_server()
        wait_for(running.engine_running)
        children = psutil.Process(running.process.pid).children(recursive=True)
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
        wait_for(lambda: all(ended(child) for child in children))


class TestPages:
    def test_a_page_nobody_holds_is_ended(self, start_server: Start) -> None:
        running = start_server(settings=QUICK)
        page = running.start_page()
        wait_for(lambda: page not in [kernel["id"] for kernel in running.kernels()])
        assert running.health()["pages"] == 0

    def test_an_open_page_lives_and_ends_after_it_closes(self, start_server: Start) -> None:
        quick = {**QUICK, "PageRegister": {"timeout_s": 0.4, "check_s": 0.1}}
        running = start_server(settings=quick)
        held, control = running.start_page(), running.start_page()
        with page_socket(running, held):
            wait_for(lambda: control not in [kernel["id"] for kernel in running.kernels()])
            assert held in [kernel["id"] for kernel in running.kernels()]
        wait_for(lambda: running.health()["pages"] == 0)

    def test_a_page_hears_that_its_kernel_died(self, start_server: Start) -> None:
        running = start_server(settings=QUICK)
        page = running.start_page()
        with page_socket(running, page) as socket:
            pid = int(execute(running, page, "import os; print(os.getpid())"))
            os.kill(pid, signal.SIGKILL)
            assert json.loads(socket.recv(timeout=60)) == {"kernel": "gone"}
        assert page not in [kernel["id"] for kernel in running.kernels()]

    def test_a_page_of_an_unknown_kernel_hears_it_at_once(self, start_server: Start) -> None:
        running = start_server()
        with page_socket(running, "00000000-0000-0000-0000-000000000000") as socket:
            assert json.loads(socket.recv(timeout=60)) == {"kernel": "gone"}

    def test_the_shutdown_message_ends_the_page(self, start_server: Start) -> None:
        running = start_server()
        page = running.start_page()
        assert running.client.post(f"/voila/api/shutdown/{page}", headers=running.auth).status_code == 204
        wait_for(lambda: running.health()["pages"] == 0)

    def test_consoles_and_notebooks_are_never_ended(self, start_server: Start) -> None:
        running = start_server(settings=QUICK)
        body = {"name": "python3"}
        kernel = running.client.post("/api/kernels", headers=running.auth, json=body).json()["id"]
        page = running.start_page()
        wait_for(lambda: page not in [kernel["id"] for kernel in running.kernels()])
        assert kernel in [kernel["id"] for kernel in running.kernels()]
