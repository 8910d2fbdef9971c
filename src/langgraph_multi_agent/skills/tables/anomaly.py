"""Anomalies: single values far outside what is usual around them.

Caller: `analyse`. Around a value means, in this order: the neighbours in time if each moment has
one row; else the group that explains the measure best; else the whole column. Invariant: how far
is too far depends on the measure's own tails, so a heavy-tailed measure is not full of anomalies.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from langgraph_multi_agent.skills.charts.spec import LineChart
from langgraph_multi_agent.skills.tables.outcome import Outcome, Statement, finding_of
from langgraph_multi_agent.skills.tables.profile import ColumnProfile
from langgraph_multi_agent.skills.tables.seasonality import cycles_of
from langgraph_multi_agent.skills.tables.significance import (
    ALPHA,
    Vector,
    kruskal_wallis,
    t_quantile,
    t_tail,
)
from langgraph_multi_agent.skills.tables.source import Table
from langgraph_multi_agent.skills.tables.sqltext import as_number, literal, quoted
from langgraph_multi_agent.skills.tables.timeline import LABEL_FORMATS, Timeline

MIN_ROWS = 30
WINDOW = 7
"""Neighbours on each side that make what is usual."""
MIN_SCORE = 5.0
"""Robust z (1.4826 × median absolute deviation = 1) below which nothing is an anomaly."""
MAX_SHARE = 0.05
"""If more values than this stand out, they are a part of the distribution."""
MAX_DF = 60.0
GROUPING_SHARE = 0.1
TAIL_SAMPLE = 200_000
_NORMAL_RATIO = 2.4387
"""Quantile 0.95 over quantile 0.75 of the normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a value is held against: SQL of the expected value, and the chart's order."""

    kind: str
    rows_sql: str
    context: str = ""


def find_anomalies(
    table: Table,
    timeline: Timeline | None,
    measures: Sequence[ColumnProfile],
    categories: Sequence[ColumnProfile],
) -> Outcome:
    found, tested = [], 0
    for measure in measures:
        if table.rows - measure.missing < MIN_ROWS or measure.distinct < 10:
            continue
        tested += 1
        usual = _usual(table, timeline, measure, categories)
        threshold = _threshold(table, usual, len(measures))
        if threshold is None:
            continue
        statement = _statement(measure, usual, threshold, timeline)
        finding, row = finding_of(table, statement)
        found.append((finding, _chart(table, measure, usual, threshold, row, timeline)))
    return Outcome(found=tuple(found), tested=tested)


def _usual(
    table: Table,
    timeline: Timeline | None,
    measure: ColumnProfile,
    categories: Sequence[ColumnProfile],
) -> Usual:
    m, value = quoted(measure.name), as_number(measure.name)
    when = "CAST(NULL AS TIMESTAMP)"
    if timeline is not None:
        when = f"CASE WHEN {quoted(timeline.column)} IS NOT NULL THEN {timeline.expression} END"
    base = f"SELECT rowid AS place, {when} AS t, {value} AS y FROM data WHERE {m} IS NOT NULL"
    if timeline is not None and timeline.is_unique:
        window = f"(ORDER BY t ROWS BETWEEN {WINDOW} PRECEDING AND {WINDOW} FOLLOWING)"
        cycle = next((c for c in cycles_of(timeline) if c.grain == timeline.grain), None)
        if cycle is not None and _has_phase(table, timeline, measure, cycle.phase_sql):
            phase = cycle.phase_sql.replace("period", "t")
            base = (
                "SELECT place, t, y, median(y - local) OVER"
                f" (PARTITION BY {phase}) AS shift FROM"
                f" (SELECT *, median(y) OVER {window} AS local FROM ({base} AND t IS NOT NULL))"
            )
            rows = (
                "SELECT place, t, y, shift + median(y - shift) OVER"
                f" {window} AS expected FROM ({base})"
            )
        else:
            rows = f"SELECT place, t, y, median(y) OVER {window} AS expected FROM ({base} AND t IS NOT NULL)"
        return Usual(kind="time", rows_sql=rows)
    best = _best_group(table, measure, categories)
    if best is not None:
        rows = (
            f"SELECT place, t, y, median(y) OVER (PARTITION BY g) AS expected FROM"
            f" (SELECT rowid AS place, {when} AS t, {value} AS y, {quoted(best)} AS g FROM data"
            f" WHERE {m} IS NOT NULL AND {quoted(best)} IS NOT NULL)"
        )
        return Usual(kind="group", rows_sql=rows, context=best)
    rows = f"SELECT place, t, y, median(y) OVER () AS expected FROM ({base})"
    return Usual(kind="all", rows_sql=rows)


