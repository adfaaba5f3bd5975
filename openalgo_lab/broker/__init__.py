"""What a broker adapter is, and the machinery that executes a broker's spec."""
