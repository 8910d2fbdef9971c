"""Personal data on every backend: what is whose, the archive, and an erasure that may die anywhere."""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary, select
from tests.support.stores import Desk, draft, tenant

from langgraph_multi_agent.access import SYSTEM_SCOPE, Scope
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.domain.errors import DependencyUnavailable, LastAdmin
from langgraph_multi_agent.domain.schedule import ScheduleDraft, draft_json
from langgraph_multi_agent.domain.task import Action, TaskStatus
from langgraph_multi_agent.i18n.errors import describe
from langgraph_multi_agent.service import privacy as use_cases
from langgraph_multi_agent.service.audit import AuditService, CommandLine
from langgraph_multi_agent.service.intake import Fields, task_row
from langgraph_multi_agent.service.privacy import (
    ErasureUnfinished,
    PrivacyService,
    SubjectAmbiguous,
    SubjectNotFound,
    TasksRunning,
)
from langgraph_multi_agent.service.schedules import fires_due, next_fire
from langgraph_multi_agent.store import (
    audit,
    chats,
    decisions,
    erasure,
    identities,
    schedules,
    schema,
    staging,
)
from langgraph_multi_agent.store import belongings as whose
from langgraph_multi_agent.store.audit import Entry
from langgraph_multi_agent.store.belongings import REPLAYED, Belongings, Subject
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.privacy import DECISIONS, Link
from langgraph_multi_agent.store.sets import insert_rows

pytestmark = pytest.mark.anyio

OPERATOR = CommandLine(name="lgma:tester")
OF_TENANT_ONLY = {name for name, decision in DECISIONS.items() if decision.link is Link.TENANT}
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def test_each_table_has_its_decision() -> None:
    """A new table: say in store/privacy.py whose its rows are, and whether they are exported and erased."""
    assert DECISIONS.keys() == schema.metadata.tables.keys()
    for name, decision in DECISIONS.items():
        columns = schema.metadata.tables[name].c
        assert decision.secret <= set(columns.keys())
        needed = {
            Link.TASK: "task_id",
            Link.THREAD: "thread_id",
            Link.ACTOR: "actor",
            Link.RECORD: "actor",
            Link.MAKER: "created_by",
        }
        assert needed.get(decision.link, columns.keys()[0]) in columns
        if decision.link not in (Link.THREAD, Link.SESSION, Link.NOBODY):
            assert "tenant" in columns
    assert {name for name, decision in DECISIONS.items() if not decision.is_erased} == {"audit_log", "installation"}


