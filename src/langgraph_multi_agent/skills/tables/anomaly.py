"""Anomalies: single values far outside what is usual around them.

Caller: `analyse`. Around a value means, in this order: the neighbours in time if each moment has
one row; else the group that explains the measure best; else the whole column. Invariant: how far
is too far depends on the measure's own tails, so a heavy-tailed measure is not full of anomalies.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

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
)
from langgraph_multi_agent.skills.tables.source import Table
from langgraph_multi_agent.skills.tables.sqltext import as_number, literal, quoted
from langgraph_multi_agent.skills.tables.timeline import LABEL_FORMATS, Timeline

MIN_ROWS = 30
WINDOW = 7
"""Neighbours on each side that make what is usual."""
MAX_WINDOWED = 100_000
"""With more rows the period that a value falls in takes the place of its neighbours."""
MIN_SCORE, MIN_SCORE_SMALL = 7.0, 8.0
"""Robust z (1.4826 × median absolute deviation = 1) below which nothing is an anomaly; more where
few rows tell the tails."""
MIN_GAP, MIN_GAP_SMALL = 1.25, 1.5
"""The least anomaly over the largest usual deviation; more where few rows tell the tails."""
MAX_SCORE = 25.0
"""The tails that a t fits to the body may reach absurdly far; where the body plainly ends before
this score, and by MIN_GAP_CAPPED, what lies beyond it stands out whatever the t says."""
MIN_GAP_CAPPED = 3.0
ROOM = 1.1
"""A threshold beyond MAX_SCORE is no further than this from the largest usual score."""
MAX_SHARE = 0.05
"""If more values than this stand out, they are a part of the distribution."""
DEGREES = (
    60.0,
    30.0,
    20.0,
    15.0,
    12.0,
    10.0,
    8.0,
    7.0,
    6.0,
    5.0,
    4.5,
    4.0,
    3.5,
    3.0,
    2.5,
    2.0,
    1.5,
    1.0,
    0.5,
)
"""Student t from nearly normal to heavier than any sum that settles."""
TAIL_SHARES = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
TAIL_POINTS = 12
"""A quantile of the tail is trusted if so many values lie beyond it."""
SMALL = 1000
"""Below this a handful of anomalies would weigh on the tail, so candidates are left out of it."""
GROUPING_SHARE = 0.1
MIN_GROUP_ROWS = 20
"""A group with fewer rows is held against the spread of all: its own is hardly known."""
TAIL_SAMPLE = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a value is held against: SQL of the expected value, and the chart's order.

    `deviation` is SQL over `rows_sql`: how far a value is from the expected one.
    """

    kind: str
    rows_sql: str
    context: str = ""
    deviation: str = "y - expected"


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
        threshold = _threshold(table, usual)
        if threshold is None:
            continue
        statement = _statement(measure, usual, threshold, timeline)
        finding, _ = finding_of(table, statement)
        found.append((finding, _chart(table, measure, usual, threshold, timeline)))
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
    if timeline is not None and timeline.is_unique and table.rows > MAX_WINDOWED:
        period = f"date_trunc('{timeline.grain_with(2 * WINDOW)}', t)"
        rows = f"SELECT place, t, y, median(y) OVER (PARTITION BY {period}) AS expected FROM ({base} AND t IS NOT NULL)"
        return Usual(kind="time", rows_sql=rows)
    if timeline is not None and timeline.is_unique:
        window = f"(ORDER BY t ROWS BETWEEN {WINDOW} PRECEDING AND {WINDOW} FOLLOWING EXCLUDE CURRENT ROW)"
        cycle = next((c for c in cycles_of(timeline) if c.grain == timeline.grain), None)
        if cycle is not None and _has_phase(table, timeline, measure, cycle.phase_sql):
            phase = cycle.phase_sql.replace("period", "t")
            base = (
                "SELECT place, t, y, median(y - local) OVER"
                f" (PARTITION BY {phase}) AS shift FROM"
                f" (SELECT *, median(y) OVER {window} AS local FROM ({base} AND t IS NOT NULL))"
            )
            rows = f"SELECT place, t, y, shift + median(y - shift) OVER {window} AS expected FROM ({base})"
        else:
            rows = f"SELECT place, t, y, median(y) OVER {window} AS expected FROM ({base} AND t IS NOT NULL)"
        return Usual(kind="time", rows_sql=rows)
    best = _best_group(table, measure, categories)
    if best is not None:
        rows = (
            "SELECT place, t, y, expected, CASE WHEN count(*) OVER (PARTITION BY g) >="
            f" {MIN_GROUP_ROWS} THEN median(abs(y - expected)) OVER (PARTITION BY g) END AS own,"
            " median(abs(y - expected)) OVER () AS pooled FROM"
            " (SELECT *, median(y) OVER (PARTITION BY g) AS expected FROM"
            f" (SELECT rowid AS place, {when} AS t, {value} AS y, {quoted(best)} AS g FROM data"
            f" WHERE {m} IS NOT NULL AND {quoted(best)} IS NOT NULL))"
        )
        # Groups that vary little must not hide behind those that vary much, nor fill their tails.
        deviation = "(y - expected) / coalesce(nullif(own, 0), pooled)"
        return Usual(kind="group", rows_sql=rows, context=best, deviation=deviation)
    rows = f"SELECT place, t, y, median(y) OVER () AS expected FROM ({base})"
    return Usual(kind="all", rows_sql=rows)


