"""Export of what a person can see, and import of it elsewhere: all of it or nothing.

Hides spools: an export is written to a file within one snapshot and sent from there, so that a slow
client holds no transaction; an import is received, checked and put into rows in files before its one
transaction begins. Callers: the API. Invariant: memory does not grow with the number of tasks.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

import orjson

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import Fault, InputTooLarge, InvalidRequest
from langgraph_multi_agent.domain.ports import Clock, Feed
from langgraph_multi_agent.domain.task import (
    DEFAULT_TEAM,
    IMPORTED,
    Priority,
    Task,
    TaskStatus,
    is_terminal,
    moment_of,
)
from langgraph_multi_agent.service.archive import DocumentReader, Piece
from langgraph_multi_agent.service.chat.reply import checked_data
from langgraph_multi_agent.service.preferences import checked
from langgraph_multi_agent.service.tasks import MAX_TITLE_CHARS
from langgraph_multi_agent.store import transfer
from langgraph_multi_agent.store.database import Database, Store
from langgraph_multi_agent.store.transfer import Imported

VERSION = "1.0"
CHUNK_BYTES = 256 * 1024
MAX_ID_CHARS = 200
MAX_TEXT_CHARS = 1_000_000
MAX_AMOUNT = 10**12
ANSWER_DEPTH = 8
"""So much deeper than in its row a value may stand in an answer; what could not be sent is not taken."""
PRIORITIES: Mapping[Any, int] = {"低": 1, "中": 2, "高": 3, "紧急": 4, **{int(p): int(p) for p in Priority}}
STATUSES: Mapping[str, TaskStatus] = {
    "待处理": TaskStatus.PENDING,
    "进行中": TaskStatus.IN_PROGRESS,
    "已完成": TaskStatus.COMPLETED,
    "失败": TaskStatus.FAILED,
    **{status.value: status for status in TaskStatus},
}
_LANGUAGES = ("zh", "en")
_MARKS = {"task": b"t", "message": b"m", "setting": b"s"}
"""How a line of the file of checked rows begins: who looks for one kind need not parse the others."""

Shape = Callable[[Task], Mapping[str, Any]]
"""A task as the contract shows it."""


class TransferService:
    """Exports and imports for the person who asks.

    Args:
        teams: names that tasks can be sent to; an unfinished task of another one comes to the default team.
        max_bytes: of a document that is imported.
    """

    def __init__(
        self, *, database: Database, feed: Feed, teams: frozenset[str], clock: Clock, max_bytes: int
    ) -> None:
        self._database, self._feed, self._teams, self._clock = database, feed, teams, clock
        self._max_bytes = max_bytes
        self._importing, self._exporting = asyncio.Lock(), asyncio.Lock()

    async def export(self, scope: Scope, shape: Shape) -> BinaryIO:
        """All tasks of the tenant, and the person's conversation and settings, at one moment.

        Returns:
            A file without a name, at its start, with one JSON object; the caller closes it.

        Raises:
            DependencyUnavailable.
        """
        spool: BinaryIO = await asyncio.to_thread(tempfile.TemporaryFile)

        def write(store: Store) -> None:
            spool.seek(0)
            spool.truncate()
            spool.writelines(_document(store, shape))

        write.__dict__["deadline_s"] = transfer.DEADLINE_S
        try:
            async with self._exporting:  # each holds a connection of the pool for as long as it writes
                await self._database.read(scope, write)
            spool.seek(0)
        except BaseException:
            spool.close()
            raise
        return spool

    async def import_(self, scope: Scope, body: AsyncIterator[bytes]) -> Imported:
        """Take over an export, in one transaction. What is known already stays as it is.

        Raises:
            InputTooLarge: the body is larger than `max_bytes`.
            ImportUnreadable: it is no export; says where.
            InvalidRequest: a value does not fit; names its place, such as `tasks[3].status`.
            DependencyUnavailable, DataRefused: nothing was written.
        """
        with tempfile.TemporaryFile() as received, tempfile.TemporaryFile() as rows:
            size = 0
            async for chunk in body:
                size += len(chunk)
                if size > self._max_bytes:
                    raise InputTooLarge(size=size, limit=self._max_bytes)
                await asyncio.to_thread(received.write, chunk)
            # One at a time: reading takes a processor and a thread that others need too.
            async with self._importing:
                await asyncio.to_thread(self._spool, received, rows)
                imported = await self._database.write(scope, transfer.take_over, lambda kind: _read(rows, kind))
        self._feed.wake(imported.sample)
        return imported

    def _spool(self, received: BinaryIO, rows: BinaryIO) -> None:
        received.seek(0)
        now = self._clock.now()
        for piece in DocumentReader(received).pieces():
            for kind, row in self._rows_of(piece, now):
                place = piece[0] if piece[1] is None else f"{piece[0]}[{piece[1]}]"
                try:
                    line = orjson.dumps(_nested(row))[ANSWER_DEPTH:-ANSWER_DEPTH]
                except TypeError:
                    raise InvalidRequest(errors=[{"field": place, "code": "not_json"}]) from None
                rows.write(_MARKS[kind] + line + b"\n")

    def _rows_of(self, piece: Piece, now: datetime) -> Iterator[tuple[str, Mapping[str, Any]]]:
        key, number, value = piece
        if key == "tasks" and number is not None:
            yield "task", _task_row(_Fields(value, f"tasks[{number}]"), number, now, self._teams)
        elif key == "chat_history" and number is not None:
            yield "message", _message_row(_Fields(value, f"chat_history[{number}]"), number, now)
        elif key in ("tasks", "chat_history"):
            raise InvalidRequest(errors=[{"field": key, "code": "wrong_type", "expected": "array"}])
        elif key == "user_settings":
            fields = _Fields(value, "user_settings")
            for name, setting in checked(fields.values).items():
                if setting is not None:
                    yield "setting", {"name": name, "value": setting}


async def chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    """The bytes of a spool, which is closed at the end, however it comes."""
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        file.close()


def _document(store: Store, shape: Shape) -> Iterator[bytes]:
    head = {"version": VERSION, "export_date": store.now}
    yield _json(head)[:-1] + b',"tasks":['
    is_first = True
    for page in transfer.tasks(store):
        parts = [_json({**shape(task), "core": _core(task)}) for task in page]
        yield (b"" if is_first else b",") + b",".join(parts)
        is_first = False
    yield b'],"chat_history":['
    is_first = True
    for messages in transfer.messages(store):
        yield (b"" if is_first else b",") + b",".join(_json(message) for message in messages)
        is_first = False
    yield b'],"user_settings":' + _json(transfer.settings(store)) + b"}"


def _core(task: Task) -> dict[str, Any]:
    """What the contract's task object does not say, or says in other words."""
    return {
        "status": task.status.value,
        "status_detail": task.status_detail,
        "language": task.language,
        "input_data": task.input_data,
        "cost": asdict(task.cost),
        "error": task.error,
    }


