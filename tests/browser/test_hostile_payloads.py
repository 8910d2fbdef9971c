"""Hundreds of texts that would run as markup, at every place where texts of others are shown: none does anything.

Whether something ran is told by a function that only they call, by dialogs, by a server that only they ask, by
what the policy had to keep from happening, and by what stands in the document. The first test shows that the
same texts run, and that all of this is noticed, on a page that shows them as they are.
"""

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from markdown_it import MarkdownIt
from tests.browser.hostile_payloads import Payload, all_payloads
from tests.browser.site import HARMFUL, Site, World
from tests.support.browser import Tab

from langgraph_multi_agent.access import TENANT

pytestmark = [pytest.mark.anyio, pytest.mark.system, pytest.mark.timeout(600)]

LEAST = 300
WAIT_S = 120
FIRING = (150, 20, 20)
"""So many run at least on the bare page, so many of them Markdown, and so many ask the canary."""
PAGES = 5
CLICKS = """document.querySelectorAll('iframe').forEach((frame) => {
  try {
    const how = { bubbles: true, cancelable: true, view: frame.contentWindow };
    for (const node of frame.contentDocument.querySelectorAll('a, area, button'))
      node.dispatchEvent(new MouseEvent('click', how));
  } catch { /* it has gone elsewhere */ }
})"""
MARK = re.compile(r"p\d+q")
STRANGE = """[...document.querySelectorAll(`main script, main style, main link, main meta, main base, main template,
    main object, main embed, main noscript, main marquee, main math, main dialog:not([class]), main [formaction],
    main [ping], main [background], main form[action], main [http-equiv], main image, main audio, main video,
    main [style*="url("], main iframe:not([sandbox=""])`)].map((node) => node.outerHTML.slice(0, 200))
    .concat(({}).polluted === undefined ? [] : ['a prototype'])
    .concat([...document.querySelectorAll('[data-markdown] [id], [data-markdown] [name]')]
      .filter((node) => !/^(place-|user-content-|footnote-label$)/.test(node.id) || node.hasAttribute('name'))
      .map((node) => node.outerHTML.slice(0, 200)))
    .concat([...document.querySelectorAll('main a[href]')]
      .filter((node) => !/^(https?|mailto):$/.test(node.protocol)).map((node) => node.outerHTML.slice(0, 200)))"""
"""What no page of ours has in its main part, and a hostile text would bring."""
SEEN = """document.body.innerText
    + [...document.querySelectorAll('[title], [aria-label]')].map((node) => node.title + node.ariaLabel)"""
FRAMES = """new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(done));
  setTimeout(done, 500);
})"""
"""What is new is drawn; a page that is not drawn at all, as behind another window, has had its time."""


