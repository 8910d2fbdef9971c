"""Limits of the table skills; a caller may lower them per call with `params["limits"]`.

Callers: every table skill. Invariant: reading and analysing stay within these, or say which one
was passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from langgraph_multi_agent.domain.errors import InvalidRequest

MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLimits:
    """Sizes in bytes, times in seconds.

    Attributes:
        file_bytes: largest CSV, TSV, JSON, JSONL or Parquet file.
        workbook_bytes: largest XLSX file.
        unpacked_bytes: sum of the sizes that the workbook's zip directory declares.
        unpacked_ratio: declared size over packed size.
        columns: more are refused.
        profile_columns: so many are described; the rest is counted.
        cells: rows times columns of a Parquet file, whose size on disk says little.
        engine_bytes: DuckDB's buffers; beyond them it spills to the scratch directory.
        query_s: time of one recomputed query.
        queries: how many one call may recompute.
    """

    file_bytes: int = GIB
    workbook_bytes: int = 100 * MIB
    unpacked_bytes: int = GIB
    unpacked_ratio: int = 100
    columns: int = 2000
    profile_columns: int = 200
    cells: int = 2_000_000_000
    engine_bytes: int = 384 * MIB
    query_s: float = 60.0
    queries: int = 500

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "TableLimits":
        """The defaults, with what `params["limits"]` names put over them.

        Raises:
            InvalidRequest: a name that is no limit.
        """
        given = dict(params.get("limits") or {})
        unknown = given.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise InvalidRequest(field="limits", value=min(unknown))
        return cls(**given)
