"""The facade for people: ``Lab`` and its live objects."""

from __future__ import annotations

from openalgo_lab.lab.facade import Lab
from openalgo_lab.lab.order import LiveOrder
from openalgo_lab.lab.position import LivePosition
from openalgo_lab.lab.quote import LiveDepth, LiveQuote, LiveQuotes

__all__ = ["Lab", "LiveDepth", "LiveOrder", "LivePosition", "LiveQuote", "LiveQuotes"]
