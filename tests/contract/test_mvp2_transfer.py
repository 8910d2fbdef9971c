"""Export and import: what comes out goes in again, once, whole, and runs only when it is told to."""

import asyncio
import io
import json
import random
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.stores import BACKENDS, Desk, ManualClock, counting_ids, tenant
from tests.support.teams import Scene, world

from langgraph_multi_agent.access import DEFAULT_SCOPE, Scope
from langgraph_multi_agent.api.mvp2.shapes import task_object
from langgraph_multi_agent.domain.errors import (
    Fault,
    ImportUnderWay,
    InputTooLarge,
    InvalidRequest,
    QuotaExceeded,
)
from langgraph_multi_agent.domain.quota import Quota
from langgraph_multi_agent.domain.task import Action, Task, TaskStatus
from langgraph_multi_agent.feed.memory import MemoryFeed
from langgraph_multi_agent.service import transfer as transfers
from langgraph_multi_agent.service.archive import DocumentReader, ImportUnreadable
from langgraph_multi_agent.service.chat import message_json
from langgraph_multi_agent.service.transfer import ImportVersionUnknown, TransferService
from langgraph_multi_agent.store import chats, decisions, schema, transfer
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.sets import insert_rows
from langgraph_multi_agent.store.transfer import Imported

pytestmark = pytest.mark.anyio

STATUSES = ("pending", "in_progress", "waiting_input", "paused", "completed", "failed", "cancelled")
UNFINISHED = STATUSES[:4]
DIGEST = "ab" * 32
ME = DEFAULT_SCOPE


@asynccontextmanager
async def opened(backend: str, directory: Path) -> AsyncIterator[Desk]:
    await asyncio.to_thread(directory.mkdir, exist_ok=True)
    clock, new_id = ManualClock(), counting_ids()
    async with BACKENDS[backend](directory, clock, new_id) as database:
        yield Desk(database, clock, new_id)


@pytest.fixture(params=sorted(BACKENDS))
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(request.param, tmp_path / "a") as found:
        yield found


def service(desk: Desk, *, max_bytes: int = 10**9) -> TransferService:
    return TransferService(
        database=desk.database,
        feed=MemoryFeed(),
        teams=frozenset({"default"}),
        clock=desk.clock,
        max_bytes=max_bytes,
    )


def shape(task: Task) -> dict[str, Any]:
    return task_object(task, "zh")


async def export(desk: Desk, scope: Scope = ME) -> dict[str, Any]:
    with await service(desk).export(scope, shape) as file:
        found: dict[str, Any] = json.load(file)
    return found


async def body(document: Any, *, size: int = 1000) -> AsyncIterator[bytes]:
    data = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def take(desk: Desk, document: Any, scope: Scope = ME, **values: Any) -> Imported:
    return await service(desk, **values).import_(scope, body(document))