@dataclass(slots=True)
class Canary:
    """A server that nobody but a payload asks; `pages` are the test's own."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    pages: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def canary_server() -> AsyncIterator[Canary]:
    canary = Canary()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode("ascii", "replace")
                page = canary.pages.get(path)
                if page is None:
                    canary.asked.append(path)
                body, status = (page or "").encode(), b"404 Not Found" if page is None else b"200 OK"
                head = b"HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\n" % status
                writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        canary.url = f"http://{host}:{port}"
        yield canary
    finally:
        server.close()


@pytest.fixture(scope="module")
async def canary(anyio_backend: str) -> AsyncIterator[Canary]:
    async with canary_server() as opened:
        yield opened


@pytest.fixture(scope="module")
def payloads(canary: Canary) -> Sequence[Payload]:
    found = all_payloads(canary.url)
    assert len({one.text for one in found}) == len(found) >= LEAST
    return found


@dataclass(slots=True, kw_only=True)
class Visit:
    """A person on the site, and the marks of the payloads that were on their screen."""

    site: Site
    canary: Canary
    seen: set[str] = field(default_factory=set)

    @property
    def tab(self) -> Tab:
        return self.site.tab

    async def be_harmless(self, where: str) -> None:
        """Nothing hostile stands in the document, and nothing has happened; what was shown is noted."""
        await self.tab.run(FRAMES)
        bad, strange, origin, seen = await self.tab.run(
            f"[{HARMFUL}, {STRANGE}, location.origin, {SEEN}]"
        )
        assert (bad, strange, origin) == ([], [], self.site.address), where
        self.seen |= set(MARK.findall(seen))
        self.nothing_happened(where)

    def nothing_happened(self, where: str) -> None:
        assert (self.tab.harms, self.tab.dialogs, self.tab.violations) == ([], [], []), where
        assert self.canary.asked == [], where

    async def until_seen(self, marks: Iterable[str], where: str, *, further: str = "") -> None:
        """Look until each of these was on the screen; `further` is a script that brings more of them there."""
        missing = set(marks)
        async with asyncio.timeout(WAIT_S):
            while missing := missing - self.seen:
                await self.be_harmless(where)
                if further and missing - self.seen:
                    await self.tab.run(further)

    async def all_tabs(self, path: str) -> None:
        """Open a page, then each of its tabs and what is folded there."""
        await self.site.go(path)
        await self.be_harmless(path)
        for number in range(len(await self.tab.find_all("tab"))):
            panel = await self.tab.find("tab", nth=number)
            await panel.call("function () { this.click(); }")
            await self.tab.until("!document.querySelector('[aria-busy=true]')")
            await self.be_harmless(f"{path} {panel.name}")
            folded = (
                "[...document.querySelectorAll('main details:not([open]) > summary,"
                " main [role=tabpanel] [aria-expanded=false]')]"
            )
            await self.tab.run(f"{folded}.slice(0, 12).forEach((node) => node.click())")
            await self.be_harmless(f"{path} {panel.name} unfolded")


@pytest.fixture
async def visit(world: World, canary: Canary) -> AsyncIterator[Visit]:
    """The browser says of a sandbox what it kept from running there; all else is asked at the end once more."""
    canary.asked.clear()
    async with world.visit(may_complain=True) as site:
        visited = Visit(site=site, canary=canary)
        yield visited
        visited.nothing_happened("at the end")


def clean(text: str) -> str:
    """Without what no text of the API may hold, and on one line."""
    return "".join(" " if char in "\n\r\t\x0c" else char for char in text if char >= " " or char in "\n\r\t\x0c")


def marks(payloads: Iterable[Payload]) -> set[str]:
    return {one.mark for one in payloads if one.mark in clean(one.text)}


def chunks(payloads: Sequence[Payload], count: int) -> list[str]:
    """All texts, in so many lines."""
    return [" ".join(clean(one.text) for one in payloads[number::count]) for number in range(count)]


async def bring(site: Site, **document: Any) -> None:
    answer = await site.client.post("/api/v1/mvp2/import", json={"version": "1.0", **document})
    assert answer.status_code == 200, answer.text


def bare_page(parts: Sequence[str]) -> str:
    """Each in a frame of its own, in which it may do what it can but lead the whole page away."""
    box = "allow-scripts allow-same-origin allow-forms allow-modals"
    frames = (f'<iframe width=90 height=40 sandbox="{box}" srcdoc="{html.escape(one)}"></iframe>' for one in parts)
    return f"<!doctype html><meta charset=utf-8><main>{''.join(frames)}</main>"


async def test_on_a_bare_page_the_same_texts_run_and_are_noticed(
    world: World, canary: Canary, payloads: Sequence[Payload]
) -> None:
    naive = MarkdownIt("commonmark", {"html": True}).enable("table")
    naive.validateLink = lambda _: True  # type: ignore[method-assign]
    shown = [(naive.render(one.text) if one.is_markdown else one.text) for one in payloads]
    parts = [shown[number::PAGES] for number in range(PAGES)]
    canary.pages = {f"/bare{number}": bare_page(part) for number, part in enumerate(parts)}
    canary.asked.clear()
    written = {one.mark for one in payloads if one.is_markdown}
    async with world.visit(may_complain=True) as site:

        def counts() -> tuple[int, int, int]:
            fired = set(site.tab.harms)
            return len(fired), len(fired & written), len(set(canary.asked))

        for path, part in zip(canary.pages, parts, strict=True):
            await site.tab.command("Page.navigate", url=canary.url + path)
            stands = f"document.querySelectorAll('body > main > iframe').length === {len(part)}"
            await site.tab.until(f"document.readyState === 'complete' && {stands}", timeout_s=WAIT_S)
            await site.tab.run(CLICKS)
            await site.tab.run(FRAMES)
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                while any(one < least for one, least in zip(counts(), FIRING, strict=True)):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)  # the browser tells by itself
        assert all(one >= least for one, least in zip(counts(), FIRING, strict=True)), counts()
        await site.tab.command("Page.navigate", url="about:blank")
    canary.pages.clear()


async def test_no_text_of_a_list_runs(visit: Visit, payloads: Sequence[Payload]) -> None:
    site, words = visit.site, chunks(payloads, 70)
    await bring(
        site,
        tasks=[
            {
                "name": line[:490],
                "description": line,
                "status": "completed",
                "core": {"status": "failed", "error": {"code": line[:60], "params": {"x": line}, "detail": line}},
                "result": {"summary": line, "report": line, "artifacts": [line]},
                "assignee": line[:100],
            }
            for line in words
        ],
        chat_history=[
            {"type": kind, "content": line, "sender": line[:100], "data": {"links": [
                {"kind": "page", "href": line[:200], "label": line}], "intent": line[:60]}}
            for line in words
            for kind in ("user", "ai")
        ],
    )  # fmt: skip
    await site.go("/tasks")
    wanted = {mark for line in words for mark in MARK.findall(line[:490])} & marks(payloads)
    assert len(wanted) >= LEAST
    await visit.until_seen(
        wanted,
        "/tasks",
        further="""(() => {
          const boxes = [document.scrollingElement, ...document.querySelectorAll('main, main *')].filter(
            (node) => node.scrollHeight > node.clientHeight + 50 && getComputedStyle(node).overflowY !== 'hidden');
          for (const box of boxes)
            box.scrollTop = box.scrollTop + box.clientHeight + 1 >= box.scrollHeight
              ? 0 : box.scrollTop + box.clientHeight * 0.8;
        })()""",
    )
    visit.seen.clear()
    await site.go("/chat")
    await visit.until_seen(
        {mark for line in words[-10:] for mark in MARK.findall(line)} & marks(payloads),
        "/chat",
        further="document.querySelectorAll('main *').forEach((node) => { node.scrollTop = 0; })",
    )
    for path in ("/agents", "/analytics", "/system"):
        await site.go(path)
        await visit.be_harmless(path)


def as_list(payloads: Sequence[Payload]) -> str:
    """Markdown in which each text is an item of its own, so that none swallows those after it."""
    items = (one.text.replace("\0", "\ufffd").replace("\r", "\n").replace("\n", "\n  ") for one in payloads)
    return "\n\n".join(f"- {item}" for item in items)


def files_of(payloads: Sequence[Payload]) -> dict[str, list[str]]:
    texts = [one.text.replace("\0", "\ufffd") for one in payloads]
    page = "<!doctype html><title>x</title><main><p>hostile page</p>" + "\n".join(texts)
    table = "name,value\n" + "".join('"{}",1\n'.format(line.replace('"', '""')) for line in chunks(payloads, 150))
    svg = "".join(text for text in texts if "<svg" in text)
    return {
        "first.md": ["text/markdown", "report", as_list(payloads)],
        "loose.md": ["text/markdown", "result", "\n\n".join(texts)],
        "second.html": ["text/html", "report", page],
        "table.csv": ["text/csv", "result", table],
        "plain.txt": ["text/plain", "result", "\n".join(texts)],
        "data.json": ["application/json", "result", json.dumps({text: text for text in texts})],
        "figure.svg": ["image/svg+xml", "chart", f'<svg xmlns="http://www.w3.org/2000/svg">{svg}</svg>'],
        "page.xhtml": ["application/xhtml+xml", "result", f"<html xmlns='http://www.w3.org/1999/xhtml'>{svg}</html>"],
    }


MARKDOWN_ELEMENTS = "[...new Set([...document.querySelectorAll('[data-markdown] *')].map((one) => one.localName))]"
HARMLESS_ELEMENTS = set(
    "p a em strong del code pre ul ol li h1 h2 h3 h4 h5 h6 blockquote hr br table thead tbody tr th td div span"
    " section sup input img details summary".split()
)


async def test_no_text_of_a_task_or_its_files_runs(visit: Visit, payloads: Sequence[Payload]) -> None:
    site, titles = visit.site, chunks(payloads, 20)
    told = {
        "edges": {f"s{number}": [] for number in range(len(titles))},
        "titles": {f"s{number}": title for number, title in enumerate(titles)},
        "files": files_of(payloads),
        "criteria": titles[:4],
        "say": titles[0],
    }
    task = await site.submit(clean(" ".join(titles))[:9000], title=titles[0][:490], input_data=told)
    await site.until_status(task, "completed", "failed", timeout_s=WAIT_S)
    assert await site.status(task) == "completed"
    await visit.all_tabs(f"/tasks/{task}")
    visit.seen.clear()
    for name in told["files"]:
        await site.go(f"/tasks/{task}?tab=artifacts&file={name}")
        await visit.be_harmless(f"{task} {name}")
        if name.endswith(".md"):
            await site.tab.until("document.querySelector('[data-markdown]')?.innerText.length > 1000")
            assert set(await site.tab.run(MARKDOWN_ELEMENTS)) <= HARMLESS_ELEMENTS
        if name == "first.md":
            await visit.until_seen({one.mark for one in payloads[:100:9]} & visible(payloads), name)
            assert len(visit.seen & marks(payloads)) >= LEAST
        if name == "plain.txt":
            await visit.until_seen(marks(payloads), name)
    # Opened by themselves, active files stand in a sandbox of their own.
    for name in ("second.html", "figure.svg"):
        await site.tab.command("Page.navigate", url=f"{site.address}/api/v1/tasks/{task}/artifacts/{name}")
        async with asyncio.timeout(WAIT_S):  # a page without scripts has no timers either
            while await site.tab.run("document.readyState") != "complete":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (site.tab.harms, site.tab.dialogs, visit.canary.asked) == ([], [], [])
        assert await site.tab.run("location.pathname") == f"/api/v1/tasks/{task}/artifacts/{name}"
    site.tab.violations.clear()  # of the sandbox, where nothing of ours is


def visible(payloads: Sequence[Payload]) -> set[str]:
    """Marks of those that Markdown shows as the texts that they are."""
    return {one.mark for one in payloads if not one.is_markdown and one.text.startswith("<img")} & marks(payloads)


async def test_no_question_failure_or_word_of_a_server_runs(visit: Visit, payloads: Sequence[Payload]) -> None:
    site, lines = visit.site, chunks(payloads, 40)
    whole = "\n".join(lines)
    asked = await site.submit("x", title="x", input_data={"ask": {"text": whole, "options": lines[:6]}, "say": whole})
    failed = await site.submit("x", title="x", input_data={"fail": {"read": whole}, "say": whole})
    await site.until_status(asked, "waiting_input", timeout_s=WAIT_S)
    await site.until_status(failed, "failed", timeout_s=WAIT_S)
    for task in (asked, failed):
        await visit.all_tabs(f"/tasks/{task}")
    assert len(visit.seen & marks(payloads)) >= LEAST
    visit.seen.clear()
    problem = {"type": whole, "title": lines[0], "status": 500, "code": lines[1], "detail": whole, "hint": whole}
    problem |= {"errors": [{"field": line, "code": line, "message": line} for line in lines], "request_id": whole}
    envelope = {"success": False, "error_code": lines[1], "message": whole, "details": problem, "timestamp": whole}
    script = f"""(() => {{
      const answers = [{json.dumps(json.dumps(problem))}, {json.dumps(json.dumps(envelope))}];
      const known = window.fetch;
      window.fetch = (input, ...rest) => {{
        const path = new URL(input.url ?? input, location.href).pathname;
        if (!path.startsWith('/api/') || path.includes('/auth/')) return known(input, ...rest);
        const isContract = path.startsWith('/api/v1/mvp2');
        const type = isContract ? 'application/json' : 'application/problem+json';
        return Promise.resolve(new Response(answers[isContract ? 1 : 0],
          {{ status: 422, headers: {{ 'content-type': type }} }}));
      }};
    }})()"""
    made = await site.tab.command("Page.addScriptToEvaluateOnNewDocument", source=script)
    for path in ("/tasks", f"/tasks/{failed}", "/chat", "/agents", "/analytics", "/system", "/settings", "/tasks/new"):
        await site.tab.go(f"{site.address}{path}")
        await site.tab.until("document.querySelector('main')?.innerText.trim()")
        await visit.be_harmless(path)
    await site.tab.go(f"{site.address}/agents")
    await visit.until_seen({min(marks(payloads))}, "/agents")
    assert len(visit.seen & marks(payloads)) >= LEAST
    await site.tab.command("Page.removeScriptToEvaluateOnNewDocument", identifier=made["identifier"])


async def test_no_name_of_a_person_key_or_file_runs(
    visit: Visit, payloads: Sequence[Payload], tmp_path: Path
) -> None:
    site = visit.site
    statuses = set()
    accepted: list[str] = []

    async def make(client: httpx.AsyncClient, one: Payload) -> None:
        body = {"name": clean(one.text).strip()[:64], "role": "user"}
        answer = await client.post("/api/v1/keys", json=body)
        statuses.add(answer.status_code)
        accepted.extend([one.mark] * (answer.status_code == 201 and one.mark in body["name"]))

    for one in payloads:
        await make(site.client, one)
        assert TENANT.fullmatch(one.text) is None or one.text.isalnum(), one.text
    for one in payloads[:6]:
        body = {"name": clean(one.text).strip()[:64], "role": "user", "password": "a long enough secret"}
        statuses.add((await site.client.post("/api/v1/users", json=body)).status_code)
    assert statuses == {201, 422}
    assert len(accepted) >= 50
    await site.go("/settings")
    await visit.until_seen(accepted[-20:], "/settings")
    odd = tmp_path / "<img src=x onerror=harm('file')>.json"
    odd.write_text(json.dumps({"version": chunks(payloads, 8)[0], "user_settings": {one.text: 1 for one in payloads}}))
    await site.tab.choose_files("input[accept*=json]", [odd])
    await site.tab.until("document.querySelector('#data [role=alert], #data .text-fail, main [role=alert]')")
    await visit.be_harmless("/settings after an import")


async def test_no_address_runs(visit: Visit, payloads: Sequence[Payload]) -> None:
    """Two in an address, as a link of the front end itself would lead there."""
    site = visit.site
    pairs = [" ".join(one.text for one in payloads[at : at + 2]) for at in range(0, len(payloads), 2)]
    await site.go("/tasks")
    for start in range(0, len(pairs), 40):
        texts = pairs[start : start + 40]
        found = await site.tab.run(
            f"""(async () => {{
              const places = ['/tasks/new?team=', '/tasks?assignee=', '/tasks?status=', '/chat#', '/tasks/',
                '/agents?x=', '/settings?x=', '/tasks/x?file=', '/tasks?team=', '/'];
              const bad = [];
              for (const [number, payload] of {json.dumps(texts)}.entries()) {{
                const place = number % 2 ? '/tasks?q=' : places[(number / 2) % places.length];
                history.pushState({{}}, '', place + encodeURIComponent(payload));
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                for (const one of [...{HARMFUL}, ...{STRANGE}]) bad.push(`${{place}}${{payload}}: ${{one}}`);
              }}
              return bad;
            }})()"""
        )
        assert found == []
        await visit.be_harmless(f"an address with one of {texts}")
    # A few are loaded anew, as from a link in a mail.
    for number, one in enumerate(payloads[:60:6]):
        path = ("/tasks?q=", "/tasks/", "/login?next=")[number % 3]
        await site.tab.run(
            f"window.isOld = true; location.href = {json.dumps(path)} + encodeURIComponent({json.dumps(one.text)})"
        )
        stands = "document.readyState === 'complete' && document.querySelector('main')?.innerText.trim()"
        await site.tab.until(f"!window.isOld && {stands}")
        await visit.be_harmless(f"{path}{one.text}")
