"""Planted canaries: a whole day of use, with faults, leaves none of them in any output and none on the disk (F20)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

CANARIES = {
    "passphrase": "canary-pass four purple words",
    "password": "Canary-Word-81",
    "credential": "canary-api-secret-55aa",
    "token": "canary-token-of-the-day-77",
}

USE = """
import json, logging, os, sys, traceback
from datetime import datetime, timedelta
from openalgo_lab import Lab
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import *
from openalgo_lab.model.times import IST
from openalgo_lab.store.crash import report_crash
from openalgo_lab.store.vault import Credentials, DayToken, Passphrase, Vault

logging.basicConfig(level=logging.DEBUG, filename=os.environ["LOG"])
planted = json.loads(os.environ["CANARIES"])
lab = Lab()
passphrase, password = Secret(planted["passphrase"]), Secret(planted["password"])
made = lab.call(CreateVault(passphrase), 60)
recovery = made.recovery.reveal()
print(repr(made), made, [made], json.dumps(str(made)))
keeper = lab.handle._side._engine.security.keeper
vault = keeper.require_open()
token = DayToken("zz", "AB1234", "access", Secret(planted["token"]), datetime.now(IST) + timedelta(hours=3))
vault.credentials.put(Credentials("zz", "AB1234", {"api_secret": Secret(planted["credential"])}))
vault.tokens.put(token)
print(vault, vault.credentials.get("zz", "AB1234"), token, vars(vault))
print(lab.call(AddUser("asha", password), 60))
factor = lab.call(EnrolSecondFactor("asha"))
print(factor)
import pyotp
codes = lab.call(ConfirmSecondFactor("asha", Secret(pyotp.TOTP(factor.seed.reveal()).now())))
print(codes)
key = lab.call(CreateApiKey("bot"))
print(key)
wrong_code = SignIn("asha", Secret(planted["password"]), Secret(planted["token"]))
for wrong in (wrong_code, UnlockVault(Secret(planted["token"]))):
    try:
        lab.call(wrong, 60)
    except LabError:
        traceback.print_exc()
lab.place_order("SBIN", "BUY", 1)
logging.getLogger("some.library").error("GET /login?api_secret=%s", planted["credential"])
logging.getLogger("openalgo_lab.wire").error("sent %r", {"Authorization": "token " + planted["token"]})
try:
    raise RuntimeError(f"a library quotes {planted['token']} and {recovery} and {key.key.reveal()}")
except RuntimeError as error:
    print(report_crash("a test", error))
shown = {"recovery": recovery, "seed": factor.seed.reveal(), "key": key.key.reveal(), "code": codes.codes[0].reveal()}
with open(os.environ["SHOWN"], "w") as file:
    json.dump(shown, file)
if os.environ["END"] == "kill":
    os.kill(os.getpid(), 9)
