"""Commands about the vault, users, keys and the audit log. See :mod:`openalgo_lab.model.commands`.

Secrets are of the masked type: they travel between kernels of one user and stand in no log, no repr and no state.
"""

from __future__ import annotations

import msgspec

from openalgo_lab.model.command_base import Command, Done
from openalgo_lab.model.roles import Role
from openalgo_lab.model.secret import Secret

__all__ = [
    "AddUser",
    "AnySecurityCommand",
    "ApiKeyInfo",
    "ApiKeyMade",
    "ChangePassphrase",
    "ChangePassword",
    "ConfirmSecondFactor",
    "CreateApiKey",
    "CreateVault",
    "DropSecondFactor",
    "EnrolSecondFactor",
    "FlushAudit",
    "GetIdentity",
    "GetVault",
    "IdentityInfo",
    "ListApiKeys",
    "ListUsers",
    "LockPolicy",
    "LockVault",
    "NewRecoveryKey",
    "RecoveryCodes",
    "RemoveUser",
    "RestoreVault",
    "RevokeApiKey",
    "SecondFactor",
    "SetLockPolicy",
    "SignIn",
    "SignOut",
    "SignedIn",
    "UnlockVault",
    "UserInfo",
    "VaultInfo",
    "VaultOpened",
    "WithKey",
]


class VaultInfo(msgspec.Struct, frozen=True):
    """The profile's vault as the engine sees it. ``ways``: passphrase, keychain, recovery; times UTC ns.

    ``keychain`` is the name of the system's on the engine's machine, "" where there is none. ``problem`` says why the
    vault cannot be read, "" when it can.
    """

    exists: bool
    open: bool
    problem: str = ""
    ways: tuple[str, ...] = ()
    keychain: str = ""
    copies_ns: tuple[int, ...] = ()
    wait_s: float = 0.0


class VaultOpened(msgspec.Struct, frozen=True):
    """The vault is open. ``recovery`` is a new recovery key, to be shown once; ``notice`` what the user must know."""

    notice: str = ""
    recovery: Secret | None = None


class GetVault(Command[VaultInfo], frozen=True, tag="get_vault"):
    """How the vault is; needs no secret."""


class CreateVault(Command[VaultOpened], frozen=True, tag="create_vault"):
    """Make the profile's vault and open it, under a passphrase, the engine's keychain, or both."""

    passphrase: Secret | None = None
    in_keychain: bool = False


class UnlockVault(Command[VaultOpened], frozen=True, tag="unlock_vault"):
    """Open the vault by passphrase or recovery key; by neither: through the engine's keychain."""

    passphrase: Secret | None = None
    recovery_key: Secret | None = None


class LockVault(Command[Done], frozen=True, tag="lock_vault"):
    """Close the vault, wipe its key and sign everybody out. Orders, positions and the journal are not touched."""


class RestoreVault(Command[VaultOpened], frozen=True, tag="restore_vault"):
    """Make the newest good copy the vault and open it; the damaged file is kept beside it."""

    passphrase: Secret | None = None
    recovery_key: Secret | None = None


class ChangePassphrase(Command[Done], frozen=True, tag="change_passphrase"):
    """Set a passphrase; ``old`` is needed where there is one."""

    new: Secret
    old: Secret | None = None


class NewRecoveryKey(Command[VaultOpened], frozen=True, tag="new_recovery_key"):
    """Make a new recovery key; the old one ends."""


class LockPolicy(msgspec.Struct, frozen=True):
    """When the vault locks by itself: ``idle_min`` minutes after the last act of a person or program (0 = never),
    and at the end of the trading day's sessions (03:00 IST) if ``daily``.
    """

    idle_min: int = 60
    daily: bool = True


class SetLockPolicy(Command[Done], frozen=True, tag="set_lock_policy"):
    """Keep a policy in the vault; it counts from now on."""

    policy: LockPolicy


# Users ----------------------------------------------------------------------------------------------------------------


class IdentityInfo(msgspec.Struct, frozen=True):
    """Who is signed in at this workbench. Without any user everybody at this machine's account is its owner."""

    required: bool
    user: str = ""
    role: Role = Role.READ
    expires_ns: int = 0
    second_factor: bool = False


class SignedIn(msgspec.Struct, frozen=True):
    """A session. ``token`` is for a program that is to act as this user; it ends at ``expires_ns`` at the latest."""

    user: str
    role: Role
    expires_ns: int
    token: Secret


