"""One engine, many kernels: the lock, the link between processes, and the take-over."""