# Somebody with something in every table


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whose every text holds `mark`, and whose secrets hold `secret`."""

    tenant: str
    mark: str
    number: int

    @property
    def secret(self) -> str:
        return f"hidden{self.number}"

    @property
    def task_id(self) -> str:
        return f"task-{self.mark}"

    @property
    def scope(self) -> Scope:
        return Scope(tenant=self.tenant, actor=self.mark)

    def rows(self, digest: str) -> dict[str, dict[str, Any]]:
        """One row for each table but the audit log and the installation."""
        theirs = {"actor": self.mark, "created_by": self.mark, "tenant": self.tenant}
        links = {"task_id": self.task_id, "thread_id": self.task_id, **theirs}
        fixed: dict[str, dict[str, Any]] = {
            "tasks": {"id": self.task_id, "status": "completed", "priority": 2, "files": [], "assignee": self.mark},
            "users": {"name": self.mark, "role": int(Role.USER), "password_hash": self.secret, "disabled_at": None},
            "api_keys": {"role": 2, "digest": self.secret, "scopes": None, "revoked_at": None},
            "sessions": {"token_hash": self.secret, "value": json.dumps({"user": f"users-{self.mark}"}).encode()},
            "agent_messages": {"id": 1000 + self.number, "seq": 2},
            "artifacts": {"digest": digest, "size_bytes": 5},
            "journal": {"result_digest": digest},
            "schedules": {"last_task_id": self.task_id},
            "chat_messages": {"type": "ai", "task_id": self.task_id},
            "feedback": {"rating": 3},
            "idempotency_keys": {"key": f"key-{self.mark}"},
            "quotas": {"tasks_in_flight": 99, "tokens_a_day": None, "cost_a_day": None},
        }
        return {
            name: {
                str(column.name): fixed.get(name, {}).get(
                    column.name, links.get(column.name, self._value(name, column))
                )
                for column in table.columns
            }
            for name, table in schema.metadata.tables.items()
            if DECISIONS[name].is_erased
        }

    def _value(self, table: str, column: Any) -> Any:
        kind = column.type
        match kind:
            case schema.Json():
                return {"said": f"{self.mark} {table} {column.name}"}
            case schema.UtcTime():
                return MOMENT
            case Boolean():
                return False
            case BigInteger() | Integer():
                return 1
            case Float():
                return 1.0
            case LargeBinary():
                return f"{self.mark} {table}".encode()
            case _:
                return f"{table}-{self.mark}"[: kind.length or 200]


@unit
def plant(store: Store, person: Person, own: str, shared: str) -> None:
    for name, row in person.rows(own).items():
        insert_rows(store, schema.metadata.tables[name], [row], ignoring=name in OF_TENANT_ONLY)
    also = person.rows(shared)["artifacts"] | {"name": f"shared-{person.mark}"}
    insert_rows(store, schema.artifacts, [also])


@dataclass(kw_only=True)
class House:
    """A database with people in it, their files, and the service under test."""

    desk: Desk
    artifacts: DirectoryArtifacts
    root: Path
    people: dict[str, Person] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def service(self, *, is_alone: bool = True, database: Any = None, traces: Any = None) -> PrivacyService:
        used = database or self.desk.database
        return PrivacyService(
            database=used,
            artifacts=self.artifacts,
            audit=AuditService(database=self.desk.database),
            clock=self.desk.clock,
            traces=traces,
            copies=[self.root / "deleted", self.root / "exports"],
            is_alone=is_alone,
            batch_rows=2,
        )

    async def add(self, where: str, mark: str) -> Person:
        person = Person(tenant=where, mark=mark, number=len(self.people))
        shared = await self.artifacts.put(b"of two")
        own = await self.artifacts.put(f"content of {mark}".encode())
        self.digests |= {mark: own.digest, "shared": shared.digest}
        self.people[mark] = person
        await self.desk.database.write(SYSTEM_SCOPE, plant, person, own.digest, shared.digest)
        acts = (("task.submit", person.task_id), ("task.delete", person.task_id))
        entries = [
            Entry(
                tenant=where, actor=mark, means="session", action=action, target=target, result="202",
                request_id="", address="", details={},
            )
            for action, target in acts
        ]
        await self.desk.database.write(SYSTEM_SCOPE, audit.append, entries)
        for place in ("deleted", "exports"):
            (self.root / place / person.task_id).mkdir(parents=True)
            (self.root / place / person.task_id / "task.json").write_text(mark)
        return person

    async def cells(self) -> dict[str, list[str]]:
        """All rows of all tables but those that are kept, as text."""

        def read(store: Store) -> dict[str, list[str]]:
            return {
                name: sorted(
                    " | ".join(
                        bytes(cell).decode(errors="replace") if isinstance(cell, (bytes, memoryview)) else str(cell)
                        for cell in row
                    )
                    for row in store.connection.execute(select(table))
                )
                for name, table in schema.metadata.tables.items()
                if DECISIONS[name].is_erased
            }

        return await self.desk.database.read(SYSTEM_SCOPE, read)

    async def recorded(self) -> list[tuple[str, str, str]]:
        rows = await self.desk.database.read(SYSTEM_SCOPE, audit.page, limit=100)
        return [(row.action, row.target, row.result) for row in rows if row.action.startswith("privacy.")][::-1]

    def age_files(self, *, hours: float) -> None:
        for path in self.root.glob("artifacts/[0-9a-f][0-9a-f]/*"):
            moment = path.stat().st_mtime - 3600 * hours
            os.utime(path, (moment, moment))

    def files(self) -> set[str]:
        return {path.parent.name + path.name for path in self.root.glob("artifacts/[0-9a-f][0-9a-f]/*")}


@pytest.fixture
async def house(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(use_cases, "SHUT_OUT_S", 0.0)  # no server remembers anybody here
    return House(desk=desk, artifacts=DirectoryArtifacts(tmp_path / "artifacts"), root=tmp_path)


def holding(cells: dict[str, list[str]], mark: str) -> dict[str, list[str]]:
    found = {name: [row for row in rows if mark in row] for name, rows in cells.items()}
    return {name: rows for name, rows in found.items() if rows}


def without(cells: dict[str, list[str]], mark: str, *, but: set[str]) -> dict[str, list[str]]:
    return {name: [row for row in rows if mark not in row] for name, rows in cells.items() if name not in but}


async def two(house: House, *, whole: bool) -> tuple[Person, Person, Subject]:
    """Two people, and the first one or the tenant that she has for herself."""
    mark = "albatross7f3a"
    amy = await house.add(mark if whole else "harbour", mark)
    bob = await house.add("island" if whole else "harbour", "cormorant9c1e")
    return amy, bob, Subject(tenant=amy.tenant, actor=None if whole else amy.mark)


@pytest.mark.parametrize("whole", [True, False], ids=["tenant", "user"])
@pytest.mark.parametrize("is_alone", [True, False], ids=["alone", "beside others"])
async def test_after_an_erasure_nothing_of_theirs_is_left_and_all_of_others_is_as_it_was(
    house: House, whole: bool, is_alone: bool
) -> None:
    amy, bob, subject = await two(house, whole=whole)
    kept = set() if whole else OF_TENANT_ONLY
    before = await house.cells()
    assert holding(before, amy.mark).keys() | kept == {name for name in DECISIONS if DECISIONS[name].is_erased}
    house.age_files(hours=2)
    service = house.service(is_alone=is_alone)
    assert await service.subject(tenant=amy.tenant if whole else None, actor=subject.actor) == subject
    plan = await service.plan(subject)
    assert {name for name, rows in plan.rows.items() if rows} == plan.rows.keys() - kept

    erased = await service.erase(subject, OPERATOR)

    after = await house.cells()
    assert holding(after, amy.mark).keys() <= kept
    assert {name: rows for name, rows in after.items() if name not in kept} == without(before, amy.mark, but=kept)
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert holding(after, bob.mark) == holding(before, bob.mark)
    assert house.files() == {house.digests[bob.mark], house.digests["shared"]}
    assert (erased.files, erased.files_left) == (1, 0)
    for place in ("deleted", "exports"):
        assert [path.name for path in (house.root / place).iterdir()] == [bob.task_id]
    assert {name: count for name, count in erased.rows.items() if name != "sessions"} == {
        name: count for name, count in plan.rows.items() if name not in kept | {"audit_log"}
    }
    name = subject.actor or subject.tenant
    assert await house.recorded() == [("privacy.erase", name, "begun"), ("privacy.erase", name, "ok")]
    again = await service.erase(await service.subject(tenant=amy.tenant, actor=subject.actor), OPERATOR)
    assert (again.rows, again.files, again.is_complete) == ({}, 0, True)
    assert (await house.desk.database.read(SYSTEM_SCOPE, audit.verify)).flaw is None


async def test_content_that_may_be_an_upload_under_way_is_left_to_the_servers_collection(house: House) -> None:
    amy, _, subject = await two(house, whole=True)
    erased = await house.service(is_alone=False).erase(subject, OPERATOR)
    assert (erased.files, erased.files_left) == (0, 1)
    assert house.digests[amy.mark] in house.files()
    await house.service(is_alone=True).erase(subject, OPERATOR)
    assert house.digests[amy.mark] not in house.files()


async def known_in_one_way_each(house: House, person: Person) -> None:
    """Tasks of theirs of which only one row tells: their own, their last event, and of before 0010 some other."""
    desk, rows = house.desk, person.rows("")
    _, deleted, logged, imported, chatted, fired, last = [
        await desk.submit(person.scope, title=person.mark) for _ in range(7)
    ]
    await desk.database.write(tenant(person.tenant), decisions.remove, deleted, actor="somebody")
    for task_id in (logged, imported, chatted, fired, last):
        await forget_maker(desk, task_id)
    await record(desk, person.scope, "task.submit", logged)
    origin = json.dumps({"by": person.mark, "imported": True})
    await desk.sql("UPDATE agent_messages SET data = :data WHERE task_id = :id", data=origin, id=imported)
    await desk.sql("UPDATE chat_messages SET task_id = :id WHERE actor = :who", id=chatted, who=person.mark)
    schedule_id, old = rows["schedules"]["id"], rows["idempotency_keys"]["key"]
    await desk.sql("UPDATE schedules SET last_task_id = :id WHERE id = :schedule", id=last, schedule=schedule_id)
    made = "UPDATE idempotency_keys SET key = :key, task_id = :id WHERE key = :old"
    await desk.sql(made, key=f"schedule:{schedule_id}:2026", id=fired, old=old)


async def forget_maker(desk: Desk, task_id: str) -> None:
    """As in a row of before revision 0010."""
    await desk.sql("UPDATE tasks SET created_by = NULL WHERE id = :id", id=task_id)


async def record(desk: Desk, scope: Scope, action: str, target: str, result: str = "202", **details: Any) -> None:
    assert scope.tenant is not None
    entry = Entry(
        tenant=scope.tenant, actor=scope.actor, means="", action=action, target=target, result=result, details=details
    )
    await desk.database.write(SYSTEM_SCOPE, audit.append, [entry])


class Mortal:
    """A database whose process dies after so many commits."""

    def __init__(self, database: Any, commits: int) -> None:
        self._database, self.left = database, commits
        self.dialect = database.dialect

    async def write(self, *args: Any, **kwargs: Any) -> Any:
        done = await self._database.write(*args, **kwargs)
        self.left -= 1
        if not self.left:
            raise Killed
        return done

    async def read(self, *args: Any, **kwargs: Any) -> Any:
        return await self._database.read(*args, **kwargs)


class Killed(BaseException):
    """The end of a process, as far as the database can tell."""


@pytest.mark.parametrize("whole", [True, False], ids=["tenant", "user"])
async def test_an_erasure_that_dies_after_any_commit_ends_the_same_when_it_is_started_again(
    house: House, whole: bool
) -> None:
    amy, bob, subject = await two(house, whole=whole)
    await known_in_one_way_each(house, amy)
    before, commits = await house.cells(), 0
    while True:
        commits += 1
        mortal = Mortal(house.desk.database, commits)
        service = house.service(database=mortal)
        try:
            found = await service.subject(tenant=amy.tenant if whole else None, actor=subject.actor)
            assert found == subject
            await service.erase(found, OPERATOR)
            break
        except Killed:
            continue
    assert commits > 20
    left = await house.desk.rows("SELECT id FROM tasks")
    assert [row["id"] for row in left] == [bob.task_id]
    after = await house.cells()
    assert holding(after, amy.mark).keys() <= (set() if whole else OF_TENANT_ONLY)
    assert holding(after, bob.mark) == holding(before, bob.mark)
    assert house.files() == {house.digests[bob.mark], house.digests["shared"]}


async def test_an_archive_holds_every_row_and_file_of_theirs_and_no_secret(house: House, tmp_path: Path) -> None:
    amy, bob = await house.add("harbour", "albatross7f3a"), await house.add("harbour", "cormorant9c1e")
    service = house.service()
    path = tmp_path / "archive.zip"
    with path.open("w+b") as file:
        exported = await service.export(await service.subject(tenant=None, actor=amy.mark), file, OPERATOR)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
        contents = {name: archive.read(name) for name in names}
    assert len(names) == len(set(names))
    tables = {name for name, decision in DECISIONS.items() if decision.is_exported}
    for item in manifest["tables"]:
        lines = contents[item["path"]]
        assert hashlib.sha256(lines).hexdigest() == item["sha256"]
        rows = [json.loads(line) for line in lines.splitlines()]
        assert len(rows) == item["rows"] == exported.rows[item["table"]]
        shown = set(schema.metadata.tables[item["table"]].c.keys()) - DECISIONS[item["table"]].secret
        assert all(row.keys() == shown for row in rows)
        assert item["table"] in OF_TENANT_ONLY or all(amy.mark in json.dumps(row) for row in rows)
        assert item["table"] in OF_TENANT_ONLY or rows
    assert {item["table"] for item in manifest["tables"]} == tables
    assert {item["sha256"] for item in manifest["files"]} == {house.digests[amy.mark], house.digests["shared"]}
    for item in manifest["files"]:
        assert hashlib.sha256(contents[item["path"]]).hexdigest() == item["sha256"]
    everything = b"".join(contents.values()).decode()
    assert amy.secret not in everything
    assert bob.mark not in everything
    assert await house.recorded() == [("privacy.export", amy.mark, "ok")]


async def test_an_archive_says_which_contents_are_gone(house: House) -> None:
    amy = await house.add("harbour", "albatross7f3a")
    await house.artifacts.collect({house.digests["shared"]}, min_age_s=0)
    exported = await house.service().export(Subject(tenant="harbour"), io.BytesIO(), OPERATOR)
    assert exported.missing == (house.digests[amy.mark],)


async def test_calls_of_a_limited_day_stay_spent_without_their_task(house: House) -> None:
    amy = await house.add("harbour", "albatross7f3a")
    await house.desk.sql("UPDATE quotas SET tokens_a_day = 10")
    await house.desk.sql("UPDATE model_calls SET created_at = :now", now=str(house.desk.clock.now()))
    await house.service().erase(Subject(tenant="harbour", actor=amy.mark), OPERATOR)
    left = await house.desk.rows("SELECT id, tenant, task_id, agent, subtask_id, reserved_tokens FROM model_calls")
    assert [row.pop("id")[:5] for row in left] == ["model"]
    assert left == [{"tenant": "harbour", "task_id": "", "agent": "", "subtask_id": None, "reserved_tokens": 1}]


class Redis:
    """What a Redis keeps, or one that is away."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.is_away, self.sessions = is_away, [b'{"user": "users-albatross7f3a"}', b'{"user": "bob"}', b"no session"]

    async def end_sessions(self, is_theirs: Callable[[bytes], bool]) -> int:
        if self.is_away:
            raise DependencyUnavailable(dependency="redis", reason="away")
        ended = [value for value in self.sessions if is_theirs(value)]
        self.sessions = [value for value in self.sessions if value not in ended]
        return len(ended)

    async def forget_answers(self) -> int:
        if self.is_away:
            raise DependencyUnavailable(dependency="redis", reason="away")
        return 7


