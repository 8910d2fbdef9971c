"""The data analyst: plans that follow from the data, and results that follow from the skills."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.work import MemoryWork

from langgraph_multi_agent.agents.contract import InputInfo, Proposal, Understanding
from langgraph_multi_agent.agents.data_analyst import MAX_PROPOSALS, DataAnalyst
from langgraph_multi_agent.domain.errors import InputUnreadable
from langgraph_multi_agent.domain.plan import Subtask
from langgraph_multi_agent.i18n.data_analyst import TEXTS


def column(name: str, role: str, distinct: int = 50) -> dict[str, Any]:
    return {"name": name, "role": role, "type": "DOUBLE", "distinct": distinct, "missing": 0}


def info(name: str, *columns: dict[str, Any], rows: int = 200) -> InputInfo:
    profile = {"rows": rows, "column_count": len(columns), "columns": list(columns)}
    return InputInfo(name=name, kind="table", digest="d", size_bytes=1000, profile=profile)


SALES = (
    column("日期", "time"),
    column("销售额", "measure"),
    column("成本", "measure"),
    column("地区", "category", 4),
)


def offered(
    *inputs: InputInfo, intents: tuple[str, ...] = (), goal: str = "", language: str = "zh"
) -> list[Proposal]:
    understanding = Understanding(goal=goal, language=language, intents=intents, inputs=inputs)
    return list(DataAnalyst().propose(understanding))


def analyses(proposals: list[Proposal]) -> list[str]:
    return [proposal.parameters["analyses"][0] for proposal in proposals]


def test_a_full_table_gets_every_analysis_with_named_columns() -> None:
    found = offered(info("sales.csv", *SALES))
    assert analyses(found) == [
        "profile", "trend", "seasonality", "anomaly", "group_difference", "correlation", "contributors",
    ]  # fmt: skip
    trend = found[1]
    assert "销售额" in trend.title
    assert "日期" in trend.reason
    assert trend.inputs == ("sales.csv",)
    assert "numbers_recompute" in trend.success_criteria
    assert all(proposal.phase == "work" and proposal.capability == "table_analysis" for proposal in found)
    assert len({proposal.key for proposal in found}) == len(found)


@pytest.mark.parametrize(
    ("columns", "rows", "expected"),
    [
        ((column("k", "category", 4),), 200, ["profile", "contributors"]),
        ((column("x", "measure"),), 200, ["profile", "anomaly"]),
        ((column("t", "time"), column("x", "measure")), 200, ["profile", "trend", "seasonality", "anomaly"]),
        ((column("x", "measure"), column("y", "measure")), 25, ["profile", "correlation"]),
        (SALES, 3, ["profile"]),
        ((column("id", "id"), column("note", "text")), 200, ["profile"]),
    ],
)
def test_the_plan_differs_with_the_data(
    columns: tuple[dict[str, Any], ...], rows: int, expected: list[str]
) -> None:
    assert analyses(offered(info("t.csv", *columns, rows=rows))) == expected


@pytest.mark.parametrize(
    ("intent", "analysis"),
    [
        ("trend", "trend"),
        ("compare", "group_difference"),
        ("top", "contributors"),
        ("correlate", "correlation"),
    ],
)
def test_intents_narrow_the_plan(intent: str, analysis: str) -> None:
    assert analyses(offered(info("t.csv", *SALES), intents=(intent,))) == ["profile", analysis]


def test_an_intent_that_is_not_about_tables_narrows_nothing() -> None:
    assert len(offered(info("t.csv", *SALES), intents=("answer",))) == 7


def test_columns_named_in_a_specific_request_narrow_it() -> None:
    (_, trend) = offered(info("t.csv", *SALES), intents=("trend",), goal="看看销售额的趋势")
    assert trend.parameters["columns"] == ["日期", "销售额"]
    (_, trend) = offered(info("t.csv", *SALES), intents=("trend",), goal="有什么趋势")
    assert trend.parameters["columns"] == []


def test_what_was_asked_for_and_cannot_be_done_is_told() -> None:
    (profile,) = offered(info("t.csv", column("k", "id")), intents=("trend",))
    assert profile.parameters["impossible"] == ["trend"]


@pytest.mark.parametrize("role", ["text", "id"])
def test_a_named_column_that_no_analysis_can_use_is_told(role: str) -> None:
    columns = (*SALES, column("营业收入", role), column("备注", role))
    profile = offered(info("t.csv", *columns), intents=("trend",), goal="看看营业收入的趋势")[0]
    assert profile.parameters["unusable"] == ["营业收入"]


def test_several_tables_have_distinct_keys_and_names_in_titles() -> None:
    found = offered(info("a.csv", *SALES), info("b.csv", *SALES), language="en")
    assert len({proposal.key for proposal in found}) == 14
    assert all("a.csv" in p.title or "b.csv" in p.title for p in found)


@pytest.mark.parametrize("tables", [10, 40, 120])
def test_many_tables_are_merged_into_a_bounded_plan(tables: int) -> None:
    found = offered(*(info(f"t{i}.csv", *SALES) for i in range(tables)))
    assert len(found) <= MAX_PROPOSALS
    assert [name for proposal in found for name in proposal.inputs] == [f"t{i}.csv" for i in range(tables)]


def test_proposing_is_pure_and_documents_are_left_alone() -> None:
    document = InputInfo(name="a.md", kind="document", digest="d", size_bytes=1)
    assert offered(document) == []
    assert offered(info("t.csv", *SALES)) == offered(info("t.csv", *SALES))


def test_all_texts_are_there_in_both_languages() -> None:
    assert all(set(entry) == {"zh", "en"} for entry in TEXTS.values())


def work(tmp_path: Path, text: str, language: str = "zh", **parameters: Any) -> MemoryWork:
    path = tmp_path / "t.csv"
    path.write_text(text)
    return MemoryWork(
        directory=tmp_path / "saved",
        paths={"t.csv": path},
        understanding=Understanding(goal="", language=language),
        subtask=Subtask(
            id="x", title="x", capability="table_analysis", agent="data_analyst", inputs=("t.csv",),
            parameters=parameters,
        ),
    )  # fmt: skip


def grouped(shift: float) -> str:
    rng = np.random.default_rng(4)
    return "班次,产量\n" + "".join(
        f"{'早晚'[i % 2]},{shift * (i % 2) + v:.3f}\n" for i, v in enumerate(rng.normal(0, 1, 120))
    )


async def test_the_result_holds_findings_with_saved_charts(tmp_path: Path) -> None:
    job = work(tmp_path, grouped(4.0), analyses=["profile", "group_difference"])
    result = await DataAnalyst().work(job)
    assert [f.kind for f in result.findings][-1] == "group_difference"
    finding = result.findings[-1]
    assert finding.names["high"] == "晚"
    assert finding.chart in job.saved
    assert job.saved[finding.chart].kind == "chart"
    assert {ref.name for ref in result.artifacts} == set(job.saved)
    assert "晚" in result.summary
    assert result.data["analyses"]["t.csv"]["group_difference"]["found"] == 1


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_no_effect_is_said_and_nothing_is_claimed(tmp_path: Path, language: str) -> None:
    result = await DataAnalyst().work(work(tmp_path, grouped(0.0), language, analyses=["group_difference"]))
    assert result.findings == ()
    assert "1" in result.summary
    assert ("不下结论" in result.summary) == (language == "zh")


async def test_an_impossible_wish_is_in_the_result(tmp_path: Path) -> None:
    result = await DataAnalyst().work(
        work(tmp_path, grouped(0.0), analyses=["profile"], impossible=["trend"])
    )
    assert [entry["title"] for entry in result.data["not_done"]] == ["趋势"]
    assert "t.csv" in result.data["not_done"][0]["reason"]


async def test_a_broken_file_fails_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable):
        await DataAnalyst().work(work(tmp_path, "a,b\n1,2,3\n", analyses=["profile"]))
