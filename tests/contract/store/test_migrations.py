"""Upgrades: from every revision with its data, whole or not at all, once however many start."""

import io
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, inspect, text
from structlog.testing import capture_logs
from tests.support.engines import DIALECTS, empty_database
from tests.support.stores import LEASE, ManualClock, counting_ids, draft, patient_postgres, query

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.errors import DependencyUnavailable, SettingsUnsafe
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import Action, TaskStatus
from langgraph_multi_agent.store import (
    claims,
    decisions,
    events,
    identities,
    journal,
    leases,
    migration,
    postgres,
    runs,
    schema,
    submissions,
    tasks,
)
from langgraph_multi_agent.store.database import Database, SqliteDatabase
from langgraph_multi_agent.store.decisions import question_key
from langgraph_multi_agent.store.tasks import TaskFilter

REVISIONS = [script.revision for script in ScriptDirectory(str(migration.SCRIPTS)).walk_revisions()][::-1]
WRITTEN = datetime(2026, 2, 1, 8, tzinfo=UTC)
QUESTION = "1/ask/1/1"


@pytest.fixture(params=DIALECTS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with empty_database(request.param, tmp_path) as engine:
        yield engine


def opened(engine: Engine) -> Database:
    """The store's units over the database that the engine names, with a clock by hand."""
    if engine.dialect.name == "sqlite":
        return SqliteDatabase(Path(str(engine.url.database)), clock=ManualClock(), new_id=counting_ids())
    url = engine.url.render_as_string(hide_password=False)
    return patient_postgres(url, connections=4, clock=ManualClock(), new_id=counting_ids())


def fill(engine: Engine) -> dict[str, str]:
    """Rows of a database in use, whatever its revision: one task in each status, by status."""
    tables = MetaData()
    with engine.connect() as connection:
        tables.reflect(connection)
        ids = {}
        for number, status in enumerate(TaskStatus, 1):
            task_id = ids[status.value] = f"00000000-0000-7000-9000-{number:012d}"
            _fill_task(connection, tables, task_id, status)
        fixed = {"tenant": "default", "created_at": WRITTEN}
        _insert(connection, tables, "agent_resets", tenant="default", agent="analyst", count=2, reset_at=WRITTEN)
        fixed["created_at"] = ManualClock().now() - timedelta(hours=1)
        key = {**fixed, "key": "again", "body_hash": "h", "task_id": ids["pending"]}
        _insert(connection, tables, "idempotency_keys", **key)
    return ids


def _fill_task(connection: Any, tables: MetaData, task_id: str, status: TaskStatus) -> None:
    fixed = {"tenant": "default", "task_id": task_id, "created_at": WRITTEN}
    has_run = status is not TaskStatus.PENDING
    _insert(
        connection, tables, "tasks",
        id=task_id, tenant="default", title=f"{status} 任务", description="d", priority=2, team="default",
        language="zh", status=status.value, progress=100 if status is TaskStatus.COMPLETED else 0,
        input_data={"n": 1}, files=[], budget={}, cost={}, created_at=WRITTEN, updated_at=WRITTEN,
        run_at=WRITTEN, started_at=WRITTEN if has_run else None, epoch=int(has_run), last_seq=3,
        protocol_version=1, result={"summary": "完成"} if status is TaskStatus.COMPLETED else None,
    )  # fmt: skip
    for seq, kind in enumerate((EventType.TASK_SUBMITTED, EventType.TASK_STARTED, EventType.TASK_UPDATED), 1):
        data = {"n": seq, "text": "事件"}
        _insert(connection, tables, "agent_messages", seq=seq, type=kind.value, data=data, **fixed)
    step = {"epoch": 1, "input_hash": "0" * 64, "version": 1, **fixed}
    _insert(connection, tables, "journal", key="1/meta/understand", result={"goal": "g"}, **step)
    if status is TaskStatus.WAITING_INPUT:
        _insert(connection, tables, "journal", key=question_key(1, QUESTION), result={"text": "?"}, **step)
    run = {"generation": 1, "epoch": 1, "worker": "w0", "status": status.value, **fixed}
    if has_run:
        _insert(connection, tables, "workflow_executions", id=task_id, **run)
    if status is TaskStatus.IN_PROGRESS:
        ended = WRITTEN + timedelta(seconds=6)
        lease = {"tenant": "default", "task_id": task_id, "epoch": 1, "owner": "w0", "expires_at": ended}
        _insert(connection, tables, "leases", **lease)
    place = {"thread_id": task_id, "checkpoint_ns": "", "checkpoint_id": "c1"}
    _insert(connection, tables, "checkpoints", type="msgpack", checkpoint=b"\x80", metadata=b"{}", **place)
    write = {"task_id": "t", "idx": 0, "channel": "plan", "type": "msgpack", "value": b"\xc0", **place}
    _insert(connection, tables, "writes", **write)


def _insert(connection: Any, tables: MetaData, table: str, **values: Any) -> None:
    """By the columns of that revision, with the product's types for JSON and times."""
    today = schema.metadata.tables[table].c
    columns = tables.tables[table].c
    assert set(values) <= set(columns.keys())
    for name in values:
        columns[name].type = today[name].type if name in today else columns[name].type
    connection.execute(tables.tables[table].insert(), values)


@pytest.mark.parametrize("revision", REVISIONS)
async def test_after_an_upgrade_from_any_revision_everything_written_before_is_read(
    engine: Engine, revision: str
) -> None:
    migration.upgrade(engine, revision=revision)
    ids = fill(engine)
    assert migration.upgrade(engine) == (revision != migration.HEAD)
    database = opened(engine)
    try:
        found = await database.read(DEFAULT_SCOPE, tasks.list_tasks, TaskFilter(), limit=50, after=None)
        assert {task.id: task.status.value for task in found} == {ids[status]: status for status in ids}
        task = await database.read(DEFAULT_SCOPE, tasks.get, ids["completed"])
        assert (task.title, task.created_at, task.result) == ("completed 任务", WRITTEN, {"summary": "完成"})
        for task_id in ids.values():
            log = await database.read(DEFAULT_SCOPE, events.after, task_id, 0, limit=10)
            assert [(event.seq, event.data["text"]) for event in log] == [(1, "事件"), (2, "事件"), (3, "事件")]
            (entry, digest), *_ = await database.read(WORKER_SCOPE, journal.load, task_id, 1)
            assert (entry.key, entry.result, digest) == ("1/meta/understand", {"goal": "g"}, None)
        everything = await database.read(SYSTEM_SCOPE, events.after_cursor, "0.0", limit=100)
        assert len(everything) == 3 * len(ids)
        rows = await database.read(
            SYSTEM_SCOPE, query, "SELECT checkpoint, value FROM checkpoints JOIN writes USING (thread_id)", {}
        )
        assert [(bytes(row["checkpoint"]), bytes(row["value"])) for row in rows] == [(b"\x80", b"\xc0")] * len(ids)
    finally:
        await database.close()


@pytest.mark.parametrize("revision", REVISIONS)
async def test_after_an_upgrade_work_goes_on_where_it_was(engine: Engine, revision: str) -> None:
    migration.upgrade(engine, revision=revision)
    ids = fill(engine)
    migration.upgrade(engine)
    database = opened(engine)
    try:
        # The worker of before is gone, the person answers now, and a key sent again is the same task.
        assert await database.write(WORKER_SCOPE, leases.reclaim, all_leases=False) == [ids["in_progress"]]
        again, is_replay = await database.write(
            DEFAULT_SCOPE, submissions.submit, "00000000-0000-7000-9000-999999999999", draft(),
            queue_size=100, idempotency_key="again", body_hash="h",
        )  # fmt: skip
        assert (again.id, is_replay) == (ids["pending"], True)
        answered = await database.write(
            DEFAULT_SCOPE, decisions.answer, ids["waiting_input"], QUESTION, {"text": "是"}, actor="li", input_hash="h"
        )
        assert answered.status is TaskStatus.PENDING
        claimed = await database.write(
            WORKER_SCOPE, claims.claim, "w1", limit=10, lease=LEASE, teams={"default": "1"}
        )
        assert {item.task.id for item in claimed} == {ids["pending"], ids["in_progress"], ids["waiting_input"]}
        for item in claimed:
            ending = runs.Ending(action=Action.COMPLETE, result={"summary": "ok"})
            status = await database.write(WORKER_SCOPE, runs.finish, item.task.id, item.epoch, ending)
            assert status is TaskStatus.COMPLETED
            log = await database.read(DEFAULT_SCOPE, events.after, item.task.id, 0, limit=50)
            assert [event.seq for event in log] == list(range(1, len(log) + 1))
            assert log[-1].type is EventType.TASK_COMPLETED
        # Old events come first in the log of all tasks, whatever transaction ids they had.
        stream = await database.read(SYSTEM_SCOPE, events.after_cursor, "0.0", limit=200)
        assert [event.data.get("text") for event in stream[: 3 * len(ids)]] == ["事件"] * 3 * len(ids)
    finally:
        await database.close()


async def test_names_that_are_alike_outlive_the_upgrade_that_gives_names_a_key(engine: Engine) -> None:
    migration.upgrade(engine, revision="0008")
    names = ["wu", "Admin", "admin", "ＡDMIN", "аdmin", "李 伟"]
    tables = MetaData()
    with engine.connect() as connection:
        tables.reflect(connection)
        for number, name in enumerate(names):
            _insert(
                connection, tables, "users", id=f"u{number}", tenant=f"t{number}", name=name, role=4,
                password_hash="h", created_at=WRITTEN, updated_at=WRITTEN,
            )  # fmt: skip
    with capture_logs() as logs:
        migration.upgrade(engine)
    told = [(line["name"], line["older"]) for line in logs if line["event"] == "users.alike"]
    assert told == [("admin", "Admin"), ("ＡDMIN", "Admin")]
    database = opened(engine)
    try:
        for number, name in enumerate(names):
            found = await database.read(SYSTEM_SCOPE, identities.user_of_name, name)
            assert found is not None
            assert (found.id, found.name, found.tenant) == (f"u{number}", name, f"t{number}")
    finally:
        await database.close()


TWO_STEPS = {
    "0001": """
        def upgrade():
            op.create_table("installation", sa.Column("name", sa.String(64), primary_key=True),
                sa.Column("value", sa.Text()), sa.Column("created_at", sa.DateTime()))
            op.create_table("things", sa.Column("id", sa.Integer(), primary_key=True))
        """,
    "0002": """
        def upgrade():
            op.add_column("things", sa.Column("colour", sa.Text()))
            op.execute("INSERT INTO things (id, colour) VALUES (1, 'red')")
            stop()
            op.create_table("more_things", sa.Column("id", sa.Integer(), primary_key=True))

        def stop():
            pass
        """,
}


def revisions(directory: Path, bodies: dict[str, str], **facts: str) -> Path:
    """A directory of revisions in order; `facts` are their `compatible_from`, `rev_0002="0002"`."""
    versions = directory / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    earlier = None
    for number, body in bodies.items():
        head = (
            "import os, signal, time\nimport sqlalchemy as sa\nfrom alembic import op\n"
            f"revision = {number!r}\ndown_revision = {earlier!r}\n"
            f"compatible_from = {facts.get(f'rev_{number}', '0001')!r}\n"
        )
        (versions / f"rev_{number}.py").write_text(head + textwrap.dedent(body))
        earlier = number
    return directory


def tables_of(engine: Engine) -> dict[str, list[str]]:
    with engine.connect() as connection:
        inspector = inspect(connection)
        return {name: [c["name"] for c in inspector.get_columns(name)] for name in inspector.get_table_names()}


def test_an_upgrade_killed_half_way_leaves_nothing_of_it_and_the_next_start_goes_on(
    engine: Engine, tmp_path: Path
) -> None:
    scripts = revisions(tmp_path / "killed", {**TWO_STEPS, "0002": TWO_STEPS["0002"].replace(
        "        pass", "        os.kill(os.getpid(), signal.SIGKILL)")})  # fmt: skip
    migration.upgrade(engine, revision="0001", scripts=scripts, program="0001")
    before = tables_of(engine)
    program = """
        import sys
        from pathlib import Path
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool
        from langgraph_multi_agent.store import migration
        engine = create_engine(sys.argv[1], poolclass=NullPool, isolation_level="AUTOCOMMIT")
        migration.upgrade(engine, scripts=Path(sys.argv[2]), program="0002")
        """
    url = engine.url.render_as_string(hide_password=False)
    argv = [sys.executable, "-c", textwrap.dedent(program), url, str(scripts)]
    killed = subprocess.run(argv, check=False, timeout=60, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    assert tables_of(engine) == before
    with engine.connect() as connection:
        assert migration.current_revision(connection) == "0001"
    whole = revisions(tmp_path / "whole", TWO_STEPS)
    assert migration.upgrade(engine, scripts=whole, program="0002")
    assert {*tables_of(engine)} == {"alembic_version", "installation", "things", "more_things"}
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id, colour FROM things")).all() == [(1, "red")]


def test_of_several_that_start_at_once_one_migrates_and_all_find_it_done(engine: Engine, tmp_path: Path) -> None:
    slow = TWO_STEPS["0002"].replace("        pass", "        time.sleep(0.5)")
    scripts = revisions(tmp_path / "slow", {**TWO_STEPS, "0002": slow})
    program = """
        import sys
        from pathlib import Path
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool
        from langgraph_multi_agent.store import migration
        engine = create_engine(sys.argv[1], poolclass=NullPool, isolation_level="AUTOCOMMIT")
        print("ready", flush=True)
        sys.stdin.readline()
        print(migration.upgrade(engine, scripts=Path(sys.argv[2]), program="0002"))
        """
    url = engine.url.render_as_string(hide_password=False)
    argv = [sys.executable, "-c", textwrap.dedent(program), url, str(scripts)]
    # Processes: threads of one would wait for each other before they come to the database.
    started = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        told = [process.communicate(timeout=60) for process in started]
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert [(process.returncode, errors) for process, (_, errors) in zip(started, told, strict=True)] == [(0, "")] * 3
    assert {out for out, _ in told} <= {"True\n", "False\n"}
    assert "True\n" in {out for out, _ in told}
    with engine.connect() as connection:
        assert migration.current_revision(connection) == "0002"
        assert connection.execute(text("SELECT count(*) FROM things")).scalar() == 1


def test_a_program_works_on_a_newer_schema_that_says_it_may(engine: Engine, tmp_path: Path) -> None:
    scripts = revisions(tmp_path / "expand", TWO_STEPS, rev_0002="0001")
    migration.upgrade(engine, scripts=scripts, program="0002")
    with capture_logs() as logs:
        assert not migration.upgrade(engine, scripts=scripts, program="0001")
    assert [(log["event"], log["log_level"]) for log in logs] == [("database newer than program", "warning")]
    with engine.connect() as connection:
        assert migration.current_revision(connection) == "0002"
        assert migration.compatible_from(connection) == "0001"


def test_a_program_too_old_for_the_schema_is_refused_and_leaves_it_alone(engine: Engine, tmp_path: Path) -> None:
    scripts = revisions(tmp_path / "contract", TWO_STEPS, rev_0002="0002")
    migration.upgrade(engine, scripts=scripts, program="0002")
    with pytest.raises(SettingsUnsafe) as refused:
        migration.upgrade(engine, scripts=scripts, program="0001")
    assert refused.value.params == {"setting": "DATABASE_URL", "reason": "database_newer", "value": "0002"}
    with engine.connect() as connection:
        assert migration.current_revision(connection) == "0002"


def test_a_newer_database_that_does_not_say_who_may_use_it_is_refused(engine: Engine) -> None:
    migration.upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.exec_driver_sql("DELETE FROM installation")
    with pytest.raises(SettingsUnsafe) as refused:
        migration.upgrade(engine)
    assert refused.value.params["reason"] == "database_newer"


def test_how_old_a_program_may_be_never_falls_back(engine: Engine, tmp_path: Path) -> None:
    third = "def upgrade():\n    op.add_column('things', sa.Column('size', sa.Text()))\n"
    scripts = revisions(tmp_path / "three", {**TWO_STEPS, "0003": third}, rev_0002="0002", rev_0003="0001")
    migration.upgrade(engine, scripts=scripts, program="0003")
    with engine.connect() as connection:
        assert migration.compatible_from(connection) == "0002"


def test_a_lock_that_is_not_to_be_had_ends_the_upgrade_without_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "LOCK_TIMEOUT_MS", 50)
    monkeypatch.setattr(migration, "LOCK_TRIES", 2)
    scripts = revisions(tmp_path / "locked", TWO_STEPS)
    with empty_database("postgresql", tmp_path) as engine:
        migration.upgrade(engine, revision="0001", scripts=scripts, program="0002")
        with engine.connect() as holder:
            holder.exec_driver_sql("BEGIN")
            holder.exec_driver_sql("LOCK TABLE things IN ACCESS SHARE MODE")
            with pytest.raises(DependencyUnavailable):
                migration.upgrade(engine, scripts=scripts, program="0002")
            # Those who queued behind it were served: nobody waits for the table any more.
            with engine.connect() as reader:
                assert reader.exec_driver_sql("SELECT count(*) FROM things").scalar() == 0
            holder.exec_driver_sql("ROLLBACK")
        assert migration.upgrade(engine, scripts=scripts, program="0002")


def test_what_queued_behind_a_migration_has_its_turn_before_it_would_be_refused() -> None:
    assert 0 < migration.LOCK_TIMEOUT_MS < postgres.LOCK_TIMEOUT_MS


INDEX = """
    from langgraph_multi_agent.store.migrations.indexes import build_index
    is_transactional = False

    def upgrade():
        build_index("idx_things_colour", "things", ["colour"])
    """


def valid_indexes(engine: Engine) -> list[tuple[str, bool]]:
    found = "SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indrelid = 'things'::regclass"
    with engine.connect() as connection:
        return [(name, valid) for name, valid in connection.exec_driver_sql(f"{found} AND NOT indisprimary")]


def test_an_index_of_a_big_table_is_built_once_by_several_starters(engine: Engine, tmp_path: Path) -> None:
    scripts = revisions(tmp_path / "index", {**TWO_STEPS, "0003": INDEX})
    migration.upgrade(engine, revision="0002", scripts=scripts, program="0003")
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(migration.upgrade, engine, scripts=scripts, program="0003") for _ in range(3)]
        results = [future.result(timeout=60) for future in futures]
    assert any(results)
    with engine.connect() as connection:
        assert migration.current_revision(connection) == "0003"
        assert [index["name"] for index in inspect(connection).get_indexes("things")] == ["idx_things_colour"]


