"""Contributors: which values of a category make up most of a total.

Caller: `analyse`. Two sentences: a dominant one stands far above an equal share and above the next;
a ranking only tells the order. Invariant: shares are of sums of a measure that can be added up, or of
rows; a single extreme row does not make its group dominant.
"""

import re
from collections.abc import Sequence

from langgraph_multi_agent.domain.finding import Finding
from langgraph_multi_agent.skills.charts.spec import BarChart, Chart
from langgraph_multi_agent.skills.tables.outcome import Outcome, Statement, finding_of
from langgraph_multi_agent.skills.tables.profile import ColumnProfile
from langgraph_multi_agent.skills.tables.source import Table
from langgraph_multi_agent.skills.tables.sqltext import as_number, not_null, quoted

MIN_LEVELS = 3
MAX_RANKINGS = 6
DOMINANT_SHARE = 0.4
DOMINANT_OVER_EQUAL = 2.0
DOMINANT_OVER_SECOND = 1.8
CHART_BARS = 12

_NOT_ADDITIVE = re.compile(
    r"(^|[^a-z])(rate|ratio|pct|percent|percentage|avg|average|mean|median|temp|temperature|score|rating"
    r"|age|lat|latitude|lon|lng|longitude|price|index|year|month|day|hour|weekday|pressure|humidity"
    r"|speed|ph|density|probability|prob|grade|height|width|length|depth|angle|level)([^a-z]|$)"
    r"|率|比例|占比|百分|平均|均值|中位|温度|气温|湿度|评分|得分|分数|年龄|纬度|经度|单价|价格|指数|气压|速度|水位|密度|浓度|年份|月份",
    re.IGNORECASE,
)


def is_additive(measure: ColumnProfile) -> bool:
    """Whether sums of the measure mean something: never negative, and not named like a rate."""
    return measure.negatives == 0 and not _NOT_ADDITIVE.search(measure.name)


def find_contributors(
    table: Table, measures: Sequence[ColumnProfile], categories: Sequence[ColumnProfile]
) -> Outcome:
    dominant: list[tuple[Finding, Chart | None]] = []
    rankings: list[tuple[Finding, Chart | None]] = []
    tested = 0
    additive = [measure for measure in measures if is_additive(measure)]
    for category in categories:
        if not category.distinct >= MIN_LEVELS or category.distinct * 3 > table.rows:
            continue
        for measure in [*additive, None]:
            tested += 1
            sql = _sql(measure, category)
            row = table.row(sql)
            if row.get("robust_share") is None or row["labels"] < MIN_LEVELS:
                continue
            is_dominant = _is_dominant(row)
            if measure is None and (not is_dominant or additive):
                continue
            finding, full = finding_of(table, _statement(measure, category, sql, is_dominant))
            item = (finding, _chart(table, measure, category, full))
            (dominant if is_dominant else rankings).append(item)
    rankings.sort(key=lambda item: (-item[0].strength, item[0].id))
    return Outcome(found=(*dominant, *rankings[:MAX_RANKINGS]), tested=tested)


def _is_dominant(row: dict[str, object]) -> bool:
    """Far above an equal share and the next one, also without its own largest row."""
    share, second = float(str(row["robust_share"])), float(str(row["second_share"] or 0.0))
    equal = 1 / int(str(row["labels"]))
    return (
        share >= DOMINANT_SHARE
        and share >= min(0.5, DOMINANT_OVER_EQUAL * equal)
        and share >= DOMINANT_OVER_SECOND * second
    )


def _sql(measure: ColumnProfile | None, category: ColumnProfile) -> str:
    value = "1" if measure is None else as_number(measure.name)
    where = not_null(category.name, *(() if measure is None else (measure.name,)))
    return (
        f"WITH groups AS (SELECT CAST({quoted(category.name)} AS VARCHAR) AS label,"
        f" sum({value}) AS amount, max({value}) AS largest, count(*) AS n FROM data"
        f" WHERE {where} GROUP BY 1),\n"
        "total AS (SELECT sum(amount ORDER BY label) AS total FROM groups),\n"
        "ranked AS (SELECT label, amount, largest, total, amount / total AS share,"
        " sum(amount / total) OVER (ORDER BY amount DESC, label) AS running,"
        " row_number() OVER (ORDER BY amount DESC, label) AS place FROM groups, total WHERE total > 0)\n"
        "SELECT any_value(total) AS total, count(*) AS labels,"
        " max(label) FILTER (WHERE place = 1) AS top,"
        " max(amount) FILTER (WHERE place = 1) AS top_amount,"
        " max(share) FILTER (WHERE place = 1) AS top_share,"
        " max((amount - largest) / (total - largest)) FILTER (WHERE place = 1 AND total > largest)"
        " AS robust_share,"
        " max(label) FILTER (WHERE place = 2) AS second,"
        " max(share) FILTER (WHERE place = 2) AS second_share,"
        " max(label) FILTER (WHERE place = 3) AS third,"
        " max(share) FILTER (WHERE place = 3) AS third_share,"
        " max(running) FILTER (WHERE place = 3) AS top3_share,"
        " count(*) FILTER (WHERE running - share < 0.8) AS labels_for_80,"
        " max(share) FILTER (WHERE place = 1) AS strength FROM ranked"
    )


def _statement(
    measure: ColumnProfile | None, category: ColumnProfile, sql: str, is_dominant: bool
) -> Statement:
    form = "dominant" if is_dominant else "ranking"
    return Statement(
        kind="contributors",
        template=f"finding.contributors.{form}" + ("_rows" if measure is None else ""),
        subject=(category.name,) if measure is None else (measure.name, category.name),
        sql=sql,
        numbers={
            "total": "g4",
            "labels": "int",
            "top_amount": "g4",
            "top_share": "p1",
            "second_share": "p1",
            "third_share": "p1",
            "top3_share": "p1",
            "labels_for_80": "int",
        },
        texts=("top", "second", "third"),
        names={
            "category": category.name,
            **({} if measure is None else {"measure": measure.name}),
        },
    )


def _chart(
    table: Table, measure: ColumnProfile | None, category: ColumnProfile, row: dict[str, object]
) -> BarChart:
    value = "1" if measure is None else as_number(measure.name)
    where = not_null(category.name, *(() if measure is None else (measure.name,)))
    found = table.all(
        f"SELECT CAST({quoted(category.name)} AS VARCHAR) AS label, sum({value}) AS amount"
        f" FROM data WHERE {where} GROUP BY 1 ORDER BY amount DESC, label LIMIT {CHART_BARS}"
    )
    subject = category.name if measure is None else f"{measure.name} · {category.name}"
    return BarChart(
        title=subject,
        x_label="" if measure is None else measure.name,
        labels=tuple(str(label) for label, _ in found),
        values=tuple(float(amount) for _, amount in found),
        highlight=tuple(i for i, item in enumerate(found) if item[0] == row["top"]),
        is_lying=True,
    )
