"""The front end over PostgreSQL, Redis and nginx, with servers that come and go."""

from pathlib import Path

import pytest
from tests.browser.site import production
from tests.browser.test_flows import DIAMOND, DONE, HEADER, STATE, shows, stands

pytestmark = [pytest.mark.anyio, pytest.mark.system, pytest.mark.servers, pytest.mark.timeout(500)]


async def test_a_run_is_followed_through_the_loss_of_a_server_and_of_the_worker(tmp_path: Path) -> None:
    async with production(tmp_path) as (fleet, _, site):
        task = await site.submit(input_data={"edges": DIAMOND, "hold": ["left", "right", "write"]})
        first = await site.go(f"/tasks/{task}")
        second = await site.go(f"/tasks/{task}", await site.another_tab())
        for tab in (first, second):
            await tab.until(stands(read="completed", left="running"), timeout_s=120)
        fleet.apis[0].kill()
        site.open("left")
        for tab in (first, second):
            await tab.until(stands(left="completed", right="running"), timeout_s=120)
        fleet.workers[0].kill_child()
        site.open("right", "write")
        for tab in (first, second):
            await tab.until(f"{HEADER} === 'completed' && {stands(**DONE)}", timeout_s=120)
        assert await first.run(STATE) == await second.run(STATE)
        for tab in (first, second):
            assert (tab.violations, tab.harms, tab.dialogs) == ([], [], [])


async def test_pages_close_for_maintenance_and_open_by_themselves(tmp_path: Path) -> None:
    async with production(tmp_path) as (_, nginx, site):
        task = await site.submit(title="港口季度报告", input_data={"hold": ["write"]})
        tab = await site.go(f"/tasks/{task}")
        await tab.until(shows("港口季度报告"))
        nginx.flag.touch()
        await tab.command("Page.navigate", url=f"{site.address}/tasks")
        await tab.until("document.querySelector('#again')")
        site.open("write")
        nginx.flag.unlink()
        await tab.until(f"location.pathname === '/tasks' && {shows('港口季度报告')}", timeout_s=120)
        await tab.until(shows(site.word("parts", "status.completed")), timeout_s=120)
        assert (tab.violations, tab.harms, tab.dialogs) == ([], [], [])
