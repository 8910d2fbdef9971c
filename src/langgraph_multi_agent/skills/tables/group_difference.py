"""Differences between groups of a measure, with their size.

Caller: `analyse`. Kruskal–Wallis on ranks; the published size is epsilon squared and Cliff's delta
between the highest and the lowest group. Invariant: rows that resemble their neighbours in time do
not count as independent, and what trend or season explain is not claimed for the groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from langgraph_multi_agent.skills.charts.spec import RangeChart
from langgraph_multi_agent.skills.tables.outcome import Outcome, Statement, finding_of
from langgraph_multi_agent.skills.tables.profile import ColumnProfile
from langgraph_multi_agent.skills.tables.rowsample import RowSample, sample_rows
from langgraph_multi_agent.skills.tables.significance import chi2_tail, holm, kruskal_wallis
from langgraph_multi_agent.skills.tables.source import Table
from langgraph_multi_agent.skills.tables.sqltext import as_number, not_null, quoted, rank_of
from langgraph_multi_agent.skills.tables.timeline import Timeline

MIN_GROUP = 5
MAX_GROUPS = 30
MIN_EPSILON2 = 0.02
"""Least share of the ranks' variance that the groups explain."""
RAW_ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    measure: ColumnProfile
    category: ColumnProfile
    p: float
    size: float
    is_raw: bool


def find_group_differences(
    table: Table,
    timeline: Timeline | None,
    measures: Sequence[ColumnProfile],
    categories: Sequence[ColumnProfile],
) -> Outcome:
    usable = [c for c in categories if 2 <= c.distinct <= MAX_GROUPS * 4]
    if not usable or not measures:
        return Outcome()
    sample = sample_rows(table, timeline, measures, usable)
    trials = [
        trial
        for measure in measures
        for category in usable
        if (trial := _trial(sample, measure, category)) is not None
    ]
    kept = holm([trial.p for trial in trials])
    found = []
    for trial, is_kept in zip(trials, kept, strict=True):
        if not (is_kept and trial.is_raw and trial.size >= MIN_EPSILON2):
            continue
        finding, row = finding_of(table, _statement(trial))
        if row["epsilon2"] is None or row["epsilon2"] < MIN_EPSILON2:
            continue
        found.append((finding, _chart(table, trial, row)))
    return Outcome(found=tuple(found), tested=len(trials))


def _trial(sample: RowSample, measure: ColumnProfile, category: ColumnProfile) -> _Trial | None:
    labels, counts = np.unique(sample.levels[category.name], return_counts=True)
    large = labels[(counts >= MIN_GROUP) & (labels >= 0)]
    if not 2 <= len(large) <= MAX_GROUPS:
        return None
    raw, rest = sample.values[measure.name], sample.rest(measure.name)
    mask = np.isin(sample.levels[category.name], large) & np.isfinite(raw)
    if mask.sum() < 4 * MIN_GROUP or np.ptp(raw[mask]) == 0:
        return None
    groups = sample.levels[category.name][mask]
    deflation = sample.design_effect(rest, mask, groups)
    h, df = kruskal_wallis(rest[mask], groups)
    h_raw, _ = kruskal_wallis(raw[mask], groups)
    return _Trial(
        measure=measure,
        category=category,
        p=chi2_tail(h / deflation, df),
        size=(h - df) / float(mask.sum()),
        is_raw=chi2_tail(h_raw / deflation, df) < RAW_ALPHA,
    )


def _statement(trial: _Trial) -> Statement:
    measure, category = trial.measure.name, trial.category.name
    sql = (
        f"WITH sized AS (SELECT CAST({quoted(category)} AS VARCHAR) AS label,"
        f" {as_number(measure)} AS y, count(*) OVER (PARTITION BY {quoted(category)}) AS size"
        f" FROM data WHERE {not_null(measure, category)}),\n"
        f"ranked AS (SELECT label, y, {rank_of('y')} AS rank FROM sized WHERE size >= {MIN_GROUP}),\n"
        "groups AS (SELECT label, count(*) AS n, avg(rank) AS mean_rank, median(y) AS level"
        " FROM ranked GROUP BY label),\n"
        "ends AS (SELECT arg_max(label, mean_rank ORDER BY label) AS high,"
        " arg_min(label, mean_rank ORDER BY label) AS low, count(*) AS groups FROM groups),\n"
        "total AS (SELECT count(*) AS rows, avg(rank) AS mean, var_pop(rank) AS variance FROM ranked),\n"
        "effect AS (SELECT (sum(n * (mean_rank - mean) ** 2) / any_value(variance) * any_value(rows - 1)"
        " / any_value(rows) - count(*) + 1) / any_value(rows - count_groups) AS epsilon2,"
        " any_value(rows) AS rows FROM groups, total, (SELECT count(*) AS count_groups FROM groups)),\n"
        f"two AS (SELECT label, {rank_of('y')} AS rank FROM ranked, ends WHERE label IN (high, low)),\n"
        "delta AS (SELECT 2 * (avg(rank) FILTER (WHERE label = high)"
        " - avg(rank) FILTER (WHERE label = low)) / count(*) AS delta FROM two, ends)\n"
        "SELECT high, low, groups, rows, epsilon2, delta,"
        " (SELECT level FROM groups WHERE label = high) AS high_level,"
        " (SELECT level FROM groups WHERE label = low) AS low_level,"
        " sqrt(greatest(epsilon2, 0)) AS strength FROM ends, effect, delta"
    )
    return Statement(
        kind="group_difference",
        template="finding.group_difference",
        subject=(measure, category),
        sql=sql,
        numbers={
            "groups": "int",
            "rows": "int",
            "high_level": "g4",
            "low_level": "g4",
            "epsilon2": "f3",
            "delta": "f2",
            "strength": "f2",
        },
        texts=("high", "low"),
        names={"measure": measure, "category": category},
    )


def _chart(table: Table, trial: _Trial, row: dict[str, object]) -> RangeChart:
    measure, category = trial.measure.name, trial.category.name
    groups = table.all(
        f"SELECT CAST({quoted(category)} AS VARCHAR) AS label, quantile_cont(y, 0.25), median(y),"
        f" quantile_cont(y, 0.75) FROM (SELECT {quoted(category)}, {as_number(measure)} AS y"
        f" FROM data WHERE {not_null(measure, category)}) GROUP BY 1"
        f" HAVING count(*) >= {MIN_GROUP} ORDER BY 3 DESC, 1"
    )
    return RangeChart(
        title=f"{measure} · {category}",
        x_label=measure,
        groups=tuple((str(g), float(a), float(m), float(b)) for g, a, m, b in groups),
        highlight=tuple(i for i, g in enumerate(groups) if g[0] in (row["high"], row["low"])),
        is_lying=True,
    )
