"""The conversation over HTTP: answers from the services and the handbook, tasks made only when meant."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.openai_server import OpenAIServer, Reply, failure, hanging, json_text, text
from tests.support.server import Desk, open_desk, serving
from tests.support.stores import open_postgres, run_sql
from uuid_utils import uuid7
from websockets.asyncio.client import connect

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, Scope
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.errors import DataRefused
from langgraph_multi_agent.domain.ports import BudgetGuard, ModelReply, ModelRequest
from langgraph_multi_agent.domain.task import Action, Task
from langgraph_multi_agent.i18n.errors import describe
from langgraph_multi_agent.models.gateway import Gateway
from langgraph_multi_agent.service.channels import chat_topic
from langgraph_multi_agent.service.chat import MAX_CONTENT_CHARS, MAX_PAGE
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store import analytics, chats

pytestmark = pytest.mark.anyio

MESSAGES = "/api/v1/mvp2/chat/messages"
HISTORY = "/api/v1/mvp2/chat/history"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


async def say(desk: Desk, content: str, **headers: str) -> dict[str, Any]:
    answer = await desk.client.post(MESSAGES, json={"content": content, "type": "user"}, headers=headers)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["success"] is True
    assert set(body) == {"success", "message", "data", "timestamp"}
    data: dict[str, Any] = body["data"]
    assert data["user_message"]["content"] == content
    assert data["user_message"]["type"] == "user"
    assert data["ai_response"]["type"] == "ai"
    return data


async def words(desk: Desk, content: str) -> str:
    return str((await say(desk, content))["ai_response"]["content"])


def fresh_id() -> str:
    return str(uuid7())


async def task_count(desk: Desk) -> int:
    return len((await desk.client.get("/api/v1/tasks")).json()["tasks"])


async def test_an_order_becomes_a_real_task_that_the_answer_links(desk: Desk) -> None:
    said = await say(desk, "创建任务：分析一月的销售数据")
    task = (await desk.client.get(f"/api/v1/tasks/{said['task_id']}")).json()
    assert (task["title"], task["description"]) == ("分析一月的销售数据", "分析一月的销售数据")
    assert (task["status"], task["language"]) == ("pending", "zh")
    assert said["ai_response"]["task_id"] == task["id"]
    assert said["ai_response"]["links"] == [
        {"kind": "task", "label": task["title"], "href": f"/tasks/{task['id']}"}
    ]
    assert f"/tasks/{task['id']}" in said["ai_response"]["content"]


async def test_a_doubtful_request_is_asked_about_and_a_yes_makes_the_task(desk: Desk) -> None:
    asked = await say(desk, "我需要一份一月的销售报告")
    assert asked["task_id"] is None
    assert asked["ai_response"]["offer"] == "我需要一份一月的销售报告"
    assert await task_count(desk) == 0
    made = await say(desk, "是")
    assert made["task_id"] is not None
    task = (await desk.client.get(f"/api/v1/tasks/{made['task_id']}")).json()
    assert task["description"] == "我需要一份一月的销售报告"
    again = await say(desk, "是")
    assert again["task_id"] is None
    assert await task_count(desk) == 1


@pytest.mark.parametrize(
    "message",
    [
        "我需要一份销售报告，要求如下：" + "按地区列出每个月的金额。" * 200,
        "Could you write a report on churn? " + "x " * 1500,
    ],
)
async def test_a_long_request_is_shown_in_part_and_made_a_task_of_whole(desk: Desk, message: str) -> None:
    message = message.strip()
    asked = (await say(desk, message))["ai_response"]
    assert asked["offer"] == message
    assert len(asked["content"]) < 600
    assert str(len(message)) in asked["content"]
    made = await say(desk, "yes")
    task = (await desk.client.get(f"/api/v1/tasks/{made['task_id']}")).json()
    assert task["description"] == message


async def test_a_no_makes_none_and_forgets_the_offer(desk: Desk) -> None:
    await say(desk, "I need a report on churn")
    assert "no task was made" in await words(desk, "no thanks")
    assert (await say(desk, "yes"))["task_id"] is None
    assert await task_count(desk) == 0


async def test_two_tabs_that_say_yes_at_once_make_one_task(desk: Desk) -> None:
    await say(desk, "I need a report on churn")
    both = await asyncio.gather(say(desk, "yes"), say(desk, "yes"))
    assert await task_count(desk) == 1
    assert len({item["task_id"] for item in both} - {None}) == 1


async def test_what_is_missing_is_asked_for_and_the_answer_is_offered_as_a_task(desk: Desk) -> None:
    assert "What exactly" in await words(desk, "please write a report")
    assert (await say(desk, "the churn of last year"))["ai_response"]["offer"] == "the churn of last year"


async def test_a_refusal_of_the_team_is_told_with_what_to_do(desk: Desk) -> None:
    said = await say(desk, "Please write a poem about autumn. write a poem")
    assert said["task_id"] is None
    assert "No task was made" in said["ai_response"]["content"]
    assert "LLM_MODEL" in said["ai_response"]["content"]
    assert {"/tasks/new", "/settings"} <= {link["href"] for link in said["ai_response"]["links"]}
    assert await task_count(desk) == 0


@pytest.mark.parametrize("order", ["请分析 sales.csv 的趋势", "Create a task: chart sales.csv"])
async def test_work_on_a_file_is_sent_to_where_files_are_taken(desk: Desk, order: str) -> None:
    said = await say(desk, order)
    assert said["task_id"] is None
    assert "sales.csv" in said["ai_response"]["content"]
    assert [link["href"] for link in said["ai_response"]["links"]] == ["/tasks/new"]


@pytest.mark.parametrize(
    ("order", "told"), [("帮我分析这个文件", "放入文件"), ("Help me analyse this file", "Drop the file")]
)
async def test_work_on_a_file_without_a_name_is_sent_there_too(desk: Desk, order: str, told: str) -> None:
    said = await say(desk, order)
    assert said["task_id"] is None
    assert told in said["ai_response"]["content"]
    assert [link["href"] for link in said["ai_response"]["links"]] == ["/tasks/new"]
    assert (await say(desk, "yes"))["task_id"] is None
    assert await task_count(desk) == 0


async def test_a_full_queue_is_told_and_the_conversation_goes_on(tmp_path: Path) -> None:
    async with open_desk(tmp_path / "data", task_queue_size=1) as desk:
        assert (await say(desk, "创建任务：统计一月订单"))["task_id"] is not None
        refused = await say(desk, "创建任务：统计二月订单")
        assert refused["task_id"] is None
        assert "没有创建任务" in refused["ai_response"]["content"]
        assert (await desk.client.get(HISTORY)).json()["data"]["total"] == 4


@pytest.mark.parametrize(
    ("order", "told"),
    [("创建任务：统计二月订单", "然后再提交一次"), ("Create a task: count the orders", "then submit again")],
)
async def test_who_has_as_many_tasks_as_allowed_is_told_what_to_do_in_a_persons_words(
    tmp_path: Path, order: str, told: str
) -> None:
    async with open_desk(tmp_path / "data", tenant_tasks_in_flight=1) as desk:
        await desk.submit("统计一月订单")
        refused = await words(desk, order)
        assert told in refused
        assert "Retry-After" not in refused


async def test_counts_and_lists_are_those_of_the_tasks(desk: Desk) -> None:
    assert "还没有任何任务" in await words(desk, "现在有多少任务？")
    for title in ("January", "February", "March"):
        await desk.submit(f"count {title}", title=title)
    failed = (await desk.submit("count April", title="April"))["id"]
    await desk.client.post(f"/api/v1/tasks/{failed}/cancel")
    assert (
        await words(desk, "how many tasks are there?") == "Tasks in all: 4 – 3 waiting to start, 1 cancelled."
    )
    listed = await say(desk, "show me the cancelled tasks")
    assert "April" in listed["ai_response"]["content"]
    assert f"/tasks/{failed}" in {link["href"] for link in listed["ai_response"]["links"]}
    assert await words(desk, "哪些任务失败了？") == "现在没有失败的任务。"
    assert "3 waiting, 0 running" in await words(desk, "how long is the queue?")


async def test_a_long_list_gives_the_true_count(desk: Desk) -> None:
    for number in range(7):
        await desk.submit(f"count {number}", title=f"count {number}")
    said = await words(desk, "which tasks are pending?")
    assert said.startswith("Tasks waiting to start: 7.")
    assert said.count("·") == 5


async def test_one_task_is_found_by_its_words_its_id_and_as_the_latest(desk: Desk) -> None:
    first = await desk.submit("统计", title="季度销售报告")
    await desk.submit("统计", title="年度销售报告")
    assert "“季度销售报告”：等待执行" in await words(desk, "任务“季度销售报告”怎么样了？")
    assert "“季度销售报告”" in await words(desk, f"{first['id']} 的进展如何？")
    assert "“年度销售报告”" in await words(desk, "最近的任务怎么样了？")
    both = await say(desk, "销售报告任务完成了吗？")
    assert "哪一个" in both["ai_response"]["content"]
    assert len(both["ai_response"]["links"]) == 2
    assert "没有找到" in await words(desk, "任务“库存盘点”怎么样了？")


async def test_a_title_alone_is_understood_as_its_task(desk: Desk) -> None:
    before = await say(desk, "供应商比较 怎么样了？")
    assert (before["ai_response"]["links"], before["task_id"]) == (
        [{"kind": "page", "label": "设置", "href": "/settings"}],
        None,
    )
    task = await desk.submit("统计", title="供应商比较")
    await desk.submit("供应商比较的数据", title="整理客户名单")
    for question in ("供应商比较 怎么样了？", "“供应商比较”完成了吗？", "供应商比较呢"):
        said = (await say(desk, question))["ai_response"]
        assert said["content"].startswith("任务“供应商比较”：等待执行")
        assert [link["href"] for link in said["links"]] == [f"/tasks/{task['id']}"]
    await desk.submit("统计", title="分析一月的销售数据")
    assert "“分析一月的销售数据”：等待执行" in await words(desk, "分析一月的销售数据 怎么样了？")
    await desk.submit("count", title="Supplier comparison of 2025")
    assert "“Supplier comparison of 2025”" in await words(desk, "How is the supplier comparison going?")
    for question in ("天气怎么样", "客户怎么样了？", "How is the weather?", "how is supplier?"):
        assert "/tasks/" not in str((await say(desk, question))["ai_response"]["links"])


async def test_a_title_does_not_choose_the_language_of_the_answer(desk: Desk) -> None:
    await desk.submit("统计", title="供应商比较与报价分析")
    await desk.submit("count", title="Quarterly supplier comparison of all regions")
    for question in ("How is 供应商比较与报价分析 going?", "How is task “供应商比较与报价分析”?"):
        assert (await words(desk, question)).startswith("Task “供应商比较与报价分析”: waiting to start")
    told = await words(desk, "Quarterly supplier comparison of all regions 怎么样了？")
    assert told.startswith("任务“Quarterly supplier comparison of all regions”：等待执行")


async def test_agents_and_health_are_answered(desk: Desk) -> None:
    assert "Agents: 3, of which 0 at work." in await words(desk, "what are the agents doing?")
    said = await words(desk, "is the system ok?")
    assert "database ok" in said


async def test_the_newest_task_and_the_newest_tasks_are_told_with_their_status(desk: Desk) -> None:
    assert "还没有任何任务" in await words(desk, "我的任务")
    for number in range(6):
        last = await desk.submit("统计", title=f"报告 {number}")
    said = await say(desk, "我的上一个任务")
    assert said["ai_response"]["content"].startswith("任务“报告 5”：等待执行")
    assert [link["href"] for link in said["ai_response"]["links"]] == [f"/tasks/{last['id']}"]
    await desk.client.post(f"/api/v1/tasks/{last['id']}/cancel")
    lines = (await words(desk, "show me my recent tasks")).splitlines()
    assert lines[1] == "· 报告 5: cancelled (0 %)"
    assert lines[2] == "· 报告 4: waiting to start (0 %)"
    assert len([line for line in lines if line.startswith("·")]) == 5


async def test_whether_anything_is_wrong_is_told_of_the_system_and_of_the_tasks(desk: Desk) -> None:
    calm = await words(desk, "有没有出错？")
    assert "系统正常" in calm
    assert "现在没有失败的任务" in calm
    failed = (await desk.submit("count", title="January"))["id"]
    waiting = (await desk.submit("count", title="February"))["id"]
    error = {"code": "WORKFLOW_TIMEOUT", "params": {"limit_s": 60}}
    await desk.finish(failed, Action.FAIL, error=error)
    await desk.ask(waiting, {"id": "q1", "text": "which?", "options": []})
    said = (await say(desk, "is anything broken?"))["ai_response"]
    title = describe("WORKFLOW_TIMEOUT", {"limit_s": 60}, "en").title
    assert f"· January: {title}" in said["content"]
    assert "Tasks failed: 1." in said["content"]
    assert "answer of yours: 1." in said["content"]
    assert f"/tasks/{failed}" in {link["href"] for link in said["links"]}


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("根据手册解释一下租约", "zh/tasks"),
        ("手册中有没有讲端口配置", "zh/cli"),
        ("手册对预算有什么规定？", "zh/limits-and-security"),
        ("according to the handbook what is a lease", "en/settings"),
        ("does the handbook mention backups?", "en/operations"),
    ],
)
async def test_a_question_to_the_handbook_is_answered_from_it(desk: Desk, question: str, source: str) -> None:
    said = (await say(desk, question))["ai_response"]
    assert source in {item["source"] for item in said["citations"]}
    assert said["offer"] is None


async def test_what_shares_only_everyday_words_with_the_handbook_is_not_answered_from_it(desk: Desk) -> None:
    for question in (
        "what is the meaning of life",
        "What time is it?",
        "what is 2+2?",
        "Who wrote this?",
        "what is your name?",
        "How do I cancel my flight?",
        "人生的意义是什么",
        "今天星期几？",
        "你叫什么名字",
    ):
        said = (await say(desk, question))["ai_response"]
        assert (said["citations"], "LLM_MODEL" in said["content"]) == ([], True), question


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("What is a lease?", "en/settings"),
        ("What does pending mean?", "en/tasks"),
        ("what is the meaning of the status pending?", "en/tasks"),
        ("What happens after a crash?", "en/tasks"),
        ("Review is stuck", "en/troubleshooting"),
        ("分析一直卡住", "zh/troubleshooting"),
        ("How do I follow events live?", "en/api"),
        ("Why does submitting return 429?", "en/troubleshooting"),
        ("支持哪些文件格式？", "zh/data-and-reports"),
        ("进度百分比是怎么计算的？", "zh/tasks"),
        ("怎么限制花费？", "zh/limits-and-security"),
    ],
)
async def test_a_question_in_other_words_than_the_systems_is_still_answered_from_the_handbook(
    desk: Desk, question: str, source: str
) -> None:
    assert source in {item["source"] for item in (await say(desk, question))["ai_response"]["citations"]}


async def test_work_by_the_handbook_is_made_a_task_of(desk: Desk) -> None:
    made = await say(desk, "请根据手册把重试和取消的区别整理成一张表")
    task = (await desk.client.get(f"/api/v1/tasks/{made['task_id']}")).json()
    assert task["description"] == "请根据手册把重试和取消的区别整理成一张表"


async def test_tasks_are_not_controlled_from_the_conversation(desk: Desk) -> None:
    task = await desk.submit("count", title="January")
    said = await say(desk, "cancel the task “January”")
    assert said["ai_response"]["links"] == [
        {"kind": "task", "label": "January", "href": f"/tasks/{task['id']}"}
    ]
    assert (await desk.client.get(f"/api/v1/tasks/{task['id']}")).json()["status"] == "pending"


@pytest.mark.parametrize(
    ("question", "quoted", "source"),
    [
        ("如何重试失败的任务？", "lgma tasks retry", "zh/tasks"),
        ("How do I retry a failed task?", "lgma tasks retry", "en/tasks"),
    ],
)
async def test_help_quotes_the_handbook_and_cites_it(
    desk: Desk, question: str, quoted: str, source: str
) -> None:
    said = (await say(desk, question))["ai_response"]
    assert quoted in said["content"]
    cited = said["citations"][0]
    assert cited["source"] == source
    assert cited["quote"] in said["content"]
    assert all(cited[name] for name in ("id", "title", "locator", "anchor", "quote"))
    assert await task_count(desk) == 0


async def test_what_nobody_knows_is_said_with_what_can_be_asked(desk: Desk) -> None:
    said = (await say(desk, "今天天气怎么样？"))["ai_response"]
    assert "LLM_MODEL" in said["content"]
    assert said["citations"] == []
    assert "retry a task" in await words(desk, "what can you do?")


async def test_history_has_the_newest_page_first_and_counts_all(desk: Desk) -> None:
    for number in range(3):
        await say(desk, f"hello {number}")
    page = (await desk.client.get(HISTORY, params={"limit": 3})).json()["data"]
    assert (page["total"], page["limit"], page["offset"]) == (6, 3, 0)
    assert [message["type"] for message in page["messages"]] == ["ai", "user", "ai"]
    assert page["messages"][1]["content"] == "hello 2"
    older = (await desk.client.get(HISTORY, params={"limit": 3, "offset": 3})).json()["data"]
    assert [message["content"] for message in older["messages"] if message["type"] == "user"] == [
        "hello 0",
        "hello 1",
    ]
    moments = [message["timestamp"] for message in older["messages"] + page["messages"]]
    assert moments == sorted(moments)


async def test_a_conversation_is_its_persons(desk: Desk) -> None:
    await say(desk, "hello")
    for other in (Scope(tenant="default", actor="somebody"), Scope(tenant="other", actor="local")):
        assert (await desk.services.chat.history(other)).total == 0


async def test_the_same_key_gives_the_same_answer_and_no_second_task(desk: Desk) -> None:
    order = {"content": "创建任务：统计一月订单"}
    first, second = [
        (await desk.client.post(MESSAGES, json=order, headers={"Idempotency-Key": "k1"})).json()["data"]
        for _ in range(2)
    ]
    assert first == second
    assert await task_count(desk) == 1


class GatedModel:
    """A model that tells when it is asked, and answers when it is let."""

    def __init__(self) -> None:
        self.calls = 0
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def complete(
        self, request: ModelRequest, *, budget: BudgetGuard, on_delta: Any = None
    ) -> ModelReply:
        self.calls += 1
        self.is_asked.set()
        await self.may_answer.wait()
        said = {"action": "answer", "text": "Tea.", "title": None, "request": None, "citations": []}
        return ModelReply(text="", data=said, model="gated")


async def test_of_two_posts_with_one_key_at_once_one_asks_the_model_and_both_get_its_answer(
    tmp_path: Path,
) -> None:
    model = GatedModel()
    async with open_desk(tmp_path / "data", model=model) as desk, asyncio.timeout(60):
        posts = [
            asyncio.create_task(say(desk, "What do you think of tea?", **{"Idempotency-Key": "k1"}))
            for _ in range(3)
        ]
        await model.is_asked.wait()
        model.may_answer.set()
        first, *others = await asyncio.gather(*posts)
        assert first["ai_response"]["content"] == "Tea."
        assert others == [first, first]
        assert model.calls == 1
        assert (await desk.client.get(HISTORY)).json()["data"]["total"] == 2


async def test_a_key_is_answered_once_by_all_servers_of_one_database(tmp_path: Path) -> None:
    model = GatedModel()
    async with (
        open_postgres(tmp_path, SystemClock(), fresh_id) as one,
        open_postgres(tmp_path, SystemClock(), fresh_id) as two,
        open_desk(tmp_path / "one", model=model, database=one) as here,
        open_desk(tmp_path / "two", model=model, database=two) as there,
        asyncio.timeout(60),
    ):
        key = {"Idempotency-Key": "k1"}
        first = asyncio.create_task(say(here, "What do you think of tea?", **key))
        await model.is_asked.wait()
        second = asyncio.create_task(say(there, "What do you think of tea?", **key))
        third = asyncio.create_task(say(there, "hello", **{"Idempotency-Key": "k2"}))
        model.may_answer.set()
        assert await second == await first
        assert (await third)["user_message"]["content"] == "hello"
        assert model.calls == 2


async def test_an_answer_that_failed_is_tried_anew_under_the_same_key(desk: Desk) -> None:
    statement = (
        "CREATE TRIGGER no_answers BEFORE INSERT ON chat_messages WHEN NEW.type = 'ai' "
        "BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    await desk.database.write(SYSTEM_SCOPE, run_sql, statement, {})
    key = {"Idempotency-Key": "k1"}
    failed = await desk.client.post(MESSAGES, json={"content": "hello"}, headers=key)
    assert failed.json()["success"] is False
    await desk.database.write(SYSTEM_SCOPE, run_sql, "DROP TRIGGER no_answers", {})
    assert (await say(desk, "hello", **key))["ai_response"]["content"].startswith("Hello!")


async def test_who_says_too_much_in_a_minute_is_told_to_wait_and_may_repeat_what_was_answered(
    tmp_path: Path,
) -> None:
    async with open_desk(tmp_path / "data", chat_messages_per_minute=2) as desk:
        first = await say(desk, "hello", **{"Idempotency-Key": "k1"})
        await say(desk, "hello again")
        refused = await desk.client.post(MESSAGES, json={"content": "and again"})
        assert (refused.status_code, refused.json()["error_code"]) == (429, "TOO_MANY_MESSAGES")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert "2" in refused.json()["message"]
        assert f"in {refused.headers['Retry-After']} s" in refused.json()["details"]["hint"]
        assert await say(desk, "hello", **{"Idempotency-Key": "k1"}) == first
        assert (await desk.client.get(HISTORY)).json()["data"]["total"] == 4


async def test_an_id_that_is_somebody_elses_tells_nothing_of_their_message(desk: Desk) -> None:
    theirs = (await say(desk, "a secret"))["user_message"]["id"]

    def words(_task: Task | None, _is_new: bool) -> chats.AnswerWords:
        return chats.AnswerWords(content="c", data={}, sender="s")

    other = Scope(tenant="other", actor="somebody")
    with pytest.raises(DataRefused) as refused:
        await desk.database.write(other, chats.exchange, theirs, content="x", words=words)
    assert "secret" not in str(refused.value.params)
    assert (await desk.services.chat.history(other)).total == 0


async def test_subscribers_of_the_person_are_told_of_both_messages(desk: Desk) -> None:
    async with desk.feed.listen(chat_topic(DEFAULT_SCOPE.tenant)) as listener:
        said = await say(desk, "hello")
        told = listener.take_ephemeral()
    assert [item["message"] for item in told] == [said["user_message"], said["ai_response"]]
    assert {item["actor"] for item in told} == {DEFAULT_SCOPE.actor}
    json.dumps([dict(item) for item in told])


async def test_a_socket_that_subscribed_shows_what_is_said(desk: Desk) -> None:
    async with (
        serving(desk.app) as address,
        connect(f"ws://{address}/api/v1/mvp2/ws", open_timeout=60) as socket,
        asyncio.timeout(60),
    ):
        await socket.send(json.dumps({"type": "chat_subscribe"}))
        frames = [json.loads(await socket.recv()) for _ in range(2)]
        assert frames[-1]["type"] == "chat_subscription_confirmed"
        said = await say(desk, "hello")
        shown = [json.loads(await socket.recv()) for _ in range(2)]
    assert {frame["type"] for frame in shown} == {"chat_message"}
    assert [frame["data"] for frame in shown] == [said["user_message"], said["ai_response"]]


async def test_a_page_larger_than_allowed_is_the_largest(desk: Desk) -> None:
    page = (await desk.client.get(HISTORY, params={"limit": 5000})).json()["data"]
    assert page == {"messages": [], "total": 0, "limit": MAX_PAGE, "offset": 0}
    assert (await desk.client.get(HISTORY, params={"limit": 0})).status_code == 422


async def test_a_message_too_long_for_the_feed_is_shown_in_part(desk: Desk) -> None:
    content = "很长的话" * 2000
    async with desk.feed.listen(chat_topic(DEFAULT_SCOPE.tenant)) as listener:
        await say(desk, content)
        told = listener.take_ephemeral()
    assert told[0]["message"]["is_partial"] is True
    assert all(len(json.dumps(item, ensure_ascii=False).encode()) < 16_384 for item in told)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"content": " \n"}, 422, "INVALID_REQUEST"),
        ({}, 422, "INVALID_REQUEST"),
        ({"content": "x" * (MAX_CONTENT_CHARS + 1)}, 422, "INVALID_REQUEST"),
        ({"content": "hello", "type": "ai"}, 422, "INVALID_REQUEST"),
        ({"content": 5}, 422, "INVALID_REQUEST"),
    ],
)
async def test_a_refused_message_is_refused_in_the_envelope(
    desk: Desk, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await desk.client.post(MESSAGES, json=body)
    assert answer.status_code == status
    refusal = answer.json()
    assert (refusal["success"], refusal["error_code"]) == (False, code)
    assert (await desk.client.get(HISTORY)).json()["data"]["total"] == 0


async def test_unknown_fields_of_other_front_ends_do_no_harm(desk: Desk) -> None:
    answer = await desk.client.post(MESSAGES, json={"content": "hello", "type": "user", "timestamp": "now"})
    assert answer.status_code == 200


async def test_neither_message_nor_task_stands_if_the_database_refuses_the_answer(desk: Desk) -> None:
    statement = (
        "CREATE TRIGGER no_answers BEFORE INSERT ON chat_messages WHEN NEW.type = 'ai' "
        "BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    await desk.database.write(SYSTEM_SCOPE, run_sql, statement, {})
    answer = await desk.client.post(MESSAGES, json={"content": "创建任务：统计一月订单"})
    assert answer.json()["success"] is False
    await desk.database.write(SYSTEM_SCOPE, run_sql, "DROP TRIGGER no_answers", {})
    assert (await desk.client.get(HISTORY)).json()["data"]["total"] == 0
    assert await task_count(desk) == 0


@asynccontextmanager
async def desk_with_model(
    path: Path, *replies: Reply, deadline_s: float = 60.0, **settings: Any
) -> AsyncIterator[tuple[Desk, OpenAIServer]]:
    with OpenAIServer(replies) as server:
        environment = {"LLM_MODEL": "scripted", "LLM_BASE_URL": server.base_url, "LLM_API_KEY": "k"}
        configured = Settings.load(environment, data_dir=path / "unused", llm_max_retries=0, **settings)
        gateway = Gateway(configured, clock=SystemClock())
        try:
            async with open_desk(path / "data", model=gateway, model_deadline_s=deadline_s) as desk:
                yield desk, server
        finally:
            await gateway.close()


def reading(action: str, said: str = "", *, usage: tuple[int, int] = (11, 7), **fields: Any) -> Reply:
    words = {"action": action, "text": said, "title": None, "request": None, "citations": [], **fields}
    return json_text(words, usage=usage)


async def test_the_model_answers_over_the_conversation_and_cites_what_it_was_given(tmp_path: Path) -> None:
    replies = (reading("answer", "A first answer."), reading("answer", "With retry.", citations=["invented"]))
    async with desk_with_model(tmp_path, *replies) as (desk, server):
        await say(desk, "What do you think of tea?")
        said = (await say(desk, "How do I retry a failed task?"))["ai_response"]
        assert (said["content"], said["citations"]) == ("With retry.", [])
        assert "A first answer." in server.requests[1].prompt
        assert "lgma tasks retry" in server.requests[1].prompt
        given = json.loads(server.requests[1].body["messages"][-1]["content"].partition("\n\n")[0])
        server.add(reading("answer", "See there.", citations=[given["handbook_passages"][0]["id"]]))
        cited = (await say(desk, "How do I retry a failed task?"))["ai_response"]["citations"]
        assert cited[0]["source"] == "en/tasks"


async def test_model_and_rules_together_make_a_task_with_the_persons_own_words(tmp_path: Path) -> None:
    order = reading("task", "I'll see to it.", title="Churn by region", request="something else")
    async with desk_with_model(tmp_path, order) as (desk, _):
        said = await say(desk, "Please analyse churn by region")
        task = (await desk.client.get(f"/api/v1/tasks/{said['task_id']}")).json()
        assert (task["title"], task["description"]) == (
            "Churn by region",
            "Please analyse churn by region",
        )
        assert said["ai_response"]["content"].startswith("I'll see to it.")


async def test_a_model_alone_makes_no_task_it_may_only_offer_one(tmp_path: Path) -> None:
    eager = reading("task", "", title="Weather", request="Report on the weather of tomorrow")
    async with desk_with_model(tmp_path, eager) as (desk, _):
        said = await say(desk, "I wonder about tomorrow's weather.")
        assert said["task_id"] is None
        assert said["ai_response"]["offer"] == "Report on the weather of tomorrow"
        made = await say(desk, "yes")
        assert (await desk.client.get(f"/api/v1/tasks/{made['task_id']}")).json()["title"] == "Weather"


async def test_what_a_model_sums_up_loses_nothing_of_a_long_message(tmp_path: Path) -> None:
    eager = reading("offer", "", title="Weather", request="Report on the weather of tomorrow")
    message = ("I wonder about tomorrow's weather. " * 40).strip()
    async with desk_with_model(tmp_path, eager) as (desk, _):
        offer = (await say(desk, message))["ai_response"]["offer"]
        assert offer == f"Report on the weather of tomorrow\n\n{message}"


async def test_an_offer_of_the_model_holds_the_persons_own_words(tmp_path: Path) -> None:
    eager = reading("offer", "", title="Churn", request="A report")
    async with desk_with_model(tmp_path, eager) as (desk, _):
        said = (await say(desk, "I need a report on churn by region"))["ai_response"]
        assert said["offer"] == "I need a report on churn by region"


async def test_states_are_told_by_the_services_without_the_model(tmp_path: Path) -> None:
    async with desk_with_model(tmp_path) as (desk, server):
        await say(desk, "how many tasks are there?")
        assert server.requests == []


@pytest.mark.parametrize("reply", [failure(401), text("no JSON", usage=(1, 1)), hanging()])
async def test_a_model_that_fails_is_named_and_the_rules_answer(tmp_path: Path, reply: Reply) -> None:
    async with desk_with_model(tmp_path, reply, text("still none"), deadline_s=0.3) as (desk, _):
        said = (await say(desk, "How do I retry a failed task?"))["ai_response"]
        assert "gave no usable answer" in said["content"]
        assert said["citations"][0]["source"] == "en/tasks"
        assert (await desk.client.get(HISTORY)).json()["data"]["total"] == 2


async def test_what_the_model_cost_is_kept_with_the_answer(tmp_path: Path) -> None:
    async with desk_with_model(tmp_path, reading("answer", "Yes.", usage=(100, 20))) as (desk, _):
        await say(desk, "What do you think of tea?")
        kept = (await desk.services.chat.history(DEFAULT_SCOPE)).messages[-1].data
        assert (kept["model"], kept["cost"]["input_tokens"], kept["cost"]["output_tokens"]) == (
            "scripted",
            100,
            20,
        )


async def spent_today(desk: Desk) -> tuple[int, int, int]:
    """Model calls, and tokens in and out, of which analytics make their totals."""
    since = desk.services.clock.now() - timedelta(days=1)
    days = (await desk.database.read(DEFAULT_SCOPE, analytics.spending_by_day, since=since)).values()
    return (
        sum(day.calls for day in days),
        sum(day.input_tokens for day in days),
        sum(day.output_tokens for day in days),
    )


async def test_what_chat_spends_counts_in_analytics_also_when_the_answer_was_of_no_use(
    tmp_path: Path,
) -> None:
    replies = (
        reading("answer", "Yes.", usage=(100, 20)),
        text("no JSON", usage=(30, 5)),
        text("still none", usage=(40, 6)),
    )
    async with desk_with_model(tmp_path, *replies) as (desk, _):
        assert await spent_today(desk) == (0, 0, 0)
        await say(desk, "What do you think of tea?", **{"Idempotency-Key": "k1"})
        await say(desk, "What do you think of tea?", **{"Idempotency-Key": "k1"})
        assert await spent_today(desk) == (1, 100, 20)
        await say(desk, "What do you think of coffee?")
        assert await spent_today(desk) == (3, 170, 31)


async def test_a_call_that_the_deadline_cut_counts_as_what_was_reserved(tmp_path: Path) -> None:
    for deadline_s in (0.3, 3.0, 30.0):  # a busy machine may be too late for a short one
        async with desk_with_model(tmp_path / f"{deadline_s}", hanging(), deadline_s=deadline_s) as (desk, server):
            await say(desk, "What do you think of tea?")
            calls, given, _ = await spent_today(desk)
            was_called = bool(server.requests)
        if was_called:
            break
    assert calls == 1
    assert given > 100
