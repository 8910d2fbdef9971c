"""Retrieval measured on labelled questions: what must be found, and what must not."""

from collections.abc import Mapping

import pytest
from tests.support.documents import docx_bytes, pdf_bytes, stored

from langgraph_multi_agent import handbook
from langgraph_multi_agent.skills.documents import search
from langgraph_multi_agent.skills.documents.document import Document
from langgraph_multi_agent.skills.documents.extraction import open_sources
from langgraph_multi_agent.skills.documents.passages import Chunk, chunks_of
from langgraph_multi_agent.skills.documents.terms import language_of_text

HANDBOOK = [
    ("如何查看任务队列长度？", "查看任务队列长度"),
    ("怎么取消正在运行的任务？", "如何取消任务"),
    ("暂停的任务怎么恢复？", "如何暂停和恢复任务"),
    ("任务失败了怎么重试", "如何重试失败的任务"),
    ("任务有哪些状态？", "任务有哪些状态"),
    ("进度百分比是怎么计算的？", "进度是怎么算的"),
    ("服务器默认监听哪个端口？", "服务器"),
    ("怎样添加自己的智能体", "如何添加自己的智能体"),
    ("如何重置一个智能体？", "重置智能体"),
    ("怎么备份数据目录？", "备份和恢复数据目录"),
    ("接入大模型要设置哪些环境变量？", "大模型"),
    ("提交任务返回429怎么办？", "提交任务返回 429"),
    ("MODEL_REQUIRED 是什么意思", "MODEL_REQUIRED"),
    ("报告里的数字怎么追溯到 SQL？", "数字怎么追溯到 SQL"),
    ("支持哪些文件格式？", "支持哪些数据格式"),
    ("扫描件 PDF 能处理吗？", "支持哪些数据格式"),
    ("退出码 5 表示什么？", "退出码"),
    ("WebSocket 断开后怎么补上漏掉的事件", "WebSocket 连接断开"),
    ("前端跨域报错怎么解决", "前端跨域报错"),
    ("租约多长时间到期？", "崩溃之后会怎样"),
    ("如何避免重复提交任务？", "避免重复提交"),
    ("我的数据会被发送到哪里？", "数据会发送到哪里"),
    ("有没有登录认证？", "目前还没有的功能"),
    ("磁盘空间不够了怎么清理？", "磁盘空间"),
    ("How do I cancel a task?", "Cancel a task"),
    ("How can I pause a task and resume it later?", "Pause and resume a task"),
    ("How is the progress of a task computed?", "How progress is computed"),
    ("What happens after a crash?", "What happens after a crash"),
    ("How do I add my own agent with a YAML file?", "With a YAML file"),
    ("How do I reset an agent?", "Reset an agent"),
    ("Which environment variable sets the API key of the model?", "Language model"),
    ("What is the default of MAX_CONCURRENT_WORKFLOWS?", "Tasks and concurrency"),
    ("What does exit code 8 mean?", "Exit codes"),
    ("How do I back up the data directory?", "Back up and restore the data directory"),
    ("Which metrics does the server export?", "Metrics"),
    ("Why does submitting return 429?", "Submitting gives 429"),
    ("How are citations checked?", "How citations work"),
    ("Can a language model change the numbers?", "Can a language model change numbers"),
    ("Is there authentication or login?", "What is not there yet"),
    ("How do I reconnect to the event stream without missing events?", "Live events"),
    ("What file formats are supported?", "Supported file formats"),
    ("How do I upgrade to a new version?", "Restart and upgrade"),
]

PARAPHRASED = [
    ("任务要怎样才能停下来？", "如何取消任务"),
    ("系统崩了任务会不会丢？", "崩溃"),
    ("同时最多跑多少个任务？", "任务与并发"),
    ("我想换个端口", "启动服务器"),
    ("日志在哪里看？", "日志"),
    ("怎么限制花费？", "费用与预算"),
    ("加密的PDF能上传吗？", "支持哪些"),
    ("怎么跟踪任务的实时进展", "实时事件"),
    ("审查不通过会怎么样", "审查没有通过"),
    ("如何让某个智能体用不同的模型？", "大模型"),
    ("截止日期到了任务会停吗", "优先级"),
    ("怎么查出运行最久的任务", "直接查询数据库"),
    ("Is my data sent anywhere?", "Where does my data go"),
    ("How many tasks run at the same time?", "Tasks and concurrency"),
    ("Where are the logs?", "Logs"),
    ("How do I stop a running job?", "Cancel a task"),
    ("Can I upload an encrypted PDF?", "Supported"),
    ("How do I limit the cost of a task?", "Cost and budget"),
    ("What if the review fails?", "When the review fails"),
    ("Why is my task stuck?", "stuck"),
    ("How do I answer a question of a task?", "Answer a question"),
    ("Which agents are there?", "Agents"),
    ("How long is a lease?", "Tasks and"),
    ("How do I use an Anthropic model?", "Language model"),
    ("Does the demo need internet?", "demo"),
    ("怎样提高任务的优先级", "优先级"),
    ("磁盘满了会怎么样", "磁盘"),
    ("怎么关掉一个智能体", "移除"),
    ("XLSX 文件最大能有多大", "限制"),
    ("报告能离线打开吗", "报告有哪些格式"),
    ("怎么导出 Prometheus 指标", "指标"),
    ("一个任务能上传几个文件", "限制"),
    ("怎么设置任务预算", "预算"),
    ("幂等键有效期多久", "重复"),
    ("数据库文件在哪", "存储"),
    ("How do I change the log level?", "Server"),
    ("How many files can a task have?", "Limits"),
    ("What is a lease?", "crash"),
    ("Can two servers share a data directory?", "not there"),
    ("How are zip bombs handled?", "safe"),
    ("Which exit code means timeout?", "Exit"),
    ("How do I delete a task?", "Control"),
    ("How do I follow events live?", "events"),
    ("Why did my task fail with BUDGET_EXCEEDED?", "failed"),
    ("Where are reports stored?", "See the result"),
]
"""The same matters in other words than the handbook's."""

