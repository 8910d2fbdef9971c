"""Rows in memory for the tests that need them side by side.

Callers: group differences, correlations. Hides sampling, order and what trend, season and groups
explain. Invariant: the sample follows from row numbers alone; rows stand in the order in which
neighbours may resemble each other (series by series, in time).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from langgraph_multi_agent.skills.tables.profile import ColumnProfile
from langgraph_multi_agent.skills.tables.seasonality import cycles_of
from langgraph_multi_agent.skills.tables.significance import (
    Matrix,
    Vector,
    dummies,
    lag_one,
    normal_scores,
)
from langgraph_multi_agent.skills.tables.source import Table
from langgraph_multi_agent.skills.tables.sqltext import as_number, quoted
from langgraph_multi_agent.skills.tables.timeline import Timeline

MAX_ROWS = 40_000
ROWS_PER_LEVEL = 10


@dataclass(slots=True, kw_only=True)
class RowSample:
    """Columns of the sampled rows.

    Attributes:
        values: measures, NaN where missing.
        levels: categories as codes, −1 where missing.
        design: what trend and season offer to explain, n × p.
        follows: for rows 1 … n−1, whether the row continues the series of the one before.
    """

    values: dict[str, Vector]
    levels: dict[str, NDArray[np.int64]]
    design: Matrix
    follows: NDArray[np.bool_]
    has_time: bool
    _rests: dict[str, Vector] = field(default_factory=dict)

    def rest(self, measure: str) -> Vector:
        """Normal scores of what trend and season leave of the measure; NaN where missing.

        Taken out before the scores are made: scores bend a straight line, alike for each measure.
        """
        if measure not in self._rests:
            y = self.values[measure]
            rest = np.full(len(y), np.nan)
            mask = np.isfinite(y)
            rest[mask] = normal_scores(_residuals(y[mask], self.design[mask]))
            self._rests[measure] = rest
        return self._rests[measure]

    def within_groups(self, measure: str, categories: Sequence[str]) -> Vector:
        """`rest` less the means of the groups, category by category, two rounds."""
        rest = self.rest(measure).copy()
        for _ in range(2):
            for category in categories:
                codes = self.levels[category]
                mask = np.isfinite(rest) & (codes >= 0)
                counts = np.bincount(codes[mask], minlength=1)
                if (counts > 0).sum() * ROWS_PER_LEVEL > mask.sum():
                    continue
                sums = np.bincount(codes[mask], weights=rest[mask])
                means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
                rest[mask] -= means[codes[mask]]
        return rest

    def memory(self, values: Vector, mask: NDArray[np.bool_]) -> float:
        """Lag-one autocorrelation of values in series order."""
        return lag_one(values[mask], self._follows(mask))

    def design_effect(self, rest: Vector, mask: NDArray[np.bool_], groups: NDArray[np.int64]) -> float:
        """How many times less the rows say about the groups than independent ones would.

        For noise of lag-one autocorrelation φ and group membership of persistence a the variance
        of a group's mean grows by (1 + φa) / (1 − φa).
        """
        counts = np.bincount(groups)
        means = np.bincount(groups, weights=rest[mask]) / np.maximum(counts, 1)
        phi = lag_one(rest[mask] - means[groups], self._follows(mask))
        follows = self._follows(mask)
        if phi <= 0 or not follows.any():
            return 1.0
        same = float((groups[1:] == groups[:-1])[follows].mean())
        chance = float(((counts / counts.sum()) ** 2).sum())
        persistence = max(0.0, (same - chance) / (1 - chance)) if chance < 1 else 0.0
        product = phi * persistence
        return (1 + product) / (1 - product)

    def _follows(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Continuation among the masked rows: no series border between one and the next."""
        borders = np.concatenate([[0], np.cumsum(~self.follows)])[mask]
        kept: NDArray[np.bool_] = borders[1:] == borders[:-1]
        return kept


