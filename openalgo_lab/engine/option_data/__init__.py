"""Option chains inside the engine: contracts from the instruments, numbers from the board, and the commands on them."""
