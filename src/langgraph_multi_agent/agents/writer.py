"""The writer: turns what the others found into one report.

Invariant: it adds no fact. Sentences come from findings, quotations from passages; a model may
add a narrative, which stays only if every number in it traces to what it refers to.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph_multi_agent.agents.contract import Proposal, Understanding, Work
from langgraph_multi_agent.agents.reporting import charts_of, report_from
from langgraph_multi_agent.domain.errors import BudgetExceeded, ModelAnswerInvalid, ModelUnavailable
from langgraph_multi_agent.domain.ports import ModelMessage
from langgraph_multi_agent.domain.result import SubtaskResult
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.skills.report import (
    HTML_NAME,
    JSON_NAME,
    MARKDOWN_NAME,
    MEDIA_TYPES,
    Report,
    narrative_faults,
    render_files,
    shortened,
)

MAX_PARAGRAPHS = 5
PROMPT_FINDINGS = 24
PROMPT_PASSAGES = 12
PROMPT_QUOTE_CHARACTERS = 600
MAX_NAMED_FAULTS = 8
SUMMARY_CHARACTERS = 600

_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "paragraphs": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_PARAGRAPHS,
            "items": {"type": "string", "minLength": 1, "maxLength": 2000},
        }
    },
    "required": ["paragraphs"],
    "additionalProperties": False,
}


class ReportWriter:
    """Agent `writer`; capability `report_writing`."""

    name = "writer"
    titles: Mapping[str, str] = {"zh": "撰稿员", "en": "Writer"}
    capabilities: tuple[str, ...] = ("report_writing",)

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        return (
            Proposal(
                key="report",
                title=text("team.writer.title", understanding.language),
                capability=self.capabilities[0],
                phase="synthesis",
                success_criteria=("report_complete", "report_faithful"),
            ),
        )

    async def work(self, work: Work) -> SubtaskResult:
        understanding, subtask = work.understanding, work.subtask
        language = understanding.language
        narrative: tuple[str, ...] = ()
        gap: str | None = None
        report = report_from(understanding, work.plan, subtask, work.results)
        if work.has_model and (report.statements or report.citations):
            narrative, gap = await _narrated(work, report)
        if narrative or gap:
            report = report_from(
                understanding,
                work.plan,
                subtask,
                work.results,
                narrative=narrative,
                narrative_gap=gap,
            )
        charts = await charts_of(work, [item.finding for item in report.statements])
        files = render_files(report, charts)
        saved = [
            await work.save(name, content, media_type=MEDIA_TYPES[name], kind="report")
            for name, content in files.items()
        ]
        return SubtaskResult(
            summary=_summary(report, language),
            artifacts=tuple(saved),
            data={
                "report": {"json": JSON_NAME, "markdown": MARKDOWN_NAME, "html": HTML_NAME},
                "narrative": list(narrative),
                "narrative_gap": gap,
                "findings": len(report.statements),
                "passages": len(report.citations),
            },
        )


def _summary(report: Report, language: str) -> str:
    if report.written:
        return text(
            "generalist.summary", language, text=shortened(report.written[0].text, SUMMARY_CHARACTERS)
        )
    if not report.summary:
        notes = [item.note for item in report.contributions if item.note]
        return notes[0] if notes else text("team.result.nothing", language)
    first, more = report.summary[0][1], len(report.statements) + len(report.citations) - 1
    return text("team.writer.best", language, first=first, more=more) if more else first


async def _narrated(work: Work, report: Report) -> tuple[tuple[str, ...], str | None]:
    """A narrative that traces, or none and the code of why; written again once."""
    facts = {
        "request": report.request,
        "language": report.language,
        "findings": [{"ref": s.ref, "text": s.text} for s in report.statements[:PROMPT_FINDINGS]],
        "passages": [
            {"ref": c.ref, "source": c.passage.source, "text": c.passage.quote[:PROMPT_QUOTE_CHARACTERS]}
            for c in report.citations[:PROMPT_PASSAGES]
        ],
    }
    messages = [
        ModelMessage(role="system", content=text("team.prompt.writer", "en")),
        ModelMessage(role="user", content=json.dumps(facts, ensure_ascii=False)),
    ]
    for _ in range(2):
        try:
            reply = await work.model(messages, schema=_SCHEMA, max_output_tokens=1500)
        except BudgetExceeded:
            return (), "budget"
        except (ModelUnavailable, ModelAnswerInvalid):
            return (), "unavailable"
        paragraphs = _paragraphs(reply.data)
        faults = narrative_faults(report, paragraphs)
        if paragraphs and not faults:
            return paragraphs, None
        named = "; ".join(f"{f.code} {f.stated} ({f.place})" for f in faults[:MAX_NAMED_FAULTS])
        messages += [
            ModelMessage(role="assistant", content=reply.text),
            ModelMessage(role="user", content=text("team.prompt.rewrite", "en", faults=named)),
        ]
    return (), "untraced"


def _paragraphs(data: Any) -> tuple[str, ...]:
    found = data.get("paragraphs", ()) if isinstance(data, Mapping) else ()
    return tuple(" ".join(str(item).split()) for item in found if str(item).strip())
