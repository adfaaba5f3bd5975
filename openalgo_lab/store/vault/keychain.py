"""The system's keychain through keyring: only a store of the operating system, never a file or a stand-in."""

from __future__ import annotations

from typing import Any, Protocol

from openalgo_lab.model.errors import VaultError
from openalgo_lab.model.secret import Secret

__all__ = ["Keychain", "SystemKeychain", "find_keychain"]

SERVICE = "openalgo-lab vault"
_REAL = tuple(f"keyring.backends.{name}" for name in ("macOS", "Windows", "SecretService", "libsecret", "kwallet"))


class Keychain(Protocol):
    """Where a vault's unlocking secret lies while nobody types a passphrase. Calls may wait for the user's consent."""

    name: str

    def get(self, entry: str) -> Secret | None:
        """The secret, or None when there is none. Raises VaultError when the keychain does not answer."""

    def put(self, entry: str, secret: Secret) -> None:
        """Keep it, in place of an older one. Raises VaultError."""

    def remove(self, entry: str) -> None:
        """Forget it; harmless when it is not there. Raises VaultError."""


class _Backend(Protocol):
    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class SystemKeychain:
    """A keyring back end, spoken to directly."""

    def __init__(self, backend: _Backend) -> None:
        self._backend = backend
        self.name = _store_name(backend)

    def get(self, entry: str) -> Secret | None:
        import keyring.errors

        try:
            found = self._backend.get_password(SERVICE, entry)
        except (keyring.errors.KeyringError, OSError) as error:
            raise _silent(self.name, error) from error
        return None if found is None else Secret(found)

    def put(self, entry: str, secret: Secret) -> None:
        import keyring.errors

        try:
            self._backend.set_password(SERVICE, entry, secret.reveal())
            kept = self._backend.get_password(SERVICE, entry)
        except (keyring.errors.KeyringError, OSError) as error:
            raise _silent(self.name, error) from error
        if kept is None or Secret(kept) != secret:
            raise VaultError(f"The {self.name} keychain did not keep what it was given: use a passphrase instead.")

    def remove(self, entry: str) -> None:
        import keyring.errors

        try:
            self._backend.delete_password(SERVICE, entry)
        except keyring.errors.PasswordDeleteError:
            return  # it is not there
        except (keyring.errors.KeyringError, OSError) as error:
            raise _silent(self.name, error) from error


def find_keychain(chosen: Any = None) -> SystemKeychain | None:
    """The operating system's own secret store; None on a machine that has none (or only a stand-in).

    ``chosen`` is a keyring back end to look at in place of the one that keyring chooses.
    """
    if chosen is None:
        import keyring

        chosen = keyring.get_keyring()
    members = getattr(chosen, "backends", None) or (chosen,)
    for backend in members:
        if _store_name(backend):
            return SystemKeychain(backend)
    return None


def _store_name(backend: object) -> str:
    """Such as "SecretService"; "" for what is no store of the operating system."""
    module = type(backend).__module__
    real = next((name for name in _REAL if module == name or module.startswith(f"{name}.")), "")
    return real.rsplit(".", 1)[-1]


def _silent(name: str, error: Exception) -> VaultError:
    return VaultError(
        f"The {name} keychain did not answer ({type(error).__name__}): unlock it in your desktop session, or use the "
        "passphrase."
    )
