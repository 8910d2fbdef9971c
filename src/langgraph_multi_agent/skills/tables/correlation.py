"""Correlations between measures that neither time nor groups explain.

Caller: `analyse`. Spearman's rank correlation; the gate asks that it also holds after trend, season
and group means are taken out, with pairs of self-resembling series counted for less (Bartlett).
Invariant: copies of a column and two series that merely both rise are not reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from langgraph_multi_agent.skills.charts.spec import ScatterChart
from langgraph_multi_agent.skills.tables.outcome import Outcome, Statement, finding_of
from langgraph_multi_agent.skills.tables.profile import ColumnProfile
from langgraph_multi_agent.skills.tables.rowsample import RowSample, sample_rows
from langgraph_multi_agent.skills.tables.significance import correlation_p, holm, ranks
from langgraph_multi_agent.skills.tables.source import Table
from langgraph_multi_agent.skills.tables.sqltext import as_number, not_null, rank_of
from langgraph_multi_agent.skills.tables.timeline import Timeline

MIN_PAIRS = 20
MIN_RHO = 0.2
MAX_RHO = 0.9995
"""Beyond this two columns say the same thing twice."""
MAX_MEASURES = 40
MAX_POINTS = 1500
MAX_LEVELS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    a: str
    b: str
    rho: float
    rest_rho: float
    p: float


def find_correlations(
    table: Table,
    timeline: Timeline | None,
    measures: Sequence[ColumnProfile],
    categories: Sequence[ColumnProfile],
) -> Outcome:
    chosen = list(measures)[:MAX_MEASURES]
    if len(chosen) < 2:
        return Outcome()
    usable = [c for c in categories if 2 <= c.distinct <= MAX_LEVELS]
    sample = sample_rows(table, timeline, chosen, usable)
    names = [c.name for c in usable]
    rests = {m.name: sample.within_groups(m.name, names) for m in chosen}
    pairs = [
        pair
        for a, b in combinations([m.name for m in chosen], 2)
        if (pair := _pair(sample, rests, a, b)) is not None
    ]
    kept = holm([pair.p for pair in pairs])
    found = []
    for pair, is_kept in zip(pairs, kept, strict=True):
        strong = min(abs(pair.rho), abs(pair.rest_rho)) >= MIN_RHO
        agree = pair.rho * pair.rest_rho > 0
        if not (is_kept and strong and agree and abs(pair.rho) < MAX_RHO):
            continue
        finding, _ = finding_of(table, _statement(pair, timeline))
        found.append((finding, _chart(table, pair)))
    return Outcome(found=tuple(found), tested=len(pairs))


def _pair(sample: RowSample, rests: dict[str, np.ndarray], a: str, b: str) -> _Pair | None:
    x, y = sample.values[a], sample.values[b]
    u, v = rests[a], rests[b]
    mask = np.isfinite(x) & np.isfinite(y)
    n = int(mask.sum())
    if n < MIN_PAIRS or np.ptp(x[mask]) == 0 or np.ptp(y[mask]) == 0:
        return None
    rho = float(np.corrcoef(ranks(x[mask]), ranks(y[mask]))[0, 1])
    if np.ptp(u[mask]) < 1e-9 or np.ptp(v[mask]) < 1e-9:
        return None
    rest_rho = float(np.corrcoef(ranks(u[mask]), ranks(v[mask]))[0, 1])
    product = sample.memory(u, mask) * sample.memory(v, mask)
    effective = n * (1 - product) / (1 + product) - (sample.design.shape[1] - 1)
    return _Pair(a=a, b=b, rho=rho, rest_rho=rest_rho, p=correlation_p(rest_rho, effective))


def _statement(pair: _Pair, timeline: Timeline | None) -> Statement:
    a, b = as_number(pair.a), as_number(pair.b)
    has_time = timeline is not None
    t = f"epoch({timeline.expression})" if timeline is not None else "NULL"
    where = not_null(pair.a, pair.b, *((timeline.column,) if timeline is not None else ()))
    sql = (
        f"WITH pairs AS (SELECT {a} AS a, {b} AS b, {t} AS t FROM data WHERE {where}),\n"
        f"ranked AS (SELECT {rank_of('a')} AS ra, {rank_of('b')} AS rb FROM pairs),\n"
        "raw AS (SELECT corr(ra, rb) AS rho, count(*) AS pairs FROM ranked)"
    )
    if has_time:
        sql += (
            ",\nlines AS (SELECT regr_slope(a, t) AS sa, regr_slope(b, t) AS sb, avg(t) AS centre"
            " FROM pairs),\n"
            "rest AS (SELECT a - sa * (t - centre) AS a, b - sb * (t - centre) AS b"
            " FROM pairs, lines),\n"
            f"rest_ranked AS (SELECT {rank_of('a')} AS ra, {rank_of('b')} AS rb FROM rest),\n"
            "detrended AS (SELECT corr(ra, rb) AS detrended_rho FROM rest_ranked)\n"
            "SELECT rho, pairs, detrended_rho FROM raw, detrended"
        )
    else:
        sql += "\nSELECT rho, pairs FROM raw"
    direction = "positive" if pair.rho > 0 else "negative"
    return Statement(
        kind="correlation",
        template=f"finding.correlation.{direction}" + ("_detrended" if has_time else ""),
        subject=(pair.a, pair.b),
        sql=sql,
        numbers={
            "rho": "f2",
            "pairs": "int",
            **({"detrended_rho": "f2"} if has_time else {}),
        },
        names={
            "a": pair.a,
            "b": pair.b,
            **({"time": timeline.column} if timeline is not None else {}),
        },
        strength="rho",
    )


def _chart(table: Table, pair: _Pair) -> ScatterChart:
    bound = 2**32 if table.rows <= MAX_POINTS else int(2**32 * MAX_POINTS / table.rows)
    found = table.all(
        f"SELECT {as_number(pair.a)}, {as_number(pair.b)} FROM data WHERE"
        f" {not_null(pair.a, pair.b)} AND (rowid * 2654435761) % 4294967296 < {bound}"
        f" ORDER BY rowid"
    )
    return ScatterChart(
        title=f"{pair.a} · {pair.b}",
        x_label=pair.a,
        y_label=pair.b,
        x=tuple(float(row[0]) for row in found),
        y=tuple(float(row[1]) for row in found),
    )
