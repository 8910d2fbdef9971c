"""The tool `fetch_page`: a real page from a real server, read in a real child process, or a fault."""

import gzip
import tomllib
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from tests.support.outgoing import PUBLIC, Connector, Names, Site, listening, redirect, response

from langgraph_multi_agent.domain.errors import (
    Fault,
    InvalidRequest,
    OutgoingFailed,
    OutgoingOff,
    OutgoingRefused,
    OutgoingTooLarge,
    PageUnreadable,
)
from langgraph_multi_agent.i18n import catalogue
from langgraph_multi_agent.i18n.errors import describe
from langgraph_multi_agent.outgoing import client
from langgraph_multi_agent.outgoing.client import Outgoing
from langgraph_multi_agent.outgoing.connection import whose
from langgraph_multi_agent.outgoing.policy import OutgoingPolicy
from langgraph_multi_agent.skills.runner import ChildProcessSkillRunner
from langgraph_multi_agent.tools.pages import TEXT_CHARACTERS, FetchPage
from langgraph_multi_agent.tools.registry import GROUP, load_tools

HOST = "public.example"
ROOT = Path(__file__).resolve().parents[2]
PAGE = """<!doctype html><html><head><title> A  title </title><style>p{color:red}</style>
<script>steal()</script></head><body><nav>Menu</nav><h1>Heading</h1><p>First <b>bold</b> words.</p>
<p hidden>unseen</p><script>alert(1)</script><noscript>no</noscript><!-- comment -->
<table><tr><td>a</td><td>b</td></tr></table><p>第二段&amp;结束</p></body></html>"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that is up is reached, however busy this machine is."""
    monkeypatch.setattr(client, "CONNECT_S", 60.0)


def page(body: bytes, kind: str = "text/html; charset=utf-8", **more: str) -> bytes:
    return response(body, headers={"Content-Type": kind, **more})


def tool_for(site: Site, scratch: Path, policy: OutgoingPolicy | None = None) -> FetchPage:
    outgoing = Outgoing(
        policy or OutgoingPolicy(access="public", max_bytes=300_000, timeout_s=60.0),
        resolve=Names({HOST: [[PUBLIC]]}),
        connector=Connector({PUBLIC: site.port}),
    )
    return FetchPage(outgoing=outgoing, skills=ChildProcessSkillRunner(scratch=scratch), scratch=scratch)


