"""F2: whatever is pressed twice is sent once."""

import asyncio
from pathlib import Path

from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.risk import RiskSettings
from openalgo_lab.model.vocabulary import Exchange, Product, Side

CLICKS = 1000


async def test_a_thousand_double_clicks_are_a_thousand_orders(lab_home: Path) -> None:
    engine = await Engine.start(EngineConfig(profile="clicks", risk=RiskSettings(max_order_value=0)))
    try:
        for number in range(CLICKS):
            side = Side.BUY if number % 2 == 0 else Side.SELL
            click = PlaceOrder(
                Exchange.NSE, "SBIN", side, 1, Product.MIS, client_key=f"click-{number}", confirm_duplicate=True
            )
            first, second = await asyncio.gather(engine.call(click, LOCAL), engine.call(click, LOCAL))
            assert first.order_id == second.order_id
        assert len(engine.books.orders) == CLICKS
        assert len({order.broker_order_id for order in engine.books.orders}) == CLICKS
        async with asyncio.timeout(10):  # the last fills come a moment after their acknowledgement
            while sum(fill.quantity for fill in engine.books.fills) < CLICKS:
                await asyncio.sleep(0.05)
        assert sum(fill.quantity for fill in engine.books.fills) == CLICKS
        assert not any(position.quantity for position in engine.books.positions)
    finally:
        await engine.close()
