"""Plain text, and the decoding of every text-like document.

Hides encodings and the difference between text and binary. Called by the extractors for text,
Markdown and HTML. Invariant: what decodes here is text that a person could read; a binary file
is refused, never shown as mojibake.
"""

import codecs
import re

from langgraph_multi_agent.domain.errors import InputUnreadable
from langgraph_multi_agent.skills.documents.document import Document, DocumentBuilder

BINARY_MAGIC = (
    b"%PDF-", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"\x7fELF", b"MZ\x90",
    b"PAR1", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\xd0\xcf\x11\xe0", b"SQLite format 3",
)  # fmt: skip
MIN_HAN_SHARE = 0.7
"""Share of the non-ASCII characters that must be Chinese text for GB18030 to be believed:
the encoding accepts almost any bytes, so success alone proves nothing."""

SHORT_LINE = 30
"""A line narrower than this was ended by its author, not by the printer; in columns."""

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_HAN_TEXT = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\u2010-\u2026\u00b7\u00d7\u2103]")
_HEADING = re.compile(
    r"^(?:第[一二三四五六七八九十百零\d]{1,6}[章节篇部条回]\s*\S{0,40}|[一二三四五六七八九十]{1,3}、\S{1,40}"
    r"|\d{1,2}(?:\.\d{1,2}){0,3}[.、]?\s+\S.{0,60}|(?:Chapter|Section|Part)\s+\w+.{0,60})$"
)
_ENDS_SENTENCE = re.compile(r"[.!?。！？；;:：,，]$")


def decode(raw: bytes, name: str) -> str:
    """Text of the bytes: UTF-8 with or without BOM, UTF-16 with BOM, GB18030; LF line ends.

    Raises:
        InputUnreadable: empty, binary, or in another encoding.
    """
    if not raw.strip(b"\x00\t\r\n \xef\xbb\xbf"):
        raise InputUnreadable(file=name, reason="empty")
    if raw.startswith(BINARY_MAGIC):
        raise InputUnreadable(file=name, reason="binary")
    text = _decoded(raw, name)
    sample = text[:1_000_000]
    if "\x00" in sample or len(_CONTROL.findall(sample)) > len(sample) / 1000:
        raise InputUnreadable(file=name, reason="binary")
    return _CONTROL.sub(" ", text).replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n")


def _decoded(raw: bytes, name: str) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError as error:
            raise InputUnreadable(file=name, reason="binary") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if raw.count(b"\x00") > 0:
        raise InputUnreadable(file=name, reason="binary")
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError as error:
        raise InputUnreadable(file=name, reason="encoding") from error
    foreign = [c for c in text[:1_000_000] if ord(c) > 127]
    if len(_HAN_TEXT.findall("".join(foreign))) < MIN_HAN_SHARE * len(foreign):
        raise InputUnreadable(file=name, reason="encoding")
    return text


def extract_plain(text: str) -> Document:
    """Paragraphs are runs of lines between blank ones; numbered short lines are headings."""
    builder = DocumentBuilder()
    paragraph: list[str] = []
    first = 1

    def close() -> None:
        if not paragraph:
            return
        lines = [line.strip() for line in paragraph]
        level = _heading_level(lines[0]) if len(lines) == 1 else 0
        if level:
            builder.heading(lines[0], level, line=first)
        else:
            builder.add(join_lines(lines), line=first)
        paragraph.clear()

    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            close()
            continue
        if not paragraph:
            first = number
        paragraph.append(line)
        if len(paragraph) >= 200:
            close()
    close()
    return builder.build()


def join_lines(lines: list[str]) -> str:
    """One paragraph of hard-wrapped lines: no space between Chinese characters, hyphens mended.

    Lines that look like items or `key: value` rows keep their line break.
    """
    out = lines[0]
    for line in lines[1:]:
        if not line:
            continue
        if _ITEM.match(line) or (out[-1] not in ",，、-" and _width(out.rsplit("\n", 1)[-1]) < SHORT_LINE):
            out += "\n" + line
        elif out.endswith("-") and len(out) > 1 and out[-2].isalpha() and line[0].islower():
            out = out[:-1] + line
        elif ord(out[-1]) > 0x2E7F and ord(line[0]) > 0x2E7F:
            out += line
        else:
            out += " " + line
    return out


def _width(line: str) -> int:
    """Columns in print: a Chinese character takes two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in line)


_ITEM = re.compile(
    r"^(?:[-*•·▪●○]\s|\(?\d{1,3}[.)、）]\s*\S|[A-Za-z][.)]\s|[（(][一二三四五六七八九十\d]+[)）])"
)


def _heading_level(line: str) -> int:
    if len(line) > 64 or _ENDS_SENTENCE.search(line) or not _HEADING.match(line):
        return 0
    number = re.match(r"\d+(?:\.\d+)*", line)
    return 1 + number.group().count(".") if number else 1
