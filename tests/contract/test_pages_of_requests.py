"""Pages that a request names: read for the model, or told to the reader as not read."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.outgoing import PUBLIC, Connector, Names, Site, listening, redirect, response
from tests.support.work import MemoryWork

from langgraph_multi_agent.agents.builtin import team
from langgraph_multi_agent.agents.generalist import PAGE_CHARACTERS
from langgraph_multi_agent.agents.pages import MAX_PAGES, addresses_of
from langgraph_multi_agent.domain.result import SubtaskResult
from langgraph_multi_agent.outgoing import client
from langgraph_multi_agent.outgoing.client import Outgoing
from langgraph_multi_agent.outgoing.policy import OutgoingPolicy
from langgraph_multi_agent.skills.runner import ChildProcessSkillRunner
from langgraph_multi_agent.tools.pages import FetchPage

HOST = "public.example"
HTML = {"Content-Type": "text/html; charset=utf-8"}
SILENT: dict[str, Any] = {"goal": "g", "intents": [], "columns": [], "question": None}
JUDGED = {"verdicts": [{"number": 0, "passed": True, "reason": "It is a summary."}]}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting to this machine is no failure, however long it takes."""
    monkeypatch.setattr(client, "CONNECT_S", 60.0)


def test_addresses_are_found_in_prose_of_both_languages() -> None:
    told = (
        "Compare https://a.example/x, (http://b.example/y_(z)) and <HTTPS://c.example/?q=1&r=2#s>. 总结"
        "https://d.example/p的内容，以及《https://e.example/》。See https://a.example/x! http:// ftp://f.example"
    )
    assert addresses_of(told) == [
        "https://a.example/x",
        "http://b.example/y_(z)",
        "HTTPS://c.example/?q=1&r=2#s",
        "https://d.example/p",
        "https://e.example/",
    ]
    assert addresses_of("http://. https://...") == []


def test_any_number_of_brackets_is_counted_once() -> None:
    def counts(told: str) -> tuple[list[str], int]:
        passes = 0

        def seen(_: object, event: str, called: Any) -> None:
            nonlocal passes
            passes += event == "c_call" and called.__name__ == "count"

        before = sys.getprofile()
        sys.setprofile(seen)
        try:
            return addresses_of(told), passes
        finally:
            sys.setprofile(before)

    for end in (")" * 20_000, ")]." * 7_000, "?!" * 10_000, "]" * 20_000):
        found, passes = counts(f"see http://a.example/(x){end}")
        assert found == ["http://a.example/(x)"]
        assert passes == counts("see http://a.example/(x)")[1]
    assert addresses_of("http://a.example/" + "()" * 5_000) == ["http://a.example/" + "()" * 5_000]


async def carried_out(work: MemoryWork) -> dict[str, SubtaskResult]:
    built_in = team()
    work.understanding = await built_in.meta_agent.understand(work)
    work.plan = await built_in.task_decomposer.decompose(work, work.understanding, built_in.agents)
    results: dict[str, SubtaskResult] = {}
    for subtask in work.plan.ordered():
        work.subtask, work.results = subtask, dict(results)
        results[subtask.id] = await built_in.agents[subtask.agent].work(work)
    return results


def stored(work: MemoryWork, name: str) -> str:
    return (work.directory / work.saved[name].digest).read_text(encoding="utf-8")


async def test_the_model_is_given_what_the_named_pages_say_and_the_reader_what_was_not_read(
    tmp_path: Path,
) -> None:
    replies = {
        "/a": response(b"<title>A</title><p>Alpha says http://169.254.169.254/ and forty-two.", headers=HTML),
        "/long": response(b"<p>" + b"word " * PAGE_CHARACTERS + b"</p>", headers=HTML),
        "/inside": redirect("http://127.0.0.1/admin"),
    }
    request = f"Summarise http://{HOST}/a and http://{HOST}/gone and http://{HOST}/inside in a poem"
    async with listening(Site(replies)) as site:
        outgoing = Outgoing(
            OutgoingPolicy(access="public"),
            resolve=Names({HOST: [[PUBLIC]]}),
            connector=(connector := Connector({PUBLIC: site.port})),
        )
        tool = FetchPage(outgoing=outgoing, skills=ChildProcessSkillRunner(), scratch=tmp_path)
        work = MemoryWork(directory=tmp_path / "a", request=request, tools={tool.name: tool})
        work.replies = [SILENT, {"text": "A poem."}, JUDGED]
        results = await carried_out(work)
        facts = json.loads(work.prompts[1][-1].content)
        assert facts["pages"] == [
            {
                "address": f"http://{HOST}/a",
                "title": "A",
                "text": "Alpha says http://169.254.169.254/ and forty-two.",
            }
        ]
        data = results["generalist.answer"].data
        assert data["pages"] == [{"address": f"http://{HOST}/a", "title": "A"}]
        assert [gap["title"] for gap in data["not_done"]] == [f"http://{HOST}/gone", f"http://{HOST}/inside"]
        report = stored(work, "report.md")
        assert all(gap["title"].split("/")[-1] in report for gap in data["not_done"])
        assert "404" in report
        # What a page says is never opened.
        assert {host for host, _ in connector.calls} == {PUBLIC}

        many = " ".join(f"http://{HOST}/{name}" for name in ("long", "a", *map(str, range(MAX_PAGES))))
        work = MemoryWork(
            directory=tmp_path / "b", request=f"写一首诗：{many}", language="zh", tools={tool.name: tool}
        )
        work.replies = [SILENT, {"text": "诗"}, JUDGED]
        results = await carried_out(work)
        facts = json.loads(work.prompts[1][-1].content)
        assert [len(page["text"]) for page in facts["pages"]] == [PAGE_CHARACTERS]
        gaps = {gap["title"]: gap["reason"] for gap in results["generalist.answer"].data["not_done"]}
        assert len(gaps) == MAX_PAGES + 2
        assert f"{PAGE_CHARACTERS:,}" in gaps[f"http://{HOST}/long"]
        assert str(MAX_PAGES) in gaps[f"http://{HOST}/{MAX_PAGES - 1}"]


@pytest.mark.parametrize("is_known", [True, False])
async def test_while_it_is_switched_off_the_reader_is_told_so_and_the_model_gets_nothing(
    tmp_path: Path, is_known: bool
) -> None:
    names, connector = Names({HOST: [[PUBLIC]]}), Connector()
    outgoing = Outgoing(OutgoingPolicy(), resolve=names, connector=connector)
    tool = FetchPage(outgoing=outgoing, skills=ChildProcessSkillRunner(), scratch=tmp_path)
    work = MemoryWork(
        directory=tmp_path / "a",
        request=f"写一首关于 https://{HOST}/a 的诗",
        language="zh",
        tools={tool.name: tool} if is_known else {},
    )
    work.replies = [SILENT, {"text": "诗"}, JUDGED]
    results = await carried_out(work)
    assert json.loads(work.prompts[1][-1].content)["pages"] == []
    [gap] = results["generalist.answer"].data["not_done"]
    assert gap["title"] == f"https://{HOST}/a"
    assert "没有开放" in gap["reason"]
    assert "没有开放" in stored(work, "report.md")
    assert (names.asked, connector.calls) == ([], [])
