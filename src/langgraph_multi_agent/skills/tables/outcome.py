"""What an analysis hands back: findings, each with the picture that shows it.

Callers: every analysis makes them, `analyse` turns them into the skill's answer. Invariant: the
numbers and names of a finding are read from the row that its own SQL gave.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph_multi_agent.domain.finding import Finding, Number
from langgraph_multi_agent.skills.charts.spec import Chart
from langgraph_multi_agent.skills.tables.source import Table
from langgraph_multi_agent.skills.tables.values import json_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Findings of one analysis; `tested` counts the hypotheses that were looked at."""

    found: tuple[tuple[Finding, Chart | None], ...] = ()
    tested: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """How a row of SQL becomes a finding.

    Attributes:
        numbers: column of the row → style.
        texts: columns of the row that are names.
        names: further names that are known without SQL (columns of the table, grain).
        strength: column of the row that ranks the finding, taken by size and cut to 0–1.
    """

    kind: str
    template: str
    subject: tuple[str, ...]
    sql: str
    numbers: Mapping[str, str]
    texts: Sequence[str] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    strength: str = "strength"
    key: str = ""


def finding_of(table: Table, statement: Statement) -> tuple[Finding, dict[str, Any]]:
    """Run the SQL and fill the finding from its row, which is returned with it."""
    row = {name: json_value(value) for name, value in table.row(statement.sql).items()}
    texts = {name: str(row[name]) for name in statement.texts}
    finding = Finding(
        id="/".join((table.name, statement.kind, statement.key or "+".join(statement.subject))),
        kind=statement.kind,
        source=table.name,
        subject=statement.subject,
        template=statement.template,
        sql=statement.sql,
        numbers=tuple(
            Number(name=name, value=row[name], style=style) for name, style in statement.numbers.items()
        ),
        names={**statement.names, **texts},
        strength=min(1.0, abs(float(row.get(statement.strength) or 0.0))),
    )
    return finding, row
