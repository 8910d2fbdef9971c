import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.work import MemoryWork, ParkedForAnswer

from langgraph_multi_agent.agents.meta_agent import RequestMetaAgent
from langgraph_multi_agent.agents.request import (
    intents_of,
    language_of_request,
    model_only_wish,
    named_columns,
    unknown_files,
)
from langgraph_multi_agent.domain.errors import (
    InputUnreadable,
    InvalidRequest,
    ModelRequired,
    ModelUnavailable,
)
from langgraph_multi_agent.domain.task import InputFile, TaskDraft

NEEDS_MODEL = {
    "Translate this document into French": "translation",
    "请把这份文档翻译成英文": "translation",
    "翻译以下内容：hello": "translation",
    "把report.docx翻译成英文": "translation",
    "请将下面的合同译为日语": "translation",
    "分析销售数据，然后翻译成英文": "translation",
    "Analyse the sales and then translate the report into German": "translation",
    "写一首关于春天的诗": "writing",
    "帮我写一篇关于AI的文章": "writing",
    "Write a poem about the sea": "writing",
    "Please write me a short story about cats": "writing",
    "Write an email to my boss": "writing",
    "润色这段文字": "writing",
    "Rewrite this text politely": "writing",
    "Could you write a Python function that sorts a list?": "coding",
    "写一个Python爬虫": "coding",
    "implement a REST api in Go": "coding",
    "画一张猫的图片": "image",
    "Generate an image of a dog": "image",
    "扮演一位面试官": "conversation",
}
NEEDS_NONE = [
    "Analyse the translation costs in this CSV",
    "分析翻译成本数据",
    "翻译公司的收入趋势如何？",
    "Compare the number of articles written per author",
    "Which emails were written in March?",
    "写一份销售分析报告",
    "Write a report on the trend of sales",
    "请生成一份分析报告",
    "画一张折线图展示趋势",
    "Draw a chart of sales by region",
    "Summarise this PDF",
    "这个故事的主题是什么？",
    "Find anomalies in the code coverage data",
    "How do I write a YAML agent file?",
    "如何编写一个 agent 的 YAML？",
    "build a summary of app usage",
    "根据数据写一段总结",
]


def draft(request: str, *names: str) -> TaskDraft:
    files = tuple(InputFile(name=n, digest="0" * 64, size_bytes=1, media_type="text/plain") for n in names)
    return TaskDraft(title=request[:40], description=request, files=files)


@pytest.mark.parametrize(("request_text", "wish"), NEEDS_MODEL.items())
def test_wishes_that_only_a_model_can_fulfil_are_refused_and_name_the_settings(
    request_text: str, wish: str
) -> None:
    assert model_only_wish(request_text) == wish
    with pytest.raises(ModelRequired) as caught:
        RequestMetaAgent().admit(draft(request_text, "a.csv"), has_model=False)
    assert caught.value.params == {"settings": "LLM_PROVIDER, LLM_MODEL, LLM_BASE_URL, LLM_API_KEY", "reason": wish}
    RequestMetaAgent().admit(draft(request_text, "a.csv"), has_model=True)


@pytest.mark.parametrize("request_text", NEEDS_NONE)
def test_analyses_that_merely_speak_of_such_things_are_admitted(request_text: str) -> None:
    RequestMetaAgent().admit(draft(request_text, "a.csv"), has_model=False)


@pytest.mark.parametrize("request_text", ["What is the capital of France?", "法国的首都是哪里？"])
def test_general_knowledge_without_inputs_needs_a_model(request_text: str) -> None:
    with pytest.raises(ModelRequired) as caught:
        RequestMetaAgent().admit(draft(request_text), has_model=False)
    assert caught.value.params["reason"] == "nothing_to_work_on"


@pytest.mark.parametrize(
    "request_text", ["如何取消一个任务？", "How do I add an own agent with a YAML file?"]
)
def test_questions_about_this_system_are_admitted_without_inputs(request_text: str) -> None:
    RequestMetaAgent().admit(draft(request_text), has_model=False)


@pytest.mark.parametrize("has_model", [True, False])
def test_an_unsupported_file_is_refused_by_name(has_model: bool) -> None:
    with pytest.raises(InputUnreadable) as caught:
        RequestMetaAgent().admit(draft("analyse", "a.csv", "holiday.mp4"), has_model=has_model)
    assert caught.value.params["file"] == "holiday.mp4"
    assert "xlsx" in caught.value.params["supported"]


def test_an_empty_request_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        RequestMetaAgent().admit(draft("  ", "a.csv"), has_model=False)


