"""No name from outside reads or writes a file outside: not in an address, an upload, an import or a download.

Requests go over raw sockets, since client libraries tidy addresses up. A file with unique words lies outside
of the data directory; what lies there is compared before and after.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from structlog.testing import capture_logs
from tests.support.hostile_paths import is_plain, on_the_wire, paths
from tests.support.nginx import Nginx
from tests.support.server import Desk, open_desk, serving
from tests.support.stores import open_postgres
from uuid_utils import uuid7

from langgraph_multi_agent.api.pages import Pages
from langgraph_multi_agent.cli.client import Client
from langgraph_multi_agent.cli.exits import Trouble
from langgraph_multi_agent.cli.results import below, export
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.result import ArtifactRef

# Thousands of requests of one kind: counting lines would double their time and show nothing new.
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600), pytest.mark.no_cover]

CANARY = b"lgma-canary-81d5"
SECRETS = (CANARY, b"root:x:", b"root:*:", b"PATH=/", b"LGMA_", b"SQLite format 3", b"worker_processes")
"""What some file outside would show: the canary, accounts, an environment, the database, a configuration."""
KEPT = b"kept content"
LEAST = 500
WAIT_S = 60
MEDIA_TYPES = (
    "text/plain",
    "text/html\r\nX-Planted: 1",
    "text/html; charset=utf-8\r\n\r\n<script>",
    "\u6587\u672c/html",
    "image/svg+xml\x00",
    "",
    "text/" + "a" * 90,
    "text/html;charset=\u2028",
    "application/xhtml+xml",
)
ANSWER_HEADERS = {
    *("content-type", "content-length", "content-disposition", "content-security-policy", "etag", "date"),
    *("cache-control", "last-modified", "accept-ranges", "vary", "x-request-id", "x-content-type-options"),
}
REFUSED = ("INPUT_UNSAFE", "MALFORMED_FORM", "INPUT_UNREADABLE")
"""Codes of uploads; a name in its extended form alone is that of a field, which there is none of."""
CODES = ("UNSAFE_NAME", "CANNOT_WRITE")
ARTIFACTS = "/api/v1/tasks/{task}/artifacts/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    head: bytes
    body: bytes

    def headers(self) -> list[tuple[str, str]]:
        """In their order, names in small letters; a line that is none fails."""
        lines = self.head.decode("ascii").split("\r\n")[1:]
        assert all(": " in line for line in lines), lines
        return [(line.partition(": ")[0].lower(), line.partition(": ")[2]) for line in lines]


class Wire:
    """One connection that is made anew when the server ends it; an address is sent as it is."""

    def __init__(self, place: str) -> None:
        self._host, _, port = place.partition(":")
        self._port = int(port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self, target: bytes) -> Answer:
        return await self.ask(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")

    async def post(self, path: str, content_type: str, body: bytes) -> Answer:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        return await self.ask(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def ask(self, request: bytes) -> Answer:
        async with asyncio.timeout(WAIT_S):
            for _ in range(2):  # what was kept open may have been closed meanwhile
                is_fresh = self._reader is None
                if self._reader is None or self._writer is None:
                    self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
                try:
                    self._writer.write(request)
                    await self._writer.drain()
                    return await self._answer(self._reader)
                except (asyncio.IncompleteReadError, ConnectionError):
                    await self.close()
                    if is_fresh:
                        raise
        raise AssertionError("no answer")

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
        status, lower = int(head.split(b" ", 2)[1]), head.lower()
        if length := re.search(rb"\r\ncontent-length: *(\d+)", lower):
            body = await reader.readexactly(int(length[1]))
        elif b"transfer-encoding: chunked" in lower:
            body = b""
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        else:
            body = b"" if status in (204, 304) else await reader.read()
            await self.close()
        if b"connection: close" in lower:
            await self.close()
        return Answer(status=status, head=head, body=body)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


@asynccontextmanager
async def wires(place: str, count: int) -> AsyncIterator[list[Wire]]:
    opened = [Wire(place) for _ in range(count)]
    try:
        yield opened
    finally:
        for one in opened:
            await one.close()


def tree(directory: Path, *, but: Path) -> dict[str, tuple[int, str]]:
    """What lies in a directory except below one place: names, kinds and contents."""
    return {
        str(path): (path.lstat().st_mode, hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
        for path in directory.rglob("*")
        if path != but and but not in path.parents
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A server with its data, and what lies outside of it."""

    desk: Desk
    place: str
    canary: Path
    names: tuple[str, ...]


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The canary; at the end everything outside of the data directory is as it was."""
    canary = tmp_path / "canary.txt"
    canary.write_bytes(CANARY)
    for name in ("work", "data"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")  # where a relative name would land
    web = tmp_path / "web"
    (web / "assets").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html><title>front end</title>")
    (web / "assets" / "app-1.js").write_text("export const one = 1;")
    (web / "assets" / "way-out.js").symlink_to(canary)
    (web / "assets" / "way-up").symlink_to(tmp_path)
    before = tree(tmp_path, but=tmp_path / "data")
    yield canary
    assert tree(tmp_path, but=tmp_path / "data") == before


@pytest.fixture
async def house(outside: Path) -> AsyncIterator[House]:
    home = outside.parent
    limits: Any = {"rate_limit": "999999/second", "task_queue_size": 100_000}
    async with open_desk(home / "data", **limits) as desk:
        desk.app.router.default = Pages(home / "web")
        with capture_logs() as records:
            async with serving(desk.app) as place:
                yield House(desk=desk, place=place, canary=outside, names=paths(outside))
            assert [one for one in records if one["log_level"] in ("error", "critical")] == []


def batched(items: Iterable[ArtifactRef], size: int) -> Iterator[list[ArtifactRef]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def harm_of(answer: Answer) -> str | None:
    """What is wrong with an answer, if anything is."""
    if answer.status >= 500:
        return f"status {answer.status}"
    if any(secret in answer.body or secret in answer.head for secret in SECRETS):
        return "it holds what lies outside"
    if b"\r\nx-planted" in answer.head.lower():
        return "a header was planted"
    return None


async def ask_all(place: str, targets: Sequence[bytes], *, count: int = 4) -> dict[bytes, str]:
    """The addresses whose answers do harm."""
    harm: dict[bytes, str] = {}
    async with wires(place, count) as opened, asyncio.TaskGroup() as group:

        async def work(wire: Wire, part: Sequence[bytes]) -> None:
            for target in part:
                found = harm_of(await wire.get(target))
                if found is not None:
                    harm[target[:300]] = found

        for number, wire in enumerate(opened):
            group.create_task(work(wire, targets[number::count]))
    return harm


def targets_of(names: Sequence[str], places: Sequence[str]) -> list[bytes]:
    """Every name below every place, and as a whole target of its own; by turns as it is and escaped."""
    found: list[bytes] = []
    for number, name in enumerate(names):
        plain, escaped = on_the_wire(name)
        found += [place.encode() + plain for place in places]
        found += [place.encode() + escaped for place in (places[0], places[-1])]
        found.append(escaped if number % 4 == 0 else plain)
    return found


async def test_no_address_reads_outside(house: House) -> None:
    task = (await house.desk.submit())["id"]
    await house.desk.save(task, "kept.txt", KEPT, "text/plain", "result")
    places = ("/", "/assets/", ARTIFACTS.format(task=task))
    targets = targets_of(house.names, places)
    ids = (("/api/v1/tasks/", ""), ("/api/v1/mvp2/tasks/", ""), ("/api/v1/tasks/", "/artifacts"))
    for number, name in enumerate(house.names):
        before, after = ids[number % 3]
        targets.append(f"{before}{quote(name, safe='')}{after}".encode())
    targets += [f"/assets/{name}".encode() for name in ("way-out.js", "way-up/canary.txt", "way-up/data/lgma.db")]
    assert len(house.names) >= LEAST
    assert await ask_all(house.place, targets) == {}
    async with wires(house.place, 1) as (wire,):
        for path, expected in (
            ("/", b"front end"),
            ("/assets/app-1.js", b"one = 1"),
            (ARTIFACTS.format(task=task) + "kept.txt", KEPT),
        ):
            assert expected in (await wire.get(path.encode())).body


@pytest.mark.usefixtures("postgres_server")
async def test_no_name_in_a_query_is_too_much_for_postgresql(outside: Path) -> None:
    """It takes fewer characters than SQLite: no NUL."""
    home, found = outside.parent / "data", {}
    templates = ("/api/v1/tasks/{}", "/api/v1/mvp2/tasks/{}", "/api/v1/tasks/{}/plan", "/api/v1/schedules/{}")
    templates += ("/api/v1/tasks?q={}", "/api/v1/tasks?assignee={}", "/api/v1/audit?action={}")
    async with (
        open_postgres(home, SystemClock(), lambda: str(uuid7())) as database,
        open_desk(home / "desk", database=database, rate_limit="999999/second") as desk,
    ):
        templates += (ARTIFACTS.format(task=(await desk.submit())["id"]) + "{}",)
        for name in ("\0", "a\0b", *paths(outside)[::5]):
            for template in templates:
                answer = await desk.client.get(template.format(quote(name, safe="")))
                if answer.status_code >= 500:
                    found[template, name[:200]] = answer.text
    assert found == {}


def form(disposition: str, **fields: str) -> bytes:
    """A form with some fields and one file, whose disposition goes on with these words."""
    parts = [f'form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    parts.append(f'form-data; name="files"; {disposition}\r\n\r\n{KEPT.decode()}')
    return "".join(f"--b\r\nContent-Disposition: {part}\r\n" for part in parts).encode() + b"--b--\r\n"


def dispositions(name: str) -> tuple[str, str, str]:
    """A file name as browsers write it, and as the two specifications before them."""
    plain = name.replace("\r", "%0D").replace("\n", "%0A")
    in_quotes = plain.replace('"', "%22")
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'filename="{in_quotes}"', f"filename*=UTF-8''{quote(name, safe='')}", f'filename="{escaped}"'


async def test_no_name_of_an_upload_is_more_than_a_name(house: House) -> None:
    """The contract's own form lacks its name, so that what passes makes no task there."""
    digest, bad, taken = hashlib.sha256(KEPT).hexdigest(), {}, 0
    kind = "multipart/form-data; boundary=b"
    async with wires(house.place, 1) as (wire,):
        for number, name in enumerate(house.names):
            ways = dispositions(name)
            way = ways[0] if is_plain(name) else ways[number % 3]
            answer = await wire.post("/api/v1/tasks", kind, form(way, description="x"))
            said = json.loads(answer.body)
            if answer.status == 202:
                taken += 1
                (file,) = said["files"] or [{"name": "no file", "digest": digest}]
                if not is_plain(file["name"]) or file["digest"] != digest:
                    bad["task", name[:200]] = str(file)
            elif harm_of(answer) or said["code"] not in (*REFUSED, *(("INVALID_REQUEST",) if way == ways[1] else ())):
                bad["task", name[:200]] = f"{answer.status} {said}"
            elif is_plain(name) and not set(name) & set('%"') and "exe" not in name:
                bad["task", name[:200]] = f"a plain name was refused: {said}"
            answer = await wire.post("/api/v1/mvp2/tasks", kind, form(ways[(number + 1) % 3], description="x"))
            said = json.loads(answer.body)
            errors = {error["field"]: error["code"] for error in said.get("details", {}).get("errors", ())}
            is_stored = errors == {"name": "missing"}
            is_refused = said["error_code"] in REFUSED
            if harm_of(answer) or is_stored == is_refused:
                bad["contract", name[:200]] = f"{answer.status} {said}"
    assert bad == {}
    assert len(house.names) >= LEAST
    assert taken >= 100
    stored = [path for path in (house.canary.parent / "data" / "artifacts").rglob("*") if path.is_file()]
    assert {path.parent.name + path.name for path in stored} == {digest}


