"""Draws charts with matplotlib, in a child process.

Callers: `tables.analyse` (SVG), `charts.png` (PNG on demand). Invariant: the same chart gives the
same bytes; text from data is plain text, never markup; no glyph that is missing raises a warning.

SVG keeps text as text and names Chinese fonts first, so the reader's machine draws the glyphs. A PNG
uses the first of those fonts that is installed; without any, Chinese characters show as boxes.
"""

import io
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unicodedata import east_asian_width

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from langgraph_multi_agent.skills.charts.spec import (
    BarChart,
    Chart,
    LineChart,
    RangeChart,
    ScatterChart,
)

ACCENT, ACCENT_SOFT, ACCENT_PALE = "#4f46e5", "#a5b4fc", "#e0e7ff"
MARK = "#dc2626"
INK, INK_SOFT, GRID, PAPER = "#1c1917", "#78716c", "#e7e5e4", "#ffffff"
WIDTH_IN, HEIGHT_IN = 7.2, 3.8
FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei",
    "WenQuanYi Micro Hei", "SimHei",
)  # fmt: skip
MAX_BARS = 30
FONT_PT = 9.5
NARROW_BY_EM = 0.4
"""A missing glyph is drawn 0.6 em wide; a Chinese one is 1 em."""


def draw_svg(chart: Chart) -> str:
    """The chart as an SVG document."""
    with _style():
        figure = _figure(chart)
        FigureCanvasSVG(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        family = ", ".join(f"'{name}'" for name in FONTS)
        return out.getvalue().replace("sans-serif", f"{family}, sans-serif")


def draw_png(chart: Chart, *, dpi: int = 144) -> bytes:
    """The chart as a PNG picture."""
    with _style():
        figure = _figure(chart)
        FigureCanvasAgg(figure)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
        return out.getvalue()


@cache
def _installed_font() -> str | None:
    """The first font for Chinese that this machine has."""
    names = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((name for name in FONTS if name in names), None)


@contextmanager
def _style() -> Iterator[None]:
    chinese = _installed_font()
    families = [*([chinese] if chinese else []), "DejaVu Sans"]
    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "lgma",
        "font.family": ["sans-serif"],
        "font.sans-serif": families,
        "font.size": FONT_PT,
        "text.parse_math": False,
        "text.color": INK,
        "axes.edgecolor": GRID,
        "axes.labelcolor": INK_SOFT,
        "axes.linewidth": 0.8,
        "axes.unicode_minus": False,
        "xtick.color": INK_SOFT,
        "ytick.color": INK_SOFT,
        "axes.formatter.useoffset": False,
        "path.simplify": True,
    }
    log = logging.getLogger("matplotlib")
    level = log.level
    with mpl.rc_context(settings), warnings.catch_warnings():
        # Widths of glyphs that no font here has are estimated; the reader's fonts have them.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        log.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            log.setLevel(level)


def _figure(chart: Chart) -> Figure:
    height = HEIGHT_IN
    count = _rows(chart)
    if count:
        height = min(9.0, max(2.2, 1.25 + 0.34 * count))
    figure = Figure(figsize=(WIDTH_IN, height), facecolor=PAPER, layout="constrained")
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.set(w_pad=0.12, h_pad=0.12, rect=_room(chart))  # type: ignore[call-arg]
    axes = figure.add_subplot()
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, pad=5)
    axes.set_axisbelow(True)
    axes.set_title(chart.title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=12)
    if chart.note:
        axes.set_title(chart.note, loc="right", fontsize=8.5, color=INK_SOFT, pad=12)
    match chart:
        case LineChart():
            _line(axes, chart)
        case BarChart():
            _bars(axes, chart)
        case RangeChart():
            _ranges(axes, chart)
        case ScatterChart():
            _scatter(axes, chart)
    return figure


def _room(chart: Chart) -> tuple[float, float, float, float]:
    """The share of the picture to lay out in: without a Chinese font its glyphs measure too narrow,
    so labels left of lying bars get the room that they will need on the reader's machine.
    """
    labels: tuple[str, ...] = ()
    match chart:
        case BarChart() if chart.is_lying:
            labels = chart.labels[:MAX_BARS]
        case RangeChart() if chart.is_lying:
            labels = tuple(group[0] for group in chart.groups[:MAX_BARS])
    if not labels or _installed_font() is not None:
        return (0.0, 0.0, 1.0, 1.0)
    wide = max(sum(east_asian_width(c) in "WF" for c in label) for label in labels)
    left = min(0.3, wide * NARROW_BY_EM * FONT_PT / 72 / WIDTH_IN)
    return (left, 0.0, 1.0 - left, 1.0)


def _rows(chart: Chart) -> int:
    match chart:
        case BarChart() if chart.is_lying:
            return min(MAX_BARS, len(chart.values))
        case RangeChart() if chart.is_lying:
            return min(MAX_BARS, len(chart.groups))
    return 0