def test_an_index_that_a_killed_build_left_behind_is_built_anew(tmp_path: Path) -> None:
    scripts = revisions(tmp_path / "index", {**TWO_STEPS, "0003": INDEX})
    with empty_database("postgresql", tmp_path) as engine:
        migration.upgrade(engine, revision="0002", scripts=scripts, program="0003")
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE INDEX idx_things_colour ON things (colour)")
            connection.exec_driver_sql(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_things_colour'::regclass"
            )
        assert valid_indexes(engine) == [("idx_things_colour", False)]
        assert migration.upgrade(engine, scripts=scripts, program="0003")
        assert valid_indexes(engine) == [("idx_things_colour", True)]


CONTRACTING = re.compile(
    r"""DROP\ TABLE | DROP\ COLUMN | RENAME | \bALTER\ COLUMN\ \S+\ (TYPE|SET\ NOT\ NULL|DROP\ DEFAULT)
    | ADD\ COLUMN\ (?!.*DEFAULT).*NOT\ NULL | ADD\ CONSTRAINT | CREATE\ UNIQUE\ INDEX""",
    re.VERBOSE,
)


ADDING_EMPTY = r"ALTER TABLE \S+ ADD COLUMN (\S+) (?!.*(?:NOT NULL|DEFAULT)).*"


