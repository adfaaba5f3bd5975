"""The order ticket: one press, one order."""

from openalgo_lab.ui.ticket.widget import OrderTicket

__all__ = ["OrderTicket"]
