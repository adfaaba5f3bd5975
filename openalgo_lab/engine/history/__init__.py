"""History in the engine: what is missing is fetched by the engine's account and kept in the lake.

At the engine's start only :mod:`desk` is loaded; everything else with the first question about candles.
"""