def _number(value: float, _: object = None) -> str:
    """Tick labels that stay short: 12,000 · 1.2M · 0.05."""
    size = abs(value)
    for unit, suffix in ((1e9, "B"), (1e6, "M")):
        if size >= unit:
            return f"{value / unit:.4g}{suffix}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _label(axes: Axes, x: str, y: str) -> None:
    if x:
        axes.set_xlabel(x, labelpad=8, fontsize=9)
    if y:
        axes.set_ylabel(y, labelpad=8, fontsize=9)


def _line(axes: Axes, chart: LineChart) -> None:
    crowded = len(chart.y) > 150
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.plot(
        chart.x,
        chart.y,
        color=ACCENT_SOFT if chart.fit or chart.marks else ACCENT,
        linewidth=0.9 if crowded else 1.5,
        solid_joinstyle="round",
    )
    if chart.fit is not None:
        axes.plot((chart.x[0], chart.x[-1]), chart.fit, color=ACCENT, linewidth=2.4, solid_capstyle="round")
    if chart.marks:
        axes.plot(
            [chart.x[i] for i in chart.marks],
            [chart.y[i] for i in chart.marks],
            "o", markersize=6, color=MARK, markeredgecolor=PAPER, markeredgewidth=1.2,
        )  # fmt: skip
        top = max(chart.marks, key=lambda i: abs(chart.y[i] - sorted(chart.y)[len(chart.y) // 2]))
        is_right = chart.x[top] > (chart.x[0] + chart.x[-1]) / 2
        axes.annotate(
            f"{chart.labels[top]}  {_number(chart.y[top])}",
            (chart.x[top], chart.y[top]),
            xytext=(-9 if is_right else 9, 0),
            textcoords="offset points", ha="right" if is_right else "left", va="center",
            fontsize=9, color=MARK,
        )  # fmt: skip
    places = _spread(len(chart.labels), 6)
    axes.set_xticks([chart.x[i] for i in places], [chart.labels[i] for i in places])
    axes.yaxis.set_major_formatter(FuncFormatter(_number))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.02, y=0.1)
    _label(axes, chart.x_label, "")


def _spread(count: int, wanted: int) -> list[int]:
    """Evenly spaced places, the first among them."""
    step = max(1, math.ceil(count / wanted))
    return list(range(0, count, step))


def _bars(axes: Axes, chart: BarChart) -> None:
    labels, values = chart.labels[:MAX_BARS], chart.values[:MAX_BARS]
    colours = [ACCENT if i in chart.highlight else ACCENT_SOFT for i in range(len(values))]
    places = range(len(values))
    show = (lambda v: f"{100 * v:.1f}%") if chart.is_share else _number
    if chart.is_lying:
        bars = axes.barh(places, values, height=0.62, color=colours)
        axes.set_yticks(places, labels, color=INK)
        axes.invert_yaxis()
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.margins(x=0.14)
    else:
        bars = axes.bar(places, values, width=0.62, color=colours)
        axes.set_xticks(places, labels, color=INK)
        axes.set_yticks([])
    axes.bar_label(bars, [show(v) for v in values], padding=5, fontsize=9, color=INK_SOFT)


def _ranges(axes: Axes, chart: RangeChart) -> None:
    groups = chart.groups[:MAX_BARS]
    for place, (_, low, middle, high) in enumerate(groups):
        is_lit = place in chart.highlight
        bar, dot = (ACCENT_SOFT, ACCENT) if is_lit else (ACCENT_PALE, ACCENT_SOFT)
        along, across = (low, high), (place, place)
        xs, ys = (along, across) if chart.is_lying else (across, along)
        axes.plot(xs, ys, color=bar, linewidth=8, solid_capstyle="round", zorder=2)
        x, y = (middle, place) if chart.is_lying else (place, middle)
        axes.plot(x, y, "o", markersize=8, color=dot, markeredgecolor=PAPER, markeredgewidth=1.4, zorder=3)
    labels = [group[0] for group in groups]
    if chart.is_lying:
        axes.grid(axis="x", color=GRID, linewidth=0.8)
        axes.set_yticks(range(len(groups)), labels, color=INK)
        axes.set_ylim(len(groups) - 0.4, -0.6)
        axes.xaxis.set_major_formatter(FuncFormatter(_number))
        axes.xaxis.set_major_locator(MaxNLocator(6))
    else:
        axes.grid(axis="y", color=GRID, linewidth=0.8)
        places = _spread(len(groups), 12)
        axes.set_xticks(places, [labels[i] for i in places], color=INK)
        axes.set_xlim(-0.6, len(groups) - 0.4)
        axes.yaxis.set_major_formatter(FuncFormatter(_number))
        axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.04 if chart.is_lying else 0, y=0 if chart.is_lying else 0.08)
    _label(axes, chart.x_label, "")


def _scatter(axes: Axes, chart: ScatterChart) -> None:
    axes.grid(color=GRID, linewidth=0.8)
    crowd = len(chart.x)
    axes.plot(
        chart.x, chart.y, "o",
        markersize=6 if crowd < 150 else 4 if crowd < 600 else 3,
        alpha=0.7 if crowd < 150 else 0.45,
        color=ACCENT, markeredgewidth=0,
    )  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_number))
        axis.set_major_locator(MaxNLocator(6))
    _label(axes, chart.x_label, chart.y_label)
