"""The vault's tables, by version: each migration leads from one version to the next, and only forwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["MIGRATIONS"]

_V1: Final = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('revision', 0);
CREATE TABLE credentials(
  broker TEXT NOT NULL, account TEXT NOT NULL, fields BLOB NOT NULL, changed_ns INTEGER NOT NULL,
  PRIMARY KEY(broker, account)) WITHOUT ROWID;
CREATE TABLE tokens(
  broker TEXT NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
  expires_ns INTEGER NOT NULL, PRIMARY KEY(broker, account, name)) WITHOUT ROWID;
CREATE TABLE settings(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""

_V2: Final = """
CREATE TABLE users(name TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE api_keys(id TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE file_keys(name TEXT PRIMARY KEY, key BLOB NOT NULL, next BLOB, key_id TEXT NOT NULL) WITHOUT ROWID;
"""

MIGRATIONS: Sequence[str] = (_V1, _V2)
"""``MIGRATIONS[n]`` makes version n + 1 of version n; version 0 is an empty file. Entries are only ever added."""
