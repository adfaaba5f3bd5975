"""No core dumps, and no known secret in any log line of the process, whichever handler it goes to."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from openalgo_lab.model.secret import MASK, Secret, SecretMasker
from openalgo_lab.store.guard import mask_records

CANARY = "canary/with+signs=in it"


@pytest.fixture
def heard() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A process whose records are masked, and a handler that was added afterwards."""
    before = logging.getLogRecordFactory()
    masker = SecretMasker()
    mask_records(masker)
    masker.add(Secret(CANARY))
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("some.other.library")
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


def test_every_form_in_which_a_secret_is_logged(heard: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = heard
    logger.error(CANARY)
    logger.error("GET /x?token=%s", "canary%2Fwith%2Bsigns%3Din%20it")
    logger.error("%s", {"token": CANARY})
    logger.error("%r", CANARY.encode())
    try:
        raise ValueError(CANARY)
    except ValueError:
        logger.exception("it failed")
        logger.error("stack", stack_info=True, exc_info=True)
    text = stream.getvalue()
    assert text.count(MASK) >= 6
    assert "canary" not in text.replace("test_guard", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows writes no core files by itself")
def test_core_dumps_are_off_where_a_vault_is_opened() -> None:
    code = """
import resource, ctypes, sys
from pathlib import Path
from openalgo_lab.store.vault import Vault
from tests.store.vault.parts import MemoryKeychain, make
import tempfile
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
with tempfile.TemporaryDirectory() as folder:
    make(Path(folder), MemoryKeychain()).close()
dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) if sys.platform == "linux" else 0
print(resource.getrlimit(resource.RLIMIT_CORE), dumpable)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "(0, 0) 0"
