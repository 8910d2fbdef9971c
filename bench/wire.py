"""A light HTTP client over keep-alive connections, so that the harness is not what is measured.

Callers: the production benches. Invariant: one request at a time on a connection.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson

TERMINAL = frozenset({"task.completed", "task.failed", "task.cancelled"})


@dataclass(slots=True)
class Wire:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    more: str = ""
    """Header lines of every request."""

    async def request(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Status and body."""
        await self._send(method, path, body)
        status, headers = await self._head()
        if headers.get(b"transfer-encoding") == b"chunked":
            return status, b"".join([chunk async for chunk in self._chunks()])
        length = int(headers.get(b"content-length", b"0"))
        return status, await self.reader.readexactly(length) if length else b""

    async def json(self, method: str, path: str, body: Any = None) -> Any:
        """The parsed body. Raises RuntimeError for a status of 400 and more."""
        status, answer = await self.request(method, path, body)
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {answer[:300]!r}")
        return orjson.loads(answer)

    async def events(self, task_id: str) -> AsyncIterator[tuple[str, float]]:
        """Types of a task's events as they come, each with its moment, to the end of the stream."""
        await self._send("GET", f"/api/v1/tasks/{task_id}/events/stream", None)
        status, _ = await self._head()
        if status != 200:
            raise RuntimeError(f"the stream answered {status}")
        async for chunk in self._chunks():
            moment = time.perf_counter()
            for line in chunk.split(b"\n"):
                if line.startswith(b"event: "):
                    yield line[7:].decode().strip(), moment

    async def _send(self, method: str, path: str, body: Any) -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{self.more}"
        if body is None:
            self.writer.write(f"{head}\r\n".encode())
        else:
            content = orjson.dumps(body)
            fields = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
            self.writer.write(f"{head}{fields}".encode() + content)

    async def _head(self) -> tuple[int, dict[bytes, bytes]]:
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in lines)
        return int(first.split(b" ", 2)[1]), headers

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int((await self.reader.readline()).strip(), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readline()

    def close(self) -> None:
        self.writer.close()


async def connect(port: int, *, key: str = "") -> Wire:
    """A connection to this machine's port, with an API key for a server that asks who one is."""
    more = f"Authorization: Bearer {key}\r\n" if key else ""
    return Wire(*await asyncio.open_connection("127.0.0.1", port), more)


def zero_work(**input_data: Any) -> dict[str, Any]:
    """The body of a task of `bench.teams`."""
    return {"title": "bench", "description": "a task", "team": "zero_work", "input_data": input_data}


async def submit(port: int, count: int, body: dict[str, Any], *, connections: int = 16) -> list[str]:
    """Submit tasks as fast as they are taken; their ids."""
    ids: list[str] = []
    left = iter(range(count))

    async def one() -> None:
        wire = await connect(port)
        for _ in left:
            task = await wire.json("POST", "/api/v1/tasks", body)
            ids.append(task["id"])
        wire.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(min(count, connections)):
            group.create_task(one())
    return ids


def quantile(values: list[float], part: float) -> float:
    """A quantile by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(part * len(ordered)) - 1))]
