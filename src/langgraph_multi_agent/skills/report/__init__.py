"""The report: its structure, its two renderings, and the audit that mistrusts all three.

Hides layout, escaping and comparison; the writer composes and renders, the reviewer renders
again and audits. Standard library only, no input or output. Invariant: the bytes of
`report.json`, `report.md` and `report.html` are a function of the results they are made from,
so any altered digit shows.
"""

from langgraph_multi_agent.skills.report.audit import (
    Discrepancy,
    file_discrepancies,
    narrative_faults,
    number_discrepancies,
    recomputed,
)
from langgraph_multi_agent.skills.report.html import render_html
from langgraph_multi_agent.skills.report.markdown import render_markdown
from langgraph_multi_agent.skills.report.structure import (
    Contribution,
    Gap,
    Report,
    Source,
    Writing,
    compose,
    encode,
    sentence_of,
    shortened,
)

JSON_NAME = "report.json"
MARKDOWN_NAME = "report.md"
HTML_NAME = "report.html"
MEDIA_TYPES = {
    JSON_NAME: "application/json",
    MARKDOWN_NAME: "text/markdown; charset=utf-8",
    HTML_NAME: "text/html; charset=utf-8",
}

__all__ = [
    "HTML_NAME",
    "JSON_NAME",
    "MARKDOWN_NAME",
    "MEDIA_TYPES",
    "Contribution",
    "Discrepancy",
    "Gap",
    "Report",
    "Source",
    "Writing",
    "compose",
    "encode",
    "file_discrepancies",
    "narrative_faults",
    "number_discrepancies",
    "recomputed",
    "render_files",
    "render_html",
    "render_markdown",
    "sentence_of",
    "shortened",
]


def render_files(report: Report, charts: dict[str, bytes]) -> dict[str, bytes]:
    """All three files of a report by name.

    Args:
        charts: content of the chart files that findings name, by artifact name.
    """
    return {
        JSON_NAME: encode(report),
        MARKDOWN_NAME: render_markdown(report).encode(),
        HTML_NAME: render_html(report, charts).encode(),
    }