@unit
def fill(store: Store, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    insert_rows(store, schema.metadata.tables[table], rows)


@unit
def restarted(store: Store) -> None:
    """The rows of another installation: nothing is left of this one."""
    for table in schema.metadata.sorted_tables:
        store.connection.execute(table.delete())


def uuid(number: int) -> str:
    return f"019ab1c2-7d3e-7f40-8a51-{number:012x}"


async def fill_at_random(desk: Desk, seed: int, *, count: int = 1200, scope: Scope = ME) -> None:
    chance = random.Random(seed)
    start = datetime(2026, 1, 5, tzinfo=UTC)
    rows = []
    for number in range(count):
        status = chance.choice(STATUSES)
        is_ended = status not in UNFINISHED
        created = start + timedelta(seconds=chance.randrange(400), microseconds=chance.randrange(10**6))
        ended = created + timedelta(seconds=chance.random() * 1000)
        end_of_day = created.replace(hour=23, minute=59, second=59, microsecond=0)
        error = {"code": "SKILL_FAILED", "params": {"skill": "x"}} if status == "failed" else None
        rows.append(
            {
                "id": uuid(number),
                "tenant": scope.tenant,
                "title": f"任务 {number} \"<b>\\",
                "description": "d" * chance.randrange(1, 300),
                "priority": chance.randint(1, 4),
                "team": "default",
                "deadline": chance.choice([None, created, end_of_day]),
                "assignee": chance.choice([None, "李雷"]),
                "language": chance.choice(["zh", "en"]),
                "status": status,
                "status_detail": "completed_by_person" if status == "completed" else None,
                "progress": {"completed": 100, "failed": 40, "cancelled": 0}.get(status, 0),
                "input_data": chance.choice([{}, {"n": 1e16, "deep": [{"a": None}]}]),
                "files": chance.choice(
                    [[], [{"name": "s.csv", "digest": DIGEST, "size_bytes": 5, "media_type": "text/csv"}]]
                ),
                "budget": chance.choice([{"tokens": None, "cost": None}, {"tokens": 5, "cost": 0.25}]),
                "cost": {"input_tokens": number, "output_tokens": 2, "cost": 0.1, "model_calls": 1},
                "result": {"summary": "完成"} if status == "completed" else None,
                "error": error,
                "error_message": error["code"] if error else None,
                "created_at": created,
                "updated_at": ended,
                "started_at": created if is_ended else None,
                "completed_at": ended if is_ended else None,
                "generation": chance.randint(1, 3),
                "run_at": created,
                "protocol_version": 1,
                "last_seq": 2,
            }
        )
    await desk.database.write(scope, fill, "tasks", rows)
    said = [
        {
            "id": uuid(10**6 + number),
            "tenant": scope.tenant,
            "actor": scope.actor,
            "type": ("user", "ai")[number % 2],
            "content": f"话 {number}",
            "sender": scope.actor,
            "task_id": uuid(number) if number % 3 == 0 else None,
            "data": {"answer_id": uuid(10**6 + number + 1)} if number % 2 == 0 else {"intent": "help"},
            "created_at": start + timedelta(seconds=number // 2),
        }
        for number in range(600)
    ]
    await desk.database.write(scope, fill, "chat_messages", said)
    settings = {"language": "en", "theme": "dark"}
    rows = [
        {"tenant": scope.tenant, "actor": scope.actor, "name": name, "value": value, "updated_at": start}
        for name, value in settings.items()
    ]
    await desk.database.write(scope, fill, "user_settings", rows)


def arrived(task: dict[str, Any]) -> dict[str, Any]:
    """What an import makes of an exported task: the same, but unfinished ones wait."""
    task = json.loads(json.dumps(task)) | {"last_event_id": 2}
    if task["core"]["status"] in UNFINISHED:
        task |= {"status": "in_progress", "status_detail": "imported", "start_at": None}
        task["core"] |= {"status": "paused", "status_detail": "imported"}
    return task


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


async def counts_of(desk: Desk) -> list[int]:
    tables = ("tasks", "chat_messages", "user_settings", "agent_messages", "artifacts")
    return [(await desk.rows(f"SELECT count(*) AS n FROM {name}"))[0]["n"] for name in tables]


async def test_an_export_imported_into_an_empty_installation_gives_the_same_export(desk: Desk) -> None:
    await fill_at_random(desk, 1)
    before = await export(desk)
    assert (len(before["tasks"]), len(before["chat_history"])) == (1200, 600)
    assert set(before) == {"version", "export_date", "tasks", "chat_history", "user_settings"}
    await desk.database.write(ME, restarted)
    done = await take(desk, before)
    assert (done.tasks, done.messages, done.settings) == (1200, 600, 2)
    after = await export(desk)
    assert after["tasks"] == [arrived(task) for task in before["tasks"]]
    assert after["chat_history"] == before["chat_history"]
    assert after["user_settings"] == before["user_settings"] == {"language": "en", "theme": "dark"}
    again = await take(desk, before)
    assert (again.tasks, again.messages, again.settings) == (0, 0, 0)
    assert (await export(desk)) | {"export_date": ""} == after | {"export_date": ""}


async def test_importing_twice_changes_nothing_also_into_the_installation_it_came_from(desk: Desk) -> None:
    await fill_at_random(desk, 2, count=50)
    before, counted = await export(desk), await counts_of(desk)
    assert await take(desk, before) == Imported(tasks=0, messages=0, settings=0)
    assert await counts_of(desk) == counted
    assert (await export(desk))["tasks"] == before["tasks"]


async def test_what_another_tenant_has_is_not_touched_and_gets_other_ids_always_the_same(desk: Desk) -> None:
    theirs = tenant("theirs")
    await fill_at_random(desk, 3, count=40, scope=theirs)
    document = await export(desk, theirs)
    done = await take(desk, document)
    assert (done.tasks, done.messages) == (40, 600)
    assert (await export(desk, theirs))["tasks"] == document["tasks"]
    mine = await export(desk)
    ids = {task["id"] for task in mine["tasks"]}
    assert not ids & {task["id"] for task in document["tasks"]}
    linked = [message["task_id"] for message in mine["chat_history"] if message["task_id"]]
    assert len(ids & set(linked)) == 14
    said = {message["id"] for message in mine["chat_history"]}
    answers = [m["data"]["answer_id"] for m in mine["chat_history"] if m["type"] == "user"]
    assert said.issuperset(answers)
    assert await take(desk, document) == Imported(tasks=0, messages=0, settings=0)
    await desk.sql("DELETE FROM tasks WHERE tenant = 'theirs'")
    await desk.sql("DELETE FROM chat_messages WHERE tenant = 'theirs'")
    assert await take(desk, document) == Imported(tasks=0, messages=0, settings=0)
    await desk.sql("DELETE FROM tasks")
    await fill_at_random_tasks_again(desk, theirs, document)
    await take(desk, document)
    assert {task["id"] for task in (await export(desk))["tasks"]} == ids


async def fill_at_random_tasks_again(desk: Desk, scope: Scope, document: dict[str, Any]) -> None:
    await take(desk, {"tasks": document["tasks"]}, scope)


@pytest.mark.parametrize(
    ("spoiled", "place"),
    [
        ({"status": "done"}, "tasks[700].status"),
        ({"name": ""}, "tasks[700].name"),
        ({"name": None}, "tasks[700].name"),
        ({"priority": True}, "tasks[700].priority"),
        ({"deadline_at": "soon"}, "tasks[700].deadline_at"),
        ({"created_at": 5}, "tasks[700].created_at"),
        ({"core": {"error": []}, "status": "failed"}, "tasks[700].error"),
        ({"files": [{"name": "../x", "digest": DIGEST}]}, "tasks[700].files[0].name"),
        ({"files": [{"name": "x", "digest": "../x"}]}, "tasks[700].files[0].digest"),
        ({"id": []}, "tasks[700].id"),
        ({"name": "\ud800"}, "tasks[700]"),
        ({"core": {"status": "completed"}, "result": {"n": 2**70}}, "tasks[700]"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "tasks[700].created_at"),
        ({"deadline": "9999-12-31T23:59:59-10:00"}, "tasks[700].deadline"),
        ({"budget": {"cost": 10**400}}, "tasks[700].budget.cost"),
        ({"core": {"cost": {"cost": 1e13}}}, "tasks[700].core.cost.cost"),
        ({"core": {"input_data": nested(250)}}, "tasks[700]"),
    ],
)
async def test_a_value_that_does_not_fit_is_named_and_nothing_is_imported(
    desk: Desk, spoiled: dict[str, Any], place: str
) -> None:
    items: list[Any] = [{"id": uuid(n), "name": "n", "status": "completed"} for n in range(701)]
    items[700] |= spoiled
    with pytest.raises(InvalidRequest) as refused:
        await take(desk, json.dumps({"tasks": items}).encode())
    assert refused.value.errors[0]["field"] == place
    assert await counts_of(desk) == [0, 0, 0, 0, 0]


async def test_a_failure_of_the_database_in_the_middle_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill_at_random(desk, 4)
    document = await export(desk)
    await desk.database.write(ME, restarted)
    original = transfer.insert_messages

    def breaks(store: Store, page: Sequence[dict[str, Any]], **values: Any) -> int:
        original(store, page, **values)
        page[0]["type"] = "nobody"
        page[0]["id"] = "x"
        insert_rows(store, schema.chat_messages, [page[0]])
        raise AssertionError("the row was accepted")

    with monkeypatch.context() as patched:
        patched.setattr(transfer, "insert_messages", breaks)
        with pytest.raises(Fault) as refused:
            await take(desk, document)
    assert refused.value.code == "DATA_REFUSED"
    assert await counts_of(desk) == [0, 0, 0, 0, 0]
    done = await take(desk, document)
    assert (done.tasks, done.messages, done.settings) == (1200, 600, 2)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"", 1),
        (b"[]", 1),
        (b'{"tasks": [', 12),
        (b'{"tasks": [{"name": "1"}', 25),
        (b'{"tasks": [{"id": 1,}]}', 21),
        (b'{"tasks": []} x', 15),
        (b'{"tasks": [] "a": 1}', 14),
        (b'{"version": NaN}', 13),
        (b'{"version": "\xff"}', 1),
        (b'{"a": ' + b"[" * 100_000 + b"}", 7),
        (b'{"a": 1' + b"0" * 5000 + b"}", 7),
    ],
)
async def test_what_is_no_json_is_refused_with_its_place(tmp_path: Path, text: bytes, place: int) -> None:
    async with opened("sqlite", tmp_path / "a") as desk:
        with pytest.raises(ImportUnreadable) as refused:
            await take(desk, text)
        assert refused.value.params["place"] == place
        assert await counts_of(desk) == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "line", "record"),
    [
        (b'{\n"tasks": [\n{"name": "n"},\n{"name": }\n]}', 4, "tasks[1]"),
        (b'{"tasks": [],\r\n\r\n"user_settings": {"theme": }}', 3, "user_settings"),
        (b'{"tasks": [{"name": "n"}]\n}\nx', 3, "$"),
        (b'{"data": {"chat_history": [\n\n{"type": \n', 4, "chat_history[0]"),
        (b'{"x": "' + b"y" * 300_000 + b'",\n"tasks": [\n,]}', 3, "tasks[0]"),
    ],
)
def test_what_cannot_be_read_is_named_by_line_and_record(text: bytes, line: int, record: str) -> None:
    with pytest.raises(ImportUnreadable) as refused:
        list(DocumentReader(io.BytesIO(text)).pieces())
    assert (refused.value.params["line"], refused.value.params["record"]) == (line, record)


