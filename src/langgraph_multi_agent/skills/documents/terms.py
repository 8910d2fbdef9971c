"""What a question asks for: its words, and the forms under which a document may hold them.

Hides Chinese segmentation and English inflection. Called by search and inspect. Invariant:
nothing is written anywhere, and the Chinese dictionary is loaded only for Chinese questions.
"""

import re
import sys
import unicodedata
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
WORD = re.compile(r"[a-z0-9_]+(?:[./\-][a-z0-9_]+)*")
_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+|[a-z0-9_]+(?:[./\-][a-z0-9_]+)*")

OWN_WORDS = ("智能体", "多智能体", "工作流", "子任务", "检查点", "数据目录", "退出码", "命令行", "幂等键", "优先级",
             "大模型", "环境变量", "端口号", "超时时间")  # fmt: skip

STOP_EN = frozenset(
    "a an the and or but if of in on at to from by with for about into over under is are was were be been being am"
    " do does did done doing have has had having can could may might must shall should will would i me my we our us"
    " you your he she it its they them their this that these those there here what which who whom whose when where"
    " why how not no nor so than then too very just also as any some all each s t please tell explain describe give"
    " let know list say says out up".split()
)
LIGHT_EN = frozenset(
    "get make work need want happen mean see show look find check way thing happens happened many much long use go"
    " possible best good new call take put become tell according document documents file report text state"
    " mention".split()
)
STOP_ZH = frozenset(
    "的 了 在 是 和 与 及 或 或者 有 没有 吗 呢 吧 啊 么 我 你 您 它 他 她 我们 你们 他们 它们 这 那 这个 那个 这些 那些 个 之"
    " 如何 怎么 怎样 怎么办 怎么样 什么 什么样 为什么 为何 哪 哪些 哪个 哪里 哪儿 谁 几 几个 多少 是否 能否 可否 可以 能 能够 会"
    " 要 想 请 请问 请教 告诉 一下 介绍 解释 说明 说 讲 讲讲 就 都 也 还 又 再 才 只 从 到 把 被 让 给 对 对于 关于 于 以 以及 并"
    " 并且 而 但 但是 如果 若 时 时候 里 中 上 下 后 前 之后 之前 以后 有没有 是不是 能不能 可不可以 多 多大 多长 多久 地 得 着 过"
    " 一个 一种 根据 文档 文件 资料 其中 里面 提到 内容 有何 何时 何地 来 去 用 由 向 所 其 该 此 某 每 各 时要 不 很 最".split()
)
LIGHT_ZH = frozenset(
    "使用 进行 需要 应该 应当 发生 得到 获得 支持 方法 办法 步骤 作用 意思 含义 情况 问题 查看 看 看到 知道 了解 处理 变成 出现"
    " 做 干 有关 相关 具体 主要 包括 包含 一共 总共 目前 现在 自己 正在 已经 允许 叫 放 找 找到 想要 方式 最好 通过 之内 以内 天 年 月 日 次 元 标准 规定 要求 定义 流程".split()
)

SYNONYMS: tuple[frozenset[str], ...] = tuple(
    frozenset(group.split())
    for group in (
        "删除 删掉 移除 关掉 停用 禁用 关闭", "取消 终止 中止", "启动 开启", "修改 更改 改变 变更", "默认 缺省", "上限 限制 最大 最多",
        "查看 查询", "报错 错误 出错", "失败 出错", "新增 添加 增加 加入", "安装 部署", "更新 升级", "端口 端口号",
        "恢复 还原 继续", "日志 记录", "期限 截止 deadline 有效期", "大模型 模型", "回答 答复", "排队 队列", "重试 重跑", "运行 执行", "停止 取消 停 停下", "花费 费用 成本 花销",
        "换 更换 改 修改", "丢 丢失", "崩 崩溃 宕机", "最久 最长 过长", "进展 进度", "费用 预算",
        "delete remove", "cancel stop abort terminate", "start launch", "change modify edit", "limit maximum max",
        "error fault", "add register", "restore recover", "quota limit", "answer reply", "model llm",
        "directory folder", "config configure configuration setting", "continue resume", "rerun retry",
        "biggest largest", "cost price", "begin start", "boss manager", "pay salary", "job task", "internet network offline online",
        "export expose give", "spend cost", "store save keep", "lose lost",
    )
)  # fmt: skip
SYNONYM_WEIGHT = 0.8
PART_WEIGHT = 0.7
"""A word found only in all its parts (任务 and 队列 for 任务队列) counts this much."""
LIGHT_WEIGHT = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One way a term may stand in a text.

    Attributes:
        text: Chinese characters, or the stem of a Latin word.
        is_han: how it is looked up: as characters in sequence, or as a stem among words.
        weight: how well it stands for the term, 0–1.
    """

    text: str
    is_han: bool
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A content word of the question. `parts` count together only if all are present."""

    forms: tuple[Form, ...]
    parts: tuple[Form, ...] = ()
    weight: float = 1.0


