"""Looks a question up in the built-in handbook.

Hides that it is read and cut once for each language. Caller: `ChatService`. Invariant: a passage is a
quotation; a question that the handbook does not speak of gets none. The handbook is our own text, so
unlike people's files it is read in this process.
"""

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Any

from langgraph_multi_agent import handbook
from langgraph_multi_agent.agents.request import language_of_request
from langgraph_multi_agent.skills.documents.extraction import open_sources
from langgraph_multi_agent.skills.documents.passages import Chunk, chunks_of
from langgraph_multi_agent.skills.documents.ranking import Counted
from langgraph_multi_agent.skills.documents.search import Window, answer
from langgraph_multi_agent.skills.documents.terms import LIGHT_WEIGHT, Term, stem, terms_of

MAX_PASSAGES = 3
ASKED_CHARS = 400
MIN_SPOKEN_OF = 0.6
"""A quotation must speak of this share of what a question is about, where that names nothing of this system."""
_EVERYDAY = frozenset(
    stem(word)
    for word in "mean meaning purpose point sense time clock code day today tomorrow yesterday date week month year"
    " name old age thing everything anything something nothing people person world wrote number best secret following"
    " 意义 名字 今天 明天 昨天 星期 时间 几点 世界 人".split()
)
"""Words that say little of what a question is about, although the handbook uses them."""


async def find_passages(
    question: str, language: str, *, limit: int = MAX_PASSAGES, is_sure: bool = True
) -> list[dict[str, Any]]:
    """What the handbook says, best first.

    Args:
        is_sure: the question is to the handbook, or names something of this system. Of any other a quotation
            must speak by more than words of every day.

    Returns:
        Each `{"id", "source", "title", "locator", "anchor", "quote"}`: the document such as `zh/tasks`,
        its title, the path of headings, and the last of them.
    """
    asked = question[:ASKED_CHARS]
    return await asyncio.to_thread(_find, asked, language_of_request(asked, language), limit, is_sure)


def _find(question: str, language: str, limit: int, is_sure: bool) -> list[dict[str, Any]]:
    windows = answer(list(_chunks(language)), [question], limit)
    if not is_sure:
        about = [term for term in terms_of(question) if not _is_everyday(term)]
        windows = [window for window in windows if _spoken_of(about, window) >= MIN_SPOKEN_OF]
    return [_citation(window, language) for window in windows]


def _is_everyday(term: Term) -> bool:
    word = term.forms[0].text
    return term.weight <= LIGHT_WEIGHT or word in _EVERYDAY or (word.isdigit() and len(word) < 3)


def _spoken_of(about: Sequence[Term], window: Window) -> float:
    """The share of the terms, 0–1, that stand in a quotation or the heading right above it."""
    headings = window.units[0].block.headings
    counted = Counted(f"{headings[-1] if headings else ''}\n{window.quote}")
    total = sum(term.weight for term in about)
    return sum(term.weight * counted.presence(term) for term in about) / total if total else 0.0


@cache
def _chunks(language: str) -> tuple[Chunk, ...]:
    sources, _ = open_sources([], [name for name, _ in handbook.documents(language)])
    return tuple(chunk for source, document in sources.items() for chunk in chunks_of(source, document))


def _citation(window: Window, language: str) -> dict[str, Any]:
    name = window.chunk.source.removeprefix(handbook.SOURCE_PREFIX)
    block = window.units[0].block
    return {
        "id": f"{name}:{window.units[0].start}-{window.units[-1].end}",
        "source": name,
        "title": handbook.title_of(name),
        "locator": block.locator(language),
        "anchor": block.headings[-1] if block.headings else "",
        "quote": window.quote,
    }
