"""The front end in a browser, in both worlds, and what a test asks of every page.

Hides how servers and the browser are started and how words, faults and accessibility are read.
Invariant: leaving the block fails the test if the page threw, logged an error, met the policy or ran
a hostile text, unless the test has said that it expects so.
"""

import asyncio
import contextlib
import functools
import gzip
import json
import os
import re
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.browser.stage import DIRECTORY_VARIABLE, stage_in
from tests.support.browser import Browser, Person, Tab, open_browser
from tests.support.fleet import Fleet
from tests.support.nginx import Nginx
from tests.support.servers import free_port

from langgraph_multi_agent import bootstrap
from langgraph_multi_agent.agents.registry import load_teams
from langgraph_multi_agent.api.pages import WEB
from langgraph_multi_agent.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "web" / "src"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = os.environ.get("LGMA_TEST_SCREENSHOTS")
"""Directory for pictures of every page; none are taken where it is unset."""
PREFERENCES = "lgma.preferences"
SETTLED = "!document.querySelector('[aria-busy=true]')"

HARMFUL = """(() => {
  const bad = [];
  const address = /^[\\s\\u0000-\\u0020]*(javascript|vbscript|data:text|data:application|data:image\\/svg)/i;
  for (const node of document.querySelectorAll('*')) {
    const name = node.localName;
    if (['object', 'embed', 'base', 'applet', 'frame'].includes(name)) bad.push(name);
    if (name === 'meta' && /refresh/i.test(node.httpEquiv)) bad.push('meta refresh');
    if (name === 'script' && !node.src?.startsWith?.(location.origin)) bad.push('script');
    if (name === 'iframe') {
      const box = node.getAttribute('sandbox');
      if (box === null || /allow-scripts/.test(box) && /allow-same-origin/.test(box)) bad.push('open frame');
    }
    for (const { name: attribute, value } of node.attributes) {
      if (/^on/i.test(attribute)) bad.push(`${name} ${attribute}`);
      if (attribute === 'srcdoc' && node.getAttribute('sandbox') === null) bad.push('srcdoc');
      const leads = /(href|src|action|data|to)$/i.test(attribute);
      if (leads && name !== 'link' && address.test(value)) bad.push(`${name} ${attribute}=${value}`);
      if (leads && name !== 'a' && /evil\\.example/.test(value)) bad.push(`${name} beacon`);
    }
  }
  return bad;
})()"""


@dataclass(slots=True, kw_only=True)
class Site:
    """A server with the front end, a person at a browser, and a program's client of the same server."""

    address: str
    person: Person
    tab: Tab
    client: httpx.AsyncClient
    gates: Path
    language: str = "zh"
    tabs: list[Tab] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)

    async def submit(self, description: str = "数一数", **fields: Any) -> str:
        """A task of the stage team; its id."""
        told = {"gates": self.gates.name, **fields.pop("input_data", {})}
        body = {"description": description, "team": "stage", "input_data": told, **fields}
        answer = await self.client.post("/api/v1/tasks", json=body)
        assert answer.status_code == 202, answer.text
        self.submitted.append(str(answer.json()["id"]))
        return self.submitted[-1]

    async def status(self, task_id: str) -> str:
        return str((await self.client.get(f"/api/v1/tasks/{task_id}")).json()["status"])

    async def until_status(self, task_id: str, *wanted: str, timeout_s: float = 60.0) -> None:
        async with asyncio.timeout(timeout_s):
            while await self.status(task_id) not in wanted:  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.05)

    def open(self, *gates: str) -> None:
        """Let held subtasks go on."""
        for gate in gates:
            (self.gates / gate).touch()

    async def go(self, path: str, tab: Tab | None = None) -> Tab:
        """Open a page and wait until it shows what it has to show."""
        tab = tab or self.tab
        await tab.go(f"{self.address}{path}")
        await tab.until(f"document.querySelector('main')?.innerText.trim() && {SETTLED}")
        return tab

    async def another_tab(self) -> Tab:
        tab = await self.person.tab()
        self.tabs.append(tab)
        return tab

    async def prefer(self, **choices: str) -> None:
        """What the person chose in this browser, before any page is loaded again."""
        kept = {"language": self.language, **choices}
        script = f"localStorage.setItem({json.dumps(PREFERENCES)}, {json.dumps(json.dumps(kept))})"
        await self.tab.go(f"{self.address}/settings")
        await self.tab.run(script)
        self.language = kept["language"]

    async def titled(self, area: str, tab: Tab | None = None) -> None:
        """Wait for a page by its title, whatever it counts beside it."""
        title = re.compile("^" + re.escape(self.word(area, "title")))
        await (tab or self.tab).find("heading", title)

    def word(self, area: str, key: str, **values: object) -> str:
        return word(area, key, self.language, **values)


