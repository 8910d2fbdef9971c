"""Checks of a report that trust nobody: neither the agents, nor the writer, nor the files.

Called by the reviewer and the writer. Pure. Invariant: a number passes only if it equals its
recomputation, and a file passes only if it equals what the recomputed results render to.
"""

import math
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langgraph_multi_agent.domain.finding import (
    REVIEW_RELATIVE_TOLERANCE,
    Finding,
    Number,
    format_number,
)
from langgraph_multi_agent.skills.report.structure import Report

ABSOLUTE_NOISE = 1e-12
"""Below this, a difference is cancellation noise, provided that both numbers show the same."""

REFERENCE = re.compile(r"\[([FP]\d+)\]")
NUMBER_WORD = re.compile(
    r"百分之|[一二两三四五六七八九十百千万亿半数几]+(?:成|倍|万|亿|千|百)|"
    r"\b(?:twice|thrice|double[ds]?|tripled?|triples|halved?|hundreds?|thousands?|millions?|billions?|"
    r"dozens?|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """Something that is not as it must be.

    Attributes:
        code: number_differs, name_differs, column_missing, sql_failed, name_untraced,
            file_missing, file_differs, reference_missing, reference_unknown, number_untraced,
            number_in_words, strength_untraced.
        place: finding id, or file and line.
    """

    code: str
    place: str
    stated: str = ""
    found: str = ""


def number_discrepancies(
    finding: Finding, row: Mapping[str, Any] | None, error: str | None = None
) -> list[Discrepancy]:
    """Compare a finding with the row that its SQL returns now.

    Args:
        row: column → value, None if the SQL gave no row.
        error: why the SQL could not run.
    """
    if row is None:
        return [Discrepancy(code="sql_failed", place=finding.id, found=error or "")]
    found = [item for number in finding.numbers for item in _number_faults(finding, number, row)]
    for name, stated in finding.names.items():
        if name in row:
            if str(row[name]) != str(stated):
                found.append(
                    Discrepancy(
                        code="name_differs",
                        place=f"{finding.id}#{name}",
                        stated=str(stated),
                        found=str(row[name]),
                    )
                )
        elif re.search(r"\d", str(stated)) and not _is_traced(str(stated), finding):
            found.append(Discrepancy(code="name_untraced", place=f"{finding.id}#{name}", stated=str(stated)))
    if not _strength_is_traced(finding.strength, row):
        found.append(Discrepancy(code="strength_untraced", place=finding.id, stated=repr(finding.strength)))
    return found


def recomputed(finding: Finding, row: Mapping[str, Any] | None) -> Finding:
    """The finding with every wrong number and name put right, right ones left as stated."""
    if row is None:
        return finding
    numbers = tuple(
        replace(number, value=_plain(row[number.name]))
        if number.name in row and not _agrees(number, row[number.name])
        else number
        for number in finding.numbers
    )
    names = {name: str(row[name]) if name in row else stated for name, stated in finding.names.items()}
    return replace(finding, numbers=numbers, names=names)


def file_discrepancies(
    expected: Mapping[str, bytes], stored: Mapping[str, bytes | None]
) -> list[Discrepancy]:
    """Compare stored files with what they must be, byte by byte; names the first line that differs."""
    found = []
    for name, content in expected.items():
        actual = stored.get(name)
        if actual is None:
            found.append(Discrepancy(code="file_missing", place=name))
        elif actual != content:
            found.append(_first_difference(name, content, actual))
    return found


def narrative_faults(report: Report, paragraphs: Iterable[str]) -> list[Discrepancy]:
    """Check free text against the findings and passages that it refers to.

    Each paragraph must refer to at least one `[F…]` or `[P…]` of the report, and each number in
    it must be shown by the statement, the names or the quotation of one that it refers to.
    Numbers in words cannot be traced and fail.
    """
    facts = {
        item.ref: " ".join((item.text, *item.finding.subject, *map(str, item.finding.names.values())))
        for item in report.statements
    }
    facts |= {item.ref: f"{item.passage.quote} {item.passage.locator}" for item in report.citations}
    found: list[Discrepancy] = []
    for place, paragraph in enumerate(paragraphs, 1):
        where = f"narrative:{place}"
        references = REFERENCE.findall(paragraph)
        if not references:
            found.append(Discrepancy(code="reference_missing", place=where))
        found.extend(
            Discrepancy(code="reference_unknown", place=where, stated=ref)
            for ref in references
            if ref not in facts
        )
        plain = unicodedata.normalize("NFKC", REFERENCE.sub(" ", paragraph))
        known = {token for ref in references if ref in facts for token in number_tokens(facts[ref])}
        known |= {token.lstrip("-") for token in known}
        found.extend(
            Discrepancy(code="number_untraced", place=where, stated=token)
            for token in number_tokens(plain)
            if token not in known
        )
        found.extend(
            Discrepancy(code="number_in_words", place=where, stated=match.group())
            for match in NUMBER_WORD.finditer(plain)
            if not any(match.group() in facts[ref] for ref in references if ref in facts)
        )
    return found


def number_tokens(content: str) -> list[str]:
    """The numbers that a text shows, without thousands separators, `%` kept, sign normalised."""
    normal = unicodedata.normalize("NFKC", content).replace("−", "-")
    tokens = []
    for match in re.finditer(
        r"(?<![\d.])(?:(?<![\w)])[-+])?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?\s?%?", normal
    ):
        token = match.group().replace(",", "").replace(" ", "").lstrip("+")
        tokens.append(token)
    return tokens


def _number_faults(finding: Finding, number: Number, row: Mapping[str, Any]) -> Sequence[Discrepancy]:
    place = f"{finding.id}#{number.name}"
    if number.name not in row:
        return [Discrepancy(code="column_missing", place=place, stated=repr(number.value))]
    if _agrees(number, row[number.name]):
        return []
    return [
        Discrepancy(
            code="number_differs", place=place, stated=repr(number.value), found=repr(row[number.name])
        )
    ]


def _agrees(number: Number, value: Any) -> bool:
    stated, actual = number.value, _plain(value)
    if stated is None or actual is None:
        return stated is actual
    if not (math.isfinite(stated) and math.isfinite(actual)):
        return stated == actual
    difference = abs(stated - actual)
    if difference <= REVIEW_RELATIVE_TOLERANCE * max(abs(stated), abs(actual)):
        return True
    return difference <= ABSOLUTE_NOISE and format_number(stated, number.style) == format_number(
        actual, number.style
    )


def _plain(value: Any) -> float | int | None:
    """A number of SQL as Python's; text that is no number counts as NULL."""
    if value is None or isinstance(value, (int, float)):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _is_traced(stated: str, finding: Finding) -> bool:
    """A column, the file, or literally in the SQL, where quotes are doubled."""
    quoted = (stated, stated.replace('"', '""'), stated.replace("'", "''"))
    return stated in (*finding.subject, finding.source) or any(form in finding.sql for form in quoted)


def _strength_is_traced(strength: float, row: Mapping[str, Any]) -> bool:
    """Zero, or the size of a number of the row, cut to 1."""
    sizes = (min(1.0, abs(number)) for number in map(_plain, row.values()) if number is not None)
    return strength == 0 or any(
        math.isclose(strength, size, rel_tol=REVIEW_RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_NOISE)
        for size in sizes
    )


def _first_difference(name: str, expected: bytes, actual: bytes) -> Discrepancy:
    end = min(len(expected), len(actual))
    place = bisect_left(range(end), True, key=lambda n: expected[: n + 1] != actual[: n + 1])
    line = expected.count(b"\n", 0, place) + 1

    def around(content: bytes) -> str:
        start = max(content.rfind(b"\n", 0, place) + 1, place - 24)
        stop = content.find(b"\n", place)
        return content[start : min(place + 40, stop if stop >= 0 else len(content))].decode(errors="replace")

    return Discrepancy(
        code="file_differs", place=f"{name}:{line}", stated=around(actual), found=around(expected)
    )