def _has_phase(
    table: Table, timeline: Timeline, measure: ColumnProfile, phase_sql: str
) -> bool:
    phase = phase_sql.replace("period", timeline.expression)
    found = table.all(
        f"SELECT {phase}, {as_number(measure.name)} FROM data WHERE {quoted(measure.name)} IS NOT"
        f" NULL AND {quoted(timeline.column)} IS NOT NULL LIMIT {TAIL_SAMPLE}"
    )
    h, df = kruskal_wallis(np.array([r[1] for r in found]), np.array([r[0] for r in found]))
    return h - df > 0.05 * len(found)


def _best_group(
    table: Table, measure: ColumnProfile, categories: Sequence[ColumnProfile]
) -> str | None:
    """The category that explains most of the measure's ranks, if any explains a good part."""
    best, best_share = None, GROUPING_SHARE
    for category in categories:
        rows = table.rows - measure.missing
        if category.distinct > 50 or category.distinct * 10 > rows:
            continue
        found = table.arrays(
            f"SELECT {as_number(measure.name)} AS y, CAST({quoted(category.name)} AS VARCHAR) AS g"
            f" FROM data WHERE {quoted(measure.name)} IS NOT NULL AND"
            f" {quoted(category.name)} IS NOT NULL ORDER BY rowid LIMIT {TAIL_SAMPLE}"
        )
        y, g = np.asarray(found["y"], dtype=np.float64), np.asarray(found["g"], dtype=str)
        if len(y) < MIN_ROWS:
            continue
        h, df = kruskal_wallis(y, g)
        share = (h - df) / len(y)
        if share > best_share:
            best, best_share = category.name, share
    return best


def _threshold(table: Table, usual: Usual, tests: int) -> float | None:
    """The score from which on values stand out, or None if none does.

    Each side's body (its quantiles 0.75 and 0.95, counted from the median) says which Student t
    it resembles; a value stands out if even that t would hardly give one so far among so many.
    """
    found = table.arrays(f"SELECT y - expected AS r FROM ({usual.rows_sql}) ORDER BY place")
    rest = np.asarray(found["r"], dtype=np.float64)
    n = len(rest)
    scale = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    if n < MIN_ROWS or scale <= 0:
        return None
    scores = (rest - np.median(rest)) / scale
    limit = math.inf
    for side in (scores, -scores):
        reach = _reach(side, n, tests)
        limit = min(limit, reach) if (side > reach).any() else limit
    if not math.isfinite(limit):
        return None
    # Both sides share one threshold, the larger of what each needs to be believed.
    outside = np.abs(scores) > limit
    if not outside.any() or outside.mean() > MAX_SHARE:
        return None
    return float(f"{limit:.3g}")


def _reach(side: Vector, n: int, tests: int) -> float:
    q75, q95 = (float(q) for q in np.quantile(side, (0.75, 0.95)))
    if q75 <= 0:
        return math.inf
    ratio = q95 / q75 * (1 + 1.5 / math.sqrt(n))
    df = _df_of(ratio)
    spread = q75 / t_quantile(0.25, df)
    return max(MIN_SCORE, spread * t_quantile(ALPHA / (2 * n * max(1, tests)), df) * 0.9)


def _df_of(ratio: float) -> float:
    """Degrees of freedom of the Student t whose 0.95 and 0.75 quantiles have this ratio."""
    if ratio <= t_quantile(0.05, MAX_DF) / t_quantile(0.25, MAX_DF):
        return MAX_DF
    low, high = 0.5, MAX_DF
    for _ in range(30):
        middle = math.sqrt(low * high)
        if t_quantile(0.05, middle) / t_quantile(0.25, middle) > ratio:
            low = middle
        else:
            high = middle
    return low


