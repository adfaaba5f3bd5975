"""The kinds of order that a ticket makes, and the fields that a kind has beyond those of a plain order."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

import msgspec

__all__ = ["CHOICES", "KIND_WORDS", "LOT_FIELDS", "PRICE_FIELDS", "Extra", "ExtraField", "TicketKind"]


class TicketKind(StrEnum):
    """What one press of the ticket makes."""

    ORDER = "order"
    SMART = "smart"
    SPLIT = "split"
    BRACKET = "bracket"
    GTT = "gtt"
    OPTION = "option"
    CHASE = "chase"
    TWAP = "twap"
    ICEBERG = "iceberg"


KIND_WORDS: Final = {
    TicketKind.ORDER: "Order",
    TicketKind.SMART: "Target position",
    TicketKind.SPLIT: "Split order",
    TicketKind.BRACKET: "Bracket",
    TicketKind.GTT: "Trigger (GTT, OCO)",
    TicketKind.OPTION: "Option by offset",
    TicketKind.CHASE: "Chase the price",
    TicketKind.TWAP: "TWAP",
    TicketKind.ICEBERG: "Iceberg",
}
"""As they stand in the list."""

ExtraField = Literal[
    "position", "split_size", "stop", "target", "trail", "trigger_below", "price_below", "trigger_above",
    "price_above", "offset", "option_type", "expiry", "worst", "every", "patience", "finish", "parts", "minutes",
    "visible",
]  # fmt: skip

PRICE_FIELDS: Final = frozenset(
    {"stop", "target", "trail", "trigger_below", "price_below", "trigger_above", "price_above", "worst"}
)
"""Prices or distances in rupees: they step by the tick."""

LOT_FIELDS: Final = frozenset({"position", "split_size", "visible"})
"""Units: they step by the lot."""

CHOICES: Final = frozenset({"offset", "option_type", "expiry", "finish"})
"""What is chosen from a list and stays when another contract comes."""


class Extra(msgspec.Struct, frozen=True):
    """These fields as typed. ``expiry`` is an ISO date, "" the nearest; times in minutes, ``every`` in seconds."""

    position: str = ""
    split_size: str = ""
    stop: str = ""
    target: str = ""
    trail: str = ""
    trigger_below: str = ""
    price_below: str = ""
    trigger_above: str = ""
    price_above: str = ""
    offset: str = "ATM"
    option_type: str = "CE"
    expiry: str = ""
    worst: str = ""
    every: str = "1"
    patience: str = ""
    finish: str = "no"
    parts: str = "5"
    minutes: str = "10"
    visible: str = ""

    def cleared(self) -> Extra:
        """Without prices and units, for another contract; what was chosen stays."""
        kept = (*CHOICES, "every", "parts", "minutes")
        return Extra(**{name: getattr(self, name) for name in kept})
