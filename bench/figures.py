"""Figures of a bench: one table for people, one JSON document for machines.

Callers: every bench. Invariant: a row without a target has no verdict.
"""

import argparse
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import describe
from bench.servers import Servers, servers

AT_LEAST, AT_MOST = "≥", "≤"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row. `bound` is what the ratio has to keep where there is a baseline, else `ours`.

    `spread` is the lowest and highest of the single runs, of that same value.
    """

    name: str
    ours: float | None
    unit: str = ""
    baseline: float | None = None
    ratio: float | None = None
    wanted: str = ""
    bound: float | None = None
    spread: tuple[float, float] | None = None
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def measured(self) -> float | None:
        """What is compared with the bound."""
        return self.ratio if self.ratio is not None else self.ours

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "absent"
        if self.bound is None:
            return ""
        kept = self.measured >= self.bound if self.wanted == AT_LEAST else self.measured <= self.bound
        return "ok" if kept else "MISSED"


def compared(
    name: str, ours: float, baseline: float, *, unit: str, wanted: str, bound: float | None, **more: Any
) -> Figure:
    """A figure whose ratio is what counts; `ratio` may be given, as a median of pairs."""
    ratio = more.pop("ratio", ours / baseline)
    return Figure(
        name=name, ours=ours, baseline=baseline, ratio=ratio, unit=unit, wanted=wanted, bound=bound, **more
    )


def table(figures: Sequence[Figure]) -> str:
    """The figures as aligned text."""
    rows = [("name", "ours", "baseline", "ratio", "wanted", "verdict")]
    for row in figures:
        suffix = "×" if row.ratio is not None else f" {row.unit}".rstrip()
        rows.append(
            (
                row.name,
                _number(row.ours, row.unit),
                _number(row.baseline, row.unit),
                _ratio(row),
                f"{row.wanted} {row.bound:g}{suffix}" if row.bound is not None else "",
                row.verdict + (f"  {row.note}" if row.note else ""),
            )
        )
    widths = [max(_width(row[column]) for row in rows) for column in range(6)]
    return "\n".join(
        "  ".join(text + " " * (size - _width(text)) for text, size in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def _ratio(row: Figure) -> str:
    if row.ratio is None:
        return "" if row.spread is None else f"({row.spread[0]:.3g}–{row.spread[1]:.3g})"
    spread = "" if row.spread is None else f" ({row.spread[0]:.2f}–{row.spread[1]:.2f})"
    return f"{row.ratio:.2f}{spread}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def document(figures: Sequence[Figure], **more: Any) -> dict[str, Any]:
    """Everything of a run, for machines."""
    rows = [{**asdict(row), "verdict": row.verdict} for row in figures]
    return {"machine": describe(), **more, "figures": rows}


def run_alone(name: str, measure: Callable[[Servers], Sequence[Figure]]) -> None:
    """`main` of a bench that needs the servers: print its table, write `--json FILE`."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with servers() as running:
        told = running.describe()
        figures = measure(running)
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(document(figures, servers=told), indent=2, ensure_ascii=False))
