"""Reads a request without a model: its language, what it asks for, what it names.

Called by the meta agent. Hides the word lists. Invariant: pure and quick (every pattern is
linear), and doubtful words never count: what is not clearly asked for is not asked for.
"""

import re
from collections.abc import Iterable
from pathlib import PurePath

from langgraph_multi_agent.agents.contract import InputKind

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx"})
DOCUMENT_SUFFIXES = frozenset({".md", ".markdown", ".html", ".htm", ".txt", ".pdf", ".docx"})
SUPPORTED = tuple(sorted(suffix[1:] for suffix in TABLE_SUFFIXES | DOCUMENT_SUFFIXES))

GENERAL = "general"
"""Something is to be written that no analysis or quotation gives: a translation, a letter, an idea."""
FORECAST = "forecast"
"""Asked for, and refused in the report: no analysis here looks into the future."""
INTENTS = (
    "trend", "seasonality", "anomaly", "compare", "correlate", "top", "profile", FORECAST, "answer", GENERAL,
)  # fmt: skip

_WORDS = {
    "trend": r"趋势|走势|增长|下降|上升|上涨|下跌|随时间|逐年|逐月|演变|历年"
    r"|\btrend|\bover time\b|\bgrowth\b|\bgr[eo]w|\bincreas|\bdeclin|\bdecreas|\bevol|\byear[- ]on[- ]year",
    "seasonality": r"季节|周期|旺季|淡季|(?:时段|小时|星期|每周|每日|每天|每月|月度)的?规律"
    r"|\bseason|\bcyclic|\bperiodic|\b(?:hourly|daily|weekly|monthly|quarterly|yearly|annual|weekday"
    r"|(?:hour|time)[- ]of[- ]day|day[- ]of[- ]week) (?:pattern|cycle|rhythm)",
    "anomaly": r"异常|离群|突变|异动|可疑|反常"
    r"|\banomal|\boutlier|\bunusual|\bspikes?\b|\bsuspicious|\babnormal",
    "compare": r"对比|比较|差异|差别|区别|分组|各(?:个|组|类|地区|区域|部门|品种|物种|城市|渠道|产品)"
    r"|不同(?:的)?(?:组|类|地区|区域|部门|品种|物种|城市|渠道|产品)"
    r"|\bcompar|\bdiffer(?!ential)|\bversus\b|\bvs\b|\b(?:between|across|among) (?:the )?\w+",
    "correlate": r"相关(?!部门|人员|文件|资料|规定|内容)|关联|关系|影响"
    r"|\bcorrelat|\brelation(?:ship)?s?\b|\brelate[sd]?\b|\bassociat(?:ion|ed)"
    r"|\baffects?\b|\binfluences?\b|\bdrives?\b",
    "top": r"排名|排行|前\s*[\d一二三四五六七八九十]+(?:名|位|个|大)?"
    r"|最(?:大|高|多|好|差|低|少|小)|贡献|占比|主要来源"
    r"|\btop\b|\blargest\b|\bbiggest\b|\bhighest\b|\blowest\b|\brank|\bcontribut|\bmost\b",
    "profile": r"概况|概览|概述|描述|数据质量|缺失|总体情况|基本情况|有哪些(?:列|字段)"
    r"|\bprofil|\boverview\b|\bdescri(?:be|ption)|\bdata quality\b|\bmissing values?\b|\bwhat columns\b",
    FORECAST: r"预测(?!模型|误差|值)|预计(?=.{0,6}(?:明年|未来|下))|推算未来|明年|下个?(?:月|季度)|下一年"
    r"|\bforecast(?:s|ing)?\b(?! (?:error|model|value))|\bpredict(?:s|ion|ions|ing)?\b"
    r"|\bnext (?:year|quarter|month|week)\b",
}
_INTENT_PATTERNS = {intent: re.compile(words, re.IGNORECASE) for intent, words in _WORDS.items()}
_NEGATION = re.compile(
    r"(?:(?:不要|不用|无需|不需要|不必|除了|忽略|别做?)\s*(?:\S+\s+){0,2}\S{0,4}"
    r"|\b(?:without|except(?: for)?|ignor(?:e|ing)|exclud(?:e|ing)|skip|do not|don't|not|no)\b"
    r"\s*(?:[^\s,.;:]+\s+){0,3}[^\s,.;:]{0,4})$",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"[?？]|什么|怎么|怎样|如何|为何|为什么|多少|哪些|哪个|哪里|哪儿|何时|谁|是否|吗\b|吗$"
    r"|(?:^|[.!;\n]\s*)(?:what|how|why|when|where|which|who|whose|does|do|is|are|can|should)\b"
    r"|\b(?:explain|find out|tell me|answer)\b|说明|解释|查找|总结|摘要|归纳|\bsummar",
    re.IGNORECASE,
)
_ABOUT_DATA = re.compile(
    r"数据|表格?|文件|列|字段|指标|记录|附件|内容|分析|发现|结论|规律|洞察"
    r"|\b(?:data(?:set)?|tables?|files?|columns?|rows?|records?|attach|analy[sz]"
    r"|findings?|insights?|patterns?|interesting)",
    re.IGNORECASE,
)

