"""Charts: deterministic, harmless, readable; Chinese text needs no font here."""

import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from langgraph_multi_agent.domain.finding import Finding
from langgraph_multi_agent.skills.charts import png
from langgraph_multi_agent.skills.charts.draw import draw_png, draw_svg
from langgraph_multi_agent.skills.charts.spec import BarChart, Chart, LineChart, RangeChart, ScatterChart
from langgraph_multi_agent.skills.charts.words import chart_file_name, shortened
from langgraph_multi_agent.skills.tables import analyse

ODD = "<b>$x_1$ & 销售额 😀 العربية"
CHARTS: tuple[Chart, ...] = (
    LineChart(title=ODD, labels=("2020", "2021", "2022"), x=(0, 1, 2), y=(1, 2, 9), fit=(1, 5), marks=(2,)),
    BarChart(title="各产品", labels=(ODD, "b"), values=(3, 1), highlight=(0,), is_lying=True),
    BarChart(title="shares", labels=("a", "b"), values=(0.3, 0.1), is_share=True),
    RangeChart(
        title=ODD, note="圆点", groups=((ODD, 1, 2, 3), ("b", 2, 3, 4)), highlight=(1,), is_lying=True
    ),
    RangeChart(title="月", groups=tuple((f"{m} 月", m, m + 1.0, m + 2.0) for m in range(12))),
    ScatterChart(title="t", x_label="x", y_label="y", x=(1, 2, 3), y=(1, 4, 2)),
)


KINDS = ("line", "lying-bars", "bars", "lying-ranges", "ranges", "scatter")


@pytest.mark.parametrize("chart", CHARTS, ids=KINDS)
def test_an_svg_is_the_same_each_time_and_holds_its_text(chart: Chart) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = draw_svg(chart)
        assert draw_svg(chart) == first
    root = ET.fromstring(first)
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert chart.title in texts
    assert "Noto Sans CJK SC" in first
    assert "<script" not in first
    assert not [n for n in root.iter("{http://www.w3.org/2000/svg}b")]


@pytest.mark.parametrize("chart", CHARTS, ids=KINDS)
def test_a_png_is_drawn_without_a_warning(chart: Chart) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        body = draw_png(chart, dpi=60)
    assert body.startswith(b"\x89PNG")
    assert draw_png(chart, dpi=60) == body


def test_long_labels_end_in_an_ellipsis() -> None:
    assert shortened("x" * 41) == "x" * 39 + "…"
    assert shortened("a\nb") == "a b"


def test_chart_file_names_are_plain_and_tell_findings_apart() -> None:
    def finding(key: str) -> Finding:
        return Finding(
            id=f"销售/../x.csv/trend/{key}", kind="trend", source="x.csv", subject=(), template="t", sql=""
        )

    names = {chart_file_name(finding(key)) for key in ("a b", "a-b", "销量", "x" * 300)}
    assert len(names) == 4
    assert all(len(name) < 100 and "/" not in name and ".." not in name for name in names)


def test_an_analysis_draws_each_finding_and_a_png_on_demand(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    path = tmp_path / "stored"
    path.write_text(
        "班次,产量\n"
        + "".join(f"{'早晚'[i % 2]},{5 * (i % 2) + v:.3f}\n" for i, v in enumerate(rng.normal(0, 1, 80)))
    )
    params = {"file": str(path), "name": "t.csv", "analysis": "group_difference", "language": "zh"}
    answer = analyse.run({**params, "charts_dir": str(tmp_path)})
    (finding,), (chart,) = answer["findings"], answer["charts"]
    assert finding["chart"] == chart["name"]
    svg = (tmp_path / chart["name"]).read_text()
    assert "各「班次」的产量" in svg
    assert (
        analyse.run({**params, "language": "en", "charts_dir": str(tmp_path)})["charts"] == answer["charts"]
    )
    assert "产量 by 班次" in (tmp_path / chart["name"]).read_text()
    drawn = png.run({**params, "finding": finding["id"], "target": str(tmp_path / "c.png")})
    assert Path(drawn["file"]).read_bytes().startswith(b"\x89PNG")