async def test_sessions_and_answers_in_redis_go_too_and_one_that_is_away_is_told(house: House) -> None:
    await house.add("harbour", "albatross7f3a")
    subject, redis = Subject(tenant="harbour", actor="albatross7f3a"), Redis()
    away = await house.service(traces=Redis(is_away=True)).erase(subject, OPERATOR)
    assert (away.is_complete, await house.recorded()) == (
        False,
        [("privacy.erase", "albatross7f3a", "begun"), ("privacy.erase", "albatross7f3a", "partial")],
    )
    again = await house.service(traces=redis).erase(subject, OPERATOR)
    assert (again.is_complete, again.answers) == (True, 7)


# Work that is going on


async def running_task(house: House, where: str) -> str:
    """A task that a worker holds a lease of."""
    desk = house.desk
    task_id = await desk.submit(tenant(where))
    claimed = await desk.claim(limit=10)
    assert [item.task.id for item in claimed] == [task_id]
    return task_id


async def test_what_runs_is_not_erased_beside_its_worker_and_nothing_changes(house: House) -> None:
    await house.add("harbour", "albatross7f3a")
    await running_task(house, "harbour")
    before, service = await house.cells(), house.service(is_alone=False)
    with pytest.raises(TasksRunning):
        await service.erase(Subject(tenant="harbour"), OPERATOR)
    assert await house.cells() == before
    assert await house.recorded() == [("privacy.erase", "harbour", "TASKS_RUNNING")]


