"""History store: a lake of Parquet files that any process reads, with DuckDB as its query engine.

One-minute and daily candles are kept, in hive folders ``interval=1m/exchange=NSE/symbol=SBIN``, a file a year;
every other interval is built on reading. Nothing here is imported by the engine or a page at its start.
"""