def _has_phase(table: Table, timeline: Timeline, measure: ColumnProfile, phase_sql: str) -> bool:
    phase = phase_sql.replace("period", timeline.expression)
    found = table.all(
        f"SELECT {phase}, {as_number(measure.name)} FROM data WHERE {quoted(measure.name)} IS NOT"
        f" NULL AND {quoted(timeline.column)} IS NOT NULL LIMIT {TAIL_SAMPLE}"
    )
    h, df = kruskal_wallis(np.array([r[1] for r in found]), np.array([r[0] for r in found]))
    return h - df > 0.05 * len(found)


def _best_group(table: Table, measure: ColumnProfile, categories: Sequence[ColumnProfile]) -> str | None:
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


def _threshold(table: Table, usual: Usual) -> float | None:
    """The score from which on values stand out, or None if none does.

    The body of the deviations (their quantiles, the candidates left out) says which Student t they
    resemble; a value stands out if even that t would hardly give one so far among so many, and if
    it stands apart from the largest value that does not.
    """
    found = table.arrays(f"SELECT {usual.deviation} AS r FROM ({usual.rows_sql}) ORDER BY place")
    rest = np.asarray(found["r"], dtype=np.float64)
    n = len(rest)
    rest = np.abs(rest - np.median(rest))
    scale = 1.4826 * float(np.median(rest))
    if n < MIN_ROWS or scale <= 0:
        return None
    scores = np.sort(rest / scale)
    most = max(2, int(MAX_SHARE * n))
    least = MIN_SCORE_SMALL if n < SMALL else MIN_SCORE
    reach = max(least, _reach(scores, most))
    if reach > MAX_SCORE:
        beyond = int((scores > MAX_SCORE).sum())
        capped = _cut(scores, beyond, most, MIN_GAP_CAPPED)
        if capped is not None and capped[0] <= MAX_SCORE:
            return MAX_SCORE
    outside = int((scores > reach).sum())
    cut = _cut(scores, outside, most, MIN_GAP_SMALL if n < SMALL else MIN_GAP)
    if cut is None:
        return None
    below, above = cut
    middle = min(math.sqrt(below * above), max(MAX_SCORE, ROOM * below))
    return float(f"{max(reach, middle):.3g}")


def _cut(scores: Vector, outside: int, most: int, least_gap: float) -> tuple[float, float] | None:
    """The largest usual score and the least that stands out, or None if none does: the usual ends
    at the widest gap below one of the `outside` largest, if it is wide enough and they are few.
    """
    if not 0 < outside <= most:
        return None
    n = len(scores)
    ratios = scores[n - outside :] / scores[n - outside - 1 : n - 1]
    cut = int(np.argmax(ratios))
    if ratios[cut] < least_gap:
        return None
    return float(scores[n - outside + cut - 1]), float(scores[n - outside + cut])


def _reach(scores: Vector, most: int) -> float:
    """How far the fitted t reaches among so many values; `scores` are sorted and not negative."""
    n = len(scores)
    candidates = min(most, int((scores > MIN_SCORE).sum()))
    body = scores[: n - candidates] if n < SMALL else scores
    reach = 0.0
    usable = [share for share in TAIL_SHARES if (1 - share) * len(body) >= TAIL_POINTS]
    for share in usable or [1 - TAIL_POINTS / len(body)]:
        df = _df_of(share, float(np.quantile(body, share)))
        reach = max(reach, _two_sided(ALPHA / n, df) / _two_sided(0.5, df) * 0.6745)
    return reach


@cache
def _two_sided(tail: float, df: float) -> float:
    return t_quantile(tail / 2, df)


def _df_of(share: float, quantile: float) -> float:
    """Degrees of freedom of the t, scaled to the same middle, with this quantile of |t|.

    One step heavier than what fits: the quantile is itself an estimate.
    """
    for place, df in enumerate(DEGREES[:-1]):
        if _two_sided(1 - share, df) / _two_sided(0.5, df) * 0.6745 >= quantile:
            return DEGREES[place + 1]
    return DEGREES[-1]


def _scored(usual: Usual) -> str:
    return (
        f"WITH usual AS ({usual.rows_sql}),\n"
        f"centre AS (SELECT median({usual.deviation}) AS middle FROM usual),\n"
        f"spread AS (SELECT 1.4826 * median(abs({usual.deviation} - middle)) AS scale,"
        " any_value(middle) AS middle, count(*) AS rows FROM usual, centre),\n"
        f"scored AS (SELECT place, t, y, expected, ({usual.deviation} - middle) / scale AS score, rows"
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
