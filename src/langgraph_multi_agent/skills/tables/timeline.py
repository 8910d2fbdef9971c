"""Time in a table: which column tells it, at which grain, and measures as series over it.

Callers: trend, seasonality, anomaly, correlation. Invariant: grain and column follow from the data
alone; the SQL text of a series is part of the published SQL and stands on `data` by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from langgraph_multi_agent.skills.tables.profile import ColumnProfile
from langgraph_multi_agent.skills.tables.significance import Vector
from langgraph_multi_agent.skills.tables.source import Table
from langgraph_multi_agent.skills.tables.sqltext import as_number, literal, quoted

GRAINS = ("hour", "day", "week", "month", "quarter", "year")
MIN_PERIODS = 12
MAX_PERIODS = 500
MIN_FILL = 0.6
"""Share of the periods between first and last that must hold data for a grain to fit."""
MANY_ZEROS = 0.25
"""From this share of zeros on a median says nothing, and periods are averaged."""

LABEL_FORMATS = {
    "hour": "%Y-%m-%d %H:00",
    "day": "%Y-%m-%d",
    "week": "%Y-%m-%d",
    "month": "%Y-%m",
    "quarter": "%Y-%m",
    "year": "%Y",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The time column and how fine it is.

    Attributes:
        expression: SQL for the TIMESTAMP of a row.
        grain: finest grain that the data fill.
        periods: how many periods of each grain hold data.
        spans: how many periods of each grain lie between first and last.
        rows_per_period: mean rows in a filled period of `grain`.
    """

    column: str
    expression: str
    grain: str
    periods: dict[str, int]
    spans: dict[str, int]
    rows_per_period: float
    is_unique: bool

    def coarse_enough(self, limit: int = MAX_PERIODS) -> str:
        """The finest grain from `grain` on with at most `limit` periods."""
        place = GRAINS.index(self.grain)
        for grain in GRAINS[place:]:
            if self.periods.get(grain, limit + 1) <= limit:
                return grain
        return GRAINS[-1]

    def grain_with(self, rows: int) -> str:
        """The finest grain whose filled periods hold so many rows on average."""
        total = self.rows_per_period * self.periods[self.grain]
        fitting = [g for g in GRAINS if g in self.periods and total >= rows * self.periods[g]]
        return fitting[0] if fitting else GRAINS[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A measure by period: `x` whole periods since the first, `y` the aggregated value."""

    measure: str
    grain: str
    aggregate: str
    sql: str
    x: Vector
    y: Vector
    labels: tuple[str, ...]


def timeline_of(table: Table, profiles: Sequence[ColumnProfile]) -> Timeline | None:
    """The time column with the most values, dates before years; None without a usable one."""
    candidates = [p for p in profiles if p.role == "time" and p.distinct >= MIN_PERIODS // 2]
    candidates.sort(key=lambda p: (p.type == "BIGINT", p.missing))
    for profile in candidates:
        found = _timeline(table, profile)
        if found is not None:
            return found
    return None


def _timeline(table: Table, profile: ColumnProfile) -> Timeline | None:
    c = quoted(profile.name)
    is_year = profile.type == "BIGINT"
    expression = f"make_timestamp({c}, 1, 1, 0, 0, 0.0)" if is_year else f"CAST({c} AS TIMESTAMP)"
    grains = GRAINS[5:] if is_year else GRAINS[1:] if profile.type == "DATE" else GRAINS
    parts = ", ".join(
        f"count(DISTINCT date_trunc('{g}', t)), date_diff('{g}', min(t), max(t)) + 1" for g in grains
    )
    found = table.all(
        f"SELECT count(*), {parts} FROM (SELECT {expression} AS t FROM data WHERE {c} IS NOT NULL)"
    )[0]
    rows, numbers = int(found[0]), [int(value) for value in found[1:]]
    periods = dict(zip(grains, numbers[0::2], strict=True))
    spans = dict(zip(grains, numbers[1::2], strict=True))
    fitting = [g for g in grains if periods[g] >= 6 and periods[g] >= MIN_FILL * spans[g]]
    if not fitting:
        return None
    grain = fitting[0]
    return Timeline(
        column=profile.name,
        expression=expression,
        grain=grain,
        periods=periods,
        spans=spans,
        rows_per_period=rows / periods[grain],
        is_unique=profile.distinct == rows,
    )


def series_sql(timeline: Timeline, measure: str, grain: str, aggregate: str) -> str:
    """SELECT of `period`, `y` and `x` (periods since the first), one row a period with a value."""
    return (
        f"SELECT period, y, date_diff('{grain}', min(period) OVER (), period) AS x FROM ("
        f"SELECT date_trunc('{grain}', {timeline.expression}) AS period,"
        f" {aggregate}({as_number(measure)}) AS y FROM data"
        f" WHERE {quoted(timeline.column)} IS NOT NULL AND {quoted(measure)} IS NOT NULL GROUP BY 1)"
    )


def label_sql(expression: str, grain: str) -> str:
    return f"strftime({expression}, {literal(LABEL_FORMATS[grain])})"


def series_of(table: Table, timeline: Timeline, profile: ColumnProfile, grain: str) -> Series:
    """Read a measure as a series."""
    filled = max(1, table.rows - profile.missing)
    aggregate = "avg" if profile.zeros >= MANY_ZEROS * filled else "median"
    sql = series_sql(timeline, profile.name, grain, aggregate)
    rows = table.all(f"SELECT {label_sql('period', grain)}, x, y FROM ({sql}) ORDER BY x")
    return Series(
        measure=profile.name,
        grain=grain,
        aggregate=aggregate,
        sql=sql,
        x=np.array([row[1] for row in rows], dtype=np.float64),
        y=np.array([row[2] for row in rows], dtype=np.float64),
        labels=tuple(str(row[0]) for row in rows),
    )
