"""The trade journal through the facade: frames, notes, export in three formats."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from openalgo_lab import Lab
from openalgo_lab.lab.exports import export_frames
from openalgo_lab.model.errors import InputError, RuleError, StoreError
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def traded(lab: Lab) -> str:
    """A round trip of a strategy of its own."""
    order = lab.place_order("LT", "BUY", 10, strategy="journal").wait()
    lab.place_order("LT", "SELL", 10, strategy="journal").wait()
    eventually(lambda: len(lab.trade_journal.of(strategy="journal").fills()) >= 2)
    lab.trade_journal.annotate(order, note="first <b>note</b>", tags=["gap"])
    return order.order_id


def test_frames(lab: Lab, traded: str) -> None:
    mine = lab.trade_journal.of(strategy="journal")
    frame = mine.frame
    assert frame["quantity"].sum() == 20
    assert str(frame.index.tz) == "Asia/Kolkata"
    assert (frame["charges"] > 0).all()
    assert set(frame[frame["order_id"] == traded]["tags"]) == {"gap"}
    trips = mine.round_trips(matching="average")
    assert trips["quantity"].sum() == 10
    assert (trips["net"] < trips["gross"]).all()
    assert "journal" in lab.trade_journal.results("strategy").index
    assert mine.statistics().trades >= 1
    assert "trades closed" in repr(mine) and "net" in mine._repr_html_()
    assert lab.trade_journal.charges()["total"].sum() > 0
    assert lab.trade_journal.differences()["agrees"].all()


def test_curve(lab: Lab, traded: str) -> None:
    curve = lab.trade_journal.curve()
    assert list(curve.columns) == ["total", "drawdown"]
    assert (curve["drawdown"] <= 1e-9).all()


@pytest.mark.parametrize("ending", ["xlsx", "csv", "parquet"])
def test_export(lab: Lab, traded: str, ending: str, tmp_path: Path) -> None:
    lab.trade_journal.of(strategy="journal").export(tmp_path / f"j.{ending}")
    if ending == "xlsx":
        sheets = pd.read_excel(tmp_path / "j.xlsx", sheet_name=None)
        assert list(sheets) == ["trades", "round_trips", "days", "charges"]
        trades = sheets["trades"]
    elif ending == "csv":
        trades = pd.read_csv(tmp_path / "j-trades.csv")
        assert (tmp_path / "j-charges.csv").is_file()
    else:
        trades = duckdb.sql(f"SELECT * FROM '{tmp_path / 'j-trades.parquet'}'").df()
    assert trades["quantity"].sum() == 20
    assert "first <b>note</b>" in set(trades["note"].dropna())


def test_where_it_cannot_go(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(InputError, match="says no format"):
        export_frames({"x": frame}, tmp_path / "x.json")
    with pytest.raises(StoreError, match="cannot be written"):
        export_frames({"x": frame}, tmp_path / "no" / "x.csv")
    assert export_frames({"x": frame}, tmp_path / "it's.parquet").is_file()


def test_plans(lab: Lab) -> None:
    before = lab.trade_journal.plans
    try:
        assert lab.trade_journal.set_plan("zero", account="SIM").plan_of("SIM") == "zero"
        assert lab.trade_journal.plans.plan == before.plan
        with pytest.raises(RuleError):
            lab.trade_journal.set_plan("no plan")
    finally:
        lab.trade_journal.set_plan(before.plan, account="SIM")
