"""One object of an imported document as a row, or its refusal.

Hides which values are understood, how words of the contract become ours, and what a row is known by
that names no id. Caller: `service.transfer`. Invariant: what comes out fits into the schema; what does
not is refused with its place in the document, such as `tasks[3].status`.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from langgraph_multi_agent.domain.errors import Fault, InvalidRequest
from langgraph_multi_agent.domain.task import (
    DEFAULT_TEAM,
    IMPORTED,
    Priority,
    TaskStatus,
    is_terminal,
    moment_of,
)
from langgraph_multi_agent.service.chat.reply import checked_data
from langgraph_multi_agent.service.tasks import MAX_TITLE_CHARS

MAX_ID_CHARS = 200
MAX_TEXT_CHARS = 1_000_000
MAX_AMOUNT = 10**12
PRIORITIES: Mapping[Any, int] = {"低": 1, "中": 2, "高": 3, "紧急": 4, **{int(p): int(p) for p in Priority}}
STATUSES: Mapping[str, TaskStatus] = {
    "待处理": TaskStatus.PENDING,
    "进行中": TaskStatus.IN_PROGRESS,
    "已完成": TaskStatus.COMPLETED,
    "失败": TaskStatus.FAILED,
    **{status.value: status for status in TaskStatus},
}
_LANGUAGES = ("zh", "en")


class Fields:
    """One object of the document; what does not fit is refused with its place."""

    def __init__(self, value: Any, place: str) -> None:
        self.place = place
        if not isinstance(value, dict):
            raise InvalidRequest(errors=[{"field": place, "code": "wrong_type", "expected": "object"}])
        self.values: dict[str, Any] = value

    def refuse(self, name: str, code: str, **more: Any) -> InvalidRequest:
        return InvalidRequest(errors=[{"field": f"{self.place}.{name}", "code": code, **more}])

    def text(self, name: str, *, limit: int, default: str | None = None) -> str | None:
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.refuse(name, "wrong_type", expected="string")
        if len(value) > limit:
            raise self.refuse(name, "too_long", limit=limit)
        return _without_nul(value)

    def required(self, name: str, *, limit: int) -> str:
        value = self.text(name, limit=limit)
        if value is None:
            raise self.refuse(name, "missing")
        if not value.strip():
            raise self.refuse(name, "empty")
        return value

    def number(self, name: str, *, least: int, most: int, default: int) -> int:
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refuse(name, "wrong_type", expected="integer")
        if not least <= value <= most:
            code, limit = ("below_minimum", least) if value < least else ("above_maximum", most)
            raise self.refuse(name, code, limit=limit)
        return value

    def moment(self, name: str) -> datetime | None:
        """An ISO-8601 time; a date is the end of its day, a time without an offset one of UTC."""
        value = self.text(name, limit=64)
        if not value:
            return None
        try:
            return moment_of(value)
        except (ValueError, OverflowError):  # the first and the last day of all may have no name in UTC
            raise self.refuse(name, "not_a_date") from None

    def choice(self, name: str, choices: Mapping[Any, Any], default: Any) -> Any:
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value in choices:
            return choices[value]
        raise self.refuse(name, "not_allowed", allowed=", ".join(map(str, choices)))

    def object(self, name: str) -> dict[str, Any]:
        value = self.values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.refuse(name, "wrong_type", expected="object")
        return value

    def inner(self, name: str) -> "Fields":
        return Fields(self.object(name), f"{self.place}.{name}")


def _without_nul(value: str) -> str:
    """As `store.schema.json_text` has it: PostgreSQL has no such character."""
    return value.replace("\x00", "\ufffd")


def _identifier(fields: Fields, fallback: str) -> tuple[str, bool]:
    """The id as text, and whether a row may have it; an id of another form is replaced."""
    value = fields.values.get("id")
    if value is None:
        return _without_nul(fallback), False
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise fields.refuse("id", "wrong_type", expected="string")
    text = _without_nul(str(value))
    if not 0 < len(text) <= MAX_ID_CHARS:
        raise fields.refuse("id", "too_long" if text else "empty", limit=MAX_ID_CHARS)
    try:
        return text, str(UUID(text)) == text
    except ValueError:
        return text, False


def task_row(fields: Fields, number: int, now: datetime, teams: frozenset[str]) -> dict[str, Any]:
    """The row of a task that stood at this place; one that had not ended is paused.

    Args:
        teams: names that tasks can be sent to; an unfinished task of another one comes to the default team.

    Raises:
        InvalidRequest: names place and field.
    """
    core = fields.inner("core")
    title = fields.required("name", limit=MAX_TITLE_CHARS)
    created = fields.moment("created_at") or now
    # Without an id of its own a task is known by its place and its words.
    words = [str(fields.values.get(name)) for name in ("name", "description", "created_at")]
    identity, is_valid = _identifier(fields, "\n".join([str(number), *words]))
    status: TaskStatus = fields.choice("status", STATUSES, TaskStatus.PENDING)
    if status is TaskStatus.FAILED and fields.values.get("status_detail") == TaskStatus.CANCELLED.value:
        status = TaskStatus.CANCELLED
    status = core.choice("status", STATUSES, status)
    is_ended = is_terminal(status)
    updated = fields.moment("updated_at") or created
    team = fields.text("team", limit=64, default=DEFAULT_TEAM) or DEFAULT_TEAM
    error = core.values.get("error", fields.values.get("error")) if is_ended else None
    detail = core.text("status_detail", limit=1000)
    return {
        "id": identity,
        "is_valid": is_valid,
        "title": title,
        "description": fields.text("description", limit=MAX_TEXT_CHARS) or title,
        "priority": fields.choice("priority", PRIORITIES, int(Priority.MEDIUM)),
        "team": team if is_ended or team in teams else DEFAULT_TEAM,
        "deadline": fields.moment("deadline_at") or fields.moment("deadline"),
        "assignee": fields.text("assignee", limit=1000),
        "language": core.choice("language", dict(zip(_LANGUAGES, _LANGUAGES, strict=True)), "zh"),
        "status": status.value if is_ended else TaskStatus.PAUSED.value,
        "status_detail": detail if is_ended else IMPORTED,
        "progress": _progress(fields, status),
        "input_data": core.object("input_data"),
        "files": _files(fields),
        "budget": _budget(fields.inner("budget")),
        "cost": _cost(core.inner("cost")),
        "result": _result(fields) if is_ended else None,
        "error": _error(fields, error),
        "created_at": created,
        "updated_at": updated,
        "started_at": fields.moment("started_at") if is_ended else None,
        "completed_at": (fields.moment("completed_at") or updated) if is_ended else None,
        "generation": fields.number("generation", least=1, most=10_000, default=1),
    }


def _progress(fields: Fields, status: TaskStatus) -> int:
    """Of an ended task as it was; an unfinished one begins anew, as no work of it comes along."""
    given = fields.number("progress", least=0, most=100, default=0)
    if status is TaskStatus.COMPLETED:
        return 100
    return given if is_terminal(status) else 0


def _files(fields: Fields) -> list[dict[str, Any]]:
    found = fields.values.get("files") or []
    if not isinstance(found, list):
        raise fields.refuse("files", "wrong_type", expected="array")
    files = []
    for number, item in enumerate(found):
        file = Fields(item, f"{fields.place}.files[{number}]")
        digest = file.required("digest", limit=64)
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise file.refuse("digest", "invalid")
        name = file.required("name", limit=255)
        if "/" in name or "\\" in name or name in (".", "..") or not name.isprintable():
            raise file.refuse("name", "invalid")
        media_type = file.text("media_type", limit=127, default="application/octet-stream") or ""
        if not (media_type.isascii() and media_type.isprintable()):
            raise file.refuse("media_type", "invalid")
        files.append(
            {
                "name": name,
                "digest": digest,
                "size_bytes": file.number("size_bytes", least=0, most=2**53, default=0),
                "media_type": media_type,
            }
        )
    return files


def _budget(fields: Fields) -> dict[str, Any]:
    tokens = fields.values.get("tokens")
    return {
        "tokens": None if tokens is None else fields.number("tokens", least=0, most=2**53, default=0),
        "cost": _amount(fields, "cost", None),
    }


def _cost(fields: Fields) -> dict[str, Any]:
    names = ("input_tokens", "output_tokens", "model_calls")
    return {name: fields.number(name, least=0, most=2**53, default=0) for name in names} | {
        "cost": _amount(fields, "cost", 0.0)
    }


def _amount(fields: Fields, name: str, default: float | None) -> float | None:
    value = fields.values.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise fields.refuse(name, "wrong_type", expected="number")
    if not 0 <= value <= MAX_AMOUNT:
        code, limit = ("below_minimum", 0) if value < 0 else ("above_maximum", MAX_AMOUNT)
        raise fields.refuse(name, code, limit=limit)
    return float(value)


def _result(fields: Fields) -> dict[str, Any] | None:
    value = fields.values.get("result")
    return {"summary": value} if isinstance(value, str) else fields.object("result") or None


def _error(fields: Fields, value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if isinstance(value, str):
        return {"code": Fault.code, "params": {}, "detail": value[:1000]}
    error = Fields(value, f"{fields.place}.error")
    code = error.text("code", limit=64, default=Fault.code)
    kept: dict[str, Any] = {key: item for key, item in error.values.items() if key in ("detail", "retryable")}
    return {**kept, "code": code, "params": error.object("params")}


def message_row(fields: Fields, number: int, now: datetime) -> dict[str, Any]:
    """The row of a message that stood at this place. Raises InvalidRequest, naming place and field."""
    kind = fields.choice("type", {"user": "user", "ai": "ai"}, None)
    if kind is None:
        raise fields.refuse("type", "missing")
    content = fields.text("content", limit=MAX_TEXT_CHARS)
    if content is None:
        raise fields.refuse("content", "missing")
    moment = fields.moment("timestamp")
    # Without an id of its own a message is known by its place and its words.
    identity, is_valid = _identifier(fields, f"{number}\n{kind}\n{moment}\n{content}")
    return {
        "id": identity,
        "is_valid": is_valid,
        "type": kind,
        "content": content,
        "sender": fields.text("sender", limit=128, default=kind) or kind,
        "task_id": fields.text("task_id", limit=MAX_ID_CHARS),
        "data": checked_data(fields.object("data")),
        "created_at": _said_at(moment, number, now),
    }


def _said_at(moment: datetime | None, number: int, now: datetime) -> datetime:
    """What was said after now, or nobody knows when, was said just now, in the order of the document.

    A time to come would keep a message the newest of the conversation until then.
    """
    return now + timedelta(microseconds=number) if moment is None or moment > now else moment
