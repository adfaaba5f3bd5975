"""Market orders at brokers that take none by API: a limit order at a price that will be met, and not much worse.

Bands as the brokers' own integrations use them, per cent of the last price (of the trigger for a stop):

    share, future   below 100: 2     to 500: 1     above: 0.5
    option          below 10: 5      to 100: 3     to 500: 2     above: 1
"""

from __future__ import annotations

from typing import Final

import msgspec

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.money import snap
from openalgo_lab.model.orders import OrderIntent
from openalgo_lab.model.vocabulary import PriceType

__all__ = ["protected", "protection_pct"]

_BANDS: Final = ((100.0, 2.0), (500.0, 1.0))
_OPTION_BANDS: Final = ((10.0, 5.0), (100.0, 3.0), (500.0, 2.0))


def protection_pct(price: float, *, option: bool) -> float:
    """How many per cent worse than ``price`` (rupees) an order may trade."""
    bands = _OPTION_BANDS if option else _BANDS
    least = bands[0][0]
    return next((pct for top, pct in bands if price < top or price == top > least), 1.0 if option else 0.5)


def protected(intent: OrderIntent, instrument: Instrument, last: float) -> OrderIntent:
    """``intent`` with a limit: MARKET becomes LIMIT from ``last`` (rupees), SL-M becomes SL from its trigger.

    On the tick, above for a buy and below for a sell, never below one tick. Raises InputError without a last price.
    """
    stop = intent.price_type is PriceType.SL_M
    base = intent.trigger_price if stop else last
    if not base > 0:
        raise InputError(f"No price of {intent.symbol} is known for a market order; give a limit price.", "price")
    share = intent.side.sign * protection_pct(base, option=instrument.kind.is_option) / 100
    # Rounded towards the worse price: the order must be met.
    price = snap(base * (1 + share), instrument.tick_size, intent.side.opposite)
    price = max(price, instrument.tick_size)
    return msgspec.structs.replace(intent, price_type=PriceType.SL if stop else PriceType.LIMIT, price=price)
