"""Users and keys at work: who signs in, for how long, and as whom a command counts.

Without a user, whoever proved the profile's secret is the owner, as before. From the first user on, a kernel of this
machine may only look until somebody has signed in; then all kernels of the profile act as that user, as one desk does,
until the session ends. Programs come with a key, or with a session's token, and always act as that.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from openalgo_lab.engine.principal import Permission, Principal, permission_of
from openalgo_lab.model.errors import InputError, NotPermitted, VaultDelayed
from openalgo_lab.model.roles import Role
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import ApiKeyInfo, ApiKeyMade, IdentityInfo, SignedIn, UserInfo
from openalgo_lab.model.times import NS_PER_SECOND, from_ns, to_ns

if TYPE_CHECKING:
    from openalgo_lab.store.vault import ApiKey, User, Vault

__all__ = ["Identity", "Session", "next_session_end_ns"]

SESSION_S: Final = 12 * 3600
"""A session lasts no longer, and never beyond the day's end."""
DAY_ENDS: Final = time(3, 0)
"""IST; by then every broker has ended its sessions or is about to."""
_LONGEST_KEY_DAYS: Final = 366
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_KEY = re.compile(r"oal_([a-z2-7]{8})_([a-z2-7]{52})")
_TOKEN = re.compile(r"oals_([a-z2-7]{52})")
_TICKET = re.compile(r"oalr_([a-z2-7]{52})")
_UNKNOWN_NAMES: Final = 1000


class Session(msgspec.Struct, frozen=True):
    """Somebody signed in. ``digest`` is of its token; ``expires_ns`` UTC."""

    user: str
    role: Role
    digest: bytes
    expires_ns: int


def next_session_end_ns(now_ns: int) -> int:
    """The next 03:00 IST."""
    now = from_ns(now_ns)
    end = datetime.combine(now.date(), DAY_ENDS, tzinfo=now.tzinfo)
    return to_ns(end if end > now else end + timedelta(days=1))