_HANDBOOK = re.compile(
    r"(?:内置|系统|使用|项目)?手册|本系统|\b(?:(?:the|its|your|built-in) handbook|lgma)\b",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"^(?:(?:please|kindly|can you|could you|would you|will you|i (?:want|need"
    r"|would like|'d like) (?:you )?(?:to )?|help me(?: to)?"
    r"|let's|now|also|then|and|finally|first|next)\b[\s,]*)+",
    re.IGNORECASE,
)
_POLITE_ZH = re.compile(
    r"^(?:请你?|麻烦你?|帮我|帮忙|帮|给我|替我|为我|我想(?:要|让你)?|我要|我需要(?:你)?"
    r"|能不能|能否|可以|可否|你能|然后|接着|再|并且?|最后|同时|首先|顺便|把(?=.{0,30}(?:翻译|译成|改写|润色)))+"
)
_CLAUSE = re.compile(
    r"[,，。;；.!！?？\n:：、]+|\b(?:and then|then|and also|and)\b(?=\s+(?:please\s+)?(?:translate"
    r"|write|generate|compose|draw|code|implement|rewrite))"
    r"|(?:然后|接着|并且?|再|同时|最后)(?=(?:把|将)?.{0,16}(?:翻译|写|生成|画|编|改写|润色|创作))",
    re.IGNORECASE,
)
_CREATIVE_EN = (
    r"poem|poetry|haiku|limerick|sonnet|song|lyrics|story|stories|novel|essay"
    r"|blog(?: post)?|article|tweet|joke|slogan|speech"
    r"|screenplay|script|dialogue|fairy tale|cover letter|letter|e-?mail|press release"
    r"|advert\w*|ad copy|product description|cv|resume"
)
_CODE_EN = (
    r"code|program|function|class|script|unit tests?|regex|sql quer(?:y|ies)|macro"
    r"|web ?(?:site|page)|app(?:lication)?|game|bot|api|algorithm"
)
_CREATIVE_ZH = (
    r"诗|词作|歌词|歌|故事|小说|散文|作文|文章|博客|邮件|信|文案|广告语?|口号|演讲稿|剧本"
    r"|笑话|段子|对联|简历|新闻稿|推文|软文|童话"
)
_CODE_ZH = r"代码|程序|函数|脚本|爬虫|单元测试|正则|网页|网站|小程序|游戏|算法|接口"
_MODEL_ONLY = {
    "translation": re.compile(
        r"^(?:translate\b|(?:give|make|provide|produce) (?:me )?an? (?:\w+ )?translation\b"
        r"|(?:(?!分析|统计|比较|查找|计算|汇总).){0,40}?(?:翻译(?:成(?!本|绩|功|交|果)|为|到"
        r"|一下|下|这|以下|全文|该)|译成|译为)"
        r"|翻译(?!成|费|公司|服务|数据|量|业务|质量|部|行业|项目|团队|订单|收入))",
        re.IGNORECASE,
    ),
    "writing": re.compile(
        rf"^(?:(?:write|compose|draft|generate|create|make up|invent|tell)\b(?: me"
        rf"| us)?(?: (?!(?:of|about|on|for|with|from|by)\b)\S+){{0,5}}? (?:{_CREATIVE_EN})\b"
        r"|(?:rewrite|paraphrase|proofread|polish|rephrase)\b"
        rf"|(?:写|创作|编写?|撰写|起草|拟|作|生成|讲)(?:出|成)?(?:一|两|几|这|份|个)?[首篇封段个则份条部]?"
        rf".{{0,16}}?(?:{_CREATIVE_ZH})(?:$|[^\w]|吧|给|来|，)"
        r"|(?:把|将)?.{0,30}?(?:改写|润色|续写|扩写|仿写|校对)(?!率|量))",
        re.IGNORECASE,
    ),
    "coding": re.compile(
        rf"^(?:(?:write|implement|code|program|develop|build|generate|create|refactor"
        rf"|debug|fix)\b(?: me| us)?(?: (?!(?:of|about|on|for|with|from|by)\b)\S+){{0,5}}? (?:{_CODE_EN})\b"
        rf"|(?:写|编写|实现|开发|生成|重构|调试|修复)(?:出|成)?(?:一|两|几|这)?[个段份]?.{{0,16}}?(?:{_CODE_ZH}))",
        re.IGNORECASE,
    ),
    "image": re.compile(
        r"^(?:(?:draw|paint|sketch|generate|create)\b(?: me)?(?: \S+){0,4}? (?:image"
        r"|picture|photo|painting|logo|illustration|drawing)s?\b"
        r"|draw (?:me )?an? (?!chart|graph|plot|line|bar|pie|histogram|scatter|diagram|trend|conclusion)"
        r"|(?:画|绘制|生成)(?:一|几)?[张幅个](?!.{0,12}(?:图表|折线|柱状|饼图|散点|直方|趋势图|统计图|曲线))"
        r".{0,16}(?:图片|照片|画|图像|插画|海报|猫|狗|人物|logo))",
        re.IGNORECASE,
    ),
    "conversation": re.compile(
        r"^(?:chat with me|role-?play|pretend (?:to be|you)|act as|扮演|陪我聊|和我聊|角色扮演)",
        re.IGNORECASE,
    ),
}

