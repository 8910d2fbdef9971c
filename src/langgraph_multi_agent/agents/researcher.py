"""The built-in researcher: answers from documents and the handbook, with citations.

Called by the planner (`propose`) and the coordinator (`work`). Hides how a request becomes
questions and how a model's answer is held to the passages. Invariant: whatever it says stands in
a passage it returns; where the documents are silent, it says so and returns none.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langgraph_multi_agent.agents.contract import InputInfo, Proposal, Understanding, Work
from langgraph_multi_agent.domain.errors import BudgetExceeded, ModelAnswerInvalid, ModelUnavailable
from langgraph_multi_agent.domain.finding import Passage
from langgraph_multi_agent.domain.ports import ModelMessage
from langgraph_multi_agent.domain.result import SubtaskResult
from langgraph_multi_agent.handbook import SOURCE_PREFIX, title_of
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.i18n.errors import describe

GROUP_FILES = 8
GROUP_BYTES = 64 * 1024**2
"""Documents searched in one subtask: one child process extracts them all."""

MAX_QUESTIONS = 60
MAX_QUESTION_CHARACTERS = 500
PASSAGES = 5
OVERVIEW_PASSAGES = 8
WORDINGS = 4
SENTENCES = 5

_SPLIT = re.compile(r"[?？]+[”」』\"')）]*|\n+|(?<=[。；;!！])|(?<=[.])\s+(?=[A-Z])")
_BULLET = re.compile(r"^\s*(?:[-*•·]|\(?\d{1,2}[.)、）:：]|[（(][一二三四五六七八九十\d]+[）)])\s*")
_OVERVIEW = re.compile(
    r"总结|概括|摘要|概述|归纳|主要内容|主要讲|讲了什么|说了什么|要点|大意|综述"
    r"|\b(?:summar(?:y|ies|i[sz]e[sd]?|i[sz]ing)|overview|key points?|main points?|main ideas?|gist|tl;?dr|digest"
    r"|what (?:is|are) (?:this|these|the) (?:documents?|files?|texts?|papers?|reports?) about)\b",
    re.IGNORECASE,
)
_GENERIC = re.compile(
    r"请|帮我|给我|给出|一下|(?:这|那|一|两|三|几)+(?:份|些|个|篇)?|的|了|和|并|是|什么|文档|文件|报告|资料|论文|文章|全文|内容|主要"
    r"|\b(?:please|give|me|us|make|write|an?|the|of|these|this|those|in|to|short|brief|is|are|what|documents?|files?|reports?"
    r"|papers?|texts?|attached|all|for|it|them|and|with)\b",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"[\u4e00-\u9fff]|[A-Za-z0-9]+")
"""What is left of an overview wish without these: a wish about a subject is a question after all."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

_QUERIES_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "queries": {"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": WORDINGS}
    },
    "required": ["queries"],
    "additionalProperties": False,
}
_ANSWER_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "sentences": {
            "type": "array",
            "maxItems": SENTENCES,
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "maxLength": 600},
                    "passages": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["text", "passages"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["sentences"],
    "additionalProperties": False,
}


class Researcher:
    """Agent `researcher`; capability `document_research`.

    The result's `data`: `question`, `mode` (answer or overview), `answered`, `searched` (sources),
    `wordings` (what a model added), `answer` (only with a model: `{"text", "sentences": [{"text",
    "passages": [id]}]}`), `answer_gap` (code of why a model gave none), `not_done` (files that
    could not be read, or the question that had no answer).
    """

    name = "researcher"
    titles: Mapping[str, str] = {
        "zh": text("researcher.title", "zh"),
        "en": text("researcher.title", "en"),
    }
    capabilities: tuple[str, ...] = ("document_research",)

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        """One subtask for each question and group of documents; the handbook joins the first group."""
        groups = _groups([item for item in understanding.inputs if item.kind == "document"])
        if not groups and understanding.handbook:
            groups = [[]]
        proposals = []
        for number, (question, mode) in enumerate(questions_of(understanding.goal), 1):
            for part, group in enumerate(groups, 1):
                handbook = understanding.handbook and part == 1
                key = f"{mode}-{number}" if len(groups) == 1 else f"{mode}-{number}-{part}"
                proposals.append(
                    _proposal(key, question, mode, group, handbook=handbook, language=understanding.language)
                )
        return tuple(proposals)

    async def work(self, work: Work) -> SubtaskResult:
        """Search, and with a model reformulate and answer from the passages.

        Raises:
            InputUnreadable, InputUnsafe, LimitExceeded: none of its documents can be read.
        """
        question = str(work.subtask.parameters.get("question") or work.request)[:MAX_QUESTION_CHARACTERS]
        mode = str(work.subtask.parameters.get("mode") or "answer")
        language = work.understanding.language
        gaps: list[str] = []
        wordings: list[str] = []
        if mode == "answer" and work.has_model:
            wordings = await _wordings(work, question, gaps)
        found = await work.skill(
            "documents.search",
            {
                "files": [
                    {"path": str(await work.path(work.input(name))), "name": name}
                    for name in work.subtask.inputs
                ],
                "question": question if mode == "answer" else "",
                "also": wordings,
                "language": language,
                "limit": PASSAGES if mode == "answer" else OVERVIEW_PASSAGES,
                "handbook": bool(work.subtask.parameters.get("handbook")),
            },
        )
        passages = tuple(Passage.from_json(item) for item in found["passages"])
        data: dict[str, Any] = {
            "question": question,
            "mode": mode,
            "answered": bool(passages),
            "searched": list(found["searched"]),
        }
        if wordings:
            data["wordings"] = wordings
        if passages and work.has_model:
            answer = await _answer(work, question, passages, language, gaps)
            if answer:
                data["answer"] = answer
        if gaps:
            data["answer_gap"] = gaps[0]
        not_done = [_unread(item, language) for item in found.get("unreadable", ())]
        searched = named(found["searched"], language)
        if not passages:
            not_done.append(
                {"title": work.subtask.title, "reason": text("researcher.gap", language, sources=searched)}
            )
        if not_done:
            data["not_done"] = not_done
        return SubtaskResult(
            summary=_summary(
                question, mode, passages, searched=searched, answer=data.get("answer"), language=language
            ),
            passages=passages,
            data=data,
        )


