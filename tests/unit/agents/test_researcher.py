"""The researcher: what it proposes, and that whatever it says stands in a passage."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.documents import encrypted_pdf_bytes
from tests.support.work import MemoryWork

from langgraph_multi_agent.agents.contract import Agent, InputInfo, Understanding
from langgraph_multi_agent.agents.researcher import Researcher, questions_of
from langgraph_multi_agent.domain.errors import InputUnreadable, ModelUnavailable
from langgraph_multi_agent.domain.plan import Subtask
from langgraph_multi_agent.domain.result import SubtaskResult
from langgraph_multi_agent.skills.documents import resolve

PUMP = """# Pump guide

## Maintenance

The filter must be replaced every 6 months. Check the seals for leaks once a year.

## Warranty

The warranty ends 36 months after the date of purchase. It does not cover the seals.
"""


def document(name: str, size_bytes: int = 1000, language: str = "en") -> InputInfo:
    return InputInfo(
        name=name, kind="document", digest="0" * 64, size_bytes=size_bytes, profile={"language": language}
    )


def understanding(goal: str, *names: str, language: str = "en", handbook: bool = False) -> Understanding:
    return Understanding(
        goal=goal,
        language=language,
        inputs=tuple(document(name, language=language) for name in names),
        handbook=handbook,
    )


def a_work(
    directory: Path,
    question: str,
    *,
    files: dict[str, bytes] | None = None,
    mode: str = "answer",
    language: str = "en",
    handbook: bool = False,
    replies: list[Any] | None = None,
) -> MemoryWork:
    contents = {"pump.md": PUMP.encode()} if files is None else files
    paths = {}
    for number, (name, content) in enumerate(contents.items()):
        paths[name] = directory / f"blob{number}"
        paths[name].write_bytes(content)
    return MemoryWork(
        directory=directory / "artifacts",
        request=question,
        language=language,
        paths=paths,
        understanding=understanding(question, *paths, language=language, handbook=handbook),
        subtask=Subtask(
            id="s1",
            title=f"Find: {question}",
            capability="document_research",
            agent="researcher",
            parameters={"question": question, "mode": mode, "handbook": handbook},
            inputs=tuple(paths),
        ),
        replies=replies,
    )


def verdicts(work: MemoryWork, result: SubtaskResult) -> set[str]:
    files = [{"path": str(path), "name": name} for name, path in work.paths.items()]
    passages = [passage.to_json() for passage in result.passages]
    return set(resolve.run({"files": files, "passages": passages})["passages"].values())


def test_it_is_an_agent_of_the_contract() -> None:
    agent: Agent = Researcher()
    assert agent.capabilities[0] == "document_research"
    assert set(agent.titles) == {"zh", "en"}


def test_each_question_becomes_a_subtask_of_its_own() -> None:
    goal = "Background is given. When does the warranty end? How often is the filter replaced?"
    offers = Researcher().propose(understanding(goal, "pump.md"))
    assert [offer.parameters["question"] for offer in offers] == [
        "When does the warranty end?",
        "How often is the filter replaced?",
    ]
    assert len({offer.key for offer in offers}) == 2
    assert all(offer.inputs == ("pump.md",) for offer in offers)
    assert all(set(offer.success_criteria) == {"citations_resolve", "question_answered"} for offer in offers)
    assert all("pump.md" in offer.reason for offer in offers)


def test_many_documents_are_searched_in_groups() -> None:
    names = [f"d{number}.md" for number in range(20)]
    offers = Researcher().propose(understanding("Who approved it?", *names, handbook=True))
    assert len(offers) == 3
    assert [name for offer in offers for name in offer.inputs] == names
    assert [offer.parameters["handbook"] for offer in offers] == [True, False, False]
    assert len({offer.key for offer in offers}) == 3


def test_it_offers_nothing_without_documents_or_handbook() -> None:
    table = InputInfo(name="a.csv", kind="table", digest="0", size_bytes=1)
    asked = Understanding(goal="Which month is best?", language="en", inputs=(table,))
    assert not Researcher().propose(asked)


def test_a_request_to_the_handbook_needs_no_file() -> None:
    (offer,) = Researcher().propose(understanding("如何取消任务？", language="zh", handbook=True))
    assert offer.inputs == ()
    assert offer.parameters["handbook"] is True
    assert "手册" in offer.reason


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("请总结这两份报告的要点", [("", "overview")]),
        ("Summarise the paper. Who funded it?", [("", "overview"), ("Who funded it?", "answer")]),
        (
            "1. 保修期多长？\n2. 滤芯多久换一次？",
            [("保修期多长？", "answer"), ("滤芯多久换一次？", "answer")],
        ),
        ("find the warranty period", [("find the warranty period", "answer")]),
        ("备份操作的要点是什么？", [("备份操作的要点是什么？", "answer")]),
        ("Give me a short summary of these documents.", [("", "overview")]),
        ("Same? Same?", [("Same?", "answer")]),
        ("   ", []),
    ],
)
def test_requests_become_questions(goal: str, expected: list[tuple[str, str]]) -> None:
    assert questions_of(goal) == expected


async def test_an_answer_is_a_quotation_that_resolves(tmp_path: Path) -> None:
    work = a_work(tmp_path, "When does the warranty end?")
    result = await Researcher().work(work)
    assert "36 months after the date of purchase" in result.passages[0].quote
    assert result.passages[0].locator == "Pump guide > Warranty"
    assert result.data["answered"] is True
    assert "answer" not in result.data
    assert verdicts(work, result) == {"ok"}


async def test_an_unanswerable_question_says_what_was_searched(tmp_path: Path) -> None:
    result = await Researcher().work(a_work(tmp_path, "Who won the football world cup?"))
    assert result.passages == ()
    assert result.data["answered"] is False
    assert "pump.md" in result.summary
    assert "football" in result.summary
    assert "pump.md" in result.data["not_done"][0]["reason"]


async def test_the_handbook_answers_in_chinese(tmp_path: Path) -> None:
    work = a_work(tmp_path, "如何取消任务？", files={}, language="zh", handbook=True)
    result = await Researcher().work(work)
    assert any("lgma tasks cancel" in passage.quote for passage in result.passages)
    assert all(passage.source.startswith("handbook:zh/") for passage in result.passages)
    assert "手册" in result.summary
    assert verdicts(work, result) == {"ok"}


async def test_an_overview_quotes_every_section(tmp_path: Path) -> None:
    work = a_work(tmp_path, "Summarise it", mode="overview")
    result = await Researcher().work(work)
    assert {"Pump guide > Maintenance", "Pump guide > Warranty"} == {p.locator for p in result.passages}
    assert verdicts(work, result) == {"ok"}


async def test_a_broken_document_is_named_and_the_others_are_searched(tmp_path: Path) -> None:
    files = {"secret.pdf": encrypted_pdf_bytes("x"), "pump.md": PUMP.encode()}
    result = await Researcher().work(a_work(tmp_path, "When does the warranty end?", files=files))
    assert result.passages
    assert [entry["title"] for entry in result.data["not_done"]] == ["secret.pdf"]
    assert "encrypted" in result.data["not_done"][0]["reason"]


async def test_no_readable_document_is_a_fault(tmp_path: Path) -> None:
    files = {"secret.pdf": encrypted_pdf_bytes("x")}
    with pytest.raises(InputUnreadable) as caught:
        await Researcher().work(a_work(tmp_path, "When does the warranty end?", files=files))
    assert caught.value.params == {"file": "secret.pdf", "reason": "encrypted"}


async def test_a_model_finds_other_words_for_the_search(tmp_path: Path) -> None:
    replies = [{"queries": ["warranty ends after purchase"]}, {"sentences": []}]
    work = a_work(tmp_path, "How long is the guarantee valid?", replies=replies)
    result = await Researcher().work(work)
    assert "36 months" in result.passages[0].quote
    assert result.data["wordings"] == ["warranty ends after purchase"]


async def test_only_sentences_that_cite_given_passages_stand(tmp_path: Path) -> None:
    said = [
        {"text": "The warranty ends 36 months after purchase.", "passages": ["p1"]},
        {"text": "It can be extended.", "passages": []},
        {"text": "Ask the dealer.", "passages": ["p99"]},
        {"text": "The warranty ends 24 months after purchase.", "passages": ["p1"]},
    ]
    work = a_work(tmp_path, "When does the warranty end?", replies=[{"queries": []}, {"sentences": said}])
    result = await Researcher().work(work)
    assert result.data["answer"] == {
        "text": "The warranty ends 36 months after purchase.",
        "sentences": [{"text": said[0]["text"], "passages": [result.passages[0].id]}],
    }
    assert result.summary == said[0]["text"]


async def test_a_model_that_fails_leaves_the_quotations(tmp_path: Path) -> None:
    replies = [ModelUnavailable(reason="timeout"), ModelUnavailable(reason="timeout")]
    work = a_work(tmp_path, "When does the warranty end?", replies=replies)
    result = await Researcher().work(work)
    assert result.passages
    assert "answer" not in result.data
    assert result.data["answer_gap"] == "MODEL_UNAVAILABLE"


async def test_a_model_is_not_asked_to_answer_without_passages(tmp_path: Path) -> None:
    work = a_work(tmp_path, "Who won the football world cup?", replies=[{"queries": ["football champion"]}])
    result = await Researcher().work(work)
    assert result.data["answered"] is False
    assert len(work.prompts) == 1


def test_importing_the_agent_loads_no_parser() -> None:
    heavy = {"jieba", "pypdf", "docx", "selectolax", "markdown_it", "numpy"}
    code = (
        "import sys; from langgraph_multi_agent.agents import researcher;"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
