"""Delimited text as it comes: encodings, line ends, separators and headers.

Callers: `source`. Hides every guess about a text file. Invariant: a guess depends on the file's
bytes only; what comes out is UTF-8 with one kind of line end, or a fault with the place.
"""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from langgraph_multi_agent.domain.errors import InputUnreadable

CHUNK_BYTES = 4 * 1024 * 1024
SAMPLE_CHARACTERS = 256 * 1024
DELIMITERS = (",", "\t", ";", "|")

FIELD_CHARACTERS = 8 * 1024 * 1024
csv.field_size_limit(FIELD_CHARACTERS)

EVIDENCE_BYTES = 1024 * 1024
BROKEN_UTF8_SHARE = 0.9
"""If so many bytes beyond ASCII are well-formed UTF-8, the file is that, but damaged."""
CHINESE_SHARE, RARE_CHINESE_SHARE = 0.6, 0.4
"""Characters of GB 2312's first level, which write nearly all of a Chinese text; fewer where the
text is in traditional characters."""
WESTERN_SHARE = 0.7
_ACCENTED = rb"[\xc0-\xd6\xd8-\xf6\xf8-\xff\x8a\x8c\x8e\x9a\x9c\x9e\x9f]{1,2}"
_SIGN = rb"[\x80\x84\x85\x91-\x97\xa0\xa3\xa7\xab\xb0\xb2-\xb5\xb7\xba\xbb\xbd]"
_WESTERN = re.compile(
    rb"(?<=[A-Za-z])" + _ACCENTED + rb"(?![\x80-\xff])"
    rb"|(?<![\x80-\xff])" + _ACCENTED + rb"(?=[A-Za-z])"
    rb"|(?<![\x80-\xff])" + _SIGN + rb"(?![\x80-\xff])"
)