async def test_what_runs_is_cancelled_first_and_waited_for(house: House) -> None:
    await house.add("harbour", "albatross7f3a")
    task_id = await running_task(house, "harbour")
    desk = house.desk

    class Obedient(Mortal):
        """Whose worker stops as soon as it is asked to."""

        async def write(self, *args: Any, **kwargs: Any) -> Any:
            done = await super().write(*args, **kwargs)
            if args[1] is decisions.request_control:
                await desk.sql("UPDATE tasks SET status = 'cancelled' WHERE id = :id", id=task_id)
                await desk.sql("DELETE FROM leases WHERE task_id = :id", id=task_id)
            return done

    service = house.service(is_alone=False, database=Obedient(desk.database, commits=0))
    await service.erase(Subject(tenant="harbour"), OPERATOR, cancels=True)
    assert holding(await house.cells(), "harbour") == {}


async def test_a_worker_that_does_not_stop_keeps_its_task_from_being_erased(house: House) -> None:
    """What has happened by then is not told as nothing, and the same again goes on."""
    amy = await house.add("harbour", "albatross7f3a")
    task_id, service = await running_task(house, "harbour"), house.service(is_alone=False)
    with pytest.raises(ErasureUnfinished) as told:
        await service.erase(Subject(tenant="harbour"), OPERATOR, cancels=True, patience_s=0)
    assert (await house.desk.get(task_id)).status is TaskStatus.IN_PROGRESS
    assert (told.value.params["count"], told.value.params["task"]) == (1, task_id)
    words = {language: describe(told.value.code, told.value.params, language) for language in ("zh", "en")}
    assert "1 tasks are still being worked on" in words["en"].detail
    assert "--cancel" in words["zh"].hint
    [user] = await house.desk.rows("SELECT disabled_at FROM users")
    assert user["disabled_at"] is not None
    await house.desk.sql("UPDATE tasks SET status = 'cancelled' WHERE id = :id", id=task_id)
    await house.desk.sql("DELETE FROM leases")
    await service.erase(Subject(tenant="harbour"), OPERATOR, cancels=True)
    assert holding(await house.cells(), amy.mark) == {}


