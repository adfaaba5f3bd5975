"""Can the system keep a secret for us?"""

from __future__ import annotations

from openalgo_lab.doctor.finding import Finding, ok, warn
from openalgo_lab.store.vault import find_keychain

__all__ = ["check_keychain"]


def check_keychain(backend: object | None = None) -> Finding:
    """The store that the vault would use: a real one of the system, or none (then secrets need a passphrase)."""
    name = "keychain"
    if backend is None:
        import keyring

        backend = keyring.get_keyring()
    keychain = find_keychain(backend)
    if keychain is not None:
        return ok(name, f"{keychain.name} keychain")
    return warn(
        name,
        f"no system keychain here (keyring offers only {type(backend).__module__})",
        "Secrets need a passphrase on this machine; to use a keychain, unlock or install one "
        "(GNOME Keyring, KWallet, macOS Keychain, Windows Credential Manager).",
    )
