"""An installation of many real processes, and the blows that the fault tests deal it.

Hides servers, environments, logs, process ids and the outside view of the database. Callers: the
fault tests and `make chaos`. Invariant: whatever a fault does, everything is bounded in time, only
own processes are signalled, and all of them have ended when the fleet is closed.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NoReturn, Self

import httpx
import psutil
import psycopg
from tests.support.invariants import History, check_postgres
from tests.support.proxy import TcpProxy
from tests.support.servers import DURABLE, PostgresServer, RedisServer, free_port

ROOT: Final = Path(__file__).resolve().parents[2]
CLOCK: Final = Path(__file__).with_name("clock")
TEAM: Final = "tests.support.fleet_team:counted"
READY_S: Final = 120.0
STOP_S: Final = 90.0
PATIENCE_S: Final = 120.0
"""What hangs on a machine that stands still for seconds; what is awaited takes moments."""
POLL_S: Final = 0.05
TERMINAL: Final = ("completed", "failed", "cancelled")
_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None)


class FleetFailed(AssertionError):
    """Something did not happen in its time; the text ends with what the processes logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One line that an agent wrote: `what` is began, ended or stopped; `at_s` is seconds of the epoch."""

    what: str
    task_id: str
    subtask_id: str
    attempt: int
    pid: int
    at_s: float


@dataclass(slots=True)
class Program:
    """One `lgma …`. For a worker `pid` is its supervisor's and `child` the process that works."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    clock: Path
    postgres: TcpProxy | None = None
    redis: TcpProxy | None = None
    port: int = 0
    """Where an API listens; 0 for a worker."""

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def tree(self) -> list[psutil.Process]:
        """The process and those below it, oldest first."""
        try:
            top = psutil.Process(self.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def find_child(self) -> int | None:
        """The process id of a worker's working process, None while there is none; an API's own id."""
        if self.port:
            return self.pid
        for process in self.tree()[1:]:
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if "--process" in process.cmdline():
                    return process.pid
        return None

    @property
    def child(self) -> int:
        """As `find_child`. Raises FleetFailed where there is none."""
        found = self.find_child()
        if found is None:
            raise FleetFailed(f"{self.name} has no child: {self.logged()}")
        return found

    def lone_pids(self) -> list[int]:
        """Processes for suspects below this worker."""
        found = []
        for process in self.tree()[1:]:
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if "--lone" in process.cmdline():
                    found.append(process.pid)
        return found

    def kill(self) -> None:
        """SIGKILL to all of it, as when a machine is gone: the supervisor first, it starts nothing anew."""
        for process in self.tree():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(STOP_S)

    def kill_child(self) -> None:
        """SIGKILL to the working process; its supervisor replaces it."""
        os.kill(self.child, signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP to the working process."""
        os.kill(self.child, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.child, signal.SIGCONT)

    def terminate(self) -> None:
        """SIGTERM to the top, as a service manager does; does not wait."""
        self.process.terminate()

    def wait(self, timeout_s: float = STOP_S) -> int:
        """Its exit code. Raises FleetFailed: it did not end."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise FleetFailed(f"{self.name} does not end: {self.logged()}") from error

    def shift_clock(self, seconds: float) -> None:
        """Move the wall clock of its Python processes, at once and in one jump; monotonic time goes on."""
        with self.clock.open("r+b") as file:
            file.write(struct.pack("<d", seconds))

    def logged(self, characters: int = 3000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""


@dataclass(slots=True, kw_only=True)
class Submission:
    """What came of submitting: ids that a 202 confirmed, by idempotency key, and keys without an answer."""

    accepted: dict[str, str] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    retried: int = 0
    """Requests whose answer was lost or refused, and that were sent again under their key."""

    @property
    def ids(self) -> list[str]:
        return list(self.accepted.values())


class Fleet:
    """PostgreSQL (fsync on), Redis, APIs and workers, each worker a supervisor with one child.

    Args:
        settings: environment variables of all processes, e.g. {"SHUTDOWN_GRACE": "1"}.
        proxied: each process reaches PostgreSQL and Redis through proxies of its own,
            `program.postgres` and `program.redis`.
        appendonly: Redis keeps its data over restarts.
    """

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        proxied: bool = False,
        appendonly: bool = False,
        postgres_settings: Mapping[str, str] | None = None,
    ) -> None:
        self._settings, self._proxied = dict(settings or {}), proxied
        self._stack = ExitStack()
        self.postgres = PostgresServer({**DURABLE, "max_connections": "200", **(postgres_settings or {})})
        self.redis = RedisServer(appendonly=appendonly)
        self.database = ""
        self.directory = Path()
        self.programs: list[Program] = []
        self._token = uuid.uuid4().hex
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def __enter__(self) -> Self:
        try:
            self.directory = Path(self._stack.enter_context(TemporaryDirectory(prefix="lgma-fleet-")))
            self._stack.enter_context(self.postgres)
            self._stack.enter_context(self.redis)
            self.database = self.postgres.create_database()
            (self.directory / "executions").touch()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process, also orphans of killed ones, then the servers."""
        try:
            own = self._own_processes()
            for process in own:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            for program in self.programs:
                program.process.wait(STOP_S)
            give_up = time.monotonic() + STOP_S
            while any(map(is_alive, own)) and time.monotonic() < give_up:
                time.sleep(POLL_S)
            if self._connection is not None:
                self._connection.close()
        finally:
            self._stack.close()

    def _own_processes(self) -> list[psutil.Process]:
        """By the mark in their environment; supervisors first, so that nothing is started anew."""
        found = [process for program in self.programs for process in program.tree()]
        known = {process.pid for process in found}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid not in known and process.environ().get("FLEET_TOKEN") == self._token:
                    found.append(process)
        return found

    # Processes

    def serve(self, *, is_awaited: bool = True, **settings: str) -> Program:
        """An API replica without a worker, ready unless not awaited."""
        port = free_port()
        words = ("serve", "--no-worker", "--host", "127.0.0.1", "--port", str(port))
        # At INFO an API writes a line a request, which hides what matters.
        program = self._start(words, {"LOG_LEVEL": "WARNING"} | settings, port=port)
        if is_awaited:
            self.await_ready(program)
        return program

    def work(self, *, is_awaited: bool = True, **settings: str) -> Program:
        """A worker with one process, ready unless not awaited."""
        program = self._start(("worker", "--processes", "1"), settings)
        if is_awaited:
            self.await_ready(program)
        return program

    def complete(self, *, apis: int, workers: int) -> None:
        """Start what is missing of so many of each, and wait until all that run are ready."""
        while len(self.apis) < apis:
            self.serve(is_awaited=False)
        while len(self.workers) < workers:
            self.work(is_awaited=False)
        self.await_ready(*self.apis, *self.workers)

    def await_ready(self, *programs: Program, timeout_s: float = READY_S) -> None:
        """Until APIs answer and workers have said that they claim. Start several, then await them together."""
        for program in programs:
            self.until(lambda p=program: self._is_ready(p), f"{program.name} ready", timeout_s=timeout_s)  # type: ignore[misc]

    def _is_ready(self, program: Program) -> bool:
        if not program.is_running:
            raise FleetFailed(f"{program.name} ended with {program.process.returncode}: {program.logged()}")
        if not program.port:
            return (child := program.find_child()) is not None and f"-{child}-" in program.logged(100_000)
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{program.port}/ready", timeout=30).status_code == 200
        return False

    def _start(self, words: Sequence[str], settings: Mapping[str, str], *, port: int = 0) -> Program:
        name = f"{words[0]}-{len(self.programs)}"
        home = self.directory / name
        home.mkdir()
        clock, log = home / "clock", home / "log"
        clock.write_bytes(bytes(8))
        proxies = (None, None)
        if self._proxied:
            proxies = tuple(
                self._stack.enter_context(TcpProxy(server.address)) for server in (self.postgres, self.redis)
            )  # type: ignore[assignment]
        environment = self._environment(home, *proxies) | self._settings | dict(settings)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "langgraph_multi_agent", *words],
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no lock
            )
        program = Program(name, process, log, clock, *proxies, port=port)
        self.programs.append(program)
        return program

    def _environment(self, home: Path, postgres: TcpProxy | None, redis: TcpProxy | None) -> dict[str, str]:
        foreign = ("LLM_", "LGMA_", "DATABASE_", "REDIS_", "QUEUE_REDIS_", "PYTEST_", "COV_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        via = redis.address if redis else None
        return kept | {
            "DATABASE_URL": self.postgres.url(self.database, via=postgres.address if postgres else None),
            "REDIS_URL": self.redis.url(0, via=via),
            "QUEUE_REDIS_URL": self.redis.url(1, via=via),
            "DATABASE_POOL_SIZE": "10",
            "DATABASE_MAX_OVERFLOW": "0",
            "ARTIFACTS_URL": (self.directory / "artifacts").as_uri(),
            "LGMA_DATA_DIR": str(home / "data"),
            "LGMA_TEAMS": TEAM,
            "LOG_LEVEL": "INFO",
            "LOG_FORMAT": "json",
            "TASK_QUEUE_SIZE": "100000",
            "MAX_CONCURRENT_WORKFLOWS": "50",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(CLOCK), str(ROOT / "src"), str(ROOT)]),
            "CLOCK_SHIFT": str(home / "clock"),
            "FLEET_EXECUTIONS": str(self.directory / "executions"),
            "FLEET_TOKEN": self._token,
        }

    @property
    def apis(self) -> list[Program]:
        return [program for program in self.programs if program.port and program.is_running]

    @property
    def workers(self) -> list[Program]:
        return [program for program in self.programs if not program.port and program.is_running]

    # Tasks

    def submit(
        self,
        count: int,
        *,
        via: Sequence[Program] = (),
        connections: int = 8,
        timeout_s: float = PATIENCE_S,
        patience: bool = True,
        **input_data: Any,
    ) -> list[str]:
        """Submit tasks; the ids that a 202 confirmed. Raises FleetFailed when some were never answered."""
        done = self.submission(count, via=via, connections=connections, timeout_s=timeout_s, **input_data)
        if done.open and patience:
            raise FleetFailed(f"{len(done.open)} of {count} submits never answered; {self.troubles()}")
        return done.ids

    def submission(
        self,
        count: int,
        *,
        via: Sequence[Program] = (),
        connections: int = 8,
        timeout_s: float = PATIENCE_S,
        during: Callable[[int], None] | None = None,
        **input_data: Any,
    ) -> Submission:
        """Submit with one idempotency key a task, and again under the same key after every error.

        Args:
            via: the APIs, in turn; all that run if none is named.
            during: called after each 202 with how many there are.
            input_data: see `fleet_team`.
        """
        ports = [program.port for program in (via or self.apis)]
        done = Submission(open={uuid.uuid4().hex for _ in range(count)})
        body = {"title": "fault", "description": "a task", "team": "zero_work", "input_data": input_data}
        asyncio.run(_submit_all(done, ports, body, connections, time.monotonic() + timeout_s, during))
        return done

    def until_all_ended(self, ids: Iterable[str], timeout_s: float = PATIENCE_S) -> float:
        """Wait until all are at an end; the seconds it took. Raises FleetFailed."""
        wanted = list(ids)
        return self.until(
            lambda: self.count(wanted, *TERMINAL) == len(wanted), f"{len(wanted)} tasks ended", timeout_s=timeout_s
        )

    def count(self, ids: Collection[str], *statuses: str) -> int:
        """How many of these tasks are in one of these statuses."""
        asked = "SELECT count(*) FROM tasks WHERE id = ANY(%s) AND status = ANY(%s)"
        return int(self.query(asked, list(ids), list(statuses))[0][0])

    def held_by(self, child: int) -> dict[str, int]:
        """Tasks whose lease the process with this id has, and their epochs."""
        asked = "SELECT task_id, epoch FROM leases WHERE owner LIKE %s"
        return {task_id: epoch for task_id, epoch in self.query(asked, f"%-{child}-%")}

    def taken_over(self, ids: Collection[str], child: int) -> int:
        """How many of these tasks have a lease of another process than that one."""
        asked = "SELECT count(*) FROM leases WHERE task_id = ANY(%s) AND owner NOT LIKE %s"
        return int(self.query(asked, list(ids), f"%-{child}-%")[0][0])

    @contextlib.contextmanager
    def hold(self) -> Iterator[str]:
        """Tasks with `held=` the yielded value are in flight until the block ends, however slow the machine is."""
        gate = self.directory / f"gate-{uuid.uuid4().hex}"
        gate.touch()
        try:
            yield str(gate)
        finally:
            gate.unlink()

    def until_renewed(self, ids: Collection[str], times: int = 2) -> None:
        """Until each lease of these tasks, which are held, was renewed so often: its owner's heart goes on beating."""
        asked = "SELECT expires_at FROM leases WHERE task_id = ANY(%s)"
        latest: list[Any] = []
        for _ in range(times + 1):

            def renewed() -> bool:
                found = [expires_at for (expires_at,) in self.query(asked, list(ids))]
                if len(found) < len(ids) or (latest and min(found) <= latest[-1]):
                    return False
                latest.append(max(found))
                return True

            self.until(renewed, "the leases were renewed")

    def gather(self, worker: Program, count: int, *, timeout_s: float = PATIENCE_S, **input_data: Any) -> list[str]:
        """Submit tasks that this worker alone claims; returns when all of them have begun there.

        The other workers must be idle: they are stopped meanwhile. Tasks with `held` are all in flight
        there then, others may have ended on a slow machine.
        """
        others = [program for program in self.workers if program is not worker]
        for program in others:
            program.freeze()
        try:
            ids = self.submit(count, **input_data)
            child, wanted = worker.child, set(ids)

            def begun() -> set[str]:
                return {line.task_id for line in self.executions() if line.pid == child and line.what == "began"}

            self.until(
                lambda: wanted <= begun() and ("held" not in input_data or wanted <= self.held_by(child).keys()),
                f"{count} tasks began at {worker.name}",
                timeout_s=timeout_s,
            )
        finally:
            for program in others:
                program.thaw()
        return ids

    # What can be seen from outside

    def until(
        self, is_so: Callable[[], bool], what: str, *, timeout_s: float = PATIENCE_S, poll_s: float = POLL_S
    ) -> float:
        """Poll until true; the seconds it took. Raises FleetFailed with the logs."""
        began = time.monotonic()
        while not is_so():
            if time.monotonic() - began > timeout_s:
                raise FleetFailed(f"not within {timeout_s} s: {what}; {self.troubles()}")
            time.sleep(poll_s)
        return time.monotonic() - began

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """One statement from outside, in autocommit; reconnects once.

        Raises:
            psycopg.OperationalError: PostgreSQL is down.
        """
        for is_last in (False, True):
            if self._connection is None or self._connection.closed:
                self._connection = self.postgres.connect(self.database)
            try:
                cursor = self._connection.execute(statement.encode(), values or None)
                return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                self._connection.close()
                if is_last:
                    raise
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Nobody reads or writes a table inside the block; all who wanted to go on in the same moment."""
        with self.postgres.connect(self.database) as connection, connection.transaction():
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            yield

    def waiting_for_locks(self) -> int:
        """How many connections wait for a lock of somebody else's."""
        asked = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(self.query(asked)[0][0])

    def change(self, statement: str, *values: Any) -> int:
        """What an operator types; the number of rows it changed."""
        with self.postgres.connect(self.database) as connection:
            return connection.execute(statement.encode(), values or None).rowcount

    def now(self) -> Any:
        """The database's clock."""
        return self.query("SELECT clock_timestamp()")[0][0]

    def written_bytes(self) -> int:
        """Size of the largest file that its programs write beside artifacts: their logs and notes."""
        files = [self.directory / "executions", *(program.log for program in self.programs)]
        return max(file.stat().st_size for file in files if file.exists())

    def executions(self) -> list[Execution]:
        """What the agents wrote down, in order."""
        lines = (self.directory / "executions").read_text().splitlines()
        return [
            Execution(
                what=what, task_id=task, subtask_id=subtask, attempt=int(attempt), pid=int(pid), at_s=int(at) / 1e9
            )
            for what, task, subtask, attempt, pid, at in (line.split() for line in lines)
        ]

    def ran_again(self, ids: Collection[str]) -> list[str]:
        """Subtasks that began after their result had been journalled: finished work done twice."""
        asked = (
            "SELECT task_id, split_part(key, '/', 3), split_part(key, '/', 4)::int, created_at FROM journal"
            " WHERE task_id = ANY(%s) AND key LIKE '1/subtask/%%'"
        )
        durable = {tuple(step): at.timestamp() for *step, at in self.query(asked, list(ids))}
        return [
            f"{line.task_id} {line.subtask_id}"
            for line in self.executions()
            if line.what == "began"
            and line.at_s > durable.get((line.task_id, line.subtask_id, line.attempt), line.at_s)
        ]

    def restarts_s(self, ids: Collection[str], since: Any = None) -> list[float]:
        """Seconds until each task's second run began: since a moment, or since its first run ended."""
        asked = (
            "SELECT extract(epoch FROM b.created_at - coalesce(%s::timestamptz, a.completed_at))::float8"
            " FROM workflow_executions a JOIN workflow_executions b ON b.task_id = a.task_id AND b.epoch = a.epoch + 1"
            " WHERE a.task_id = ANY(%s) AND a.epoch = 1"
        )
        return [seconds for (seconds,) in self.query(asked, since, list(ids))]

    def written_under(self, owned: Mapping[str, int], *, since: Any) -> int:
        """How many steps of these runs, by task and epoch, were journalled after a moment."""
        asked = (
            "SELECT count(*) FROM journal JOIN unnest(%s::text[], %s::int[]) AS run (task_id, epoch)"
            " USING (task_id, epoch) WHERE created_at > %s"
        )
        return int(self.query(asked, list(owned), list(owned.values()), since)[0][0])

    def check(self, ids: Iterable[str], **more: Any) -> History:
        """The invariants over these tasks, from outside. Raises FleetFailed when one does not hold."""
        return self.judge(self.history(ids, **more))

    def judge(self, history: History) -> History:
        """A clean history. Raises FleetFailed for any other."""
        if not history.is_clean:
            self.fail(str(history))
        return history

    def fail(self, reason: str) -> NoReturn:
        """Raises FleetFailed with the state of everything."""
        raise FleetFailed(f"{reason}\n{self.troubles()}")

    def history(self, ids: Iterable[str], **more: Any) -> History:
        """The same without judging; see `invariants.check_postgres`."""
        wanted = list(ids)
        return check_postgres(self.postgres.url(self.database), wanted, ran_again=self.ran_again(wanted), **more)

    def troubles(self) -> str:
        """What is where, and the ends of all logs."""
        parts = []
        with suppress(psycopg.Error):
            parts.append(str(self.query("SELECT status, count(*) FROM tasks GROUP BY status")))
        parts += [f"--- {one.name} ({one.process.poll()}):\n{one.logged(2000)}" for one in self.programs]
        return "\n".join(parts)


def is_alive(process: psutil.Process) -> bool:
    """Whether it still does anything; an orphan may stay a zombie until init looks after it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def has_ended(pid: int) -> bool:
    """The same of a process that may be gone."""
    try:
        return not is_alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


async def _submit_all(
    done: Submission,
    ports: Sequence[int],
    body: Mapping[str, Any],
    connections: int,
    give_up: float,
    during: Callable[[int], None] | None,
) -> None:
    left = list(done.open)

    async def one(client: httpx.AsyncClient, turn: int) -> None:
        while left:
            key = left.pop()
            while time.monotonic() < give_up:
                turn += 1
                pause_s = 0.1
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.post(
                        f"http://127.0.0.1:{ports[turn % len(ports)]}/api/v1/tasks",
                        json=body,
                        headers={"Idempotency-Key": key},
                    )
                    if answer.status_code == 202:
                        done.accepted[key] = answer.json()["id"]
                        done.open.discard(key)
                        if during is not None:
                            during(len(done.accepted))
                        break
                    if answer.status_code not in (429, 500, 502, 503, 504):
                        raise FleetFailed(f"{answer.status_code}: {answer.text[:500]}")
                    pause_s = min(1.0, float(answer.headers.get("Retry-After", pause_s)))
                done.retried += 1
                await asyncio.sleep(pause_s)

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=connections)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client, asyncio.TaskGroup() as group:
        for turn in range(min(connections, len(left))):
            group.create_task(one(client, turn))