async def test_a_task_that_somebody_has_done_again_loses_nothing(house: House) -> None:
    amy = await house.add("harbour", "albatross7f3a")
    desk = house.desk

    class Impatient(Mortal):
        """A colleague who has a task done again as soon as all are closed."""

        async def write(self, *args: Any, **kwargs: Any) -> Any:
            done = await super().write(*args, **kwargs)
            if args[1] is erasure.seal:
                await desk.sql("UPDATE tasks SET status = 'in_progress' WHERE id = :id", id=amy.task_id)
            return done

    before = await house.cells()
    service = house.service(is_alone=False, database=Impatient(desk.database, commits=0))
    with pytest.raises(ErasureUnfinished):
        await service.erase(Subject(tenant="harbour", actor=amy.mark), OPERATOR)
    after = await house.cells()
    assert {name: after[name] for name in erasure.CHILDREN} == {name: before[name] for name in erasure.CHILDREN}


async def test_what_a_server_still_took_from_them_while_they_were_shut_out_goes_too(house: House) -> None:
    amy = await house.add("harbour", "albatross7f3a")
    desk = house.desk

    class Late(Mortal):
        """A server that remembers them a moment longer."""

        late: ClassVar = [erasure.shut_out, erasure.stop_schedules]

        async def write(self, *args: Any, **kwargs: Any) -> Any:
            done = await super().write(*args, **kwargs)
            if args[1] in self.late:
                self.late.remove(args[1])
                await desk.submit(amy.scope, description=amy.mark)
            return done

    service = house.service(is_alone=False, database=Late(desk.database, commits=0))
    await service.erase(Subject(tenant="harbour", actor=amy.mark), OPERATOR)
    assert holding(await house.cells(), amy.mark).keys() <= OF_TENANT_ONLY


@pytest.mark.parametrize("moment", [erasure.seal, erasure.delete_tasks, erasure.delete_turns])
async def test_what_is_made_for_them_during_an_erasure_goes_too(house: House, moment: Callable[..., Any]) -> None:
    amy = await house.add("harbour", "albatross7f3a")
    desk, bob = house.desk, Scope(tenant="harbour", actor="bob")
    schedule_id = amy.rows("")["schedules"]["id"]
    plain = json.dumps(draft_json(draft(description=amy.mark)))
    await desk.sql("UPDATE schedules SET draft = :draft", draft=plain)

    class Busy(Mortal):
        """A colleague runs their schedule while they are erased, and a late request of theirs is answered."""

        has_acted = False

        async def write(self, *args: Any, **kwargs: Any) -> Any:
            done = await super().write(*args, **kwargs)
            if args[1] is moment and not self.has_acted:
                self.has_acted = True
                await desk.database.write(bob, schedules.run_now, schedule_id, desk.new_id(), queue_size=99)
                await desk.submit(amy.scope, description=amy.mark)
            return done

    service = house.service(is_alone=False, database=Busy(desk.database, commits=0))
    erased = await service.erase(Subject(tenant="harbour", actor=amy.mark), OPERATOR)
    assert erased.rows["tasks"] == 3
    assert holding(await house.cells(), amy.mark).keys() <= OF_TENANT_ONLY


@pytest.mark.parametrize("left", ["alone", "expired"])
async def test_what_a_dead_worker_left_is_no_work(house: House, left: str) -> None:
    task_id = await running_task(house, "harbour")
    if left == "expired":
        await house.desk.sql("UPDATE leases SET expires_at = :old", old="2020-01-01 00:00:00+00:00")
    await house.service(is_alone=left == "alone").erase(Subject(tenant="harbour"), OPERATOR)
    assert await house.desk.rows("SELECT id FROM tasks WHERE id = :id", id=task_id) == []


# Whose it is


