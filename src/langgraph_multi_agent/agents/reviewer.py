"""The reviewer: trusts nobody, recomputes everything, and says so criterion by criterion.

Invariant: it passes a report only if every number equals its recomputation from the file, every
quotation stands where it says, and the stored files are byte for byte what follows from that.
A criterion that nobody can check is neither passed nor failed.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from langgraph_multi_agent.agents.contract import Proposal, Understanding, Work
from langgraph_multi_agent.agents.generalist import FILE_NAME, answer_file
from langgraph_multi_agent.agents.reporting import charts_of, contributors, report_from
from langgraph_multi_agent.agents.together import together
from langgraph_multi_agent.domain.errors import (
    ArtifactNotFound,
    BudgetExceeded,
    InputUnreadable,
    InputUnsafe,
    LimitExceeded,
    ModelAnswerInvalid,
    ModelUnavailable,
    SkillFailed,
)
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.finding import Finding, Passage
from langgraph_multi_agent.domain.plan import Subtask
from langgraph_multi_agent.domain.ports import ModelMessage
from langgraph_multi_agent.domain.result import SubtaskResult, Verdict
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.skills.report import (
    Discrepancy,
    file_discrepancies,
    narrative_faults,
    number_discrepancies,
    recomputed,
    render_files,
    shortened,
)

QUERIES_PER_CALL = 200
MAX_REASON_CHARACTERS = 600
JUDGED_CHARACTERS = 6000

FILE_FAULTS = (InputUnreadable, InputUnsafe, LimitExceeded, SkillFailed)
"""What can be wrong with a file; it fails the criterion. Anything else fails the review itself."""

NUMBERS = frozenset({"numbers_recompute", "numbers_recomputed"})
CITATIONS = frozenset({"citations_resolve", "citations_resolved"})
_PASSED = {
    (True, True): "team.reviewer.passed",
    (True, False): "team.reviewer.passed_numbers",
    (False, True): "team.reviewer.passed_citations",
    (False, False): "team.reviewer.passed_neither",
}
"""What a good review says it did, by whether there were numbers, and quotations."""
"""Codes of success criteria that this reviewer can check for any agent."""

MEANINGS = {"answers_request": text("team.prompt.criterion.answers_request", "en")}
"""What a criterion's code says to a model that judges it."""

_JUDGEMENT: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "verdicts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "number": {"type": "integer"},
                    "passed": {"type": ["boolean", "null"]},
                    "reason": {"type": "string", "maxLength": 400},
                },
                "required": ["number", "passed", "reason"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["verdicts"],
    "additionalProperties": False,
}


@dataclass(slots=True, kw_only=True)
class _Evidence:
    """What the review found out, by subtask."""

    numbers: dict[str, list[Discrepancy]] = field(default_factory=dict)
    citations: dict[str, list[Discrepancy]] = field(default_factory=dict)
    report: dict[str, list[Discrepancy]] = field(default_factory=dict)
    complete: dict[str, list[Discrepancy]] = field(default_factory=dict)
    written: dict[str, list[Discrepancy]] = field(default_factory=dict)
    number_count: dict[str, int] = field(default_factory=dict)
    citation_count: dict[str, int] = field(default_factory=dict)


