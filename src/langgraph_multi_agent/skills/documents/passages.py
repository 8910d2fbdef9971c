"""Cuts a document into what can be found and what can be quoted.

A chunk is what is ranked: neighbouring blocks of one section, about a paragraph or two. A unit
is what is quoted: a sentence, list item or table row. Called by search. Invariant: units of a
chunk are in order and disjoint, and never cross a heading.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from langgraph_multi_agent.skills.documents.document import Block, Document

CHUNK_CHARACTERS = 500
_SENTENCE_END = re.compile(
    r"[。！？!?；]+[”’」』）)\"']*|…+|(?<=[^\s.])\.[\"')\]]*(?=\s+[\"'(\[]?[A-Z0-9\u4e00-\u9fff])|\n+"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|approx|Mr|Mrs|Ms|Dr|Prof|St|No|Nos|Fig|Eq|Sec|Vol|pp|p|Inc|Ltd|Co|Jan|Feb|Mar|Apr"
    r"|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec|al)|\b[A-Z])\.$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The smallest quotable span."""

    start: int
    end: int
    block: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Consecutive blocks of one section of one document."""

    source: str
    document: Document
    blocks: tuple[Block, ...]

    @property
    def start(self) -> int:
        return self.blocks[0].start

    @property
    def end(self) -> int:
        return self.blocks[-1].end

    @property
    def text(self) -> str:
        return self.document.text[self.start : self.end]

    @property
    def headings(self) -> str:
        return " ".join(self.blocks[0].headings)

    def units(self) -> list[Unit]:
        return [unit for block in self.blocks for unit in units_of(self.document.text, block)]


def chunks_of(source: str, document: Document) -> Iterator[Chunk]:
    """Blocks without headings, packed up to CHUNK_CHARACTERS within section and page."""
    held: list[Block] = []
    for block in document.blocks:
        if block.kind == "heading":
            continue
        if held and (
            block.headings != held[0].headings
            or block.page != held[0].page
            or block.end - held[0].start > CHUNK_CHARACTERS
        ):
            yield Chunk(source=source, document=document, blocks=tuple(held))
            held.clear()
        held.append(block)
    if held:
        yield Chunk(source=source, document=document, blocks=tuple(held))


def units_of(text: str, block: Block) -> Iterator[Unit]:
    """Sentences of a block, Chinese and English; rows whole, code by line."""
    if block.kind == "row":
        yield Unit(start=block.start, end=block.end, block=block)
        return
    start = block.start
    for match in _SENTENCE_END.finditer(text, block.start, block.end):
        if match.group().startswith(".") and _ABBREVIATION.search(
            text, max(start, match.end() - 12), match.end()
        ):
            continue
        if block.kind == "code" and not match.group().startswith("\n"):
            continue
        yield from _trimmed(text, start, match.end(), block)
        start = match.end()
    yield from _trimmed(text, start, block.end, block)


def _trimmed(text: str, start: int, end: int, block: Block) -> Iterator[Unit]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield Unit(start=start, end=end, block=block)
