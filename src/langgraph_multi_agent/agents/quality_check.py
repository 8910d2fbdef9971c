"""The quality check: gathers the review's verdicts and makes the task's result of them.

Called by the engine after each revision. Pure. Invariant: one verdict for each criterion, and
what was not reviewed never counts as passed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph_multi_agent.agents.request import language_of_request
from langgraph_multi_agent.domain.plan import Plan
from langgraph_multi_agent.domain.result import SubtaskResult, Verdict
from langgraph_multi_agent.i18n import text

MAX_ARTIFACTS = 64
MAX_SUMMARY_CHARACTERS = 1200


class VerdictQualityCheck:
    """`contract.QualityCheck` of the built-in team."""

    def verdicts(self, plan: Plan, results: Mapping[str, SubtaskResult]) -> Sequence[Verdict]:
        language = language_of_request(plan.reason)
        given = {
            (verdict.subtask_id, verdict.criterion): verdict
            for item in plan.subtasks
            if item.id in results
            for verdict in _stated(results[item.id])
        }
        found = []
        for item in plan.subtasks:
            for criterion in item.success_criteria:
                verdict = given.get((item.id, criterion))
                if verdict is None:
                    done = item.id in results
                    verdict = Verdict(
                        subtask_id=item.id,
                        criterion=criterion,
                        passed=None if done else False,
                        reason=text(f"team.review.{'nobody' if done else 'no_result'}", language),
                    )
                found.append(verdict)
        return found

    def result(
        self, plan: Plan, results: Mapping[str, SubtaskResult], verdicts: Sequence[Verdict]
    ) -> Mapping[str, Any]:
        present = [results[item.id] for item in plan.subtasks if item.id in results]
        reports = [result for result in present if result.data.get("report")]
        names = list(dict.fromkeys(ref.name for result in present for ref in result.artifacts))
        reports_first = [ref.name for result in reports for ref in result.artifacts]
        ordered = list(dict.fromkeys((*reports_first, *names)))
        if reports:
            summary = reports[-1].summary
        else:
            summary = "\n".join(result.summary for result in present if result.summary)
        outcome: dict[str, Any] = {
            "summary": _cut(summary or text("team.result.nothing", language_of_request(plan.reason))),
            "artifacts": ordered[:MAX_ARTIFACTS],
            "findings": sum(len(result.findings) for result in present),
            "passages": sum(len(result.passages) for result in present),
            "review": _review(verdicts, reviewed=any("verdicts" in result.data for result in present)),
            "unchecked": sum(1 for verdict in verdicts if verdict.passed is None),
        }
        if reports:
            outcome["report"] = reports[-1].data["report"]["html"]
            outcome["report_markdown"] = reports[-1].data["report"]["markdown"]
        if any(result.data.get("written") for result in present):
            outcome["is_written_by_model"] = True
        if len(ordered) > MAX_ARTIFACTS:
            outcome["more_artifacts"] = len(ordered) - MAX_ARTIFACTS
        return outcome


def _stated(result: SubtaskResult) -> list[Verdict]:
    return [Verdict(**item) for item in result.data.get("verdicts", ())]


def _review(verdicts: Sequence[Verdict], *, reviewed: bool) -> str:
    if any(verdict.passed is False for verdict in verdicts):
        return "failed"
    return "passed" if reviewed and any(verdict.passed for verdict in verdicts) else "unreviewed"


def _cut(content: str) -> str:
    return content if len(content) <= MAX_SUMMARY_CHARACTERS else content[: MAX_SUMMARY_CHARACTERS - 1] + "…"
