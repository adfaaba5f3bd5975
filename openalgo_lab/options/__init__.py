"""Option mathematics, arrays in and arrays out: prices, Greeks, volatilities, smiles, chains, strategies, margin."""
