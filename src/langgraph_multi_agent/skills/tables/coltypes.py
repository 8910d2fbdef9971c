"""Decides the type and the role of a column from all of its values.

Callers: `source` (types), `profile` (roles). Invariant: the decision reads every row, never a
sample, and never depends on threads or order, so each process that opens the file decides alike.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langgraph_multi_agent.skills.tables.sqltext import literal, quoted

NULL_WORDS = (
    "", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--", "—", "–", ".", "?", "\\n",
    "#value!", "#div/0!", "#ref!", "missing", "unknown", "无", "無", "缺失", "缺测", "未知", "空", "暂无",
)  # fmt: skip
MAX_NULL_WORD = 24
"""Longer cells are not even looked at as words for nothing."""
NUMERIC_SHARE = 0.9
"""A column is numeric if so many of its values are; the others count as missing."""
DATE_SHARE = 0.95

NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?"
GROUPED = r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"
COMMA_NUMBER = r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?"
"""A number as most of Europe writes it: 1.234,56."""
DOT_NUMBER = rf"{NUMBER}|[+-]?[1-9]\d{{0,2}}(,\d{{3}})+(\.\d+)?"
DOT_GROUPED = r"[+-]?[1-9]\d{0,2}(\.\d{3})+"
CODE = r"[+-]?0\d+"
"""Digits with a leading zero name something; they do not count."""

DATE_FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y",
    "%d-%m-%Y", "%b %d %Y", "%b %d, %Y", "%d %b %Y", "%d-%b-%Y", "%B %d, %Y", "%d %B %Y",
    "%m/%d/%y", "%Y%m%d",
)  # fmt: skip
MONTH_FORMATS = ("%Y-%m", "%Y/%m", "%Y.%m", "%Y年%m月", "%b %Y", "%B %Y", "%b-%Y")
CLOCKS = (" %H:%M:%S", " %H:%M", " %H:%M:%S.%f", "T%H:%M:%S", "T%H:%M:%S.%f", "T%H:%M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Type of a column in `data`, how it comes from the raw text, and how many cells did not fit."""

    type: str
    expression: str
    misfits: int


def cleaned(column: str) -> str:
    """The cell's text without outer space, NULL where it says that there is nothing."""
    # One pattern for all words: lists of constants cost the engine a megabyte for each column.
    words = "|".join(re.escape(word) for word in NULL_WORDS if word)
    space = "[ \t\u00a0\u3000]*"
    pattern = literal(f"(?i){space}({words})?{space}")
    c = quoted(column)
    return (
        f"CASE WHEN {c} >= '0' AND {c} < ':' THEN trim({c})"
        f" WHEN length({c}) <= {MAX_NULL_WORD} AND regexp_full_match({c}, {pattern}) THEN NULL"
        f" ELSE trim({c}, ' \t\u00a0\u3000') END"
    )


def _bare(value: str) -> str:
    """Without a currency sign on either side and without a percent sign behind."""
    return f"regexp_replace(regexp_replace({value}, '^([+-]?)[¥￥$€£] ?', '\\1'), ' ?[%％€]$', '')"


def _number(value: str, *, is_comma: bool = False) -> str:
    """Text to DOUBLE: thousands separators, a currency sign, a percent sign behind."""
    bare = _bare(value)
    if is_comma:
        return (
            f"CASE WHEN regexp_full_match({bare}, {literal(COMMA_NUMBER)})"
            f" THEN TRY_CAST(replace(replace({bare}, '.', ''), ',', '.') AS DOUBLE) END"
        )
    return (
        f"CASE WHEN regexp_full_match({bare}, {literal(NUMBER)}) THEN TRY_CAST({bare} AS DOUBLE)"
        f" WHEN regexp_full_match({bare}, {literal(GROUPED)})"
        f" THEN TRY_CAST(replace({bare}, ',', '') AS DOUBLE) END"
    )


def first_counts(column: str) -> list[str]:
    """Cheap aggregates over a cleaned text column: values; those that cast to a finite number;
    whole ones; codes (leading zeros, or more digits than a number keeps); those that start like a
    number or a date; least and greatest text.
    """
    c = quoted(column)
    return [
        f"count({c})",
        f"count(*) FILTER (WHERE isfinite(TRY_CAST({c} AS DOUBLE)))",
        f"count(*) FILTER (WHERE TRY_CAST({c} AS BIGINT) IS NOT NULL AND NOT contains({c}, '.'))",
        (
            f"count(*) FILTER (WHERE {c} >= '00' AND {c} < '0:'"
            f" OR length({c}) > 17 AND TRY_CAST({c} AS DOUBLE) IS NOT NULL AND NOT contains({c}, '.'))"
        ),
        f"count(*) FILTER (WHERE {c} >= '0' AND {c} < ':' OR {c}[1] IN {_STARTS})",
        f"min({c})",
        f"max({c})",
    ]


COUNTS_PER_COLUMN = 7
_STARTS = "('+', '-', '.', '¥', '￥', '$', '€', '£')"


def number_counts(column: str) -> list[str]:
    """Dearer aggregates for a column that only mostly looks numeric: numbers, whole numbers."""
    c = quoted(column)
    return [
        f"count(*) FILTER (WHERE isfinite({_number(c)}))",
        f"count(*) FILTER (WHERE regexp_full_match({c}, '[+-]?\\d{{1,17}}'))",
    ]


