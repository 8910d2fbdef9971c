"""Skill `charts.png`: the chart of a finding as a picture, for places that show no SVG.

Callers: agents and exports, on demand. Invariant: drawn from the finding's table again, so it shows
what the SVG shows. Without an installed Chinese font, Chinese text appears as boxes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.skills.charts.draw import draw_png
from langgraph_multi_agent.skills.charts.words import worded
from langgraph_multi_agent.skills.tables.analyse import analysed


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """Draw one finding's chart.

    Args:
        params: those of `tables.analyse`, with `finding` (id), `target` (path to write) and `dpi`?.

    Returns:
        `{"file", "media_type", "size_bytes"}`.

    Raises:
        InvalidRequest: the analysis has no such finding, or it has no chart.
    """
    for finding, chart in analysed(params).outcome.found:
        if finding.id == params["finding"] and chart is not None:
            language = str(params.get("language") or "zh")
            body = draw_png(worded(chart, finding, language), dpi=int(params.get("dpi") or 144))
            Path(params["target"]).write_bytes(body)
            return {"file": str(params["target"]), "media_type": "image/png", "size_bytes": len(body)}
    raise InvalidRequest(field="finding", value=str(params["finding"]))
