"""What an idle WebSocket costs, and how soon an event reaches all watchers of a task.

    python -m bench.sockets [--embedded] [--sockets 2000] [--watchers 500] [--events 40] [--json FILE]

A real server process; clients are plain protocols in this one, all in one loop. `idle` is the
growth of the server's resident memory over many greeted sockets, after a first batch came and
went: without a subscription, and then with one of a task each. An event's time runs from its row's
timestamp, taken in the transaction before it commits, to the client's reading, so it holds the
commit, the wake-up, the reading of the log and the sending to all.
"""

import argparse
import asyncio
import base64
import gc
import json
import resource
import statistics
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import orjson
import psutil

from bench import memory, wire
from bench.figures import AT_MOST, Figure, document, table
from bench.processes import installation
from bench.servers import Servers, servers

CALM_S = 3.0
OPENING_AT_ONCE = 50
WARM_UP = 200
PAUSE_S = 0.25
"""Between events, so that each is measured alone."""


class Client(asyncio.Protocol):
    """A WebSocket client as a browser is one, for unfragmented frames: it offers compression."""

    def __init__(self) -> None:
        self._buffer, self._is_open = b"", False
        self._transport: asyncio.Transport
        self._inflate: Any = None
        self.frames: asyncio.Queue[tuple[dict[str, Any], float]] = asyncio.Queue()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its class
        key = base64.b64encode(b"0123456789abcdef").decode()
        self._transport.write(
            f"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        moment = time.time()
        self._buffer += data
        if not self._is_open:
            head, mark, rest = self._buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                raise RuntimeError(head.decode())
            self._is_open, self._buffer = True, rest
            if b"permessage-deflate" in head:
                self._inflate = zlib.decompressobj(-15)
        while (frame := self._frame()) is not None:
            opcode, content = frame
            if opcode == 1:
                self.frames.put_nowait((orjson.loads(content), moment))
            elif opcode == 9:
                self._write(10, content)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(None)

    def send(self, **message: Any) -> None:
        self._write(1, orjson.dumps(message))

    def close(self) -> None:
        self._transport.close()

    async def until(self, kind: str) -> dict[str, Any]:
        """The next frame of a type. Raises RuntimeError for an error frame."""
        while True:
            frame, _ = await self.frames.get()
            if frame["type"] == kind:
                return frame
            if frame["type"] == "error":
                raise RuntimeError(frame["message"])

    async def event(self, number: int) -> float:
        """The moment, in seconds of the epoch, at which the task's event came."""
        while True:
            frame, moment = await self.frames.get()
            if frame.get("event_id") == number:
                return moment - datetime.fromisoformat(frame["timestamp"]).astimezone(UTC).timestamp()

    def _write(self, opcode: int, content: bytes) -> None:
        size = len(content)
        length = bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2, "big")
        self._transport.write(bytes([0x80 | opcode]) + length + b"\0\0\0\0" + content)

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._buffer
        if len(data) < 2:
            return None
        size, start = data[1] & 0x7F, 2
        if size > 125:
            start = 4 if size == 126 else 10
            if len(data) < start:
                return None
            size = int.from_bytes(data[2:start], "big")
        if len(data) < start + size:
            return None
        self._buffer = data[start + size :]
        content = data[start : start + size]
        if data[0] & 0x40 and self._inflate is not None:
            content = self._inflate.decompress(content + b"\0\0\xff\xff")
        return data[0] & 0x0F, content


@asynccontextmanager
async def connected(port: int, count: int) -> AsyncIterator[list[Client]]:
    """So many greeted sockets."""
    loop, places, clients = asyncio.get_running_loop(), asyncio.Semaphore(OPENING_AT_ONCE), []

    async def one() -> None:
        async with places:
            _, client = await loop.create_connection(Client, "127.0.0.1", port)
            clients.append(client)
            await client.until("system_notification")

    await asyncio.gather(*(one() for _ in range(count)))
    try:
        yield clients
    finally:
        for client in clients:
            client.close()
        await asyncio.gather(*(client.closed for client in clients))


