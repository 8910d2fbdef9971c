"""The meta agent: admits a request, looks at its inputs, and asks back where it is unclear.

Called by the service (`admit`, before anything is stored) and by the engine (`understand`).
Invariant: a request is admitted only if what it asks for can be done from its inputs; a model
may refine the understanding, but never adds a file or a column that is not there.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph_multi_agent import handbook
from langgraph_multi_agent.agents.contract import InputInfo, Understanding, Work
from langgraph_multi_agent.agents.request import (
    GENERAL,
    INTENTS,
    SUPPORTED,
    intents_of,
    is_about_data,
    is_question,
    kind_of_file,
    language_of_request,
    model_only_wish,
    named_columns,
    names_handbook,
    unknown_files,
)
from langgraph_multi_agent.agents.together import together
from langgraph_multi_agent.domain.errors import (
    BudgetExceeded,
    InputUnreadable,
    InvalidRequest,
    ModelAnswerInvalid,
    ModelRequired,
    ModelUnavailable,
)
from langgraph_multi_agent.domain.ports import ModelMessage
from langgraph_multi_agent.domain.task import InputFile, TaskDraft
from langgraph_multi_agent.i18n import text

MODEL_SETTINGS = "LLM_PROVIDER, LLM_MODEL, LLM_BASE_URL, LLM_API_KEY"
READ_CHARACTERS = 6000
"""So much of a request is searched for words; what follows is material, not instruction."""
MAX_OPTIONS = 6
MAX_PROMPT_COLUMNS = 60

_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "goal": {"type": "string", "minLength": 1, "maxLength": 1000},
        "intents": {"type": "array", "items": {"enum": list(INTENTS)}, "maxItems": len(INTENTS)},
        "columns": {"type": "array", "items": {"type": "string"}, "maxItems": 20},
        "question": {"type": ["string", "null"], "maxLength": 500},
    },
    "required": ["goal", "intents", "columns", "question"],
    "additionalProperties": False,
}


class RequestMetaAgent:
    """`contract.MetaAgent` of the built-in team."""

    name = "meta_agent"
    titles: Mapping[str, str] = {"zh": "任务理解", "en": "Meta agent"}

    def admit(self, draft: TaskDraft, *, has_model: bool) -> None:
        request = request_of(draft.title, draft.description)
        if not request:
            raise InvalidRequest(field="description", reason="empty")
        for file in draft.files:
            if kind_of_file(file.name) == "unknown":
                raise InputUnreadable(
                    file=file.name, reason="unsupported_kind", supported=", ".join(SUPPORTED)
                )
        if has_model:
            return
        wish = model_only_wish(request[:READ_CHARACTERS])
        if wish is not None:
            raise ModelRequired(settings=MODEL_SETTINGS, reason=wish)
        if not draft.files and handbook.covers(request[:READ_CHARACTERS]) < handbook.COVERED:
            raise ModelRequired(settings=MODEL_SETTINGS, reason="nothing_to_work_on")

    async def understand(self, work: Work) -> Understanding:
        request = work.request.strip()
        language = language_of_request(request, work.language)
        inputs = await _inspected(work)
        wanted = _wants_handbook(request[:READ_CHARACTERS], has_inputs=bool(inputs))
        intents = intents_of(request[:READ_CHARACTERS])
        is_bare = not inputs and not wanted
        if work.has_model and (is_bare or model_only_wish(request[:READ_CHARACTERS]) is not None):
            intents = (*intents, GENERAL)
        understanding = Understanding(
            goal=request,
            language=language,
            intents=intents,
            inputs=inputs,
            handbook=wanted,
        )
        unclear = _unclear(request[:READ_CHARACTERS], understanding)
        if unclear is not None:
            sentence, options = unclear
            return _with_answer(understanding, await work.ask(sentence, options=options), language)
        if work.has_model:
            return await _refined(work, understanding)
        return understanding


def _wants_handbook(request: str, *, has_inputs: bool) -> bool:
    """Beside inputs of its own, a request gets the handbook only if it speaks of it."""
    if has_inputs:
        return names_handbook(request)
    return handbook.covers(request) >= handbook.COVERED


def request_of(title: str, description: str) -> str:
    """Title and description as one text; a title that the description repeats counts once."""
    title, description = title.strip(), description.strip()
    if not description:
        return title
    head = title.rstrip("….").strip()
    return description if not head or description.startswith(head) else f"{title}\n{description}"


async def _inspected(work: Work) -> tuple[InputInfo, ...]:
    """Profile all inputs at once, in their order; one that cannot be read fails the task by name."""
    return tuple(await together(_inspect(work, file) for file in work.files))


async def _inspect(work: Work, file: InputFile) -> InputInfo:
    kind = kind_of_file(file.name)
    path = str(await work.path(file))
    profile: Mapping[str, Any] = {}
    if kind == "table":
        profile = await work.skill("tables.profile", {"file": path, "name": file.name})
    elif kind == "document":
        profile = await work.skill("documents.inspect", {"path": path, "name": file.name})
    else:
        raise InputUnreadable(file=file.name, reason="unsupported_kind", supported=", ".join(SUPPORTED))
    return InputInfo(
        name=file.name, kind=kind, digest=file.digest, size_bytes=file.size_bytes, profile=profile
    )


def columns_of(inputs: Sequence[InputInfo]) -> list[str]:
    """All column names of all tables, in order, each once."""
    return list(
        dict.fromkeys(column["name"] for item in inputs for column in item.profile.get("columns", ()))
    )


def _unclear(request: str, understanding: Understanding) -> tuple[str, tuple[str, ...]] | None:
    """What must be asked back, with options: a missing file, a missing column, or no connection."""
    inputs, language = understanding.inputs, understanding.language
    names = [item.name for item in inputs]
    columns = columns_of(inputs)
    tables_only = bool(inputs) and all(item.kind == "table" for item in inputs)
    if inputs and not understanding.handbook:
        missing = unknown_files(request, names)
        if missing:
            return text("team.ask.file", language, file=missing[0]), tuple(names[:MAX_OPTIONS])
    if tables_only:
        folded = {column.casefold(): column for column in columns}
        for named in named_columns(request) if _all_described(inputs) else ():
            if named.casefold() not in folded and named not in names:
                close = difflib.get_close_matches(named.casefold(), folded, n=MAX_OPTIONS, cutoff=0.3)
                options = tuple(folded[item] for item in close) or tuple(columns[:MAX_OPTIONS])
                return text("team.ask.column", language, column=named), options
        unrelated = (
            is_question(request)
            and understanding.intents == ("answer",)
            and not understanding.handbook
            and not is_about_data(request)
            and not any(name.casefold() in request.casefold() for name in _vocabulary(inputs))
        )
        if unrelated:
            listed = ", ".join(columns[:MAX_OPTIONS])
            return text("team.ask.unrelated", language, columns=listed), tuple(columns[:MAX_OPTIONS])
    return None


def _all_described(inputs: Sequence[InputInfo]) -> bool:
    """Very wide tables are described in part; what is not listed may still be there."""
    return all(item.profile.get("column_count", 0) <= len(item.profile.get("columns", ())) for item in inputs)


def _vocabulary(inputs: Sequence[InputInfo]) -> list[str]:
    """Words that connect a request with tables: columns, their parts, and file names."""
    words: list[str] = []
    for name in columns_of(inputs):
        words += [name, *(part for part in name.replace("_", " ").split() if len(part) > 2)]
    words += [item.name.rpartition(".")[0] for item in inputs]
    return [word for word in words if word]


def _with_answer(understanding: Understanding, answer: Mapping[str, Any], language: str) -> Understanding:
    """Take the person's answer into the goal, and read it for intents as well."""
    said = str(answer.get("text") or answer.get("option") or answer.get("answer") or "").strip()
    if not said:
        return understanding
    intents = (*understanding.intents, *intents_of(said))
    return Understanding(
        goal=text("team.goal.answered", language, goal=understanding.goal, answer=said),
        language=understanding.language,
        intents=tuple(intent for intent in INTENTS if intent in intents),
        inputs=understanding.inputs,
        handbook=understanding.handbook,
        notes=said,
    )