async def test_a_body_beyond_the_limit_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    async with opened("sqlite", tmp_path / "a") as desk:
        with pytest.raises(InputTooLarge):
            await take(desk, {"tasks": [{"name": "n" * 100}] * 100}, max_bytes=5000)


def test_the_reader_needs_no_more_than_a_piece_at_a_time() -> None:
    class Narrow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(3)

    document = {"version": 1.25, "data": 3, "tasks": [{"n": "名" * 9}, {"e": -1e-3}], "x": {"y": [1, 2]}}
    spaced = json.dumps(document, ensure_ascii=False, indent=2).encode()
    for text in (spaced, b'{"success": true, "data": ' + spaced.replace(b'"data": 3,', b"") + b', "ok": 1}'):
        found = list(DocumentReader(Narrow(text)).pieces())
        assert ("tasks", 0, {"n": "名" * 9}) in found
        assert ("tasks", 1, {"e": -1e-3}) in found
        assert ("version", None, 1.25) in found
        assert ("x", None, {"y": [1, 2]}) in found


async def test_a_document_of_a_third_party_front_end_is_understood(desk: Desk) -> None:
    document = {
        "success": True,
        "data": {
            "version": "1.0",
            "tasks": [
                {"id": 7, "name": "完成了", "priority": "紧急", "status": "已完成", "deadline": "2026-05-01"},
                {"name": "没有编号", "description": "说明", "priority": 1, "status": "进行中", "progress": 60},
                {"id": "t-9", "name": "取消", "status": "failed", "status_detail": "cancelled", "error": "停"},
            ],
            "chat_history": [{"type": "user", "content": "你好", "timestamp": "2026-01-05T08:00:00"}],
            "user_settings": {"theme": "dark"},
        },
    }
    done = await take(desk, document)
    assert (done.tasks, done.messages, done.settings) == (3, 1, 1)
    found = {task["name"]: task for task in (await export(desk))["tasks"]}
    assert {name: (task["status"], task["status_detail"]) for name, task in found.items()} == {
        "完成了": ("completed", None),
        "没有编号": ("in_progress", "imported"),
        "取消": ("failed", "cancelled"),
    }
    assert (found["完成了"]["priority"], found["完成了"]["deadline"]) == ("紧急", "2026-05-01")
    assert found["没有编号"]["progress"] == 0
    assert await take(desk, document) == Imported(tasks=0, messages=0, settings=0)