def test_admission_takes_milliseconds_even_for_the_longest_hostile_request() -> None:
    agent = RequestMetaAgent()
    agent.admit(draft("analyse", "a.csv"), has_model=False)
    for text in ("写" * 20_000, "write me " + "a " * 9_000, '"a' * 10_000, "no " * 6_000):
        spent = []
        for _ in range(3):  # one of them may have paid for the collection of all that other tests left
            started = time.thread_time()
            agent.admit(draft(text, "a.csv"), has_model=False)
            spent.append(time.thread_time() - started)
        assert min(spent) < 0.05


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("分析销售趋势和季节性", ("trend", "seasonality")),
        ("Compare the species and find outliers", ("anomaly", "compare")),
        ("不要趋势，只看相关性", ("correlate",)),
        ("Show correlations without any trend", ("correlate",)),
        ("Top 5 products", ("top",)),
        ("看看这个数据", ()),
    ],
)
def test_intents_are_what_the_request_says_and_not_what_it_excludes(
    request_text: str, expected: tuple[str, ...]
) -> None:
    assert intents_of(request_text) == expected


def test_language_follows_the_script() -> None:
    assert language_of_request("分析 sales.csv 的趋势") == "zh"
    assert language_of_request("Analyse the column 销售额 of this very table in detail") == "en"
    assert language_of_request("2024 %", "en") == "en"


def test_files_and_columns_are_read_from_running_text() -> None:
    assert unknown_files("分析销售.csv的趋势，参考 Old Report.pdf", ["销售.csv"]) == ["Report.pdf"]
    assert named_columns("the column 'revenu' and “销售额”列 and column temp_max") == [
        "revenu",
        "销售额",
        "temp_max",
    ]


SALES = "date,region,revenue\n" + "".join(
    f"2024-01-{day:02d},{'north' if day % 2 else 'south'},{100 + day}\n" for day in range(1, 29)
)


def work_on(tmp_path: Path, request: str, content: str = SALES, **options: Any) -> MemoryWork:
    file = tmp_path / "sales.csv"
    file.write_text(content, encoding="utf-8")
    return MemoryWork(
        directory=tmp_path / "artifacts",
        request=request,
        paths={"sales.csv": file},
        **options,
    )


async def test_understanding_profiles_the_inputs_and_reads_the_request(tmp_path: Path) -> None:
    work = work_on(tmp_path, "各地区的收入趋势如何？", language="en")
    understanding = await RequestMetaAgent().understand(work)
    assert understanding.language == "zh"
    assert understanding.intents[:2] == ("trend", "compare")
    assert [column["name"] for column in understanding.inputs[0].profile["columns"]] == [
        "date",
        "region",
        "revenue",
    ]
    assert understanding.inputs[0].digest == work.input("sales.csv").digest
    assert not work.asked


@pytest.mark.parametrize(
    ("request_text", "named", "option"),
    [
        ("Show the trend of column 'revenu'", "revenu", "revenue"),
        ("Show the trend of costs.xlsx", "costs.xlsx", "sales.csv"),
        ("Who wrote Hamlet?", "revenue", "revenue"),
    ],
)
async def test_what_does_not_exist_is_asked_back_with_options(
    tmp_path: Path, request_text: str, named: str, option: str
) -> None:
    work = work_on(tmp_path, request_text)
    with pytest.raises(ParkedForAnswer):
        await RequestMetaAgent().understand(work)
    question, options = work.asked[0]
    assert named in question
    assert option in options


async def test_the_answer_becomes_part_of_the_goal_and_is_asked_once(tmp_path: Path) -> None:
    work = work_on(tmp_path, "Show column 'revenu'", answers=[{"text": "revenue, its trend"}])
    understanding = await RequestMetaAgent().understand(work)
    assert "revenue, its trend" in understanding.goal
    assert "trend" in understanding.intents
    assert len(work.asked) == 1


@pytest.mark.parametrize(
    "request_text", ["Analyse this", "这些数据说明了什么？", "What is the revenue by region?"]
)
async def test_nothing_is_asked_when_any_analysis_answers(tmp_path: Path, request_text: str) -> None:
    work = work_on(tmp_path, request_text)
    await RequestMetaAgent().understand(work)
    assert not work.asked


async def test_a_model_refines_but_adds_no_column_that_is_not_there(tmp_path: Path) -> None:
    reply = {"goal": "g", "intents": ["trend", "magic"], "columns": ["revenue", "profit"], "question": None}
    work = work_on(tmp_path, "Look at this data", replies=[reply])
    understanding = await RequestMetaAgent().understand(work)
    assert understanding.intents == ("trend",)
    assert "revenue" in understanding.notes
    assert "profit" not in understanding.notes
    assert understanding.goal == "Look at this data"


async def test_without_a_usable_answer_of_the_model_the_offline_reading_stands(tmp_path: Path) -> None:
    work = work_on(tmp_path, "Find the trend in this data", replies=[ModelUnavailable()])
    understanding = await RequestMetaAgent().understand(work)
    assert understanding.intents == ("trend",)
    assert understanding.notes == "MODEL_UNAVAILABLE"


@pytest.mark.parametrize(
    ("request_text", "wanted"),
    [("find anomalies in the file", False), ("按手册说明，任务超时的限制与数据相比如何？", True)],
)
async def test_the_handbook_joins_own_inputs_only_when_the_request_speaks_of_it(
    tmp_path: Path, request_text: str, wanted: bool
) -> None:
    understanding = await RequestMetaAgent().understand(work_on(tmp_path, request_text))
    assert understanding.handbook is wanted
