"""Strategies that the engine looks after: stepping a replay under one, and the processes that run them."""
