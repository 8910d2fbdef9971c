from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.work import MemoryWork

from langgraph_multi_agent.agents.contract import InputInfo, Proposal, Understanding, Work
from langgraph_multi_agent.agents.reviewer import ReportReviewer
from langgraph_multi_agent.agents.task_decomposer import ProposalDecomposer
from langgraph_multi_agent.agents.writer import ReportWriter
from langgraph_multi_agent.domain.errors import ModelAnswerInvalid, PlanInvalid
from langgraph_multi_agent.domain.plan import Plan
from langgraph_multi_agent.domain.result import SubtaskResult, Verdict


class Offering:
    """An agent that offers what it is told to."""

    titles: Mapping[str, str] = {"zh": "测试员", "en": "Tester"}
    capabilities: tuple[str, ...] = ("testing",)

    def __init__(self, name: str, *keys: str, inputs: tuple[str, ...] = ()) -> None:
        self.name, self.keys, self.inputs = name, keys, inputs

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        return [
            Proposal(
                key=key,
                title=f"{self.name} {key}",
                capability="testing",
                inputs=self.inputs,
                success_criteria=("numbers_recompute",),
            )
            for key in self.keys
        ]

    async def work(self, work: Work) -> SubtaskResult:
        return SubtaskResult(summary="done")


TABLE = InputInfo(
    name="天气.csv",
    kind="table",
    digest="0" * 64,
    size_bytes=1,
    profile={
        "rows": 1461,
        "columns": [{"name": "日期", "role": "time"}, {"name": "最高温", "role": "measure"}],
    },
)


def understood(language: str = "en", **options: Any) -> Understanding:
    return Understanding(goal="g", language=language, inputs=(TABLE,), **options)


def team(*agents: Any) -> dict[str, Any]:
    return {agent.name: agent for agent in (*agents, ReportWriter(), ReportReviewer())}


def work_for(tmp_path: Path, understanding: Understanding, **options: Any) -> MemoryWork:
    return MemoryWork(directory=tmp_path, understanding=understanding, **options)


async def plan_of(tmp_path: Path, agents: Mapping[str, Any], **options: Any) -> Plan:
    understanding = understood()
    return await ProposalDecomposer(**options).decompose(
        work_for(tmp_path, understanding), understanding, agents
    )


async def test_work_is_parallel_then_written_then_reviewed(tmp_path: Path) -> None:
    plan = await plan_of(tmp_path, team(Offering("b", "y"), Offering("a", "x", "z")))
    assert [item.id for item in plan.subtasks] == ["a.x", "a.z", "b.y", "writer.report", "reviewer.review"]
    assert [item.depends_on for item in plan.subtasks] == [
        (),
        (),
        (),
        ("a.x", "a.z", "b.y"),
        ("writer.report",),
    ]
    plan.validate(max_subtasks=64, max_depth=16)


async def test_the_plan_changes_with_the_registered_agents(tmp_path: Path) -> None:
    both = await plan_of(tmp_path, team(Offering("a", "x"), Offering("b", "y")))
    one = await plan_of(tmp_path, team(Offering("a", "x")))
    assert {item.agent for item in both.subtasks} - {item.agent for item in one.subtasks} == {"b"}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ["天气.csv", "1,461 行", "时间列 日期", "数值列 最高温", "趋势", "测试员 2 项", "并行"]),
        ("en", ["天气.csv", "1,461 rows", "time in 日期", "trends", "Tester × 2", "in parallel"]),
    ],
)
async def test_the_reason_says_what_was_seen_wanted_and_chosen(
    tmp_path: Path, language: str, words: list[str]
) -> None:
    understanding = understood(language, intents=("trend",))
    plan = await ProposalDecomposer().decompose(
        work_for(tmp_path, understanding), understanding, team(Offering("a", "x", "y"))
    )
    for word in words:
        assert word in plan.reason


async def test_the_limit_leaves_out_fairly_and_says_so(tmp_path: Path) -> None:
    agents = team(Offering("a", *"pqrs", inputs=("1",)), Offering("b", "t", inputs=("2",)))
    plan = await plan_of(tmp_path, agents, max_subtasks=5)
    assert [item.id for item in plan.subtasks] == ["a.p", "a.q", "b.t", "writer.report", "reviewer.review"]
    assert "a r, a s" in plan.reason
    assert plan.subtask("writer.report").parameters["left_out"] == ["a r", "a s"]


async def test_no_offer_of_work_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(PlanInvalid):
        await plan_of(tmp_path, team())


async def test_a_key_proposed_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanInvalid):
        await plan_of(tmp_path, team(Offering("a", "x", "x")))


async def test_keys_of_any_characters_give_distinct_safe_ids(tmp_path: Path) -> None:
    plan = await plan_of(tmp_path, team(Offering("a", "列 1/趋势", "列 1?趋势", "z" * 300, "x-r2")))
    ids = [item.id for item in plan.subtasks]
    assert len(set(ids)) == len(ids)
    assert all("/" not in item and len(item) <= 80 for item in ids)
    assert not any(item.endswith("-r2") for item in ids)


