"""Every page: loads under the policy, speaks both languages, fits every width, meets WCAG AA."""

import re
from pathlib import Path

import pytest
from tests.browser.site import Site, World, axe, embedded, picture, scripts_kb

pytestmark = [pytest.mark.anyio, pytest.mark.system, pytest.mark.timeout(500)]

PAGES = {
    "/tasks": "features/tasks",
    "/tasks/new": "features/new-task",
    "/chat": "features/chat",
    "/agents": "features/agents",
    "/analytics": "features/analytics",
    "/system": "features/system",
    "/settings": "features/settings",
}
WIDTHS = {360: 760, 768: 1024, 1280: 800, 1920: 1080}
LONG = "很长的标题 a long title " * 8
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
OVERFLOW = """(() => {
  const wide = [...document.querySelectorAll('main *')].filter((node) => {
    const box = node.getBoundingClientRect();
    return box.width > 0 && box.right > innerWidth + 1 && !node.closest('.overflow-auto, .overflow-x-auto');
  });
  const shown = wide.slice(0, 5).map((node) => node.outerHTML.slice(0, 120));
  return document.documentElement.scrollWidth > innerWidth ? shown : null;
})()"""


async def look(site: Site, name: str, *, path: str) -> None:
    """Look at one page in each language, theme and width; judge it where people differ most."""
    for language in ("zh", "en"):
        await site.prefer(language=language)
        await site.go(path)
        for theme in ("light", "dark"):
            await site.tab.prefer(prefers_color_scheme=theme, prefers_reduced_motion="reduce")
            for width, height in WIDTHS.items():
                await site.tab.resize(width, height)
                await site.tab.run(DRAWN)
                where = f"{name}-{language}-{theme}-{width}"
                await picture(site.tab, where)
                assert await site.tab.run(OVERFLOW) is None, where
                if width in (360, 1280) and (language == "zh" or theme == "light"):
                    assert await axe(site.tab) == [], where


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_readable_in_each_language_theme_and_width(site: Site, path: str) -> None:
    task = await site.submit("第一个任务", title=LONG[:200], priority=4)
    await site.until_status(task, "completed")
    await site.submit(
        "waits for an answer", input_data={"ask": {"text": "Which one?", "options": ["red", "blue"]}}
    )
    await site.submit("runs", input_data={"hold": ["write"]})
    await look(site, path.strip("/").replace("/", "-"), path=path)


@pytest.mark.parametrize("kind", ["done", "running", "asking", "failed"])
async def test_the_task_page_is_readable_in_each_state(site: Site, kind: str) -> None:
    told = {
        "done": {
            "files": {
                "report.md": [
                    "text/markdown",
                    "report",
                    "# 报告\n\n- 一\n- 二\n\n| a | b |\n|---|---|\n| 1 | 2 |",
                ]
            }
        },
        "running": {
            "hold": ["b", "write"],
            "edges": {"read": [], "a": ["read"], "b": ["read"], "write": ["a", "b"]},
        },
        "asking": {"ask": {"text": "哪一个？", "options": ["红", "蓝"]}},
        "failed": {"fail": {"read": "the table has no rows"}},
    }[kind]
    wanted = {"done": "completed", "running": "in_progress", "asking": "waiting_input", "failed": "failed"}[
        kind
    ]
    task = await site.submit("整理港口季度数据", title=LONG[:200], input_data=told)
    await site.until_status(task, wanted, timeout_s=60)
    await look(site, f"task-{kind}", path=f"/tasks/{task}")


async def test_an_installation_without_tasks_says_so_and_complains_of_nothing(tmp_path: Path) -> None:
    async with embedded(tmp_path) as site:
        for path in PAGES:
            await site.go(path)
            assert await axe(site.tab) == [], path
            await picture(site.tab, f"empty{path.replace('/', '-')}")
        await site.tab.resize(360, 640)
        await site.go("/chat")
        await site.tab.run(DRAWN)
        assert await site.tab.run("scrollY") == 0  # nothing was said that would be followed


