"""The generalist: writes what only a model can, and says that a model wrote it.

Called by the planner (`propose`) and the coordinator (`work`). Invariant: it speaks up only for
requests read as `general`, which are admitted only with a model; its text is stored word for
word, is marked wherever it is shown, and never becomes a finding or a quotation.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph_multi_agent.agents.contract import Proposal, Understanding, Work
from langgraph_multi_agent.agents.pages import read_pages
from langgraph_multi_agent.agents.request import GENERAL
from langgraph_multi_agent.domain.errors import ModelAnswerInvalid
from langgraph_multi_agent.domain.ports import ModelMessage
from langgraph_multi_agent.domain.result import SubtaskResult
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.skills.report import sentence_of, shortened

FILE_NAME = "answer.md"
MEDIA_TYPE = "text/markdown; charset=utf-8"
DOCUMENT_CHARACTERS = 24_000
"""So much of the documents is read, all together; what is cut off is told to the model and the reader."""
PAGE_CHARACTERS = 24_000
"""The same of the pages that the request names."""
FINDINGS = 24
PASSAGES = 12
MAX_OUTPUT_TOKENS = 3000
SUMMARY_CHARACTERS = 400

_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 40_000}},
    "required": ["text"],
    "additionalProperties": False,
}


class Generalist:
    """Agent `generalist`; capability `general_answer`.

    The result's `data`: `written` (`{"text", "model"}`), `pages` (`{"address", "title"}` of pages that
    the request named and that were read), `not_done` (documents that were cut, pages that were not read).
    It has no offline way: without a usable answer its subtask fails, and recovery acts.
    """

    name = "generalist"
    titles: Mapping[str, str] = {
        "zh": text("generalist.title", "zh"),
        "en": text("generalist.title", "en"),
    }
    capabilities: tuple[str, ...] = ("general_answer",)

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        """One subtask after all other work, whose results it may use."""
        if GENERAL not in understanding.intents:
            return ()
        language = understanding.language
        return (
            Proposal(
                key="answer",
                title=text("generalist.subtask", language),
                capability=self.capabilities[0],
                inputs=tuple(item.name for item in understanding.inputs if item.kind == "document"),
                success_criteria=("answer_given", "answers_request"),
                weight=2.0,
                reason=text("generalist.reason", language),
                needs_results=True,
            ),
        )

    async def work(self, work: Work) -> SubtaskResult:
        """Ask the model, and keep its text as it stands.

        Raises:
            ModelRequired, ModelUnavailable, ModelAnswerInvalid, BudgetExceeded: there is no answer.
            InputUnreadable, InputUnsafe, LimitExceeded: a document cannot be read.
        """
        language = work.understanding.language
        documents, not_done = await _documents(work, language)
        pages, unread = await read_pages(work, limit=PAGE_CHARACTERS)
        not_done += unread
        strongest = sorted(
            (finding for result in work.results.values() for finding in result.findings),
            key=lambda finding: (-finding.strength, finding.id),
        )
        facts = {
            "request": work.understanding.goal,
            "documents": documents,
            "pages": pages,
            "findings": [sentence_of(finding, language) for finding in strongest[:FINDINGS]],
            "quotations": [passage.quote for result in work.results.values() for passage in result.passages][
                :PASSAGES
            ],
        }
        messages = (
            ModelMessage(role="system", content=text("generalist.prompt", "en")),
            ModelMessage(role="user", content=json.dumps(facts, ensure_ascii=False)),
        )
        reply = await work.model(messages, schema=_SCHEMA, max_output_tokens=MAX_OUTPUT_TOKENS)
        written = str(reply.data["text"]).strip()
        if not written:
            raise ModelAnswerInvalid(reason="empty", detail="", model=reply.model)
        answer = await work.save(
            FILE_NAME, answer_file(written, reply.model, language), media_type=MEDIA_TYPE, kind="result"
        )
        data: dict[str, Any] = {"written": {"text": written, "model": reply.model}}
        if pages:
            data["pages"] = [{"address": page["address"], "title": page["title"]} for page in pages]
        if not_done:
            data["not_done"] = not_done
        return SubtaskResult(
            summary=text("generalist.summary", language, text=shortened(written, SUMMARY_CHARACTERS)),
            artifacts=(answer,),
            data=data,
        )


def answer_file(written: str, model: str, language: str) -> bytes:
    """The stored answer: who wrote it, then the text itself."""
    note = text("report.written_note", language, model=model)
    return f"> {note}\n\n{written}\n".encode()


async def _documents(work: Work, language: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Documents for the prompt, and what of them did not fit."""
    read: list[dict[str, str]] = []
    cut: list[dict[str, str]] = []
    left = DOCUMENT_CHARACTERS
    for name in work.subtask.inputs:
        path = str(await work.path(work.input(name)))
        found = await work.skill("documents.read", {"path": path, "name": name, "limit": left})
        content = str(found["text"])
        left -= len(content)
        if content:
            read.append({"name": name, "text": content})
        if len(content) < int(found["characters"]):
            reason = text(
                "generalist.cut", language, read=f"{len(content):,}", total=f"{int(found['characters']):,}"
            )
            cut.append({"title": name, "reason": reason})
    return read, cut