def language_of_text(text: str) -> str:
    """zh if at least a tenth of the letters are Chinese, else en."""
    letters = sum(character.isalpha() for character in text)
    return "zh" if letters and len(HAN.findall(text)) >= letters / 10 else "en"


def normal(text: str) -> str:
    """Lower case with full-width letters and digits made plain; the length stays the same."""
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return lowered.translate(_WIDTHS)


_WIDTHS = {
    code: ord(unicodedata.normalize("NFKC", chr(code)))
    for code in range(0xFF01, 0xFF5F)
    if len(unicodedata.normalize("NFKC", chr(code))) == 1
}


@cache
def stem(word: str) -> str:
    """A light English stem: plurals, -ing, -ed, -ation, final e and y; a prefix of the word
    except that a final y becomes i.
    """
    if len(word) <= 3 or not word.isalpha():
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("sses", "xes", "zes", "ches", "shes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffix in ("ation", "ing", "ied", "ed", "ly"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and _VOWEL.search(word[: -len(suffix)]):
            word = word[: -len(suffix)] + ("y" if suffix == "ied" else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiou":
        word = word[:-1]
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 3 and word.endswith("y") else word


_VOWEL = re.compile(r"[aeiouy]")


def words_of(normal_text: str) -> list[str]:
    """Stems of the Latin words, and of the pieces of compound ones such as paths."""
    out: list[str] = []
    for word in WORD.findall(normal_text):
        out.append(stem(word))
        pieces = _PIECES.split(word)
        if len(pieces) > 1:
            out.extend(stem(piece) for piece in pieces if piece)
    return out


_PIECES = re.compile(r"[./\-_]+")


def terms_of(question: str) -> tuple[Term, ...]:
    """The content words of a question in order, each once."""
    found: dict[str, Term] = {}
    for run in _RUN.findall(normal(question)):
        for word, term in _han_terms(run) if HAN.match(run) else _latin_terms(run):
            found.setdefault(word, term)
    return tuple(found.values())


def _latin_terms(word: str) -> list[tuple[str, Term]]:
    if word in STOP_EN or (len(word) == 1 and not word.isdigit()):
        return []
    stemmed = stem(word)
    forms = [Form(text=stemmed, is_han=False)]
    forms += [
        Form(
            text=other if HAN.match(other) else stem(other),
            is_han=bool(HAN.match(other)),
            weight=SYNONYM_WEIGHT,
        )
        for other in _synonyms(word, stemmed)
    ]
    pieces = [piece for piece in _PIECES.split(word) if piece and piece not in STOP_EN]
    parts = tuple(Form(text=stem(piece), is_han=False) for piece in pieces) if len(pieces) > 1 else ()
    weight = LIGHT_WEIGHT if word in LIGHT_EN else 1.0
    return [(stemmed, Term(forms=tuple(forms), parts=parts, weight=weight))]


def _han_terms(run: str) -> list[tuple[str, Term]]:
    out: list[tuple[str, Term]] = []
    segmenter = _segmenter()
    for word in segmenter.cut(run, HMM=False):
        if word in STOP_ZH:
            continue
        forms = [Form(text=word, is_han=True)]
        forms += [
            Form(text=o if HAN.match(o) else stem(o), is_han=bool(HAN.match(o)), weight=SYNONYM_WEIGHT)
            for o in _synonyms(word, word)
        ]
        pieces = [p for p in segmenter.cut_for_search(word, HMM=False) if p != word] if len(word) > 2 else []
        parts = tuple(Form(text=p, is_han=True) for p in dict.fromkeys(pieces) if p not in STOP_ZH)
        # One character stands in many other words, so it says less.
        weight = LIGHT_WEIGHT if word in LIGHT_ZH else 0.5 if len(word) == 1 else 1.0
        out.append((word, Term(forms=tuple(forms), parts=parts, weight=weight)))
    return out


def _synonyms(word: str, stemmed: str) -> list[str]:
    return sorted({o for g in SYNONYMS if word in g or stemmed in g for o in g} - {word, stemmed})


@cache
def _segmenter() -> Any:
    """jieba's dictionary in memory: no cache file, no log lines, no pkg_resources."""
    hidden = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = None  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import jieba
    finally:
        if hidden is None:
            del sys.modules["pkg_resources"]
        else:
            sys.modules["pkg_resources"] = hidden
    tokenizer = jieba.Tokenizer()
    # What `initialize` does, without its cache file in the shared temporary directory.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    for word in OWN_WORDS:
        tokenizer.add_word(word)
    return tokenizer