def questions_of(goal: str) -> list[tuple[str, str]]:
    """The questions of a request, each with its mode: `answer`, or `overview` for a summary.

    Sentences that end in a question mark are the questions; the others are context and left out.
    Without any, the whole request is one question. All overview wishes together are one; a wish
    for a summary of some subject is searched like a question.
    """
    pieces: list[tuple[str, bool]] = []
    start = 0
    for match in _SPLIT.finditer(goal):
        pieces.append((goal[start : match.start()], match.group()[:1] in ("?", "？")))
        start = match.end()
    pieces.append((goal[start:], False))
    asked: list[tuple[str, str]] = []
    for piece, is_question in pieces:
        sentence = _BULLET.sub("", piece).strip(" \t，,")
        if not sentence:
            continue
        wish = _OVERVIEW.search(sentence) is not None
        if wish and len(_SUBJECT.findall(_GENERIC.sub(" ", _OVERVIEW.sub(" ", sentence)))) <= 3:
            asked.append(("", "overview"))
        elif is_question or wish:
            mark = "？" if re.search(r"[\u4e00-\u9fff]", sentence) else "?"
            asked.append((sentence[:MAX_QUESTION_CHARACTERS] + (mark if is_question else ""), "answer"))
    if not asked and goal.strip():
        asked.append((" ".join(goal.split())[:MAX_QUESTION_CHARACTERS], "answer"))
    return list(dict.fromkeys(asked))[:MAX_QUESTIONS]


def named(sources: Iterable[str], language: str) -> str:
    """Sources for people: files by name, the handbook once, long lists shortened."""
    files = [source for source in sources if not source.startswith(SOURCE_PREFIX)]
    if len(files) > 4:
        files = [text("researcher.and_more", language, first=files[0], more=len(files) - 1)]
    if any(source.startswith(SOURCE_PREFIX) for source in sources):
        files.append(text("researcher.handbook", language))
    return text("researcher.separator", language).join(files)


def _groups(documents: Sequence[InputInfo]) -> list[list[str]]:
    groups: list[list[str]] = []
    size_bytes = 0
    for item in documents:
        if not groups or len(groups[-1]) >= GROUP_FILES or size_bytes + item.size_bytes > GROUP_BYTES:
            groups.append([])
            size_bytes = 0
        groups[-1].append(item.name)
        size_bytes += item.size_bytes
    return groups


def _proposal(
    key: str, question: str, mode: str, group: Sequence[str], *, handbook: bool, language: str
) -> Proposal:
    sources = named([*group, *([SOURCE_PREFIX] if handbook else [])], language)
    return Proposal(
        key=key,
        title=text(f"researcher.subtask.{mode}", language, question=_short(question), sources=sources),
        capability=Researcher.capabilities[0],
        parameters={"question": question, "mode": mode, "handbook": handbook},
        inputs=tuple(group),
        success_criteria=("citations_resolve", "question_answered"),
        weight=1.0 + 0.25 * len(group),
        reason=text(f"researcher.reason.{mode}", language, sources=sources),
    )


def _short(question: str, limit: int = 60) -> str:
    return question if len(question) <= limit else question[: limit - 1] + "…"


