"""The data analyst: which analyses a table allows, and their findings with charts.

Called by the planner (`propose`) and the coordinator (`work`). Hides which columns make which
analysis possible. Invariant: findings come from the table skills only; where nothing passed the
gates it says so, and what was asked for but cannot be done is named with its reason.
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph_multi_agent.agents.columns import is_named, named
from langgraph_multi_agent.agents.contract import InputInfo, Proposal, Understanding, Work
from langgraph_multi_agent.agents.request import FORECAST
from langgraph_multi_agent.domain.finding import Finding
from langgraph_multi_agent.domain.result import ArtifactRef, SubtaskResult
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.i18n.statement import statement

ANALYSES = (
    "profile", "trend", "seasonality", "anomaly", "group_difference", "correlation", "contributors",
)  # fmt: skip
ANALYSIS_OF_INTENT = {
    "trend": "trend",
    "seasonality": "seasonality",
    "anomaly": "anomaly",
    "compare": "group_difference",
    "correlate": "correlation",
    "top": "contributors",
    "profile": "profile",
}
BEHIND_FORECAST = ("trend", "seasonality")
"""What can be said honestly to somebody who asks for the future."""
_EACH = re.compile(r"\b(?:by|per|each|every|across|among)\b|各|每|按|不同", re.IGNORECASE)
WEIGHTS = {
    "profile": 1.0, "trend": 2.0, "seasonality": 2.0, "anomaly": 2.0, "group_difference": 2.0,
    "correlation": 2.0, "contributors": 1.5,
}  # fmt: skip
MAX_PROPOSALS = 36
"""More than this and the analyses of a table, then tables themselves, share a subtask."""
NAMED_COLUMNS = 3
MIN_ROWS = 12
MIN_ROWS_ANOMALY = 30
MIN_ROWS_CORRELATION = 20
MAX_GROUPS = 120
SUMMARY_STATEMENTS = 3
BYTES_PER_WEIGHT = 50 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Columns of an input by role, as far as they matter to the request."""

    name: str
    size_bytes: int
    rows: int
    columns: int
    times: tuple[str, ...]
    measures: tuple[str, ...]
    correlated: tuple[str, ...]
    categories: tuple[str, ...]
    contributors: tuple[str, ...]
    unusable: tuple[str, ...]
    is_narrowed: bool
    is_split: bool


class DataAnalyst:
    """Agent `data_analyst`; capability `table_analysis`.

    A subtask's `parameters`: `analyses` (list of ANALYSES), `columns` (names to keep to; empty:
    all), `impossible` (analyses that were asked for and that the table does not allow),
    `unusable` (columns that the request names and that hold neither quantities, dates nor groups).
    The result's `data`: `analyses` (by input and analysis: rows, tested, found, omitted),
    `not_done` (entries `{"title", "reason"}`).
    """

    name = "data_analyst"
    titles: Mapping[str, str] = {
        "zh": text("data_analyst.title", "zh"),
        "en": text("data_analyst.title", "en"),
    }
    capabilities: tuple[str, ...] = ("table_analysis",)

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        """One subtask for each analysis that a table allows and the request wants."""
        tables = [_table(item, understanding) for item in understanding.inputs if item.kind == "table"]
        possible = {table.name: _possible(table) for table in tables}
        wanted = {table.name: _wanted(understanding.intents, table) for table in tables}
        chosen = {
            table.name: [a for a in possible[table.name] if a in wanted[table.name] or a == "profile"]
            for table in tables
        }
        several = len(tables) > 1
        language = understanding.language
        if sum(map(len, chosen.values())) > MAX_PROPOSALS:
            return _merged(tables, chosen, language)
        proposals = []
        for number, table in enumerate(tables, 1):
            asked = wanted[table.name] if understanding.intents else ()
            impossible = [a for a in ANALYSES if a in asked and a not in possible[table.name]]
            impossible += [FORECAST] if FORECAST in understanding.intents else []
            for analysis in chosen[table.name]:
                key = f"{analysis}-{number}" if several else analysis
                proposals.append(
                    _proposal(
                        key,
                        table,
                        analysis,
                        impossible if analysis == "profile" else (),
                        several=several,
                        language=language,
                    )
                )
        return tuple(proposals)

    async def work(self, work: Work) -> SubtaskResult:
        """Run the analyses and save their charts.

        Raises:
            InputUnreadable, InputUnsafe, InputTooLarge, LimitExceeded, SkillFailed: from the skill.
        """
        language = work.understanding.language or work.language
        parameters = work.subtask.parameters
        analyses = [str(a) for a in parameters.get("analyses") or ("profile",)]
        columns = [str(c) for c in parameters.get("columns") or ()]
        findings: list[Finding] = []
        charts: list[ArtifactRef] = []
        told: dict[str, dict[str, Any]] = {}
        steps = [(name, analysis) for name in work.subtask.inputs for analysis in analyses]
        for done, (name, analysis) in enumerate(steps):
            work.progress(done=done, total=len(steps), analysis=analysis, input=name)
            found = await _analyse(work, name, analysis, columns=columns, language=language, charts=charts)
            findings += [Finding.from_json(item) for item in found["findings"]]
            told.setdefault(name, {})[analysis] = {
                "rows": found["rows"],
                "tested": found["tested"],
                "found": len(found["findings"]),
                "omitted": found["omitted"],
            }
        data: dict[str, Any] = {"analyses": told}
        not_done = [
            {
                "title": text(f"data_analyst.name.{analysis}", language),
                "reason": text(
                    f"data_analyst.impossible.{analysis}",
                    language,
                    source=", ".join(work.subtask.inputs),
                ),
            }
            for analysis in parameters.get("impossible") or ()
        ]
        not_done += [
            {"title": column, "reason": text("data_analyst.unusable", language, column=column)}
            for column in parameters.get("unusable") or ()
        ]
        if not_done:
            data["not_done"] = not_done
        return SubtaskResult(
            summary=_summary(analyses, findings, told, language),
            findings=tuple(findings),
            artifacts=tuple(charts),
            data=data,
        )