async def idle_kb(
    port: int, process: psutil.Process, count: int, task_ids: Sequence[str]
) -> tuple[float, float]:
    """Kilobytes of resident memory a socket, before and after each follows one of the tasks."""
    before = await _calm_rss(process)
    async with connected(port, count) as clients:
        greeted = await _calm_rss(process) - before
        for number, client in enumerate(clients):
            client.send(type="task_subscribe", task_id=task_ids[number % len(task_ids)])
        await asyncio.gather(*(client.until("task_subscription_confirmed") for client in clients))
        subscribed = await _calm_rss(process) - before
    return greeted / count / 1000, subscribed / count / 1000


async def _calm_rss(process: psutil.Process) -> int:
    await asyncio.sleep(CALM_S)
    return int(process.memory_info().rss)


async def event_ms(port: int, watchers: int, events: int) -> list[list[float]]:
    """For each event, the milliseconds after which each watcher of its task had it."""
    api = await wire.connect(port)
    task = await _waiting_task(api)
    found = []
    async with connected(port, watchers) as clients:
        for client in clients:
            client.send(type="task_subscribe", task_id=task["id"])
        await asyncio.gather(*(client.until("task_subscription_confirmed") for client in clients))
        gc.disable()
        try:
            for number in range(events):
                await asyncio.sleep(PAUSE_S)
                await api.json("PATCH", f"/api/v1/tasks/{task['id']}", {"title": f"event {number}"})
                newest = (await api.json("GET", f"/api/v1/tasks/{task['id']}/events"))["next"]
                async with asyncio.timeout(30):
                    found.append(
                        [1000 * s for s in await asyncio.gather(*(c.event(newest) for c in clients))]
                    )
        finally:
            gc.enable()
    return found


async def _waiting_task(api: wire.Wire) -> dict[str, Any]:
    body = {"title": "watched", "description": "waits", "team": "zero_work", "delay_s": 86_400}
    task: dict[str, Any] = await api.json("POST", "/api/v1/tasks", body)
    return task


async def _measure(
    port: int, process: psutil.Process, *, sockets: int, watchers: int, events: int
) -> Sequence[Figure]:
    async with connected(port, WARM_UP):  # first uses of everything are not a socket's cost
        pass
    api = await wire.connect(port)
    task_ids = [(await _waiting_task(api))["id"] for _ in range(100)]
    kb, subscribed_kb = await idle_kb(port, process, sockets, task_ids)
    times = await event_ms(port, watchers, events)
    everything = [value for row in times for value in row]
    p50, p99 = statistics.median(everything), statistics.quantiles(everything, n=100)[98]
    last = statistics.median(max(row) for row in times)
    return [
        Figure(name=f"one of {sockets} idle sockets", ours=kb, unit="kB", wanted=AT_MOST, bound=60),
        Figure(name=f"one of {sockets} idle sockets that follow a task", ours=subscribed_kb, unit="kB"),
        Figure(name=f"event to each of {watchers} watchers, p50", ours=p50, unit="ms"),
        Figure(
            name=f"event to each of {watchers} watchers, p99", ours=p99, unit="ms", wanted=AT_MOST, bound=300
        ),
        Figure(name=f"event to the last of {watchers} watchers, median", ours=last, unit="ms"),
    ]


def _run(port: int, process: psutil.Process, sizes: dict[str, int]) -> Sequence[Figure]:
    import uvloop

    wanted = 2 * max(sizes["sockets"], sizes["watchers"]) + 200
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, most), most))
    return uvloop.run(_measure(port, process, **sizes))


def measure(
    running: Servers, *, sockets: int = 2000, watchers: int = 500, events: int = 40
) -> Sequence[Figure]:
    """The figures of a replica over PostgreSQL and Redis; see the module."""
    with installation(running) as made:
        program, port = made.serve()
        sizes = {"sockets": sockets, "watchers": watchers, "events": events}
        return _run(port, program.tree()[-1], sizes)


def measure_embedded(**sizes: int) -> Sequence[Figure]:
    """The same of the embedded server."""
    with tempfile.TemporaryDirectory() as folder, memory.server(Path(folder)) as (process, address, _):
        return _run(int(address.rpartition(":")[2]), process, sizes)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sockets", description=__doc__)
    parser.add_argument("--embedded", action="store_true")
    for name, size in (("sockets", 2000), ("watchers", 500), ("events", 40)):
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sizes = {name: getattr(options, name) for name in ("sockets", "watchers", "events")}
    if options.embedded:
        told, figures = {}, measure_embedded(**sizes)
    else:
        with servers() as running:
            told, figures = running.describe(), measure(running, **sizes)
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(document(figures, servers=told), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
