"""The vault: unlocking by passphrase takes long enough to stop guessing, by keychain no time that anyone notices."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from openalgo_lab.bench.spec import Measured, figure
from openalgo_lab.model.orders import OrderIntent
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.times import SystemClock, trade_date
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from openalgo_lab.store.journal_opening import open_journal
from openalgo_lab.store.vault import Credentials, FromKeychain, Passphrase, Unlocking, Vault

__all__ = ["journal_intent_sealed_ms", "vault_unlock_floor_s", "vault_unlock_keychain_ms", "vault_unlock_s"]

_ROUNDS = 7
_PASSPHRASE = Secret("a passphrase for the bench alone")


class _InMemory:
    """The system's keychain costs what the desktop costs; the figure is about our part."""

    name = "memory"

    def __init__(self) -> None:
        self._kept: dict[str, Secret] = {}

    def get(self, entry: str) -> Secret | None:
        return self._kept.get(entry)

    def put(self, entry: str, secret: Secret) -> None:
        self._kept[entry] = secret

    def remove(self, entry: str) -> None:
        self._kept.pop(entry, None)


@contextmanager
def _filled(passphrase: Secret | None, keychain: _InMemory | None) -> Iterator[Path]:
    """A vault with thirty accounts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vault, _ = Vault.create(folder, passphrase=passphrase, keychain=keychain)
        for number in range(30):
            fields = {field: Secret(f"{field}-{number:04d}" * 4) for field in ("api_key", "api_secret", "totp_seed")}
            vault.credentials.put(Credentials("bench", f"AB{number:04d}", fields))
        vault.close()
        yield folder


def _times(folder: Path, by: Unlocking) -> list[float]:
    """Seconds from the call to a checked, open vault."""
    spent = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        vault = Vault.unlock(folder, by)
        spent.append(time.perf_counter() - began)
        vault.close()
    return spent


def _by_passphrase() -> Measured:
    with _filled(_PASSPHRASE, None) as folder:
        spent = _times(folder, Passphrase(_PASSPHRASE))
    return Measured(statistics.median(spent), also={"fastest": min(spent), "slowest": max(spent)})


@figure("vault_unlock_s", unit="s", goal=1.0, better="lower")
def vault_unlock_s() -> Measured:
    """Unlocking by passphrase, Argon2id calibrated on this machine; the range aimed at is 0.5 to 1.0 s."""
    return _by_passphrase()


@figure("vault_unlock_floor_s", unit="s", goal=0.5, better="higher")
def vault_unlock_floor_s() -> Measured:
    """The same from the other side: a guess must not be cheaper than this."""
    return _by_passphrase()


@figure("vault_unlock_keychain_ms", unit="ms", goal=50.0, better="lower")
def vault_unlock_keychain_ms() -> Measured:
    """Unlocking with a secret that the keychain handed over, every page of the file checked; thirty accounts."""
    keychain = _InMemory()
    with _filled(None, keychain) as folder:
        spent = [one * 1000 for one in _times(folder, FromKeychain(keychain))]
    return Measured(statistics.median(spent), also={"slowest": max(spent)})


@figure("journal_intent_sealed_ms", unit="ms", goal=1.0, better="lower")
def journal_intent_sealed_ms() -> Measured:
    """One intent inside the vault's encryption, from the call until it is durable; median of a thousand."""
    return asyncio.run(_intents())


async def _intents() -> Measured:
    keychain = _InMemory()
    with _filled(None, keychain) as folder, Vault.unlock(folder, FromKeychain(keychain)) as vault:
        clock = SystemClock()
        journal = open_journal(
            folder / "bench.journal.db", vault.sealed, day=trade_date(clock.now_ns()), now_ns=clock.now_ns
        )
        spent = []
        for number in range(1000):
            began = time.perf_counter()
            await journal.intend(msgspec.structs.replace(_INTENT, order_id=f"BENCH{number:08}"))
            spent.append((time.perf_counter() - began) * 1000)
        await journal.close()
    spent.sort()
    return Measured(statistics.median(spent), also={"p99": spent[990]})


_INTENT = OrderIntent("BENCH", "SIM", Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS, PriceType.MARKET)