_CONTROL = bytes(b for b in range(32) if b not in (9, 10, 12, 13)) + b"\x7f"
_NUMBER_OR_DATE = re.compile(r"\s*[+-]?[\d.,:/\-T ]*\d[\d.,:/\-T %Z]*\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a delimited file is written. Without a header, `header` is the first row of data."""

    delimiter: str
    header: tuple[str, ...]
    has_header: bool


def plain_text(path: Path, name: str, scratch: Path) -> tuple[Path, str]:
    """A UTF-8 copy without byte order mark and with LF line ends; the file itself if it is that.

    Returns:
        The path to read, and the encoding that was found.

    Raises:
        InputUnreadable: reasons `empty`, `binary`, `encoding`; with `line` where it has one.
    """
    if path.stat().st_size == 0:
        raise InputUnreadable(name=name, reason="empty")
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _convert(path, name, "utf-16", scratch), "utf-16"
    _refuse_binary(path, name)
    failure = _first_undecodable(path, "utf-8")
    if failure is None:
        if not head.startswith(codecs.BOM_UTF8) and not _has_carriage_return(path):
            return path, "utf-8"
        return _convert(path, name, "utf-8-sig", scratch), "utf-8"
    for encoding in _plausible(_evidence(path)):
        if _first_undecodable(path, encoding) is None:
            return _convert(path, name, encoding, scratch), encoding
    raise InputUnreadable(name=name, reason="encoding", line=failure)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _refuse_binary(path: Path, name: str) -> None:
    """Text holds no NUL and next to no control characters."""
    line, controls, size = 1, 0, 0
    for chunk in _chunks(path):
        at = chunk.find(b"\0")
        if at >= 0:
            raise InputUnreadable(name=name, reason="binary", line=line + chunk.count(b"\n", 0, at))
        controls += len(chunk) - len(chunk.translate(None, _CONTROL))
        size += len(chunk)
        line += chunk.count(b"\n")
    if controls > max(4, size // 1000):
        raise InputUnreadable(name=name, reason="binary", line=1)


def _has_carriage_return(path: Path) -> bool:
    return any(b"\r" in chunk for chunk in _chunks(path))


def _first_undecodable(path: Path, encoding: str) -> int | None:
    """Line of the first bytes that are not in this encoding, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    for chunk in _chunks(path):
        try:
            line += decoder.decode(chunk).count("\n")
        except UnicodeDecodeError as error:
            return line + error.object.count(b"\n", 0, error.start)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return line
    return None


def _evidence(path: Path) -> bytes:
    """The first lines that are not plain ASCII."""
    lines, size = [], 0
    with path.open("rb") as file:
        while size < EVIDENCE_BYTES and (line := file.readline(EVIDENCE_BYTES)):
            if not line.isascii():
                lines.append(line)
                size += len(line)
    return b"".join(lines)


def _plausible(evidence: bytes) -> tuple[str, ...]:
    """Encodings other than UTF-8 that bytes beyond ASCII may be in, the likelier one first.

    Nearly any bytes are *some* GB18030 and cp1252, so what they say decides: Chinese is written
    with the common characters, and a Western accent stands beside an ASCII letter.
    """
    beyond = sum(byte > 127 for byte in evidence)
    kept = evidence.decode("utf-8", "ignore").encode()
    if sum(byte > 127 for byte in kept) >= BROKEN_UTF8_SHARE * beyond:
        return ()
    common, western = _common_share(evidence), sum(map(len, _WESTERN.findall(evidence))) / beyond
    if common >= CHINESE_SHARE:
        return ("gb18030",)
    if western >= WESTERN_SHARE:
        return ("cp1252",)
    return ("gb18030",) if common >= RARE_CHINESE_SHARE else ()


def _common_share(evidence: bytes) -> float:
    """Share of common Chinese characters and full-width signs among all beyond ASCII."""
    counts = Counter(c for c in evidence.decode("gb18030", "replace") if not c.isascii())
    common = 0
    for character, count in counts.items():
        code = character.encode("gb2312", "ignore")
        if code and (0xB0 <= code[0] <= 0xD7 or 0xA1 <= code[0] <= 0xA3):
            common += count
    return common / max(1, counts.total())


def _convert(path: Path, name: str, encoding: str, scratch: Path) -> Path:
    target = scratch / "plain.txt"
    try:
        with (
            path.open(encoding=encoding, newline=None) as source,
            target.open("w", encoding="utf-8", newline="\n") as copy,
        ):
            while chunk := source.read(CHUNK_BYTES):
                if "\0" in chunk:
                    raise InputUnreadable(name=name, reason="binary", line=1)
                copy.write(chunk)
    except UnicodeError:
        raise InputUnreadable(name=name, reason="encoding", line=1) from None
    return target


def dialect_of(path: Path, name: str, *, delimiter: str | None = None) -> Dialect:
    """Separator and header of a plain text file (see `plain_text`).

    The separator is the one that splits the first rows into the most equal number of fields.
    The first row is data only if every field of it is a number or a date.

    Raises:
        InputUnreadable: reasons `empty`, `header_only`.
    """
    with path.open(encoding="utf-8", newline="") as file:
        sample = file.read(SAMPLE_CHARACTERS)
        is_cut = bool(file.read(1))
    if not sample.strip():
        raise InputUnreadable(name=name, reason="empty")
    found = delimiter or max(DELIMITERS, key=lambda d: (_evenness(sample, d, is_cut), -DELIMITERS.index(d)))
    rows = _sample_rows(sample, found, is_cut)
    header = rows[0] if rows else []
    has_header = not all(len(field) <= 40 and _NUMBER_OR_DATE.fullmatch(field) for field in header)
    if has_header and len(rows) < 2 and not is_cut:
        raise InputUnreadable(name=name, reason="header_only", columns=len(header))
    return Dialect(delimiter=found, header=tuple(header), has_header=has_header)


def _sample_rows(sample: str, delimiter: str, is_cut: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = csv.reader(sample.splitlines(keepends=True), delimiter=delimiter, strict=False)
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) >= 200:
                return rows
    except csv.Error:
        return rows
    return rows[:-1] if is_cut and len(rows) > 1 else rows


def _evenness(sample: str, delimiter: str, is_cut: bool) -> tuple[float, int]:
    rows = _sample_rows(sample, delimiter, is_cut)
    widths = [len(row) for row in rows]
    if not widths or widths[0] < 2:
        return (0.0, 0)
    # Ragged rows must not make a wrong separator look better, so the first row's width rules.
    same = sum(width == widths[0] for width in widths) / len(widths)
    return (round(same, 1), widths[0])


def first_bad_row(path: Path, delimiter: str, width: int) -> tuple[int, int] | None:
    """Line and number of fields of the first row that is not `width` wide, or None."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=False)
        try:
            for row in reader:
                if row and len(row) != width:
                    return reader.line_num, len(row)
        except csv.Error:
            return reader.line_num, 0
    return None


def column_names(header: tuple[str, ...] | list[str]) -> list[str]:
    """Unique, readable column names; unnamed ones are numbered, repeated ones get `_2`, `_3` ….

    Unique without regard to case, as SQL identifiers are.
    """
    names: list[str] = []
    taken: set[str] = set()
    wanted = [" ".join(field.replace("\ufeff", "").split()) for field in header]
    originals = {field.casefold() for field in wanted}
    for place, field in enumerate(wanted, start=1):
        base = field or f"column_{place}"
        name, copy = base, 1
        while name.casefold() in taken or (copy > 1 and name.casefold() in originals):
            copy += 1
            name = f"{base}_{copy}"
        taken.add(name.casefold())
        names.append(name)
    return names
