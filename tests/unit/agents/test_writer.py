import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.reports import Case, written_report

from langgraph_multi_agent.agents.reporting import report_from
from langgraph_multi_agent.domain.errors import BudgetExceeded, ModelUnavailable
from langgraph_multi_agent.domain.finding import Passage
from langgraph_multi_agent.domain.plan import Subtask
from langgraph_multi_agent.domain.result import SubtaskResult
from langgraph_multi_agent.skills.report import render_files


def shown(case: Case) -> dict[str, str]:
    return {name: content.decode() for name, content in case.files().items()}


async def test_three_files_hold_every_statement_and_its_sql(tmp_path: Path) -> None:
    case = await written_report(tmp_path, 2)
    files = shown(case)
    stored = json.loads(files["report.json"])
    findings = case.results["data_analyst.all"].findings
    assert {item["id"] for item in stored["findings"]} == {finding.id for finding in findings}
    for finding in findings:
        assert finding.sql in files["report.md"]
    for item in stored["findings"]:
        assert item["statement"]
        assert item["sql"]
    assert stored["inputs"][0]["digest"] == case.work.input("table2.csv").digest
    written = case.results["writer.report"]
    assert written.data["report"] == {"json": "report.json", "markdown": "report.md", "html": "report.html"}
    assert {ref.kind for ref in written.artifacts} == {"report"}


async def test_the_summary_leads_with_the_strongest_finding(tmp_path: Path) -> None:
    case = await written_report(tmp_path, 2)
    stored = json.loads(shown(case)["report.json"])
    strengths = [item["strength"] for item in stored["findings"]]
    assert strengths == sorted(strengths, reverse=True)
    assert stored["summary"][0] == {"ref": "F1", "text": stored["findings"][0]["statement"]}
    assert case.results["writer.report"].summary.startswith(stored["findings"][0]["statement"])


async def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = await written_report(tmp_path / "a", 3), await written_report(tmp_path / "b", 3)
    assert first.files() == second.files()


async def test_what_could_not_be_done_has_its_section(tmp_path: Path) -> None:
    case = await written_report(tmp_path, 0)
    lost = Subtask(id="x.lost", title="Seasonal work", capability="c", agent="x")
    late = replace(
        case.plan.subtasks[1],
        depends_on=("data_analyst.all", "x.lost"),
        parameters={
            "phase": "synthesis",
            "left_out": ["Tides"],
            "unverified": ["Moon"],
            "undone": [{"title": "Wind"}],
        },
    )
    plan = replace(case.plan, subtasks=(case.plan.subtasks[0], lost, late))
    results = {
        "data_analyst.all": SubtaskResult(summary="", data={"not_done": [{"title": "Q", "reason": "R"}]})
    }
    report = report_from(case.understanding, plan, late, results)
    assert [gap.title for gap in report.gaps] == ["Seasonal work", "Tides", "Moon", "Wind", "Q"]


async def test_an_agent_without_findings_is_quoted_as_unchecked(tmp_path: Path) -> None:
    case = await written_report(tmp_path, 0)
    results = {"data_analyst.all": SubtaskResult(summary="I counted 7 things.")}
    report = report_from(case.understanding, case.plan, case.plan.subtask("writer.report"), results)
    assert [item.note for item in report.contributions] == ["I counted 7 things."]


GOOD = {"paragraphs": ["The strongest effect is clear [F1]."]}
BAD = {"paragraphs": ["It rose by 987.65 percent [F1]."]}


@pytest.mark.parametrize(
    ("replies", "narrative", "gap"),
    [
        ([GOOD], GOOD["paragraphs"], None),
        ([BAD, GOOD], GOOD["paragraphs"], None),
        ([BAD, BAD], [], "untraced"),
        ([ModelUnavailable()], [], "unavailable"),
        ([BAD, BudgetExceeded()], [], "budget"),
    ],
)
async def test_a_narrative_stays_only_if_it_traces_and_the_review_agrees(
    tmp_path: Path, replies: list[Any], narrative: list[str], gap: str | None
) -> None:
    case = await written_report(tmp_path, 0, replies=list(replies))
    data = case.results["writer.report"].data
    assert data["narrative"] == narrative
    assert data["narrative_gap"] == gap
    files = shown(case)
    assert ("987.65" in "".join(files.values())) is False
    assert ("Reading the results" in files["report.md"]) is bool(narrative)
    assert ("What could not be done" in files["report.html"]) is (gap is not None)
    assert len(case.work.prompts) == len(replies)
    assert (await case.review()).data["passed"] is True


async def test_the_second_prompt_names_what_did_not_trace(tmp_path: Path) -> None:
    case = await written_report(tmp_path, 0, replies=[BAD, GOOD])
    assert "987.65" in case.work.prompts[1][-1].content


async def test_a_lie_smuggled_into_the_stored_narrative_fails_the_review(tmp_path: Path) -> None:
    case = await written_report(tmp_path, 0, replies=[GOOD])
    written = case.results["writer.report"]
    lie = ["The strongest effect is 987.65 [F1]."]
    data = {**written.data, "narrative": lie}
    report = report_from(
        case.understanding, case.plan, case.plan.subtask("writer.report"), case.results, narrative=lie
    )
    changed = replace(case, results={**case.results, "writer.report": replace(written, data=data)})
    for name, content in render_files(report, {}).items():
        changed = await changed.with_file(name, content)
    assert (await changed.review()).data["passed"] is False


async def test_answers_appear_with_references_and_questions_take_turns(tmp_path: Path) -> None:
    def passage(name: str, quote: str) -> Passage:
        return Passage(id=name, source="a.md", locator=name, start=0, end=len(quote), quote=quote)

    def answered(question: str, *passages: Passage, said: str) -> SubtaskResult:
        sentences = [{"text": said, "passages": [passages[0].id]}]
        return SubtaskResult(
            summary="",
            passages=passages,
            data={"mode": "answer", "question": question, "answer": {"text": said, "sentences": sentences}},
        )

    case = await written_report(tmp_path, 0)
    second = replace(case.plan.subtasks[0], id="b")
    late = replace(case.plan.subtasks[1], depends_on=("data_analyst.all", "b"))
    plan = replace(case.plan, subtasks=(case.plan.subtasks[0], second, late))
    results = {
        "data_analyst.all": answered(
            "Q1?", passage("p1", "64 subtasks"), passage("p2", "x"), said="At most 64."
        ),
        "b": answered("Q2?", passage("p3", "32 files"), said="At most 33."),
    }
    report = report_from(case.understanding, plan, late, results)
    assert [(item.passage.id, item.question) for item in report.citations] == [
        ("p1", "Q1?"),
        ("p3", "Q2?"),
        ("p2", "Q1?"),
    ]
    assert report.narrative == ("At most 64. [P1]",)


async def test_an_analysis_that_found_nothing_is_listed_as_such_and_not_quoted(tmp_path: Path) -> None:
    case = await written_report(tmp_path, 0)
    results = {"data_analyst.all": SubtaskResult(summary="12 tested", data={"analyses": {}})}
    report = report_from(case.understanding, case.plan, case.plan.subtask("writer.report"), results)
    for name, content in render_files(report, {}).items():
        shown = content.decode()
        assert "12 tested" not in shown
        assert ("Nothing stood out." in shown) is (name != "report.json")
