"""Secrets in memory: types that show a mask wherever a value could be shown, and a filter that keeps logs clean."""

from __future__ import annotations

import base64
import hmac
import json
import logging
from collections.abc import Iterator
from typing import Any, ClassVar, Final, NoReturn, SupportsIndex
from urllib.parse import quote, quote_plus

__all__ = ["MASK", "Secret", "SecretBytes", "SecretFilter", "SecretMasker"]

MASK: Final = "••••••"
"""What stands where a secret would; its length tells nothing."""

_SHORTEST = 4
"""Shorter values are not searched for in texts: masking every "1" would hide the text and show the secret."""


class _Masked:
    """What both kinds of secret refuse and show."""

    __slots__ = ()
    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str, /) -> str:
        return MASK

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"A {type(self).__name__} cannot be changed; make a new one.")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"A {type(self).__name__} cannot be changed; make a new one.")

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("A secret is never pickled: keep it in the vault, and hand over the name of its account.")

    def __iter__(self) -> Iterator[NoReturn]:
        raise TypeError("A secret has no parts; call reveal() where its value must leave.")


class Secret(_Masked):
    """A text that shows a mask in repr, str, format, logs, tracebacks and notebooks. Only :meth:`reveal` gives it out.

    Equality takes constant time and holds between secrets only. Not hashable, not picklable, no JSON: encoders refuse
    it. True when it is not empty. A copy is the same object.
    """

    __slots__ = ("_open",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"A Secret holds text, not {type(value).__name__}.")
        # A closure, so that looking at the object's members shows a function and no text.
        object.__setattr__(self, "_open", lambda: value)

    def reveal(self) -> str:
        """The value itself; call it at the place where the value leaves, and keep no name for it."""
        value: str = object.__getattribute__(self, "_open")()
        return value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.reveal().encode(), other.reveal().encode())

    __hash__ = None  # no key of a dict, no member of a set that could be printed

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self


class SecretBytes(_Masked):
    """A key in memory, masked like :class:`Secret`; :meth:`wipe` overwrites it as far as the runtime allows."""

    __slots__ = ("_open",)

    def __init__(self, value: bytes | bytearray) -> None:
        held = bytearray(value)
        object.__setattr__(self, "_open", lambda: held)

    def reveal(self) -> bytes:
        """A copy of the bytes. Raises ValueError after :meth:`wipe`."""
        held = self._held()
        if not held:
            raise ValueError("This key was wiped when the vault was locked: unlock the vault again.")
        return bytes(held)

    def wipe(self) -> None:
        """Overwrite the bytes; from then on there is nothing to reveal."""
        held = self._held()
        held[:] = bytes(len(held))
        held.clear()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretBytes):
            return NotImplemented
        return hmac.compare_digest(self._held(), other._held())

    __hash__ = None  # no key of a dict, no member of a set that could be printed

    def __bool__(self) -> bool:
        return bool(self._held())

    def _held(self) -> bytearray:
        held: bytearray = object.__getattribute__(self, "_open")()
        return held


class SecretMasker:
    """Replaces the secrets that it was told by the mask, in any text: log lines, crash reports, outputs.

    It finds a value as it is, and as it stands in an address, in JSON, in Python's repr and in base64. Values shorter
    than four characters are not searched for.
    """

    def __init__(self) -> None:
        self._forms: tuple[str, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether it knows any secret."""
        return bool(self._forms)

    def add(self, secret: Secret) -> None:
        """Mask this one from now on. Any thread."""
        value = secret.reveal()
        if len(value) < _SHORTEST:
            return
        known = {*self._forms, *_forms(value)}
        self._forms = tuple(sorted(known, key=len, reverse=True))  # longest first: one may hold another

    def mask(self, text: str) -> str:
        """``text`` without any known secret."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text


def _forms(value: str) -> set[str]:
    raw = value.encode()
    coded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex()}
    quoted = {quote(value), quote(value, safe=""), quote_plus(value)}
    return {
        value,
        *coded,
        *quoted,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        repr(raw)[2:-1],
    }


class SecretFilter(logging.Filter):
    """Masks message, arguments, traceback and stack of a log record. It belongs on handlers, not on loggers:
    a logger's filters do not see what its children log.
    """

    def __init__(self, masker: SecretMasker) -> None:
        super().__init__()
        self._masker = masker

    def install(self, logger: logging.Logger | None = None) -> None:
        """Put it on every handler of ``logger`` (the root, if none is given), once."""
        for handler in (logger or logging.getLogger()).handlers:
            if self not in handler.filters:
                handler.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True: the record goes on, without secrets."""
        said = _said(record)
        clean = self._masker.mask(said)
        if clean != said:
            record.msg, record.args = clean, None
        if record.exc_info:
            told = record.exc_text or logging.Formatter().formatException(record.exc_info)
            masked = self._masker.mask(told)
            if masked != told:
                # Without exc_info no later handler can format the exception again from the living values.
                record.exc_text, record.exc_info = masked, None
        elif record.exc_text:
            record.exc_text = self._masker.mask(record.exc_text)
        if record.stack_info:
            record.stack_info = self._masker.mask(record.stack_info)
        return True


def _said(record: logging.LogRecord) -> str:
    """The message with its arguments; a message that does not fit them is logging's to report, not ours."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        record.msg, record.args = f"{record.msg} {record.args!r}", None
        return str(record.msg)
