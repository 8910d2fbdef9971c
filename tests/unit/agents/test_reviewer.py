"""The review must fail for every altered digit, wherever it stands."""

import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.reports import Case, written_report

from langgraph_multi_agent.domain.errors import SkillFailed
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.finding import Finding, Passage
from langgraph_multi_agent.domain.result import SubtaskResult, Verdict
from langgraph_multi_agent.skills.documents.extraction import extract
from langgraph_multi_agent.skills.report import file_discrepancies, number_discrepancies

pytestmark = pytest.mark.timeout(500)  # the first test also pays for the reports
REPORTS = 50
NUMBER = re.compile(rb"\d[\d,.]*")


def verdicts(result: SubtaskResult) -> dict[tuple[str, str], Verdict]:
    return {(v["subtask_id"], v["criterion"]): Verdict(**v) for v in result.data["verdicts"]}


def altered(content: bytes, chance: random.Random) -> Iterator[tuple[int, bytes]]:
    """The content once for each number in it, with one digit of that number changed."""
    for match in NUMBER.finditer(content):
        digits = [place for place in range(*match.span()) if content[place : place + 1].isdigit()]
        place = chance.choice(digits)
        digit = (content[place] - 48 + chance.randint(1, 9)) % 10
        yield match.start(), content[:place] + b"%d" % digit + content[place + 1 :]


def with_number(finding: Finding, place: int, value: float) -> Finding:
    numbers = list(finding.numbers)
    numbers[place] = replace(numbers[place], value=value)
    return replace(finding, numbers=tuple(numbers))


def lies(finding: Finding, chance: random.Random) -> Iterator[Finding]:
    """The finding once for each of its numbers, with one digit of that number changed."""
    for place, number in enumerate(finding.numbers):
        if number.value is None:
            yield with_number(finding, place, 1.0)
            continue
        shown = f"{number.value:.6g}".encode()
        for _, wrong in list(altered(shown, chance))[:1]:
            yield with_number(finding, place, float(wrong))


@pytest.fixture(scope="module")
async def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    directory = tmp_path_factory.mktemp("reports")
    return [await written_report(directory / str(seed), seed) for seed in range(REPORTS)]


async def test_fifty_true_reports_pass_and_each_altered_number_of_theirs_fails(cases: list[Case]) -> None:
    chance, files_altered, findings_altered = random.Random(7), 0, 0
    for case in cases:
        result = await case.review()
        assert result.data["passed"], result.summary
        assert result.data["numbers"] > 0
        stored = case.files()
        assert set(stored) == {"report.json", "report.md", "report.html"}
        for name, content in stored.items():
            for _, wrong in altered(content, chance):
                files_altered += 1
                found = file_discrepancies(stored, {**stored, name: wrong})
                assert [item.code for item in found] == ["file_differs"]
        findings = case.results["data_analyst.all"].findings
        rows = dict(case.work.skill_answers)["tables.recompute"]["rows"]
        for place, finding in enumerate(findings):
            assert number_discrepancies(finding, rows[str(place)]) == []
            for lie in lies(finding, chance):
                findings_altered += 1
                assert number_discrepancies(lie, rows[str(place)]), lie
    assert files_altered > 100 * REPORTS
    assert findings_altered > 15 * REPORTS


@pytest.mark.parametrize("name", ["report.json", "report.md", "report.html"])
async def test_the_reviewer_fails_a_report_with_one_altered_number(cases: list[Case], name: str) -> None:
    chance = random.Random(name)
    for case in chance.sample(cases, 8):
        _, wrong = chance.choice(list(altered(case.files()[name], chance)))
        result = await (await case.with_file(name, wrong)).review()
        assert result.data["passed"] is False
        verdict = verdicts(result)["writer.report", "report_faithful"]
        assert verdict.passed is False
        assert name in verdict.reason
        assert verdicts(result)["data_analyst.all", "numbers_recompute"].passed is True