async def _analyse(
    work: Work,
    name: str,
    analysis: str,
    *,
    columns: Sequence[str],
    language: str,
    charts: list[ArtifactRef],
) -> Mapping[str, Any]:
    """One analysis; its charts are saved, and a finding names a chart only if it was."""
    path = await work.path(work.input(name))
    with tempfile.TemporaryDirectory(prefix="lgma-charts-") as directory:
        found = await work.skill(
            "tables.analyse",
            {
                "file": str(path),
                "name": name,
                "analysis": analysis,
                "columns": list(columns),
                "language": language,
                "charts_dir": directory,
            },
        )
        saved = set()
        for chart in found["charts"]:
            drawn = Path(directory) / str(chart["name"])
            if drawn.is_file():
                charts.append(
                    await work.save(drawn.name, drawn, media_type=str(chart["media_type"]), kind="chart")
                )
                saved.add(drawn.name)
    findings = [
        {**item, "chart": item["chart"] if item["chart"] in saved else None} for item in found["findings"]
    ]
    return {**found, "findings": findings}


def _wanted(intents: Sequence[str], table: _Table) -> tuple[str, ...]:
    """Analyses for the intents; all of them if none of the intents speaks of tables."""
    asked = {ANALYSIS_OF_INTENT[intent] for intent in intents if intent in ANALYSIS_OF_INTENT}
    if FORECAST in intents:
        asked.update(BEHIND_FORECAST)
    if asked and table.is_split:
        asked.add("group_difference")
    return tuple(a for a in ANALYSES if not asked or a in asked)


def _table(item: InputInfo, understanding: Understanding) -> _Table:
    """Roles of the columns; a request with intents that names columns is about those."""
    columns: Sequence[Mapping[str, Any]] = item.profile.get("columns", ())
    rows = int(item.profile.get("rows", 0))

    def of(*roles: str) -> tuple[Mapping[str, Any], ...]:
        return tuple(column for column in columns if column["role"] in roles)

    measures = [str(c["name"]) for c in of("measure")]
    categories = {str(c["name"]): int(c["distinct"]) for c in of("category")}
    goal, is_specific = understanding.goal, bool(understanding.intents)
    named_measures = named(measures, goal) if is_specific else []
    named_categories = [c for c in categories if is_specific and is_named(c, goal)]
    kept = named_categories or list(categories)
    return _Table(
        name=item.name,
        size_bytes=item.size_bytes,
        rows=rows,
        columns=int(item.profile.get("column_count", len(columns))),
        times=tuple(str(c["name"]) for c in of("time")),
        measures=tuple(named_measures or measures),
        correlated=tuple(named_measures if len(named_measures) >= 2 else measures),
        categories=tuple(c for c in kept if 2 <= categories[c] <= MAX_GROUPS),
        contributors=tuple(c for c in kept if categories[c] >= 3 and categories[c] * 3 <= rows),
        unusable=tuple(
            str(c["name"]) for c in of("text", "id") if is_specific and is_named(str(c["name"]), goal)
        ),
        is_narrowed=bool(named_measures or named_categories),
        is_split=bool(named_categories) and _EACH.search(goal) is not None,
    )


