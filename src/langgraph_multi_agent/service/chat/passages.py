"""Looks a question up in the built-in handbook.

Hides that it is read and cut once for each language. Caller: `ChatService`. Invariant: a passage is a
quotation; a question that the handbook does not speak of gets none. The handbook is our own text, so
unlike people's files it is read in this process.
"""

import asyncio
from functools import cache
from typing import Any

from langgraph_multi_agent import handbook
from langgraph_multi_agent.agents.request import language_of_request
from langgraph_multi_agent.skills.documents.extraction import open_sources
from langgraph_multi_agent.skills.documents.passages import Chunk, chunks_of
from langgraph_multi_agent.skills.documents.search import Window, answer

MAX_PASSAGES = 3
ASKED_CHARS = 400


async def find_passages(question: str, language: str, *, limit: int = MAX_PASSAGES) -> list[dict[str, Any]]:
    """What the handbook says, best first.

    Returns:
        Each `{"id", "source", "title", "locator", "anchor", "quote"}`: the document such as `zh/tasks`,
        its title, the path of headings, and the last of them.
    """
    asked = question[:ASKED_CHARS]
    return await asyncio.to_thread(_find, asked, language_of_request(asked, language), limit)


def _find(question: str, language: str, limit: int) -> list[dict[str, Any]]:
    return [_citation(window, language) for window in answer(list(_chunks(language)), [question], limit)]


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
