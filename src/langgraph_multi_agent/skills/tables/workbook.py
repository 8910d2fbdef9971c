"""XLSX workbooks, checked before they are unpacked.

Callers: `source`. Invariant: a workbook whose zip directory declares more than the limits, or
whose names leave it, is refused before any of it is inflated; and inflation cannot exceed what
was declared, since the reader stops at the declared sizes.
"""

import csv
import datetime as dt
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from langgraph_multi_agent.domain.errors import InputTooLarge, InputUnreadable, InputUnsafe
from langgraph_multi_agent.skills.tables.limits import TableLimits
from langgraph_multi_agent.skills.zipped import BROKEN, harm_in

HEADER_SEARCH_ROWS = 20
MAX_MEMBERS = 10_000


def check_archive(path: Path, name: str, limits: TableLimits) -> None:
    """Judge the zip directory, and how its XML begins.

    Raises:
        InputTooLarge: the file itself.
        InputUnsafe: reasons `unpacked_size`, `unpacked_ratio`, `encrypted`, and those of `harm_in`.
        InputUnreadable: no zip archive, or not a workbook.
    """
    size = path.stat().st_size
    if size > limits.workbook_bytes:
        raise InputTooLarge(name=name, size_bytes=size, max_bytes=limits.workbook_bytes)
    if size == 0:
        raise InputUnreadable(name=name, reason="empty")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_sizes(members, size, name, limits)
            if any(member.flag_bits & 1 for member in members):
                raise InputUnsafe(name=name, reason="encrypted")
            if (harm := harm_in(archive)) is not None:
                raise InputUnsafe(name=name, reason=harm)
    except BROKEN:
        raise InputUnreadable(name=name, reason="not_a_workbook") from None
    if not any(member.filename == "[Content_Types].xml" for member in members):
        raise InputUnreadable(name=name, reason="not_a_workbook")


def _check_sizes(members: Sequence[zipfile.ZipInfo], size: int, name: str, limits: TableLimits) -> None:
    if len(members) > MAX_MEMBERS:
        raise InputUnsafe(name=name, reason="too_many_members")
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.unpacked_bytes:
        raise InputUnsafe(name=name, reason="unpacked_size", bytes=unpacked, max_bytes=limits.unpacked_bytes)
    ratio = unpacked / size
    if ratio > limits.unpacked_ratio:
        raise InputUnsafe(
            name=name, reason="unpacked_ratio", ratio=round(ratio), max_ratio=limits.unpacked_ratio
        )


def to_delimited(path: Path, name: str, scratch: Path, limits: TableLimits) -> tuple[Path, str]:
    """Write the first sheet that has a table as comma-separated text.

    Leading rows that are titles rather than a header are left out.

    Returns:
        The text's path and the sheet's name.

    Raises:
        InputUnreadable: reasons `not_a_workbook`, `empty`, `header_only`.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        has_header = False
        for sheet in book.sheet_names:
            rows = _table(book.get_sheet_by_name(sheet).iter_rows())
            first = next(rows, None)
            if first is None:
                continue
            second = next(rows, None)
            if second is None:
                has_header = True
                continue
            if len(first) > limits.columns:
                raise InputTooLarge(name=name, columns=len(first), max_columns=limits.columns)
            target = scratch / "sheet.csv"
            with target.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
                writer.writerow(first)
                writer.writerow(second)
                writer.writerows(rows)
            return target, sheet
    except CalamineError as error:
        raise InputUnreadable(name=name, reason="not_a_workbook", detail=str(error)[:200]) from None
    raise InputUnreadable(name=name, reason="header_only" if has_header else "empty")


def _table(rows: Iterable[list[Any]]) -> Iterator[list[str]]:
    """Header and rows as text, empty rows and titles above the header left out."""
    start: list[list[str]] = []
    source = iter(rows)
    for row in source:
        start.append([_text(cell) for cell in row])
        if len(start) >= HEADER_SEARCH_ROWS:
            break
    filled = [sum(bool(cell.strip()) for cell in row) for row in start]
    widest = max(filled, default=0)
    if widest == 0 and len(start) < HEADER_SEARCH_ROWS:
        return
    header = next(i for i, count in enumerate(filled) if count >= max(1, (widest + 1) // 2))
    for cells in start[header:]:
        if any(cell.strip() for cell in cells):
            yield cells
    for row in source:
        cells = [_text(cell) for cell in row]
        if any(cell.strip() for cell in cells):
            yield cells


def _text(cell: Any) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer() and abs(cell) < 2**53:
            return str(int(cell))
        case dt.datetime() if cell.time() == dt.time():
            return cell.date().isoformat()
        case dt.datetime():
            return cell.isoformat(sep=" ", timespec="seconds")
        case dt.timedelta():
            return str(cell.total_seconds())
        case _:
            return str(cell).replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