class Identity:
    """Users, sessions and keys over an open vault. Its slow methods (passwords) are for a worker thread.

    Sessions live in memory: they end with the engine.
    """

    def __init__(self, vault: Callable[[], Vault], now_ns: Callable[[], int]) -> None:
        self._vault = vault
        self._now_ns = now_ns
        self._sessions: dict[bytes, Session] = {}
        self._desk: Session | None = None
        self._required = False
        self._unknown: dict[str, tuple[int, int]] = {}
        self._tickets: dict[bytes, Principal] = {}

    # As whom a command counts ---------------------------------------------------------------------------------------

    @property
    def required(self) -> bool:
        """Whether there are users; stays true while the vault is locked, once it was known."""
        return self._required

    def look(self, vault: Vault) -> None:
        """The vault was opened: are there users in it?"""
        self._required = self._required or bool(vault.users.all())

    def effective(self, caller: Principal) -> Principal:
        """A kernel of this machine, with the rights of who is signed in."""
        if not self._required or not caller.local:
            return caller
        session = self.session
        if session is None:
            return Principal(caller.name, Permission.READ)
        return self._as_user(caller.name, session.user, session.role, local=True)

    def principal_of(self, secret: Secret) -> Principal:
        """Whoever holds this key or token. Raises NotPermitted, always in the same words."""
        text = secret.reveal()
        if (found := _KEY.fullmatch(text)) is not None:
            return self._of_key(found[1], text)
        if _TICKET.fullmatch(text) is not None and (holder := self._tickets.get(_digest(text))) is not None:
            return holder
        if _TOKEN.fullmatch(text) is not None:
            session = self._living(self._sessions.get(_digest(text)))
            if session is not None:
                return self._as_user(f"session of {session.user}", session.user, session.role, local=False)
        raise _no_key()

    @property
    def session(self) -> Session | None:
        """The desk's session; None when nobody is signed in."""
        return self._living(self._desk)

    def info(self) -> IdentityInfo:
        """Who is signed in."""
        session = self.session
        if session is None:
            return IdentityInfo(self._required)
        user = self._vault().users.get(session.user)
        return IdentityInfo(
            self._required, session.user, session.role, session.expires_ns, bool(user is not None and user.totp)
        )

    # Signing in -----------------------------------------------------------------------------------------------------

    def sign_in(self, name: str, password: Secret, code: Secret | None) -> SignedIn:
        """Begin a session and make it the desk's. Slow. Raises NotPermitted (whatever was wrong), VaultDelayed."""
        from openalgo_lab.store.vault.passwords import hash_password, needs_rehash

        users, now = self._vault().users, self._now_ns()
        user = users.get(name)
        if user is None:
            self._try_unknown(name, password, now)
            raise _not_signed_in()
        _require_no_delay(user.failed, user.failed_ns, now)
        users.put(msgspec.structs.replace(user, failed=user.failed + 1, failed_ns=now))  # counted before it is made
        checked = _checked(user, password, code, now)
        if checked is None:
            raise _not_signed_in()
        if needs_rehash(checked.password):
            checked = msgspec.structs.replace(checked, password=hash_password(password))
        users.put(msgspec.structs.replace(checked, failed=0, failed_ns=0))
        return self._begin(checked, now)

    def sign_out(self) -> None:
        """End all sessions."""
        self._sessions.clear()
        self._desk = None

    def drop_expired(self) -> bool:
        """Forget sessions that have ended; whether the desk's was one."""
        ended = self._desk is not None and self._living(self._desk) is None
        self._sessions = {key: one for key, one in self._sessions.items() if self._living(one) is not None}
        if ended:
            self._desk = None
        return ended

    # Tickets of the processes that the engine starts ------------------------------------------------------------------

    @staticmethod
    def new_ticket() -> tuple[str, bytes]:
        """A right that lives as long as the process it is given to: (its text, its digest)."""
        text = f"oalr_{_letters(32)}"
        return text, _digest(text)

    def admit(self, digest: bytes, holder: Principal) -> None:
        """Whoever holds this ticket counts as ``holder`` from now on."""
        self._tickets[digest] = holder

    def dismiss(self, digest: bytes) -> None:
        """The ticket ends."""
        self._tickets.pop(digest, None)

    # Users ----------------------------------------------------------------------------------------------------------

    def add_user(self, name: str, password: Secret, role: Role) -> UserInfo:
        """A new user. Slow. Raises InputError."""
        from openalgo_lab.store.vault.passwords import hash_password
        from openalgo_lab.store.vault.people import User

        users = self._vault().users
        if not _NAME.fullmatch(name):
            raise InputError(f"{name!r} is no user name: use 1 to 32 letters, digits, '.', '_' or '-'.", field="name")
        if users.get(name) is not None:
            raise InputError(f"There is a user {name} already: choose another name.", field="name")
        first = not users.all()
        if first and role is not Role.ADMIN:
            raise InputError("The first user is an administrator, or nobody could add the next one.", field="role")
        user = User(name, role, hash_password(password), created_ns=self._now_ns())
        users.put(user)
        self._required = True
        if first:
            self._begin(user, self._now_ns())  # who makes the first user knows its password, and must not be shut out
        return user_info(user)

    def remove_user(self, name: str) -> None:
        """Forget a user, its sessions and its keys. Raises InputError."""
        vault = self._vault()
        user, others = self.user(name), [one for one in vault.users.all() if one.name != name]
        if others and not any(one.role is Role.ADMIN for one in others):
            raise InputError(f"{user.name} is the last administrator: make another one first.", field="name")
        for key in vault.api_keys.all():
            if key.by == name and not key.ended_ns:
                vault.api_keys.put(msgspec.structs.replace(key, ended_ns=self._now_ns()))
        vault.users.remove(name)
        self.end_sessions(name)
        self._required = bool(others)

    def set_password(self, name: str, new: Secret, old: Secret | None) -> None:
        """A new password; ``old`` is checked where it is given. Slow. Ends the user's other sessions."""
        from openalgo_lab.store.vault.passwords import hash_password, password_fits

        user = self.user(name)
        if old is not None:
            now = self._now_ns()
            _require_no_delay(user.failed, user.failed_ns, now)
            if not password_fits(user.password, old):
                self.keep(msgspec.structs.replace(user, failed=user.failed + 1, failed_ns=now))
                raise NotPermitted("The old password is wrong: nothing was changed.")
        self.keep(msgspec.structs.replace(user, password=hash_password(new), failed=0, failed_ns=0))
        self._sessions = {key: one for key, one in self._sessions.items() if one.user != name or one is self._desk}

    def user(self, name: str) -> User:
        """The user. Raises InputError when there is none."""
        user = self._vault().users.get(name)
        if user is None:
            raise InputError(f"There is no user {name!r}.", field="name")
        return user

    def users(self) -> tuple[UserInfo, ...]:
        """All of them."""
        return tuple(user_info(user) for user in self._vault().users.all())

    def keep(self, user: User) -> None:
        """Write a user's new state."""
        self._vault().users.put(user)

    def end_sessions(self, name: str) -> None:
        """End one user's sessions."""
        self._sessions = {key: one for key, one in self._sessions.items() if one.user != name}
        if self._desk is not None and self._desk.user == name:
            self._desk = None

    # Keys of programs -----------------------------------------------------------------------------------------------

    def create_key(
        self, label: str, role: Role, *, days: int, accounts: tuple[str, ...], commands: tuple[str, ...], by: str
    ) -> ApiKeyMade:
        """A new key. Raises InputError."""
        from openalgo_lab.store.vault.people import ApiKey

        if not label.strip():
            raise InputError("Give the key a label that says which program holds it.", field="label")
        if not 1 <= days <= _LONGEST_KEY_DAYS:
            raise InputError(f"A key lasts 1 to {_LONGEST_KEY_DAYS} days, not {days}.", field="days")
        now = self._now_ns()
        key_id = _letters(5)
        text = f"oal_{key_id}_{_letters(32)}"
        key = ApiKey(
            id=key_id,
            label=label.strip(),
            role=role,
            digest=_digest(text),
            created_ns=now,
            expires_ns=now + days * 86_400 * NS_PER_SECOND,
            accounts=accounts,
            commands=commands,
            by=by,
        )
        self._vault().api_keys.put(key)
        return ApiKeyMade(Secret(text), self._key_info(key))

    def keys(self) -> tuple[ApiKeyInfo, ...]:
        """All keys."""
        return tuple(self._key_info(key) for key in self._vault().api_keys.all())

    def revoke_key(self, key_id: str) -> None:
        """End a key now. Raises InputError when there is none."""
        keys = self._vault().api_keys
        key = keys.get(key_id)
        if key is None:
            raise InputError(f"There is no key {key_id!r}: take an id from the list.", field="id")
        if not key.ended_ns:
            keys.put(msgspec.structs.replace(key, ended_ns=self._now_ns()))

    # ----------------------------------------------------------------------------------------------------------------

    def _begin(self, user: User, now_ns: int) -> SignedIn:
        text = f"oals_{_letters(32)}"
        expires = min(now_ns + SESSION_S * NS_PER_SECOND, next_session_end_ns(now_ns))
        session = Session(user.name, user.role, _digest(text), expires)
        self._sessions[session.digest] = self._desk = session
        return SignedIn(user.name, user.role, expires, Secret(text))

    def _living(self, session: Session | None) -> Session | None:
        if session is None or session.expires_ns <= self._now_ns() or session.digest not in self._sessions:
            return None
        return session

    def _as_user(self, name: str, user: str, role: Role, *, local: bool) -> Principal:
        permission, paper = permission_of(role)
        return Principal(name, permission, local=local, paper_only=paper, user=user)

    def _of_key(self, key_id: str, text: str) -> Principal:
        key = self._vault().api_keys.get(key_id)
        known = key.digest if key is not None else bytes(32)
        if not hmac.compare_digest(known, _digest(text)) or key is None or self._key_info(key).state != "good":
            raise _no_key()
        permission, paper = permission_of(key.role)
        return Principal(
            f"key {key.id} ({key.label})",
            permission,
            local=False,
            paper_only=paper,
            accounts=frozenset(key.accounts),
            commands=frozenset(key.commands),
        )

    def _key_info(self, key: ApiKey) -> ApiKeyInfo:
        state = "revoked" if key.ended_ns else "expired" if key.expires_ns <= self._now_ns() else "good"
        return ApiKeyInfo(
            key.id, key.label, key.role, key.created_ns, key.expires_ns, key.accounts, key.commands, state
        )

    def _try_unknown(self, name: str, password: Secret, now_ns: int) -> None:
        """A name that nobody has is as slow, and waits as long, as one that somebody has."""
        from openalgo_lab.store.vault.passwords import spend_as_much

        failed, last = self._unknown.get(name, (0, 0))
        _require_no_delay(failed, last, now_ns)
        if len(self._unknown) >= _UNKNOWN_NAMES:
            self._unknown.pop(next(iter(self._unknown)))
        self._unknown[name] = (failed + 1, now_ns)
        spend_as_much(password)