def _unread(item: Mapping[str, Any], language: str) -> dict[str, str]:
    told = describe(str(item["code"]), {"file": item["file"], "reason": item["reason"]}, language)
    return {"title": str(item["file"]), "reason": told.detail}


async def _wordings(work: Work, question: str, gaps: list[str]) -> list[str]:
    """Other wordings from the model, in the language of the documents; none if it fails."""
    messages = (
        ModelMessage(
            role="system",
            content=text(
                "researcher.prompt.queries",
                work.understanding.language,
                count=WORDINGS,
                document_language=text(f"researcher.language.{_language_of_inputs(work)}", "en"),
            ),
        ),
        ModelMessage(role="user", content=json.dumps({"question": question}, ensure_ascii=False)),
    )
    try:
        reply = await work.model(messages, schema=_QUERIES_SCHEMA, max_output_tokens=400)
    except (ModelUnavailable, ModelAnswerInvalid, BudgetExceeded) as fault:
        gaps.append(fault.code)
        return []
    queries = reply.data.get("queries", ()) if isinstance(reply.data, Mapping) else ()
    cleaned = [" ".join(query.split())[:200] for query in queries if isinstance(query, str)]
    return list(dict.fromkeys(query for query in cleaned if query and query != question))[:WORDINGS]


def _language_of_inputs(work: Work) -> str:
    languages = [
        item.profile.get("language") for item in work.understanding.inputs if item.name in work.subtask.inputs
    ]
    known = [language for language in languages if language in ("zh", "en")]
    return known[0] if known else work.understanding.language


async def _answer(
    work: Work, question: str, passages: Sequence[Passage], language: str, gaps: list[str]
) -> dict[str, Any] | None:
    """The model's answer, held to the passages; None if nothing of it stands."""
    labelled = {f"p{number}": passage for number, passage in enumerate(passages, 1)}
    facts = {
        "question": question or text("researcher.subtask.overview", language, sources="").rstrip(" :："),
        "passages": [
            {"id": label, "source": _place(passage), "text": passage.quote}
            for label, passage in labelled.items()
        ],
    }
    messages = (
        ModelMessage(role="system", content=text("researcher.prompt.answer", language, count=SENTENCES)),
        ModelMessage(role="user", content=json.dumps(facts, ensure_ascii=False)),
    )
    try:
        reply = await work.model(messages, schema=_ANSWER_SCHEMA, max_output_tokens=1200)
    except (ModelUnavailable, ModelAnswerInvalid, BudgetExceeded) as fault:
        gaps.append(fault.code)
        return None
    said = reply.data.get("sentences", ()) if isinstance(reply.data, Mapping) else ()
    sentences = [kept for item in said if (kept := held_to(item, labelled)) is not None][:SENTENCES]
    if not sentences:
        gaps.append("NOTHING_CITED")
        return None
    joint = "" if language == "zh" else " "
    return {"text": joint.join(item["text"] for item in sentences), "sentences": sentences}


def held_to(item: Any, labelled: Mapping[str, Passage]) -> dict[str, Any] | None:
    """A model's sentence with the ids of real passages; None if it must be dropped.

    It must cite at least one passage that was given to it, and each of its numbers must stand in
    the passages that it cites.
    """
    if not isinstance(item, Mapping) or not isinstance(item.get("text"), str):
        return None
    sentence = " ".join(item["text"].split())
    cited = [
        labelled[label] for label in dict.fromkeys(map(str, item.get("passages") or ())) if label in labelled
    ]
    if not sentence or not cited:
        return None
    quoted = {number for passage in cited for number in _numbers(passage.quote)}
    if not _numbers(sentence) <= quoted:
        return None
    return {"text": sentence, "passages": [passage.id for passage in cited]}


def _numbers(sentence: str) -> set[str]:
    return {number.replace(",", "").rstrip(".") for number in _NUMBER.findall(sentence)}


def _place(passage: Passage) -> str:
    source = passage.source
    if source.startswith(SOURCE_PREFIX):
        source = title_of(source.removeprefix(SOURCE_PREFIX))
    return f"{source} · {passage.locator}" if passage.locator else source


def _summary(
    question: str,
    mode: str,
    passages: Sequence[Passage],
    *,
    searched: str,
    answer: Mapping[str, Any] | None,
    language: str,
) -> str:
    if answer:
        return str(answer["text"])
    asked = _short(question)
    if not passages:
        return text("researcher.nothing", language, question=asked, sources=searched)
    sources = named(list(dict.fromkeys(passage.source for passage in passages)), language)
    key = "overview" if mode == "overview" else "found" if len(passages) > 1 else "found_one"
    return text(f"researcher.{key}", language, question=asked, count=len(passages), sources=sources)