class ReportReviewer:
    """Agent `reviewer`; capability `review`."""

    name = "reviewer"
    titles: Mapping[str, str] = {"zh": "审查员", "en": "Reviewer"}
    capabilities: tuple[str, ...] = ("review",)

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        return (
            Proposal(
                key="review",
                title=text("team.reviewer.title", understanding.language),
                capability=self.capabilities[0],
                phase="review",
                success_criteria=("review_complete",),
            ),
        )

    async def work(self, work: Work) -> SubtaskResult:
        language = work.understanding.language
        evidence = _Evidence()
        sources = contributors(work.plan, work.subtask)
        rows, errors = await _rows(work, sources)
        corrected: dict[str, Finding] = {}
        for item in sources:
            result = work.results.get(item.id)
            if result is None:
                continue
            evidence.number_count[item.id] = sum(len(f.numbers) for f in result.findings)
            evidence.numbers[item.id] = []
            if "written" in result.data:
                evidence.written[item.id] = await _stored_answer(work, result)
            for finding in result.findings:
                row = rows.get((item.id, finding.id))
                error = errors.get((item.id, finding.id))
                evidence.numbers[item.id] += number_discrepancies(finding, row, error)
                corrected[finding.id] = recomputed(finding, row)
        await _resolve(work, sources, evidence)
        for item in _syntheses(work):
            await _compare(work, item, corrected, evidence)
        verdicts = [
            _verdict(item, criterion, work, evidence, language)
            for item in work.plan.subtasks
            for criterion in item.success_criteria
        ]
        verdicts = await _judged(work, verdicts)
        for verdict in verdicts:
            work.note(_event(self.name, verdict))
        failed = [verdict for verdict in verdicts if verdict.passed is False]
        numbers, citations = sum(evidence.number_count.values()), sum(evidence.citation_count.values())
        summary = (
            text("team.reviewer.failed", language, failed=len(failed), first=failed[0].reason)
            if failed
            else text(_PASSED[numbers > 0, citations > 0], language, numbers=numbers, citations=citations)
        )
        return SubtaskResult(
            summary=summary,
            data={
                "verdicts": [asdict(verdict) for verdict in verdicts],
                "passed": not failed,
                "numbers": numbers,
                "citations": citations,
            },
        )


async def _stored_answer(work: Work, result: SubtaskResult) -> list[Discrepancy]:
    """A model's text must be there, and its file must be what follows from it."""
    written = result.data["written"]
    expected = answer_file(str(written["text"]), str(written["model"]), work.understanding.language)
    stored: bytes | None = None
    for ref in result.artifacts:
        if ref.name == FILE_NAME:
            try:
                stored = await asyncio.to_thread((await work.path(ref)).read_bytes)
            except ArtifactNotFound:
                continue
    return file_discrepancies({FILE_NAME: expected}, {FILE_NAME: stored})


def _syntheses(work: Work) -> list[Subtask]:
    """The reports under review: what it depends on that says it wrote one."""
    return [
        item
        for item in work.plan.subtasks
        if item.id in work.subtask.depends_on
        and item.id in work.results
        and work.results[item.id].data.get("report")
    ]


async def _rows(
    work: Work, sources: Sequence[Subtask]
) -> tuple[dict[tuple[str, str], Mapping[str, Any]], dict[tuple[str, str], str]]:
    """Run the SQL of every finding on its file again; files and batches side by side."""
    by_source: dict[str, list[tuple[str, Finding]]] = {}
    for item in sources:
        if item.id in work.results:
            for finding in work.results[item.id].findings:
                by_source.setdefault(finding.source, []).append((item.id, finding))
    rows: dict[tuple[str, str], Mapping[str, Any]] = {}
    errors: dict[tuple[str, str], str] = {}

    async def recompute(source: str, batch: Sequence[tuple[str, Finding]]) -> None:
        queries = [{"id": str(place), "sql": f.sql} for place, (_, f) in enumerate(batch)]
        keys = {str(place): (owner, f.id) for place, (owner, f) in enumerate(batch)}
        try:
            path = str(await work.path(work.input(source)))
            found = await work.skill("tables.recompute", {"file": path, "name": source, "queries": queries})
        except FILE_FAULTS as fault:
            errors.update(dict.fromkeys(keys.values(), f"{fault.code} {fault.params}"))
            return
        rows.update({keys[place]: row for place, row in found.get("rows", {}).items()})
        errors.update({keys[place]: str(why) for place, why in found.get("errors", {}).items()})

    await together(
        recompute(source, findings[start : start + QUERIES_PER_CALL])
        for source, findings in sorted(by_source.items())
        for start in range(0, len(findings), QUERIES_PER_CALL)
    )
    return rows, errors