def comma_counts(column: str) -> list[str]:
    """Aggregates that tell a decimal comma from a decimal point: values that are numbers with the
    one, with the other; those with just one comma; those with points that only part thousands.
    """
    c = quoted(column)
    bare = _bare(c)
    return [
        f"count(*) FILTER (WHERE regexp_full_match({bare}, {literal(COMMA_NUMBER)}))",
        f"count(*) FILTER (WHERE regexp_full_match({bare}, {literal(DOT_NUMBER)}))",
        f"count(*) FILTER (WHERE length({c}) - length(replace({c}, ',', '')) = 1)",
        f"count(*) FILTER (WHERE regexp_full_match({bare}, {literal(DOT_GROUPED)}))",
    ]


def decide_comma(
    column: str, values: int, counts: Sequence[Any], *, delimiter: str, is_comma_file: bool = False
) -> Decision | None:
    """A number column written with decimal commas, or None; `counts` are `comma_counts`.

    More values must read with the comma than with the point. Where both read all (1,234), it is a
    decimal comma if every value has one and the fields are parted by semicolons. Where another
    column of the file has decimal commas (`is_comma_file`), points part thousands if all could.
    """
    comma, point, single, grouped = (int(count) for count in counts)
    if comma < NUMERIC_SHARE * values:
        return None
    is_tie = comma == point == values
    is_decimal = comma > point or (is_tie and delimiter == ";" and single == values)
    if not is_decimal and not (is_comma_file and is_tie and grouped and single == 0):
        return None
    return Decision(type="DOUBLE", expression=_number(quoted(column), is_comma=True), misfits=values - comma)


def date_candidates(sample: Sequence[str]) -> list[tuple[str, bool]]:
    """Formats that read all the sample values, with whether each carries a time of day."""
    found = []
    for base in DATE_FORMATS:
        found.append((base, False))
        found += [(base + clock, True) for clock in CLOCKS]
    found += [(base, False) for base in MONTH_FORMATS]
    return [(f, clock) for f, clock in found if all(_fits(value, f) for value in sample)]


_PIECES = {
    "%Y": r"(1[5-9]|2[01])\d\d", "%y": r"\d\d", "%m": r"\d{1,2}", "%d": r"\d{1,2}", "%H": r"\d{1,2}",
    "%M": r"\d\d", "%S": r"\d\d", "%f": r"\d{1,9}", "%b": r"[A-Za-z]{3}", "%B": r"[A-Za-z]{3,9}",
}  # fmt: skip


def date_pattern(date_format: str) -> str:
    """A regular expression for a strptime format, with an optional zone behind a time of day."""
    pattern = re.escape(date_format).replace(r"\ ", " ").replace(r"\%", "%").replace(r"\-", "-")
    for piece, expression in _PIECES.items():
        pattern = pattern.replace(piece, expression)
    if date_format == "%Y%m%d":
        pattern = r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
    return pattern + (r"( ?(Z|UTC|[+-]\d\d:?\d\d))?" if "%H" in date_format else "")


def _fits(value: str, date_format: str) -> bool:
    return re.fullmatch(date_pattern(date_format), value) is not None


def date_expression(column: str, date_format: str, has_clock: bool) -> str:
    """Text to DATE or TIMESTAMP. Zones are dropped: local time is what people compare."""
    c = quoted(column)
    if has_clock:
        c = f"regexp_replace({c}, ' ?(Z|UTC|[+-]\\d\\d:?\\d\\d)$', '')"
    parsed = f"try_strptime({c}, {literal(date_format)})"
    return (
        f"CASE WHEN regexp_full_match({quoted(column)}, {literal(date_pattern(date_format))}) THEN "
        + (parsed if has_clock else f"CAST({parsed} AS DATE)")
        + " END"
    )


def decide_clean(column: str, counts: Sequence[Any]) -> Decision | None:
    """The type from `first_counts` alone, or None if the column needs a closer look."""
    values, numbers, whole, codes, likely = (int(count) for count in counts[:5])
    c = quoted(column)
    text = Decision(type="VARCHAR", expression=c, misfits=0)
    if values == 0 or codes:
        return None if codes and numbers == 0 else text
    if numbers == values:
        kind = "BIGINT" if whole == values else "DOUBLE"
        return Decision(type=kind, expression=f"TRY_CAST({c} AS {kind})", misfits=0)
    return text if likely < NUMERIC_SHARE * values and not _looks_like_month(counts) else None


def _looks_like_month(counts: Sequence[Any]) -> bool:
    return all(isinstance(text, str) and text[:1].isalpha() and text[-2:].isdigit() for text in counts[5:7])


def decide_dates(column: str, values: int, form: str, has_clock: bool, read: int) -> Decision | None:
    """A date column if the format reads enough of its values."""
    if read < DATE_SHARE * values:
        return None
    return Decision(
        type="TIMESTAMP" if has_clock else "DATE",
        expression=date_expression(column, form, has_clock),
        misfits=values - read,
    )


def decide_numbers(column: str, values: int, numbers: int, whole: int) -> Decision:
    """A numeric column if enough of its values are numbers, else text."""
    c = quoted(column)
    if numbers < NUMERIC_SHARE * values:
        return Decision(type="VARCHAR", expression=c, misfits=0)
    if whole == numbers:
        inner = f"CASE WHEN regexp_full_match({c}, '[+-]?\\d{{1,17}}') THEN {c} END"
        return Decision(type="BIGINT", expression=f"TRY_CAST({inner} AS BIGINT)", misfits=values - whole)
    number = _number(c)
    return Decision(
        type="DOUBLE",
        expression=f"CASE WHEN isfinite({number}) THEN {number} END",
        misfits=values - numbers,
    )