async def test_a_model_chooses_and_orders_among_the_offers(tmp_path: Path) -> None:
    understanding = understood()
    reply = {
        "choose": [{"id": "a.y", "depends_on": ["a.x"]}, {"id": "a.x", "depends_on": []}],
        "reason": "x feeds y",
    }
    work = work_for(tmp_path, understanding, replies=[reply])
    plan = await ProposalDecomposer().decompose(work, understanding, team(Offering("a", *"xyz")))
    assert [item.id for item in plan.subtasks][:2] == ["a.x", "a.y"]
    assert plan.subtask("a.y").depends_on == ("a.x",)
    assert plan.subtask("writer.report").depends_on == ("a.x", "a.y")
    assert "x feeds y" in plan.reason


@pytest.mark.parametrize(
    "reply",
    [
        {"choose": [{"id": "a.nothing", "depends_on": []}], "reason": "r"},
        {
            "choose": [{"id": "a.x", "depends_on": ["a.y"]}, {"id": "a.y", "depends_on": ["a.x"]}],
            "reason": "r",
        },
        {"choose": [], "reason": "r"},
        ModelAnswerInvalid(),
    ],
)
async def test_a_choice_that_does_not_hold_falls_back_to_the_offline_plan(tmp_path: Path, reply: Any) -> None:
    understanding = understood()
    agents = team(Offering("a", *"xyz"))
    offline = await plan_of(tmp_path, agents)
    work = work_for(tmp_path, understanding, replies=[reply])
    plan = await ProposalDecomposer().decompose(work, understanding, agents)
    assert plan.subtasks == offline.subtasks
    assert plan.reason.startswith(offline.reason)
    assert plan.reason != offline.reason


def fail(plan: Plan, *subtask_ids: str) -> list[Verdict]:
    return [
        Verdict(subtask_id=item.id, criterion=criterion, passed=item.id not in subtask_ids)
        for item in plan.subtasks
        for criterion in item.success_criteria
    ]


async def test_repair_redoes_what_failed_and_keeps_what_stands(tmp_path: Path) -> None:
    agents = team(Offering("a", "x", "y"))
    plan = await plan_of(tmp_path, agents)
    decomposer, work = ProposalDecomposer(), work_for(tmp_path, understood())
    revised = await decomposer.repair(work, plan, fail(plan, "a.x"), agents)
    assert revised is not None
    assert revised.revision == 2
    assert [item.id for item in revised.subtasks] == [
        "a.x-r2",
        "a.y",
        "writer.report-r2",
        "reviewer.review-r2",
    ]
    assert revised.subtask("writer.report-r2").depends_on == ("a.x-r2", "a.y")
    assert revised.subtask("a.y") == plan.subtask("a.y")
    assert revised.subtask("a.x-r2").parameters["repair"]["criteria"] == ["numbers_recompute"]
    revised.validate(max_subtasks=64, max_depth=16)


async def test_a_failed_report_is_written_again_without_redoing_the_work(tmp_path: Path) -> None:
    agents = team(Offering("a", "x"))
    plan = await plan_of(tmp_path, agents)
    revised = await ProposalDecomposer().repair(
        work_for(tmp_path, understood()), plan, fail(plan, "writer.report"), agents
    )
    assert revised is not None
    assert [item.id for item in revised.subtasks] == ["a.x", "writer.report-r2", "reviewer.review-r2"]


async def test_what_fails_again_is_left_out_and_named_and_then_nothing_is_left_to_mend(
    tmp_path: Path,
) -> None:
    agents = team(Offering("a", "x", "y"))
    decomposer, work = ProposalDecomposer(), work_for(tmp_path, understood())
    first = await plan_of(tmp_path, agents)
    second = await decomposer.repair(work, first, fail(first, "a.x"), agents)
    assert second is not None
    third = await decomposer.repair(work, second, fail(second, "a.x-r2"), agents)
    assert third is not None
    assert [item.id for item in third.subtasks] == ["a.y", "writer.report-r3", "reviewer.review-r3"]
    assert third.subtask("writer.report-r3").parameters["unverified"] == ["a x"]
    assert "a x" in third.reason
    assert await decomposer.repair(work, third, fail(third, "writer.report-r3"), agents) is None


async def test_there_is_nothing_to_mend_when_all_passed_or_all_work_is_lost(tmp_path: Path) -> None:
    agents = team(Offering("a", "x"))
    decomposer, work = ProposalDecomposer(), work_for(tmp_path, understood())
    plan = await plan_of(tmp_path, agents)
    assert await decomposer.repair(work, plan, fail(plan), agents) is None
    second = await decomposer.repair(work, plan, fail(plan, "a.x"), agents)
    assert second is not None
    assert await decomposer.repair(work, second, fail(second, "a.x-r2"), agents) is None


async def test_repair_never_asks_an_agent_that_is_gone(tmp_path: Path) -> None:
    agents = team(Offering("a", "x"), Offering("b", "y"))
    plan = await plan_of(tmp_path, agents)
    revised = await ProposalDecomposer().repair(
        work_for(tmp_path, understood()), plan, fail(plan, "b.y"), team(Offering("a", "x"))
    )
    assert revised is not None
    assert {item.agent for item in revised.subtasks} == {"a", "writer", "reviewer"}
