"""Skill `documents.read`: a document's text from its start, for those who need all of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langgraph_multi_agent.skills.documents.extraction import extract


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """Extract one document.

    Args:
        params: `{"path", "name", "limit"}`; `limit` is the most characters to return, ≥ 0.

    Returns:
        `{"text", "characters", "title"}`: the first `limit` characters, how many there are in all, and
        the document's own title, which may be empty.

    Raises:
        InputUnreadable, InputUnsafe, LimitExceeded: see `extraction.extract`.
    """
    document = extract(Path(params["path"]), params["name"])
    return {
        "text": document.text[: max(0, int(params["limit"]))],
        "characters": len(document.text),
        "title": document.title,
    }