async def test_no_name_or_type_of_a_file_splits_the_headers_of_its_answer(house: House) -> None:
    """Also of names that came here before they were checked."""
    blob = await house.desk.artifacts.put(KEPT)
    refs = {
        name: ArtifactRef(
            name=name,
            digest=blob.digest,
            size_bytes=blob.size_bytes,
            media_type=MEDIA_TYPES[number % len(MEDIA_TYPES)],
            kind="input" if number % 2 else "result",
        )
        for number, name in enumerate(one[-255:] for one in house.names)
    }
    listed: list[dict[str, Any]] = []
    for part in batched(refs.values(), 100):
        task = (await house.desk.submit())["id"]
        await house.desk.commit(task, artifacts=part)
        answer = await house.desk.client.get(f"/api/v1/tasks/{task}/artifacts")
        listed += answer.json()["artifacts"]
    assert len(listed) >= LEAST
    bad: dict[str, object] = {}
    async with wires(house.place, 1) as (wire,):
        for number, item in enumerate(listed):
            answer = await wire.get(item["url"].encode() + (b"?download=true" if number % 3 else b""))
            if "\n" in item["name"]:  # no route has it
                assert (answer.status, harm_of(answer)) == (404, None)
                continue
            headers = answer.headers()
            names = [name for name, _ in headers]
            known = dict(headers)
            disposition = known.get("content-disposition", "")
            parts = re.fullmatch(
                r"(?:inline|attachment); filename=\"([^\"\\]*)\"; filename\*=UTF-8''([\w.~%-]*)", disposition
            )
            if (
                (answer.status, answer.body) != (200, KEPT)
                or len(names) != len(set(names))
                or not set(names) <= ANSWER_HEADERS
                or parts is None
                or unquote(parts[2]) != item["name"]
                or harm_of(answer)
            ):
                bad[item["name"][:200]] = (answer.status, headers)
            elif known["content-type"].startswith(("text/html", "image/svg", "application/xhtml")):
                assert known["content-security-policy"].startswith("sandbox;")
    assert bad == {}