async def test_settings_of_the_document_win(desk: Desk) -> None:
    assert (await take(desk, {"user_settings": {"theme": "dark"}})).settings == 1
    assert (await take(desk, {"user_settings": {"theme": "light", "language": "en"}})).settings == 2
    assert (await export(desk))["user_settings"] == {"theme": "light", "language": "en"}


async def test_a_setting_that_is_not_known_is_left_out_and_named(desk: Desk) -> None:
    done = await take(desk, {"user_settings": {"theme": "dark", "is_admin": True}, "tasks": [{"name": "n"}]})
    assert (done.tasks, done.settings, done.ignored) == (1, 1, ("user_settings.is_admin",))
    assert (await export(desk))["user_settings"] == {"theme": "dark"}


async def test_a_known_setting_of_another_value_is_refused_with_its_place(desk: Desk) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await take(desk, {"tasks": [{"name": "n"}], "user_settings": {"theme": "blue"}})
    assert refused.value.errors[0]["field"] == "user_settings.theme"
    assert await counts_of(desk) == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("version", ["1.0", "1.7.2", "1", 1.5, None])
async def test_documents_of_this_version_and_of_none_are_taken(tmp_path: Path, version: Any) -> None:
    async with opened("sqlite", tmp_path / "a") as desk:
        assert (await take(desk, {"tasks": [{"name": "n"}], "version": version})).tasks == 1


