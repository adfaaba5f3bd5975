"""Can the system keep a secret for us?"""

from __future__ import annotations

from openalgo_lab.doctor.finding import Finding, ok, warn

__all__ = ["check_keychain"]

#: Modules of keyring whose backends keep a secret in the system's own store.
REAL = ("macOS", "Windows", "SecretService", "libsecret", "kwallet")


def check_keychain(backend: object | None = None) -> Finding:
    """The keyring back end: a real system store, or none (then secrets need a passphrase)."""
    name = "keychain"
    if backend is None:
        import keyring

        backend = keyring.get_keyring()
    found = [one for one in _members(backend) if type(one).__module__.rsplit(".", 1)[-1] in REAL]
    if found:
        return ok(name, f"{type(found[0]).__module__.rsplit('.', 1)[-1]} keychain")
    return warn(
        name,
        f"no system keychain here (keyring offers only {type(backend).__module__})",
        "Secrets need a passphrase on this machine; to use a keychain, unlock or install one "
        "(GNOME Keyring, KWallet, macOS Keychain, Windows Credential Manager).",
    )


def _members(backend: object) -> tuple[object, ...]:
    """The back ends behind a chainer, or the one itself."""
    members = getattr(backend, "backends", None)
    return tuple(members) if members else (backend,)