def _is_of_these_alone(statement: str, added: set[str]) -> bool:
    """A unique index over columns that a program of before leaves empty: NULLs are never alike."""
    match = re.fullmatch(r"CREATE UNIQUE INDEX \S+ ON \S+ \(([^)]*)\)", statement)
    return match is not None and set(match[1].split(", ")) <= added


def contractions(script: Any) -> list[str]:
    """Statements of a revision after which a program of the one before may fail, on PostgreSQL."""
    written = io.StringIO()
    opts = {"as_sql": True, "output_buffer": written}
    context = MigrationContext.configure(dialect_name="postgresql", opts=opts)
    with Operations.context(context):
        script.module.upgrade()
    statements = [" ".join(part.split()) for part in written.getvalue().split(";")]
    new = {match[1] for part in statements if (match := re.match(r"CREATE TABLE (\S+)", part))}
    tables = [part for part in statements if not part.startswith("ALTER INDEX")]  # no program names an index
    added = {match[1] for part in statements if (match := re.fullmatch(ADDING_EMPTY, part))}
    tables = [part for part in tables if not _is_of_these_alone(part, added)]
    return [part for part in tables if CONTRACTING.search(part) and not any(f" {name} " in part for name in new)]


def unannounced(scripts: Path) -> dict[str, list[str]]:
    """Revisions that contract without raising `compatible_from`, with the statements."""
    found: dict[str, list[str]] = {}
    oldest = ""
    for script in reversed(list(ScriptDirectory(str(scripts)).walk_revisions())):
        has_raised = script.module.compatible_from > oldest
        oldest = max(oldest, script.module.compatible_from)
        if (statements := contractions(script)) and not has_raised:
            found[script.revision] = statements
    return found