async def test_an_agent_that_lies_fails_even_if_the_whole_report_agrees_with_it(
    cases: list[Case], tmp_path: Path
) -> None:
    chance = random.Random(3)
    for seed in range(8):
        honest = cases[seed].results["data_analyst.all"].findings
        place = chance.randrange(len(honest))
        lie = chance.choice(list(lies(honest[place], chance)))
        findings = (*honest[:place], lie, *honest[place + 1 :])
        case = await written_report(tmp_path / str(seed), seed, findings)
        result = await case.review()
        verdict = verdicts(result)["data_analyst.all", "numbers_recompute"]
        assert verdict.passed is False
        assert lie.id in verdict.reason
        assert verdicts(result)["writer.report", "report_faithful"].passed is False


async def test_names_from_the_data_are_compared_too(cases: list[Case], tmp_path: Path) -> None:
    honest = cases[2].results["data_analyst.all"].findings
    place = next(n for n, finding in enumerate(honest) if "since" in finding.names)
    lie = replace(honest[place], names={**honest[place].names, "since": "2022-01-01"})
    case = await written_report(tmp_path, 2, (*honest[:place], lie, *honest[place + 1 :]))
    assert verdicts(await case.review())["data_analyst.all", "numbers_recompute"].passed is False


async def test_sql_that_is_no_query_of_the_data_fails(cases: list[Case], tmp_path: Path) -> None:
    first, *rest = cases[0].results["data_analyst.all"].findings
    constant = replace(first, sql="SELECT 1 AS rows FROM read_csv('other.csv')")
    case = await written_report(tmp_path, 0, (constant, *rest))
    verdict = verdicts(await case.review())["data_analyst.all", "numbers_recompute"]
    assert verdict.passed is False


async def test_a_missing_finding_and_a_missing_file_fail(cases: list[Case]) -> None:
    case = cases[1]
    short = b'{"findings": [], "passages": []}'
    found = verdicts(await (await case.with_file("report.json", short)).review())
    assert found["writer.report", "report_complete"].passed is False
    written = case.results["writer.report"]
    without = replace(written, artifacts=tuple(a for a in written.artifacts if a.name != "report.md"))
    found = verdicts(await replace(case, results={**case.results, "writer.report": without}).review())
    assert found["writer.report", "report_faithful"].passed is False
    assert "report.md" in found["writer.report", "report_faithful"].reason


async def test_each_verdict_is_an_event_and_unknown_criteria_stay_open(cases: list[Case]) -> None:
    case = cases[4]
    first = replace(case.plan.subtasks[0], success_criteria=("numbers_recompute", "The tone is friendly"))
    case = replace(case, plan=replace(case.plan, subtasks=(first, *case.plan.subtasks[1:])))
    case.work.events.clear()
    result = await case.review()
    found = verdicts(result)
    assert found["data_analyst.all", "The tone is friendly"].passed is None
    assert result.data["passed"] is True
    events = [event for event in case.work.events if event.type is EventType.REVIEW_VERDICT]
    assert {(e.subtask_id, e.data["criterion"]): e.data["passed"] for e in events} == {
        key: verdict.passed for key, verdict in found.items()
    }


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_review_says_what_it_checked_and_where_there_was_nothing_to_check(
    cases: list[Case], language: str
) -> None:
    case = next(case for case in cases if case.understanding.language == language)
    first = replace(case.plan.subtasks[0], success_criteria=("numbers_recompute", "citations_resolve"))
    full = await replace(case, plan=replace(case.plan, subtasks=(first, *case.plan.subtasks[1:]))).review()
    review = replace(case.plan.subtasks[2], depends_on=(first.id,))
    empty = {**case.results, first.id: SubtaskResult(summary="")}
    nothing = await replace(case, plan=replace(case.plan, subtasks=(first, review)), results=empty).review()
    count = full.data["numbers"]
    assert count > 0
    assert str(count) in full.summary
    assert str(count) in verdicts(full)[first.id, "numbers_recompute"].reason
    for said in (
        nothing.summary,
        *(verdict.reason for verdict in verdicts(nothing).values()),
        verdicts(full)[first.id, "citations_resolve"].reason,
    ):
        assert not re.search(r"\d", said), said
        assert "{" not in said
    assert ("没有引文" if language == "zh" else "no quotations") in full.summary
    assert nothing.data["passed"] is True


