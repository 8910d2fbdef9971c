"""From a plan and its results to the report that follows from them.

Called by the writer, which saves it, and by the reviewer, which makes it again to compare.
Invariant: the same plan, results and narrative give the same report to both.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from langgraph_multi_agent.agents.contract import Understanding, Work
from langgraph_multi_agent.domain.errors import ArtifactNotFound
from langgraph_multi_agent.domain.finding import Finding, Passage
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.result import SubtaskResult
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.skills.report import (
    Contribution,
    Gap,
    Report,
    Source,
    Writing,
    compose,
    narrative_faults,
)


def contributors(plan: Plan, late: Subtask) -> list[Subtask]:
    """The work subtasks that a synthesis or review rests on, in plan order."""
    needed = set(late.depends_on)
    for item in reversed(plan.ordered()):
        if item.id in needed:
            needed.update(item.depends_on)
    return [
        item
        for item in plan.subtasks
        if item.id in needed and item.parameters.get("phase") not in ("synthesis", "review")
    ]


def report_from(
    understanding: Understanding,
    plan: Plan,
    synthesis: Subtask,
    results: Mapping[str, SubtaskResult],
    *,
    narrative: Sequence[str] = (),
    narrative_gap: str | None = None,
    replaced: Mapping[str, Finding] | None = None,
) -> Report:
    """The report of a synthesis subtask.

    Args:
        synthesis: the writer's subtask; its parameters name agents and what was left out.
        narrative_gap: code of why there is no narrative although a model was there to write it.
        replaced: findings to use in place of stated ones, by finding id.
    """
    language = understanding.language
    sources = contributors(plan, synthesis)
    present = [results[item.id] for item in sources if item.id in results]
    findings = [(replaced or {}).get(f.id, f) for result in present for f in result.findings]
    report = compose(
        request=understanding.goal,
        language=language,
        findings=findings,
        passages=_in_turn([result.passages for result in present]),
        questions=_questions(present),
        sources=[
            Source(name=item.name, kind=item.kind, digest=item.digest, size_bytes=item.size_bytes)
            for item in understanding.inputs
        ],
        contributions=[
            _contribution(item, synthesis, results[item.id]) for item in sources if item.id in results
        ],
        written=[
            Writing(
                title=item.title,
                agent=_title(synthesis, item.agent),
                model=str(written.get("model", "")),
                text=str(written.get("text", "")),
            )
            for item in sources
            if item.id in results and (written := results[item.id].data.get("written"))
        ],
        gaps=_gaps(sources, synthesis, results, narrative_gap, language),
    )
    return replace(report, narrative=(*_answers(report, present), *narrative))


def _in_turn(lists: Sequence[Sequence[Passage]]) -> list[Passage]:
    """The best passage of each answer first, then the second ones: scores compare within one only."""
    return [passage for rank in zip_longest(*lists) for passage in rank if passage is not None]


def _questions(present: Sequence[SubtaskResult]) -> dict[str, str]:
    """The question that a passage was found for, by passage id."""
    found: dict[str, str] = {}
    for result in present:
        if result.data.get("mode") == "answer" and result.data.get("question"):
            for passage in result.passages:
                found.setdefault(passage.id, str(result.data["question"]))
    return found


def _answers(report: Report, present: Sequence[SubtaskResult]) -> list[str]:
    """Answers that agents worded with a model, each sentence with its references; only what traces."""
    refs = {item.passage.id: item.ref for item in report.citations}
    paragraphs = []
    for result in present:
        answer = result.data.get("answer")
        sentences = answer.get("sentences", ()) if isinstance(answer, Mapping) else ()
        worded = [
            f"{item['text']} {''.join(f'[{refs[one]}]' for one in item['passages'] if one in refs)}"
            for item in sentences
        ]
        paragraphs.append(" ".join(line for line in worded if not narrative_faults(report, [line])))
    return [paragraph for paragraph in paragraphs if paragraph]


async def charts_of(work: Work, findings: Iterable[Finding]) -> dict[str, bytes]:
    """Content of the charts that findings name, as far as their subtasks saved them."""
    wanted = {finding.chart for finding in findings if finding.chart}
    refs = {
        ref.name: ref for result in work.results.values() for ref in result.artifacts if ref.name in wanted
    }
    content: dict[str, bytes] = {}
    for name, ref in sorted(refs.items()):
        try:
            path = await work.path(ref)
        except ArtifactNotFound:
            continue
        content[name] = await asyncio.to_thread(path.read_bytes)
    return content


def _contribution(item: Subtask, synthesis: Subtask, result: SubtaskResult) -> Contribution:
    proven = bool(result.findings or result.passages)
    told = (
        proven or bool(result.data.get("not_done")) or "analyses" in result.data or "written" in result.data
    )
    return Contribution(
        subtask=item.id,
        title=item.title,
        agent=_title(synthesis, item.agent),
        reason=item.reason,
        note="" if told else result.summary,
        is_empty=not proven and "analyses" in result.data,
        artifacts=tuple(ref.name for ref in result.artifacts if ref.kind == "result"),
    )


def _title(synthesis: Subtask, agent: str) -> str:
    titles: Mapping[str, Any] = synthesis.parameters.get("agents", {})
    return str(titles.get(agent, agent))


def _gaps(
    sources: Sequence[Subtask],
    synthesis: Subtask,
    results: Mapping[str, SubtaskResult],
    narrative_gap: str | None,
    language: str,
) -> list[Gap]:
    gaps = [
        Gap(title=item.title, reason=text("report.gap_no_result", language))
        for item in sources
        if item.id not in results
    ]
    for key in ("left_out", "unverified"):
        reason = text(f"report.gap_{key}", language)
        gaps += [Gap(title=str(title), reason=reason) for title in synthesis.parameters.get(key, ())]
    undone = synthesis.parameters.get("undone", ())
    gaps += [Gap(title=str(item["title"]), reason=text("report.gap_no_result", language)) for item in undone]
    for item in sources:
        if item.id in results:
            gaps += [
                Gap(title=str(entry["title"]), reason=str(entry["reason"]))
                for entry in results[item.id].data.get("not_done", ())
            ]
            gaps += _unanswered(item, results[item.id], language)
    if narrative_gap:
        title = text("report.gap_narrative", language)
        gaps.append(Gap(title=title, reason=text(f"report.gap_narrative_{narrative_gap}", language)))
    return gaps


def _unanswered(item: Subtask, result: SubtaskResult, language: str) -> list[Gap]:
    """That a model was there and worded no answer: the quotations stand alone."""
    code = result.data.get("answer_gap")
    if not code or result.data.get("answer") or not result.passages:
        return []
    reasons = {"BUDGET_EXCEEDED": "budget", "DAY_QUOTA_EXCEEDED": "budget", "NOTHING_CITED": "untraced"}
    why = reasons.get(str(code), "unavailable")
    title = text("report.gap_answer", language, title=item.title)
    return [Gap(title=title, reason=text(f"report.gap_narrative_{why}", language))]
