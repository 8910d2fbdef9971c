"""From a model's words to a value that fits the schema.

Used by the gateway only. Hides jsonschema and the ways in which models wrap JSON. Invariant: a value
that is returned satisfies the schema; nothing is filled in or guessed.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from langgraph_multi_agent.domain.ports import ModelMessage
from langgraph_multi_agent.models.wire import Answer

MAX_FAULTS_TOLD = 5
MAX_ECHO_CHARS = 8_000

_FENCE = re.compile(r"```(?:json|JSON)?\s*\n(.*?)```", re.DOTALL)
_THINKING = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)


class AnswerProblem(Exception):
    """What is wrong with an answer, in words that a model can act on.

    Args:
        reason: `empty`, `truncated`, `refused`, `not_json` or `schema`.
        detail: what to mend.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def instructed(
    messages: tuple[ModelMessage, ...], schema: Mapping[str, Any] | None
) -> tuple[ModelMessage, ...]:
    """The messages with the schema in words, for endpoints that know no `response_format`."""
    if schema is None:
        return messages
    rule = (
        "Answer with one JSON value only, without explanation and without a code fence. "
        f"It must satisfy this JSON Schema:\n{json.dumps(schema, ensure_ascii=False)}"
    )
    head, *rest = messages
    if head.role == "system":
        return (ModelMessage(role="system", content=f"{head.content}\n\n{rule}"), *rest)
    return (ModelMessage(role="system", content=rule), *messages)


def repaired(
    messages: tuple[ModelMessage, ...], answer: Answer, problem: AnswerProblem
) -> tuple[ModelMessage, ...]:
    """The conversation that asks once more, with the answer and what is wrong with it."""
    echo = (ModelMessage(role="assistant", content=answer.text[:MAX_ECHO_CHARS]),) if answer.text else ()
    request = f"This answer cannot be used: {problem.detail}. Answer again, complete and corrected."
    return (*messages, *echo, ModelMessage(role="user", content=request))


def value_of(answer: Answer, schema: Mapping[str, Any] | None, max_output_tokens: int) -> Any:
    """The answer's value; None where no schema was asked for.

    Raises:
        AnswerProblem: it cannot be used as it is.
    """
    if answer.finish == "refused":
        raise AnswerProblem("refused", "the model refused to answer")
    if answer.finish == "length":
        raise AnswerProblem("truncated", f"it was cut off at {max_output_tokens} tokens; be shorter")
    if not answer.text.strip():
        raise AnswerProblem("empty", "it is empty")
    if schema is None:
        return None
    value = _parsed(answer.text)
    faults = _schema_faults(value, schema)
    if faults:
        raise AnswerProblem("schema", "it does not satisfy the schema: " + "; ".join(faults))
    return value


def _parsed(text: str) -> Any:
    """JSON in the text: bare, in a code fence, or with prose around it."""
    text = _THINKING.sub("", text).strip().lstrip("\ufeff")
    first: json.JSONDecodeError | None = None
    for candidate in (text, *(match.strip() for match in _FENCE.findall(text)), *_embedded(text)):
        try:
            return json.loads(candidate, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            first = first or error
    where = f" ({first.msg} at character {first.pos})" if first else ""
    raise AnswerProblem("not_json", f"it is not valid JSON{where}")


def _embedded(text: str) -> list[str]:
    """The outermost object, then the outermost array, that the text contains."""
    spans = [(text.find(a), text.rfind(b)) for a, b in (("{", "}"), ("[", "]"))]
    return [text[start : end + 1] for start, end in sorted(spans) if 0 <= start < end]


def _refuse_constant(name: str) -> Any:
    raise AnswerProblem("not_json", f"{name} is no JSON number")


def _schema_faults(value: Any, schema: Mapping[str, Any]) -> list[str]:
    from jsonschema import Draft202012Validator

    errors = sorted(Draft202012Validator(schema).iter_errors(value), key=lambda error: error.json_path)
    return [f"{error.json_path}: {error.message[:300]}" for error in errors[:MAX_FAULTS_TOLD]]
