"""Skill `tables.recompute`: give the reviewer the numbers again, from the file.

Caller: the reviewer. Invariant: only one SELECT over `data` at a time is run, read-only, bounded in
time and memory; anything else is refused by the engine's own parser, and nothing is executed.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.skills.tables.limits import TableLimits
from langgraph_multi_agent.skills.tables.source import Table, open_table
from langgraph_multi_agent.skills.tables.values import json_value

MAX_SQL_CHARACTERS = 100_000
TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """Run queries over a file.

    Args:
        params: `{"file": path, "name": file name, "queries": [{"id", "sql"}], "limits"?: {...}}`.

    Returns:
        `{"rows": {id: {column: value}}, "errors": {id: code}}`; every id is in exactly one of them.
        Codes: `not_a_select`, `other_source`, `not_one_row`, `time`, `memory`, or `sql: <message>`.

    Raises:
        What `open_table` raises; InvalidRequest for malformed params.
    """
    limits = TableLimits.of(params)
    queries = [(str(query["id"]), str(query["sql"])) for query in params["queries"]]
    if len(queries) > limits.queries or len({key for key, _ in queries}) != len(queries):
        raise InvalidRequest(field="queries", value=len(queries))
    rows: dict[str, dict[str, Any]] = {}
    failures: dict[str, str] = {}
    with open_table(Path(params["file"]), str(params["name"]), limits) as table:
        for key, sql in queries:
            refusal = refused(table.engine, sql)
            if refusal is not None:
                failures[key] = refusal
                continue
            outcome = _one_row(table, sql, limits.query_s)
            if isinstance(outcome, str):
                failures[key] = outcome
            else:
                rows[key] = outcome
    return {"rows": rows, "errors": failures}


def refused(engine: duckdb.DuckDBPyConnection, sql: str) -> str | None:
    """Why a text is not a single SELECT over `data`, or None if it is one."""
    if len(sql) > MAX_SQL_CHARACTERS:
        return "not_a_select"
    try:
        found = engine.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    except duckdb.Error:
        return "not_a_select"
    tree: Any = json.loads(found[0]) if found else {"error": True}
    if tree.get("error") or len(tree.get("statements", ())) != 1:
        return "not_a_select"
    return None if _reads_only_data(tree["statements"][0]["node"]) else "other_source"


def _reads_only_data(tree: Any) -> bool:
    nodes = list(_nodes(tree))
    own = {
        str(entry["key"]).casefold() for node in nodes for entry in (node.get("cte_map") or {}).get("map", ())
    }
    reads_data = False
    for node in nodes:
        match node.get("type"):
            case "BASE_TABLE":
                path = (node.get("qualified_name") or {}).get("path") or [node.get("table_name")]
                qualified = node.get("schema_name") or node.get("catalog_name") or len(path) > 1
                if qualified or str(path[-1]).casefold() not in {"data", *own}:
                    return False
                reads_data |= str(path[-1]).casefold() == "data"
            case "TABLE_FUNCTION":
                if str(node["function"].get("function_name")).casefold() not in TABLE_FUNCTIONS:
                    return False
            case "SHOW_REF":
                return False
            case "FUNCTION" if str(node.get("function_name")).casefold() in FORBIDDEN_FUNCTIONS:
                return False
    return reads_data and "data" not in own


FORBIDDEN_FUNCTIONS = frozenset(
    {"current_setting", "getenv", "getvariable", "query", "query_table", "read_text", "read_blob"}
)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _one_row(table: Table, sql: str, seconds: float) -> dict[str, Any] | str:
    engine = table.engine
    alarm = threading.Timer(seconds, engine.interrupt)
    alarm.start()
    try:
        engine.execute("BEGIN TRANSACTION READ ONLY")
        cursor = engine.execute(sql)
        names = [item[0] for item in cursor.description or ()]
        found = cursor.fetchmany(2)
    except duckdb.InterruptException:
        return "time"
    except duckdb.OutOfMemoryException:
        return "memory"
    except duckdb.Error as error:
        return f"sql: {str(error).splitlines()[0][:300]}"
    finally:
        alarm.cancel()
        engine.rollback()
    if len(found) != 1:
        return "not_one_row"
    return {name: json_value(value) for name, value in zip(names, found[0], strict=True)}
