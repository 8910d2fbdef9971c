"""The built-in page in a real browser, against the real server."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
from tests.support.browser import Tab, open_tab
from tests.support.server import DeskAgent, desk_team

from langgraph_multi_agent import bootstrap, demo
from langgraph_multi_agent.agents.contract import Team, Work
from langgraph_multi_agent.api.pages import POLICY, WEB
from langgraph_multi_agent.domain.result import SubtaskResult
from langgraph_multi_agent.settings import Settings

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
STATUS = "document.querySelector('.facts [data-status]')?.dataset.status"
DONE = f"{STATUS} === 'completed' && document.querySelector('.events').innerText.includes('任务完成')"
SNAPSHOT = """JSON.stringify({
  status: document.querySelector('.facts [data-status]')?.dataset.status,
  plan: [...document.querySelectorAll('.node')].map((node) => [node.dataset.subtask, node.dataset.status]),
  log: [...document.querySelectorAll('.entry')]
    .map((entry) => entry.querySelector(':scope > span, summary > span').innerText),
})"""
FAINT = """(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest('.sr, .skip, [disabled], noscript')) continue;
    seen += 1;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${walk.currentNode.data.trim().slice(0, 30)}`);
  }
  return seen > 10 ? faint : ['too little text to judge'];
})()"""
UNNAMED = """(() => {
  const parts = 'a[href], button, input, select, textarea, [role=img], iframe, progress';
  const name = (node) => node.innerText?.trim() || node.getAttribute('aria-label') || node.title || node.labels?.length;
  const bare = [...document.querySelectorAll(parts)]
    .filter((node) => node.checkVisibility() && !name(node)).map((node) => node.outerHTML.slice(0, 120));
  const pictures = [...document.images].filter((image) => !image.hasAttribute('alt')).map((image) => image.src);
  const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
  return [...bare, ...pictures, ...ids.filter((id, at) => ids.indexOf(id) !== at)];
})()"""


class GatedAgent(DeskAgent):
    """Works when the test says so; what it says back is what it was told, markup and all."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()

    async def work(self, work: Work) -> SubtaskResult:
        if "ask me" in work.request and work.subtask.id == "read":
            options = ["red", "blue"] if "colour" in work.request else []
            answer = await work.ask(f"Which one? {HOSTILE}", options=options)
            return SubtaskResult(summary=f"chose {answer['text']}")
        if work.subtask.id == "write":
            self.begun.set()
            await self.gate.wait()
            await work.save(f"{HOSTILE.replace('/', '')}.md", b"# x", media_type="text/markdown")
        return SubtaskResult(summary=f"did {work.request}")


@asynccontextmanager
async def page(data_dir: Path, teams: Mapping[str, Team] | None = None) -> AsyncIterator[tuple[Tab, str]]:
    settings = Settings.load({}, data_dir=data_dir, memory_monitoring=False, pause_grace=0.3)
    async with (
        bootstrap.serving(settings, host="127.0.0.1", port=0, teams=teams) as address,
        open_tab() as tab,
    ):
        await tab.go(f"{address}/")
        await tab.until("document.querySelector('h1')")
        yield tab, address


@asynccontextmanager
async def gated_page(data_dir: Path) -> AsyncIterator[tuple[Tab, str, GatedAgent]]:
    agent = GatedAgent()
    team = replace(desk_team(), agents={"desk": agent})
    async with page(data_dir, {"default": team}) as (tab, address):
        yield tab, address, agent


async def submit(tab: Tab, description: str) -> None:
    """Fill in the form and send it, as a person does."""
    await tab.press("n")
    await tab.until("document.querySelector('form.form')")
    await tab.type("#description", description)
    await tab.click("form.form button[type=submit]")
    await tab.until("location.hash.startsWith('#/tasks/') && document.querySelector('.facts')")


async def begin(tab: Tab, agent: GatedAgent, description: str = "数一数") -> None:
    """A task whose first subtask is done and whose second is at work."""
    await submit(tab, description)
    async with asyncio.timeout(20):
        await agent.begun.wait()
    await tab.until("document.querySelector('.node[data-subtask=write][data-status=running]')")
    await tab.until("document.querySelectorAll('.entry').length >= 5")


async def test_a_task_with_a_file_is_created_and_its_report_read(tmp_path: Path) -> None:
    weather = Path(str(demo.__file__)).with_name("seattle-weather.csv")
    async with page(tmp_path) as (tab, _):
        await tab.click("a[href='#/new']")
        await tab.until("document.activeElement.id === 'description'")
        await tab.type("#description", "分析西雅图天气:季节性")
        await tab.choose_files("#files", [weather])
        await tab.until("document.querySelector('.files').innerText.includes('seattle-weather.csv')")
        await tab.click("form.form button[type=submit]")
        await tab.until(f"{STATUS} === 'completed' && document.querySelector('iframe')", timeout_s=90)
        assert await tab.run("document.querySelector('iframe').getAttribute('sandbox')") == ""
        report = ""
        async with asyncio.timeout(20):
            while "西雅图" not in report:
                report = await tab.frame_text()
        assert await tab.run(
            "[...document.querySelectorAll('.node')].every((n) => n.dataset.status === 'completed')"
        )
        await tab.click("#tab-review")
        verdicts = await tab.run("document.querySelectorAll('#panel-review li .mark.done').length")
        assert verdicts >= 3
        await tab.click("#tab-files")
        names = await tab.run("document.querySelector('#panel-files').innerText")
        assert "report.md" in names
        assert "seattle-weather.csv" in names
        assert (await tab.run(UNNAMED), await tab.run(FAINT), tab.errors) == ([], [], [])


async def test_reload_in_the_middle_of_a_run_shows_the_same(tmp_path: Path) -> None:
    async with gated_page(tmp_path) as (tab, _, agent):
        await begin(tab, agent)
        await tab.until(f"{STATUS} === 'in_progress'")
        before = await tab.run(SNAPSHOT)
        await tab.reload()
        await tab.until(f"{SNAPSHOT} === {before!r}")
        agent.gate.set()
        await tab.until(DONE)
        live = await tab.run(SNAPSHOT)
        await tab.reload()
        await tab.until(f"{SNAPSHOT} === {live!r}")
        assert tab.errors == []


async def test_cancel_asks_and_then_stops_the_work(tmp_path: Path) -> None:
    async with gated_page(tmp_path) as (tab, _, agent):
        await begin(tab, agent)
        await tab.click("[data-act=cancel]")
        await tab.click("dialog[open] button[value=no]")
        await tab.until("!document.querySelector('dialog')")
        assert await tab.run(STATUS) == "in_progress"
        await tab.click("[data-act=cancel]:not([disabled])")
        await tab.click("dialog[open] button[value=yes]")
        await tab.until(f"{STATUS} === 'cancelled'")
        await tab.until("document.querySelector('[data-act=retry]')")
        assert await tab.run("document.querySelector('.node[data-status=running]')") is None
        await tab.go(await tab.run("location.href.replace(/#.*/, '?list#/tasks')"))
        await tab.until("document.querySelector('.task .mark.cancelled')")


async def test_pause_and_resume_take_the_work_up_again(tmp_path: Path) -> None:
    async with gated_page(tmp_path) as (tab, _, agent):
        await begin(tab, agent)
        await tab.click("[data-act=pause]")
        await tab.until(f"{STATUS} === 'paused'")
        agent.gate.set()
        await tab.click("[data-act=resume]")
        await tab.until(f"{STATUS} === 'completed'")


async def test_a_question_is_answered_in_place(tmp_path: Path) -> None:
    async with gated_page(tmp_path) as (tab, _, agent):
        agent.gate.set()
        await submit(tab, "ask me for a colour")
        await tab.until(f"document.querySelector('[data-question]') && {STATUS} === 'waiting_input'")
        await tab.run(
            "[...document.querySelectorAll('[data-question] .chip')].find((c) => c.innerText === 'blue').click()"
        )
        await tab.until(
            f"{STATUS} === 'completed' && document.querySelector('.events').innerText.includes('chose blue')"
        )
        assert await tab.run("document.querySelector('[data-question]')") is None
        assert tab.dialogs == []


async def test_the_page_comes_back_by_itself_after_the_server(tmp_path: Path) -> None:
    settings = Settings.load({}, data_dir=tmp_path, memory_monitoring=False, shutdown_grace=0.5)
    agent = GatedAgent()
    teams = {"default": replace(desk_team(), agents={"desk": agent})}
    async with open_tab() as tab:
        async with bootstrap.serving(settings, host="127.0.0.1", port=0, teams=teams) as address:
            await tab.go(f"{address}/")
            await begin(tab, agent)
        await tab.until("!document.querySelector('.banner').hidden")
        assert await tab.run("document.querySelectorAll('.node').length") == 2
        agent.gate.set()
        async with bootstrap.serving(
            settings, host="127.0.0.1", port=int(address.rpartition(":")[2]), teams=teams
        ):
            await tab.until(f"document.querySelector('.banner').hidden && {DONE}")
            live = await tab.run(SNAPSHOT)
            await tab.reload()
            await tab.until(f"{SNAPSHOT} === {live!r}")


async def test_language_and_theme_switch_and_last(tmp_path: Path) -> None:
    async with page(tmp_path) as (tab, _):
        assert await tab.run("document.querySelector('h1').innerText") == "任务"
        await tab.click("#language")
        await tab.until("document.querySelector('h1').innerText === 'Tasks'")
        await tab.click("#theme")
        await tab.reload()
        await tab.until("document.querySelector('h1')?.innerText === 'Tasks'")
        assert await tab.run("document.documentElement.dataset.theme") == "dark"
        assert await tab.run("document.documentElement.lang") == "en"
        await tab.press("?")
        await tab.until("document.querySelector('dialog[open]')")


async def test_a_draft_survives_a_reload_and_a_refusal_says_what_to_do(tmp_path: Path) -> None:
    async with page(tmp_path) as (tab, address):
        await tab.press("n")
        await tab.until("document.activeElement.id === 'description'")
        await tab.type("#description", "写一首关于海的诗")
        await tab.reload()
        await tab.until("document.querySelector('#description')?.value === '写一首关于海的诗'")
        await tab.click("form.form button[type=submit]")
        notice = await tab.until("document.querySelector('.notice')?.innerText")
        assert "MODEL_REQUIRED" in notice
        assert "LLM_MODEL" in notice
        async with httpx.AsyncClient(base_url=address) as client:
            assert (await client.get("/api/v1/tasks")).json()["tasks"] == []
        tab.errors.clear()  # the browser itself notes the 422


async def test_no_name_message_or_file_runs_as_markup(tmp_path: Path) -> None:
    async with gated_page(tmp_path) as (tab, address, agent):
        agent.gate.set()
        async with httpx.AsyncClient(base_url=address) as client:
            answer = await client.post(
                "/api/v1/tasks",
                data={"title": HOSTILE, "description": f"{HOSTILE} ask me"},
                files={"files": (HOSTILE.replace("/", "") + ".csv", b"a,b\n1,2\n")},
            )
        assert answer.status_code == 202, answer.text
        await tab.until(f"document.querySelector('.task')?.innerText.includes({HOSTILE!r})")
        await tab.click(".task")
        await tab.until("document.querySelector('[data-question]')")
        await tab.type("[data-question] input", HOSTILE)
        await tab.click("[data-question] button[type=submit]")
        await tab.until(f"{STATUS} === 'completed'")
        for name in ("plan", "timeline", "report", "files", "review"):
            await tab.run(f"document.querySelector('#tab-{name}').click()")
        await tab.until(f"document.querySelector('.events').innerText.includes({HOSTILE!r})")
        await tab.until("document.querySelector('#panel-files').textContent.includes('onerror')")
        assert await tab.run("document.querySelectorAll('main script, main img[src=\"x\"]').length") == 0
        assert (tab.dialogs, tab.errors) == ([], [])


async def test_every_page_is_readable_named_and_fits_a_phone(tmp_path: Path) -> None:
    async with gated_page(tmp_path) as (tab, address, agent):
        await begin(tab, agent, f"数一数 {'很长的标题' * 40}")
        task = await tab.run("location.hash")
        for theme in ("light", "dark"):
            await tab.prefer(prefers_color_scheme=theme)
            for width in (360, 1280):
                await tab.resize(width)
                for place, ready in {
                    "#/tasks": ".task",
                    "#/new": "form",
                    task: ".node",
                    "#/agents": ".agent",
                    "#/system": ".tile",
                }.items():
                    await tab.go(f"{address}/?{theme}{width}{place}")
                    await tab.until(f"document.querySelector('{ready}')")
                    where = f"{place} {theme} {width}"
                    assert await tab.run(FAINT) == [], where
                    assert await tab.run(UNNAMED) == [], where
                    assert await tab.run("document.documentElement.scrollWidth <= innerWidth"), where
        agent.gate.set()


async def test_the_files_are_served_under_a_strict_policy_and_build_no_markup(tmp_path: Path) -> None:
    settings = Settings.load({}, data_dir=tmp_path, memory_monitoring=False)
    names = sorted(path.name for path in WEB.iterdir() if path.is_file())
    assert {"index.html", "app.js", "app.css"} <= set(names)
    assert POLICY.startswith("default-src 'self'")
    assert "unsafe" not in POLICY
    async with (
        bootstrap.serving(settings, host="127.0.0.1", port=0) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        for path in ("/", *(f"/{name}" for name in names)):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            kind = answer.headers["content-type"].partition(";")[0]
            assert kind == {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}.get(
                path.rpartition(".")[2], "text/html"
            )
            assert_plain(path, answer.text)


def assert_plain(path: str, content: str) -> None:
    """Nothing that makes markup or code from text, and nothing from elsewhere."""
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function", content
    ), path
    elsewhere = set(re.findall(r"https?://[^\s\"'`<>]+", content)) - {"http://www.w3.org/2000/svg"}
    assert not elsewhere, path
    if content.startswith("<!doctype"):
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=\"/)", content), path


def test_every_word_that_the_page_asks_for_exists() -> None:
    words = set(re.findall(r"^  '?([\w./?]+)'?: \[", (WEB / "words.js").read_text("utf-8"), re.MULTILINE))
    asked = {
        key for path in WEB.glob("*.js") for key in re.findall(r"\bsay\('([^']+)'", path.read_text("utf-8"))
    }
    assert asked - words == set()
    assert len(asked) > 60
