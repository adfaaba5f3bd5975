"""Backtests: an event-driven engine for any strategy, a compiled kernel for signal strategies, one arithmetic."""
