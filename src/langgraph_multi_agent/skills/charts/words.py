"""Words on charts, in the reader's language, and the charts' file names.

Callers: `tables.analyse`. Invariant: text from data is cut, never interpreted.
"""

import hashlib
import re
from dataclasses import replace

from langgraph_multi_agent.domain.finding import Finding
from langgraph_multi_agent.i18n import catalogue, text
from langgraph_multi_agent.skills.charts.spec import BarChart, Chart, LineChart, RangeChart

MAX_LABEL = 40
MAX_STEM = 60


def shortened(value: str, limit: int = MAX_LABEL) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(value.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def chart_file_name(finding: Finding) -> str:
    """A plain file name that tells the finding and is unique for it."""
    stem = re.sub(r"[^\w]+", "-", finding.id.replace("/", "-")).strip("-_")[:MAX_STEM]
    mark = hashlib.sha256(finding.id.encode()).hexdigest()[:8]
    return f"{stem or 'chart'}-{mark}.svg"


def worded(chart: Chart, finding: Finding, language: str) -> Chart:
    """The chart with its title and labels for people."""
    subject = {name: shortened(value, 28) for name, value in finding.names.items()}
    key = f"chart.title.{finding.template.removeprefix('finding.').split('.')[0]}"
    for candidate in (f"chart.title.{finding.template.removeprefix('finding.')}", key):
        if candidate in catalogue():
            key = candidate
            break
    title = text(key, language, **{"measure": "", "category": "", **subject})
    x_label = text("chart.row", language) if chart.x_label == "#row" else shortened(chart.x_label)
    note = text("chart.range_note", language) if isinstance(chart, RangeChart) else ""
    worded_chart = replace(chart, title=title, note=note, x_label=x_label, y_label=shortened(chart.y_label))
    match worded_chart:
        case RangeChart() if finding.kind == "seasonality":
            family = finding.template.rpartition(".")[2]
            return replace(
                worded_chart,
                x_label="",
                groups=tuple(
                    (text(f"word.{family}.{label}", language), a, m, b)
                    for label, a, m, b in worded_chart.groups
                ),
            )
        case RangeChart():
            return replace(
                worded_chart,
                groups=tuple((shortened(g), a, m, b) for g, a, m, b in worded_chart.groups),
            )
        case BarChart():
            return replace(worded_chart, labels=tuple(shortened(x) for x in worded_chart.labels))
        case LineChart():
            return worded_chart
    return worded_chart
