"""The sandbox: paper money on any data source. It holds no socket and imports none."""
