"""What the page says to a ticket, one struct a message (``k`` tells which). ``t``: the browser's clock in seconds."""

from __future__ import annotations

from typing import Literal

import msgspec

from openalgo_lab.model.vocabulary import PriceType, Product, Side, Validity
from openalgo_lab.ui.ticket.kinds import TicketKind
from openalgo_lab.ui.ticket.state import TextField

__all__ = ["Again", "Cancel", "Choose", "Clear", "FrontMessage", "Hello", "Modify", "Put", "Step", "Submit", "Type"]


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="k"):
    """A view was drawn and holds nothing."""

    t: float


class Type(msgspec.Struct, frozen=True, tag="type", tag_field="k"):
    """The text of a field changed."""

    field: TextField
    text: str


class Step(msgspec.Struct, frozen=True, tag="step", tag_field="k"):
    """A stepper was pressed: so many lots or ticks."""

    field: TextField
    by: int


class Put(msgspec.Struct, frozen=True, tag="put", tag_field="k"):
    """A quick price was pressed."""

    what: Literal["bid", "mid", "ask", "ltp"]


class Choose(msgspec.Struct, frozen=True, tag="choose", tag_field="k"):
    """One of the choices was made."""

    side: Side | None = None
    product: Product | None = None
    price_type: PriceType | None = None
    validity: Validity | None = None
    account: str | None = None
    kind: TicketKind | None = None


class Clear(msgspec.Struct, frozen=True, tag="clear", tag_field="k"):
    """Esc."""


class Submit(msgspec.Struct, frozen=True, tag="submit", tag_field="k"):
    """The button was pressed when it said ``seen``."""

    seen: str
    t: float


class Again(msgspec.Struct, frozen=True, tag="again", tag_field="k"):
    """Send the refused duplicate after all."""

    t: float


class Modify(msgspec.Struct, frozen=True, tag="modify", tag_field="k"):
    """Open the last order for a change."""


class Cancel(msgspec.Struct, frozen=True, tag="cancel", tag_field="k"):
    """Cancel the last order."""


FrontMessage = Hello | Type | Step | Put | Choose | Clear | Submit | Again | Modify | Cancel
