"""Tables with planted effects, and reports made from them by the real skills and writer."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.work import MemoryWork

from langgraph_multi_agent.agents.contract import InputInfo, Understanding
from langgraph_multi_agent.agents.reviewer import ReportReviewer
from langgraph_multi_agent.agents.writer import ReportWriter
from langgraph_multi_agent.domain.finding import Finding
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.result import SubtaskResult
from langgraph_multi_agent.skills.tables import analyse

WORDS = {
    "en": ("day", "region", "revenue", "visits", ("north", "south", "east")),
    "zh": ("日期", "地区", "销售额", "访问量", ("华北", "华南", "华东")),
}


def table(seed: int, language: str) -> str:
    """A CSV of 90–150 days with a trend, a group difference and a correlation."""
    chance = random.Random(seed)
    day, group, first, second, groups = WORDS[language]
    lines = [f"{day},{group},{first},{second}"]
    slope, gap = chance.uniform(0.5, 3), chance.uniform(20, 80)
    for place in range(chance.randint(90, 150)):
        name = groups[place % 3]
        value = 200 + slope * place + gap * (place % 3) + chance.gauss(0, 6)
        date = f"2023-{1 + place // 28:02d}-{1 + place % 28:02d}"
        lines.append(f"{date},{name},{value:.2f},{0.3 * value + chance.gauss(0, 4):.1f}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A written report with all that the reviewer gets."""

    work: MemoryWork
    understanding: Understanding
    plan: Plan
    results: Mapping[str, SubtaskResult]

    def files(self) -> dict[str, bytes]:
        written = self.results["writer.report"]
        return {ref.name: (self.work.directory / ref.digest).read_bytes() for ref in written.artifacts}

    async def with_file(self, name: str, content: bytes) -> "Case":
        """The same case after somebody changed one stored file."""
        written = self.results["writer.report"]
        ref = await self.work.save(name, content, media_type="text/plain", kind="report")
        refs = tuple(ref if item.name == name else item for item in written.artifacts)
        results = {**self.results, "writer.report": replace(written, artifacts=refs)}
        return replace(self, results=results)

    async def review(self) -> SubtaskResult:
        self.work.subtask = self.plan.subtask("reviewer.review")
        self.work.results, self.work.plan = self.results, self.plan
        return await ReportReviewer().work(self.work)


def findings_of(path: Path, seed: int) -> tuple[Finding, ...]:
    kinds = ("group_difference", "correlation", "trend")
    found: list[dict[str, Any]] = []
    for analysis in ("profile", kinds[seed % 3]):
        answer = analyse.run({"file": str(path), "name": path.name, "analysis": analysis})
        found += answer["findings"]
    return tuple(Finding.from_json(item) for item in found)


def stored_table(directory: Path, seed: int, language: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"table{seed}.csv"
    path.write_text(table(seed, language), encoding="utf-8")
    return path


async def written_report(
    directory: Path, seed: int, findings: tuple[Finding, ...] | None = None, **options: Any
) -> Case:
    """Write a report of a generated table; `findings` replaces what the analysis found."""
    language = ("en", "zh")[seed % 2]
    path = stored_table(directory, seed, language)
    work = MemoryWork(directory=directory / "artifacts", paths={path.name: path}, **options)
    file = work.input(path.name)
    info = InputInfo(name=path.name, kind="table", digest=file.digest, size_bytes=file.size_bytes)
    understanding = Understanding(
        goal=f"Analyse {path.name}" if language == "en" else f"分析 {path.name}",
        language=language,
        inputs=(info,),
    )
    plan = Plan(
        revision=1,
        subtasks=(
            Subtask(
                id="data_analyst.all",
                title="Analyse",
                capability="table_analysis",
                agent="data_analyst",
                success_criteria=("numbers_recompute",),
            ),
            Subtask(
                id="writer.report",
                title="Write",
                capability="report_writing",
                agent="writer",
                depends_on=("data_analyst.all",),
                parameters={"phase": "synthesis"},
                success_criteria=("report_complete", "report_faithful"),
            ),
            Subtask(
                id="reviewer.review",
                title="Review",
                capability="review",
                agent="reviewer",
                depends_on=("writer.report",),
                parameters={"phase": "review"},
                success_criteria=("review_complete",),
            ),
        ),
    )
    found = findings_of(path, seed) if findings is None else findings
    results = {"data_analyst.all": SubtaskResult(summary="done", findings=found)}
    work.understanding, work.plan = understanding, plan
    work.subtask, work.results = plan.subtask("writer.report"), results
    results = {**results, "writer.report": await ReportWriter().work(work)}
    return Case(work=work, understanding=understanding, plan=plan, results=results)
