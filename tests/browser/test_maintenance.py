"""The maintenance page of nginx, as a person meets it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.browser.site import axe, complaints, picture
from tests.support.browser import Tab, open_tab
from tests.support.nginx import Nginx
from tests.support.server import open_desk, serving

pytestmark = [pytest.mark.anyio, pytest.mark.system, pytest.mark.timeout(300)]

STATIC = {
    "index.html": b'<!doctype html><html lang="en"><title>front end</title><main><h1>front end</h1></main></html>',
    "favicon.ico": b"",
}
IS_CLOSED = "document.querySelector('#again')"
IS_OPEN = "document.title === 'front end'"


@asynccontextmanager
async def before(*upstreams: str, language: str = "zh-CN") -> AsyncIterator[tuple[Nginx, Tab]]:
    nginx = Nginx(*upstreams, static=STATIC)
    try:
        await asyncio.to_thread(nginx.start)
        async with open_tab(language=language) as tab:
            yield nginx, tab
    finally:
        await asyncio.to_thread(nginx.close)


def but_for_503(tab: Tab) -> list[str]:
    """The browser itself notes each answer of 503."""
    return [one for one in complaints(tab) if "503" not in one]


async def test_the_page_waits_and_returns_by_itself_to_what_was_wanted(tmp_path: Path) -> None:
    async with (
        open_desk(tmp_path) as desk,
        serving(desk.app) as address,
        before(address) as (nginx, tab),
    ):
        nginx.flag.touch()
        await tab.go(f"{nginx.url}/tasks/one?tab=report")
        await tab.until(IS_CLOSED)
        await tab.until("document.querySelector('#note').innerText.includes(':')")
        nginx.flag.unlink()
        await tab.until(IS_OPEN)
        assert await tab.run("location.pathname + location.search") == "/tasks/one?tab=report"
        assert but_for_503(tab) == []


async def test_the_page_comes_up_while_no_server_lives_and_goes_when_one_does(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        async with serving(desk.app) as address:
            pass
        async with before(address) as (nginx, tab):
            await tab.go(f"{nginx.url}/agents")
            await tab.until(IS_CLOSED)
            await tab.press_on("button", "立即重试")
            await tab.until(IS_CLOSED)
            assert but_for_503(tab) == []


@pytest.mark.parametrize(("language", "heading"), [("zh-CN", "维护"), ("en-US", "maintenance")])
async def test_the_page_is_readable_in_each_language_theme_and_width(language: str, heading: str) -> None:
    async with before("127.0.0.1:9", language=language) as (nginx, tab):
        await tab.go(f"{nginx.url}/")
        await tab.find("heading")
        assert heading in await tab.run("document.querySelector('h1').innerText")
        for theme in ("light", "dark"):
            await tab.prefer(prefers_color_scheme=theme)
            assert await axe(tab) == []
            for width in (360, 1280):
                await tab.resize(width)
                assert await tab.run("document.documentElement.scrollWidth <= innerWidth")
                await picture(tab, f"maintenance-{language[:2]}-{theme}-{width}")
        assert but_for_503(tab) == []
