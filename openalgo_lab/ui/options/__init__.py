"""The options desk's pages: volatility, open interest, the straddle of the day, strategies, the portfolio's risk."""

from openalgo_lab.ui.options.builder import StrategyBuilder
from openalgo_lab.ui.options.interest import InterestView
from openalgo_lab.ui.options.page import show_page
from openalgo_lab.ui.options.portfolio import PortfolioView
from openalgo_lab.ui.options.session import SessionView
from openalgo_lab.ui.options.smile import VolatilityView

__all__ = ["InterestView", "PortfolioView", "SessionView", "StrategyBuilder", "VolatilityView", "show_page"]