async def test_who_is_meant_is_found_or_asked(house: House) -> None:
    service = house.service()
    for where in ("harbour", "island"):
        for actor in ("token:ann", "albatross7f3a"):
            entry = Entry(tenant=where, actor=actor, means="", action="task.submit", result="202", details={})
            await house.desk.database.write(SYSTEM_SCOPE, audit.append, [entry])
    await house.add("harbour", "albatross7f3a")
    with pytest.raises(SubjectAmbiguous):
        await service.subject(tenant=None, actor="token:ann")
    named = await service.subject(tenant="island", actor="token:ann")
    assert named == Subject(tenant="island", actor="token:ann")
    for where, asked in (("harbour", None), ("island", "island")):  # an account's own tenant, unless one is named
        found = await service.subject(tenant=asked, actor="albatross7f3a")
        assert found == Subject(tenant=where, actor="albatross7f3a")
    for name in ("token:machine", "key:k1", "local"):  # of whom tasks are all that is left
        await house.desk.submit(Scope(tenant="harbour", actor=name))
        assert await service.subject(tenant=None, actor=name) == Subject(tenant="harbour", actor=name)
    for tenant_name, actor in ((None, "nobody"), ("nowhere", None), ("nowhere", "token:ann")):
        with pytest.raises(SubjectNotFound):
            await service.subject(tenant=tenant_name, actor=actor)


async def imported_task(desk: Desk, scope: Scope) -> str:
    before = set(await desk.ids(scope))
    value = {"name": f"brought along by {scope.actor}", "description": "d", "status": "completed"}
    row = task_row(Fields(value, "tasks[0]"), 0, MOMENT, frozenset({"default"}))
    import_id = await desk.database.write(scope, staging.begin)
    await desk.database.write(scope, staging.stage_tasks, import_id, [json.loads(json.dumps(row, default=str))])
    await desk.database.write(scope, staging.complete, import_id, {}, rows=1)
    (made,) = set(await desk.ids(scope)) - before
    return made


async def chatted_task(desk: Desk, scope: Scope) -> str:
    exchange = await desk.database.write(
        scope,
        chats.exchange,
        desk.new_id(),
        content="do it",
        words=lambda _task, _is_new: chats.AnswerWords(content="done", data={}, sender="assistant"),
        new_task=chats.NewTask(request_id="request", draft=draft(), queue_size=99),
    )
    assert exchange.task is not None
    return exchange.task.id


async def scheduled_tasks(desk: Desk, scope: Scope, asks: Scope) -> tuple[str, str, str]:
    """A schedule of the one, the task of its time and the task that the other had made."""
    plan = ScheduleDraft(name="nightly", cron="0 * * * *", timezone="UTC", draft=draft())
    made = await desk.database.write(scope, schedules.create, desk.new_id(), plan, next_fire)
    assert made.next_fire_at is not None
    fired = await fire(desk, made.next_fire_at)
    asked = await desk.database.write(asks, schedules.run_now, made.id, desk.new_id(), queue_size=99)
    await record(desk, asks, "schedule.run", f"{made.id}/{asked.id}")
    return made.id, fired, asked.id


async def fire(desk: Desk, due: datetime) -> str:
    now = await desk.database.read(SYSTEM_SCOPE, lambda store: store.now)
    desk.clock.advance((due - now).total_seconds() + 1)
    (fired,) = await desk.database.write(
        SYSTEM_SCOPE, schedules.fire_due, queue_size=99, fires_due=fires_due, admit=lambda _draft: None
    )
    assert fired.task is not None
    return fired.task.id


async def belongings(desk: Desk, actor: str) -> Belongings:
    found: Belongings = await desk.database.read(
        SYSTEM_SCOPE, whose.belongings, Subject(tenant="harbour", actor=actor)
    )
    return found


async def test_a_task_is_theirs_who_submitted_or_imported_it_or_whose_schedule_made_it(house: House) -> None:
    desk, amy, bob = house.desk, Scope(tenant="harbour", actor="amy"), Scope(tenant="harbour", actor="bob")
    submitted, imported, chatted = await desk.submit(amy), await imported_task(desk, amy), await chatted_task(desk, amy)
    schedule_id, fired, asked = await scheduled_tasks(desk, amy, bob)
    bobs, elsewhere = await desk.submit(bob), await desk.submit(Scope(tenant="island", actor="amy"))
    await record(desk, amy, "task.cancel", bobs, "200")
    for task_id in (submitted, imported, chatted, fired, asked):
        assert (await desk.get(task_id)).created_by == "amy"
    found = await belongings(desk, "amy")
    assert found.task_ids == tuple(sorted([submitted, imported, chatted, fired, asked]))
    assert found.acted_on == (bobs,)
    found = await belongings(desk, "bob")
    assert (found.task_ids, found.acted_on) == ((bobs,), (asked,))
    erased = await house.service().erase(Subject(tenant="harbour", actor="amy"), OPERATOR)
    assert (erased.rows["tasks"], erased.rows["schedules"]) == (5, 1)
    assert {row["id"] for row in await desk.rows("SELECT id FROM tasks")} == {bobs, elsewhere}
    assert schedule_id not in {row["id"] for row in await desk.rows("SELECT id FROM schedules")}


