"""Skill `tables.analyse`: one kind of analysis of one table, as findings with their SQL and charts.

Caller: the data analyst. Invariant: the same file gives the same findings; no finding means that
nothing passed the gate, never that something was left out silently (`omitted` counts those).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.domain.finding import Finding
from langgraph_multi_agent.skills.charts.spec import Chart
from langgraph_multi_agent.skills.charts.words import chart_file_name, worded
from langgraph_multi_agent.skills.tables.anomaly import find_anomalies
from langgraph_multi_agent.skills.tables.contributors import find_contributors
from langgraph_multi_agent.skills.tables.correlation import find_correlations
from langgraph_multi_agent.skills.tables.group_difference import find_group_differences
from langgraph_multi_agent.skills.tables.limits import TableLimits
from langgraph_multi_agent.skills.tables.outcome import Outcome
from langgraph_multi_agent.skills.tables.overview import find_overview
from langgraph_multi_agent.skills.tables.profile import ColumnProfile, describe
from langgraph_multi_agent.skills.tables.seasonality import find_seasons
from langgraph_multi_agent.skills.tables.source import Table, open_table
from langgraph_multi_agent.skills.tables.timeline import timeline_of
from langgraph_multi_agent.skills.tables.trend import find_trends

ANALYSES = (
    "profile", "trend", "seasonality", "anomaly", "group_difference", "correlation", "contributors",
)  # fmt: skip
MAX_MEASURES = 40
MAX_CATEGORIES = 20
MAX_FINDINGS = 30
MAX_CHARTS = 12


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """Analyse a table in one way.

    Args:
        params: `{"file": path, "name": file name, "analysis": one of ANALYSES,
            "columns"?: names to keep to, "language"?: zh or en, for charts,
            "charts_dir"?: directory to draw into, "limits"?: {...}}`.

    Returns:
        `{"analysis", "rows", "findings": [Finding as JSON, strongest first], "charts":
        [{"finding", "name", "file", "media_type"}], "tested", "omitted", "columns_left_out"}`.

    Raises:
        What `open_table` raises; InvalidRequest for an unknown analysis or column.
    """
    done = analysed(params)
    ranked = list(done.outcome.found)
    if params["analysis"] != "profile":
        ranked.sort(key=lambda item: (-item[0].strength, item[0].id))
    kept = ranked[:MAX_FINDINGS]
    drawn: list[dict[str, str]] = []
    if params.get("charts_dir"):
        drawn = _draw(kept, Path(params["charts_dir"]), str(params.get("language") or "zh"))
    names = {chart["finding"]: chart["name"] for chart in drawn}
    return {
        "analysis": params["analysis"],
        "rows": done.rows,
        "findings": [replace(finding, chart=names.get(finding.id)).to_json() for finding, _ in kept],
        "charts": drawn,
        "tested": done.outcome.tested,
        "omitted": len(ranked) - len(kept),
        "columns_left_out": done.columns_left_out,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysed:
    """An outcome with the size of what it is about."""

    outcome: Outcome
    rows: int
    columns_left_out: int


def analysed(params: Mapping[str, Any]) -> Analysed:
    """Open the table and run the analysis; arguments and errors are those of `run`."""
    limits = TableLimits.of(params)
    analysis = str(params["analysis"])
    if analysis not in ANALYSES:
        raise InvalidRequest(field="analysis", value=analysis)
    with open_table(Path(params["file"]), str(params["name"]), limits) as table:
        wanted = [str(name) for name in params.get("columns") or ()]
        unknown = next((name for name in wanted if table.column(name) is None), None)
        if unknown is not None:
            raise InvalidRequest(field="columns", value=unknown)
        profiles = describe(table, limits)
        return Analysed(
            outcome=_analyse(table, analysis, profiles, wanted),
            rows=table.rows,
            columns_left_out=max(0, len(table.columns) - len(profiles)),
        )


def _analyse(
    table: Table, analysis: str, profiles: Sequence[ColumnProfile], wanted: Sequence[str]
) -> Outcome:
    chosen = [p for p in profiles if not wanted or p.name in wanted]
    measures = [p for p in chosen if p.role == "measure"][:MAX_MEASURES]
    categories = [p for p in chosen if p.role == "category"][:MAX_CATEGORIES]
    timeline = timeline_of(table, [p for p in chosen if p.role == "time"] or profiles)
    match analysis:
        case "profile":
            return find_overview(table, timeline, profiles, measures)
        case "trend":
            return find_trends(table, timeline, measures)
        case "seasonality":
            return find_seasons(table, timeline, measures)
        case "anomaly":
            return find_anomalies(table, timeline, measures, categories)
        case "group_difference":
            return find_group_differences(table, timeline, measures, categories)
        case "correlation":
            return find_correlations(table, timeline, measures, categories)
        case _:
            return find_contributors(table, measures, categories)


def _draw(
    kept: Sequence[tuple[Finding, Chart | None]], directory: Path, language: str
) -> list[dict[str, str]]:
    from langgraph_multi_agent.skills.charts.draw import draw_svg

    drawn: list[dict[str, str]] = []
    for finding, chart in kept:
        if chart is None or len(drawn) >= MAX_CHARTS:
            continue
        name = chart_file_name(finding)
        path = directory / name
        path.write_text(draw_svg(worded(chart, finding, language)), encoding="utf-8")
        drawn.append({"finding": finding.id, "name": name, "file": str(path), "media_type": "image/svg+xml"})
    return drawn
