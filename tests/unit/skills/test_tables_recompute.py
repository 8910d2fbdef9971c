"""Recomputation: the reviewer's way to every number, and nothing else."""

import time
from pathlib import Path

import pytest

from langgraph_multi_agent.skills.tables import recompute


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "stored"
    path.write_text("地区,销售额,d\n东,1.5,2020-01-01\n西,2.5,2020-01-02\n东,,2020-01-03\n")
    return path


def ask(table: Path, sql: str, **limits: float) -> tuple[dict | None, str | None]:
    answer = recompute.run(
        {"file": str(table), "name": "t.csv", "queries": [{"id": "q", "sql": sql}], "limits": limits}
    )
    assert len(answer["rows"]) + len(answer["errors"]) == 1
    return answer["rows"].get("q"), answer["errors"].get("q")


def test_one_row_of_plain_values(table: Path) -> None:
    row, error = ask(
        table,
        'WITH d2 AS (SELECT * FROM data) SELECT sum("销售额") AS s, count(*) AS n, max(d) AS last,'
        " CAST(1.25 AS DECIMAL(4,2)) AS dec, 1e308 * 10 AS too_large, any_value(地区) AS g FROM d2",
    )
    assert error is None
    assert row == {"s": 4.0, "n": 3, "last": "2020-01-03", "dec": 1.25, "too_large": None, "g": "东"}


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT count(*) FROM data; SELECT 1", "not_a_select"),
        ("DROP TABLE data", "not_a_select"),
        ("INSERT INTO data VALUES (1, 2, 3)", "not_a_select"),
        ("COPY data TO 'x.csv'", "not_a_select"),
        ("PRAGMA database_list", "not_a_select"),
        ("ATTACH 'x.db'", "not_a_select"),
        ("SET threads = 8", "not_a_select"),
        ("this is no SQL", "not_a_select"),
        ("", "not_a_select"),
        ("SELECT 42 AS answer", "other_source"),
        ("WITH data AS (SELECT 1 AS a) SELECT a FROM data", "other_source"),
        ("SELECT * FROM read_csv('/etc/passwd')", "other_source"),
        ("SELECT count(*) FROM data, '/etc/passwd'", "other_source"),
        ("SELECT count(*) FROM data, glob('*')", "other_source"),
        ("SELECT (SELECT count(*) FROM duckdb_settings()) FROM data LIMIT 1", "other_source"),
        ("SELECT count(*) FROM information_schema.tables, data", "other_source"),
        ("SELECT current_setting('temp_directory') FROM data LIMIT 1", "other_source"),
        ("DESCRIBE data", "other_source"),
        ("SELECT 地区 FROM data", "not_one_row"),
        ("SELECT 地区 FROM data WHERE false", "not_one_row"),
    ],
)
def test_only_a_single_select_over_data_with_one_row_is_run(table: Path, sql: str, code: str) -> None:
    row, error = ask(table, sql)
    assert row is None
    assert error == code


def test_an_unknown_column_is_an_error_of_that_query_alone(table: Path) -> None:
    answer = recompute.run(
        {
            "file": str(table),
            "name": "t.csv",
            "queries": [
                {"id": "bad", "sql": "SELECT nothing FROM data"},
                {"id": "good", "sql": "SELECT count(*) AS n FROM data"},
            ],
        }
    )
    assert answer["rows"] == {"good": {"n": 3}}
    assert answer["errors"]["bad"].startswith("sql: ")


def test_a_query_without_end_is_stopped(table: Path) -> None:
    started = time.monotonic()
    endless = (
        "SELECT count(*) AS n FROM data, range(100000000) a(i), range(100000000) b(j) WHERE i * j % 7 = 3"
    )
    assert ask(table, endless, query_s=0.5) == (None, "time")
    assert time.monotonic() - started < 40
