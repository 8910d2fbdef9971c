"""PDF to blocks, page by page.

Hides pypdf and the shape of printed lines. Called by `extraction`. Invariant: an encrypted,
broken or text-less PDF is refused by name; nothing in it is executed or followed.
"""

import logging
import re
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from langgraph_multi_agent.domain.errors import InputUnreadable, LimitExceeded
from langgraph_multi_agent.skills.documents.document import Document, DocumentBuilder
from langgraph_multi_agent.skills.documents.plain import join_lines

MAX_PAGES = 2000
_HEADING = re.compile(
    r"^(\d{1,2}(?:\.\d{1,2}){0,3})[.、]?\s+\S.{0,60}$|^第[一二三四五六七八九十\d]+[章节]\s*\S{0,30}$"
)
_ENDS = re.compile(r"[.!?。！？；;:：…”\"）)]$")


def extract_pdf(path: Path, name: str) -> Document:
    """Text of the pages in order.

    Raises:
        InputUnreadable: reason `not_pdf`, `encrypted`, `broken_pdf`, or `no_text` (a scan).
        LimitExceeded: more than MAX_PAGES pages.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    with path.open("rb") as file:
        if b"%PDF-" not in file.read(1024):
            raise InputUnreadable(file=name, reason="not_pdf")
    builder = DocumentBuilder()
    try:
        reader = PdfReader(path)
        # An empty user password only restricts printing; reading is what it allows.
        if reader.is_encrypted and not _opens_without_password(reader):
            raise InputUnreadable(file=name, reason="encrypted")
        count = len(reader.pages)
        if count > MAX_PAGES:
            raise LimitExceeded(limit="document_pages", maximum=MAX_PAGES, actual=count, file=name)
        title = _title(reader)
        for number, page in enumerate(reader.pages, 1):
            builder.page = number
            _add_page(builder, page.extract_text())
    except (InputUnreadable, LimitExceeded):
        raise
    except (PyPdfError, RecursionError, ValueError, KeyError, TypeError, AttributeError, IndexError,
            OSError, AssertionError, OverflowError, NotImplementedError) as error:  # fmt: skip
        # pypdf lets many builtin errors out of a damaged file.
        raise InputUnreadable(file=name, reason="broken_pdf") from error
    document = builder.build(title=title, pages=count)
    if not document.blocks:
        raise InputUnreadable(file=name, reason="no_text")
    return document


def _opens_without_password(reader: PdfReader) -> bool:
    try:
        return bool(reader.decrypt(""))
    except (PyPdfError, NotImplementedError, ImportError):
        return False


def _title(reader: PdfReader) -> str:
    try:
        return str(reader.metadata.title or "") if reader.metadata else ""
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def _add_page(builder: DocumentBuilder, text: str) -> None:
    lines = [line.strip() for line in text.replace("\x00", "").replace("\r", "\n").split("\n")]
    widest = max((len(line) for line in lines), default=0)
    paragraph: list[str] = []

    def close() -> None:
        if paragraph:
            builder.add(join_lines(paragraph))
            paragraph.clear()

    for line in lines:
        if not line:
            close()
            continue
        heading = _HEADING.match(line)
        if heading and not _ENDS.search(line) and len(line) < max(24, 0.8 * widest):
            close()
            number = heading.group(1)
            builder.heading(line, 1 + number.count(".") if number else 1)
            continue
        paragraph.append(line)
        # A short line that ends a sentence ends its paragraph too.
        if _ENDS.search(line) and len(line) < 0.8 * widest:
            close()
    close()
