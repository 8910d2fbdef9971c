"""Seasonality: a measure that repeats by hour, weekday, month or quarter.

Caller: `analyse`. A straight line is taken out first; then the phases of the cycle are compared by
ranks. Invariant: a cycle counts only where the data cover it several times over.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from langgraph_multi_agent.skills.charts.spec import RangeChart
from langgraph_multi_agent.skills.tables.outcome import Outcome, Statement, finding_of
from langgraph_multi_agent.skills.tables.profile import ColumnProfile
from langgraph_multi_agent.skills.tables.significance import (
    Vector,
    dependent_f_test,
    dummies,
    holm,
    normal_scores,
)
from langgraph_multi_agent.skills.tables.source import Table
from langgraph_multi_agent.skills.tables.sqltext import rank_of
from langgraph_multi_agent.skills.tables.timeline import Series, Timeline, series_of

MIN_STRENGTH = 0.1
"""Least share of the detrended ranks' variance that the cycle explains."""
MIN_FILL = 0.2
"""Share of a cycle's periods that hold data; weekly or monthly dates show no weekday."""
MAX_TESTED = 504


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Phases within a cycle, seen at one grain. `min_periods` cover it often enough."""

    name: str
    grain: str
    length: int
    min_periods: int
    phase_sql: str


CYCLES = (
    Cycle(name="hour", grain="hour", length=24, min_periods=96, phase_sql="hour(period)"),
    Cycle(name="weekday", grain="day", length=7, min_periods=30, phase_sql="isodow(period)"),
    Cycle(name="month", grain="month", length=12, min_periods=24, phase_sql="month(period)"),
    Cycle(name="quarter", grain="quarter", length=4, min_periods=12, phase_sql="quarter(period)"),
)


def cycles_of(timeline: Timeline | None) -> tuple[Cycle, ...]:
    """Cycles that the time column can show; quarters only where months cannot."""
    if timeline is None:
        return ()
    fitting = [
        cycle
        for cycle in CYCLES
        if timeline.periods.get(cycle.grain, 0) >= cycle.min_periods
        and timeline.spans[cycle.grain] >= 2 * cycle.length
        and timeline.periods[cycle.grain] >= MIN_FILL * timeline.spans[cycle.grain]
    ]
    names = {cycle.name for cycle in fitting}
    return tuple(c for c in fitting if not (c.name == "quarter" and "month" in names))


def find_seasons(table: Table, timeline: Timeline | None, measures: Sequence[ColumnProfile]) -> Outcome:
    tried: list[tuple[Cycle, Series, float]] = []
    for cycle in cycles_of(timeline):
        assert timeline is not None
        for measure in measures:
            series = series_of(table, timeline, measure, cycle.grain)
            if len(series.y) < cycle.min_periods or np.ptp(series.y) == 0:
                continue
            phases = _phases(table, cycle, series)
            if len(np.unique(phases)) >= 3:
                tried.append((cycle, series, _p_value(cycle, series, phases)))
    kept = holm([p for _, _, p in tried])
    found = []
    for (cycle, series, _), is_kept in zip(tried, kept, strict=True):
        if not is_kept:
            continue
        assert timeline is not None
        finding, row = finding_of(table, _statement(cycle, series, timeline))
        if row["strength"] < MIN_STRENGTH:
            continue
        found.append((finding, _chart(table, cycle, series, row)))
    return Outcome(found=tuple(found), tested=len(tried))


def _phases(table: Table, cycle: Cycle, series: Series) -> Vector:
    rows = table.all(f"SELECT {cycle.phase_sql} FROM ({series.sql}) ORDER BY x")
    return np.array([row[0] for row in rows], dtype=np.float64)


def _p_value(cycle: Cycle, series: Series, phases: Vector) -> float:
    n = len(series.y)
    chosen = np.arange(n)
    if n > MAX_TESTED:
        # Three stretches of whole cycles; their true distances in time are kept.
        size = MAX_TESTED // 3 // cycle.length * cycle.length
        starts = (0, (n - size) // 2, n - size)
        chosen = np.unique(np.concatenate([np.arange(s, s + size) for s in starts]))
    x = series.x[chosen]
    line = np.column_stack([np.ones(len(x)), (x - x.mean()) / max(1.0, float(np.ptp(x)))])
    return dependent_f_test(normal_scores(series.y[chosen]), x, line, dummies(phases[chosen]))


def _detrended(cycle: Cycle, series: Series) -> str:
    return (
        f"WITH points AS ({series.sql}),\n"
        "line AS (SELECT regr_slope(y, x) AS slope, avg(x) AS centre FROM points),\n"
        f"rest AS (SELECT {cycle.phase_sql} AS phase, y - slope * (x - centre) AS r"
        " FROM points, line)"
    )


def _statement(cycle: Cycle, series: Series, timeline: Timeline) -> Statement:
    sql = (
        f"{_detrended(cycle, series)},\n"
        f"ranked AS (SELECT phase, {rank_of('r')} AS rank FROM rest),\n"
        "means AS (SELECT phase, count(*) AS n, avg(rank) AS mean_rank FROM ranked GROUP BY phase),\n"
        "total AS (SELECT count(*) AS periods, var_pop(rank) AS variance, avg(rank) AS mean FROM ranked),\n"
        "strength AS (SELECT sum(n * (mean_rank - mean) ** 2) / any_value(periods * variance)"
        " AS strength, any_value(periods) AS periods FROM means, total),\n"
        "levels AS (SELECT phase, median(r) AS level FROM rest GROUP BY phase)\n"
        "SELECT CAST(arg_max(phase, level ORDER BY phase) AS VARCHAR) AS peak,"
        " CAST(arg_min(phase, level ORDER BY phase) AS VARCHAR) AS low,"
        " max(level) AS peak_level, min(level) AS low_level, max(level) - min(level) AS amplitude,"
        " any_value(strength) AS strength, any_value(periods) AS periods FROM levels, strength"
    )
    return Statement(
        kind="seasonality",
        template=f"finding.seasonality.{cycle.name}",
        subject=(series.measure, timeline.column),
        key=f"{series.measure}/{cycle.name}",
        sql=sql,
        numbers={
            "peak_level": "g4",
            "low_level": "g4",
            "amplitude": "g3",
            "strength": "p0",
            "periods": "int",
        },
        texts=("peak", "low"),
        names={"measure": series.measure, "time": timeline.column},
    )


def _chart(table: Table, cycle: Cycle, series: Series, row: dict[str, object]) -> RangeChart:
    groups = table.all(
        f"{_detrended(cycle, series)}\n"
        "SELECT phase, quantile_cont(r, 0.25), median(r), quantile_cont(r, 0.75)"
        " FROM rest GROUP BY phase ORDER BY phase"
    )
    return RangeChart(
        title=series.measure,
        x_label=cycle.name,
        y_label=series.measure,
        groups=tuple((str(p), float(a), float(m), float(b)) for p, a, m, b in groups),
        highlight=tuple(i for i, g in enumerate(groups) if str(g[0]) in (row["peak"], row["low"])),
    )