def _possible(table: _Table) -> list[str]:
    """Analyses that the table's columns allow, in the order of ANALYSES."""
    has_measure = bool(table.measures)
    has_series = has_measure and bool(table.times) and table.rows >= MIN_ROWS
    allowed = {
        "profile": True,
        "trend": has_series,
        "seasonality": has_series,
        "anomaly": has_measure and table.rows >= MIN_ROWS_ANOMALY,
        "group_difference": has_measure and bool(table.categories) and table.rows >= MIN_ROWS,
        "correlation": len(table.correlated) >= 2 and table.rows >= MIN_ROWS_CORRELATION,
        "contributors": bool(table.contributors),
    }
    return [analysis for analysis in ANALYSES if allowed[analysis]]


def _columns(table: _Table, analysis: str) -> tuple[str, ...]:
    """Names to keep the skill to: those that the request named; empty means all."""
    if not table.is_narrowed or analysis == "profile":
        return ()
    if analysis in ("trend", "seasonality"):
        return (*table.times, *table.measures)
    if analysis == "correlation":
        return (*table.times, *table.correlated, *table.categories)
    return (*table.times, *table.measures, *table.categories, *table.contributors)


def _proposal(
    key: str,
    table: _Table,
    analysis: str,
    impossible: Sequence[str],
    *,
    several: bool,
    language: str,
) -> Proposal:
    measures = table.correlated if analysis == "correlation" else table.measures
    values = {
        "source": table.name,
        "rows": f"{table.rows:,}",
        "columns": table.columns,
        "time": _listed(table.times[:1], language),
        "measures": _listed(measures, language),
        "categories": _listed(
            table.contributors if analysis == "contributors" else table.categories, language
        ),
        "measure_count": len(measures),
    }
    form = analysis
    if analysis == "contributors" and not table.measures:
        form = "contributors_rows"
    title = text(f"data_analyst.title.{form}", language, **values)
    if several:
        title = text("data_analyst.title_of", language, title=title, source=table.name)
    return Proposal(
        key=key,
        title=title,
        capability="table_analysis",
        parameters={
            "analyses": [analysis],
            "columns": list(dict.fromkeys(_columns(table, analysis))),
            **({"impossible": list(impossible)} if impossible else {}),
            **({"unusable": list(table.unusable)} if table.unusable and analysis == "profile" else {}),
        },
        inputs=(table.name,),
        success_criteria=("numbers_recompute",),
        weight=WEIGHTS[analysis] * (1 + table.size_bytes / BYTES_PER_WEIGHT),
        reason=text(f"data_analyst.reason.{form}", language, **values),
    )


def _merged(
    tables: Sequence[_Table], chosen: Mapping[str, Sequence[str]], language: str
) -> tuple[Proposal, ...]:
    """Few subtasks for many tables: all analyses of a table together, then several tables."""
    size = -(-len(tables) // MAX_PROPOSALS)
    proposals = []
    for number, start in enumerate(range(0, len(tables), size), 1):
        group = tables[start : start + size]
        names = _listed([table.name for table in group], language)
        analyses = [a for a in ANALYSES if any(a in chosen[table.name] for table in group)]
        words = _listed([text(f"data_analyst.name.{a}", language) for a in analyses], language, limit=7)
        proposals.append(
            Proposal(
                key=f"tables-{number}",
                title=text("data_analyst.title.merged", language, sources=names),
                capability="table_analysis",
                parameters={"analyses": analyses, "columns": []},
                inputs=tuple(table.name for table in group),
                success_criteria=("numbers_recompute",),
                weight=sum(WEIGHTS[a] for table in group for a in chosen[table.name]),
                reason=text("data_analyst.reason.merged", language, count=len(tables), analyses=words),
            )
        )
    return tuple(proposals)


def _listed(names: Sequence[str], language: str, *, limit: int = NAMED_COLUMNS) -> str:
    """`a、b、c 等，另有 2 项` or `a, b, c and 2 more`."""
    comma = text("data_analyst.comma", language)
    shown = comma.join(" ".join(name.split())[:40] for name in names[:limit])
    if len(names) <= limit:
        return shown
    return text("data_analyst.and_more", language, names=shown, more=len(names) - limit)


def _summary(
    analyses: Sequence[str],
    findings: Sequence[Finding],
    told: Mapping[str, Mapping[str, Mapping[str, int]]],
    language: str,
) -> str:
    words = _listed([text(f"data_analyst.name.{a}", language) for a in analyses], language, limit=7)
    tested = sum(entry["tested"] for by_analysis in told.values() for entry in by_analysis.values())
    if not findings:
        key = "data_analyst.nothing" if tested else "data_analyst.nothing_tested"
        return text(key, language, analyses=words, tested=tested)
    strongest = sorted(findings, key=lambda f: -f.strength)[:SUMMARY_STATEMENTS]
    sentences = ("" if language == "zh" else " ").join(statement(f, language) for f in strongest)
    return text("data_analyst.found", language, count=len(findings), analyses=words, sentences=sentences)