@pytest.mark.parametrize("version", ["2.0", "10", "", "1.0-beta", 3, -1])
async def test_a_document_of_another_version_is_refused_by_name(tmp_path: Path, version: Any) -> None:
    async with opened("sqlite", tmp_path / "a") as desk:
        with pytest.raises(ImportVersionUnknown) as refused:
            await take(desk, {"tasks": [{"name": "n"}], "version": version})
        assert refused.value.params == {"version": str(version), "supported": "1.0"}
        with pytest.raises(InvalidRequest):
            await take(desk, {"tasks": [{"name": "n"}], "version": [1]})
        assert await counts_of(desk) == [0, 0, 0, 0, 0]


async def test_messages_of_the_future_are_said_now_in_their_order(desk: Desk) -> None:
    said = [
        {"id": uuid(9 - n), "type": "user", "content": str(n), "timestamp": f"2099-01-0{9 - n}T00:00:00Z"}
        for n in range(3)
    ]
    await take(desk, {"chat_history": [*said, {"id": uuid(1), "type": "ai", "content": "3"}]})
    found, _ = await desk.database.read(ME, chats.history, limit=9, offset=0)
    assert [message.content for message in found] == ["0", "1", "2", "3"]
    desk.clock.advance(1)
    words = chats.AnswerWords(content="later", data={}, sender="lgma")
    await desk.database.write(ME, chats.exchange, desk.new_id(), content="now", words=lambda *_: words)
    found, _ = await desk.database.read(ME, chats.history, limit=2, offset=0)
    assert [message.content for message in found] == ["now", "later"]


async def test_a_message_that_came_without_its_answer_is_answered_when_it_is_sent_again(desk: Desk) -> None:
    await take(desk, {"chat_history": [{"id": uuid(1), "type": "user", "content": "hello"}]})
    assert await desk.database.read(ME, chats.find, uuid(1)) is None
    words = chats.AnswerWords(content="here", data={}, sender="lgma")

    async def say() -> chats.Exchange:
        return await desk.database.write(ME, chats.exchange, uuid(1), content="hello", words=lambda *_: words)

    first, again = await say(), await say()
    assert (first.message.content, first.answer.content, first.is_replay) == ("hello", "here", False)
    assert (again.answer.id, again.is_replay) == (first.answer.id, True)
    found, total = await desk.database.read(ME, chats.history, limit=9, offset=0)
    assert ([message.content for message in found], total) == (["hello", "here"], 2)


