"""The whole API, asked from its own description by schemathesis: it answers as it says it does.

Every check of schemathesis is on. What is treated specially, and why:

| operation | how | why |
|---|---|---|
| `GET …/tasks/{task_id}/events/stream` | read here until its first chunk, then left | it has no end to wait for |
| `DELETE /api/v1/keys/{key_id}` | never with the id of the key in use | all that follows would be 401 |
| refusals of what fits the description | by field and code in `fuzz_rules.BEYOND_…` | no schema can say it |
| forms that are taken, though a type is wrong | not counted | all that a form holds is text |

By hand: `python -m tests.support.fuzzing sqlite fuzzing,stateful 200 SEED`, and the same with `postgresql`.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.fuzzing import STREAM, Fuzzed, Stage, fuzz, open_stage
from tests.support.injections import payloads

# Thousands of requests of one kind: counting lines would double their time and show nothing new.
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900), pytest.mark.no_cover]

SEED = 20261122
"""What is found by chance is looked for by hand; here it has to be the same each time."""
OF_PEOPLE = {"POST /api/v1/auth/password", "POST /api/v1/auth/logout-everywhere"}
"""They are for users, and who asks here is a key: 409 is the best there is."""


def labels(document: Mapping[str, Any]) -> set[str]:
    return {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}


def check(stage: Stage, done: Fuzzed) -> None:
    assert done.is_clean, done.report
    assert set(done.calls) == labels(stage.document) - {STREAM}


async def test_every_operation_is_reached_and_answers_as_it_is_described(tmp_path: Path) -> None:
    """The examples and every edge of every schema, valid and not: the same cases each time."""
    async with open_stage(tmp_path) as stage:
        done = await fuzz(stage, tmp_path, phases="examples,coverage", seed=SEED)
        check(stage, done)
        unreached = {label for label, counts in done.calls.items() if not any(200 <= status < 300 for status in counts)}
        assert unreached <= OF_PEOPLE
        assert sum(sum(counts.values()) for counts in done.calls.values()) > 2_000


@pytest.mark.thorough
@pytest.mark.servers
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_random_requests_and_chains_of_them_are_answered_as_described(tmp_path: Path, backend: str) -> None:
    async with open_stage(tmp_path, backend=backend) as stage:
        phases = "fuzzing,stateful" if backend == "sqlite" else "examples,coverage,fuzzing"
        check(stage, await fuzz(stage, tmp_path, phases=phases, seed=SEED, examples=8))


async def test_a_stream_answers_as_described_whatever_it_is_asked(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        method, template = STREAM.split(" ")
        operation = stage.document["paths"][template][method.lower()]
        inputs = {(parameter["in"], parameter["name"]) for parameter in operation["parameters"]}
        assert inputs == {("path", "task_id"), ("query", "after"), ("header", "Last-Event-ID")}
        known = stage.known[STREAM]["task_id"]
        words = ["0", "1", "99999999999", "-1", "1.5", "", "9" * 30, *payloads(tmp_path).values()]

        async def ask(task_id: str, *, after: str | None, last: str | None) -> str | None:
            params = {} if after is None else {"after": after}
            headers = {} if last is None else {"Last-Event-ID": last.encode()}
            url = template.replace("{task_id}", task_id)
            async with asyncio.timeout(60), stage.client.stream(method, url, params=params, headers=headers) as answer:
                described = operation["responses"].get(str(answer.status_code))
                kind = answer.headers.get("content-type", "").partition(";")[0]
                if described is None or (kind and kind not in described.get("content", {})):
                    return f"{task_id} {after!r} {last!r}: {answer.status_code} {kind}"
                first = await anext(answer.aiter_bytes(), b"")
                if answer.status_code == 200:
                    assert first.startswith(b"retry: ")
                elif first:
                    assert json.loads(first)["status"] == answer.status_code
                return None

        headers = [word for word in words if word.isascii() and word.isprintable()]
        faults = [await ask(known, after=word, last=None) for word in words]
        faults += [await ask(known, after=None, last=word) for word in headers]
        faults += [await ask("none", after=None, last=None), await ask("%00", after="0", last="0")]
        assert [fault for fault in faults if fault] == []
