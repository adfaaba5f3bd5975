"""The table of brokers: what each row says, and that none of them grows beyond its bound."""

from __future__ import annotations

from openalgo_lab.broker.code_lines import code_lines
from openalgo_lab.broker.registry import describe


def test_no_broker_and_no_table_of_members_is_longer_than_six_hundred_lines() -> None:
    assert {row.key: row.lines for row in describe() if row.lines > 600} == {}


def test_members_of_a_family_are_counted_by_their_table() -> None:
    lines = {row.key: row.lines for row in describe()}
    assert lines["iifl"] == lines["wisdom"] < lines["zerodha"]
    assert lines["firstock"] > 300, "it speaks Noren's words in a codec of its own"


def test_lines_of_code_are_those_that_hold_code() -> None:
    source = '''"""A docstring
of two lines."""

# a comment
TEXT = """a value
of two lines"""  # and a comment


def function(
    one: int,
) -> None:
    """Docstring."""
    '''
    assert code_lines(source + "return\n") == 6