async def _refined(work: Work, offline: Understanding) -> Understanding:
    """Let the model read the request; what it names must exist, and its silence changes nothing."""
    facts = {
        "request": offline.goal,
        "inputs": [_outline(item) for item in offline.inputs],
        "intents_found": offline.intents,
        "language": offline.language,
    }
    messages = (
        ModelMessage(role="system", content=text("team.prompt.meta_agent", "en")),
        ModelMessage(role="user", content=json.dumps(facts, ensure_ascii=False)),
    )
    try:
        reply = await work.model(messages, schema=_SCHEMA, max_output_tokens=600)
    except (ModelUnavailable, ModelAnswerInvalid, BudgetExceeded) as error:
        return _noted(offline, error.code)
    found = reply.data if isinstance(reply.data, Mapping) else {}
    question = found.get("question")
    if isinstance(question, str) and question.strip() and not offline.intents and not offline.handbook:
        return _with_answer(offline, await work.ask(question.strip()), offline.language)
    known = set(columns_of(offline.inputs))
    chosen = [column for column in found.get("columns", ()) if column in known]
    wanted = {*offline.intents, *(intent for intent in found.get("intents", ()) if intent in INTENTS)}
    return Understanding(
        goal=offline.goal,
        language=offline.language,
        intents=tuple(intent for intent in INTENTS if intent in wanted),
        inputs=offline.inputs,
        handbook=offline.handbook,
        notes="\n".join(filter(None, (str(found.get("goal", "")).strip(), ", ".join(chosen)))),
    )


def _noted(understanding: Understanding, note: str) -> Understanding:
    return Understanding(
        goal=understanding.goal,
        language=understanding.language,
        intents=understanding.intents,
        inputs=understanding.inputs,
        handbook=understanding.handbook,
        notes=note,
    )


def _outline(item: InputInfo) -> dict[str, Any]:
    """What the model needs to know of an input: names and roles, no values."""
    profile = item.profile
    return {
        "name": item.name,
        "kind": item.kind,
        "rows": profile.get("rows"),
        "columns": [
            {"name": column["name"], "role": column.get("role")}
            for column in profile.get("columns", ())[:MAX_PROMPT_COLUMNS]
        ],
        "headings": list(profile.get("headings", ()))[:20],
    }
