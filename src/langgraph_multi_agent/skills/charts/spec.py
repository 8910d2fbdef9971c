"""What a chart shows, apart from how it is drawn.

Callers: the analyses fill these, `draw` renders them. Plain values only, at most a few thousand.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Common to all: `title` names the subject, `note` how to read it, the labels name the axes."""

    title: str
    note: str = ""
    x_label: str = ""
    y_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart(Chart):
    """A series. `labels` name the periods; `fit` is (first, last) of a straight line; `marks` are
    places in `y` that stand out.
    """

    labels: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    fit: tuple[float, float] | None = None
    marks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart(Chart):
    """Bars, upright or lying. `highlight` are the places that the finding speaks of."""

    labels: tuple[str, ...]
    values: tuple[float, ...]
    highlight: tuple[int, ...] = ()
    is_lying: bool = False
    is_share: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeChart(Chart):
    """Groups with median and middle half, each `(label, q1, median, q3)`."""

    groups: tuple[tuple[str, float, float, float], ...]
    highlight: tuple[int, ...] = ()
    is_lying: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterChart(Chart):
    """Pairs of values."""

    x: tuple[float, ...]
    y: tuple[float, ...]
