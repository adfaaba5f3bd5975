"""The candle chart: history and the live bar as one series."""

from openalgo_lab.ui.chart.widget import CandleChart

__all__ = ["CandleChart"]
