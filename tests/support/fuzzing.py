"""A whole server of ours to be attacked: real sockets, a working team, an admin's key, and some history.

Hides how it is started on SQLite, and on PostgreSQL with Redis. Callers: the tests that fuzz the API and
that inject into it, and `python -m tests.support.fuzzing`. Invariant: everything lives in the directory
and the databases of the caller, and has ended when the block is left.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
from tests.support.servers import postgres, redis
from tests.support.teams import Scene

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.bootstrap import serving
from langgraph_multi_agent.bootstrap.identities import operator_services
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.telemetry.logs import configure_logs

ROOT: Final = Path(__file__).resolve().parents[2]
STREAM = "GET /api/v1/tasks/{task_id}/events/stream"
"""It has no end of its own, which schemathesis would wait for; `test_api_fuzz` reads it by itself."""
UNLIMITED = "9999999/second"
PASSWORD = "correct horse battery"
SETTLE_S = 60.0
"""Until the worker has done what the history takes: milliseconds, unless something is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A running server.

    Attributes:
        key, key_id: of an admin; `key_id` is what nobody may revoke while it is attacked.
        document: its OpenAPI description.
        known: of each operation, by its label: values of its fields with which it finds something.
    """

    url: str
    settings: Settings
    key: str = field(repr=False)
    key_id: str
    client: httpx.AsyncClient
    document: dict[str, Any]
    known: Mapping[str, Mapping[str, str]]


def environment_of(directory: Path, *, backend: str) -> dict[str, str]:
    """Variables of a server whose limits let through whoever is let in. Backend: sqlite or postgresql."""
    environment = {
        "LGMA_DATA_DIR": str(directory / "data"),
        "ENABLE_AUTH": "true",
        "MEMORY_MONITORING": "false",
        "RATE_LIMIT": UNLIMITED,
        "RATE_LIMIT_FAILURES": UNLIMITED,
        "RATE_LIMIT_LOGIN": UNLIMITED,
        "CHAT_MESSAGES_PER_MINUTE": "9999999",
        "PAUSE_GRACE": "0.5",
        "SHUTDOWN_GRACE": "0.5",
    }
    if backend == "postgresql":
        environment |= {
            "DATABASE_URL": postgres().url(postgres().create_database()),
            "REDIS_URL": redis().url(2),
            "QUEUE_REDIS_URL": redis().url(3),
        }
    return environment


@asynccontextmanager
async def open_stage(directory: Path, *, backend: str = "sqlite", **more: str) -> AsyncIterator[Stage]:
    """A server with a history: a task that ended with files, one that asks, a paused one, a schedule, a chat."""
    settings = Settings.load(environment_of(directory, backend=backend) | more)
    async with operator_services(settings) as operator:
        made = await operator.identities.create_key(DEFAULT_SCOPE, name="fuzz", role=Role.ADMIN)
    headers = {"authorization": f"Bearer {made.secret}", "accept-language": "en"}
    teams = {"default": Scene().team()}
    async with (
        serving(settings, host="127.0.0.1", port=0, teams=teams) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=SETTLE_S) as client,
    ):
        known = await _history(client)
        yield Stage(
            url=url,
            settings=settings,
            key=made.secret,
            key_id=made.key.id,
            client=client,
            document=(await client.get("/openapi.json")).json(),
            known=known,
        )


async def _history(client: httpx.AsyncClient) -> dict[str, dict[str, str]]:
    async def post(path: str, **request: Any) -> dict[str, Any]:
        answer = await client.post(path, **request)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def until(task_id: str, status: str) -> dict[str, Any]:
        async with asyncio.timeout(SETTLE_S):
            while True:
                task: dict[str, Any] = (await client.get(f"/api/v1/tasks/{task_id}")).json()
                if task["status"] == status:
                    return task
                await asyncio.sleep(0.01)

    files = {"files": ("sales.csv", b"day,amount\n1,2\n", "text/csv")}
    script = '{"plan": [{"id": "a", "do": [["save", "note.txt", "words"]]}, {"id": "b", "needs": ["a"]}]}'
    ended = (await post("/api/v1/tasks", data={"description": "sum it up", "input_data": script}, files=files))["id"]
    asking = {"description": "ask me", "input_data": {"clarify": ["which?"]}}
    asks = (await post("/api/v1/tasks", json=asking))["id"]
    waiting = {}
    for action in ("cancel", "pause", "resume", "retry", "complete", "delete", "remove"):
        delayed = {"description": "later", "delay_s": 86_400}
        waiting[action] = (await post("/api/v1/tasks", json=delayed))["id"]
    await post(f"/api/v1/tasks/{waiting['resume']}/pause")
    await post(f"/api/v1/tasks/{waiting['retry']}/cancel")
    schedules = []
    for name in ("daily", "weekly"):
        schedule = {"name": name, "cron": "0 9 * * *", "task": {"description": "count"}}
        schedules.append((await post("/api/v1/schedules", json=schedule))["id"])
    await post("/api/v1/mvp2/chat/messages", json={"content": "which tasks failed?"})
    for name in ("li", "wang"):
        await post("/api/v1/users", json={"name": name, "password": PASSWORD})
    key_id = (await post("/api/v1/keys", json={"name": "another"}))["id"]
    await until(ended, "completed")
    await until(asks, "waiting_input")
    checkpoints = (await client.get(f"/api/v1/tasks/{ended}/checkpoints")).json()["checkpoints"]
    question = (await client.get(f"/api/v1/tasks/{asks}/questions")).json()["questions"][0]["id"]
    return known_of(
        ended=ended,
        asks=asks,
        waiting=waiting,
        schedules=schedules,
        question_id=question,
        checkpoint_id=checkpoints[0]["id"],
        agent="worker_a",
        key_id=key_id,
    )


def known_of(
    *,
    ended: str,
    asks: str,
    waiting: Mapping[str, str],
    schedules: Sequence[str],
    question_id: str,
    checkpoint_id: str,
    agent: str,
    key_id: str,
) -> dict[str, dict[str, str]]:
    """Of each operation values with which it finds something.

    Args:
        ended, asks: tasks with files, and with an open question.
        waiting: by what may be done with it: tasks of which nobody is at work.
        schedules: one to look at, and one to delete.
    """
    task, mvp2 = "/api/v1/tasks/{task_id}", "/api/v1/mvp2/tasks/{task_id}"
    about_ended = {
        f"{method} {path}": {"task_id": ended}
        for method, path in (
            *(("GET", f"{task}/{name}") for name in ("plan", "events", "artifacts")),
            *(("GET", f"{task}/{name}") for name in ("spans", "executions", "checkpoints")),
            *(("PATCH", task), ("GET", task), ("GET", mvp2), ("PUT", mvp2), ("POST", f"{task}/reopen")),
        )
    }
    controls = {f"POST {task}/{action}": {"task_id": task_id} for action, task_id in waiting.items()}
    one = "/api/v1/schedules/{schedule_id}"
    return {
        **about_ended,
        **controls,
        STREAM: {"task_id": ended},
        f"DELETE {task}": {"task_id": waiting["delete"]},
        f"DELETE {mvp2}": {"task_id": waiting["remove"]},
        f"GET {task}/questions": {"task_id": asks},
        f"POST {task}/answer": {"task_id": asks, "question_id": question_id, "text": "the first"},
        f"GET {task}/artifacts/{{name}}": {"task_id": ended, "name": "note.txt"},
        f"GET {task}/checkpoints/{{checkpoint_id}}": {"task_id": ended, "checkpoint_id": checkpoint_id},
        **{label: {"schedule_id": schedules[0]} for label in (f"GET {one}", f"PATCH {one}", f"POST {one}/run")},
        f"DELETE {one}": {"schedule_id": schedules[1]},
        "PATCH /api/v1/users/{name}": {"name": "li"},
        "POST /api/v1/auth/login": {"name": "wang", "password": PASSWORD},
        "DELETE /api/v1/keys/{key_id}": {"key_id": key_id},
        "POST /api/v1/system/agents/reset": {"agent": agent},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """What came of it: the report of schemathesis, and how often each operation was answered how."""

    is_clean: bool
    report: str
    calls: Mapping[str, Counter[int]]


MORE_STATUSES = ["410", "413", "414", "416", "421"]
"""By which we refuse, beside those that schemathesis knows."""
CONFIGURATION = """
[generation]
database = "none"