def _residuals(y: Vector, design: Matrix) -> Vector:
    """Least squares with far values pulled in, so that outliers do not bend the fit."""
    pulled = y
    basis, _ = np.linalg.qr(design)
    for _ in range(4):
        fitted = basis @ (basis.T @ pulled)
        rest = y - fitted
        spread = 3 * 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
        if spread == 0:
            break
        pulled = fitted + np.clip(rest, -spread, spread)
    # Rounding leaves dust that ranks would take for data.
    kept: Vector = np.round(rest / (float(np.abs(y).max()) or 1.0), 12)
    return kept


def sample_rows(
    table: Table,
    timeline: Timeline | None,
    measures: Sequence[ColumnProfile],
    categories: Sequence[ColumnProfile],
) -> RowSample:
    """Read at most about 40,000 rows; a larger table gives every k-th by a hash of its number."""
    t = "CAST(NULL AS TIMESTAMP)"
    if timeline is not None:
        t = f"CASE WHEN {quoted(timeline.column)} IS NOT NULL THEN {timeline.expression} END"
    parts = [f"epoch({t}) AS t", f"{t} AS moment"]
    parts += [f"{as_number(m.name)} AS m{i}" for i, m in enumerate(measures)]
    parts += [f"CAST({quoted(c.name)} AS VARCHAR) AS c{i}" for i, c in enumerate(categories)]
    where = ""
    if table.rows > MAX_ROWS:
        # Knuth's multiplicative hash: spread evenly, and free of any period in the data.
        bound = int(2**32 * MAX_ROWS / table.rows)
        where = f" WHERE (rowid * 2654435761) % 4294967296 < {bound}"
    cycles = cycles_of(timeline)
    phases = "".join(
        f", {cycle.phase_sql.replace('period', 'moment')} AS p{i}" for i, cycle in enumerate(cycles)
    )
    found = table.arrays(
        f"SELECT * EXCLUDE (moment){phases} FROM"
        f" (SELECT rowid AS place, {', '.join(parts)} FROM data{where}) ORDER BY t, place"
    )
    time = _floats(found["t"])
    levels = {c.name: _codes(found[f"c{i}"]) for i, c in enumerate(categories)}
    panel = _panel(time, levels) if timeline is not None and not timeline.is_unique else None
    order = np.arange(len(time)) if panel is None else np.argsort(levels[panel], kind="stable")
    follows = np.ones(max(0, len(time) - 1), dtype=bool)
    if panel is not None:
        codes = levels[panel][order]
        follows = codes[1:] == codes[:-1]
    columns = [np.ones(len(time))]
    if timeline is not None:
        known = np.isfinite(time)
        middle = float(np.median(time[known])) if known.any() else 0.0
        filled = np.where(known, time, middle)
        columns.append((filled - filled.mean()) / max(1.0, float(np.ptp(filled))))
    design = np.column_stack(columns)
    for i, _ in enumerate(cycles):
        phase = dummies(np.nan_to_num(_floats(found[f"p{i}"]), nan=-1.0))
        design = np.hstack([design, phase[:, 1:]])
    return RowSample(
        values={m.name: _floats(found[f"m{i}"])[order] for i, m in enumerate(measures)},
        levels={name: codes[order] for name, codes in levels.items()},
        design=design[order],
        follows=follows,
        has_time=timeline is not None,
    )


def _floats(values: Any) -> Vector:
    filled: Vector = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
    return filled


def _codes(values: Any) -> NDArray[np.int64]:
    masked = np.ma.asarray(values)
    missing = np.ma.getmaskarray(masked)
    texts = np.where(missing, "", np.ma.filled(masked, "")).astype(str)
    _, inverse = np.unique(texts, return_inverse=True)
    return np.where(missing, -1, inverse).astype(np.int64)


def _panel(time: Vector, levels: dict[str, NDArray[np.int64]]) -> str | None:
    """The category that, with the time, names a row: each of its levels is a series."""
    for name, codes in sorted(levels.items(), key=lambda item: len(np.unique(item[1]))):
        pairs = np.stack([time, codes.astype(np.float64)])
        if np.unique(pairs, axis=1).shape[1] == len(time):
            return name
    return None
