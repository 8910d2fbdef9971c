"""Tests that decide what is worth reporting; nothing computed here is ever shown.

Callers: the analyses. Hides the distributions and the allowance for dependence between
neighbouring rows. Invariant: deterministic, and conservative where neighbours resemble each other.

Sources: incomplete gamma and beta functions by series and continued fractions as in Press et al.,
Numerical Recipes, 3rd ed., sections 6.2 and 6.4; moment-matched F tests after Satterthwaite (1946);
Holm (1979) for many tests at once.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

ALPHA = 0.002
"""Chance of any false report among the tests of one analysis of one table."""
MAX_PHI = 0.97
_TINY = 1e-300


def gamma_upper(shape: float, x: float) -> float:
    """Regularised upper incomplete gamma function Q(shape, x)."""
    if x <= 0:
        return 1.0
    front = math.exp(-x + shape * math.log(x) - math.lgamma(shape))
    if x < shape + 1:
        term = total = 1.0 / shape
        n = shape
        while abs(term) > abs(total) * 1e-15:
            n += 1
            term *= x / n
            total += term
        return max(0.0, 1.0 - total * front)
    b = x + 1 - shape
    c, d = 1 / _TINY, 1 / b
    h = d
    for i in range(1, 1000):
        a = -i * (i - shape)
        b += 2
        d = 1 / _nonzero(a * d + b)
        c = _nonzero(b + a / c)
        h *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return min(1.0, front * h)


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def beta_regularised(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1) / (a + b + 2):
        return math.exp(log_front) * _beta_fraction(a, b, x) / a
    return 1.0 - math.exp(log_front) * _beta_fraction(b, a, 1 - x) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    h = d
    for m in range(1, 2000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _nonzero(1 + step * d)
            c = _nonzero(1 + step / c)
            h *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return h


def chi2_tail(x: float, df: float) -> float:
    """P(X > x) for chi-squared with `df` degrees of freedom, not necessarily whole."""
    return gamma_upper(df / 2, x / 2)


def f_tail(x: float, df1: float, df2: float) -> float:
    """P(X > x) for the F distribution."""
    if x <= 0:
        return 1.0
    return beta_regularised(df2 / 2, df1 / 2, df2 / (df2 + df1 * x))


def t_tail(x: float, df: float) -> float:
    """P(X > x) for Student's t, one-sided."""
    tail = 0.5 * beta_regularised(df / 2, 0.5, df / (df + x * x))
    return tail if x >= 0 else 1 - tail


def t_quantile(tail: float, df: float) -> float:
    """The x with P(X > x) = tail, for tails below one half."""
    low, high = 0.0, 1.0
    while t_tail(high, df) > tail:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, df) > tail else (low, middle)
    return (low + high) / 2


