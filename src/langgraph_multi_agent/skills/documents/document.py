"""The one shape that every document is extracted into.

Hides how headings, pages and lines are tracked while text is collected. The extractors build
it; search and resolve read it. Invariant: blocks are in order, do not overlap, and
`text[block.start:block.end]` is exactly the block's text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["heading", "prose", "item", "row", "code"]

MAX_BLOCK_CHARACTERS = 20_000
"""Longer runs without any break are cut, so that no passage grows without bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A paragraph, list item, table row, code block or heading.

    Attributes:
        start, end: character offsets into the document's text.
        headings: the path of headings above it, outermost first; a heading's own is included.
        page: page number from 1, of paged formats.
        line: line number from 1 in the file, of plain text.
    """

    start: int
    end: int
    kind: BlockKind
    headings: tuple[str, ...] = ()
    page: int | None = None
    line: int | None = None

    def locator(self, language: str) -> str:
        """What a person looks for in the file: heading path, page, else the line."""
        parts = [" > ".join(self.headings)] if self.headings else []
        if self.page is not None:
            parts.append(f"第 {self.page} 页" if language == "zh" else f"page {self.page}")
        if not parts and self.line is not None:
            parts.append(f"第 {self.line} 行" if language == "zh" else f"line {self.line}")
        return ", ".join(parts) if language != "zh" else "，".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Extracted text with its blocks; `title` is the document's own, or empty."""

    text: str
    blocks: tuple[Block, ...]
    title: str = ""
    pages: int | None = None

    def headings(self) -> Iterator[str]:
        return (self.text[block.start : block.end] for block in self.blocks if block.kind == "heading")


class DocumentBuilder:
    """Collects blocks in reading order."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._blocks: list[Block] = []
        self._length = 0
        self._path: list[tuple[int, str]] = []
        self.page: int | None = None

    def heading(self, text: str, level: int, *, line: int | None = None) -> None:
        """Open a section; level 1 is outermost."""
        title = " ".join(text.split())
        if not title:
            return
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._path.append((level, title))
        self._append(title, "heading", line)

    def add(self, text: str, kind: BlockKind = "prose", *, line: int | None = None) -> None:
        body = text.strip("\n").rstrip()
        for start in range(0, len(body), MAX_BLOCK_CHARACTERS):
            piece = body[start : start + MAX_BLOCK_CHARACTERS].strip()
            if piece:
                self._append(piece, kind, line)

    def build(self, *, title: str = "", pages: int | None = None) -> Document:
        text = "\n".join(self._parts)
        first = next((b for b in self._blocks if b.kind == "heading"), None)
        return Document(
            text=text,
            blocks=tuple(self._blocks),
            title=title.strip() or (text[first.start : first.end] if first else ""),
            pages=pages,
        )

    def _append(self, text: str, kind: BlockKind, line: int | None) -> None:
        start = self._length
        self._parts.append(text)
        self._length += len(text) + 1
        headings = tuple(title for _, title in self._path)
        self._blocks.append(
            Block(start=start, end=start + len(text), kind=kind, headings=headings, page=self.page, line=line)
        )
