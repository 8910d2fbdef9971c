"""Skill `documents.inspect`: what a document is, before anybody plans with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langgraph_multi_agent.skills.documents.extraction import extract
from langgraph_multi_agent.skills.documents.terms import language_of_text

MAX_HEADINGS = 60
SAMPLE_CHARACTERS = 200_000


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """Profile one document.

    Args:
        params: `{"path", "name"}`.

    Returns:
        `{"characters", "pages", "headings", "language", "title"}`: pages is None for formats
        without pages, headings are at most MAX_HEADINGS in order, language is zh or en.

    Raises:
        InputUnreadable, InputUnsafe, LimitExceeded: see `extraction.extract`.
    """
    document = extract(Path(params["path"]), params["name"])
    return {
        "characters": len(document.text),
        "pages": document.pages,
        "headings": [heading for heading, _ in zip(document.headings(), range(MAX_HEADINGS), strict=False)],
        "language": language_of_text(document.text[:SAMPLE_CHARACTERS]),
        "title": document.title[:200],
    }
