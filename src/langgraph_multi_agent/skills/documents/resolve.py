"""Skill `documents.resolve`: does every quotation stand where it says?

The reviewer's hand. It extracts the sources anew and trusts nothing that search returned.
"""

from collections.abc import Mapping
from typing import Any

from langgraph_multi_agent.domain.finding import Passage
from langgraph_multi_agent.handbook import SOURCE_PREFIX
from langgraph_multi_agent.skills.documents.document import Document
from langgraph_multi_agent.skills.documents.extraction import open_sources


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """Check passages against their sources.

    Args:
        params: `{"files": [{"path", "name"}], "passages": [Passage JSON]}`; handbook passages
            name their document themselves (`handbook` is accepted and needs no value).

    Returns:
        `{"passages": {id: verdict}}`, verdict one of `ok`, `source_missing`, `out_of_range`,
        `quote_differs`, `empty`.
    """
    passages = [Passage.from_json(item) for item in params["passages"]]
    wanted = {passage.source for passage in passages}
    handbook = sorted(s.removeprefix(SOURCE_PREFIX) for s in wanted if s.startswith(SOURCE_PREFIX))
    files = [file for file in params.get("files", ()) if file["name"] in wanted]
    sources, _ = open_sources(files, handbook)
    return {"passages": {passage.id: _verdict(passage, sources) for passage in passages}}


def _verdict(passage: Passage, sources: dict[str, Document]) -> str:
    document = sources.get(passage.source)
    if document is None:
        return "source_missing"
    if not passage.quote.strip():
        return "empty"
    if not 0 <= passage.start < passage.end <= len(document.text):
        return "out_of_range"
    return "ok" if document.text[passage.start : passage.end] == passage.quote else "quote_differs"
