"""Findings and passages: the only two things a report may be made of.

A finding is a statement about data whose every number is a column of the one row that its SQL
returns; a passage is a quotation whose place in a document is known. Both can be checked by
anybody without trusting the agent that made them: that is what the reviewer does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from langgraph_multi_agent.domain.canonical import canonical_value

REVIEW_RELATIVE_TOLERANCE = 1e-9
"""Recomputed numbers may differ from stated ones by this share (summation order in parallel SQL)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number of a finding.

    Attributes:
        name: column of the SQL's row, and placeholder of the statement's template.
        value: the number as SQL gave it; None where SQL gave NULL.
        style: how it is shown, see `format_number`.
    """

    name: str
    value: float | int | None
    style: str = "g4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One checked statement about one input table.

    Attributes:
        id: stable within the task, e.g. `weather.csv/trend/temp_max`.
        kind: profile, trend, seasonality, anomaly, group_difference, correlation, contributors,
            or the word of an own agent.
        source: name of the input file.
        subject: the columns it speaks of.
        template: key of the catalogue sentence, with placeholders for names and numbers.
        names: text values of the sentence (columns, labels, dates); those that are also columns
            of the SQL row are checked like numbers.
        sql: one SELECT over the view `data` that returns one row.
        chart: name of the artifact that shows it.
        strength: effect size 0–1, used to rank.
    """

    id: str
    kind: str
    source: str
    subject: tuple[str, ...]
    template: str
    sql: str
    numbers: tuple[Number, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    chart: str | None = None
    strength: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Finding":
        return cls(
            **{
                **value,
                "subject": tuple(value["subject"]),
                "numbers": tuple(Number(**n) for n in value.get("numbers", ())),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A quotation with its place.

    Attributes:
        id: stable within the task.
        source: file name, or `handbook:<document>` for the built-in set.
        locator: what a person looks for: heading path, page number.
        start, end: character offsets into the extracted text of the source; the quotation is
            exactly `text[start:end]`.
        score: relevance to the question, higher is better.
    """

    id: str
    source: str
    locator: str
    start: int
    end: int
    quote: str
    score: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Passage":
        return cls(**value)


FULL_BELOW = 1e12
"""People read 98,765 and not 9.877e+04; from here on the powers of ten are easier."""


def format_number(value: float | int | None, style: str) -> str:
    """Show a number the same way everywhere.

    Styles: `int` with thousands separators; `gN` N significant digits, whole numbers up to 10¹²
    in full; `fN` N decimals with thousands separators; `pN` percent with N decimals of a share
    (0.123 → 12.3%).
    None shows as `–`.
    """
    if value is None:
        return "–"
    kind, digits = (style, 0) if style == "int" else (style[0], int(style[1:]))
    match kind:
        case "int":
            return f"{round(value):,}"
        case "f":
            return f"{value:,.{digits}f}"
        case "p":
            return f"{100 * value:.{digits}f}%"
        case "g":
            if value == 0:
                return "0"
            text = f"{value:.{digits}g}"
            if 1000 <= abs(value) < FULL_BELOW:
                text = f"{value:,.0f}" if "e" in text else f"{float(text):,.0f}"
            return text
    raise ValueError(f"unknown number style {style!r}")


def canonical_findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """What two runs must agree on: 12 significant digits, sorted by id, no chart names."""
    rows = []
    for finding in findings:
        row = finding.to_json()
        row.pop("chart")
        rows.append(canonical_value(row))
    return sorted(rows, key=lambda row: row["id"])