_FILE_NAME = re.compile(
    r"[\w\-\u4e00-\u9fff][\w\-. \u4e00-\u9fff]{0,80}?\.(?:"
    + "|".join(sorted(SUPPORTED, key=len, reverse=True))
    + r")(?![\w.])",
    re.IGNORECASE,
)
_QUOTED = r"[\"'`“‘「『]([^\"'`“”‘’「」『』\n]{1,60})[\"'`”’」』]"
_COLUMN_NAMES = (
    re.compile(rf"\b(?:columns?|fields?|variables?)\s+(?:named\s+|called\s+)?{_QUOTED}", re.IGNORECASE),
    re.compile(rf"{_QUOTED}\s*(?:columns?|fields?)\b", re.IGNORECASE),
    re.compile(rf"(?:列|字段|指标)\s*{_QUOTED}"),
    re.compile(rf"{_QUOTED}\s*(?:这一?|那一?|该)?(?:列|字段|指标)"),
    re.compile(r"\b(?:columns?|fields?)\s+([A-Za-z]\w*_\w+)"),
    re.compile(r"\b([A-Za-z]\w*_\w+)\s+(?:columns?|fields?)\b"),
    re.compile(r"(?:列|字段)\s*([A-Za-z]\w*_\w+)"),
    re.compile(r"([A-Za-z]\w*_\w+)\s*(?:列|字段)", re.ASCII),
)


def language_of_request(request: str, default: str = "zh") -> str:
    """`zh` if Han characters carry at least a sixth of the letters, else en; `default` without letters."""
    han = sum(1 for char in request if "\u4e00" <= char <= "\u9fff")
    latin = sum(1 for char in request if char.isascii() and char.isalpha())
    if not han and not latin:
        return default
    return "zh" if han * 5 >= latin else "en"


def kind_of_file(name: str) -> InputKind:
    """What a file is by the end of its name."""
    suffix = PurePath(name).suffix.lower()
    if suffix in TABLE_SUFFIXES:
        return "table"
    return "document" if suffix in DOCUMENT_SUFFIXES else "unknown"


def intents_of(request: str) -> tuple[str, ...]:
    """The analyses that are asked for by word, in the order of INTENTS; negated ones do not count."""
    found = [
        intent
        for intent, pattern in _INTENT_PATTERNS.items()
        if any(
            not _NEGATION.search(request[max(0, hit.start() - 24) : hit.start()])
            for hit in pattern.finditer(request)
        )
    ]
    return (*found, "answer") if is_question(request) else tuple(found)


def is_question(request: str) -> bool:
    return _QUESTION.search(request) is not None


def is_about_data(request: str) -> bool:
    """It speaks of the data as such, so that any analysis of it is an answer."""
    return _ABOUT_DATA.search(request) is not None


def names_handbook(request: str) -> bool:
    """It speaks of this system or its handbook by name."""
    return _HANDBOOK.search(request) is not None


def model_only_wish(request: str) -> str | None:
    """What only a model can do, if a clause asks for it: translation, writing, coding, image, conversation.

    Only the main verb of a clause counts: "analyse the translation costs" asks for no translation.
    """
    for clause in _CLAUSE.split(request):
        bare = _POLITE_ZH.sub("", _POLITE.sub("", clause.strip())).strip()
        for wish, pattern in _MODEL_ONLY.items():
            if pattern.match(bare):
                return wish
    return None


def unknown_files(request: str, names: Iterable[str]) -> list[str]:
    """File names in the request that are none of the task's files."""
    known = [name.casefold() for name in names]
    found = []
    for match in _FILE_NAME.finditer(request):
        word = match.group().strip().casefold()
        # Han text runs into the name without a space, so either may end with the other.
        if not any(word.endswith(name) or name.endswith(word.split()[-1]) for name in known):
            found.append(match.group().strip().split()[-1])
    return list(dict.fromkeys(found))


def named_columns(request: str) -> list[str]:
    """Names that the request itself calls a column."""
    found = [match.group(1).strip() for pattern in _COLUMN_NAMES for match in pattern.finditer(request)]
    return list(dict.fromkeys(found))
