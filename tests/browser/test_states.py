"""States that a person rarely meets: a step of thousands of calls, a task that is none, a file that is no export."""

import re
from pathlib import Path

import pytest
from tests.browser.site import Site, World, axe, embedded, picture
from tests.support.browser import Tab

pytestmark = [pytest.mark.anyio, pytest.mark.system, pytest.mark.timeout(400)]

CALLS = 3000
DRAWN_CALLS = "document.querySelectorAll('[role=log] tbody tr[aria-rowindex]').length"
LAST_ROW = "[...document.querySelectorAll('[role=log] tbody tr[aria-rowindex]')].at(-1)?.ariaRowIndex"
MAX_DRAWN = 60


async def test_an_opened_step_of_thousands_of_calls_draws_those_in_sight(site: Site) -> None:
    task = await site.submit(
        "calls a lot", input_data={"edges": {"read": []}, "events": {"tool.called": CALLS}}
    )
    await site.until_status(task, "completed", timeout_s=120)
    tab = await site.go(f"/tasks/{task}")
    step = "[...document.querySelectorAll('[data-entry^=\"subtask:read\"] > button')][0]"
    await tab.until(step, timeout_s=60)
    await tab.run(f"{step}.click()")
    await tab.until(f"{DRAWN_CALLS} > 0", timeout_s=60)
    assert await tab.run(DRAWN_CALLS) <= MAX_DRAWN
    table = "document.querySelector('[role=log] table')"
    assert await tab.run(f"{table}.ariaRowCount ?? {table}.getAttribute('aria-rowcount')") == str(CALLS + 1)
    await tab.run(f"{table}.parentElement.scrollTo(0, {table}.parentElement.scrollHeight)")
    await tab.until(f"{LAST_ROW} === '{CALLS + 1}'", timeout_s=60)
    assert await tab.run(DRAWN_CALLS) <= MAX_DRAWN
    await picture(tab, "step-of-thousands")


async def test_a_task_that_is_none_says_so_and_leads_on(world: World) -> None:
    async with world.visit(may_complain=True) as site:  # the browser notes the 404
        await site.go("/tasks/nothing-of-that-name")
        await site.tab.find("heading", site.word("features/task", "missing.title"))
        for width in (360, 1280):
            await site.tab.resize(width)
            assert await axe(site.tab) == []
            await picture(site.tab, f"missing-task-{width}")
        await site.tab.press_on("link", site.word("features/task", "gone.back"))
        await site.titled("features/tasks")


@pytest.mark.parametrize("content", ["not JSON", '{"tasks": "many"}'])
async def test_a_file_that_is_no_export_says_what_to_do_next(
    world: World, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(content, encoding="utf-8")
    async with world.visit(may_complain=True) as site:  # the browser notes the 422
        await site.go("/settings")
        await site.tab.choose_files("input[accept*=json]", [file])
        said = site.word("features/settings", "import.failed")
        await site.tab.until(f"document.querySelector('main').innerText.includes({said!r})")
        await picture(site.tab, "import-failed")


async def test_a_deadline_is_told_by_the_hour_and_as_passed_when_it_is(site: Site) -> None:
    past, future = "2020-05-04T10:30:00Z", "2999-05-04T10:30:00Z"
    for deadline, label in ((future, "deadline"), (past, "deadline.late")):
        task = await site.submit(input_data={"hold": ["read"]}, deadline=deadline)
        tab = await site.go(f"/tasks/{task}")
        shown = site.word("features/task", label)
        due = f"[...document.querySelectorAll('header dt')].find((one) => one.innerText.trim() === {shown!r})"
        text = await tab.until(f"{due}?.nextElementSibling.innerText")
        assert text.startswith(deadline[:4])
        assert re.search(r"\d\d:30", text), text


async def unplug(tab: Tab, *, is_out: bool) -> None:
    """Take the tab's network away, or give it back."""
    await tab.command("Network.enable")
    await tab.command(
        "Network.emulateNetworkConditions",
        offline=is_out,
        latency=0,
        downloadThroughput=-1,
        uploadThroughput=-1,
    )


async def test_a_page_opened_without_a_network_says_so_and_comes_by_itself_afterwards(world: World) -> None:
    async with world.visit(may_complain=True) as site:  # the browser notes what it could not load
        tab = await site.go("/settings")
        await tab.run("window.isSamePage = true")
        await unplug(tab, is_out=True)
        await tab.press_on("link", site.word("frame", "analytics"))
        said = site.word("parts", "error.OFFLINE.title")
        await tab.until(f"document.querySelector('main')?.innerText.includes({said!r})")
        assert await tab.run("location.pathname") == "/analytics"
        await picture(tab, "page-offline")
        await unplug(tab, is_out=False)
        await site.titled("features/analytics")
        assert await tab.run("window.isSamePage")  # nothing was loaded anew: a draft on the page would have been lost


async def test_an_administrator_sees_what_the_tenant_may_use_and_has_used(tmp_path: Path) -> None:
    async with embedded(tmp_path) as site:
        await site.submit(input_data={"hold": ["read"]})
        served = (await site.client.get("/api/v1/quota")).json()
        assert served["tasks_in_flight"]["used"] == 1
        for language in ("zh", "en"):
            await site.prefer(language=language)
            await site.go("/system")
            for kind, used in (("tasks_in_flight", "1"), ("tokens_today", "0")):
                label = site.word("features/system", f"quota.{kind}")
                shown = site.word("features/system", "quota.unlimited", used=used)
                await site.tab.until(
                    f"[...document.querySelectorAll('dt')].some((one) => one.innerText.trim() === {label!r}"
                    f" && one.nextElementSibling?.innerText.trim() === {shown!r})"
                )
            assert await axe(site.tab) == []