@functools.cache
def words(area: str) -> Mapping[str, Mapping[str, str]]:
    """language → key → word, read from `web/src/<area>/words.ts`, e.g. `features/tasks`."""
    source = (SOURCES / area / "words.ts").read_text(encoding="utf-8")
    pair = re.compile(
        r"""^\s+['"]?([\w.:\-]+)['"]?:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`([^`]*)`),?""",
        re.MULTILINE,
    )
    parts = re.split(r"^\s*(?:export\s+)?(?:const\s+)?(zh|en)\s*(?::|=)\s*\{", source, flags=re.MULTILINE)
    found: dict[str, dict[str, str]] = {"zh": {}, "en": {}}
    for language, body in zip(parts[1::2], parts[2::2], strict=True):
        for key, *texts in pair.findall(body):
            found[language].setdefault(key, re.sub(r"\\(.)", r"\1", next(filter(None, texts), "")))
    return found


def word(area: str, key: str, language: str = "zh", **values: object) -> str:
    """A word of the front end as a person reads it. Raises KeyError: there is none."""
    text = words(area)[language][key]
    return re.sub(r"\{\{\s*(\w+).*?\}\}", lambda match: str(values[match[1]]), text)


def require_build() -> None:
    """These tests look at the built front end."""
    if not (WEB / "assets").is_dir():
        pytest.fail("the front end is not built: .venv/bin/python scripts/web.py build")


def complaints(tab: Tab) -> list[str]:
    """All that a page must not do."""
    return [*tab.errors, *(f"policy: {one}" for one in tab.violations), *tab.dialogs, *tab.harms]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A server with the front end and a browser, which the tests of a module share."""

    address: str
    browser: Browser
    gates: Path

    @asynccontextmanager
    async def visit(self, *, may_complain: bool = False) -> AsyncIterator[Site]:
        """A person who has never been here, and a program's client; gates of their own."""
        gates = self.gates / uuid.uuid4().hex
        await asyncio.to_thread(gates.mkdir)
        async with (
            self.browser.person() as person,
            httpx.AsyncClient(base_url=self.address, timeout=60, headers={"accept-language": "zh"}) as client,
        ):
            tab = await person.tab()
            site = Site(address=self.address, person=person, tab=tab, client=client, gates=gates, tabs=[tab])
            try:
                yield site
            finally:  # what still waits would keep a place of the shared server
                for task in site.submitted:
                    with suppress(httpx.HTTPError):
                        await client.post(f"/api/v1/tasks/{task}/cancel")
            if not may_complain:
                assert [one for seen in site.tabs for one in complaints(seen)] == []


@asynccontextmanager
async def visiting(address: str, gates: Path, *, may_complain: bool = False) -> AsyncIterator[Site]:
    """A browser of one's own at an address."""
    require_build()
    async with (
        open_browser() as browser,
        World(address=address, browser=browser, gates=gates).visit(may_complain=may_complain) as site,
    ):
        yield site


@asynccontextmanager
async def embedded_world(data_dir: Path) -> AsyncIterator[World]:
    """The embedded world: the server of this process, SQLite, the built-in teams and the stage."""
    require_build()
    gates = data_dir / "gates"
    gates.mkdir(parents=True)
    configured = Settings.load(
        {},
        data_dir=data_dir / "data",
        memory_monitoring=False,
        pause_grace=0.3,
        shutdown_grace=1.0,
        chat_messages_per_minute=10_000,
    )
    teams = {**load_teams(), "stage": stage_in(gates)}
    async with (
        bootstrap.serving(configured, host="127.0.0.1", port=0, teams=teams) as address,
        open_browser() as browser,
    ):
        yield World(address=address, browser=browser, gates=gates)


@asynccontextmanager
async def embedded(data_dir: Path, *, may_complain: bool = False) -> AsyncIterator[Site]:
    """The embedded world to oneself: for what another test's tasks or choices would disturb."""
    async with embedded_world(data_dir) as world, world.visit(may_complain=may_complain) as site:
        yield site


