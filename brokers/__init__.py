"""The brokers: one small folder an API, of tables and pure codecs."""