async def test_a_message_is_not_answered_with_somebody_elses(desk: Desk) -> None:
    theirs = tenant("theirs")
    message = {"id": uuid(1), "type": "user", "content": "hello", "data": {"answer_id": uuid(2)}}
    await take(desk, {"chat_history": [message]})
    await take(desk, {"chat_history": [{"id": uuid(2), "type": "ai", "content": "secret"}]}, theirs)
    assert await desk.database.read(ME, chats.find, uuid(1)) is None


async def test_a_nul_in_a_text_is_replaced_as_everywhere(desk: Desk) -> None:
    await take(desk, {"tasks": [{"name": "a\x00b"}], "chat_history": [{"type": "ai", "content": "\x00"}]})
    after = await export(desk)
    assert (after["tasks"][0]["name"], after["chat_history"][0]["content"]) == ("a\ufffdb", "\ufffd")


async def test_an_imported_task_can_be_followed_from_its_first_event(desk: Desk) -> None:
    task_id = await desk.submit()
    await desk.database.write(ME, decisions.request_control, task_id, Action.CANCEL, actor="me")
    document = await export(desk)
    await desk.database.write(ME, decisions.remove, task_id, actor="me")
    assert await desk.rows("SELECT seq FROM agent_messages") != []
    assert (await take(desk, document)).tasks == 1
    assert await desk.events(task_id) == ["task.submitted", "task.cancelled"]
    assert (await desk.get(task_id)).last_seq == 2


async def test_inputs_whose_content_is_here_are_named_again(desk: Desk) -> None:
    document = {
        "tasks": [
            {"id": uuid(n), "name": "n", "files": [{"name": "s.csv", "digest": digest, "size_bytes": 1}]}
            for n, digest in enumerate((DIGEST, "cd" * 32))
        ]
    }
    other = await desk.submit()
    known = {"task_id": other, "tenant": "default", "name": "s.csv", "digest": DIGEST, "size_bytes": 1}
    row = {**known, "media_type": "text/csv", "kind": "input", "created_at": desk.clock.now()}
    await desk.database.write(ME, fill, "artifacts", [row])
    await take(desk, document)
    named = await desk.rows("SELECT task_id FROM artifacts WHERE task_id != :id", id=other)
    assert named == [{"task_id": uuid(0)}]


async def test_an_imported_task_waits_until_it_is_resumed_and_is_then_claimed(desk: Desk) -> None:
    await take(desk, {"tasks": [{"id": uuid(1), "name": "n", "status": "in_progress"}]})
    assert await desk.claim(limit=10) == []
    assert (await desk.get(uuid(1))).status is TaskStatus.PAUSED
    await desk.database.write(ME, decisions.make_pending, uuid(1), Action.RESUME, actor="me")
    [claimed] = await desk.claim(limit=10)
    assert (claimed.task.id, claimed.is_first) == (uuid(1), True)


async def test_an_import_does_not_take_a_tenant_past_its_tasks_in_flight(desk: Desk) -> None:
    desk.database._quota = Quota(tasks_in_flight=3)  # type: ignore[attr-defined]
    await desk.submit()

    def document(first: int, status: str, count: int) -> dict[str, Any]:
        return {"tasks": [{"id": uuid(first + n), "name": "n", "status": status} for n in range(count)]}

    before = await counts_of(desk)
    with pytest.raises(QuotaExceeded) as refused:
        await take(desk, document(1, "in_progress", 3))
    assert refused.value.params["limit"] == 3
    assert await counts_of(desk) == before
    assert (await take(desk, document(10, "completed", 5))).tasks == 5  # ended ones are nobody's burden
    assert (await take(desk, document(1, "in_progress", 2))).tasks == 2
    assert (await take(desk, document(1, "in_progress", 2))).tasks == 0  # known ones are not counted again
    with pytest.raises(QuotaExceeded):
        await take(desk, document(20, "pending", 1))
    with pytest.raises(QuotaExceeded):
        await desk.submit()
    assert (await take(desk, document(20, "pending", 3), tenant("theirs"))).tasks == 3


