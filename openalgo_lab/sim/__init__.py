"""The simulated exchange: a market (simulated or replayed), its matching, its records and its endpoint."""
