"""Export of what a person can see, and import of it elsewhere: all of it or nothing.

Hides spools: an export is written to a file within one snapshot and sent from there, so that a slow
client holds no transaction; an import is received, checked and put into rows in files before the first
of them is written. PostgreSQL takes them in one transaction, SQLite page by page, so that nobody waits
long for its one writer. Callers: the API, `bootstrap`. Invariant: memory does not grow with the number
of tasks.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, BinaryIO

import orjson

from langgraph_multi_agent.access import SYSTEM_SCOPE, Scope
from langgraph_multi_agent.domain.errors import Fault, ImportUnderWay, InputTooLarge, InvalidRequest
from langgraph_multi_agent.domain.ports import Clock, Feed
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.service.archive import DocumentReader, Piece
from langgraph_multi_agent.service.intake import Fields, message_row, task_row
from langgraph_multi_agent.service.preferences import DEFAULTS, checked
from langgraph_multi_agent.store import staging, transfer
from langgraph_multi_agent.store.database import Database, Store
from langgraph_multi_agent.store.transfer import Imported

VERSION = "1.0"
KNOWN_VERSION = re.compile(r"1(\.\d+){0,2}")
"""A later one of the same number only adds to it."""
MAX_IGNORED = 100
TURN_S = 30.0
"""How long after its arrival an import waits for that of another server; shorter than nginx waits for an answer."""
TURN_POLL_S = 0.5
CHUNK_BYTES = 256 * 1024
ANSWER_DEPTH = 8
"""So much deeper than in its row a value may stand in an answer; what could not be sent is not taken."""
_MARKS = {"task": b"t", "message": b"m", "setting": b"s"}
"""How a line of the file of checked rows begins: who looks for one kind need not parse the others."""

Shape = Callable[[Task], Mapping[str, Any]]
"""A task as the contract shows it."""


class ImportVersionUnknown(Fault):
    """The document says that it has a version that this program does not know."""

    code, status = "IMPORT_VERSION_UNKNOWN", 400


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
        """Take over an export: all of it or nothing. What is known already stays as it is.

        Raises:
            InputTooLarge: the body is larger than `max_bytes`.
            ImportUnreadable: it is no export; says where.
            ImportVersionUnknown: it is one of a later program.
            InvalidRequest: a value does not fit; names its place, such as `tasks[3].status`.
            DataRefused, QuotaExceeded: nothing was written.
            ImportUnderWay: another server has been writing one for TURN_S; nothing of this one was written.
            DependencyUnavailable: nothing was written, or all is and will be seen; the same again goes on.
        """
        with tempfile.TemporaryFile() as received, tempfile.TemporaryFile() as rows:
            size = 0
            async for chunk in body:
                size += len(chunk)
                if size > self._max_bytes:
                    raise InputTooLarge(size=size, limit=self._max_bytes)
                await asyncio.to_thread(received.write, chunk)
            last_try = self._clock.monotonic() + TURN_S
            # One at a time: reading takes a processor and a thread that others need too.
            async with self._importing:
                ignored = await asyncio.to_thread(self._spool, received, rows)
                if self._database.dialect == staging.DIALECT:
                    imported = await self._stage(scope, rows)
                else:
                    imported = await self._take_over(scope, rows, last_try)
        self._feed.wake(imported.sample)
        return replace(imported, ignored=ignored)

    async def _take_over(self, scope: Scope, rows: BinaryIO, last_try: float) -> Imported:
        """Write all at once, after what another server is writing if that ends soon."""
        while True:
            try:
                return await self._database.write(scope, transfer.take_over, lambda kind: _read(rows, kind))
            except ImportUnderWay:
                if self._clock.monotonic() > last_try:
                    raise
                await asyncio.sleep(TURN_POLL_S)

    async def _stage(self, scope: Scope, rows: BinaryIO) -> Imported:
        database = self._database
        await settle(database)
        import_id = await database.write(scope, staging.begin)
        try:
            tasks, messages, sample = 0, 0, list[str]()
            pages = transfer.pages(_read(rows, "task"))
            while page := await asyncio.to_thread(next, pages, None):
                ids = await database.write(scope, staging.stage_tasks, import_id, page)
                tasks += len(ids)
                sample += ids[: transfer.MAX_SAMPLE - len(sample)]
            pages = transfer.pages(_read(rows, "message"))
            while page := await asyncio.to_thread(next, pages, None):
                messages += await database.write(scope, staging.stage_messages, import_id, page)
            wanted = {row["name"]: row["value"] for row in _read(rows, "setting")}
            settings = await database.write(scope, staging.complete, import_id, wanted, rows=tasks + messages)
        finally:
            await settle(database)
        return Imported(tasks=tasks, messages=messages, settings=settings, sample=tuple(sample))

    def _spool(self, received: BinaryIO, rows: BinaryIO) -> tuple[str, ...]:
        """Write down the rows of what was received; the places that were left out."""
        received.seek(0)
        now = self._clock.now()
        ignored: list[str] = []
        for piece in DocumentReader(received).pieces():
            for kind, row in self._rows_of(piece, now, ignored):
                place = piece[0] if piece[1] is None else f"{piece[0]}[{piece[1]}]"
                try:
                    line = orjson.dumps(_nested(row))[ANSWER_DEPTH:-ANSWER_DEPTH]
                except TypeError:
                    raise InvalidRequest(errors=[{"field": place, "code": "not_json"}]) from None
                rows.write(_MARKS[kind] + line + b"\n")
        return tuple(ignored)

    def _rows_of(
        self, piece: Piece, now: datetime, ignored: list[str]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        key, number, value = piece
        if key == "tasks" and number is not None:
            yield "task", task_row(Fields(value, f"tasks[{number}]"), number, now, self._teams)
        elif key == "chat_history" and number is not None:
            yield "message", message_row(Fields(value, f"chat_history[{number}]"), number, now)
        elif key in ("tasks", "chat_history"):
            raise InvalidRequest(errors=[{"field": key, "code": "wrong_type", "expected": "array"}])
        elif key == "user_settings":
            known, unknown = _settings(Fields(value, "user_settings"))
            ignored += unknown
            for name, setting in known.items():
                if setting is not None:
                    yield "setting", {"name": name, "value": setting}
        elif key == "version" and value is not None:
            _check_version(value)


async def settle(database: Database) -> None:
    """Bring imports to their end that were cut short, and nobody is at work on, in short steps.

    Raises:
        DependencyUnavailable.
    """
    if database.dialect == staging.DIALECT and await database.read(SYSTEM_SCOPE, staging.is_unsettled):
        while await database.write(SYSTEM_SCOPE, staging.settle):
            pass


def _settings(fields: Fields) -> tuple[dict[str, str | None], list[str]]:
    """Those that are known here, and the places of the others: an export of a later program may have more."""
    names = [name for name in fields.values if name in DEFAULTS]
    others = [f"{fields.place}.{name[:80]}" for name in fields.values if name not in DEFAULTS]
    try:
        known = checked({name: fields.values[name] for name in names})
    except InvalidRequest as refused:
        errors = [{**error, "field": f"{fields.place}.{error['field']}"} for error in refused.errors]
        raise InvalidRequest(errors=errors) from None
    return known, others[:MAX_IGNORED]


def _check_version(value: Any) -> None:
    is_said = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    if not is_said:
        raise InvalidRequest(errors=[{"field": "version", "code": "wrong_type", "expected": "string"}])
    if not KNOWN_VERSION.fullmatch(str(value)):
        raise ImportVersionUnknown(version=str(value)[:80], supported=VERSION)


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
