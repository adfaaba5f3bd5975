"""What the strategy builder's header says."""

from __future__ import annotations

from openalgo_lab.lab.strategy_reading import StrategyReading
from openalgo_lab.model.commands import MarginReply
from openalgo_lab.model.errors import RuleError
from openalgo_lab.options.scenarios import value_at_risk
from openalgo_lab.ui.chain.header import ChainFigure
from openalgo_lab.ui.options.words import money, plain, signed_money, strike

__all__ = ["strategy_figures"]


def strategy_figures(reading: StrategyReading, told: MarginReply | None, *, is_index: bool) -> list[ChainFigure]:
    """What it wins, loses, needs and stands for; ``told``: the account's own margin, if it has answered."""
    found, greeks = reading.outcome(), reading.sheet.greeks(reading.spot)
    profit, credit = reading.profit, reading.sheet.net_premium
    risk = value_at_risk([(reading.sheet, reading.spot, reading.atm_iv / 100)])
    evens = " · ".join(strike(round(level, 1)) for level in found.break_evens) or "none"
    chance = f"Lognormal round the forward at the ATM volatility; mean {money(found.expected)}"
    gain = (profit > 0) - (profit < 0)
    return [
        ChainFigure("profit", "P&L now", signed_money(profit), "At the market's prices, since the entries", gain),
        ChainFigure("max_profit", "Max profit", money(found.max_profit), "At the first expiry"),
        ChainFigure("max_loss", "Max loss", money(found.max_loss), "At the first expiry"),
        ChainFigure("even", "Break-even", evens, "Levels of the underlying at the first expiry"),
        ChainFigure("pop", "Prob. of profit", plain(100 * found.probability, 0, " %"), chance),
        ChainFigure("credit", "Credit" if credit >= 0 else "Debit", money(abs(credit)), "Net premium of the options"),
        _margin(reading, told, is_index=is_index),
        ChainFigure("delta", "Δ", plain(greeks.delta, 1), "Rupees a rupee of the underlying"),
        ChainFigure("gamma", "Γ", plain(greeks.gamma, 3), "Delta a rupee"),
        ChainFigure("theta", "Θ / day", money(greeks.theta), "Rupees a calendar day"),
        ChainFigure("vega", "Vega / pt", money(greeks.vega), "Rupees a volatility point"),
        ChainFigure("var", "VaR 99 %, 1 day", money(risk.value), f"Shortfall beyond it {money(risk.shortfall)}"),
    ]


def _margin(reading: StrategyReading, told: MarginReply | None, *, is_index: bool) -> ChainFigure:
    try:
        own = reading.margin(is_index=is_index)
    except RuleError as error:
        return ChainFigure("margin", "Margin", "–", str(error))
    parts = f"scan {money(own.span)}, exposure {money(own.exposure)}, premium {money(own.premium)}"
    broker = f" The account itself says {money(told.margin_paise / 100)}." if told else ""
    return ChainFigure(
        "margin", "Margin (est.)", money(own.total), f"Estimate: {parts}; hedges save {money(own.benefit)}.{broker}"
    )
