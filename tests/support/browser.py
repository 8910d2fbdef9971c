"""A real Chromium, driven over the DevTools protocol.

Called by end-to-end tests. Elements are found as a screen reader finds them, by role and name, and
clicked with a mouse. Invariant: the browser and everything it started end with the block, and it
reaches nothing but loopback.
"""

import asyncio
import base64
import itertools
import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

INSTALL = "apt-get update && apt-get install -y --no-install-recommends chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DEADLINE_S = 60.0
POLL_S = 0.05
# A browser that has no time for a while has not gone: nothing but a command's deadline ends a connection.
LINE: dict[str, Any] = {
    "max_size": None,
    "compression": None,
    "proxy": None,
    "open_timeout": DEADLINE_S,
    "ping_interval": None,
}
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
    "--disable-background-timer-throttling",  # a second tab is not to fall asleep
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--no-first-run",
    "--no-default-browser-check",
    "--mute-audio",
    "--disable-features=IsolateSandboxedIframes",  # else a sandboxed report is out of this tab's reach
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--remote-debugging-port=0",
)


WATCH = """addEventListener('securitypolicyviolation', (event) => reportViolation(
  `${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ''} ${event.sample ?? ''}`));"""
LEFT = re.compile("navigated|context", re.IGNORECASE)
"""What Chromium says of an expression whose page has gone."""
AIM = """function () {
  if (this.disabled) return 'it is disabled';
  const listening = new AbortController();
  let verdict = 'no event came';
  const isMine = (event) => event.composedPath().includes(this) || event.target.closest?.('label')?.control === this;
  const look = (event) => {
    if (event.type === 'pointerdown')
      verdict = isMine(event) ? HIT : `there lies ${event.target.outerHTML?.slice(0, 200)}`;
    if (verdict === HIT) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  for (const kind of ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click'])
    addEventListener(kind, look, { capture: true, signal: listening.signal });
  window.endAim = () => { listening.abort(); return verdict; };
  return HIT;
}""".replace("HIT", "'hit'")
"""Lets a click go through to one element only: a page that is still being laid out moves it away meanwhile."""
Name = str | re.Pattern[str]
"""An accessible name: a text matches whole, a pattern anywhere."""


class ScriptFailed(AssertionError):
    """An expression threw in the page."""


