"""Generated tables with known truth, for judging the offline analyses.

`generate(seed)` gives rows, the effects that were planted, and everything that follows from them.
Columns, sizes, languages, noise and effects are drawn at random; every planted effect is of a size
that a person would see in a chart.
"""

import csv
import io
import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from langgraph_multi_agent.domain.finding import Finding

MEASURES_ZH = (
    "销售额 订单量 库存 用电量 产量 客流 利润 成本 浓度 流量 负荷 响应时间 点击 收入 支出 水位".split()
)
MEASURES_EN = (
    "revenue,orders sold,inventory,power_kwh,output,visitors,profit,cost,ozone,flow,load,latency ms,"
    "clicks,income,spend,level"
).split(",")
CATEGORIES_ZH = {
    "地区": "华东 华南 华北 西南 东北 西北".split(),
    "产品": "甲 乙 丙 丁 戊 己 庚 辛".split(),
    "渠道": "线上 门店 代理 电话".split(),
    "部门": "研发 市场 运营 财务 人事".split(),
    "班次": "早班 中班 晚班".split(),
}
CATEGORIES_EN = {
    "region": ["North", "South", "East", "West", "Centre"],
    "product": ["Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta"],
    "sales channel": ["web", "store", "partner"],
    "team": ["red", "blue", "green", 'O\'Brien, "Sons"', "grey"],
    "machine": ["M1", "M2", "M3", "M4"],
}
TIMES_ZH = ("日期", "时间", "记录日")
TIMES_EN = ("date", "when", "day recorded")
MISSING = ("", "NA", "-", "n/a", "无")
ADDITIVE = frozenset("销售额 订单量 用电量 产量 客流 利润 成本 流量 点击 收入 支出".split()) | {
    "revenue",
    "orders sold",
    "power_kwh",
    "output",
    "visitors",
    "profit",
    "cost",
    "clicks",
    "income",
    "spend",
}
CYCLES = {"hour": 24, "weekday": 7, "month": 12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A planted effect.

    `detail` is what must be right besides kind and columns: rising/falling, positive/negative, the
    label of the highest group or the dominant contributor, the cycle, the rows of the spikes.
    """

    kind: str
    columns: frozenset[str]
    detail: str = ""


@dataclass(slots=True, kw_only=True)
class Dataset:
    """`allowed` holds (kind, columns) that are true beyond the planted ones: what follows from them."""

    name: str
    header: list[str]
    rows: list[list[str]]
    planted: list[Effect] = field(default_factory=list)
    allowed: set[tuple[str, frozenset[str]]] = field(default_factory=set)
    moments: list[datetime] = field(default_factory=list)

    def csv_bytes(self) -> bytes:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows(self.rows)
        return out.getvalue().encode("utf-8")

    def write(self, directory: Path) -> Path:
        path = directory / self.name
        path.write_bytes(self.csv_bytes())
        return path


def generate(seed: int) -> Dataset:
    """A table for this seed: the same bytes and truth each time."""
    rng = np.random.default_rng(seed)
    shape = ("series", "panel", "transactions", "cross_section")[int(rng.integers(4))]
    is_zh = bool(rng.integers(2))
    builder = _Builder(rng, is_zh, shape)
    builder.plant()
    return builder.dataset(f"data_{seed}.csv")


class _Builder:
    def __init__(self, rng: np.random.Generator, is_zh: bool, shape: str) -> None:
        self.rng, self.shape, self.is_zh = rng, shape, is_zh
        names = list(MEASURES_ZH if is_zh else MEASURES_EN)
        rng.shuffle(names)
        self.measure_names = names[: int(rng.integers(3, 8))]
        levels = CATEGORIES_ZH if is_zh else CATEGORIES_EN
        chosen = sorted(levels)
        rng.shuffle(chosen)
        self.categories: dict[str, np.ndarray] = {}
        self.times: list[datetime] | None = None
        self.time_name = str(rng.choice(TIMES_ZH if is_zh else TIMES_EN))
        self.unit = ""
        self.panel = ""
        self._rows(levels, chosen)
        self.measures = {name: self._noise() for name in self.measure_names}
        self.free = list(self.measure_names)
        self.effects: list[Effect] = []
        self.allowed: set[tuple[str, frozenset[str]]] = set()
        self.positive: set[str] = set()
        self.linked: dict[str, str] = {}

    def _rows(self, levels: dict[str, list[str]], chosen: list[str]) -> None:
        rng = self.rng
        start = datetime(2018, 1, 1, tzinfo=UTC) + timedelta(days=int(rng.integers(0, 900)))
        if self.shape in ("series", "panel"):
            self.unit = str(rng.choice(["hour", "day", "month"]))
            steps = int({"hour": rng.integers(240, 2500), "day": rng.integers(90, 1500),
                         "month": rng.integers(60, 140)}[self.unit])  # fmt: skip
            moments = [_after(start, self.unit, i) for i in range(steps)]
            if self.shape == "series":
                self.times, self.n = moments, steps
                count = int(rng.integers(0, 3))
            else:
                self.panel = chosen.pop()
                labels = levels[self.panel]
                self.times = [m for m in moments for _ in labels]
                self.n = steps * len(labels)
                self.categories[self.panel] = np.array(labels * steps)
                count = int(rng.integers(0, 2))
        else:
            self.n = round(math.exp(rng.uniform(math.log(60), math.log(20_000))))
            count = int(rng.integers(1, 4))
            if self.shape == "transactions":
                self.unit = "irregular"
                days = int(rng.integers(60, 900))
                seconds = np.sort(rng.uniform(0, days * 86400, self.n))
                self.times = [start + timedelta(seconds=int(s)) for s in seconds]
        for name in chosen[:count]:
            weights = rng.dirichlet(np.full(len(levels[name]), 8.0))
            self.categories[name] = rng.choice(np.array(levels[name]), self.n, p=weights)
        self.x = np.arange(self.n, dtype=float)
        if self.times is not None:
            first = self.times[0]
            self.x = np.array([(t - first).total_seconds() for t in self.times])
        self.share = (self.x - self.x.min()) / max(1.0, float(np.ptp(self.x)))

    def _noise(self) -> np.ndarray:
        """Standardised noise: white, heavy-tailed, skewed, or a first-order autoregression."""
        rng, n = self.rng, self.n
        kinds = ["normal", "student", "lognormal", "ar"] if self.times else ["normal", "student", "lognormal"]
        kind = str(rng.choice(kinds))
        if kind == "student":
            return rng.standard_t(3, n) / 1.3
        if kind == "lognormal":
            y = rng.lognormal(0, 0.5, n)
            return (y - math.exp(0.125)) / 0.6
        noise = rng.normal(0, 1, n)
        if kind == "ar" and self.shape in ("series", "panel"):
            phi = float(rng.uniform(0.3, 0.85))
            width = 1 if self.shape == "series" else len(set(self.categories[self.panel]))
            noise *= math.sqrt(1 - phi * phi)
            for i in range(width, n):
                noise[i] += phi * noise[i - width]
        return noise

    def plant(self) -> None:
        rng = self.rng
        kinds = ["group_difference", "correlation", "contributors", "anomaly"]
        if self.times is not None:
            kinds += ["trend", "seasonality", "anomaly"]
        rng.shuffle(kinds)
        for kind in kinds[: int(rng.integers(0, 5))]:
            if not self.free:
                return
            getattr(self, f"_{kind}")()

    def _take(self) -> str:
        return self.free.pop()

    def _allow(self, kind: str, *columns: str) -> None:
        self.allowed.add((kind, frozenset(columns)))

    def _plant(self, kind: str, detail: str, *columns: str) -> None:
        self.effects.append(Effect(kind=kind, columns=frozenset(columns), detail=detail))
        self._allow(kind, *columns)

    def _trend(self) -> None:
        name = self._take()
        sign = 1 if self.rng.integers(2) else -1
        self.measures[name] += sign * self.rng.uniform(4.0, 7.0) * self.share
        self._plant("trend", "rising" if sign > 0 else "falling", name, self.time_name)

    def _seasonality(self) -> None:
        assert self.times is not None
        cycle = {"hour": "hour", "day": "weekday", "month": "month", "irregular": "weekday"}[self.unit]
        periods = {"hour": 96, "day": 60, "month": 36, "irregular": 0}[self.unit]
        distinct = len({t.date() for t in self.times})
        if cycle == "weekday" and (distinct < 60 or self.n < 300):
            return
        if cycle != "weekday" and len(set(self.times)) < periods:
            return
        name = self._take()
        phase = np.array([_phase(t, cycle) for t in self.times])
        if cycle == "weekday":
            lift = np.where(phase >= 6, 1.0, 0.0) * (1 if self.rng.integers(2) else -1)
            lift = lift * self.rng.uniform(2.0, 3.0)
        else:
            shift = self.rng.uniform(0, 2 * math.pi)
            lift = self.rng.uniform(1.5, 2.5) * np.sin(2 * math.pi * phase / CYCLES[cycle] + shift)
        self.measures[name] += lift
        self._plant("seasonality", cycle, name, self.time_name)

    def _anomaly(self) -> None:
        name = self._take()
        # Spikes are planted on noise whose own tails could not make them.
        self.measures[name] = self.rng.normal(0, 1, self.n)
        count = int(self.rng.integers(1, max(2, min(5, self.n // 40 + 1))))
        places = self.rng.choice(self.n, count, replace=False)
        sizes = self.rng.uniform(10, 16, count) * np.where(self.rng.integers(0, 2, count), 1, -1)
        self.measures[name][places] = sizes
        self._plant("anomaly", ",".join(str(int(p)) for p in places), name)
        self.allowed |= {
            ("anomaly", frozenset((name, other))) for other in (self.time_name, *self.categories)
        }

    def _group_difference(self) -> None:
        if not self.categories:
            return
        category = str(self.rng.choice(sorted(self.categories)))
        labels, counts = np.unique(self.categories[category], return_counts=True)
        usable = labels[counts >= max(8, 0.03 * self.n)]
        if len(usable) < 2:
            return
        name = self._take()
        order = list(usable)
        self.rng.shuffle(order)
        lift = dict.fromkeys(labels, 0.0)
        lift[order[0]] = float(self.rng.uniform(1.3, 2.2))
        lift[order[1]] = -float(self.rng.uniform(0.4, 1.0))
        self.measures[name] += np.array([lift[v] for v in self.categories[category]])
        self._plant("group_difference", str(order[0]), name, category)

    def _correlation(self) -> None:
        if len(self.free) < 2:
            return
        a, b = self._take(), self._take()
        sign = 1 if self.rng.integers(2) else -1
        weight = float(self.rng.uniform(0.65, 0.9))
        self.measures[b] = sign * weight * self.measures[a] + math.sqrt(1 - weight**2) * self.measures[b]
        self._plant("correlation", "positive" if sign > 0 else "negative", a, b)

    def _contributors(self) -> None:
        usable = [c for c, v in self.categories.items() if len(np.unique(v)) >= 3]
        if not usable:
            return
        category = str(self.rng.choice(sorted(usable)))
        labels, counts = np.unique(self.categories[category], return_counts=True)
        label = str(self.rng.choice(labels[counts >= max(8, 0.05 * self.n)]))
        name = next((m for m in self.free if m in ADDITIVE), None)
        if name is None:
            return
        self.free.remove(name)
        self.positive.add(name)
        values = self.rng.lognormal(0, 0.4, self.n)
        mine = self.categories[category] == label
        share = float(self.rng.uniform(0.55, 0.75))
        values[mine] *= share / (1 - share) * values[~mine].sum() / values[mine].sum()
        self.measures[name] = values
        self._plant("contributors", label, name, category)
        self._allow("group_difference", name, category)
        # A few large groups are far outside what is usual over all rows.
        self.allowed |= {
            ("anomaly", frozenset(c)) for c in ((name,), (name, category), (name, self.time_name))
        }

    def dataset(self, name: str) -> Dataset:
        rng = self.rng
        columns: list[tuple[str, list[str]]] = []
        if self.times is not None:
            form = str(
                rng.choice(
                    _FORMATS[
                        "month"
                        if self.unit == "month"
                        else "moment"
                        if self.unit in ("hour", "irregular")
                        else "day"
                    ]
                )
            )
            columns.append((self.time_name, [t.strftime(form) for t in self.times]))
        for category, values in self.categories.items():
            columns.append(
                (category, self._with_gaps([str(v) for v in values], 0.01 if rng.integers(3) == 0 else 0))
            )
        for measure, noise in self.measures.items():
            values = noise
            if measure not in self.positive:
                level, scale = rng.uniform(-50, 500), math.exp(rng.uniform(-2, 5))
                values = level + scale * noise
            digits = int(rng.integers(1, 5))
            texts = [f"{v:.{digits}f}" if abs(v) < 1e6 else f"{v:.4g}" for v in values]
            if float(np.std(values)) < 10 ** (1 - digits):
                texts = [f"{v:.6g}" for v in values]
            columns.append((measure, self._with_gaps(texts, float(rng.choice([0, 0, 0.02, 0.06])), measure)))
        if rng.integers(2):
            columns.insert(0, ("编号" if self.is_zh else "id", [str(1000 + i) for i in range(self.n)]))
        if rng.integers(3) == 0:
            note = ["一切正常 " if self.is_zh else "fine "] * self.n
            columns.append(("备注" if self.is_zh else "note", [f"{v}{i}" for i, v in enumerate(note)]))
        self._implied()
        self._true_shares({name: texts for name, texts in columns})
        return Dataset(
            name=name,
            header=[column for column, _ in columns],
            rows=[list(row) for row in zip(*(values for _, values in columns), strict=True)],
            planted=self.effects,
            allowed=self.allowed,
            moments=self.times or [],
        )

    def _with_gaps(self, texts: list[str], share: float, measure: str = "") -> list[str]:
        kept = {
            int(place)
            for e in self.effects
            if e.kind == "anomaly" and measure in e.columns
            for place in e.detail.split(",")
        }
        word = str(self.rng.choice(MISSING))
        holes = self.rng.random(len(texts)) < share
        return [
            word if hole and i not in kept else text
            for i, (text, hole) in enumerate(zip(texts, holes, strict=True))
        ]

    def _true_shares(self, columns: dict[str, list[str]]) -> None:
        """Whatever the rows happen to say: a value that has nearly half of a total dominates it."""
        for category, labels in self.categories.items():
            for measure in self.measures:
                sums: dict[str, float] = {}
                for label, text in zip(labels, columns[measure], strict=True):
                    if text not in MISSING:
                        sums[str(label)] = sums.get(str(label), 0.0) + float(text)
                ordered = sorted(sums.values(), reverse=True)
                if len(ordered) > 2 and ordered[0] > 0.39 * sum(ordered) and ordered[0] > 1.7 * ordered[1]:
                    self._allow("contributors", measure, category)

    def _implied(self) -> None:
        """A correlated column shares in what its partner shows; copies keep the partner's tails."""
        for effect in self.effects:
            if effect.kind == "correlation":
                for kind, columns in list(self.allowed):
                    for column in effect.columns & columns:
                        (other,) = effect.columns - {column}
                        self.allowed.add((kind, (columns - {column}) | {other}))


_FORMATS = {
    "day": ["%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%d.%m.%Y"],
    "month": ["%Y-%m", "%Y-%m-%d", "%Y年%m月"],
    "moment": ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%dT%H:%M:%S"],
}


def _after(start: datetime, unit: str, steps: int) -> datetime:
    if unit == "hour":
        return start + timedelta(hours=steps)
    if unit == "day":
        return start + timedelta(days=steps)
    month = start.month - 1 + steps
    return datetime(start.year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _phase(moment: datetime, cycle: str) -> int:
    if cycle == "hour":
        return moment.hour
    return moment.isoweekday() if cycle == "weekday" else moment.month


def is_effect(finding: Finding) -> bool:
    """Whether a finding claims more than what is plainly there (sizes, spreads, rankings)."""
    return finding.kind != "profile" and ".ranking" not in finding.template


def tells(finding: Finding, effect: Effect, dataset: Dataset) -> bool:
    """Whether a finding is this planted effect: kind, columns, and direction, group or place."""
    columns = frozenset(finding.subject)
    if finding.kind != effect.kind:
        return False
    if effect.kind == "anomaly":
        return effect.columns <= columns and finding.names["place"] in _places(finding, effect, dataset)
    if columns != effect.columns:
        return False
    match effect.kind:
        case "group_difference":
            return finding.names["high"] == effect.detail
        case "contributors":
            return ".dominant" in finding.template and finding.names["top"] == effect.detail
        case _:
            return effect.detail in finding.template


def _places(finding: Finding, effect: Effect, dataset: Dataset) -> set[str]:
    rows = [int(place) for place in effect.detail.split(",")]
    if "time" not in finding.names:
        return {str(row + 1) for row in rows}
    moments = dataset.moments
    formats = ("%Y-%m-%d %H:00", "%Y-%m-%d", "%Y-%m", "%Y")
    return {moments[row].strftime(form) for row in rows for form in formats}


def is_true(finding: Finding, dataset: Dataset) -> bool:
    """Whether what a finding claims was planted, or follows from what was."""
    return (finding.kind, frozenset(finding.subject)) in dataset.allowed


def findings_of(path: Path, name: str) -> list[Finding]:
    """All findings of a file, by every analysis; also run in other processes."""
    from langgraph_multi_agent.skills.tables import analyse

    found: list[Finding] = []
    for analysis in analyse.ANALYSES:
        answer = analyse.run({"file": str(path), "name": name, "analysis": analysis})
        json.dumps(answer, allow_nan=False)
        found += [Finding.from_json(item) for item in answer["findings"]]
    return found