[checks]
negative_data_rejection = {{ expected-statuses = {refusals} }}
positive_data_acceptance = {{ expected-statuses = {acceptances} }}
"""


async def fuzz(
    stage: Stage, directory: Path, *, phases: str, seed: int, examples: int = 10, only: Sequence[str] = ()
) -> Fuzzed:
    """Run schemathesis in a process of its own over the whole description.

    Args:
        phases: of schemathesis: examples, coverage, fuzzing, stateful.
        examples: for each operation, in the last two.
        only: further arguments, such as `--include-operation-id get_task`.
    """
    # Slow to import, and of no use to who only wants a stage.
    from schemathesis.config._checks import (
        NEGATIVE_DATA_REJECTION_EXPECTED_STATUSES,
        POSITIVE_DATA_ACCEPTANCE_EXPECTED_STATUSES,
    )
    from tests.support.fuzz_rules import CALLS_VARIABLE, KEY_VARIABLE, KNOWN_VARIABLE

    calls = directory / "calls"
    calls.touch()
    configuration = directory / "schemathesis.toml"
    refusals = [*NEGATIVE_DATA_REJECTION_EXPECTED_STATUSES, *MORE_STATUSES]
    acceptances = [*POSITIVE_DATA_ACCEPTANCE_EXPECTED_STATUSES, "410", "416"]
    configuration.write_text(CONFIGURATION.format(refusals=json.dumps(refusals), acceptances=json.dumps(acceptances)))
    words = ["--config-file", str(configuration), "run", f"{stage.url}/openapi.json", "--checks", "all"]
    words += ["--phases", phases, "--seed", str(seed), "--max-examples", str(examples)]
    words += ["-H", f"Authorization: Bearer {stage.key}", "-H", "X-Requested-With: fuzz"]
    words += ["--exclude-path", STREAM.partition(" ")[2], "--request-timeout", str(int(SETTLE_S))]
    words += ["--continue-on-failure", "--suppress-health-check", "all", "--no-color", *only]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "schemathesis.cli"),
        *words,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
            "SCHEMATHESIS_HOOKS": "tests.support.fuzz_rules",
            KEY_VARIABLE: stage.key_id,
            CALLS_VARIABLE: str(calls),
            KNOWN_VARIABLE: json.dumps(stage.known),
        },
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        report, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    answered: dict[str, Counter[int]] = {}
    for line in calls.read_text().splitlines():
        label, status = json.loads(line)
        answered.setdefault(label, Counter())[status] += 1
    return Fuzzed(is_clean=process.returncode == 0, report=report.decode(errors="replace"), calls=answered)


async def by_hand(arguments: Sequence[str]) -> int:
    """`python -m tests.support.fuzzing BACKEND PHASES EXAMPLES SEED [arguments of schemathesis …]`."""
    backend, phases, examples, seed, *more = arguments
    with TemporaryDirectory(prefix="lgma-fuzz-") as place:
        directory = Path(place)
        with (directory / "server.log").open("w") as log:
            configure_logs(level="WARNING", stream=log)
            async with open_stage(directory, backend=backend) as stage:
                done = await fuzz(
                    stage, directory, phases=phases, seed=int(seed), examples=int(examples), only=more
                )
        print(done.report)
        for label, counts in sorted(done.calls.items()):
            print(label, dict(counts))
        print((directory / "server.log").read_text()[-20_000:])
    return 0 if done.is_clean else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(by_hand(sys.argv[1:])))