class NotFound(AssertionError):
    """No element of that role and name came up in time; the text ends with what there is."""


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
        """Exceptions, console.error, failed requests."""
        self.violations: list[str] = []
        """What the content security policy kept from happening."""
        self.harms: list[str] = []
        """Arguments of `harm()`, which nobody but a hostile payload calls."""

    async def prepare(self) -> None:
        """Once, before the first page."""
        for domain in ("Page", "Runtime", "Log", "DOM", "Accessibility"):
            await self.command(f"{domain}.enable")
        for binding in ("harm", "reportViolation"):
            await self.command("Runtime.addBinding", name=binding)
        await self.command("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        await self.command("Emulation.setFocusEmulationEnabled", enabled=True)
        await self.resize(1280)

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
            case "Runtime.bindingCalled":
                kept = self.harms if params["name"] == "harm" else self.violations
                kept.append(params["payload"])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "assert"):
                said = [str(part.get("value", part.get("description", ""))) for part in params["args"]]
                self.errors.append("console: " + " ".join(said))
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
        """Wait in the page, or in those that follow it, until an expression is true; gives its value."""
        end = asyncio.get_running_loop().time() + timeout_s
        while True:
            left_s = max(0.0, end - asyncio.get_running_loop().time())
            js = f"""new Promise((resolve, reject) => {{
              const end = performance.now() + {left_s * 1000};
              const check = () => {{
                let value;
                try {{ value = {expression}; }} catch (error) {{ reject(error); return; }}
                if (value) resolve(value instanceof Node ? true : value);
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
                answer = await self._answers[number]
            if "error" in answer and left_s > 0 and LEFT.search(answer["error"]["message"]):
                # The page was left; its successor is asked.
                await asyncio.sleep(POLL_S)
                continue
            if "error" in answer:
                raise ScriptFailed(answer["error"]["message"])
            if "exceptionDetails" in answer["result"]:
                details = answer["result"]["exceptionDetails"]
                raise ScriptFailed(details.get("exception", {}).get("description", "failed"))
            return answer["result"]["result"].get("value")

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

    async def find(
        self, role: str, name: Name = "", *, nth: int = 0, timeout_s: float = DEADLINE_S
    ) -> "Element":
        """Wait for an element, by its role and accessible name; none asks for any name.

        Raises:
            NotFound: with the roles and names that there are.
        """
        async with asyncio.timeout(timeout_s + DEADLINE_S):
            end = asyncio.get_running_loop().time() + timeout_s
            while True:
                found = await self.find_all(role, name)
                if len(found) > nth:
                    return found[nth]
                if asyncio.get_running_loop().time() > end:
                    raise NotFound(
                        f"{role} {name!r} at {await self.run('location.href')}\n{await self.outline()}"
                    )
                await asyncio.sleep(POLL_S)

    async def find_all(self, role: str, name: Name = "") -> list["Element"]:
        """All elements of a role and name that a screen reader finds now."""
        with suppress(ScriptFailed):  # a page on its way out
            return [
                Element(tab=self, node=node["backendDOMNodeId"], name=_name_of(node))
                for node in await self._tree(role)
                if _fits(_name_of(node), name)
            ]
        return []

    async def gone(self, role: str, name: Name = "", *, timeout_s: float = DEADLINE_S) -> None:
        """Wait until no such element is left. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while await self.find_all(role, name):  # noqa: ASYNC110 - a page tells nobody of this
                await asyncio.sleep(POLL_S)

    async def _tree(self, role: str | None) -> list[dict[str, Any]]:
        document = await self.command("Runtime.evaluate", expression="document")
        where = {"objectId": document["result"]["objectId"]}
        answer = await self.command(
            "Accessibility.queryAXTree", **where, **({"role": role} if role is not None else {})
        )
        return [node for node in answer["nodes"] if not node["ignored"] and "backendDOMNodeId" in node]

    async def outline(self) -> str:
        """What a screen reader finds on the page, one line each."""
        quiet = {"none", "generic", "StaticText", "InlineTextBox", "LineBreak", "paragraph"}
        lines = [f"{node['role']['value']} {_name_of(node)!r}" for node in await self._tree(None)]
        return "\n".join(line for line in lines if line.partition(" ")[0] not in quiet)[:6000]

    async def press_on(
        self, role: str, name: Name = "", *, nth: int = 0, timeout_s: float = DEADLINE_S
    ) -> None:
        """Find and click; an element that the page replaces meanwhile is looked for again."""
        end = asyncio.get_running_loop().time() + timeout_s
        while True:
            element = await self.find(role, name, nth=nth, timeout_s=timeout_s)
            try:
                await element.click()
            except ScriptFailed:
                if asyncio.get_running_loop().time() > end:
                    raise
                await asyncio.sleep(POLL_S)
            else:
                return

    async def fill(self, role: str, name: Name, content: str) -> None:
        """Find a field, empty it and insert text."""
        element = await self.find(role, name)
        await element.call("function () { this.focus(); this.select?.(); }")
        await self.command("Input.insertText", text=content)

    async def click(self, selector: str) -> None:
        await self.until(f"document.querySelector({json.dumps(selector)})")
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def type(self, selector: str, content: str) -> None:
        """Put the caret into a field and insert text as an input method does."""
        await self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.command("Input.insertText", text=content)

    async def press(self, key: str, *, ctrl: bool = False) -> None:
        code = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, " ": 32}.get(key)
        more: dict[str, Any] = {"windowsVirtualKeyCode": code, "code": key} if code is not None else {}
        if ctrl:
            more["modifiers"] = 2
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" and len(key) == 1 and not ctrl else {}
            if key == "Enter" and kind == "keyDown":
                text = {"text": "\r"}
            await self.command("Input.dispatchKeyEvent", type=kind, key=key, **more, **text)

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
        """What a reader sees in the page's one frame, wherever its origin keeps scripts out; '' while it loads."""
        tree = (await self.command("Page.getFrameTree"))["frameTree"]
        (frame,) = tree["childFrames"]
        with suppress(ScriptFailed):  # a document on its way out
            world = await self.command("Page.createIsolatedWorld", frameId=frame["frame"]["id"])
            answer = await self.command(
                "Runtime.evaluate",
                expression="document.readyState === 'complete' ? document.body.innerText : ''",
                contextId=world["executionContextId"],
                returnByValue=True,
            )
            return str(answer["result"].get("value", ""))
        return ""

    async def screenshot(self, path: Path, *, is_full: bool = False) -> None:
        shot = await self.command("Page.captureScreenshot", format="png", captureBeyondViewport=is_full)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element of a tab, as it was found."""

    tab: Tab
    node: int
    name: str

    async def call(self, function: str, *arguments: Any) -> Any:
        """The value of `function` with the element as `this`. Raises ScriptFailed."""
        resolved = await self.tab.command("DOM.resolveNode", backendNodeId=self.node)
        answer = await self.tab.command(
            "Runtime.callFunctionOn",
            objectId=resolved["object"]["objectId"],
            functionDeclaration=function,
            arguments=[{"value": argument} for argument in arguments],
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise ScriptFailed(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    async def click(self) -> None:
        """With the mouse, at its middle, as soon as nothing lies over it.

        Raises:
            ScriptFailed: it has gone, has no place, or something else stays over it.
        """
        end = asyncio.get_running_loop().time() + DEADLINE_S
        while (missed := await self._click()) is not None:
            if asyncio.get_running_loop().time() > end:
                raise ScriptFailed(f"{self.name!r} cannot be clicked: {missed}")
            await asyncio.sleep(POLL_S)

    async def _click(self) -> str | None:
        """Why the click did not reach it, and nothing else either; None: it did."""
        await self.tab.command("DOM.scrollIntoViewIfNeeded", backendNodeId=self.node)
        quads = (await self.tab.command("DOM.getContentQuads", backendNodeId=self.node))["quads"]
        quad = next((quad for quad in quads if quad[0] != quad[4] and quad[1] != quad[5]), None)
        if quad is None:
            raise ScriptFailed(f"{self.name!r} has no place on the page")
        if (hindrance := await self.call(AIM)) != "hit":
            return str(hindrance)
        mouse = {"x": sum(quad[0::2]) / 4, "y": sum(quad[1::2]) / 4}
        await self.tab.command("Input.dispatchMouseEvent", type="mouseMoved", **mouse)
        press, release = (
            self.tab.command("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **mouse)
            for kind in ("mousePressed", "mouseReleased")
        )
        await asyncio.gather(press, release)  # nothing comes between them
        verdict = "hit"
        with suppress(ScriptFailed):  # the click led to another page
            verdict = await self.tab.run("window.endAim?.() ?? 'hit'")
        return None if verdict == "hit" else verdict

    async def text(self) -> str:
        return str(await self.call("function () { return this.innerText; }"))

    async def attribute(self, name: str) -> str | None:
        found = await self.call("function (name) { return this.getAttribute(name); }", name)
        return None if found is None else str(found)


def _name_of(node: dict[str, Any]) -> str:
    return str(node.get("name", {}).get("value", ""))


def _fits(found: str, wanted: Name) -> bool:
    if isinstance(wanted, re.Pattern):
        return wanted.search(found) is not None
    return not wanted or found.strip() == wanted


class Browser:
    """A running browser. Its tabs share storage and cache, as those of one person do."""

    def __init__(self, address: str, stack: AsyncExitStack) -> None:
        self._address, self._stack = address, stack

    @asynccontextmanager
    async def person(self) -> AsyncIterator["Person"]:
        """Another person at the same browser: storage and cache of their own, which end with the block."""
        async with self._root() as root:
            context = (await _ask(root, "Target.createBrowserContext"))["browserContextId"]
            try:
                yield Person(self, context)
            finally:
                await _ask(root, "Target.disposeBrowserContext", browserContextId=context)

    async def tab(self, *, is_first: bool = False, context: str | None = None) -> Tab:
        """Another tab; it ends with the browser.

        Args:
            is_first: the one that the browser came up with.
            context: of the person whose tab it is.
        """
        async with self._root() as root:
            if is_first:
                target = await _first_page(root)
            else:
                # In a window of its own, for a hidden tab takes no input.
                whose = {} if context is None else {"browserContextId": context}
                order = await _ask(root, "Target.createTarget", url="about:blank", newWindow=True, **whose)
                target = order["targetId"]
        page = f"{self._address.split('/devtools/')[0]}/devtools/page/{target}"
        connection = await self._stack.enter_async_context(connect(page, **LINE))
        tab = Tab(connection)
        listening = asyncio.create_task(tab.listen())
        self._stack.push_async_callback(_end, listening)
        await tab.prepare()
        return tab

    def _root(self) -> connect:
        return connect(self._address, **LINE)


@dataclass(frozen=True, slots=True)
class Person:
    """Storage and cache of one person, and their tabs."""

    browser: Browser
    context: str

    async def tab(self) -> Tab:
        """Another tab of theirs."""
        return await self.browser.tab(context=self.context)


async def _end(listening: "asyncio.Task[None]") -> None:
    listening.cancel()
    await asyncio.wait({listening})


@asynccontextmanager
async def open_tab(*, language: str = "zh-CN") -> AsyncIterator[Tab]:
    """A browser with an empty profile and one tab.

    Args:
        language: what it sends as Accept-Language.
    """
    async with open_browser(language=language) as browser:
        yield await browser.tab(is_first=True)


@asynccontextmanager
async def open_browser(*, language: str = "zh-CN", flags: Sequence[str] = ()) -> AsyncIterator[Browser]:
    """A browser with an empty profile.

    Args:
        flags: more of its command line.
    """
    program = chromium()
    profile = Path(tempfile.mkdtemp(prefix="lgma-chromium-"))
    process = await asyncio.create_subprocess_exec(
        program,
        *FLAGS,
        *flags,
        f"--lang={language}",
        f"--accept-lang={language}",
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
        async with AsyncExitStack() as stack:
            yield Browser(address, stack)
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
    targets = (await _ask(root, "Target.getTargets"))["targetInfos"]
    pages = [one for one in targets if one["type"] == "page"]
    if not pages:
        raise AssertionError("Chromium has no page")
    return str(pages[0]["targetId"])


async def _ask(root: ClientConnection, method: str, **params: Any) -> dict[str, Any]:
    """The result of a command to the browser as a whole, one at a time; events are left out."""
    await root.send(json.dumps({"id": 1, "method": method, "params": params}))
    async with asyncio.timeout(DEADLINE_S):
        async for raw in root:
            message = json.loads(raw)
            if message.get("id") == 1:
                if "error" in message:
                    raise ScriptFailed(message["error"]["message"])
                result: dict[str, Any] = message["result"]
                return result
    raise AssertionError("Chromium has gone")