lab.call(LockVault())
lab.close()
"""


def forms(secret: str) -> list[bytes]:
    raw = secret.encode()
    import base64
    from urllib.parse import quote

    return [raw, raw.hex().encode(), base64.b64encode(raw), quote(secret).encode(), json.dumps(secret)[1:-1].encode()]


def found_in(content: bytes, secrets: dict[str, str]) -> list[str]:
    return [name for name, secret in secrets.items() if any(form in content for form in forms(secret))]


@pytest.mark.parametrize("end", ["close", "kill"])
def test_a_day_of_use_leaves_no_secret_anywhere(tmp_path: Path, end: str, repository: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    outside.mkdir()
    environment = {
        **os.environ,
        "OPENALGO_LAB_HOME": str(home),
        "LOG": str(tmp_path / "log.txt"),
        "SHOWN": str(outside / "shown.json"),
        "CANARIES": json.dumps(CANARIES),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "END": end,
    }
    run = subprocess.run([sys.executable, "-c", USE], cwd=repository, env=environment, capture_output=True, check=False)
    assert run.returncode == (0 if end == "close" else -9), run.stderr[-3000:]
    secrets = {**CANARIES, **json.loads((outside / "shown.json").read_text())}
    assert found_in(run.stdout + run.stderr, secrets) == []
    files = [path for path in (*home.rglob("*"), tmp_path / "log.txt") if path.is_file()]
    assert {"vault.db", "vault.json", "audit.sealed.db"} <= {path.name for path in files}
    assert any(path.name.startswith("crash-") for path in files)
    leaks = {str(path.relative_to(tmp_path)): found_in(path.read_bytes(), secrets) for path in files}
    assert {path: names for path, names in leaks.items() if names} == {}
    assert "••••••" in (tmp_path / "log.txt").read_text("utf-8")


START = """
import json, os
from openalgo_lab import Lab
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import *
from openalgo_lab.store.vault import Passphrase, Vault
lab = Lab()
planted = {name: Secret(text) for name, text in json.load(open(os.environ['PLANTED'])).items()}
planted
"""
MADE = """
typed = {"new": planted["passphrase"].reveal(), "again": planted["passphrase"].reveal()}
dialog.children[0]._on_message(None, {"k": "press", "act": "create", "values": typed}, [])
while dialog.step != "write_down":
    await asyncio.sleep(0.02)
with open(os.environ["SHOWN"], "w") as file:
    json.dump({"recovery": dialog._recovery.reveal()}, file)
del typed
"""
"""Somebody creates the vault in its dialog, which then shows the recovery key."""
TYPED = """
typed = {"api_key": planted["credential"].reveal(), "pin": planted["token"].reveal(), "client_code": "AB1234"}
form.children[-1]._on_message(None, {"k": "press", "act": "login", "values": typed}, [])
while form.busy or not form._errors:
    await asyncio.sleep(0.02)
del typed
form._typed, form._errors
"""
"""A login that lacks its code: what was typed is remembered for the next try."""
CELLS = [
    "%xmode Verbose",
    START,
    "lab.connect('zerodha', api_key='shown', api_secret=planted['credential'].reveal())",
    "import asyncio\ndialog = lab.vault()\ndialog",
    MADE,
    "form = lab.login('angel')\nform",
    TYPED,
    "lab.call(AddUser('asha', planted['password']), 60)",
    "lab.call(SignIn('asha', planted['token'], planted['credential']), 60)",
    "lab.call(UnlockVault(planted['token']), 60)",
    "planted['token'] + 1",
    "lab.vault()",
    "lab.sign_in()",
    "lab.call(LockVault()); Vault.unlock(profile_dir(), Passphrase(planted['token']))",
    "%whos",
    "lab.close()",
]


def test_a_notebook_with_its_outputs_and_verbose_tracebacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    from nbclient import NotebookClient

    nbformat: Any = import_module("nbformat")  # which tells no types

    (tmp_path / "planted.json").write_text(json.dumps(CANARIES))
    monkeypatch.setenv("PLANTED", str(tmp_path / "planted.json"))
    monkeypatch.setenv("SHOWN", str(tmp_path / "shown.json"))
    monkeypatch.setenv("OPENALGO_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setenv("PYTHONPATH", str(repository))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in CELLS])
    NotebookClient(notebook, timeout=120, allow_errors=True, kernel_name="python3", store_widget_state=True).execute()
    text = nbformat.writes(notebook)
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    failed = [output for output in outputs if output.output_type == "error"]
    assert [error.ename for error in failed] == [
        "VaultMissing",
        "NotPermitted",
        "VaultRefused",
        "TypeError",
        "VaultRefused",
    ]
    assert "Secret(••••••)" in text and "One-time code is needed." in text
    assert "oal-vault" in json.dumps(notebook.metadata), "the widgets' state is in the notebook"
    secrets = {**CANARIES, **json.loads((tmp_path / "shown.json").read_text())}
    assert found_in(text.encode(), secrets) == []
    assert found_in(json.dumps(notebook.metadata).encode(), secrets) == []