FILES = [
    ("出差住宿费的标准是多少？", "差旅制度.docx", "住宿"),
    ("报销需要在几天之内提交？", "差旅制度.docx", "报销期限"),
    ("谁负责审批国际差旅？", "差旅制度.docx", "审批"),
    ("乘坐高铁可以坐什么座位", "差旅制度.docx", "交通"),
    ("地下水位下降的原因是什么？", "水文报告.pdf", "第 2 页"),
    ("监测井一共有多少口？", "水文报告.pdf", "第 1 页"),
    ("What was the yield of the winter wheat trial?", "trial.html", "Results"),
    ("How much nitrogen fertilizer was applied?", "trial.html", "Methods"),
    ("Which limitations does the wheat study have?", "trial.html", "Limitations"),
    ("When does the warranty of the pump end?", "pump.txt", "Warranty"),
    ("How often must the filter be replaced?", "pump.txt", "Maintenance"),
    ("What is the maximum operating temperature?", "pump.txt", "Technical data"),
]

UNRELATED = [
    "What is the capital of France?",
    "How do I bake a chocolate cake?",
    "Who won the football world cup in 2018?",
    "What are the symptoms of influenza?",
    "How tall is Mount Everest?",
    "Which planets have rings?",
    "How can I learn to play the violin?",
    "红烧肉怎么做才好吃？",
    "唐朝是哪一年建立的？",
    "明天北京的天气怎么样？",
    "地球到月球的距离是多少？",
    "如何训练小狗坐下？",
    "感冒了应该吃什么药？",
    "世界上最长的河流是哪条？",
    "量子纠缠的原理是什么？",
    "怎么减肥最有效？",
    "What time does the train to Munich leave?",
    "Who wrote Pride and Prejudice?",
    "How do vaccines work?",
    "What is the best way to learn French?",
    "When was the Berlin wall built?",
    "How much does a litre of milk cost?",
    "Is coffee bad for your health?",
    "What is the meaning of life?",
    "Which language is spoken in Brazil?",
    "Where can I buy cheap shoes?",
    "猫为什么喜欢纸箱？",
    "如何写好一篇议论文？",
    "秦始皇活了多少岁？",
    "怎么去故宫最方便？",
    "吉他的和弦怎么按？",
    "股票市场为什么下跌？",
    "太阳为什么会发光？",
    "小孩发烧怎么处理？",
    "哪个牌子的手机最好用？",
    "护照过期了怎么补办？",
]

