"""Trends: a measure that keeps rising or falling over the whole time.

Caller: `analyse`. The line is Theil–Sen's (median of all pairwise slopes), so outliers do not bend
it. Invariant: reported only if it stands above what noise with memory would do by itself.
"""

from collections.abc import Sequence

import numpy as np

from langgraph_multi_agent.skills.charts.spec import LineChart
from langgraph_multi_agent.skills.tables.outcome import Outcome, Statement, finding_of
from langgraph_multi_agent.skills.tables.profile import ColumnProfile
from langgraph_multi_agent.skills.tables.significance import (
    Matrix,
    dependent_f_test,
    dummies,
    holm,
    normal_scores,
    ranks,
)
from langgraph_multi_agent.skills.tables.source import Table
from langgraph_multi_agent.skills.tables.sqltext import rank_of
from langgraph_multi_agent.skills.tables.timeline import (
    MIN_PERIODS,
    Series,
    Timeline,
    label_sql,
    series_of,
)

MIN_RANK_CORRELATION = 0.2
"""Weaker trends may be real but tell nobody anything."""
CYCLES = {"hour": 24, "day": 7, "month": 12, "quarter": 4}


def find_trends(table: Table, timeline: Timeline | None, measures: Sequence[ColumnProfile]) -> Outcome:
    if timeline is None:
        return Outcome()
    grain = timeline.coarse_enough()
    tried: list[tuple[Series, float]] = []
    for measure in measures:
        series = series_of(table, timeline, measure, grain)
        if len(series.y) >= MIN_PERIODS and np.ptp(series.y) > 0:
            tried.append((series, _p_value(series)))
    kept = holm([p for _, p in tried])
    found = []
    for (series, _), is_kept in zip(tried, kept, strict=True):
        if is_kept and _is_sustained(series):
            statement = _statement(timeline, series)
            finding, row = finding_of(table, statement)
            chart = LineChart(
                title=series.measure,
                x_label=timeline.column,
                y_label=series.measure,
                labels=series.labels,
                x=tuple(series.x),
                y=tuple(series.y),
                fit=(row["start_level"], row["end_level"]),
            )
            found.append((finding, chart))
    return Outcome(found=tuple(found), tested=len(tried))


def _p_value(series: Series) -> float:
    """Allows for the cycle of the grain, so that half a cycle at the end is no trend."""
    n = len(series.y)
    nuisance: Matrix = np.ones((n, 1))
    cycle = CYCLES.get(series.grain)
    if cycle and n >= 3 * cycle:
        nuisance = dummies(series.x % cycle)
    return dependent_f_test(normal_scores(series.y), series.x, nuisance, series.x[:, None])


def _is_sustained(series: Series) -> bool:
    """The thirds follow each other in one direction, and the ranks agree with time."""
    rho = float(np.corrcoef(ranks(series.y), ranks(series.x))[0, 1])
    thirds = [float(np.median(part)) for part in np.array_split(series.y, 3)]
    steps = np.diff(thirds) * np.sign(rho)
    start, end = _ends(series)
    agree = (end - start) * rho > 0
    return abs(rho) >= MIN_RANK_CORRELATION and agree and bool((steps > 0).all())


def _statement(timeline: Timeline, series: Series) -> Statement:
    sql = (
        f"WITH points AS ({series.sql}),\n"
        "slopes AS (SELECT median((b.y - a.y) / (b.x - a.x)) AS slope"
        " FROM points a JOIN points b ON a.x < b.x),\n"
        f"ranked AS (SELECT corr(rx, ry) AS consistency FROM (SELECT {rank_of('x')} AS rx,"
        f" {rank_of('y')} AS ry FROM points)),\n"
        "line AS (SELECT slope, median(y - slope * x) AS start_level, max(x) AS last,"
        f" count(*) AS periods, {label_sql('min(period)', series.grain)} AS since,"
        f" {label_sql('max(period)', series.grain)} AS until FROM points, slopes GROUP BY slope)\n"
        "SELECT periods, since, until, slope, start_level, start_level + slope * last AS end_level,"
        " slope * last AS change, slope * last / nullif(abs(start_level), 0) AS relative_change,"
        " consistency FROM line, ranked"
    )
    start, end = _ends(series)
    is_relative = start > 0 and end > 0 and abs(end - start) < 20 * start
    is_single = timeline.rows_per_period == 1 and series.grain == timeline.grain
    aggregate = "single" if is_single else series.aggregate
    return Statement(
        kind="trend",
        template=f"finding.trend.{'rising' if end > start else 'falling'}"
        + ("" if is_relative else "_absolute"),
        subject=(series.measure, timeline.column),
        key=series.measure,
        sql=sql,
        numbers={
            "periods": "int",
            "slope": "g3",
            "start_level": "g4",
            "end_level": "g4",
            "change": "g3",
            **({"relative_change": "p1"} if is_relative else {}),
            "consistency": "f2",
        },
        texts=("since", "until"),
        names={
            "measure": series.measure,
            "time": timeline.column,
            "grain": series.grain,
            "aggregate": aggregate,
        },
        strength="consistency",
    )


def _ends(series: Series) -> tuple[float, float]:
    """Level at both ends of the robust line; decides only which sentence fits."""
    i, j = np.triu_indices(len(series.x), k=1)
    slope = float(np.median((series.y[j] - series.y[i]) / (series.x[j] - series.x[i])))
    base = float(np.median(series.y - slope * series.x))
    return base, base + slope * float(series.x[-1])
