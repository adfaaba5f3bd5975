"""Statutory charges of an executed order, from the dated tables: taxes, exchange and regulator fees, stamp, GST."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.money import to_paise
from openalgo_lab.model.rule_rows import ChargeRow
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.vocabulary import Exchange, Product, Side

__all__ = ["charge_segment", "statutory_charges_paise"]

_LEVIES = ("stt", "ctt", "txn", "ipft", "sebi", "stamp")
_TAXED = ("txn", "ipft", "sebi")


def charge_segment(instrument: Instrument, product: Product) -> str:
    """The segment's name in the tables, such as ``equity_delivery`` or ``equity_option``."""
    kind = "option" if instrument.kind.is_option else "future"
    match instrument.exchange:
        case Exchange.NSE | Exchange.BSE:
            return "equity_delivery" if product is Product.CNC else "equity_intraday"
        case Exchange.CDS | Exchange.BCD:
            return f"currency_{kind}"
        case Exchange.MCX | Exchange.NCDEX | Exchange.NCO:
            return f"commodity_{kind}"
        case _:
            return f"equity_{kind}"


def statutory_charges_paise(
    rules: RuleBook, instrument: Instrument, *, product: Product, side: Side, value: float, on: date
) -> int:
    """What the state, the exchange and the regulator take of an order worth ``value`` rupees (premium for options).

    Without the broker's own fee. A levy that the tables do not know for the segment is not levied on it.
    """
    segment, amount = charge_segment(instrument, product), Decimal(str(value))
    taken: dict[str, Decimal] = {}
    for levy in _LEVIES:
        row = _row(rules, levy, segment, instrument, on)
        if row is not None and row.unit != "rupees" and row.side in (side.value.lower(), "both"):
            taken[levy] = amount * row.fraction
    gst = _row(rules, "gst", segment, instrument, on)
    tax = sum((taken.get(levy, Decimal(0)) for levy in _TAXED), Decimal(0)) * gst.fraction if gst is not None else 0
    return to_paise(sum(taken.values(), Decimal(0)) + tax)


def _row(rules: RuleBook, levy: str, segment: str, instrument: Instrument, on: date) -> ChargeRow | None:
    try:
        return rules.charge(levy, segment, instrument.exchange, on, underlying=instrument.underlying)
    except RuleError:
        return None
