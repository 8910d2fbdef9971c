"""Text on a character grid, where Chinese characters take two cells.

Pure; standard library only, because help must appear at once. Callers: help, tables, progress.
"""

import unicodedata
from collections.abc import Iterable, Sequence


def width(text: str) -> int:
    """Cells that a text takes on a terminal."""
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cc", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def pad(text: str, cells: int) -> str:
    """The text with spaces up to a width."""
    return text + " " * max(0, cells - width(text))


def cut(text: str, cells: int) -> str:
    """The text on one line, at most this wide, with … where something is missing."""
    line = " ".join(printable(text).split())
    if width(line) <= cells:
        return line
    kept, used = [], 0
    for char in line:
        used += _cells(char)
        if used > cells - 1:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def printable(text: str) -> str:
    """The text without control characters, which could move a terminal's cursor or hide words."""
    return "".join(
        char if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs") else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def wrapped(text: str, cells: int) -> list[str]:
    """Lines at most this wide: broken at spaces, and between Chinese characters."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for piece in _pieces(paragraph):
            if line and width(line) + width(piece.rstrip()) > cells:
                lines.append(line.rstrip())
                line = piece.lstrip()
            else:
                line += piece
        lines.append(line.rstrip())
    return lines


_NO_LINE_START = "，。；：、！？）》」』”’…,.;:!?)"


def _pieces(text: str) -> Iterable[str]:
    """Words with the space after them; each wide character alone, with its punctuation."""
    piece = ""
    for char in text:
        is_wide = _cells(char) == 2
        can_break = is_wide or piece[-1:] == " " or _cells(piece[-1:] or "x") == 2
        if piece and can_break and char not in _NO_LINE_START and char != " ":
            yield piece
            piece = ""
        piece += char
    if piece:
        yield piece


def aligned(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, columns: int, wraps: bool = False
) -> list[str]:
    """A table without rules: the widest column gives way when the lines would be too long.

    Args:
        columns: cells of a line; 0 means no limit.
        wraps: the last column goes on below itself instead of being cut.
    """
    cells = [[printable(str(cell)).replace("\n", " ") for cell in row] for row in (headers, *rows)]
    widths = [max(width(row[index]) for row in cells) for index in range(len(headers))]
    gaps = 2 * (len(widths) - 1)
    if wraps and columns:
        widths[-1] = min(widths[-1], max(12, columns - sum(widths[:-1]) - gaps))
    while columns and sum(widths) + gaps > columns and max(widths) > 12:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for *front, last in cells:
        parts = wrapped(last, widths[-1]) if wraps else [cut(last, widths[-1])]
        lead = "".join(f"{pad(cut(cell, room), room)}  " for cell, room in zip(front, widths, strict=False))
        lines += [(lead if index == 0 else " " * width(lead)) + part for index, part in enumerate(parts)]
    return [line.rstrip() for line in lines]


def duration(seconds: float) -> str:
    """Elapsed time for people: 0.4 s, 12 s, 1:05, 2:03:09."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: int) -> str:
    """Bytes for people: 512 B, 12 kB, 3.4 MB."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
