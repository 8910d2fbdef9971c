"""Texts that would run as code are shown as texts, wherever a task, its files or a conversation show them."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from tests.browser.payloads import FILES, MARKDOWN, MARKUP
from tests.browser.site import HARMFUL, Site, World

pytestmark = [pytest.mark.anyio, pytest.mark.system, pytest.mark.timeout(500)]

ALL = (*MARKUP, *MARKDOWN)
MAX_TITLE_CHARS = 200
READ_FRAMES = (
    "[...document.querySelectorAll('iframe')].map((frame) => frame.getAttribute('sandbox') ?? 'open')"
)


async def be_harmless(site: Site, where: str) -> None:
    """Nothing on the page would run, and nothing ran; late handlers get their moment."""
    assert await site.tab.run(HARMFUL) == [], where
    await site.tab.run("new Promise((done) => setTimeout(done, 100))")
    assert (site.tab.harms, site.tab.dialogs, site.tab.violations) == ([], [], []), where
    assert await site.tab.run("location.origin") == site.address, where


async def walk(site: Site, path: str) -> None:
    """Open a page, then every tab, folded line and preview of it."""
    await site.go(path)
    await be_harmless(site, path)
    for number in range(len(await site.tab.find_all("tab"))):
        panel = await site.tab.find("tab", nth=number)
        await panel.click()
        await be_harmless(site, f"{path} {panel.name}")
        folded = (
            "[...document.querySelectorAll('main details:not([open]) > summary, main [aria-expanded=false],"
            " main [role=tabpanel] [aria-pressed=false]')]"
        )
        for _ in range(await site.tab.run(f"{folded}.slice(0, 12).length")):
            await site.tab.run(f"{folded}[0]?.click()")
        await be_harmless(site, f"{path} {panel.name} unfolded")
        await site.tab.press("Escape")
        for name in FILES:
            for shown in [one for one in await site.tab.find_all("button") if name in one.name][:1]:
                await shown.call("function () { this.click(); }")
                await be_harmless(site, f"{path} {panel.name}: {name}")
                assert "open" not in await site.tab.run(READ_FRAMES)


def fitting(payloads: Sequence[str], count: int = 1) -> list[str]:
    """The payloads as titles."""
    return [
        payload.replace("\n", " ").replace("\x0c", " ").replace("\x01", "")[:MAX_TITLE_CHARS]
        for payload in payloads
    ]


async def test_no_title_in_the_list_runs(site: Site) -> None:
    for payload in fitting(ALL):
        await site.submit(payload, title=payload, assignee=payload[:80])
    await site.go("/tasks")
    await site.tab.until("document.querySelector('main').innerText.includes('--!>')")
    await be_harmless(site, "/tasks")
    for _ in range(6):
        await site.tab.run(
            "scrollBy(0, innerHeight); document.querySelector('main [data-scrolls]')?.scrollBy(0, 600)"
        )
        await be_harmless(site, "/tasks further down")
    await site.tab.press("k", ctrl=True)
    await site.tab.find("combobox")
    await site.tab.command("Input.insertText", text="<script")
    await be_harmless(site, "palette")


@pytest.mark.parametrize("part", range(4))
async def test_no_text_of_a_task_runs(site: Site, part: int) -> None:
    payloads = fitting(ALL)[part::4]
    edges: dict[str, list[str]] = {f"s{number}": [] for number in range(len(payloads))}
    task = await site.submit(
        "\n".join(ALL[part::4]).replace("\x01", "").replace("\x0c", ""),
        title=payloads[0],
        assignee=payloads[1][:80],
        input_data={
            "edges": edges,
            "titles": dict(zip(edges, payloads, strict=True)),
            "say": "\n".join(payloads),
            "criteria": payloads[:4],
        },
    )
    await site.until_status(task, "completed", "failed")
    await walk(site, f"/tasks/{task}")


async def test_no_question_answer_or_failure_runs(site: Site) -> None:
    asked = await site.submit(
        MARKUP[11],
        title=MARKUP[0],
        input_data={"ask": {"text": "\n".join(MARKUP[:30]), "options": MARKUP[:6]}},
    )
    failed = await site.submit(
        MARKUP[11], title=MARKUP[12], input_data={"fail": {"read": " ".join(MARKUP[:30])}}
    )
    await site.until_status(asked, "waiting_input")
    await site.until_status(failed, "failed")
    for task in (asked, failed):
        await walk(site, f"/tasks/{task}")
    await walk(site, "/tasks")
    await walk(site, "/system")


async def test_no_report_artifact_or_file_name_runs(site: Site) -> None:
    inputs = [
        ("files", (name.replace("/", ""), b"a,b\n1,2\n")) for name in ("<img src=x onerror=harm('140')>.csv",)
    ]
    told = {"files": {name: list(file) for name, file in FILES.items()}, "say": MARKDOWN[0]}
    answer = await site.client.post(
        "/api/v1/tasks",
        data={"description": "files", "team": "stage", "input_data": json.dumps(told)},
        files=inputs,
    )
    assert answer.status_code == 202, answer.text
    task = answer.json()["id"]
    await site.until_status(task, "completed", "failed")
    assert await site.status(task) == "completed"
    await walk(site, f"/tasks/{task}")
    saved = (await site.client.get(f"/api/v1/tasks/{task}/artifacts")).json()["artifacts"]
    assert {file["name"] for file in saved} >= FILES.keys()
    # Opened by themselves, active files stand in a sandbox of their own.
    for name in ("picture.svg", "report.html", "page.xhtml", "feed.xml"):
        await site.tab.command("Page.navigate", url=f"{site.address}/api/v1/tasks/{task}/artifacts/{name}")
        async with asyncio.timeout(60):  # a page without scripts has no timers either
            while await site.tab.run("document.readyState") != "complete":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.1)  # a handler that fires late is what is looked for
    assert (site.tab.harms, site.tab.dialogs) == ([], [])
    site.tab.errors.clear()  # the browser notes what the sandbox kept from running
    site.tab.violations.clear()


async def test_no_message_of_a_conversation_runs(site: Site) -> None:
    for payload in ALL:
        content = payload.replace("\x01", "").replace("\x0c", "")
        answer = await site.client.post(
            "/api/v1/mvp2/chat/messages", json={"content": content, "type": "user"}
        )
        assert answer.status_code == 200, answer.text
    await walk(site, "/chat")
    await site.tab.until("document.querySelector('main').innerText.includes('--!>')")
    await be_harmless(site, "/chat with its history")


async def test_no_address_runs(world: World) -> None:
    async with world.visit(may_complain=True) as site:
        for path in ("/tasks?q=", "/tasks?status=", "/tasks/", "/tasks/new?team=", "/chat?x=", "/"):
            for payload in MARKUP[:12:3]:
                to = json.dumps(site.address + path)
                await site.tab.run(
                    f"window.isOld = true; location.href = {to} + encodeURIComponent({json.dumps(payload)})"
                )
                await site.tab.until("!window.isOld && document.querySelector('main, body')?.innerText.trim()")
                await be_harmless(site, path)
        for hash_ in ("#<img src=x onerror=harm('150')>", "#javascript:harm('151')"):
            await site.tab.go(f"{site.address}/tasks{hash_}")
            await be_harmless(site, hash_)