def user_info(user: User) -> UserInfo:
    """A user as others may see one."""
    return UserInfo(user.name, user.role, bool(user.totp), len(user.recovery), user.created_ns)


def _checked(user: User, password: Secret, code: Secret | None, now_ns: int) -> User | None:
    """The user with what a good try used up; None for a bad one. All of it is looked at, whatever fails first."""
    from openalgo_lab.store.vault.passwords import password_fits
    from openalgo_lab.store.vault.second_factor import code_step, recovery_digest

    fits = password_fits(user.password, password)
    if not user.totp:
        return user if fits else None
    given = code or Secret("")
    step = code_step(Secret(user.totp), given, now_ns, user.totp_step)
    digest = recovery_digest(given)
    spare = next((kept for kept in user.recovery if hmac.compare_digest(kept, digest)), None)
    if not fits:
        return None
    if step is not None:
        return msgspec.structs.replace(user, totp_step=step)
    if spare is not None:
        return msgspec.structs.replace(user, recovery=tuple(kept for kept in user.recovery if kept != spare))
    return None


def _require_no_delay(failed: int, last_ns: int, now_ns: int) -> None:
    from openalgo_lab.store.vault.tries import delay_s

    delay = delay_s(failed)
    wait = delay - min(max((now_ns - last_ns) / NS_PER_SECOND, 0.0), float(delay))
    if wait > 0:
        raise VaultDelayed(f"{failed} tries to sign in have failed: try again in {wait:.0f} s.", wait)


def _letters(count: int) -> str:
    return base64.b32encode(os.urandom(count)).decode().rstrip("=").lower()


def _digest(text: str) -> bytes:
    """Keys and tokens hold 256 random bits: nothing can be guessed, so a fast hash is right."""
    return hashlib.sha256(text.encode()).digest()


def _not_signed_in() -> NotPermitted:
    return NotPermitted("Not signed in: the name, the password or the code is wrong, or the code was used before.")


def _no_key() -> NotPermitted:
    return NotPermitted("This key is not known, or it has ended: make a new one.")
