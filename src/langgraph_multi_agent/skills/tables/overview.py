"""What a table holds: size, time span, gaps, repeated rows and the spread of its measures.

Caller: `analyse`, analysis `profile`. Invariant: facts only; nothing here is an effect.
"""

from collections.abc import Sequence

from langgraph_multi_agent.domain.finding import Finding
from langgraph_multi_agent.skills.charts.spec import BarChart, Chart
from langgraph_multi_agent.skills.tables.outcome import Outcome, Statement, finding_of
from langgraph_multi_agent.skills.tables.profile import ColumnProfile
from langgraph_multi_agent.skills.tables.source import TOTAL_NOTE, Table
from langgraph_multi_agent.skills.tables.sqltext import as_number, not_null, quoted
from langgraph_multi_agent.skills.tables.timeline import Timeline, label_sql

NOTABLE_MISSING = 0.01
MAX_MEASURES = 8
MAX_DUPLICATE_ROWS = 2_000_000
"""Above this many rows finding repeated ones costs more than it tells."""


def find_overview(
    table: Table,
    timeline: Timeline | None,
    profiles: Sequence[ColumnProfile],
    measures: Sequence[ColumnProfile],
) -> Outcome:
    statements = (
        _size(table, profiles),
        *([_total(table)] if TOTAL_NOTE in table.notes else []),
        *([] if timeline is None else [_span(timeline)]),
        *(_spread(measure) for measure in measures[:MAX_MEASURES]),
    )
    found: list[tuple[Finding, Chart | None]] = [(finding_of(table, s)[0], None) for s in statements]
    gaps = [p for p in profiles if p.missing >= max(1, NOTABLE_MISSING * table.rows)]
    if gaps:
        found.append(_gaps(table, profiles, gaps))
    return Outcome(found=tuple(found), tested=len(found))


def _size(table: Table, profiles: Sequence[ColumnProfile]) -> Statement:
    missing = " + ".join(f"(count(*) - count({quoted(p.name)}))" for p in profiles)
    counts_repeats = table.rows <= MAX_DUPLICATE_ROWS
    repeats = (
        ", (SELECT count(*) FROM data) - (SELECT count(*) FROM (SELECT DISTINCT * FROM data))"
        " AS repeated_rows"
        if counts_repeats
        else ""
    )
    return Statement(
        kind="profile",
        template="finding.profile.size" + ("" if counts_repeats else "_large"),
        subject=(),
        key="size",
        sql="SELECT count(*) AS rows, (SELECT len(json_keys(to_json(d))) FROM (SELECT d FROM data AS d"
        f" LIMIT 1)) AS columns, {missing} AS missing_cells,"
        f" ({missing}) / (count(*) * {len(profiles)}) AS missing_share{repeats} FROM data",
        numbers={
            "rows": "int",
            "columns": "int",
            "missing_cells": "int",
            "missing_share": "p1",
            **({"repeated_rows": "int"} if counts_repeats else {}),
        },
        names={"source": table.name},
    )


def _total(table: Table) -> Statement:
    return Statement(
        kind="profile",
        template="finding.profile.total",
        subject=(),
        key="total",
        sql="SELECT count(*) AS rows FROM data",
        numbers={"rows": "int"},
        names={"total": str(table.notes[TOTAL_NOTE])},
    )


def _span(timeline: Timeline) -> Statement:
    grain = timeline.grain
    return Statement(
        kind="profile",
        template="finding.profile.span",
        subject=(timeline.column,),
        key=f"span/{timeline.column}",
        sql=f"SELECT {label_sql('min(t)', grain)} AS since, {label_sql('max(t)', grain)} AS until,"
        f" count(DISTINCT date_trunc('{grain}', t)) AS periods,"
        f" date_diff('{grain}', min(t), max(t)) + 1 AS possible FROM (SELECT"
        f" {timeline.expression} AS t FROM data WHERE {quoted(timeline.column)} IS NOT NULL)",
        numbers={"periods": "int", "possible": "int"},
        texts=("since", "until"),
        names={"time": timeline.column, "grain": grain},
    )


def _spread(measure: ColumnProfile) -> Statement:
    y = as_number(measure.name)
    return Statement(
        kind="profile",
        template="finding.profile.measure",
        subject=(measure.name,),
        key=f"measure/{measure.name}",
        sql=f"SELECT count({y}) AS rows, median({y}) AS median, quantile_cont({y}, 0.25) AS q1,"
        f" quantile_cont({y}, 0.75) AS q3, min({y}) AS minimum, max({y}) AS maximum,"
        f" avg({y}) AS mean FROM data WHERE {not_null(measure.name)}",
        numbers={
            "rows": "int",
            "median": "g4",
            "q1": "g4",
            "q3": "g4",
            "minimum": "g4",
            "maximum": "g4",
            "mean": "g4",
        },
        names={"measure": measure.name},
    )


def _gaps(
    table: Table, profiles: Sequence[ColumnProfile], gaps: Sequence[ColumnProfile]
) -> tuple[Finding, Chart | None]:
    worst = max(gaps, key=lambda p: (p.missing, p.name))
    c = quoted(worst.name)
    affected = " + ".join(f"CAST(count({quoted(p.name)}) < count(*) AS INT)" for p in profiles)
    statement = Statement(
        kind="profile",
        template="finding.profile.missing",
        subject=(worst.name,),
        key="missing",
        sql=f"SELECT count(*) - count({c}) AS missing, (count(*) - count({c})) / count(*) AS share,"
        f" {affected} AS columns FROM data",
        numbers={"missing": "int", "share": "p1", "columns": "int"},
        names={"column": worst.name},
        strength="share",
    )
    ordered = sorted(gaps, key=lambda p: (-p.missing, p.name))[:12]
    chart = BarChart(
        title="#missing",
        labels=tuple(p.name for p in ordered),
        values=tuple(p.missing / table.rows for p in ordered),
        highlight=(0,),
        is_lying=True,
        is_share=True,
    )
    return finding_of(table, statement)[0], chart
