"""The handbook: complete in both languages, true to the settings, and recognised from a request."""

import re
import statistics
import subprocess
import sys
import time

import pytest

from langgraph_multi_agent import handbook
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.skills.documents.extraction import extract

COVERED = [
    "如何查看任务队列长度?",
    "怎么取消正在运行的任务",
    "任务失败了怎么重试？",
    "任务一直是 pending 怎么办",
    "怎么备份数据目录？",
    "如何添加自己的智能体？",
    "怎样重置智能体状态",
    "接入大模型要设置哪些环境变量？",
    "服务器默认端口是多少？",
    "前端跨域报错怎么解决",
    "退出码 5 表示什么",
    "报告里的数字怎么追溯到 SQL？",
    "这个系统支持哪些文件格式？",
    "MODEL_REQUIRED 是什么意思",
    "日志在哪里看？怎么只看错误日志？",
    "租约多长时间到期？",
    "监控指标有哪些？",
    "任务的优先级有什么作用",
    "请根据手册说明如何暂停和恢复任务",
    "子任务失败会影响其他子任务吗",
    "How do I cancel a task?",
    "How can I pause and resume a task?",
    "Which environment variable sets the API key of the language model?",
    "How do I back up the data directory?",
    "What does exit code 8 mean?",
    "How do I add my own agent with YAML?",
    "What metrics does the server export?",
    "Why does submitting a task return 429?",
    "My task is stuck in pending",
    "How are citations checked by the reviewer?",
    "What happens to running tasks after a crash?",
    "What is the default of MAX_CONCURRENT_WORKFLOWS?",
    "Does the system have login or authentication?",
    "How do I reconnect the websocket without missing events?",
    "What file formats are supported?",
]

COVERED += [
    "怎样建立第一位管理员？",
    "忘记密码怎么办",
    "如何吊销 API 密钥？",
    "How do I make the first admin?",
    "How do I create an API key with lgma keys?",

    "请问怎么部署到 Kubernetes？",
    "Can I use PostgreSQL?",
    "怎样限制大模型费用",
    "How do I restart the server?",
    "分析任务失败的原因",
    "How do I analyse a csv file?",
    # What the conversation gives as an example of an order, which must work without a model.
    "说明如何取消和重试任务",
    "explain how tasks are cancelled and retried",
]

NOT_COVERED = [
    "write a poem about spring",
    "Write me a short story about a dragon and a task",
    "翻译这段话",
    "把这个任务说明翻译成英文",
    "写一首关于春天的诗",
    "帮我写一封请假邮件",
    "讲个笑话",
    "what is the capital of France",
    "Who won the world cup in 2018?",
    "How do I cancel my Netflix subscription?",
    "How do I cancel my flight to Tokyo?",
    "What is the weather in Berlin tomorrow?",
    "Recommend a good restaurant near the station",
    "How many calories does a banana have?",
    "Explain quantum entanglement",
    "Solve x^2 + 3x = 10",
    "How do I bake sourdough bread?",
    "Plan a three day trip to Rome",
    "红烧肉怎么做才好吃？",
    "唐朝是哪一年建立的？",
    "明天北京的天气怎么样？",
    "推荐几部科幻电影",
    "怎么学好英语？",
    "世界上最高的山是哪座？",
    "人工智能会取代人类吗？",
    "今年的高考作文题目是什么",
    "如何给孩子辅导数学",
    "怎么还信用卡账单",
    "股票明天会涨吗",
    "你好",
    "",
    "Draft a cover letter for a server job",
    "What should I feed my cat?",
    "把大象放进冰箱的任务怎么完成",
    "How do I manage my team at work?",
    "How to install Windows 11?",
    "怎么备份微信聊天记录",
    "帮我制定学习任务计划",
    "帮我分析一下销售数据",
    "分析数据文件",
    "Please analyse the data files",
]


@pytest.mark.parametrize("request_text", COVERED)
def test_requests_about_this_system_are_covered(request_text: str) -> None:
    assert handbook.covers(request_text) >= handbook.COVERED


@pytest.mark.parametrize("request_text", NOT_COVERED)
def test_other_requests_are_not_covered(request_text: str) -> None:
    assert handbook.covers(request_text) < handbook.COVERED


def test_recognition_is_quick_even_for_long_requests() -> None:
    requests = [*COVERED, *NOT_COVERED, "任务 task cancel 取消 " * 2000]
    handbook.covers("warm")
    spent = []
    for request in requests:
        start = time.perf_counter()
        handbook.covers(request)
        spent.append(time.perf_counter() - start)
    assert statistics.median(spent) < 0.005


def test_recognition_loads_no_segmenter() -> None:
    code = (
        "import sys; from langgraph_multi_agent import handbook; handbook.covers('如何取消任务');"
        "print([m for m in ('jieba', 'numpy', 'markdown_it') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_both_languages_have_the_same_documents_and_sections() -> None:
    zh, en = handbook.documents("zh"), handbook.documents("en")
    assert [name[3:] for name, _ in zh] == [name[3:] for name, _ in en]
    assert {path.stem for _, path in zh} == {path.stem for path in zh[0][1].parent.glob("*.md")}
    assert {path.stem for _, path in en} == {path.stem for path in en[0][1].parent.glob("*.md")}
    for (_, one), (_, other) in zip(zh, en, strict=True):
        levels = [
            [len(mark) for mark in re.findall(r"^(#+) ", path.read_text(encoding="utf-8"), re.MULTILINE)]
            for path in (one, other)
        ]
        assert levels[0] == levels[1], one.stem


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_document_can_be_read_and_named(language: str) -> None:
    for name, path in handbook.documents(language):
        assert handbook.document_path(name) == path
        assert extract(path, path.name).title == handbook.title_of(name)


@pytest.mark.parametrize("name", ["zh/nothing", "../settings", "zh/../en/tasks", "fr/tasks", ""])
def test_names_that_are_no_documents_have_no_path(name: str) -> None:
    assert handbook.document_path(name) is None


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_settings_page_names_only_settings_that_exist_with_their_defaults(language: str) -> None:
    page = (handbook.document_path(f"{language}/settings") or pytest.fail("no page")).read_text(
        encoding="utf-8"
    )
    known = {info.variable: info.default for info in Settings.describe()}
    rows = re.findall(r"^\| ((?:`[A-Z_<>]+`[、, ]*)+) \| (?:`([^`]*)` \|)?", page, re.MULTILINE)
    assert len(rows) > 30
    for names, default in rows:
        for variable in re.findall(r"`([A-Z_<>]+)`", names):
            assert variable in known, variable
            expected = known[variable]
            if isinstance(expected, bool):
                assert default == str(expected).lower(), variable
            elif isinstance(expected, (int, float)) and default:
                assert float(default) == expected, variable
            elif isinstance(expected, str) and expected and default:
                assert default == expected, variable