async def test_what_was_deleted_or_is_older_than_its_makers_name_is_theirs_by_other_records(house: House) -> None:
    desk, amy, bob = house.desk, Scope(tenant="harbour", actor="amy"), Scope(tenant="harbour", actor="bob")
    old, refused, unlogged, deleted, long_deleted = [await desk.submit(amy) for _ in range(5)]
    for task_id in (old, refused, unlogged):
        await forget_maker(desk, task_id)
    await record(desk, amy, "task.submit", old)
    await record(desk, amy, "task.submit", refused, "QUEUE_FULL")
    await record(desk, amy, "task.submit", long_deleted)
    for task_id in (deleted, long_deleted):
        await desk.database.write(bob, decisions.remove, task_id, actor="bob")
        await record(desk, bob, "task.delete", task_id, "204")
    await desk.sql("DELETE FROM agent_messages WHERE task_id = :id", id=long_deleted)
    assert (await belongings(desk, "amy")).task_ids == tuple(sorted([old, deleted, long_deleted]))
    bobs = await belongings(desk, "bob")
    assert (bobs.task_ids, bobs.acted_on) == ((), tuple(sorted([deleted, long_deleted])))


async def test_what_is_older_than_its_makers_name_is_theirs_by_chat_import_and_schedule(house: House) -> None:
    desk, amy, bob = house.desk, Scope(tenant="harbour", actor="amy"), Scope(tenant="harbour", actor="bob")
    imported, bobs_import = await imported_task(desk, amy), await imported_task(desk, bob)
    chatted, other = await chatted_task(desk, amy), await desk.submit(amy)
    schedule_id, fired, asked = await scheduled_tasks(desk, amy, bob)
    await record(desk, amy, "schedule.add", schedule_id, "201")
    await desk.sql("UPDATE tasks SET created_by = NULL")
    await desk.sql("UPDATE schedules SET created_by = NULL")
    due = (await desk.database.read(SYSTEM_SCOPE, schedules.get, schedule_id)).next_fire_at
    assert due is not None
    since = await fire(desk, due)
    assert (await desk.get(since)).created_by == schedules.firing_of(schedule_id)
    found = await belongings(desk, "amy")
    assert found.task_ids == tuple(sorted([imported, chatted, fired, asked, since]))
    assert found.schedule_ids == (schedule_id,)
    assert (await belongings(desk, "bob")).task_ids == (bobs_import,)
    await house.service().erase(Subject(tenant="harbour", actor="amy"), OPERATOR)
    assert set(await desk.ids(amy)) == {bobs_import, other}
    assert await desk.rows("SELECT id FROM schedules") == []


async def test_a_last_event_that_names_somebody_else_is_believed_more_than_the_log(house: House) -> None:
    desk, amy, ben = house.desk, Scope(tenant="harbour", actor="amy"), Scope(tenant="harbour", actor="ben")
    amys, bens = await desk.submit(amy), await desk.submit(ben)
    for task_id in (amys, bens):
        await record(desk, amy, "task.submit", task_id)
        await record(desk, ben, "task.submit", task_id)
        await desk.database.write(amy, decisions.remove, task_id, actor="amy")
    assert (await belongings(desk, "amy")).task_ids == (amys,)
    assert (await belongings(desk, "ben")).task_ids == (bens,)


async def test_what_somebody_else_submitted_before_or_planned_is_not_theirs(house: House) -> None:
    """A key of a submission is the tenant's, and a schedule runs for whoever asks."""
    desk, amy, ben = house.desk, Scope(tenant="harbour", actor="amy"), Scope(tenant="harbour", actor="ben")
    told, untold, old, unlogged, again = [await desk.submit(scope) for scope in (amy, amy, amy, amy, ben)]
    asked = (await scheduled_tasks(desk, amy, ben))[-1]
    await forget_maker(desk, old)
    log: tuple[tuple[Scope, str, dict[str, Any]], ...] = (
        (amy, told, {}),
        (ben, told, {REPLAYED: True}),
        (amy, untold, {}),
        (ben, untold, {}),
        (amy, old, {}),
        (ben, old, {}),  # of old the log does not say that an answer was a replay
        (ben, unlogged, {}),  # the row says more than a log that lacks hers
        (ben, again, {}),
        (amy, again, {}),
    )
    for scope, task_id, details in log:
        await record(desk, scope, "task.submit", task_id, **details)
    amys, bens = await belongings(desk, "amy"), await belongings(desk, "ben")
    assert {told, untold, old, unlogged, asked} < set(amys.task_ids or ())
    assert (bens.task_ids, bens.acted_on) == ((again,), (asked,))
    before = set(await desk.ids(amy))
    await house.service().erase(Subject(tenant="harbour", actor="ben"), OPERATOR)
    assert set(await desk.ids(amy)) == before - {again}


async def test_the_last_admin_stays_and_nothing_is_erased(house: House) -> None:
    await house.add("harbour", "albatross7f3a")
    await house.desk.sql("UPDATE users SET role = 4")
    before = await house.cells()
    with pytest.raises(LastAdmin):
        await house.service().erase(Subject(tenant="harbour", actor="albatross7f3a"), OPERATOR)
    assert await house.cells() == before


