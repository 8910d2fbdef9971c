"""DOCX to blocks.

Hides python-docx and Word's ways of saying "heading". Called by `extraction`. Invariant: the
archive is checked before it is opened; no relation to the outside is followed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml.etree import LxmlError

from langgraph_multi_agent.domain.errors import InputUnreadable
from langgraph_multi_agent.skills.documents.archive import check_archive
from langgraph_multi_agent.skills.documents.document import Document, DocumentBuilder
from langgraph_multi_agent.skills.zipped import BROKEN

MAX_STYLES = 32
"""Styles that one is based on, one after the other; a file may lead them in a circle."""


def extract_word(path: Path, name: str) -> Document:
    """Paragraphs, list items and table rows in reading order.

    Raises:
        InputUnreadable: reason `broken_archive`, `encrypted`, `not_docx` or `no_text`.
        InputUnsafe: see `check_archive`.
    """
    check_archive(path, name)
    builder = DocumentBuilder()
    try:
        with path.open("rb") as file:
            word = docx.Document(file)
        below_title = 0
        for item in word.iter_inner_content():
            if isinstance(item, Table):
                for cells in _rows(item):
                    builder.add(" | ".join(cells), "row")
            else:
                below_title = below_title or int(_style_name(item) == "Title")
                _add_paragraph(builder, item, below_title)
        title = word.core_properties.title or ""
    except (LxmlError, KeyError, AttributeError, TypeError, IndexError, AssertionError, *BROKEN) as error:
        # python-docx has no error of its own for a package that is not what it should be.
        raise InputUnreadable(file=name, reason="not_docx") from error
    document = builder.build(title=title)
    if not document.blocks:
        raise InputUnreadable(file=name, reason="no_text")
    return document


def _style_name(paragraph: Paragraph) -> str:
    return (paragraph.style.name or "") if paragraph.style is not None else ""


def _add_paragraph(builder: DocumentBuilder, paragraph: Paragraph, below_title: int) -> None:
    """Add a paragraph; with a Title above, headings belong one level deeper."""
    name = _style_name(paragraph)
    level = 1 if name == "Title" else _outline_level(paragraph)
    if level:
        builder.heading(paragraph.text, level if name == "Title" else level + below_title)
    else:
        builder.add(paragraph.text, "item" if name.startswith("List") else "prose")


def _outline_level(paragraph: Paragraph) -> int:
    """1–9 for headings, 0 for body text: the paragraph's own outline level, else its style's."""
    name = _style_name(paragraph)
    if name.startswith("Heading ") and name[8:].isdigit():
        return int(name[8:])
    style: Any = paragraph.style
    elements = [paragraph._p.pPr]
    for _ in range(MAX_STYLES):
        if style is None:
            break
        elements.append(style.element.find(qn("w:pPr")))
        style = style.base_style
    for element in elements:
        level = element.find(qn("w:outlineLvl")) if element is not None else None
        if level is not None:
            value = int(level.get(qn("w:val"), "9"))
            return value + 1 if value < 9 else 0
    return 0


def _rows(table: Table) -> Iterator[list[str]]:
    for row in table.rows:
        cells: list[str] = []
        seen: set[int] = set()
        for cell in row.cells:
            # Merged cells come once for each column they span.
            if id(cell._tc) not in seen:
                seen.add(id(cell._tc))
                cells.append(" ".join(cell.text.split()))
        if any(cells):
            yield cells