def _scored(usual: Usual) -> str:
    return (
        f"WITH usual AS ({usual.rows_sql}),\n"
        "centre AS (SELECT median(y - expected) AS middle FROM usual),\n"
        "spread AS (SELECT 1.4826 * median(abs(y - expected - middle)) AS scale,"
        " any_value(middle) AS middle, count(*) AS rows FROM usual, centre),\n"
        "scored AS (SELECT place, t, y, expected, (y - expected - middle) / scale AS score, rows"
        " FROM usual, spread)"
    )


def _statement(
    measure: ColumnProfile, usual: Usual, threshold: float, timeline: Timeline | None
) -> Statement:
    grain = "day" if timeline is None else timeline.grain
    where = (
        f"strftime(t, {literal(LABEL_FORMATS[grain])})"
        if usual.kind == "time"
        else "CAST(place + 1 AS VARCHAR)"
    )
    sql = (
        f"{_scored(usual)}\n"
        f"SELECT count(*) AS anomalies, any_value(rows) AS rows,"
        f" count(*) FILTER (WHERE score > 0) AS high, count(*) FILTER (WHERE score < 0) AS low,"
        f" arg_max({where}, abs(score) ORDER BY place) AS place,"
        f" arg_max(y, abs(score) ORDER BY place) AS value,"
        f" arg_max(expected, abs(score) ORDER BY place) AS expected,"
        f" arg_max(score, abs(score) ORDER BY place) AS score,"
        f" max(abs(score)) / (max(abs(score)) + {MIN_SCORE}) AS strength,"
        f" {threshold} AS threshold FROM scored WHERE abs(score) > {threshold}"
    )
    time = (timeline.column,) if timeline is not None and usual.kind == "time" else ()
    return Statement(
        kind="anomaly",
        template=f"finding.anomaly.{usual.kind}",
        subject=(measure.name, *time, *((usual.context,) if usual.context else ())),
        key=measure.name,
        sql=sql,
        numbers={
            "anomalies": "int",
            "rows": "int",
            "high": "int",
            "low": "int",
            "value": "g4",
            "expected": "g4",
            "score": "f1",
            "threshold": "g3",
            "strength": "f2",
        },
        texts=("place",),
        names={
            "measure": measure.name,
            **({"group": usual.context} if usual.context else {}),
            **({"time": timeline.column} if timeline is not None and time else {}),
        },
    )


def _chart(
    table: Table,
    measure: ColumnProfile,
    usual: Usual,
    threshold: float,
    row: dict[str, Any],
    timeline: Timeline | None,
) -> LineChart | None:
    """All rows if they are few, else the neighbourhood of the largest anomaly."""
    order = "t" if usual.kind == "time" else "place"
    grain = "day" if timeline is None else timeline.grain
    label = (
        f"strftime(t, {literal(LABEL_FORMATS[grain])})"
        if usual.kind == "time"
        else "CAST(place + 1 AS VARCHAR)"
    )
    found = table.all(
        f"{_scored(usual)},\nnumbered AS (SELECT {label} AS label, y, score,"
        f" row_number() OVER (ORDER BY {order}) AS n FROM scored),\n"
        f"top AS (SELECT arg_max(n, abs(score) ORDER BY n) AS centre, count(*) AS rows FROM numbered)\n"
        f"SELECT label, n, y, abs(score) > {threshold} FROM numbered, top"
        f" WHERE rows <= 1500 OR abs(n - centre) <= 400 ORDER BY n"
    )
    return LineChart(
        title=measure.name,
        x_label=timeline.column if timeline is not None and usual.kind == "time" else "#row",
        y_label=measure.name,
        labels=tuple(str(item[0]) for item in found),
        x=tuple(float(item[1]) for item in found),
        y=tuple(float(item[2]) for item in found),
        marks=tuple(i for i, item in enumerate(found) if item[3]),
    )