async def test_somebody_who_has_the_name_in_another_case_stays_as_they_are(house: House) -> None:
    """Also where an erasure is done again after the name was given away."""
    database, op = house.desk.database, Scope(tenant="harbour", actor="op")
    await database.write(op, identities.add_user, "id-1", name="Bob", role=Role.ADMIN, password_hash="h")
    service, subject = house.service(), Subject(tenant="harbour", actor="Bob")
    with pytest.raises(LastAdmin):
        await service.erase(subject, OPERATOR)
    await database.write(op, identities.add_user, "id-2", name="eve", role=Role.ADMIN, password_hash="h")
    assert (await service.erase(subject, OPERATOR)).rows == {"users": 1}
    other = await database.write(op, identities.add_user, "id-3", name="bob", role=Role.USER, password_hash="h")
    assert (await service.erase(await service.subject(tenant=None, actor="Bob"), OPERATOR)).rows == {}
    assert await database.read(SYSTEM_SCOPE, identities.user_of_name, "bob") == other


async def test_a_person_leaves_the_history_of_others_tasks(house: House) -> None:
    await house.add("harbour", "albatross7f3a")
    desk, amy = house.desk, Scope(tenant="harbour", actor="albatross7f3a")
    task_id = await desk.submit(tenant("harbour"))
    await desk.sql("UPDATE tasks SET assignee = 'albatross7f3a' WHERE id = :id", id=task_id)
    await desk.database.write(amy, decisions.request_control, task_id, Action.PAUSE, actor=amy.actor)
    entry = Entry(
        tenant="harbour", actor=amy.actor, means="session", action="task.pause", target=task_id, result="200",
        details={},
    )
    await desk.database.write(SYSTEM_SCOPE, audit.append, [entry])
    erased = await house.service().erase(Subject(tenant="harbour", actor=amy.actor), OPERATOR)
    assert erased.unnamed == 2
    assert (await desk.get(task_id)).assignee is None
    assert holding(await house.cells(), amy.actor).keys() <= OF_TENANT_ONLY
    paused = await desk.rows("SELECT data FROM agent_messages WHERE task_id = :id AND seq = 2", id=task_id)
    assert json.loads(paused[0]["data"])["by"] == erasure.ERASED


async def test_others_schedules_assign_nothing_to_them_any_more(house: House) -> None:
    amy, bob = await house.add("harbour", "albatross7f3a"), await house.add("harbour", "cormorant9c1e")
    desk = house.desk
    theirs = [row["id"] for row in await desk.rows("SELECT id FROM schedules") if bob.mark in row["id"]]
    copy = (
        "INSERT INTO schedules (id, tenant, name, cron, timezone, draft, is_enabled, created_at, updated_at) "
        "SELECT :new, :tenant, :new, cron, timezone, :draft, is_enabled, created_at, updated_at "
        "FROM schedules WHERE id = :old"
    )
    for number, (where, assignee) in enumerate([("harbour", amy.mark)] * 3 + [("harbour", "li"), ("far", amy.mark)]):
        draft = json.dumps({"title": "harbour 报告", "assignee": assignee, "cost": 1e16})
        await desk.sql(copy, new=f"s{number}", tenant=where, old=theirs[0], draft=draft)
    erased = await house.service().erase(Subject(tenant="harbour", actor=amy.mark), OPERATOR)
    assert erased.unnamed == 3
    kept = await desk.rows("SELECT id, draft FROM schedules ORDER BY id")
    drafts = {row["id"]: json.loads(row["draft"]) for row in kept if row["id"] not in theirs}
    assert {name: draft.pop("assignee") for name, draft in drafts.items()} == {
        "s0": None, "s1": None, "s2": None, "s3": "li", "s4": amy.mark,
    }
    assert list(drafts.values()) == [{"title": "harbour 报告", "cost": 1e16}] * 5


async def test_each_step_of_an_erasure_takes_no_more_than_it_was_told_to(house: House) -> None:
    amy = await house.add("harbour", "albatross7f3a")
    database, subject = house.desk.database, Subject(tenant="harbour", actor=amy.mark)
    await house.desk.sql("UPDATE tasks SET status = 'pending' WHERE tenant = 'harbour'")
    owned: Belongings = await database.read(SYSTEM_SCOPE, whose.belongings, subject)
    assert owned.task_ids == (amy.task_id,)
    await database.write(amy.scope, erasure.shut_out, subject)
    await database.write(amy.scope, erasure.stop_schedules, owned)
    assert await database.write(amy.scope, erasure.seal, owned, "", is_alone=False) == (None, [])
    assert (await database.write(amy.scope, erasure.delete_rows, owned, "artifacts", None, 1)).rows == 1
    assert (await database.write(amy.scope, erasure.delete_rows, owned, "artifacts", None, 9)).rows == 1
    assert await database.write(amy.scope, erasure.delete_turns, owned, 9) == 0
    assert await database.write(amy.scope, erasure.delete_hidden, owned, 9) == 0
    assert await database.write(amy.scope, erasure.unname, owned, [amy.task_id]) == 0
    assert await database.write(amy.scope, erasure.unassign, owned, 9) == 1
    assert await database.write(amy.scope, erasure.delete_sessions, owned.holders) == 1
    deleted = dict.fromkeys({*erasure.CHILDREN, "tasks"} - {"artifacts", "leases"}, 1)
    assert await database.write(amy.scope, erasure.delete_tasks, [amy.task_id]) == (deleted, [])
    rows = await house.desk.rows("SELECT disabled_at, revoked_at FROM users, api_keys")
    assert None not in rows[0].values()