class UserInfo(msgspec.Struct, frozen=True):
    """A user as others may see one."""

    name: str
    role: Role
    second_factor: bool
    recovery_codes: int
    created_ns: int


class SecondFactor(msgspec.Struct, frozen=True):
    """A new seed, which counts once a code of it was confirmed. ``uri`` is what the QR code says."""

    uri: Secret
    seed: Secret


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Codes for when the second factor is lost, each good once; shown this once."""

    codes: tuple[Secret, ...]


class GetIdentity(Command[IdentityInfo], frozen=True, tag="get_identity"):
    """Who is signed in."""


class SignIn(Command[SignedIn], frozen=True, tag="sign_in"):
    """Begin a session by password and, where the user has one, a code of the second factor or a recovery code."""

    user: str
    password: Secret
    code: Secret | None = None


class SignOut(Command[Done], frozen=True, tag="sign_out"):
    """End all sessions of this workbench."""


class AddUser(Command[UserInfo], frozen=True, tag="add_user"):
    """A new user. The first one is an administrator."""

    name: str
    password: Secret
    role: Role = Role.ADMIN


class RemoveUser(Command[Done], frozen=True, tag="remove_user"):
    """Forget a user with keys and sessions. The last administrator stays, unless nobody else is left."""

    name: str


class ChangePassword(Command[Done], frozen=True, tag="change_password"):
    """A new password: one's own by the old one, another user's by an administrator."""

    name: str
    new: Secret
    old: Secret | None = None


class EnrolSecondFactor(Command[SecondFactor], frozen=True, tag="enrol_second_factor"):
    """A seed for an authenticator app; it counts from :class:`ConfirmSecondFactor` on."""

    name: str


class ConfirmSecondFactor(Command[RecoveryCodes], frozen=True, tag="confirm_second_factor"):
    """Prove that the app has the seed; answers with recovery codes."""

    name: str
    code: Secret


class DropSecondFactor(Command[Done], frozen=True, tag="drop_second_factor"):
    """The password alone from now on."""

    name: str


class ListUsers(Command[tuple[UserInfo, ...]], frozen=True, tag="list_users"):
    """All users."""


# Keys of programs -----------------------------------------------------------------------------------------------------


class ApiKeyInfo(msgspec.Struct, frozen=True):
    """A key as it is listed; ``state`` is ``good``, ``expired`` or ``revoked``."""

    id: str
    label: str
    role: Role
    created_ns: int
    expires_ns: int
    accounts: tuple[str, ...]
    commands: tuple[str, ...]
    state: str


class ApiKeyMade(msgspec.Struct, frozen=True):
    """A new key, shown this once."""

    key: Secret
    info: ApiKeyInfo


class CreateApiKey(Command[ApiKeyMade], frozen=True, tag="create_api_key"):
    """A key for a program: what it may do, for how many days, and to which accounts and commands it is narrowed."""

    label: str
    role: Role = Role.READ
    days: int = 90
    accounts: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


class ListApiKeys(Command[tuple[ApiKeyInfo, ...]], frozen=True, tag="list_api_keys"):
    """All keys, revoked ones too."""


class RevokeApiKey(Command[Done], frozen=True, tag="revoke_api_key"):
    """End a key now."""

    id: str


class WithKey(Command[bytes], frozen=True, tag="with_key"):
    """Give a command as the holder of ``key`` (a program's key or a session's token), with that one's rights.

    ``command`` is the command as tagged MessagePack, the answer is its answer in MessagePack: what a door to the
    outside (REST, webhook, bot) hands on without rights of its own.
    """

    key: Secret
    command: bytes


class FlushAudit(Command[Done], frozen=True, tag="flush_audit"):
    """Write what the audit log holds back, so that a reader finds all of it."""


AnySecurityCommand = (
    GetVault
    | CreateVault
    | UnlockVault
    | LockVault
    | RestoreVault
    | ChangePassphrase
    | NewRecoveryKey
    | SetLockPolicy
    | GetIdentity
    | SignIn
    | SignOut
    | AddUser
    | RemoveUser
    | ChangePassword
    | EnrolSecondFactor
    | ConfirmSecondFactor
    | DropSecondFactor
    | ListUsers
    | CreateApiKey
    | ListApiKeys
    | RevokeApiKey
    | WithKey
    | FlushAudit
)
