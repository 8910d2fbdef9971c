"""What only a model can write: when it is offered, how it is marked, and what the review says of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.work import MemoryWork

from langgraph_multi_agent.agents.builtin import team
from langgraph_multi_agent.agents.contract import Team, Understanding
from langgraph_multi_agent.agents.generalist import DOCUMENT_CHARACTERS, Generalist
from langgraph_multi_agent.domain.errors import ModelAnswerInvalid, ModelRequired
from langgraph_multi_agent.domain.plan import Plan
from langgraph_multi_agent.domain.result import SubtaskResult, Verdict

POEM = "Roses are red,\nviolets are *blue* & <b>."
SILENT: dict[str, Any] = {"goal": "g", "intents": [], "columns": [], "question": None}


def judged(passed: bool | None = True) -> dict[str, Any]:
    return {"verdicts": [{"number": 0, "passed": passed, "reason": "It is a poem."}]}


async def carried_out(work: MemoryWork, built_in: Team) -> tuple[Plan, dict[str, SubtaskResult]]:
    work.understanding = await built_in.meta_agent.understand(work)
    work.plan = await built_in.task_decomposer.decompose(work, work.understanding, built_in.agents)
    results: dict[str, SubtaskResult] = {}
    for subtask in work.plan.ordered():
        work.subtask, work.results = subtask, dict(results)
        results[subtask.id] = await built_in.agents[subtask.agent].work(work)
    return work.plan, results


def stored(work: MemoryWork, name: str) -> str:
    return (work.directory / work.saved[name].digest).read_text(encoding="utf-8")


def verdicts_of(results: dict[str, SubtaskResult]) -> dict[str, Verdict]:
    rows = [Verdict(**row) for row in results["reviewer.review"].data["verdicts"]]
    return {row.criterion: row for row in rows}


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_poem_is_written_marked_and_reviewed(tmp_path: Path, language: str) -> None:
    request_text = {"zh": "写一首关于玫瑰的诗", "en": "Write a poem about roses"}[language]
    built_in = team()
    work = MemoryWork(directory=tmp_path, request=request_text, language=language)
    work.replies = [SILENT, {"text": POEM}, judged()]
    plan, results = await carried_out(work, built_in)
    assert [item.agent for item in plan.subtasks] == ["generalist", "writer", "reviewer"]
    mark = {"zh": "模型 scripted 撰写", "en": "model scripted wrote"}[language]
    assert mark in stored(work, "answer.md")
    assert stored(work, "answer.md").endswith(f"\n\n{POEM}\n"), "the text itself is stored word for word"
    assert mark in stored(work, "report.md")
    assert POEM in stored(work, "report.md")
    assert mark in stored(work, "report.html")
    assert "violets are *blue* &amp; &lt;b&gt;." in stored(work, "report.html")
    assert json.loads(stored(work, "report.json"))["written_by_model"][0]["text"] == POEM
    verdicts = verdicts_of(results)
    assert verdicts["answer_given"].passed is True
    assert verdicts["report_faithful"].passed is True
    assert verdicts["answers_request"].passed is True
    judgement = {"zh": "模型的判断", "en": "model's judgement"}[language]
    assert judgement in verdicts["answers_request"].reason
    quality = built_in.quality_check
    outcome = quality.result(plan, results, quality.verdicts(plan, results))
    assert outcome["is_written_by_model"] is True
    assert outcome["findings"] == outcome["passages"] == 0
    assert outcome["summary"].startswith({"zh": "（模型撰写", "en": "(Written by a model"}[language])


async def test_without_a_judge_the_content_stays_unchecked(tmp_path: Path) -> None:
    work = MemoryWork(directory=tmp_path, request="Write a poem about roses")
    work.replies = [SILENT, {"text": POEM}, ModelAnswerInvalid()]
    _, results = await carried_out(work, team())
    assert verdicts_of(results)["answers_request"].passed is None


async def test_a_text_that_was_changed_after_it_was_written_fails_the_review(tmp_path: Path) -> None:
    built_in = team()
    work = MemoryWork(directory=tmp_path, request="Write a poem about roses")
    work.replies = [SILENT, {"text": POEM}, judged()]
    _, results = await carried_out(work, built_in)
    answer = results["generalist.answer"]
    results["generalist.answer"] = replace(
        answer, data={"written": {**answer.data["written"], "text": "Roses are blue"}}
    )
    work.subtask = work.plan.subtask("reviewer.review")
    work.results = {key: value for key, value in results.items() if key != "reviewer.review"}
    work.replies = [judged()]
    results["reviewer.review"] = await built_in.agents["reviewer"].work(work)
    verdicts = verdicts_of(results)
    assert verdicts["answer_given"].passed is False
    assert verdicts["report_faithful"].passed is False


async def test_a_document_to_translate_is_read_whole_and_not_searched(tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("# Hinweis\n\nDie Garantie gilt 24 Monate.\n", encoding="utf-8")
    work = MemoryWork(directory=tmp_path / "a", request="Translate the document into English")
    work.paths = {"note.md": tmp_path / "note.md"}
    work.files = (work.input("note.md"),)
    work.replies = [SILENT, {"text": "# Note\n\nThe warranty lasts 24 months."}, judged()]
    plan, _ = await carried_out(work, team())
    assert [item.agent for item in plan.subtasks] == ["generalist", "writer", "reviewer"]
    assert "Die Garantie gilt 24 Monate." in work.prompts[1][-1].content


async def test_a_document_that_is_too_long_is_named_as_cut(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("word " * DOCUMENT_CHARACTERS, encoding="utf-8")
    work = MemoryWork(directory=tmp_path / "a", request="Translate the document into English")
    work.paths = {"long.txt": tmp_path / "long.txt"}
    work.files = (work.input("long.txt"),)
    work.replies = [SILENT, {"text": "…"}, judged()]
    _, results = await carried_out(work, team())
    assert results["generalist.answer"].data["not_done"][0]["title"] == "long.txt"
    assert f"{DOCUMENT_CHARACTERS:,}" in stored(work, "report.md")


async def test_what_builds_on_findings_waits_for_them_and_is_told_them(tmp_path: Path) -> None:
    rows = [
        "day,sales",
        *(f"2025-{1 + n // 28:02d}-{1 + n % 28:02d},{100 + n + n * 37 % 11}" for n in range(84)),
    ]
    (tmp_path / "s.csv").write_text("\n".join(rows) + "\n")
    work = MemoryWork(
        directory=tmp_path / "a", request="Analyse the trend of sales, then write an email about it"
    )
    work.paths = {"s.csv": tmp_path / "s.csv"}
    work.files = (work.input("s.csv"),)
    work.replies = [
        SILENT,
        ModelAnswerInvalid(),
        {"text": "Dear all, sales grow."},
        ModelAnswerInvalid(),
        ModelAnswerInvalid(),
    ]
    plan, results = await carried_out(work, team())
    writing = plan.subtask("generalist.answer")
    assert set(writing.depends_on) == {i.id for i in plan.subtasks if i.agent == "data_analyst"}
    trend = results["data_analyst.trend"].findings
    assert trend
    assert "sales" in json.loads(work.prompts[2][-1].content)["findings"][0]
    assert verdicts_of(results)["numbers_recompute"].passed is True


def test_it_offers_nothing_where_others_can_answer() -> None:
    understanding = Understanding(goal="Analyse the trend", language="en", intents=("trend",))
    assert Generalist().propose(understanding) == ()


async def test_without_a_model_the_request_is_not_read_as_general(tmp_path: Path) -> None:
    work = MemoryWork(directory=tmp_path, request="Write a poem about roses")
    understanding = await team().meta_agent.understand(work)
    assert "general" not in understanding.intents


async def test_without_a_model_it_fails_for_what_it_lacks(tmp_path: Path) -> None:
    work = MemoryWork(directory=tmp_path, request="Write a poem")
    with pytest.raises(ModelRequired):
        await Generalist().work(work)


async def test_an_empty_text_is_no_answer(tmp_path: Path) -> None:
    work = MemoryWork(directory=tmp_path, request="Write a poem", replies=[{"text": "  \n "}])
    with pytest.raises(ModelAnswerInvalid):
        await Generalist().work(work)
