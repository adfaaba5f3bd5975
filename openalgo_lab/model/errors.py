"""The error tree of the workbench: what can go wrong, said in one sentence that names the remedy.

LabError
├── InputError                 the request itself is wrong; nothing was sent
│   ├── SymbolError            a symbol that cannot be read or is not listed
│   ├── NotSupported           the broker's API does not offer it
│   └── RuleError              a market rule (lot, tick, session …) that is not known for that date
├── Denied                     the engine refused before the wire (risk gate, permission, rate)
│   ├── RiskDenied             a named risk check said no; ``rule`` says which
│   ├── AwaitsApproval         it waits in the Action Center for a person's yes
│   └── NotPermitted           the caller may not give this command
├── BrokerError                the broker's side
│   ├── Rejected               a definite refusal by the broker or exchange
│   ├── SessionExpired         the token is dead: log in again
│   ├── Throttled              too many requests; ``retry_after_s`` says how long to wait
│   └── OutcomeUnknown         the request may or may not have arrived: never retried blindly
├── WireError                  the request definitely did not leave this machine
├── DecodeError                bytes from outside that do not fit their layout
├── StoreError                 a file of ours cannot be read or written
│   ├── JournalError           no durable intent can be written: no order may leave
│   └── VaultError             the vault of secrets
│       ├── VaultMissing       there is none yet
│       ├── VaultRefused       wrong passphrase, or the part that it opens is damaged: both look alike
│       ├── VaultDelayed       too many failed tries; ``retry_after_s`` says how long to wait
│       ├── VaultDamaged       its file is damaged; nothing was overwritten
│       └── VaultBusy          another process holds it
├── EngineError
│   ├── EngineDead             the engine's thread or host process is gone
│   ├── EngineBusy             another process hosts the engine of this profile
│   └── CallTimeout            the engine did not answer in time; the outcome is in the books
└── ReplayError                a recording that cannot be played
"""

from __future__ import annotations

__all__ = [
    "AwaitsApproval",
    "BrokerError",
    "CallTimeout",
    "DecodeError",
    "Denied",
    "EngineBusy",
    "EngineDead",
    "EngineError",
    "InputError",
    "JournalError",
    "LabError",
    "NotPermitted",
    "NotSupported",
    "OutcomeUnknown",
    "Rejected",
    "ReplayError",
    "RiskDenied",
    "RuleError",
    "SessionExpired",
    "StoreError",
    "SymbolError",
    "Throttled",
    "VaultBusy",
    "VaultDamaged",
    "VaultDelayed",
    "VaultError",
    "VaultMissing",
    "VaultRefused",
    "WireError",
    "error_from_wire",
]


class LabError(Exception):
    """Base of every error that the workbench raises on purpose; ``str(error)`` is one sentence for people."""


class InputError(LabError):
    """The request is wrong as it stands; ``field`` names the argument that causes it, where there is one."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class SymbolError(InputError):
    """A symbol that cannot be read or is not listed on that exchange."""


class NotSupported(InputError):
    """The broker's API does not offer what was asked; nothing was sent."""


class RuleError(InputError):
    """A market rule that the dated tables do not know for that day; never answered by a guess."""


class Denied(LabError):
    """Refused by the engine before anything left this machine."""


class RiskDenied(Denied):
    """A risk check refused the order; ``rule`` is its name, ``field`` the ticket's field that causes it."""

    def __init__(self, message: str, rule: str = "", field: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.field = field


class AwaitsApproval(Denied):
    """The order waits in the Action Center until a person approves it; the sentence names its number."""


class NotPermitted(Denied):
    """The caller's role does not allow this command."""


class BrokerError(LabError):
    """The broker's side of a failure."""


class Rejected(BrokerError):
    """A definite refusal by the broker or the exchange; the order does not exist there."""


class SessionExpired(BrokerError):
    """The broker's token is dead; orders are refused here until a new login."""


class Throttled(BrokerError):
    """The broker asks for fewer requests; wait ``retry_after_s`` seconds."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OutcomeUnknown(BrokerError):
    """The request may have arrived: the order is UNKNOWN until the broker's books prove it, and is never re-sent."""


class WireError(LabError):
    """The request definitely did not leave this machine (no connection, no name, refused)."""


class DecodeError(LabError):
    """Bytes or text from outside that do not fit their layout; never turned into a guess."""


class StoreError(LabError):
    """A file of the workbench cannot be read or written."""


class JournalError(StoreError):
    """The order journal cannot be written, so no new order may leave."""


class VaultError(StoreError):
    """The vault cannot do what was asked."""


class VaultMissing(VaultError):
    """This profile has no vault yet."""


class VaultRefused(VaultError):
    """Not unlocked: a wrong passphrase and a damaged key look the same from outside, on purpose."""


class VaultDelayed(VaultError):
    """Too many failed tries; the next one is heard in ``retry_after_s`` seconds."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class VaultDamaged(VaultError):
    """The vault's file is damaged, or not of a form that this version knows; it was left as it is."""


class VaultBusy(VaultError):
    """Another process holds the vault."""


class EngineError(LabError):
    """The engine itself."""


class EngineDead(EngineError):
    """The engine's thread or its host process is gone."""


class EngineBusy(EngineError):
    """Another process holds the engine of this profile."""


class CallTimeout(EngineError):
    """The engine did not answer in time; what became of the request stands in the books."""


class ReplayError(LabError):
    """A recording that cannot be played."""


_BY_NAME: dict[str, type[LabError]] = {
    cls.__name__: cls
    for cls in (
        LabError,
        InputError,
        SymbolError,
        NotSupported,
        RuleError,
        Denied,
        AwaitsApproval,
        RiskDenied,
        NotPermitted,
        BrokerError,
        Rejected,
        SessionExpired,
        Throttled,
        OutcomeUnknown,
        WireError,
        DecodeError,
        StoreError,
        JournalError,
        VaultError,
        VaultMissing,
        VaultRefused,
        VaultDelayed,
        VaultDamaged,
        VaultBusy,
        EngineError,
        EngineDead,
        EngineBusy,
        CallTimeout,
        ReplayError,
    )
}


def error_from_wire(kind: str, message: str, details: dict[str, str]) -> LabError:
    """The error that another process of ours raised, by class name; an unknown name gives a plain :class:`LabError`."""
    cls = _BY_NAME.get(kind, LabError)
    if cls is RiskDenied:
        return RiskDenied(message, details.get("rule", ""), details.get("field", ""))
    if issubclass(cls, InputError):
        return cls(message, details.get("field", ""))
    if cls is Throttled or cls is VaultDelayed:
        return cls(message, float(details.get("retry_after_s", "1")))
    return cls(message)
