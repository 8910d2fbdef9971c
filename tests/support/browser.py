"""A real Chromium, driven over the DevTools protocol.

Called by end-to-end tests. Invariant: the browser and everything it started end with the block, and
it reaches nothing but loopback.
"""

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

INSTALL = "apt-get update && apt-get install -y --no-install-recommends chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DEADLINE_S = 30.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--mute-audio",
    "--disable-features=IsolateSandboxedIframes",  # else a sandboxed report is out of this tab's reach
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--remote-debugging-port=0",
)


class ScriptFailed(AssertionError):
    """An expression threw in the page."""


def chromium() -> str:
    """The program; without one the test fails where CI=true and is skipped elsewhere."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    message = f"these tests need Chromium: {INSTALL}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


class Tab:
    """One page. Expressions are JavaScript; their values come back as JSON."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.dialogs: list[str] = []
        self.errors: list[str] = []

    async def listen(self) -> None:
        """Read answers and events until the browser closes."""
        with suppress(ConnectionClosed):
            async for raw in self._connection:
                message = json.loads(raw)
                if "id" in message:
                    future = self._answers.pop(message["id"])
                    if not future.cancelled():
                        future.set_result(message)
                else:
                    await self._note(message["method"], message["params"])

    async def _note(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Page.javascriptDialogOpening":
                self.dialogs.append(params["message"])
                await self._post("Page.handleJavaScriptDialog", accept=True)
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description") or details["text"])
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                entry = params["entry"]
                self.errors.append(f"{entry['source']}: {entry['text']} {entry.get('url', '')}")

    async def _post(self, method: str, **params: Any) -> int:
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        return number

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """One DevTools command with its result."""
        number = await self._post(method, **params)
        async with asyncio.timeout(DEADLINE_S):
            answer = await self._answers[number]
        if "error" in answer:
            raise ScriptFailed(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def run(self, expression: str) -> Any:
        """The value of an expression; a promise is awaited. Raises ScriptFailed."""
        answer = await self.command(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise ScriptFailed(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    async def until(self, expression: str, *, timeout_s: float = DEADLINE_S) -> Any:
        """Wait in the page until an expression is true; gives its value."""
        js = f"""new Promise((resolve, reject) => {{
          const end = performance.now() + {timeout_s * 1000};
          const check = () => {{
            let value;
            try {{ value = {expression}; }} catch (error) {{ reject(error); return; }}
            if (value) resolve(value);
            else if (performance.now() > end)
              reject(new Error('not within {timeout_s:g} s: ' + {json.dumps(expression)}
                + '\\n' + document.body.innerText));
            else setTimeout(check, 25);
          }};
          check();
        }})"""
        number = await self._post(
            "Runtime.evaluate", expression=js, awaitPromise=True, returnByValue=True, userGesture=True
        )
        async with asyncio.timeout(timeout_s + DEADLINE_S):
            answer = (await self._answers[number])["result"]
        if "exceptionDetails" in answer:
            raise ScriptFailed(answer["exceptionDetails"].get("exception", {}).get("description", "failed"))
        return answer["result"].get("value")

    async def go(self, url: str) -> None:
        """Open an address and wait until the page stands."""
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && document.querySelector('main')")

    async def reload(self) -> None:
        await self.run("window.isOld = true")
        await self.command("Page.reload")
        async with asyncio.timeout(DEADLINE_S):
            while True:
                with suppress(ScriptFailed):
                    if await self.run("!window.isOld && document.querySelector('main') !== null"):
                        return

    async def click(self, selector: str) -> None:
        await self.until(f"document.querySelector({json.dumps(selector)})")
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def type(self, selector: str, content: str) -> None:
        """Put the caret into a field and insert text as an input method does."""
        await self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.command("Input.insertText", text=content)

    async def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" and len(key) == 1 else {}
            await self.command("Input.dispatchKeyEvent", type=kind, key=key, **text)

    async def choose_files(self, selector: str, paths: Sequence[Path]) -> None:
        document = await self.command("DOM.getDocument")
        node = await self.command("DOM.querySelector", nodeId=document["root"]["nodeId"], selector=selector)
        await self.command("DOM.setFileInputFiles", nodeId=node["nodeId"], files=[str(p) for p in paths])

    async def resize(self, width: int, height: int = 800) -> None:
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def prefer(self, **features: str) -> None:
        """Media features: `prefers-color-scheme="dark"` with underscores for dashes."""
        wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        await self.command("Emulation.setEmulatedMedia", features=wanted)

    async def frame_text(self) -> str:
        """What a reader sees in the page's one frame, wherever its origin keeps scripts out."""
        tree = (await self.command("Page.getFrameTree"))["frameTree"]
        (frame,) = tree["childFrames"]
        world = await self.command("Page.createIsolatedWorld", frameId=frame["frame"]["id"])
        answer = await self.command(
            "Runtime.evaluate",
            expression="document.readyState === 'complete' ? document.body.innerText : ''",
            contextId=world["executionContextId"],
            returnByValue=True,
        )
        return str(answer["result"].get("value", ""))

    async def screenshot(self, path: Path, *, is_full: bool = False) -> None:
        shot = await self.command("Page.captureScreenshot", format="png", captureBeyondViewport=is_full)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))


@asynccontextmanager
async def open_tab(*, language: str = "zh-CN") -> AsyncIterator[Tab]:
    """A browser with an empty profile and one tab.

    Args:
        language: what it sends as Accept-Language.
    """
    program = chromium()
    profile = Path(tempfile.mkdtemp(prefix="lgma-chromium-"))
    process = await asyncio.create_subprocess_exec(
        program,
        *FLAGS,
        f"--lang={language}",
        f"--user-data-dir={profile}",
        "about:blank",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    drain: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    drain.set_result(b"")
    try:
        address = await _address(process)
        assert process.stderr is not None
        drain = asyncio.create_task(process.stderr.read())  # a full pipe would stop the browser
        async with connect(address, max_size=None, compression=None, proxy=None) as root:
            await root.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
            target = await _first_page(root)
        page = f"{address.split('/devtools/')[0]}/devtools/page/{target}"
        async with connect(page, max_size=None, compression=None, proxy=None) as connection:
            tab = Tab(connection)
            listening = asyncio.create_task(tab.listen())
            try:
                for domain in ("Page", "Runtime", "Log", "DOM"):
                    await tab.command(f"{domain}.enable")
                await tab.resize(1280)
                yield tab
            finally:
                listening.cancel()
                await asyncio.wait({listening})
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await drain
        await asyncio.to_thread(shutil.rmtree, profile, ignore_errors=True)


async def _address(process: asyncio.subprocess.Process) -> str:
    """Where the browser's DevTools listen, from its first words."""
    assert process.stderr is not None
    heard: list[str] = []
    async with asyncio.timeout(DEADLINE_S):
        while line := (await process.stderr.readline()).decode(errors="replace"):
            heard.append(line)
            if line.startswith("DevTools listening on "):
                return line.removeprefix("DevTools listening on ").strip()
    raise AssertionError("Chromium did not start: " + "".join(heard))


async def _first_page(root: ClientConnection) -> str:
    async with asyncio.timeout(DEADLINE_S):
        async for raw in root:
            message = json.loads(raw)
            if message.get("id") == 1:
                pages = [one for one in message["result"]["targetInfos"] if one["type"] == "page"]
                return str(pages[0]["targetId"])
    raise AssertionError("Chromium has no page")
