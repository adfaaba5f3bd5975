"""Frames into files: CSV, Excel, Parquet, by the name's ending."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from openalgo_lab.model.errors import InputError, StoreError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["export_frames"]


def export_frames(frames: Mapping[str, pd.DataFrame], path: Path | str) -> Path:
    """Write named frames; answers the path. Excel gets a sheet each; CSV and Parquet a file each, named by the frame.

    With one frame the file has exactly the name given. Raises InputError for another ending, StoreError for the disk.
    """
    target = Path(path).expanduser()
    writers = {".csv": _csv, ".parquet": _parquet}
    try:
        if target.suffix == ".xlsx":
            _excel(frames, target)
        elif target.suffix in writers:
            for name, frame in frames.items():
                single = target if len(frames) == 1 else target.with_name(f"{target.stem}-{name}{target.suffix}")
                writers[target.suffix](frame.reset_index(), single)
        else:
            raise InputError(f"{target.name!r} says no format: end it in .csv, .xlsx or .parquet.", field="path")
    except OSError as error:
        raise StoreError(f"{target} cannot be written ({error}): check the folder.") from error
    return target


def _csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False)


def _excel(frames: Mapping[str, pd.DataFrame], path: Path) -> None:
    import pandas as pd

    with pd.ExcelWriter(path, engine="openpyxl") as book:
        for name, frame in frames.items():
            plain = frame.reset_index()
            for column in plain.columns:  # Excel knows no time zones
                if isinstance(plain[column].dtype, pd.DatetimeTZDtype):
                    plain[column] = plain[column].dt.tz_localize(None)
            plain.to_excel(book, sheet_name=name[:31], index=False)


def _parquet(frame: pd.DataFrame, path: Path) -> None:
    import duckdb

    texts = frame.select_dtypes(exclude=["number", "bool", "datetimetz", "datetime"]).columns
    plain = frame.astype(dict.fromkeys(texts, "object"))
    with duckdb.connect() as db:
        db.register("frame", plain)
        target = str(path).replace("'", "''")
        db.execute(f"COPY frame TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