class Served:
    """`lgma serve` as a process of its own, which a test can kill and start again on its port."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.gates = directory / "gates"
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self.gates.mkdir(parents=True, exist_ok=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start and wait until it is ready."""
        foreign = ("LLM_", "LGMA_", "DATABASE_", "REDIS_", "QUEUE_REDIS_", "PYTEST_", "COV_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        environment = kept | {
            "LGMA_DATA_DIR": str(self._directory / "data"),
            "LGMA_TEAMS": "tests.browser.stage:stage",
            DIRECTORY_VARIABLE: str(self.gates),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        }
        with (self._directory / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "langgraph_multi_agent", "serve", "--host", "127.0.0.1"),
                *("--port", str(self.port)),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        async with asyncio.timeout(120), httpx.AsyncClient(base_url=self.address, timeout=30) as client:
            while True:
                with suppress(httpx.HTTPError):
                    if (await client.get("/ready")).status_code == 200:
                        return
                if self._process.returncode is not None:
                    raise AssertionError((self._directory / "log").read_text()[-3000:])
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """SIGKILL to it and all that it started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            self._process = None


@asynccontextmanager
async def served(directory: Path) -> AsyncIterator[tuple[Served, Site]]:
    """The embedded world in a process that can be killed. The page may complain of what it lost."""
    server = Served(directory)
    try:
        await server.start()
        async with visiting(server.address, server.gates, may_complain=True) as site:
            yield server, site
    finally:
        await server.kill()


@asynccontextmanager
async def production(directory: Path) -> AsyncIterator[tuple[Fleet, Nginx, Site]]:
    """The production world: PostgreSQL, Redis, two API servers, a worker process, nginx before them."""
    gates = directory / "gates"
    gates.mkdir(parents=True)
    teams = {"LGMA_TEAMS": "tests.browser.stage:stage", DIRECTORY_VARIABLE: str(gates)}
    fleet = Fleet(teams)
    try:
        await asyncio.to_thread(fleet.__enter__)
        await asyncio.to_thread(fleet.complete, apis=2, workers=1)
        servers = [f"127.0.0.1:{api.port}" for api in fleet.apis]
        nginx = Nginx(*servers, static=built_files())
        try:
            await asyncio.to_thread(nginx.start)
            async with visiting(nginx.url, gates, may_complain=True) as site:
                yield fleet, nginx, site
        finally:
            await asyncio.to_thread(nginx.close)
    finally:
        await asyncio.to_thread(fleet.close)


def built_files() -> dict[str, bytes]:
    """The built front end, for nginx."""
    require_build()
    return {str(path.relative_to(WEB)): path.read_bytes() for path in WEB.rglob("*") if path.is_file()}


STILL = """document.getAnimations().every(
    (one) => one.playState !== 'running' || one.effect?.getComputedTiming().iterations === Infinity)"""
"""What fades in has arrived: half way its colours are nobody's."""


async def axe(tab: Tab, *, leave_out: Sequence[str] = ()) -> list[str]:
    """What breaks WCAG 2.2 AA on the page now, one line each.

    The rules come in through the debugger, which the page's policy does not bind.
    """
    await tab.until(STILL)
    if not AXE.exists():
        pytest.fail("axe-core is missing: .venv/bin/python scripts/web.py build")
    await tab.run(AXE.read_text(encoding="utf-8") + "\n;0")
    options = {
        "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
        "rules": {name: {"enabled": False} for name in leave_out},
        "resultTypes": ["violations"],
    }
    found = await tab.run(f"axe.run(document, {json.dumps(options)}).then((found) => found.violations)")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary'].replace(chr(10), ' ')} {node['html'][:160]}"
        for one in found
        if "experimental" not in one["tags"]  # those guess
        for node in one["nodes"]
    ]


async def scripts_kb(tab: Tab) -> float:
    """Gzipped kB of all scripts that the page has asked for since it was opened."""
    paths = await tab.run(
        "performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname)"
        ".filter((path) => path.endsWith('.js'))"
    )
    built = [WEB / path.removeprefix("/") for path in sorted(set(paths))]
    return sum(len(gzip.compress(path.read_bytes())) for path in built if path.is_file()) / 1000


async def picture(tab: Tab, name: str) -> None:
    """Keep a screenshot, where LGMA_TEST_SCREENSHOTS says where to."""
    if SCREENSHOTS:
        path = ROOT / SCREENSHOTS / f"{name}.png"
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            await tab.screenshot(path)
