"""The front end's frame in a real browser, against the real server; pages have tests of their own."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.support.browser import Tab, open_tab
from tests.support.server import DeskAgent, desk_team
from tests.support.servers import free_port

from langgraph_multi_agent import bootstrap
from langgraph_multi_agent.agents.contract import Team, Work
from langgraph_multi_agent.api.pages import POLICY, WEB
from langgraph_multi_agent.domain.result import SubtaskResult
from langgraph_multi_agent.settings import Settings

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (WEB / "index.html").is_file(), reason="the pages are not built: python scripts/web.py build"
    ),
]

ENTRY_LIMIT_BYTES = 250_000
ONLINE = "!!document.querySelector('[data-connection=online]')"
SNAPSHOT = """JSON.stringify({
  status: document.querySelector('main header [data-status]:not(a)')?.dataset.status,
  plan: [...document.querySelectorAll('[data-subtask]')].map((node) => [
    node.dataset.subtask, node.querySelector('[data-status]:not(a)')?.dataset.status]),
})"""


class GatedAgent(DeskAgent):
    """Works when the test says so."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()

    async def work(self, work: Work) -> SubtaskResult:
        if work.subtask.id == "write":
            self.begun.set()
            await self.gate.wait()
        return SubtaskResult(summary=f"did {work.request}")


def settings_in(data_dir: Path) -> Settings:
    return Settings.load({}, data_dir=data_dir, memory_monitoring=False, shutdown_grace=0.5)


async def visit(tab: Tab, url: str) -> None:
    await tab.run("window.isOld = true")
    await tab.command("Page.navigate", url=url)
    await tab.until("!window.isOld && !!document.querySelector('main h1, main h2') ")


@asynccontextmanager
async def page(data_dir: Path, teams: Mapping[str, Team] | None = None) -> AsyncIterator[tuple[Tab, str]]:
    async with (
        bootstrap.serving(settings_in(data_dir), host="127.0.0.1", port=0, teams=teams) as address,
        open_tab() as tab,
    ):
        await visit(tab, f"{address}/")
        await tab.until(ONLINE)
        yield tab, address


def gated() -> tuple[GatedAgent, Mapping[str, Team]]:
    agent = GatedAgent()
    return agent, {"default": replace(desk_team(), agents={"desk": agent})}


async def submit(address: str, title: str) -> str:
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        answer = await client.post("/api/v1/tasks", json={"title": title, "description": "数一数"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def test_the_frame_speaks_chinese_first_and_keeps_language_and_theme(tmp_path: Path) -> None:
    async with page(tmp_path) as (tab, _):
        assert await tab.run("location.pathname") == "/tasks"
        assert await tab.run("document.querySelector('h1').innerText") == "任务"
        await tab.run("document.querySelector('header [lang=en]').click()")
        await tab.until("document.querySelector('h1').innerText === 'Tasks'")
        await tab.press("/")
        await tab.until("!!document.querySelector('dialog[open] input')")
        await tab.type("dialog[open] input", "Theme: dark")
        await tab.until("document.querySelectorAll('dialog[open] [role=option]').length === 1")
        await tab.press("Enter")
        await tab.until("document.documentElement.dataset.theme === 'dark'")
        await tab.reload()
        await tab.until("document.querySelector('h1')?.innerText === 'Tasks'")
        kept = await tab.run("[document.documentElement.dataset.theme, document.documentElement.lang]")
        assert (kept, tab.errors) == (["dark", "en"], [])


async def test_keys_reach_every_place(tmp_path: Path) -> None:
    _, teams = gated()
    async with page(tmp_path, teams) as (tab, address):
        task = await submit(address, "港口季度报告")
        await tab.press("?")
        await tab.until("!!document.querySelector('dialog[open] h2')")
        await tab.run("document.querySelector('dialog[open]').close()")
        await tab.press("n")
        await tab.until(
            "location.pathname === '/tasks/new' && document.activeElement?.localName === 'textarea'"
        )
        await tab.run("document.activeElement.blur()")
        await tab.press("/")
        await tab.until("!!document.querySelector('dialog[open] input')")
        await tab.type("dialog[open] input", "港口")
        await tab.until(
            "document.querySelector('dialog[open] [role=option]')?.innerText.includes('港口季度报告')"
        )
        await tab.press("Enter")
        await tab.until(f"location.pathname === '/tasks/{task}'")
        assert tab.errors == []


async def test_a_lost_server_is_told_and_what_was_missed_is_filled_in(tmp_path: Path) -> None:
    agent, teams = gated()
    port = free_port()  # it is taken a second time, which nobody's outgoing connection may forestall
    async with open_tab() as tab:
        async with bootstrap.serving(settings_in(tmp_path), host="127.0.0.1", port=port, teams=teams) as address:
            task = await submit(address, "数一数")
            await visit(tab, f"{address}/tasks/{task}")
            await tab.until("document.querySelectorAll('[data-subtask]').length === 2")
            async with asyncio.timeout(60):
                await agent.begun.wait()
        await tab.until(
            "!!document.querySelector('[role=alert]') && document.querySelectorAll('[data-subtask]').length === 2"
        )
        agent.gate.set()
        async with bootstrap.serving(settings_in(tmp_path), host="127.0.0.1", port=port, teams=teams):
            await tab.until(f"{ONLINE} && JSON.parse({SNAPSHOT}).status === 'completed'")
            await tab.until("!document.querySelector('[role=alert]')")
            live = await tab.run(SNAPSHOT)
            await tab.reload()
            await tab.until(f"{SNAPSHOT} === {live!r}")


async def test_the_built_files_are_served_under_a_strict_policy(tmp_path: Path) -> None:
    assert POLICY.startswith("default-src 'self'")
    assert "unsafe" not in POLICY
    files = sorted(path for path in WEB.rglob("*") if path.is_file())
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "html": "text/html"}
    async with (
        bootstrap.serving(settings_in(tmp_path), host="127.0.0.1", port=0) as address,
        httpx.AsyncClient(base_url=address, timeout=60) as client,
    ):
        for path in files:
            name = path.relative_to(WEB).as_posix()
            answer = await client.get(f"/{name}")
            assert answer.status_code == 200
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            kind = kinds.get(path.suffix[1:])
            assert kind is None or answer.headers["content-type"].startswith(kind), name
            assert ("immutable" in answer.headers["cache-control"]) == name.startswith("assets/")
        index = (await client.get("/")).text
        for place in ("/tasks/new", "/chat", "/tasks/0199?tab=report"):
            assert (await client.get(place)).text == index
        assert (await client.get("/assets/gone.js", headers={"accept": "text/html"})).status_code == 404
        missing = await client.get("/nowhere", headers={"accept": "text/html"})
        assert (missing.status_code, missing.text) == (404, index)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=\"/)", index)
    assert not re.search(r"https?://", index)


def test_the_entry_stays_small() -> None:
    index = (WEB / "index.html").read_text("utf-8")
    scripts = re.findall(r'(?:src|href)="/(assets/[^"]+\.js)"', index)
    assert scripts
    assert sum(len(gzip.compress((WEB / name).read_bytes())) for name in scripts) <= ENTRY_LIMIT_BYTES
