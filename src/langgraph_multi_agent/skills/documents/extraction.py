"""From a stored file and its name to a `Document`.

Hides which extractor reads what. Callers: inspect, search, resolve. Invariant: deterministic,
bounded in size, and every refusal names the file and a stable reason.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from langgraph_multi_agent.domain.errors import Fault, InputUnreadable, InputUnsafe, LimitExceeded
from langgraph_multi_agent.handbook import SOURCE_PREFIX, document_path
from langgraph_multi_agent.skills.documents.document import Document
from langgraph_multi_agent.skills.documents.plain import decode, extract_plain

MAX_DOCUMENT_BYTES = 100 * 1024**2

MARKDOWN = frozenset((".md", ".markdown", ".mdown", ".mkd"))
HTML = frozenset((".html", ".htm", ".xhtml"))
PLAIN = frozenset((".txt", ".text", ".log", ".rst", ""))


def extract(path: Path, name: str) -> Document:
    """Read one file.

    Args:
        path: the stored content; its own name means nothing.
        name: the file's original name, whose suffix says what it claims to be.

    Raises:
        InputUnreadable: params `file`, `reason`: empty, binary, encoding, unsupported, missing,
            not_pdf, encrypted, broken_pdf, broken_archive, not_docx, no_text.
        InputUnsafe: params `file`, `reason`; see `archive`.
        LimitExceeded: params `limit`, `maximum`, `actual`, `file`.
    """
    suffix = PurePath(name).suffix.lower()
    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise InputUnreadable(file=name, reason="missing") from error
    if size_bytes > MAX_DOCUMENT_BYTES:
        raise LimitExceeded(limit="document_bytes", maximum=MAX_DOCUMENT_BYTES, actual=size_bytes, file=name)
    if size_bytes == 0:
        raise InputUnreadable(file=name, reason="empty")
    document = _extract(path, name, suffix)
    if not document.blocks:
        raise InputUnreadable(file=name, reason="no_text")
    return document


def _extract(path: Path, name: str, suffix: str) -> Document:
    # Each parser is imported only when a file needs it: a child starts for every call.
    if suffix == ".pdf":
        from langgraph_multi_agent.skills.documents.pdf import extract_pdf

        return extract_pdf(path, name)
    if suffix == ".docx":
        from langgraph_multi_agent.skills.documents.word import extract_word

        return extract_word(path, name)
    if suffix in HTML:
        from langgraph_multi_agent.skills.documents.markup import extract_html

        return extract_html(path.read_bytes(), name)
    if suffix in MARKDOWN:
        from langgraph_multi_agent.skills.documents.markup import extract_markdown

        return extract_markdown(decode(path.read_bytes(), name))
    if suffix in PLAIN:
        return extract_plain(decode(path.read_bytes(), name))
    raise InputUnreadable(file=name, reason="unsupported")


def open_sources(
    files: Sequence[Mapping[str, Any]], handbook: Sequence[str] = ()
) -> tuple[dict[str, Document], list[Fault]]:
    """Extract all files and handbook documents, by source name.

    One unreadable file does not hide the others: its fault comes back beside them.

    Args:
        files: each `{"path", "name"}`.
        handbook: names of handbook documents, such as `zh/tasks`; unknown ones are left out.
    """
    sources: dict[str, Document] = {}
    refused: list[Fault] = []
    for file in files:
        try:
            sources[file["name"]] = extract(Path(file["path"]), file["name"])
        except (InputUnreadable, InputUnsafe, LimitExceeded) as fault:
            refused.append(fault)
    for name in handbook:
        path = document_path(name)
        if path is not None:
            sources[SOURCE_PREFIX + name] = extract(path, path.name)
    return sources, refused