async def test_no_name_or_type_of_an_import_is_more_than_that(house: House) -> None:
    digest = (await house.desk.artifacts.put(KEPT)).digest

    async def bring(*files: dict[str, Any]) -> Any:
        tasks = [{"id": "t", "name": "x", "description": "x", "status": "completed", "files": list(files)}]
        return await house.desk.client.post("/api/v1/mvp2/import", json={"version": "1.0", "tasks": tasks})

    def file(name: str, media_type: str = "text/plain") -> dict[str, Any]:
        return {"name": name, "digest": digest, "size_bytes": len(KEPT), "media_type": media_type}

    got = {}
    for name in house.names:
        if not is_plain(name):
            answer = await bring(file(name))
            is_refused = answer.status_code == 422 and answer.json()["error_code"] == "INVALID_REQUEST"
            # Blank and longer names are a matter of taste here: they are no paths.
            shown = name.replace("\0", "\ufffd")  # as it is stored
            if not is_refused and (set(name) & set("/\\") or not shown.isprintable() or name in (".", "..")):
                got[name[:200]] = answer.status_code
    for media_type in MEDIA_TYPES[1:4]:
        got |= {media_type: 1} if (await bring(file("a.txt", media_type))).status_code != 422 else {}
    assert got == {}
    answer = await bring(*(file(name) for name in house.names if is_plain(name)))
    assert answer.status_code == 200, answer.text


