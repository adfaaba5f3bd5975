"""Brokers that are connected while the engine runs: their lines, instruments, names, sessions, and market data."""
