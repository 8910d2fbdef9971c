"""The server as the CLI sees it: HTTP calls with deadlines, and live events that survive a cut line.

Hides httpx, server-sent events and reconnecting. Callers: all commands that touch tasks. Invariant:
a follower sees every event once, in order; every failure is a `Trouble`, never a library's error.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import httpx

from langgraph_multi_agent.cli.exits import Exit, Refusal, Trouble
from langgraph_multi_agent.cli.picture import StreamEvent
from langgraph_multi_agent.i18n import text

CONNECT_S = 10.0
ANSWER_S = 60.0
"""Longest wait for an answer; pause and cancel wait for the work to stop (PAUSE_GRACE)."""
SILENCE_S = 45.0
"""A stream that does not even send a keep-alive for so long is cut and opened again."""
GIVE_UP_S = 30.0
"""How long a follower tries to reach a server that has gone."""


LAST_EVENTS = frozenset({"task.completed", "task.failed", "task.cancelled", "task.deleted"})
"""After one of these a stream that ends is over, not cut."""


class Client:
    """The API of one server. Use it as an asynchronous context manager.

    Args:
        base_url: such as `http://127.0.0.1:8000`.
        language: of the server's messages and of the tasks that are submitted.
        key: shown to the server; redirects are not followed, so nobody else gets it.
    """

    def __init__(self, base_url: str, *, language: str, key: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        credential = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.AsyncClient(
            base_url=self.base_url,
            headers={"Accept-Language": language, "User-Agent": "lgma", **credential},
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def submit(self, fields: Mapping[str, Any], files: Sequence[Path] = ()) -> dict[str, Any]:
        """Submit a task once, however often the line is cut meanwhile.

        Args:
            fields: of the API's task, JSON values.
            files: inputs; sent under their plain names.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        for attempt in (1, 2):
            try:
                return await self._submit(fields, files, headers)
            except Trouble as trouble:
                if attempt == 2 or trouble.code != "SERVER_LOST":
                    raise
        raise AssertionError("unreachable")

    async def _submit(
        self, fields: Mapping[str, Any], files: Sequence[Path], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        if not files:
            return await self._json("POST", "/api/v1/tasks", json=fields, headers=headers)
        form = {
            name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in fields.items()
        }
        with _opened(files) as parts:
            return await self._json("POST", "/api/v1/tasks", data=form, files=parts, headers=headers)

    async def task(self, task_id: str) -> dict[str, Any]:
        return await self._json("GET", _task_path(task_id))

    async def tasks(self, **query: Any) -> dict[str, Any]:
        """One page: `{tasks, next}`."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return await self._json("GET", "/api/v1/tasks", params=wanted)

    async def plan(self, task_id: str) -> dict[str, Any] | None:
        """The newest plan; None before there is one."""
        try:
            found = await self._json("GET", _task_path(task_id, "plan"))
        except Refusal as refusal:
            if refusal.http_status == 404 and refusal.code != "TASK_NOT_FOUND":
                return None
            raise
        return found if found.get("subtasks") else None

    async def events(self, task_id: str, *, after: int = 0) -> list[StreamEvent]:
        """All events so far with `seq > after`."""
        found: list[StreamEvent] = []
        while True:
            page = await self._json("GET", _task_path(task_id, "events"), params={"after": after})
            events = [StreamEvent.of(item) for item in page["events"]]
            found += events
            last = events[-1].seq if events else None
            if last is None or last <= after:
                return found
            after = last

    async def follow(self, task_id: str, *, after: int = 0) -> AsyncIterator[StreamEvent]:
        """Events with `seq > after`, then live, until the task is over.

        A cut connection, and a server that goes down, is tried again from the last event seen; one
        that stays away for 30 s ends it with `Trouble("SERVER_LOST")`.
        """
        loop = asyncio.get_running_loop()
        give_up, pause, is_over = loop.time() + GIVE_UP_S, 0.1, False
        while True:
            try:
                async with self._stream(task_id, after) as response:
                    if response.status_code == httpx.codes.NO_CONTENT:
                        return
                    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                        raise httpx.RemoteProtocolError("the server goes down")
                    await _raise_for(response)
                    async for event in _sse_events(response.aiter_bytes()):
                        give_up, pause = loop.time() + GIVE_UP_S, 0.1
                        if event.type == "problem":
                            raise Refusal(event.data)
                        if event.seq is not None:
                            if event.seq <= after:
                                continue
                            after, is_over = event.seq, event.type in LAST_EVENTS
                        yield event
                if is_over:
                    return
            except (httpx.TransportError, httpx.StreamError):
                pass
            if loop.time() > give_up:
                raise Trouble("SERVER_LOST", Exit.UNREACHABLE, url=self.base_url)
            await asyncio.sleep(pause)
            pause = min(2.0, 2 * pause)

    def _stream(self, task_id: str, after: int) -> AbstractAsyncContextManager[httpx.Response]:
        return self._http.stream(
            "GET",
            _task_path(task_id, "events/stream"),
            headers={"Accept": "text/event-stream", "Last-Event-ID": str(after)},
            timeout=httpx.Timeout(SILENCE_S, connect=CONNECT_S),
        )

    async def artifacts(self, task_id: str) -> list[dict[str, Any]]:
        found = await self._json("GET", _task_path(task_id, "artifacts"))
        return list(found["artifacts"])

    async def download(self, task_id: str, name: str, target: Path) -> None:
        """Write one file of a task: complete or not at all."""
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            async with self._http.stream("GET", _task_path(task_id, f"artifacts/{quote(name, safe='')}")) as response:
                await _raise_for(response)
                with partial.open("wb") as file:
                    async for chunk in response.aiter_bytes():
                        file.write(chunk)
            partial.replace(target)
        except httpx.TransportError:
            raise Trouble("SERVER_LOST", Exit.UNREACHABLE, url=self.base_url) from None
        except OSError as error:
            raise Trouble("CANNOT_WRITE", path=str(target), reason=error.strerror or str(error)) from None
        finally:
            with suppress(OSError):  # of a name that was too long to begin with
                partial.unlink(missing_ok=True)

    async def act(self, task_id: str, verb: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """`cancel`, `pause`, `resume`, `retry`; the task as it is then."""
        return await self._json("POST", _task_path(task_id, verb), json=body)

    async def questions(self, task_id: str) -> list[dict[str, Any]]:
        """The questions that wait for an answer now."""
        found = await self._json("GET", _task_path(task_id, "questions"))
        return list(found["questions"])

    async def answer(self, task_id: str, question_id: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one question with `{"text"}` or `{"approved"}`."""
        return await self.act(task_id, "answer", {"question_id": question_id, **value})

    async def delete(self, task_id: str) -> None:
        await self._json("DELETE", _task_path(task_id))

    async def agents(self) -> list[dict[str, Any]]:
        found = await self._json("GET", "/api/v1/system/agents/status")
        return list(found["agents"])

    async def reset_agent(self, agent: str) -> dict[str, Any]:
        return await self._json("POST", "/api/v1/system/agents/reset", json={"agent": agent})

    async def schedules(self) -> list[dict[str, Any]]:
        """All schedules, by name."""
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": 500}
        while True:
            page = await self._json("GET", "/api/v1/schedules", params=query)
            found += page["schedules"]
            if not page["next"]:
                return found
            query["cursor"] = page["next"]

    async def add_schedule(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return await self._json("POST", "/api/v1/schedules", json=fields)

    async def change_schedule(self, schedule_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        return await self._json("PATCH", f"/api/v1/schedules/{schedule_id}", json=fields)

    async def remove_schedule(self, schedule_id: str) -> None:
        await self._json("DELETE", f"/api/v1/schedules/{schedule_id}")

    async def run_schedule(self, schedule_id: str) -> dict[str, Any]:
        """The task that it submitted."""
        return await self._json("POST", f"/api/v1/schedules/{schedule_id}/run")

    async def retention_plan(self) -> dict[str, Any]:
        return await self._json("GET", "/api/v1/admin/retention")

    async def run_retention(self) -> dict[str, Any]:
        """What one bounded run deleted; run again while it is not complete."""
        return await self._json("POST", "/api/v1/admin/retention")

    async def _json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            response = await self._http.request(method, path, **more)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise Trouble("SERVER_UNREACHABLE", Exit.UNREACHABLE, url=self.base_url) from None
        except httpx.TimeoutException:
            raise Trouble("SERVER_SILENT", Exit.TIMED_OUT, url=self.base_url, seconds=ANSWER_S) from None
        except httpx.TransportError:
            raise Trouble("SERVER_LOST", Exit.UNREACHABLE, url=self.base_url) from None
        await _raise_for(response)
        if response.status_code == httpx.codes.NO_CONTENT or not response.content:
            return {}
        try:
            value = response.json()
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Trouble("NOT_OUR_SERVER", Exit.UNREACHABLE, url=self.base_url)
        return value


def _task_path(task_id: str, rest: str = "") -> str:
    path = f"/api/v1/tasks/{quote(task_id, safe='')}"
    return f"{path}/{rest}" if rest else path


async def _raise_for(response: httpx.Response) -> None:
    if response.is_success:
        return
    await response.aread()
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {}
    known = {"status": response.status_code, "title": response.reason_phrase, **problem}
    raise Refusal({**known, **_what_to_do(response)})


def _what_to_do(response: httpx.Response) -> dict[str, str]:
    """Where the server did not let us in: its words are for browsers and programs, not for this one."""
    has_key = "authorization" in response.request.headers
    if response.status_code == httpx.codes.UNAUTHORIZED:
        key = "cli.hint.refused_key" if has_key else "cli.hint.no_key"
    elif response.status_code == httpx.codes.FORBIDDEN and has_key:
        key = "cli.hint.no_permission"
    else:
        return {}
    return {"hint": text(key, response.request.headers["accept-language"])}


@contextmanager
def _opened(paths: Sequence[Path]) -> Iterator[list[tuple[str, tuple[str, BinaryIO]]]]:
    """Input files open for a multipart body, closed at the end."""
    with ExitStack() as stack:
        yield [("files", (path.name, stack.enter_context(path.open("rb")))) for path in paths]


async def _sse_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[StreamEvent]:
    """Parse server-sent events (WHATWG HTML, section 9.2.6), data being our JSON."""
    fields: dict[str, list[str]] = {}
    async for line in _lines(chunks):
        if line:
            name, _, value = line.partition(":")
            if name:
                fields.setdefault(name, []).append(value.removeprefix(" "))
            continue
        data = "\n".join(fields.get("data", ()))
        kind = fields.get("event", [""])[-1]
        fields = {}
        if not data:
            continue
        try:
            value = json.loads(data)
        except ValueError:
            continue
        if isinstance(value, Mapping):
            yield StreamEvent.of(value, kind=kind)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Lines ended by LF or CRLF only: text may hold U+2028 and others that `splitlines` breaks at."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode("utf-8", "replace")