@asynccontextmanager
async def hostile_server(listing: list[dict[str, Any]]) -> AsyncIterator[str]:
    """Lists what the test puts in, and gives the same content for every other address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                is_list = head.split(b" ", 2)[1] == b"/api/v1/tasks/t/artifacts"
                body = json.dumps({"artifacts": listing}).encode() if is_list else KEPT
                kind = b"application/json" if is_list else b"application/octet-stream"
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n" % kind)
                writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.close()


async def test_no_server_makes_the_command_line_write_elsewhere(
    outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langgraph_multi_agent.cli.client.CONNECT_S", WAIT_S)
    names, out = (*paths(outside), "\ud800.csv"), outside.parent / "data" / "out"
    listing: list[dict[str, Any]] = []
    written: set[str] = set()
    refused: dict[str, str] = {}
    async with hostile_server(listing) as url, Client(url, language="en") as client:
        for name in names:
            listing[:] = [{"name": "first.txt", "kind": "report"}, {"name": name, "kind": "report"}]
            try:
                saved = await export(client, "t", out)
            except Trouble as trouble:
                refused[name] = f"{trouble.code} {trouble.params}"
            else:
                assert [Path(item["path"]).parent for item in saved] == [out, out]
                written.add(name)
    assert {path.name for path in out.iterdir()} == {*written, "first.txt"}
    assert all(path.read_bytes() == KEPT and not path.is_symlink() for path in out.iterdir())
    assert {name for name in names if is_plain(name)} <= written
    assert (len(names) >= LEAST, len(refused) >= 300) == (True, True)
    assert all(said.isprintable() and said.startswith(CODES) for said in refused.values())


def test_no_id_from_a_server_leads_out_of_the_folder_of_exports(outside: Path) -> None:
    base = outside.parent / "data" / "exports"
    for name in paths(outside):
        with suppress(Trouble):
            assert below(base, name).resolve().parent == base.resolve(), name
            continue
        assert not is_plain(name)


@pytest.mark.system
async def test_no_address_reads_outside_through_nginx(house: House) -> None:
    task = (await house.desk.submit())["id"]
    await house.desk.save(task, "kept.txt", KEPT, "text/plain", "result")
    files = {"index.html": b"<!doctype html><title>front end</title>", "assets/app-1.js": b"1", ".env": CANARY}
    nginx = Nginx(house.place, static=files, MAX_CONNECTIONS="0")
    try:
        (nginx.directory / "secret.txt").write_bytes(CANARY)
        (nginx.directory / "secret.txt").chmod(0o644)
        await asyncio.to_thread(nginx.start)
        names = [*house.names, *paths(nginx.directory / "secret.txt"), "../secret.txt", "..%2fsecret.txt"]
        places = ("/", "/assets/", "/_maintenance/", "/assets", ARTIFACTS.format(task=task))
        host, port = nginx.address
        assert await ask_all(f"{host}:{port}", targets_of(list(dict.fromkeys(names)), places)) == {}
        async with wires(f"{host}:{port}", 1) as (wire,):
            assert (await wire.get((ARTIFACTS.format(task=task) + "kept.txt").encode())).body == KEPT
            assert b"front end" in (await wire.get(b"/")).body
    finally:
        await asyncio.to_thread(nginx.close)
