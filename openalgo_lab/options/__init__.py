"""Option mathematics in plain NumPy: Black-76, implied volatility, and the figures of an option chain."""