async def _resolve(work: Work, sources: Sequence[Subtask], evidence: _Evidence) -> None:
    """Look every quotation up in its source, extracted anew."""
    cited: list[tuple[str, Passage]] = []
    for item in sources:
        passages = work.results[item.id].passages if item.id in work.results else ()
        cited += [(item.id, passage) for passage in passages]
        evidence.citation_count[item.id] = len(passages)
        evidence.citations[item.id] = []
    if not cited:
        return
    # Ids are unique in a subtask only, so the place in the list tells the passages apart.
    passages_json = [{**passage.to_json(), "id": str(place)} for place, (_, passage) in enumerate(cited)]
    wanted = {passage.source for _, passage in cited}
    files = [
        {"path": str(await work.path(work.input(item.name))), "name": item.name}
        for item in work.understanding.inputs
        if item.name in wanted
    ]
    handbook = any(source.startswith("handbook:") for source in wanted)
    try:
        found = await work.skill(
            "documents.resolve", {"files": files, "passages": passages_json, "handbook": handbook}
        )
        answers: Mapping[str, Any] = found.get("passages", {})
        reason = "unanswered"
    except FILE_FAULTS as fault:
        answers, reason = {}, fault.code
    for place, (owner, passage) in enumerate(cited):
        answer = str(answers.get(str(place), reason))
        if answer != "ok":
            evidence.citations[owner].append(
                Discrepancy(code="citation", place=f"{passage.source} · {passage.locator}", stated=answer)
            )


async def _compare(
    work: Work, synthesis: Subtask, corrected: Mapping[str, Finding], evidence: _Evidence
) -> None:
    """Make the report again from recomputed findings and hold the stored files against it."""
    written = work.results[synthesis.id]
    narrative = [str(item) for item in written.data.get("narrative", ())]
    # Names and digests of the inputs come from the task, not from what was noted on the way.
    inputs = tuple(
        replace(item, digest=file.digest, size_bytes=file.size_bytes)
        for item in work.understanding.inputs
        for file in (work.input(item.name),)
    )
    expected = report_from(
        replace(work.understanding, inputs=inputs),
        work.plan,
        synthesis,
        work.results,
        narrative=narrative,
        narrative_gap=written.data.get("narrative_gap"),
        replaced=corrected,
    )
    charts = await charts_of(work, [item.finding for item in expected.statements])
    files = render_files(expected, charts)
    stored: dict[str, bytes | None] = {}
    for ref in written.artifacts:
        if ref.name in files:
            try:
                path = await work.path(ref)
            except ArtifactNotFound:
                continue
            stored[ref.name] = await asyncio.to_thread(path.read_bytes)
    evidence.report[synthesis.id] = [
        *file_discrepancies(files, stored),
        *narrative_faults(expected, narrative),
    ]
    shown = stored.get(str(written.data["report"].get("json"))) or b"{}"
    evidence.complete[synthesis.id] = _missing(expected.to_json(), shown)


def _missing(expected: Mapping[str, Any], shown: bytes) -> list[Discrepancy]:
    """Findings and passages that the stored report does not hold."""
    try:
        found = json.loads(shown)
        there = {str(item["id"]) for part in ("findings", "passages") for item in found.get(part, ())}
    except (ValueError, KeyError, TypeError, AttributeError):
        there = set()
    return [
        Discrepancy(code="not_in_report", place=str(item["id"]))
        for part in ("findings", "passages")
        for item in expected[part]
        if item["id"] not in there
    ]