async def test_chinese_is_spoken_first_and_english_after_one_press(tmp_path: Path) -> None:
    async with embedded(tmp_path) as site:
        await site.tab.go(f"{site.address}/")
        await site.titled("features/tasks")
        assert await site.tab.run("location.pathname") == "/tasks"
        assert await site.tab.run("document.documentElement.lang") == "zh-CN"
        await site.tab.press_on("button", site.word("frame", "language.switch"))
        site.language = "en"
        await site.titled("features/tasks")
        for path, area in PAGES.items():
            await site.go(path)
            await site.titled(area)
            assert await site.tab.run("document.documentElement.lang") == "en"
            assert site.word(area, "title") in await site.tab.run("document.title")
        await site.tab.press_on("button", site.word("frame", "language.switch"))
        site.language = "zh"
        await site.titled("features/settings")


async def test_the_theme_follows_the_system_until_a_person_chooses(site: Site) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    await site.tab.prefer(prefers_color_scheme="light")
    await site.go("/tasks")
    light = await site.tab.run(ground)
    await site.tab.prefer(prefers_color_scheme="dark")
    dark = await site.tab.run(ground)
    assert light != dark
    await site.prefer(theme="light")
    await site.go("/tasks")
    assert await site.tab.run(ground) == light


async def test_the_frame_is_worked_by_the_keyboard_alone(site: Site) -> None:
    tab = await site.go("/tasks")
    await tab.press("?")
    await tab.find("dialog")
    await tab.press("Escape")
    await tab.gone("dialog")
    await tab.press("n")
    await site.titled("features/new-task")
    await site.go("/tasks")
    await tab.press("k", ctrl=True)
    await tab.find("combobox")
    agents = site.word("frame", "agents")
    await tab.command("Input.insertText", text=agents)
    # Enter takes the chosen option: until what was typed is drawn, that is another one.
    await tab.until(f"document.querySelector('[role=option][aria-selected=true]')?.innerText.trim() === {agents!r}")
    await tab.press("Enter")
    await site.titled("features/agents")


async def test_an_address_that_is_none_says_so_and_leads_back(world: World) -> None:
    async with world.visit(may_complain=True) as site:  # the browser notes the 404
        await site.go("/no/such/page")
        await site.tab.until(
            f"document.querySelector('main').innerText.includes('{site.word('frame', 'missing.title')}')"
        )
        for width in (360, 1280):
            await site.tab.resize(width)
            assert await site.tab.run(OVERFLOW) is None
            assert await axe(site.tab) == []
            await picture(site.tab, f"missing-{width}")
        await site.tab.press_on("link", site.word("frame", "missing.back"))
        await site.titled("features/tasks")


async def test_each_place_of_the_rail_is_one_press_away(site: Site) -> None:
    tab = await site.go("/tasks")
    for place in ("chat", "agents", "analytics", "system", "settings", "tasks"):
        await tab.press_on("link", site.word("frame", place))
        await site.titled(f"features/{place}")
        assert await tab.run("location.pathname") == f"/{place}"


async def test_the_first_load_asks_for_few_scripts(site: Site) -> None:
    await site.go("/")
    assert 50 < await scripts_kb(site.tab) <= 250


async def test_five_thousand_events_are_few_rows_at_a_time(site: Site) -> None:
    steps = {f"part-{number}": [f"part-{number - 1}"] if number else [] for number in range(10)}
    noted = {"tool.called": 250, "recovery.attempted": 250}
    task = await site.submit(input_data={"edges": steps, "events": noted})
    await site.until_status(task, "completed", timeout_s=90)
    tab = await site.go(f"/tasks/{task}")
    for name, box in (("timeline", "[role=log]"), ("logs", "[role=tabpanel] [role=region]")):
        if name == "logs":
            await tab.press_on("tab", re.compile(re.escape(site.word("features/task", "tab.logs"))))
        rows = f"[...document.querySelectorAll({(box + ' [data-index]')!r})]"
        last = f"Math.max(...{rows}.map((row) => Number(row.dataset.index)))"
        await tab.until(f"{rows}.length > 3")
        height = await tab.run(f"document.querySelector({box!r}).scrollHeight")
        assert height > 2500 * 20, name
        for _ in range(3):
            await tab.run(f"document.querySelector({box!r}).scrollTop += {height / 4}")
            await tab.run(DRAWN)
            assert await tab.run(f"{rows}.length") < 150, name
        await tab.run(f"document.querySelector({box!r}).scrollTop = {2 * height}")
        await tab.until(f"{last} >= 2500")
