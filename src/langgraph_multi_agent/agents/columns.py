"""Which columns of a table a request speaks of, without a model.

Called by the data analyst. Hides how names are matched with words. Invariant: pure; in doubt more
columns are kept, never fewer: a request about "temperature and precipitation" keeps `temp_max`
beside `precipitation`, and one that names something no column matches is not narrowed at all.
"""

import re
from collections.abc import Sequence

from langgraph_multi_agent.agents.request import intents_of

MIN_PART = 3
MIN_STEM = 4
"""A part of a name or a word of the request this long may be the beginning of the other."""
_UNITS = re.compile(r"[(（\[【].*?[)）\]】]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_WORDS = re.compile(r"[a-z]+")
_VAGUE = frozenset(
    "max min mean avg average median sum total count num number name type kind code date time day month"
    " year week hour value values data row rows column columns per the and for with of in by all each"
    " file table what which how show find give list analyse analyze analysis compare".split()
)
"""Words and parts of names that say nothing of what a column measures."""
_BESIDE = r"(?:\s*(?:,|&|/|\band\b|\bor\b|\bversus\b|\bvs\b\.?)\s*)+(?:the\s+)?"
_VERB_HAN = re.compile(r"^.{0,3}(?:分析|比较|对比|统计|研究|看看|查看|计算|请)")
_BESIDE_HAN = r"\s*(?:和|与|及|以及|、|跟|或)\s*"


def named(columns: Sequence[str], request: str) -> list[str]:
    """The columns that the request names, with those that share a word with it; [] to keep all.

    [] comes where no column is named in full, or where something stands beside a named one
    ("turnover and precipitation") that neither a column nor an analysis is called.
    """
    exact = [column for column in columns if is_named(column, request)]
    if not exact:
        return []
    kept = [column for column in columns if column in exact or _is_related(column, request)]
    if any(_has_stranger(column, kept, request) for column in exact):
        return []
    return kept


def is_named(column: str, request: str) -> bool:
    """Whether the request names the column: as a whole word, or anywhere in Chinese; units do not count."""
    bare, goal = _bare(column), request.casefold()
    if _HAN.search(bare):
        return len(bare) >= 2 and bare.casefold() in goal
    return len(bare) >= MIN_PART and re.search(_whole(bare), goal) is not None


def _bare(column: str) -> str:
    return _UNITS.sub("", column).strip() or column.strip()


def _whole(bare: str) -> str:
    words = re.sub(r"[_ .]+|\\[ .]", "[_ .]", re.escape(bare.casefold()))
    return rf"(?<![^\W_]){words}(?![^\W_])"


def _is_related(column: str, request: str) -> bool:
    """Whether a part of the name and a word of the request begin alike: `temp_max`, temperature."""
    words = [word for word in _WORDS.findall(request.casefold()) if word not in _VAGUE]
    parts = [part.casefold() for part in _PARTS.findall(_bare(column))]
    return any(_alike(part, word) for part in parts if part not in _VAGUE for word in words)


def _alike(part: str, word: str) -> bool:
    if len(part) >= MIN_PART and part == word.removesuffix("s"):
        return True
    return min(len(part), len(word)) >= MIN_STEM and (word.startswith(part) or part.startswith(word))


def _has_stranger(column: str, kept: Sequence[str], request: str) -> bool:
    """Whether the request lists the column together with something that no column is called."""
    goal, bare = request.casefold(), _bare(column).casefold()
    if _HAN.search(bare):
        name = re.escape(bare)
        after = re.findall(rf"{name}{_BESIDE_HAN}([\u3400-\u9fff]{{2,6}})", goal)
        before = re.findall(rf"([\u3400-\u9fff]{{2,6}}){_BESIDE_HAN}{name}", goal)
        beside = [word.partition("的")[0] for word in after]
        beside += [_VERB_HAN.sub("", word.rpartition("的")[2]) for word in before]
    else:
        name = _whole(bare)
        beside = re.findall(rf"{name}{_BESIDE}([a-z]{{3,}})", goal)
        beside += re.findall(rf"([a-z]{{3,}}){_BESIDE}{name}", goal)
    return any(not _is_known(word, kept) for word in beside)


def _is_known(word: str, columns: Sequence[str]) -> bool:
    if _HAN.search(word):
        heads = (_bare(column).casefold() for column in columns)
        return bool(intents_of(word)) or any(head in word or word in head for head in heads)
    return bool(intents_of(word)) or word in _VAGUE or any(_is_related(column, word) for column in columns)