def left_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def call(tool: FetchPage, path: str, **more: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = await tool.call({"address": f"http://{HOST}{path}", **more}, key="k")
    return found


async def test_a_page_is_asked_for_on_behalf_of_its_task(tmp_path: Path) -> None:
    callers = []

    async def resolve(host: str, port: int) -> list[str]:
        callers.append(whose.get())
        return []

    outgoing = Outgoing(OutgoingPolicy(access="public"), resolve=resolve)
    tool = FetchPage(outgoing=outgoing, skills=ChildProcessSkillRunner(scratch=tmp_path), scratch=tmp_path)
    for key in ("task-1:read/tool/1", "task-2:read/tool/1"):
        with pytest.raises(OutgoingFailed):
            await tool.call({"address": f"http://{HOST}/"}, key=key)
    assert callers == ["task-1", "task-2"]


async def test_a_page_is_its_visible_text_with_its_title_and_final_address(tmp_path: Path) -> None:
    body = PAGE.encode()
    replies = {
        "/moved": redirect("/page"),
        "/page": page(gzip.compress(body), **{"Content-Encoding": "gzip"}),
        "/gbk": page(PAGE.encode("gbk"), "text/html; charset=GB2312"),
        "/plain": page("一行\n\n兩行".encode("big5"), 'text/plain; charset="big5"'),
        "/odd": page(body, "application/xhtml+xml; charset=no-such-thing"),
        "/codec": page(body, "text/html; charset=zlib_codec"),
        "/long": page(("<p>" + "word " * 12_000 + "</p>").encode()),
    }
    async with listening(Site(replies)) as site:
        tool = tool_for(site, tmp_path)
        found = await call(tool, "/moved")
        assert found["address"] == f"http://{HOST}/page"
        assert found["title"] == "A title"
        assert found["text"].split("\n") == ["Menu", "Heading", "First bold words.", "a | b", "第二段&结束"]
        assert (found["characters"], found["is_cut"]) == (len(found["text"]), False)
        for path in ("/gbk", "/odd", "/codec"):
            assert (await call(tool, path))["text"] == found["text"], path
        assert (await call(tool, "/plain"))["text"] == "一行\n兩行"

        short = await call(tool, "/page", limit=4)
        assert (short["text"], short["characters"], short["is_cut"]) == ("Menu", len(found["text"]), True)
        long = await call(tool, "/long")
        assert (len(long["text"]), long["is_cut"]) == (TEXT_CHARACTERS, True)
        assert long["characters"] > TEXT_CHARACTERS
        assert "accept-encoding" in site.asked[-1].headers
    assert left_in(tmp_path) == []


async def test_what_cannot_be_read_is_a_fault_that_says_why(tmp_path: Path) -> None:
    pages: dict[str, tuple[bytes, str]] = {
        "/gone": (
            response(b"<p>not here</p>", status=404, headers={"Content-Type": "text/html"}),
            "http_status",
        ),
        "/broken": (response(b"", status=500), "http_status"),
        "/picture": (page(b"\x89PNG", "image/png"), "media_type"),
        "/program": (page(b"{}", "application/json"), "media_type"),
        "/unsaid": (response(b"<p>hello</p>"), "media_type"),
        "/empty": (page(b""), "empty"),
        "/script": (page(b"<script>document.write('hello')</script>"), "no_text"),
        "/binary": (page(b"a\0b", "text/plain"), "binary"),
        "/pdf": (page(b"no pdf at all", "application/pdf"), "not_pdf"),
    }
    replies = {path: reply for path, (reply, _) in pages.items()}
    replies["/large"] = page(gzip.compress(b"a" * 300_001), **{"Content-Encoding": "gzip"})
    replies["/inside"] = redirect("http://169.254.169.254/latest/meta-data/")
    async with listening(Site(replies)) as site:
        tool = tool_for(site, tmp_path)
        reasons = {}
        for path in pages:
            with pytest.raises(PageUnreadable) as caught:
                await call(tool, path)
            reasons[path] = caught.value.params["reason"]
            for language in ("zh", "en"):
                told = describe(caught.value.code, caught.value.params, language)
                assert HOST in told.detail
                assert f"error.reason.{reasons[path]}" in catalogue()
        assert reasons == {path: reason for path, (_, reason) in pages.items()}
        assert (
            "404" in describe("PAGE_UNREADABLE", {"reason": "http_status", "status_code": 404}, "zh").detail
        )

        others: list[tuple[str, type[Fault]]] = [("/large", OutgoingTooLarge), ("/inside", OutgoingRefused)]
        for path, kind in others:
            with pytest.raises(kind):
                await call(tool, path)
        seen = site.connections
        for arguments in ({}, {"address": ""}, {"address": 1}, {"address": "http://a/", "limit": 0}):
            with pytest.raises(InvalidRequest):
                await tool.call(arguments, key="k")
        with pytest.raises(OutgoingOff):
            await call(tool_for(site, tmp_path, OutgoingPolicy()), "/page")
        assert site.connections == seen
    assert left_in(tmp_path) == []


def test_every_tool_of_the_package_is_made_with_what_it_asks_for() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "entry-points"
    ][GROUP]
    points = [EntryPoint(name, value, GROUP) for name, value in declared.items()]
    offered = {"outgoing": Outgoing(OutgoingPolicy()), "skills": ChildProcessSkillRunner(), "scratch": None}
    tools = load_tools(points, offered=offered)
    assert {name: tool.effect for name, tool in tools.items()} == {
        "calculate": "pure",
        "date_difference": "pure",
        "fetch_page": "idempotent",
    }