async def test_a_subtask_without_a_result_fails_its_criteria(cases: list[Case]) -> None:
    case = cases[3]
    lost = replace(case.plan.subtasks[0], id="data_analyst.lost", title="Lost")
    late = replace(case.plan.subtasks[1], depends_on=("data_analyst.all", "data_analyst.lost"))
    plan = replace(case.plan, subtasks=(case.plan.subtasks[0], lost, late, case.plan.subtasks[2]))
    found = verdicts(await replace(case, plan=plan).review())
    assert found["data_analyst.lost", "numbers_recompute"].passed is False
    assert found["data_analyst.all", "numbers_recompute"].passed is True


async def test_a_skill_that_cannot_read_the_file_fails_the_numbers_not_the_review(tmp_path: Path) -> None:
    case = await written_report(tmp_path, 0)

    async def broken(skill: str, params: object) -> dict[str, object]:
        raise SkillFailed(skill=skill, reason="crashed")

    work = case.work
    try:
        type(work).skill, kept = broken_skill(broken), type(work).skill
        found = verdicts(await case.review())
    finally:
        type(work).skill = kept  # type: ignore[method-assign]
    assert found["data_analyst.all", "numbers_recompute"].passed is False
    assert "SKILL_FAILED" in found["data_analyst.all", "numbers_recompute"].reason


def broken_skill(function: object) -> object:
    async def skill(self: object, name: str, params: object) -> object:
        return await function(name, params)  # type: ignore[operator]

    return skill


NOTES = "# Limits\n\nA task may hold 64 subtasks and 32 files.\n\n# Other\n\nNothing of note stands here.\n"


async def reviewed_passage(tmp_path: Path, **changes: object) -> Verdict:
    case = await written_report(tmp_path, 0, ())
    path = tmp_path / "notes.txt"
    path.write_text(NOTES, encoding="utf-8")
    quote = "A task may hold 64 subtasks and 32 files."
    start = extract(path, path.name).text.index(quote)
    passage = Passage(
        id="p", source="notes.txt", locator="Limits", start=start, end=start + len(quote), quote=quote
    )
    passage = replace(passage, **changes)  # type: ignore[arg-type]
    work = case.work
    work.paths = {**work.paths, "notes.txt": path}
    file = work.input("notes.txt")
    info = replace(
        case.understanding.inputs[0],
        name="notes.txt",
        kind="document",
        digest=file.digest,
        size_bytes=file.size_bytes,
    )
    work.understanding = replace(case.understanding, inputs=(*case.understanding.inputs, info))
    first = replace(case.plan.subtasks[0], success_criteria=("citations_resolve",))
    plan = replace(case.plan, subtasks=(first, *case.plan.subtasks[1:]))
    results = {**case.results, "data_analyst.all": SubtaskResult(summary="", passages=(passage,))}
    result = await replace(case, plan=plan, results=results).review()
    return verdicts(result)["data_analyst.all", "citations_resolve"]


async def test_a_true_quotation_resolves(tmp_path: Path) -> None:
    assert (await reviewed_passage(tmp_path)).passed is True


@pytest.mark.parametrize(
    "changes",
    [
        {"quote": "A task may hold 65 subtasks and 32 files."},
        {"start": 0, "end": 41},
        {"source": "absent.txt"},
        {"end": 10_000},
    ],
)
async def test_a_quotation_that_does_not_stand_there_fails(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    assert (await reviewed_passage(tmp_path, **changes)).passed is False


async def test_a_report_is_reviewed_against_the_input_as_stored(cases: list[Case]) -> None:
    case = cases[5]
    wrong = replace(case.understanding.inputs[0], digest=hashlib.sha256(b"other").hexdigest())
    case.work.understanding = replace(case.understanding, inputs=(wrong,))
    try:
        result = await case.review()
    finally:
        case.work.understanding = case.understanding
    assert verdicts(result)["writer.report", "report_faithful"].passed is True
