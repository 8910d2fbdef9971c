"""The browser tests notice what they are there to notice."""

import asyncio
import json
from pathlib import Path

import pytest
from tests.browser.payloads import MARKDOWN, MARKUP
from tests.browser.site import HARMFUL, axe, complaints
from tests.support.browser import open_browser, open_tab

pytestmark = [pytest.mark.anyio, pytest.mark.system, pytest.mark.timeout(300)]

PAGE = "data:text/html,<!doctype html><html lang=en><title>x</title><main><h1>x</h1></main>"


async def test_the_payloads_run_where_markup_is_made_of_them_and_are_noticed() -> None:
    async with open_tab() as tab:
        await tab.go(PAGE)
        staying = [payload for payload in MARKUP if "refresh" not in payload]
        for number, payload in enumerate(staying):
            await tab.run(f"""(() => {{
              const place = document.createElement('div');
              place.innerHTML = {json.dumps(payload)};
              document.querySelector('main').append(place);
            }})()""")
            if number % 20 == 0:
                assert isinstance(await tab.run(HARMFUL), list)
        async with asyncio.timeout(60):
            while len(set(tab.harms)) < 15:  # noqa: ASYNC110 - payloads tell nobody
                await asyncio.sleep(0.05)
        assert len(set(await tab.run(HARMFUL))) >= 15
        assert complaints(tab)


async def test_the_corpus_is_large_and_without_repetition() -> None:
    assert len(set(MARKUP)) == len(MARKUP) >= 60
    assert len(set(MARKDOWN)) == len(MARKDOWN) >= 25


async def test_what_the_policy_refuses_is_noticed() -> None:
    page = PAGE.replace(
        "<title>", "<meta http-equiv=Content-Security-Policy content=\"script-src 'none'\"><title>"
    )
    async with open_tab() as tab:
        await tab.go(page)
        await tab.run("document.querySelector('main').innerHTML = '<img src=x onerror=harm(1)>'")
        async with asyncio.timeout(60):
            while not tab.violations:  # noqa: ASYNC110 - nor does the policy
                await asyncio.sleep(0.05)
        assert tab.harms == []


async def test_elements_are_found_by_role_and_name_in_each_tab() -> None:
    async with open_browser() as browser:
        tabs = [await browser.tab(is_first=True), await browser.tab()]
        for number, tab in enumerate(tabs):
            await tab.go(
                f"{PAGE}<button onclick=document.title='pressed{number}'>Press</button><input aria-label=Name>"
            )
            await tab.press_on("button", "Press")
            await tab.until(f"document.title === 'pressed{number}'")
            await tab.fill("textbox", "Name", "李四")
            assert await tab.run("document.querySelector('input').value") == "李四"
            assert await tab.find_all("button", "Pres") == []
            assert "button 'Press'" in await tab.outline()


async def test_a_click_reaches_an_element_that_moves_away_before_it_and_nothing_else() -> None:
    async with open_tab() as tab:
        await tab.go(f"{PAGE}<button onclick=document.title+='-pressed'>Press</button>")
        await tab.run("""(() => {
          const [button, trap] = [document.querySelector('button'), document.createElement('div')];
          button.style.cssText = 'position: fixed; left: 0; top: 0';
          trap.style.cssText = 'position: fixed; left: 0; top: 0; width: 200px; height: 200px';
          trap.onpointerdown = trap.onclick = () => { document.title += '-trapped'; };
          const move = () => { button.style.left = '300px'; document.body.append(trap); };
          addEventListener('mousemove', move, { once: true });
        })()""")
        await tab.press_on("button", "Press")
        assert await tab.run("document.title") == "x-pressed"


async def test_axe_finds_what_a_screen_reader_misses(tmp_path: Path) -> None:
    async with open_tab() as tab:
        await tab.go(PAGE)
        assert await axe(tab) == []
        await tab.run("document.querySelector('main').innerHTML = '<input><img src=data:,>'")
        assert {line.partition(":")[0] for line in await axe(tab)} >= {"label", "image-alt"}
