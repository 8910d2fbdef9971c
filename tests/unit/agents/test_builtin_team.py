"""The whole built-in team on real inputs, driven in plan order without the engine."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.reports import table
from tests.support.work import MemoryWork

from langgraph_multi_agent.agents.builtin import team
from langgraph_multi_agent.domain.plan import Plan
from langgraph_multi_agent.domain.result import SubtaskResult

GUIDE = {
    "en": "# Warranty\n\nThe warranty lasts 24 months from purchase.\n\n"
    "# Filters\n\nReplace the filter every 6 weeks.\n",
    "zh": "# 保修\n\n保修期为自购买之日起 24 个月。\n\n# 滤芯\n\n滤芯每 6 周更换一次。\n",
}


async def carried_out(work: MemoryWork) -> tuple[Plan, dict[str, SubtaskResult], dict[str, Any]]:
    """Understand, plan, work, write, review and judge; returns plan, results and the task's result."""
    built_in = team()
    work.understanding = await built_in.meta_agent.understand(work)
    work.plan = await built_in.task_decomposer.decompose(work, work.understanding, built_in.agents)
    results: dict[str, SubtaskResult] = {}
    for subtask in work.plan.ordered():
        work.subtask, work.results = subtask, dict(results)
        results[subtask.id] = await built_in.agents[subtask.agent].work(work)
    verdicts = built_in.quality_check.verdicts(work.plan, results)
    return work.plan, results, dict(built_in.quality_check.result(work.plan, results, verdicts))


def inputs(tmp_path: Path, language: str, *names: str) -> dict[str, Path]:
    content = {"sales.csv": table(5, language), "guide.md": GUIDE[language]}
    for name in names:
        (tmp_path / name).write_text(content[name], encoding="utf-8")
    return {name: tmp_path / name for name in names}


@pytest.mark.parametrize(
    ("language", "request_text"),
    [("en", "Analyse the data. How long is the warranty?"), ("zh", "分析数据。保修期多长？")],
)
async def test_a_table_and_a_document_become_one_reviewed_report(
    tmp_path: Path, language: str, request_text: str
) -> None:
    paths = inputs(tmp_path, language, "sales.csv", "guide.md")
    work = MemoryWork(directory=tmp_path / "artifacts", request=request_text, paths=paths)
    plan, results, outcome = await carried_out(work)
    assert {item.agent for item in plan.subtasks} == {"data_analyst", "researcher", "writer", "reviewer"}
    assert outcome["review"] == "passed", [
        v for v in results["reviewer.review"].data["verdicts"] if not v["passed"]
    ]
    assert outcome["unchecked"] == 0, results["reviewer.review"].data["verdicts"]
    assert outcome["findings"] > 3
    stored = json.loads((work.directory / work.saved["report.json"].digest).read_text(encoding="utf-8"))
    assert stored["language"] == language
    assert {"trend", "group_difference", "correlation"} <= {item["kind"] for item in stored["findings"]}
    assert any("24" in item["quote"] for item in stored["passages"])
    html = (work.directory / work.saved["report.html"].digest).read_text(encoding="utf-8")
    assert "data:image/svg+xml;base64," in html
    assert len(json.dumps(outcome).encode()) <= 8192


async def test_a_question_about_this_system_is_answered_from_the_handbook(tmp_path: Path) -> None:
    work = MemoryWork(directory=tmp_path, request="How do I cancel a task?")
    plan, _, outcome = await carried_out(work)
    assert {item.agent for item in plan.subtasks} == {"researcher", "writer", "reviewer"}
    assert outcome["review"] == "passed"
    assert outcome["passages"] > 0


async def test_plans_differ_with_the_data_and_with_the_request(tmp_path: Path) -> None:
    async def plan_for(request_text: str, *names: str) -> set[str]:
        paths = inputs(tmp_path, "en", *names)
        work = MemoryWork(directory=tmp_path / "artifacts", request=request_text, paths=paths)
        built_in = team()
        understanding = await built_in.meta_agent.understand(work)
        plan = await built_in.task_decomposer.decompose(work, understanding, built_in.agents)
        return {item.id for item in plan.subtasks}

    everything = await plan_for("Analyse the data", "sales.csv")
    trends = await plan_for("Show the trend of the data", "sales.csv")
    document = await plan_for("Summarise the guide", "guide.md")
    assert trends < everything
    assert document.isdisjoint(everything - {"writer.report", "reviewer.review"})