def test_every_revision_says_how_old_a_program_may_be_and_none_contracts_in_silence() -> None:
    for script in ScriptDirectory(str(migration.SCRIPTS)).walk_revisions():
        assert script.module.compatible_from <= script.revision
    assert unannounced(migration.SCRIPTS) == {}


@pytest.mark.parametrize(
    "change",
    [
        'op.drop_column("things", "colour")',
        'op.drop_table("things")',
        'op.alter_column("things", "colour", new_column_name="color")',
        'op.rename_table("things", "items")',
        'op.alter_column("things", "colour", type_=sa.Integer())',
        'op.alter_column("things", "colour", nullable=False)',
        'op.alter_column("things", "colour", server_default=None)',
        'op.add_column("things", sa.Column("weight", sa.Integer(), nullable=False))',
        'op.create_check_constraint("ck_colour", "things", "colour > \'a\'")',
        'op.create_index("uq_colour", "things", ["colour"], unique=True)',
        'op.add_column("things", sa.Column("k", sa.Text())); op.create_index("u", "things", ["id", "k"], unique=True)',
        (
            'op.add_column("things", sa.Column("k", sa.Text(), server_default="")); '
            'op.create_index("u", "things", ["k"], unique=True)'
        ),
    ],
)
def test_the_rule_sees_each_kind_of_contraction(tmp_path: Path, change: str) -> None:
    bodies = {**TWO_STEPS, "0003": f"def upgrade():\n    {change}\n"}
    assert list(unannounced(revisions(tmp_path / "silent", bodies))) == ["0003"]
    assert unannounced(revisions(tmp_path / "said", bodies, rev_0003="0003")) == {}


@pytest.mark.parametrize(
    "change",
    [
        'op.add_column("things", sa.Column("weight", sa.Integer(), server_default="0", nullable=False))',
        'op.add_column("things", sa.Column("weight", sa.Integer()))',
        'op.create_index("idx_colour", "things", ["colour"])',
        'op.create_table("boxes", sa.Column("id", sa.Integer(), nullable=False))',
        'op.add_column("things", sa.Column("key", sa.Text())); op.create_index("uq", "things", ["key"], unique=True)',
    ],
)
def test_the_rule_lets_expansions_pass(tmp_path: Path, change: str) -> None:
    bodies = {**TWO_STEPS, "0003": f"def upgrade():\n    {change}\n"}
    assert unannounced(revisions(tmp_path / "expands", bodies)) == {}