def _verdict(item: Subtask, criterion: str, work: Work, evidence: _Evidence, language: str) -> Verdict:
    def say(passed: bool | None, reason: str) -> Verdict:
        return Verdict(
            subtask_id=item.id, criterion=criterion, passed=passed, reason=reason[:MAX_REASON_CHARACTERS]
        )

    def of(faults: Sequence[Discrepancy], good: str) -> Verdict:
        return say(False, _worded(faults, language)) if faults else say(True, good)

    if item.id == work.subtask.id:
        known = criterion == "review_complete"
        return say(True if known else None, text(f"team.review.{'ok' if known else 'nobody'}", language))
    result = work.results.get(item.id)
    if result is None:
        return say(False, text("team.review.no_result", language))
    fine = text("team.review.ok", language)
    if criterion in NUMBERS and item.id in evidence.numbers:
        count = evidence.number_count[item.id]
        key = "team.review.numbers" if count else "team.review.no_numbers"
        return of(evidence.numbers[item.id], text(key, language, count=count))
    if criterion in CITATIONS and item.id in evidence.citations:
        count = evidence.citation_count[item.id]
        key = "team.review.citations" if count else "team.review.no_citations"
        return of(evidence.citations[item.id], text(key, language, count=count))
    if criterion == "answer_given" and item.id in evidence.written:
        return of(evidence.written[item.id], text("team.review.written", language))
    if criterion == "question_answered" and result.passages:
        return say(True, fine)
    if criterion == "question_answered" and result.data.get("not_done"):
        return say(None, text("team.review.unanswered", language))
    if criterion == "report_faithful" and item.id in evidence.report:
        return of(evidence.report[item.id], fine)
    if criterion == "report_complete" and item.id in evidence.complete:
        return of(evidence.complete[item.id], fine)
    return say(None, text("team.review.nobody", language))


def _worded(faults: Iterable[Discrepancy], language: str) -> str:
    faults = list(faults)
    first = faults[0]
    sentence = text(
        f"team.fault.{first.code}", language, place=first.place, stated=first.stated, found=first.found
    )
    more = len(faults) - 1
    return text("team.review.more", language, first=sentence, more=more) if more else sentence


async def _judged(work: Work, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Ask a model, where there is one, for criteria that are sentences; never against a check."""
    if not work.has_model:
        return list(verdicts)
    open_ones = [v for v in verdicts if v.passed is None and v.subtask_id in work.results]
    if not open_ones:
        return list(verdicts)
    facts = {
        "request": work.understanding.goal,
        "criteria": [
            {
                "number": number,
                "criterion": MEANINGS.get(verdict.criterion, verdict.criterion),
                "result": _shown_to_judge(work.results[verdict.subtask_id]),
            }
            for number, verdict in enumerate(open_ones)
        ],
    }
    messages = (
        ModelMessage(role="system", content=text("team.prompt.reviewer", "en")),
        ModelMessage(role="user", content=json.dumps(facts, ensure_ascii=False)),
    )
    try:
        reply = await work.model(messages, schema=_JUDGEMENT, max_output_tokens=1500)
    except (ModelUnavailable, ModelAnswerInvalid, BudgetExceeded):
        return list(verdicts)
    found = reply.data.get("verdicts", ()) if isinstance(reply.data, Mapping) else ()
    judged: dict[int, Verdict] = {}
    for entry in found:
        number, passed = entry.get("number"), entry.get("passed")
        if isinstance(passed, bool) and isinstance(number, int) and 0 <= number < len(open_ones):
            one = open_ones[number]
            reason = text(
                "team.review.model", work.understanding.language, reason=str(entry.get("reason", ""))
            )
            judged[id(one)] = Verdict(
                subtask_id=one.subtask_id,
                criterion=one.criterion,
                passed=passed,
                reason=reason[:MAX_REASON_CHARACTERS],
            )
    return [judged.get(id(verdict), verdict) for verdict in verdicts]


def _shown_to_judge(result: SubtaskResult) -> str:
    written = result.data.get("written")
    if isinstance(written, Mapping):
        return shortened(str(written.get("text", "")), JUDGED_CHARACTERS)
    return result.summary


def _event(agent: str, verdict: Verdict) -> NewEvent:
    return NewEvent(
        type=EventType.REVIEW_VERDICT,
        agent=agent,
        subtask_id=verdict.subtask_id,
        data={"criterion": verdict.criterion, "passed": verdict.passed, "reason": verdict.reason},
    )