NEAR = [
    "How do I cancel my flight?",
    "How do I reset my router password?",
    "How do I back up my phone?",
    "How can I pause my gym membership?",
    "Which files do I need for a visa application?",
    "What is the default risk of corporate bonds?",
    "怎么取消我的信用卡？",
    "怎么恢复误删的照片？",
    "如何暂停健身房会员？",
    "高考报名截止日期是哪天？",
    "怎样添加微信好友？",
    "手机内存不够怎么办？",
]
"""Questions about other things that use the handbook's words."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    directory = tmp_path_factory.mktemp("library")
    policy = docx_bytes(
        [
            ("Title", "差旅管理制度"),
            ("Heading 1", "总则"),
            ("Normal", "本制度适用于公司全体员工。各部门应当严格控制差旅成本。"),
            ("Heading 1", "交通"),
            (
                "Normal",
                "员工出差乘坐高铁限二等座，部门经理可以乘坐一等座。飞行时间超过六小时的航班可购买高端经济舱。",
            ),
            ("Heading 1", "住宿"),
            ("Normal", "一线城市住宿费上限为每晚五百元，其他城市为每晚三百五十元。超出部分由个人承担。"),
            ("Heading 1", "报销期限"),
            ("Normal", "出差结束后十五个工作日内须提交报销单，逾期不予受理。发票抬头应为公司全称。"),
            ("Heading 1", "审批"),
            ("Normal", "国内差旅由部门经理审批，国际差旅由分管副总裁负责审批。未经批准的行程不予报销。"),
        ],
        rows=[("城市", "每日伙食补助"), ("上海", "120 元"), ("成都", "90 元")],
    )
    report = pdf_bytes(
        [
            [
                "1 监测概况",
                "本次调查共布设监测井四十二口，其中浅层井三十口，深层井十二口。",
                "监测频率为每月一次。",
            ],
            [
                "2 结果分析",
                "与上一年相比，区域地下水位平均下降一点八米，",
                "主要原因是农业灌溉开采量增加以及连续两年降水偏少。",
                "水质总体稳定，硝酸盐含量略有上升。",
            ],
            ["3 建议", "建议压减灌溉用水，推广滴灌技术，并在枯水期实施生态补水。"],
        ],
        title="年度水文报告",
    )
    trial = (
        "<html><head><title>Wheat trial</title><style>p{color:red}</style></head><body><h1>Winter wheat trial</h1>"
        "<p>This field study compared two sowing dates on a clay soil.</p><h2>Methods</h2>"
        "<p>Plots received 180 kg of nitrogen fertilizer per hectare in three splits. Weeds were removed by hand.</p>"
        "<h2>Results</h2>"
        "<p>The early sown winter wheat reached a yield of 8.4 tonnes per hectare, the late sown 7.1.</p>"
        "<p>Protein content did not differ.</p><h2>Limitations</h2><p>The study covers a single season and one site, "
        "so that the results cannot be generalised.</p><script>alert('no')</script></body></html>"
    )
    pump = (
        "PUMP MODEL C-40 OWNER'S GUIDE\n\n1. Technical data\n\nThe pump delivers 40 litres per minute. The maximum "
        "operating temperature is 85 degrees Celsius.\nPower consumption is 370 watts.\n\n2. Maintenance\n\nThe filter "
        "must be replaced every six months. Check the seals for leaks once a year.\n\n3. Warranty\n\nThe warranty ends "
        "36 months after the date of purchase. It does not cover wear of the seals.\n"
    )
    return [
        stored(directory, "差旅制度.docx", policy),
        stored(directory, "水文报告.pdf", report),
        stored(directory, "trial.html", trial),
        stored(directory, "pump.txt", pump),
    ]


@pytest.fixture(scope="module")
def library_chunks(library: list[dict[str, str]]) -> list[Chunk]:
    return chunks(open_sources(library)[0])


@pytest.fixture(scope="module")
def handbook_chunks() -> dict[str, list[Chunk]]:
    return {
        language: chunks(open_sources([], [name for name, _ in handbook.documents(language)])[0])
        for language in handbook.LANGUAGES
    }


def chunks(sources: Mapping[str, Document]) -> list[Chunk]:
    return [chunk for source, document in sources.items() for chunk in chunks_of(source, document)]


def found(question: str, among: list[Chunk]) -> list[tuple[str, str]]:
    """Source and locator of the three best passages."""
    language = language_of_text(question)
    return [
        (window.chunk.source, window.units[0].block.locator(language))
        for window in search.answer(among, [question], 3)
    ]


def test_handbook_questions_find_their_section_among_three(handbook_chunks: dict[str, list[Chunk]]) -> None:
    labelled = HANDBOOK + PARAPHRASED
    missed = [
        (question, section)
        for question, section in labelled
        if not any(
            section in place for _, place in found(question, handbook_chunks[language_of_text(question)])
        )
    ]
    assert len(missed) <= 0.15 * len(labelled), missed


def test_file_questions_find_their_document_and_place_among_three(library_chunks: list[Chunk]) -> None:
    missed = [
        (question, name, place)
        for question, name, place in FILES
        if not any(source == name and place in where for source, where in found(question, library_chunks))
    ]
    assert len(missed) <= 0.15 * len(FILES), missed


def test_unrelated_questions_find_nothing(
    handbook_chunks: dict[str, list[Chunk]], library_chunks: list[Chunk]
) -> None:
    answered = [
        question
        for question in UNRELATED
        if found(question, handbook_chunks[language_of_text(question)]) or found(question, library_chunks)
    ]
    assert len(answered) <= 0.1 * len(UNRELATED), answered


def test_questions_that_only_share_words_with_the_handbook_find_nothing(
    handbook_chunks: dict[str, list[Chunk]],
) -> None:
    answered = [question for question in NEAR if found(question, handbook_chunks[language_of_text(question)])]
    assert len(answered) <= 0.1 * len(NEAR), answered


def test_questions_to_the_wrong_document_find_nothing(library_chunks: list[Chunk]) -> None:
    pump = [chunk for chunk in library_chunks if chunk.source == "pump.txt"]
    others = [question for question, name, _ in FILES if name != "pump.txt"]
    answered = [question for question in others if found(question, pump)]
    assert len(answered) <= 0.1 * len(others), answered