def holm(p_values: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Which hypotheses fall, so that any false one does with a chance of at most `alpha`."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = [False] * len(p_values)
    for place, i in enumerate(order):
        if p_values[i] > alpha / (len(p_values) - place):
            break
        rejected[i] = True
    return rejected


def ranks(values: Vector) -> Vector:
    """Ranks from 1, ties share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean: Vector = last - (counts - 1) / 2.0
    return mean[inverse]


def normal_scores(values: Vector) -> Vector:
    """Values replaced by the normal quantiles of their ranks: keeps order, tames tails."""
    shares = (ranks(values) - 0.375) / (len(values) + 0.25)
    return _normal_quantile(shares)


def _normal_quantile(p: Vector) -> Vector:
    """Inverse normal distribution, Acklam's rational approximation (relative error < 1.2e-9)."""
    a = (-3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2,
         1.383577518672690e2, -3.066479806614716e1, 2.506628277459239)  # fmt: skip
    b = (-5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2,
         6.680131188771972e1, -1.328068155288572e1)  # fmt: skip
    c = (-7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838,
         -2.549732539343734, 4.374664141464968, 2.938163982698783)  # fmt: skip
    d = (7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416)
    q = p - 0.5
    r = q * q
    centre = np.polyval(a, r) * q / (np.polyval(b, r) * r + 1)
    edge = np.sqrt(-2 * np.log(np.minimum(p, 1 - p)))
    tail = np.polyval(c, edge) / (np.polyval(d, edge) * edge + 1)
    found: Vector = np.where(np.abs(q) <= 0.47575, centre, np.where(q < 0, tail, -tail))
    return found


def dummies(labels: NDArray[Any]) -> Matrix:
    """One 0/1 column per distinct label."""
    levels, inverse = np.unique(labels, return_inverse=True)
    matrix = np.zeros((len(labels), len(levels)))
    matrix[np.arange(len(labels)), inverse] = 1.0
    return matrix


def _basis(design: Matrix) -> Matrix:
    u, s, _ = np.linalg.svd(design, full_matrices=False)
    if not len(s) or s[0] == 0:
        return u[:, :0]
    kept: Matrix = u[:, s > 1e-9 * s[0]]
    return kept


def dependent_f_test(y: Vector, x: Vector, nuisance: Matrix, tested: Matrix) -> float:
    """P-value of the tested part of a linear model whose noise is a first-order autoregression.

    The autocorrelation is estimated from the full model's residuals with its bias removed; the
    F ratio's two quadratic forms are matched in mean and variance under that correlation.

    Args:
        y: n observations, n ≤ 2000.
        x: n increasing whole positions in time; correlation decays with their distance.
        nuisance: n × p, allowed for. tested: n × q, in question.
    """
    n = len(y)
    base = _basis(nuisance)
    rest = tested - base @ (base.T @ tested)
    extra = _basis(rest)
    if extra.shape[1] == 0 or n - base.shape[1] - extra.shape[1] < 4:
        return 1.0
    q = np.hstack([base, extra])
    e = y - q @ (q.T @ y)
    sum_squares = float(e @ e)
    if sum_squares <= 1e-12 * float(((y - y.mean()) ** 2).sum()):
        return 0.0
    distance = np.abs(x[:, None] - x[None, :]).astype(np.int64)
    phi = _phi(e, q, distance)
    # One standard error more: too high an estimate only costs power, too low one costs truth.
    phi = min(MAX_PHI, phi + math.sqrt((1 - phi * phi) / n)) if phi > 0 else phi
    gamma = _decay(phi, distance)
    between = extra.T @ gamma @ extra
    gq = gamma @ q
    inner = q.T @ gq
    mean_rest = n - float(np.trace(inner))
    square_rest = float((gamma * gamma).sum()) - 2 * float((gq * gq).sum()) + float((inner**2).sum())
    mean_between = float(np.trace(between))
    df1 = mean_between**2 / float((between**2).sum())
    df2 = max(1.0, mean_rest**2 / square_rest)
    explained = extra.T @ y
    f = (float(explained @ explained) / mean_between) / (sum_squares / mean_rest)
    return f_tail(f, df1, df2)


def _decay(phi: float, distance: NDArray[np.int64]) -> Matrix:
    """Correlation phi**distance; looked up, since powers of whole numbers repeat."""
    powers: Vector = phi ** np.arange(int(distance.max()) + 1, dtype=np.float64)
    found: Matrix = powers[distance]
    return found


def _phi(e: Vector, q: Matrix, distance: NDArray[np.int64]) -> float:
    """Lag-one autocorrelation of the noise, from residuals e = (I - QQ')u."""
    lag = (distance == 1) * 0.5
    measured = float(e @ lag @ e) / float(e @ e)
    lq = lag @ q

    def expected(phi: float) -> float:
        gamma = _decay(phi, distance)
        gq = gamma @ q
        inner = q.T @ gq
        top = float((lag * gamma).sum()) - 2 * float((lq * gq).sum()) + float(((q.T @ lq) * inner).sum())
        return top / (len(e) - float(np.trace(inner)))

    if expected(0.0) >= measured:
        return 0.0
    low, high = 0.0, MAX_PHI
    if expected(high) <= measured:
        return high
    for _ in range(12 if len(e) <= 600 else 7):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle) < measured else (low, middle)
    return high


def lag_one(values: Vector, follows: NDArray[np.bool_]) -> float:
    """Lag-one autocorrelation over pairs of neighbours that belong together, within 0 … 0.97."""
    centred = values - values.mean()
    total = float(centred @ centred)
    pairs = int(follows.sum())
    if total == 0 or pairs < 10:
        return 0.0
    product = float((centred[1:] * centred[:-1])[follows].sum()) / pairs
    n = len(values)
    return min(MAX_PHI, max(0.0, (product * n / total + 1 / n) / (1 - 3 / n)))


def kruskal_wallis(values: Vector, labels: NDArray[Any]) -> tuple[float, int]:
    """H with ties corrected, and the number of groups less one."""
    rank = ranks(values)
    n = len(values)
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.bincount(inverse, weights=rank)
    spread = float(((rank - rank.mean()) ** 2).sum())
    if spread == 0:
        return 0.0, max(1, len(counts) - 1)
    between = float((sums**2 / counts).sum()) - n * float(rank.mean()) ** 2
    return (n - 1) * between / spread, max(1, len(counts) - 1)


def correlation_p(r: float, n_effective: float) -> float:
    """Two-sided p-value of a correlation from so many independent pairs."""
    df = n_effective - 2
    if df < 2:
        return 1.0
    if abs(r) >= 1:
        return 0.0
    return 2 * t_tail(abs(r) * math.sqrt(df / (1 - r * r)), df)
