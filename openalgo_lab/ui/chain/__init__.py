"""The option chain: live calls and puts of one expiry, with volatilities and deltas."""

from openalgo_lab.ui.chain.page import show_chain
from openalgo_lab.ui.chain.widget import OptionChainView

__all__ = ["OptionChainView", "show_chain"]