async def test_a_resumed_import_really_runs(tmp_path: Path) -> None:
    async with world(tmp_path / "w", Scene()) as there:
        importing = TransferService(
            database=there.database,
            feed=there.feed,
            teams=frozenset(there.teams),
            clock=there.clock,
            max_bytes=10**6,
        )
        item = {"id": uuid(1), "name": "n", "status": "进行中", "core": {"input_data": {"plan": [{"id": "a"}]}}}
        assert (await importing.import_(ME, body({"tasks": [item]}))).tasks == 1
        await there.service.resume(ME, uuid(1))
        done = await there.until(uuid(1))
        assert done.status is TaskStatus.COMPLETED
        assert done.status_detail is None


async def test_what_may_come_in_can_also_go_out_however_deep(desk: Desk) -> None:
    await take(desk, {"tasks": [{"id": uuid(1), "name": "n", "core": {"input_data": nested(230)}}]})
    assert (await export(desk))["tasks"][0]["core"]["input_data"] == nested(230)


@pytest.mark.parametrize(
    "data",
    [
        {"citations": 5, "links": "x", "offer": 3, "answer_id": {"a": 1}, "intent": [1], "cost": {"cost": "much"}},
        {"citations": [{"id": "a"}, "b"], "links": [{"kind": "page", "label": "l", "href": "javascript:alert(1)"}]},
        {"links": [{"kind": "page", "label": "l", "href": "//evil.example/tasks"}], "offer": {"request": "x"}},
        {"offer": {"request": "x", "request_id": "r", "language": "xx"}, "unknown": nested(20)},
    ],
)
async def test_an_imported_answer_carries_only_what_a_conversation_can_be_read_by(
    desk: Desk, data: dict[str, Any]
) -> None:
    await take(desk, {"chat_history": [{"id": uuid(1), "type": "ai", "content": "c", "data": data}]})
    (message,), _ = await desk.database.read(ME, chats.history, limit=5, offset=0)
    shown = message_json(message)
    assert (shown["citations"], shown["links"], shown["offer"]) == ([], [], None)


async def test_an_answer_of_ours_comes_back_as_it_was(desk: Desk) -> None:
    data = {
        "intent": "offer",
        "citations": [dict.fromkeys(("id", "source", "title", "locator", "anchor", "quote"), "词")],
        "links": [{"kind": "task", "label": "季度", "href": f"/tasks/{uuid(7)}"}],
        "offer": {"request": "分析", "title": None, "request_id": uuid(9), "language": "zh"},
        "model": "m",
        "cost": {"input_tokens": 1, "output_tokens": 2, "cost": 0.5, "model_calls": 1},
    }
    await take(desk, {"chat_history": [{"id": uuid(1), "type": "ai", "content": "c", "data": data}]})
    assert (await export(desk))["chat_history"][0]["data"] == data


async def test_exports_take_one_connection_however_many_are_asked_for(desk: Desk) -> None:
    await take(desk, {"tasks": [{"id": uuid(1), "name": "n"}]})
    at_work = most = 0
    exporting = service(desk)

    def counted(task: Task) -> dict[str, Any]:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        time.sleep(0.02)
        at_work -= 1
        return shape(task)

    for file in await asyncio.gather(*(exporting.export(ME, counted) for _ in range(4))):
        with file:
            assert len(json.load(file)["tasks"]) == 1
    assert most == 1


@pytest.mark.servers
async def test_an_import_waits_for_that_of_another_server_and_says_so_if_it_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"tasks": [{"id": uuid(1), "name": "n"}]}
    has_begun, may_end, original = threading.Event(), threading.Event(), transfer.insert_tasks

    def held(store: Store, page: Sequence[dict[str, Any]], **values: Any) -> list[str]:
        has_begun.set()
        assert may_end.wait(60)
        return original(store, page, **values)

    async with opened("postgresql", tmp_path / "a") as desk:
        monkeypatch.setattr(transfer, "insert_tasks", held)
        try:
            first = asyncio.create_task(take(desk, document))
            assert await asyncio.to_thread(has_begun.wait, 60)
            with monkeypatch.context() as patched:
                patched.setattr(transfers, "TURN_S", -1.0)
                with pytest.raises(ImportUnderWay):
                    await take(desk, document)
            second = asyncio.create_task(take(desk, document))
            await asyncio.sleep(2 * transfers.TURN_POLL_S)
            assert not second.done()
        finally:
            may_end.set()
        assert ((await first).tasks, (await second).tasks) == (1, 0)
