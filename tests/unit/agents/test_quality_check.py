import json
from collections.abc import Mapping
from dataclasses import asdict

from langgraph_multi_agent.agents.quality_check import VerdictQualityCheck
from langgraph_multi_agent.domain.finding import Finding
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.result import ArtifactRef, SubtaskResult, Verdict

REPORT = {"json": "report.json", "markdown": "report.md", "html": "report.html"}


def subtask(name: str, *criteria: str) -> Subtask:
    return Subtask(id=name, title=name, capability="c", agent="a", success_criteria=criteria)


def artifact(name: str) -> ArtifactRef:
    return ArtifactRef(name=name, digest="0" * 64, size_bytes=1, media_type="text/plain")


PLAN = Plan(
    revision=1,
    reason="Why",
    subtasks=(subtask("work", "one", "two"), subtask("writer", "three"), subtask("reviewer", "four")),
)
FINDING = Finding(id="f", kind="k", source="s", subject=(), template="t", sql="SELECT 1")


def results(*verdicts: Verdict) -> dict[str, SubtaskResult]:
    return {
        "work": SubtaskResult(summary="w", findings=(FINDING,), artifacts=(artifact("chart.svg"),)),
        "writer": SubtaskResult(
            summary="It rises.",
            data={"report": REPORT},
            artifacts=tuple(artifact(name) for name in ("report.json", "report.md", "report.html")),
        ),
        "reviewer": SubtaskResult(summary="r", data={"verdicts": [asdict(v) for v in verdicts]}),
    }


def say(subtask_id: str, criterion: str, passed: bool | None) -> Verdict:
    return Verdict(subtask_id=subtask_id, criterion=criterion, passed=passed, reason="because")


ALL = (
    say("work", "one", True),
    say("work", "two", None),
    say("writer", "three", True),
    say("reviewer", "four", True),
)


def outcome(given: Mapping[str, SubtaskResult]) -> Mapping[str, object]:
    check = VerdictQualityCheck()
    return check.result(PLAN, given, check.verdicts(PLAN, given))


def test_there_is_one_verdict_for_each_criterion_and_it_is_the_reviewers() -> None:
    assert list(VerdictQualityCheck().verdicts(PLAN, results(*ALL))) == list(ALL)


def test_what_nobody_reviewed_is_open_and_what_has_no_result_has_failed() -> None:
    given = results(*ALL[:1])
    del given["writer"]
    found = {(v.subtask_id, v.criterion): v.passed for v in VerdictQualityCheck().verdicts(PLAN, given)}
    assert found == {
        ("work", "one"): True,
        ("work", "two"): None,
        ("writer", "three"): False,
        ("reviewer", "four"): None,
    }


def test_verdicts_of_an_older_revision_do_not_count() -> None:
    given = results(*ALL)
    given["reviewer-r1"] = SubtaskResult(summary="", data={"verdicts": [asdict(say("work", "one", False))]})
    assert VerdictQualityCheck().verdicts(PLAN, given)[0].passed is True


def test_the_result_names_report_artifacts_and_review() -> None:
    assert outcome(results(*ALL)) == {
        "summary": "It rises.",
        "report": "report.html",
        "report_markdown": "report.md",
        "artifacts": ["report.json", "report.md", "report.html", "chart.svg"],
        "findings": 1,
        "passages": 0,
        "review": "passed",
        "unchecked": 1,
    }


def test_one_failed_criterion_fails_the_review_and_none_reviewed_is_said() -> None:
    assert outcome(results(*ALL[:-1], say("reviewer", "four", False)))["review"] == "failed"
    without = results()
    del without["reviewer"]
    lost = VerdictQualityCheck().result(PLAN, without, [say("work", "one", None)])
    assert lost["review"] == "unreviewed"


def test_the_result_stays_small_and_works_without_a_report() -> None:
    many = tuple(artifact(f"chart-{place:04d}-{'x' * 40}.svg") for place in range(300))
    given = {"work": SubtaskResult(summary="很长" * 9000, artifacts=many)}
    found = outcome(given)
    assert len(json.dumps(found, ensure_ascii=False).encode()) <= 8192
    assert "report" not in found
    assert found["more_artifacts"] == 300 - 64
