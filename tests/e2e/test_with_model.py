"""The built-in team with a model: a real server, real HTTP on both sides, real files.

What the model says comes from `tests.support.planner`; everything else is the product. The sums
that the endpoint told are compared with what the task says it cost.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from tests.support.openai_server import (
    OpenAIServer,
    failure,
    hanging,
    json_text,
    rate_limited,
    text,
)
from tests.support.planner import Planner, choosing

from langgraph_multi_agent import bootstrap
from langgraph_multi_agent.cli.client import Client
from langgraph_multi_agent.cli.exits import Refusal
from langgraph_multi_agent.demo import __file__ as demo_file
from langgraph_multi_agent.ops.data_directory import server_address
from langgraph_multi_agent.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]

KEY = "sk-secret-7f3a9b2c4d5e6f70"
PENGUINS = Path(demo_file).parent / "penguins.csv"
GUIDE = (
    "# Warranty\n\nThe warranty lasts 24 months from the day of purchase.\n\n"
    "# Filters\n\nReplace the filter every 6 weeks.\n"
)
WAIT_S = 120.0


@pytest.fixture
def planner() -> Planner:
    return Planner()


@pytest.fixture
def endpoint(planner: Planner) -> Iterator[OpenAIServer]:
    with OpenAIServer(policy=planner) as server:
        yield server


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """A small table with a clear trend and two groups that differ."""
    path = tmp_path / "sales.csv"
    rows = ["month,region,sales"]
    for n in range(48):
        region = ("north", "south")[n % 2]
        value = 200 + 5 * n + (60 if region == "north" else 0) + n * 37 % 11
        rows.append(f"{2020 + n // 12}-{n % 12 + 1:02d}-01,{region},{value}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    path = tmp_path / "guide.md"
    path.write_text(GUIDE, encoding="utf-8")
    return path


def environment(server: OpenAIServer, **more: str) -> dict[str, str]:
    return {
        "LLM_MODEL": "big",
        "LLM_BASE_URL": server.base_url,
        "LLM_API_KEY": KEY,
        "LLM_TIMEOUT": "60",
        **more,
    }


@asynccontextmanager
async def office(directory: Path, env: Mapping[str, str]) -> AsyncIterator[Client]:
    """A server of these settings, and a client that talks to it over HTTP."""
    settings = Settings.load(env, data_dir=directory / "data", lang="en")
    async with (
        bootstrap.serving(settings, host="127.0.0.1", port=0) as address,
        Client(address, language="en") as client,
    ):
        yield client


@dataclass(slots=True, kw_only=True)
class Ended:
    """A task after its end, with everything that the API says of it."""

    task: dict[str, Any]
    plan: dict[str, Any]
    events: list[dict[str, Any]]
    report: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def agents(self) -> list[str]:
        return [item["agent"] for item in self.plan["subtasks"]]

    @property
    def ids(self) -> list[str]:
        return [item["id"] for item in self.plan["subtasks"]]

    @property
    def verdicts(self) -> dict[str, bool | None]:
        single = [event["data"] for event in self.of("review.verdict") if "criterion" in event["data"]]
        return {item["criterion"]: item["passed"] for item in single}

    @property
    def gaps(self) -> str:
        return json.dumps(self.report.get("not_done", []))


async def done(client: Client, request: str, *files: Path, **fields: Any) -> Ended:
    """Submit, follow to the end, and read it all back."""
    submitted = await client.submit({"description": request, **fields}, files)
    return await ending_of(client, submitted["id"])


async def ending_of(client: Client, task_id: str) -> Ended:
    async with asyncio.timeout(WAIT_S):
        async for event in client.follow(task_id):
            assert event.type != "task.waiting_input", "nobody is there to answer"
    async with httpx.AsyncClient(base_url=client.base_url, trust_env=False, timeout=60) as http:
        base = f"/api/v1/tasks/{task_id}"
        events: list[dict[str, Any]] = []
        while page := (await http.get(f"{base}/events", params={"after": len(events)})).json()["events"]:
            events += page
        found = Ended(
            task=(await http.get(base)).json(), plan=(await http.get(f"{base}/plan")).json(), events=events
        )
        for artifact in (await http.get(f"{base}/artifacts")).json()["artifacts"]:
            if artifact["name"].startswith(("report.", "answer.")):
                found.files[artifact["name"]] = (await http.get(f"{base}/artifacts/{artifact['name']}")).text
    if "report.json" in found.files:
        found.report = json.loads(found.files["report.json"])
    return found


def assert_spent_agrees(ended: Ended, planner: Planner) -> None:
    """Task, events and plan say what the endpoint told."""
    cost = ended.task["cost"]
    assert (cost["input_tokens"], cost["output_tokens"]) == planner.spent
    assert cost["model_calls"] == len(planner.asked)
    called = [event["data"] for event in ended.of("model.called")]
    for name in ("input_tokens", "output_tokens", "model_calls"):
        assert sum(item[name] for item in called) == cost[name], name
        leads = sum(
            event["data"][name]
            for event in ended.of("model.called")
            if event["agent"] in ("meta_agent", "task_decomposer")
        )
        assert sum(item["cost"].get(name, 0) for item in ended.plan["subtasks"]) + leads == cost[name], name
    assert sum(item["cost"] for item in called) == pytest.approx(cost["cost"])


# 1. Structured answers change the plan and the report; numbers stay the skills'


async def test_the_model_narrows_the_plan_and_reads_the_results(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path
) -> None:
    planner.say("choose", choosing("trend", "group_difference"))
    async with office(tmp_path, environment(endpoint)) as client:
        ended = await done(client, "Look into this data", sales)
    assert ended.task["status"] == "completed", ended.task["error"]
    assert ended.ids == [
        "data_analyst.trend",
        "data_analyst.group_difference",
        "writer.report",
        "reviewer.review",
    ]
    assert "These serve the goal." in ended.plan["reason"]
    assert {kind for kind, _ in planner.asked} == {"goal", "choose", "paragraphs"}
    assert ended.task["result"]["review"] == "passed"
    assert ended.verdicts["numbers_recompute"] is True
    assert ended.verdicts["report_faithful"] is True
    first = ended.report["narrative"][0]
    assert first.startswith("Look at this first: ")
    assert first.endswith("[F1]")
    assert ended.report["findings"][0]["statement"] in first
    assert "Look at this first" in ended.files["report.html"]
    assert_spent_agrees(ended, planner)


async def test_a_question_that_was_answered_before_is_not_paid_again_until_a_person_wants_another_run(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path
) -> None:
    planner.say("choose", choosing("trend"))
    async with office(tmp_path, environment(endpoint)) as client:
        first = await done(client, "Look into this data", sales)
        asked = len(planner.asked)
        second = await done(client, "Look into this data", sales)
        assert len(planner.asked) == asked
        async with httpx.AsyncClient(base_url=client.base_url, trust_env=False, timeout=60) as http:
            await http.post(f"/api/v1/tasks/{second.task['id']}/reopen")
        await ending_of(client, second.task["id"])
    assert second.task["cost"]["model_calls"] == 0
    assert second.ids == first.ids
    assert second.report["narrative"] == first.report["narrative"]
    assert planner.count("goal") == 2


async def test_the_model_reads_an_open_request_and_the_plan_follows(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path
) -> None:
    planner.say(
        "goal",
        lambda facts: {"goal": "trend only", "intents": ["trend"], "columns": ["nonsense"], "question": None},
    )
    async with office(tmp_path, environment(endpoint)) as client:
        ended = await done(client, "Where is this heading? Look at the data", sales)
    kinds = {key.partition(".")[2] for key in ended.ids if key.startswith("data_analyst.")}
    assert "trend" in kinds
    assert not kinds & {"group_difference", "anomaly", "contributors"}
    assert "nonsense" not in json.dumps(ended.plan)


async def test_the_researcher_searches_with_other_words_and_answers_with_citations(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, guide: Path
) -> None:
    planner.say("queries", lambda _: {"queries": ["warranty lasts months purchase"]})
    planner.say(
        "sentences",
        lambda facts: {
            "sentences": [
                {"text": "You are covered for 24 months.", "passages": [facts["passages"][0]["id"]]},
                {"text": "You are covered for 99 years.", "passages": [facts["passages"][0]["id"]]},
                {"text": "Made up without a passage.", "passages": []},
            ]
        },
    )
    async with office(tmp_path, environment(endpoint)) as client:
        ended = await done(client, "How long is the coverage period?", guide)
    assert ended.task["status"] == "completed", ended.task["error"]
    assert "The warranty lasts 24 months" in ended.report["passages"][0]["quote"]
    assert "You are covered for 24 months. [P1]" in ended.report["narrative"]
    for content in ended.files.values():
        assert "99 years" not in content
        assert "Made up" not in content
    assert ended.verdicts["citations_resolve"] is True
    assert_spent_agrees(ended, planner)


async def test_a_narrative_with_a_wrong_number_is_written_again_once_and_then_left_out(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path
) -> None:
    wrong = json_text({"paragraphs": ["Sales rose by 4321 percent. [F1]"]})
    planner.say("choose", choosing("trend"))
    planner.say("paragraphs", wrong, wrong)
    async with office(tmp_path, environment(endpoint)) as client:
        ended = await done(client, "Look into this data", sales)
        planner.say("choose", choosing("trend"))
        planner.say("paragraphs", wrong)
        mended = await done(client, "Look into this data with care", sales)
    assert ended.task["result"]["review"] == "passed"
    assert ended.report["narrative"] == []
    assert "traces to no finding" in ended.gaps or "trace to no finding" in ended.gaps
    assert not any("4321" in content for content in ended.files.values())
    rewritten = [r for r in endpoint.requests if "could not be traced" in r.prompt]
    assert len(rewritten) == 2
    assert "4321" in rewritten[0].body["messages"][-1]["content"]
    assert len(mended.report["narrative"]) > 0
    assert not any("4321" in content for content in mended.files.values())


async def test_real_data_and_a_document_with_all_agents_on_their_own_models(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, guide: Path
) -> None:
    planner.say("choose", choosing("profile", "group_difference", "answer-1"))
    env = environment(endpoint, LLM_MODEL_WRITER="pen", LLM_MODEL_RESEARCHER="reader")
    async with office(tmp_path, env) as client:
        ended = await done(client, "Compare the species. How long does the warranty last?", PENGUINS, guide)
    assert ended.task["status"] == "completed", ended.task["error"]
    assert set(ended.agents) == {"data_analyst", "researcher", "writer", "reviewer"}
    models = {kind: model for kind, model in planner.asked}
    assert models == {
        "goal": "big",
        "choose": "big",
        "queries": "reader",
        "sentences": "reader",
        "paragraphs": "pen",
    }
    assert {event["data"]["model"] for event in ended.of("model.called")} == {"big", "reader", "pen"}
    assert ended.task["result"]["review"] == "passed"
    assert_spent_agrees(ended, planner)


# 2. Answers that cannot be used, and endpoints that are not well


async def test_broken_answers_are_repaired_once(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path
) -> None:
    planner.say("goal", text("I think it is about sales, { not JSON"))
    planner.say("choose", json_text({"choose": "all of them"}), choosing("trend"))
    async with office(tmp_path, environment(endpoint)) as client:
        ended = await done(client, "Look into this data", sales)
    assert ended.task["status"] == "completed"
    assert ended.ids[0] == "data_analyst.trend"
    assert (planner.count("goal"), planner.count("choose")) == (2, 2)
    assert_spent_agrees(ended, planner)


async def test_answers_broken_twice_leave_the_offline_way(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path, guide: Path
) -> None:
    for kind in ("goal", "choose", "queries", "sentences", "paragraphs"):
        planner.say(kind, text("no JSON"), json_text({"wrong": True}))
    async with office(tmp_path, environment(endpoint)) as client:
        ended = await done(client, "Find the trend. How long does the warranty last?", sales, guide)
    assert ended.task["status"] == "completed"
    assert ended.task["result"]["review"] == "passed"
    assert ended.report["findings"]
    assert ended.report["passages"]
    assert ended.report["narrative"] == []
    assert "offline plan" in ended.plan["reason"]
    assert ended.gaps.count("The model gave no usable answer") == 2, "for the answer and the narrative"
    outcomes = [event["data"]["outcome"] for event in ended.of("model.called")]
    assert outcomes == ["MODEL_ANSWER_INVALID"] * 5
    assert_spent_agrees(ended, planner)


async def test_an_endpoint_with_bad_moments_only_costs_time(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path
) -> None:
    planner.say("goal", rate_limited("0"))
    planner.say("choose", failure(500), failure(503), choosing("trend"))
    planner.say("paragraphs", text('{"paragraphs": ["It was cut', cut="drop"))
    async with office(tmp_path, environment(endpoint)) as client:
        ended = await done(client, "Look into this data", sales)
    assert ended.task["status"] == "completed"
    assert ended.ids[0] == "data_analyst.trend"
    assert ended.report["narrative"]
    asked = [planner.count(kind) for kind in ("goal", "choose", "paragraphs")]
    assert asked == [2, 3, 2]
    assert ended.task["cost"]["model_calls"] == 7


async def test_a_fallback_model_answers_for_one_that_does_not(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path
) -> None:
    planner.say("choose", failure(500), choosing("trend"))
    env = environment(endpoint, LLM_FALLBACK_MODEL="small", LLM_MAX_RETRIES="0")
    async with office(tmp_path, env) as client:
        ended = await done(client, "Look into this data", sales)
    assert ended.task["status"] == "completed"
    assert [model for kind, model in planner.asked if kind == "choose"] == ["big", "small"]
    models = [event["data"]["model"] for event in ended.of("model.called")]
    assert models == ["big", "small", "big"]


async def test_a_model_that_hangs_is_given_up_and_the_report_is_written_without(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path
) -> None:
    planner.say("choose", choosing("trend"))
    planner.say("paragraphs", hanging())
    async with office(tmp_path, environment(endpoint, LLM_TIMEOUT="5")) as client:
        ended = await done(client, "Look into this data", sales)
    assert ended.task["status"] == "completed"
    assert "The model gave no usable answer" in ended.gaps
    last = ended.of("model.called")[-1]["data"]
    assert last["outcome"] == "MODEL_UNAVAILABLE"
    assert last["output_tokens"] > 0, "nobody knows what it spent, so the reservation counts"


# 3. Budgets


@pytest.mark.parametrize(("limit", "affordable"), [(60, []), (1500, ["goal"]), (2500, ["goal", "choose"])])
async def test_a_small_budget_is_never_overspent_and_the_offline_result_says_so(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path, limit: int, affordable: list[str]
) -> None:
    async with office(tmp_path, environment(endpoint)) as client:
        ended = await done(client, "Find the trend in this data", sales, budget={"tokens": limit})
    assert sum(planner.spent) <= limit
    assert ended.task["status"] == "completed"
    assert ended.task["result"]["review"] == "passed"
    assert ended.report["findings"]
    refused = [e for e in ended.of("model.called") if e["data"]["outcome"] == "BUDGET_EXCEEDED"]
    assert [kind for kind, _ in planner.asked] == affordable
    assert len(refused) == 3 - len(affordable)
    assert ("offline plan" in ended.plan["reason"]) is ("choose" not in affordable)
    assert "budget did not allow" in ended.gaps
    assert_spent_agrees(ended, planner)


async def test_a_budget_in_money_holds_too(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path
) -> None:
    env = environment(endpoint, LLM_PRICE_INPUT="2", LLM_PRICE_OUTPUT="10")
    planner.say("choose", choosing("trend"))
    async with office(tmp_path, env) as client:
        ended = await done(client, "Find the trend in this data", sales, budget={"cost": 0.02})
        spent = (planner.spent[0] * 2 + planner.spent[1] * 10) / 1_000_000
        assert 0 < spent <= 0.02
        assert ended.task["cost"]["cost"] == pytest.approx(spent)
        assert_spent_agrees(ended, planner)
        with_none = await done(client, "Find the trend in this data", sales, budget={"cost": 0.0})
    assert with_none.task["cost"]["model_calls"] == 0
    assert with_none.task["status"] == "completed"


async def test_a_request_that_only_a_model_can_do_fails_clearly_without_budget(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer
) -> None:
    async with office(tmp_path, environment(endpoint)) as client:
        ended = await done(client, "Write a poem about the sea", budget={"tokens": 100})
    assert planner.asked == []
    assert ended.task["status"] == "failed"
    assert ended.task["error"]["code"] == "BUDGET_EXCEEDED"
    assert "100" in ended.task["error"]["detail"]


# 4. Requests for which there is no offline way


@pytest.mark.parametrize("request_text", ["翻译这段话:今天天气很好", "Write a poem about the sea"])
async def test_what_needs_a_model_is_refused_without_one_and_done_with_one(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, request_text: str
) -> None:
    async with office(tmp_path / "without", {}) as client:
        with pytest.raises(Refusal) as refused:
            await client.submit({"description": request_text})
        assert (refused.value.http_status, refused.value.code) == (422, "MODEL_REQUIRED")
        for setting in ("LLM_PROVIDER", "LLM_MODEL", "LLM_BASE_URL", "LLM_API_KEY"):
            assert setting in refused.value.hint
        assert (await client.tasks())["tasks"] == []
    written = "It is fine weather today,\n*really*."
    planner.say("text", json_text({"text": written}))
    async with office(tmp_path / "with", environment(endpoint)) as client:
        ended = await done(client, request_text)
    assert ended.task["status"] == "completed", ended.task["error"]
    assert ended.agents == ["generalist", "writer", "reviewer"]
    mark = "模型 big 撰写" if "翻译" in request_text else "model big wrote this"
    assert written in ended.files["answer.md"]
    for name in ("answer.md", "report.md", "report.html"):
        assert mark in ended.files[name], name
    assert ended.task["result"]["is_written_by_model"] is True
    assert (ended.task["result"]["findings"], ended.task["result"]["passages"]) == (0, 0)
    assert ended.verdicts["answer_given"] is True
    assert ended.verdicts["report_faithful"] is True
    assert_spent_agrees(ended, planner)


async def test_a_general_answer_broken_twice_is_tried_again_by_recovery(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer
) -> None:
    planner.say("text", text("no JSON"), text("still none"))
    async with office(tmp_path, environment(endpoint)) as client:
        ended = await done(client, "Write a poem about the sea")
    assert ended.task["status"] == "completed"
    assert [event["data"]["decision"] for event in ended.of("recovery.attempted")] == ["retry"]
    answer = next(item for item in ended.plan["subtasks"] if item["agent"] == "generalist")
    assert (answer["attempts"], answer["cost"]["model_calls"]) == (2, 3)
    assert_spent_agrees(ended, planner)


async def test_an_endpoint_that_refuses_the_key_fails_with_the_setting_to_check(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer
) -> None:
    refusal = failure(401, f"Incorrect API key provided: {KEY}")
    planner.say("goal", refusal)
    planner.say("text", refusal, refusal, refusal)
    async with office(tmp_path, environment(endpoint)) as client:
        ended = await done(client, "Write a poem about the sea")
    assert ended.task["status"] == "failed"
    assert ended.task["error"]["code"] == "MODEL_UNAVAILABLE"
    assert "LLM_API_KEY" in json.dumps(ended.task["error"])
    assert KEY not in json.dumps([ended.task, ended.events, ended.plan])


# 6. The key stays where it is


async def test_the_key_is_in_no_answer_log_event_or_file(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, sales: Path
) -> None:
    planner.say("choose", failure(400, f"bad key {KEY}"))
    planner.say("paragraphs", failure(500, f"upstream said {KEY}"))
    with capture_logs() as logs:
        async with office(tmp_path, environment(endpoint)) as client:
            ended = await done(client, "Find the trend in this data", sales)
            async with httpx.AsyncClient(base_url=client.base_url, trust_env=False, timeout=60) as http:
                paths = (
                    "/health", "/ready", "/metrics", "/config.js", "/openapi.json",
                    "/api/v1/system/health", "/api/v1/system/metrics", "/api/v1/system/agents/status",
                )  # fmt: skip
                said = [(await http.get(path)).text for path in paths]
    assert ended.task["status"] == "completed"
    assert logs
    told = json.dumps([ended.task, ended.plan, ended.events, ended.files, said, logs], default=str)
    assert KEY not in told
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file
    assert all(r.headers["authorization"] == f"Bearer {KEY}" for r in endpoint.requests)


# 5. A crash between model calls


class Process:
    """`lgma serve` as a real process that can be killed."""

    def __init__(self, directory: Path, env: Mapping[str, str]) -> None:
        self._directory = directory
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("LLM_", "LGMA_"))}
        self._env = {**clean, **env, "LGMA_LANG": "en"}
        self._process: subprocess.Popen[bytes] | None = None
        self.log = directory / "serve.log"

    async def start(self) -> str:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
                [
                    *(sys.executable, "-c", "from langgraph_multi_agent.cli import main; main()"),
                    *("serve", "--port", "0", "--data-dir", str(self._directory / "data")),
                ],
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        async with asyncio.timeout(WAIT_S):
            while not (address := server_address(self._directory / "data")):
                assert self._process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.02)
        return address

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(60)
            self._process = None


@pytest.fixture
def process(tmp_path: Path, endpoint: OpenAIServer) -> Iterator[Process]:
    env = environment(endpoint, LLM_MODEL_WRITER="pen")
    process = Process(tmp_path, env)
    yield process
    process.kill()


async def test_after_kill_9_paid_answers_are_not_bought_again_and_the_open_one_counts_as_spent(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, process: Process, sales: Path
) -> None:
    planner.say("choose", choosing("trend"))
    planner.say("paragraphs", hanging())
    address = await process.start()
    async with Client(address, language="en") as client:
        submitted = await client.submit(
            {"description": "Find the trend in this data", "budget": {"tokens": 60_000}}, [sales]
        )
        arrived = await asyncio.to_thread(endpoint.wait_for_requests, 3, WAIT_S)
    assert arrived, process.log.read_text()
    process.kill()
    assert [kind for kind, _ in planner.asked] == ["goal", "choose", "paragraphs"]
    paid = planner.spent
    address = await process.start()
    async with Client(address, language="en") as client:
        ended = await ending_of(client, submitted["id"])
    assert ended.task["status"] == "completed", process.log.read_text()
    kinds = [kind for kind, _ in planner.asked]
    assert kinds == ["goal", "choose", "paragraphs", "paragraphs"], "only the open call goes out again"
    assert ended.report["narrative"]
    cost = ended.task["cost"]
    assert (cost["input_tokens"], cost["output_tokens"]) == planner.spent > paid
    reserved = await asyncio.to_thread(dead_reservations, tmp_path / "data" / "lgma.db")
    assert len(reserved) == 1
    assert reserved[0] > 1500, "prompt and answer of the call that nobody saw end"
    assert KEY not in process.log.read_text()


async def test_a_dead_reservation_uses_up_the_budget(
    tmp_path: Path, planner: Planner, endpoint: OpenAIServer, process: Process, sales: Path
) -> None:
    planner.say("choose", choosing("trend"))
    planner.say("paragraphs", hanging())
    address = await process.start()
    async with Client(address, language="en") as client:
        submitted = await client.submit(
            {"description": "Find the trend in this data", "budget": {"tokens": 3_800}}, [sales]
        )
        assert await asyncio.to_thread(endpoint.wait_for_requests, 3, WAIT_S), process.log.read_text()
    process.kill()
    address = await process.start()
    async with Client(address, language="en") as client:
        ended = await ending_of(client, submitted["id"])
    assert planner.count("paragraphs") == 1, "there is no budget left for a second one"
    assert ended.task["status"] == "completed"
    assert "budget did not allow" in ended.gaps


def dead_reservations(database: Path) -> list[int]:
    import sqlite3

    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT reserved_tokens FROM model_calls WHERE state = 'reserved'"
        ).fetchall()
    return [row[0] for row in rows]
