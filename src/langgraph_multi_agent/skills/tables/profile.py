"""Skill `tables.profile`: what a table holds, so that a plan can be made of it.

Callers: the MetaAgent before planning, and every analysis. Invariant: roles follow from all rows;
at most `profile_columns` columns are described, so the result stays small whatever the table is.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from langgraph_multi_agent.skills.tables.limits import TableLimits
from langgraph_multi_agent.skills.tables.source import Column, Table, open_table
from langgraph_multi_agent.skills.tables.sqltext import quoted
from langgraph_multi_agent.skills.tables.values import json_value

MAX_LEVELS = 1000
"""A text column with more values than this is read, not grouped."""
EXAMPLE_CHARACTERS = 60

_ID_NAME = re.compile(
    r"(^|[\s_\-.])(id|ids|uuid|guid|key|no|nr|index|idx|rowid|serial|sku|code)$|^(id|uuid|index|unnamed.*)$"
    r"|编号|编码|序号|代码|单号|号码|流水号|主键|學號|学号|工号|邮编|身份证|电话|手机|(?<=[a-z])(ID|Id)$",
)
_YEAR_NAME = re.compile(r"(^|[^a-z])(year|yr)s?([^a-z]|$)|年份|年度|^年$", re.IGNORECASE)
_LEVEL_NAME = re.compile(
    r"(^|[^a-z])(month|weekday|dayofweek|dow|hour|quarter|class|type|kind|group|category|cluster|level"
    r"|grade|flag|is|has|status|cylinders|gear|store|shop|region|zone|dept|segment|code|zip)([^a-z]|$)"
    r"|月份|星期|周几|小时|季度|类|型|组|级|等级|档|是否|标志|状态|地区|门店|班|部门|渠道",
    re.IGNORECASE,
)
_YEARS = (1500, 2200)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column.

    Attributes:
        role: time, measure, category, id, text or constant.
        misfits: cells that held something else than the column's type, now missing.
        minimum, maximum: numbers, ISO dates, or text cut to 60 characters.
        zeros, negatives: for numeric columns, how many.
    """

    name: str
    role: str
    type: str
    distinct: int
    missing: int
    misfits: int
    minimum: Any
    maximum: Any
    zeros: int = 0
    negatives: int = 0


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a table.

    Args:
        params: `{"file": path, "name": file name, "limits"?: {...}}`.

    Returns:
        `{"rows", "columns": [{"name", "role", "type", "distinct", "missing", …}], "column_count",
        "notes"}`.

    Raises:
        What `open_table` raises.
    """
    limits = TableLimits.of(params)
    with open_table(Path(params["file"]), str(params["name"]), limits) as table:
        described = describe(table, limits)
        return {
            "rows": table.rows,
            "column_count": len(table.columns),
            "columns": [asdict(column) for column in described],
            "notes": table.notes,
        }


def describe(table: Table, limits: TableLimits) -> list[ColumnProfile]:
    """Profiles of the first `profile_columns` columns, in the table's order."""
    columns = table.columns[: limits.profile_columns]
    profiles: list[ColumnProfile] = []
    for start in range(0, len(columns), 16):
        part = columns[start : start + 16]
        parts = [item for column in part for item in _aggregates(column)]
        found = table.all(f"SELECT {', '.join(parts)} FROM data")[0]
        for place, column in enumerate(part):
            profiles.append(_profile(table, column, found[place * 7 : place * 7 + 7]))
    return profiles


def _aggregates(column: Column) -> list[str]:
    c = quoted(column.name)
    is_number = column.type in ("BIGINT", "DOUBLE")
    # Exact while it is small, which is where roles are decided; beyond that near enough.
    return [
        f"count({c})",
        f"count(DISTINCT {c})",
        f"min({c})",
        f"max({c})",
        f"count(*) FILTER (WHERE {c} = 0)" if is_number else "0",
        f"count(*) FILTER (WHERE {c} < 0)" if is_number else "0",
        "0" if column.type != "VARCHAR" else f"avg(length({c})) + 1000 * avg((contains({c}, ' '))::INT)",
    ]


def _profile(table: Table, column: Column, found: tuple[Any, ...]) -> ColumnProfile:
    count, distinct, low, high, zeros, negatives, _ = found
    return ColumnProfile(
        name=column.name,
        role=_role(table, column, found),
        type=column.type,
        distinct=int(distinct),
        missing=table.rows - int(count),
        misfits=column.misfits,
        minimum=_short(low),
        maximum=_short(high),
        zeros=int(zeros),
        negatives=int(negatives),
    )


def _short(value: Any) -> Any:
    plain = json_value(value)
    return plain[:EXAMPLE_CHARACTERS] if isinstance(plain, str) else plain


def _role(table: Table, column: Column, found: tuple[Any, ...]) -> str:
    count, distinct, low, high, _, _, shape = found
    if distinct <= 1:
        return "constant"
    if column.type in ("DATE", "TIMESTAMP"):
        return "time"
    is_named_id = bool(_ID_NAME.search(column.name))
    if column.type == "VARCHAR":
        if distinct >= 0.95 * count and count >= 20:
            return "id" if float(shape or 0) < 40 else "text"
        if distinct > MAX_LEVELS or (distinct > 0.5 * count and count >= 20):
            return "id" if is_named_id else "text"
        return "category"
    if column.type == "BIGINT":
        if _YEAR_NAME.search(column.name) and _YEARS[0] <= low and high <= _YEARS[1]:
            return "time"
        if is_named_id and distinct >= 0.5 * count:
            return "id"
        if distinct == count and count >= 20 and high - low + 1 == count and _is_counting(table, column):
            return "id"
        if distinct == 2 or (distinct <= 50 and (is_named_id or _LEVEL_NAME.search(column.name))):
            return "category"
    return "measure"


def _is_counting(table: Table, column: Column) -> bool:
    """Whether the rows are simply numbered in their order."""
    c = quoted(column.name)
    found = table.row(
        f"SELECT count(*) FILTER (WHERE d IS DISTINCT FROM 1) AS n FROM"
        f" (SELECT {c} - lag({c}) OVER (ORDER BY rowid) AS d FROM data)"
    )
    return int(found["n"]) <= 1
