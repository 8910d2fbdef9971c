"""The project's own documents, which any request may draw on, in zh and en.

Hides where they lie and how a request is recognised as being about this system. Callers: the
document skills, the teams' admission, `demo`. Invariant: a document's name (`zh/tasks`) is
stable, because citations hold it; `covers` is pure, quick, and imports nothing.
"""

import re
from functools import cache
from pathlib import Path

SOURCE_PREFIX = "handbook:"
LANGUAGES = ("zh", "en")
COVERED = 0.45
"""From this value of `covers` on, a request can be answered from the handbook."""

_ROOT = Path(__file__).parent
_NAME = re.compile(r"(zh|en)/[a-z0-9-]+")


@cache
def documents(language: str) -> tuple[tuple[str, Path], ...]:
    """Names and files of one language's documents in reading order; other languages get zh's."""
    chosen = language if language in LANGUAGES else LANGUAGES[0]
    order = (_ROOT / "order.txt").read_text(encoding="utf-8").split()
    return tuple((f"{chosen}/{stem}", _ROOT / chosen / f"{stem}.md") for stem in order)


def document_path(name: str) -> Path | None:
    """The file of a document such as `zh/tasks`; None if there is none of that name."""
    if not _NAME.fullmatch(name):
        return None
    path = _ROOT / f"{name}.md"
    return path if path.is_file() else None


def title_of(name: str) -> str:
    """A document's first heading; the name itself if there is no such document."""
    path = document_path(name)
    if path is None:
        return name
    return path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ").strip()


def covers(request: str) -> float:
    """How surely the handbook speaks of a request, 0–1; compare with `COVERED`.

    Pure and quick (the documents' vocabulary is read once). It multiplies two things: how clearly
    the request names something of this system, and the share of its words that the handbook uses.
    A request to compose or translate something is never a question to the handbook, nor is an order to
    analyse what is surely not of this system: of data that did not come along, it would quote examples.
    """
    plain = request.strip().lower()[:2000]
    if not plain or _COMPOSE.search(plain):
        return 0.0
    words, pairs = _vocabulary()
    asked_words = [_root(word) for word in _WORD.findall(plain) if word not in _STOP]
    anchor = max((weight for weight, pattern in _ANCHORS if pattern.search(plain)), default=0.0)
    if any("_" in word and word in words for word in asked_words):
        # A compound name that the documents use, such as a setting or an error code.
        anchor = 1.0
    if not anchor or (anchor < 1.0 and _ANALYSE.match(plain)):
        return 0.0
    asked_pairs = _pairs(_STOP_ZH.sub(" ", plain))
    asked = len(asked_words) + len(asked_pairs) / 2
    if not asked:
        return 0.0
    known = sum(word in words for word in asked_words) + sum(pair in pairs for pair in asked_pairs) / 2
    share: float = (known / asked) ** 1.5
    return round(anchor * share, 3)


@cache
def _vocabulary() -> tuple[frozenset[str], frozenset[str]]:
    """Roots of the Latin words, and pairs of neighbouring Chinese characters, of all documents."""
    text = "\n".join(
        path.read_text(encoding="utf-8").lower() for lang in LANGUAGES for _, path in documents(lang)
    )
    return frozenset(map(_root, _WORD.findall(text))), frozenset(_pairs(text))


def _root(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def _pairs(text: str) -> list[str]:
    return [run[i : i + 2] for run in _HAN_RUN.findall(text) for i in range(len(run) - 1)]


_WORD = re.compile(r"[a-z0-9_]{2,}")
_HAN_RUN = re.compile(r"[\u4e00-\u9fff]+")
_STOP = frozenset(
    "the an and or of in on at to for from by with is are was be been do does did can could should would may will"
    " my our your you it its this that these those there what which who whom when where why how not no me we us"
    " please tell explain show if as into than then all any some has have had am so about".split()
)
_STOP_ZH = re.compile(
    r"请问|如何|怎么样|怎么办|怎么|怎样|什么|哪些|哪个|哪里|为什么|是否|能不能|可不可以|可以|能否|一下|多少|有没有|多大|多长"
    r"|我们|你们|这个|那个|这套|该|支持|只|看|的|了|吗|呢|吧|是|我|你|它|在|会|要|想|把|被|请|有|和|与|或|里|都"
)
_COMPOSE = re.compile(
    r"写一?(?:首|篇|封|段|个故事|份邮件)|作诗|诗歌|翻译|译成|润色|改写|讲个?笑话|编一?个|续写|画一|唱|食谱|菜谱"
    r"|\b(?:poems?|haiku|lyrics|songs?|jokes?|essay|novel|short story|translate|translation|rewrite|paraphrase"
    r"|proofread|recipe|cover letter|(?:write|draft|compose) (?:a|an|me|us|the|my))\b"
)
_ANALYSE = re.compile(
    r"(?:请|麻烦|你|帮忙|帮|我|给|替|为|再|先)*(?:分析|统计|预测|可视化|画)(?!页)"
    r"|(?:please\s+|can you\s+|could you\s+)?(?:analy[sz]e|forecast|plot|chart|visuali[sz]e)\b"
)
_SURE = re.compile(
    r"智能体|子任务|任务队列|工作流|手册|lgma|langgraph|检查点|幂等|租约|数据目录|退出码|优雅关闭|有毒任务"
    r"|make (?:demo|run|test)|/api/|/health|/ready|/metrics|llm_"
    r"|(?:取消|暂停|恢复|重试|提交|删除|查看|查询|监控|完成|重新打开|失败|卡住|运行|执行|跟踪|回答).{0,8}任务"
    r"|任务.{0,10}(?:取消|暂停|恢复|重试|失败|卡住|状态|进度|优先级|排队|队列|超时|丢|提交|完成|执行|删除|pending|预算)"
    r"|\b(?:handbook|subtasks?|task queue|idempotency|exit codes?|data dir(?:ectory)?|checkpoints?|websocket)\b"
    r"|\btasks?\b.{0,30}\b(?:cancel\w*|paus\w*|resum\w*|retr\w+|fail\w*|stuck|status\w*|progress|priorit\w+|pending"
    r"|queue\w*|lost|time.?outs?|events?)\b"
    r"|\b(?:cancel\w*|paus\w*|resum\w*|retr\w+|submit\w*|delet\w+|stop\w*|follow\w*|watch\w*|monitor\w*|reopen\w*)\b"
    r".{0,20}\btasks?\b|\bstatus of (?:a|the|my) task"
)
_LIKELY = re.compile(
    r"任务|服务器|健康检查|监控指标|系统|审查员|大模型|离线技能|报告里|引用|命令行"
    r"|\b(?:agents?|server|this system|the system|health|readiness|metrics?|reviewer|language model|llm|kubernetes"
    r"|postgres\w*|redis|prometheus|offline skills?|command.?line|cli|citations?|cors|api)\b"
)
_POSSIBLE = re.compile(
    r"备份|日志|配置|端口|跨域|指标|报告|密钥|环境变量|接口|限制|文件|文档|数据|格式|启动|安装|演示|升级|认证|登录|密码|管理员|团队"
    r"|费用|预算|磁盘|内存"
    r"|\b(?:tasks?|back.?ups?|logs?|logging|settings?|ports?|reports?|environment variables?|demo|install\w*|upgrade"
    r"|log.?in|authentication|passwords?|admins?|teams?|budget|uploads?|uploaded|files?|formats?|csv|pdf|docx|xlsx|parquet|sqlite|restart)\b"
)
_ANCHORS = ((1.0, _SURE), (0.9, _LIKELY), (0.8, _POSSIBLE))
"""Words that name something of this system, by how surely they mean it."""