def _nested(row: Any) -> Any:
    for _ in range(ANSWER_DEPTH):
        row = [row]
    return row


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def _read(rows: BinaryIO, kind: str) -> Iterator[dict[str, Any]]:
    mark = _MARKS[kind]
    rows.seek(0)
    for line in rows:
        if line.startswith(mark):
            yield orjson.loads(line[len(mark) :])


class _Fields:
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
        return value

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

    def inner(self, name: str) -> "_Fields":
        return _Fields(self.object(name), f"{self.place}.{name}")


def _identifier(fields: _Fields, fallback: str) -> tuple[str, bool]:
    """The id as text, and whether a row may have it; an id of another form is replaced."""
    value = fields.values.get("id")
    if value is None:
        return fallback, False
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise fields.refuse("id", "wrong_type", expected="string")
    text = str(value)
    if not 0 < len(text) <= MAX_ID_CHARS:
        raise fields.refuse("id", "too_long" if text else "empty", limit=MAX_ID_CHARS)
    try:
        return text, str(UUID(text)) == text
    except ValueError:
        return text, False


def _task_row(fields: _Fields, number: int, now: datetime, teams: frozenset[str]) -> dict[str, Any]:
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


def _progress(fields: _Fields, status: TaskStatus) -> int:
    """Of an ended task as it was; an unfinished one begins anew, as no work of it comes along."""
    given = fields.number("progress", least=0, most=100, default=0)
    if status is TaskStatus.COMPLETED:
        return 100
    return given if is_terminal(status) else 0


def _files(fields: _Fields) -> list[dict[str, Any]]:
    found = fields.values.get("files") or []
    if not isinstance(found, list):
        raise fields.refuse("files", "wrong_type", expected="array")
    files = []
    for number, item in enumerate(found):
        file = _Fields(item, f"{fields.place}.files[{number}]")
        digest = file.required("digest", limit=64)
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise file.refuse("digest", "invalid")
        name = file.required("name", limit=255)
        if "/" in name or "\\" in name or name in (".", ".."):
            raise file.refuse("name", "invalid")
        files.append(
            {
                "name": name,
                "digest": digest,
                "size_bytes": file.number("size_bytes", least=0, most=2**53, default=0),
                "media_type": file.text("media_type", limit=127, default="application/octet-stream"),
            }
        )
    return files


def _budget(fields: _Fields) -> dict[str, Any]:
    tokens = fields.values.get("tokens")
    return {
        "tokens": None if tokens is None else fields.number("tokens", least=0, most=2**53, default=0),
        "cost": _amount(fields, "cost", None),
    }


def _cost(fields: _Fields) -> dict[str, Any]:
    names = ("input_tokens", "output_tokens", "model_calls")
    return {name: fields.number(name, least=0, most=2**53, default=0) for name in names} | {
        "cost": _amount(fields, "cost", 0.0)
    }


def _amount(fields: _Fields, name: str, default: float | None) -> float | None:
    value = fields.values.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise fields.refuse(name, "wrong_type", expected="number")
    if not 0 <= value <= MAX_AMOUNT:
        code, limit = ("below_minimum", 0) if value < 0 else ("above_maximum", MAX_AMOUNT)
        raise fields.refuse(name, code, limit=limit)
    return float(value)


def _result(fields: _Fields) -> dict[str, Any] | None:
    value = fields.values.get("result")
    return {"summary": value} if isinstance(value, str) else fields.object("result") or None


def _error(fields: _Fields, value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if isinstance(value, str):
        return {"code": Fault.code, "params": {}, "detail": value[:1000]}
    error = _Fields(value, f"{fields.place}.error")
    code = error.text("code", limit=64, default=Fault.code)
    kept: dict[str, Any] = {key: item for key, item in error.values.items() if key in ("detail", "retryable")}
    return {**kept, "code": code, "params": error.object("params")}


def _message_row(fields: _Fields, number: int, now: datetime) -> dict[str, Any]:
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
        "created_at": moment or now,
    }
