"""The pages in a real Chromium: weight, start, how soon an event is drawn, and scrolling a long log.

    python -m bench.pages [--loads 5] [--events 36] [--json FILE]

A real `lgma serve` with the built front end. `interactive` runs from the navigation of a person who
was never there (nothing cached) until the list is drawn and the main thread has been free for 100 ms.
An event's time runs from its row's timestamp, taken in the transaction before it commits, to the
first frame that shows it. The scrolled task has 5,000 events, half of them lines of the timeline; a
frame is the time between two animation frames while its timeline and its log run past.
"""

import argparse
import asyncio
import json
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.browser.site import Served, Site, World, scripts_kb, word
from tests.support.browser import INSTALL, NAMES, open_browser

from langgraph_multi_agent.api.pages import WEB

LIMITS = {"entry_kb": 250, "interactive_s": 2.0, "event_ms": 200, "frame_ms": 100}
NOTED = {"tool.called": 250, "recovery.attempted": 250}
"""By each of ten subtasks: 5,000 events with those that the engine writes itself."""
CHAIN = 6
"""Subtasks of a plan that is wholly in view: what is out of view is not drawn."""
STEPS = {f"part-{number}": [f"part-{number - 1}"] if number else [] for number in range(10)}
IS_FREE = """new Promise((done) => {
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    const box = document.querySelector('main h1') && !document.querySelector('[aria-busy=true]');
    if (!box) window.free = undefined;
    else if (window.free === undefined || now - last > 50) window.free = now;
    if (window.free !== undefined && now - window.free > 100) { done(window.free / 1000); return; }
    last = now;
    setTimeout(look, 5);
  };
  look();
})"""
SCROLL = """new Promise((done) => {
  const box = document.querySelector(%s);
  box.scrollTop = 0;
  const frames = [];
  let last = null, rows = 0;
  const step = (now) => {
    if (last !== null) frames.push(now - last);
    last = now;
    rows = Math.max(rows, box.querySelectorAll('[data-index]').length);
    const before = box.scrollTop;
    box.scrollTop += 700;
    if (box.scrollTop === before && frames.length > 5) done({ frames, rows, height: box.scrollHeight });
    else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[World]:
    """A server in a process of its own, and a browser."""
    server = Served(folder)
    try:
        await server.start()
        async with open_browser() as browser:
            yield World(address=server.address, browser=browser, gates=server.gates)
    finally:
        await server.kill()


async def interactive(world: World) -> tuple[float, float]:
    """Seconds until a person who was never there can use the list, and gzipped kB of scripts till then."""
    async with world.visit() as site:
        await site.tab.command("Page.navigate", url=f"{site.address}/tasks")
        await site.tab.until("location.pathname === '/tasks' && document.body")
        return float(await site.tab.run(IS_FREE)), await scripts_kb(site.tab)


async def event_ms(site: Site) -> list[float]:
    """Milliseconds from the commit of each of some events to the frame that shows it, one at a time."""
    names = [f"s{number}" for number in range(CHAIN)]
    edges = {name: names[max(0, at - 1) : at] for at, name in enumerate(names)}
    task = await site.submit(input_data={"edges": edges, "hold": names})
    tab = await site.go(f"/tasks/{task}")
    seen_ms = {}
    for name in names:
        status = f"document.querySelector('[data-subtask={name}] [data-status]:not(a)')?.dataset.status"
        await tab.until(f"{status} === 'running'")
        await tab.run(f"""window.seen = new Promise((done) => {{
          const look = () => ({status} === 'completed' ? done(Date.now()) : requestAnimationFrame(look));
          look();
        }}), 0""")
        site.open(name)
        seen_ms[name] = await tab.run("window.seen")
    await site.until_status(task, "completed")
    answer = await site.client.get(f"/api/v1/tasks/{task}/events", params={"limit": 500})
    return [
        seen_ms[event["subtask_id"]] - datetime.fromisoformat(event["at"]).timestamp() * 1000
        for event in answer.json()["events"]
        if event["type"] == "subtask.completed"
    ]


async def scrolling(site: Site) -> dict[str, Any]:
    """The longest frames of a page with 5,000 events, and how long it took to stand."""
    task = await site.submit(input_data={"edges": STEPS, "events": NOTED})
    await site.until_status(task, "completed", timeout_s=120)
    tab = await site.go(f"/tasks/{task}")
    await tab.until("document.querySelectorAll('[role=log] [data-index]').length > 3")
    shown_s = await tab.run("performance.now() / 1000")
    found = {"timeline": await tab.run(SCROLL % json.dumps("[role=log]"))}
    await tab.press_on("tab", re.compile(re.escape(word("features/task", "tab.logs"))))
    region = "[role=tabpanel] [role=region]"
    await tab.until(f"document.querySelectorAll('{region} [data-index]').length > 3")
    found["log"] = await tab.run(SCROLL % json.dumps(region))
    return {"shown_s": shown_s} | {
        f"{name}_{key}": value
        for name, one in found.items()
        for key, value in (
            ("frame_ms", max(one["frames"])),
            ("frames", len(one["frames"])),
            ("rows", one["rows"]),
        )
    }


async def measure(loads: int, events: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder)) as world:
            found = [await interactive(world) for _ in range(loads + 1)][1:]
            times: list[float] = []
            while len(times) < events:
                async with world.visit() as site:  # with gates of its own
                    times += await event_ms(site)
            async with world.visit() as site:
                scrolled = await scrolling(site)
    starts, sizes = zip(*found, strict=True)
    return {
        "bench": "pages",
        "limits": LIMITS,
        "entry_kb": max(sizes),
        "interactive_s": statistics.median(starts),
        "interactive_spread_s": [min(starts), max(starts)],
        "event_ms": statistics.median(times),
        "event_worst_ms": max(times),
        "events": len(times),
        **scrolled,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--loads", type=int, default=5)
    parser.add_argument("--events", type=int, default=36)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not any(map(shutil.which, NAMES)):
        sys.exit(f"the pages are measured in Chromium: {INSTALL}")
    if not (WEB / "assets").is_dir():
        sys.exit("the front end is not built: python scripts/web.py build")
    report = asyncio.run(measure(options.loads, options.events))
    print(json.dumps(report))
    if options.json:
        options.json.write_text(json.dumps(report))


if __name__ == "__main__":
    main()
