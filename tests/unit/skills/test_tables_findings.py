"""Findings: planted effects are found, nothing is made up, and every number comes from its SQL."""

import math
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from tests.support.datasets import Dataset, findings_of, generate, is_effect, is_true, tells

from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.domain.finding import Finding, canonical_findings
from langgraph_multi_agent.i18n import LANGUAGES
from langgraph_multi_agent.i18n.statement import statement
from langgraph_multi_agent.skills.tables import analyse, recompute, significance

SEEDS = tuple(range(500, 530))
FEW = SEEDS[:2]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@cache
def analysed(directory: Path, seed: int) -> tuple[Dataset, Path, tuple[Finding, ...]]:
    dataset = generate(seed)
    path = dataset.write(directory)
    return dataset, path, tuple(findings_of(path, dataset.name))


@pytest.mark.timeout(600)
def test_planted_effects_are_found_and_few_others_on_30_data_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in the runner's children: threads of the linear algebra only get in each other's way.
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    datasets = [generate(seed) for seed in SEEDS]
    paths = [dataset.write(tmp_path) for dataset in datasets]
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        answers = list(pool.map(findings_of, paths, [dataset.name for dataset in datasets]))
    planted = found = reported = false = 0
    missed, wrong = [], []
    for dataset, findings in zip(datasets, answers, strict=True):
        for effect in dataset.planted:
            planted += 1
            if any(tells(finding, effect, dataset) for finding in findings):
                found += 1
            else:
                missed.append((dataset.name, effect))
        for finding in filter(is_effect, findings):
            reported += 1
            if not is_true(finding, dataset):
                false += 1
                wrong.append((dataset.name, statement(finding, "en")))
    print(f"planted {planted}, found {found}; reported {reported}, false {false}")
    assert planted >= 40
    assert any(not dataset.planted for dataset in datasets)
    assert found >= 0.9 * planted, missed
    assert false <= 0.05 * reported, wrong


def test_every_number_and_checked_name_comes_from_the_sql(directory: Path) -> None:
    for seed in FEW:
        _, path, findings = analysed(directory, seed)
        answer = recompute.run(
            {
                "file": str(path),
                "name": findings[0].source,
                "queries": [{"id": f.id, "sql": f.sql} for f in findings],
            }
        )
        assert answer["errors"] == {}
        for finding in findings:
            row = answer["rows"][finding.id]
            for number in finding.numbers:
                if number.value is None:
                    assert row[number.name] is None
                else:
                    assert math.isclose(row[number.name], number.value, rel_tol=1e-9), (finding.id, number)
            for name, value in finding.names.items():
                assert name not in row or str(row[name]) == value


def test_sentences_exist_in_both_languages_with_all_their_values(directory: Path) -> None:
    for seed in FEW:
        _, _, findings = analysed(directory, seed)
        assert len({finding.id for finding in findings}) == len(findings)
        for finding in findings:
            for language in LANGUAGES:
                sentence = statement(finding, language)
                assert "{" not in sentence
                assert all(
                    finding.names[name] in sentence
                    for name in ("measure", "a", "category")
                    if name in finding.names
                )


def test_the_same_file_gives_the_same_findings(directory: Path, tmp_path: Path) -> None:
    dataset = generate(521)
    first = dataset.write(tmp_path)
    second = tmp_path / "elsewhere"
    second.write_bytes(first.read_bytes())
    for analysis in analyse.ANALYSES:
        answers = [
            analyse.run({"file": str(path), "name": dataset.name, "analysis": analysis})["findings"]
            for path in (first, second)
        ]
        both = [canonical_findings(map(Finding.from_json, answer)) for answer in answers]
        assert both[0] == both[1]


def table(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "stored"
    path.write_text(text)
    return {"file": str(path), "name": "t.csv"}


def test_copies_of_a_column_and_shared_trends_are_no_correlation(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    a = np.arange(200) * 0.5 + rng.normal(0, 3, 200)
    b = np.arange(200) * 2.0 + rng.normal(0, 9, 200)
    text = "day,celsius,fahrenheit,b\n" + "".join(
        f"{np.datetime64('2024-01-01') + i},{x:.2f},{x * 1.8 + 32:.3f},{y:.2f}\n"
        for i, (x, y) in enumerate(zip(a, b, strict=True))
    )
    answer = analyse.run({**table(tmp_path, text), "analysis": "correlation"})
    assert answer["tested"] == 3
    assert answer["findings"] == []


def test_a_random_walk_is_no_trend_and_a_ramp_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    ramp = np.arange(150) + rng.normal(0, 10, 150)
    flat = rng.normal(0, 10, 150)
    text = "day,ramp,flat\n" + "".join(
        f"{np.datetime64('2024-01-01') + i},{100 + x:.2f},{y:.2f}\n"
        for i, (x, y) in enumerate(zip(ramp, flat, strict=True))
    )
    found = analyse.run({**table(tmp_path, text), "analysis": "trend"})["findings"]
    assert [(f["subject"], f["template"]) for f in found] == [(("ramp", "day"), "finding.trend.rising")]


def sales(rng: np.random.Generator, days: int, *, planted: tuple[str, float] | None) -> str:
    """Four regions a day whose spread goes with their level; one value is many times the usual."""
    levels = {"E": 1540.0, "S": 1160.0, "N": 910.0, "W": 100.0}
    lines = ["day,region,sales"]
    for day in range(days):
        for region, level in levels.items():
            y = level * (1 + rng.normal(0, 0.12))
            if planted is not None and planted[0] == region and day == days // 2:
                y = level * planted[1]
            lines.append(f"{np.datetime64('2023-01-01') + day},{region},{y:.2f}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("planted", [("E", 13.0), ("W", 13.0), ("W", 5.0)])
def test_a_value_many_times_its_group_is_found_whatever_the_others_spread(
    tmp_path: Path, planted: tuple[str, float]
) -> None:
    text = sales(np.random.default_rng(8), 500, planted=planted)
    asked = {**table(tmp_path, text), "analysis": "anomaly"}
    (found,) = map(Finding.from_json, analyse.run(asked)["findings"])
    numbers = {number.name: number.value for number in found.numbers}
    assert found.template == "finding.anomaly.group"
    assert numbers["anomalies"] == 1
    assert found.names["place"] == str(250 * 4 + "ESNW".index(planted[0]) + 1)
    assert numbers["threshold"] <= 30 < numbers["score"]
    queries = [{"id": "q", "sql": found.sql}]
    assert (
        recompute.run({**table(tmp_path, text), "queries": queries})["rows"]["q"]["score"] == numbers["score"]
    )


def test_groups_of_different_spread_without_a_stray_value_hold_no_anomaly(tmp_path: Path) -> None:
    for seed in range(5):
        text = sales(np.random.default_rng(seed), 300, planted=None)
        assert analyse.run({**table(tmp_path, text), "analysis": "anomaly"})["findings"] == []


def test_a_body_that_plainly_ends_bounds_the_threshold_and_a_heavy_tail_does_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(21)
    mixed = np.concatenate([rng.normal(0, 1, 900), rng.normal(0, 6, 100)])
    rng.shuffle(mixed)
    mixed[500] = 400.0

    def found(values: np.ndarray) -> list[Finding]:
        text = "k,y\n" + "".join(f"a{i % 7},{y:.4f}\n" for i, y in enumerate(values))
        return list(
            map(Finding.from_json, analyse.run({**table(tmp_path, text), "analysis": "anomaly"})["findings"])
        )

    (one,) = found(mixed)
    assert {n.name: n.value for n in one.numbers}["threshold"] <= 30
    assert one.names["place"] == "501"
    assert [found(rng.standard_cauchy(1000)) for _ in range(5)] == [[]] * 5


def test_columns_keep_an_analysis_to_them_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    text = "k,x,y\n" + "".join(
        f"{'ab'[i % 2]},{10 * (i % 2) + v:.3f},{20 * (i % 2) + w:.3f}\n"
        for i, (v, w) in enumerate(rng.normal(0, 1, (80, 2)))
    )
    file = table(tmp_path, text)
    everything = analyse.run({**file, "analysis": "group_difference"})
    only = analyse.run({**file, "analysis": "group_difference", "columns": ["x", "k"]})
    assert [f["subject"] for f in everything["findings"]] == [("x", "k"), ("y", "k")]
    assert [f["subject"] for f in only["findings"]] == [("x", "k")]
    with pytest.raises(InvalidRequest):
        analyse.run({**file, "analysis": "trend", "columns": ["nothing"]})
    with pytest.raises(InvalidRequest):
        analyse.run({**file, "analysis": "magic"})


def test_a_table_of_two_rows_is_described_and_nothing_is_claimed(tmp_path: Path) -> None:
    file = table(tmp_path, "日期,v,k\n2024-01-01,1.5,a\n2024-01-02,2.5,b\n")
    for analysis in analyse.ANALYSES:
        answer = analyse.run({**file, "analysis": analysis})
        assert answer["rows"] == 2
        assert bool(answer["findings"]) == (analysis == "profile")


def test_names_from_the_data_stay_data(tmp_path: Path) -> None:
    name = "x' OR 1=1; DROP TABLE data; --\" {0} %s"
    rng = np.random.default_rng(6)
    text = f'"{name.replace(chr(34), chr(34) * 2)}",k\n' + "".join(
        f"{5 * (i % 2) + v:.3f},{'a{b}' if i % 2 else 'c%'}\n" for i, v in enumerate(rng.normal(0, 1, 80))
    )
    found = analyse.run({**table(tmp_path, text), "analysis": "group_difference"})["findings"]
    sentence = statement(Finding.from_json(found[0]), "en")
    assert name in sentence
    assert "a{b}" in sentence


@pytest.mark.parametrize(
    ("computed", "known"),
    [
        (significance.chi2_tail(3.841458820694124, 1), 0.05),
        (significance.chi2_tail(18.307038053275146, 10), 0.05),
        (significance.f_tail(3.098391212, 3, 20), 0.05),
        (2 * significance.t_tail(2.2281388519649385, 10), 0.05),
        (significance.t_tail(-1.0, 5), 1 - significance.t_tail(1.0, 5)),
        (significance.t_quantile(0.025, 10), 2.2281388519649385),
        (significance.correlation_p(0.486932, 27), 0.01),
    ],
)
def test_tails_agree_with_tables(computed: float, known: float) -> None:
    assert computed == pytest.approx(known, rel=1e-3)


def test_holm_rejects_in_order_and_stops() -> None:
    assert significance.holm([0.001, 0.04, 0.02], alpha=0.05) == [True, True, True]
    assert significance.holm([0.001, 0.04, 0.03], alpha=0.05) == [True, False, False]


def test_noise_with_memory_is_rarely_taken_for_a_trend() -> None:
    rng = np.random.default_rng(2)
    rejected = 0
    for _ in range(200):
        y = np.zeros(90)
        for i in range(1, 90):
            y[i] = 0.7 * y[i - 1] + rng.normal()
        x = np.arange(90.0)
        p = significance.dependent_f_test(significance.normal_scores(y), x, np.ones((90, 1)), x[:, None])
        rejected += p < 0.01
    assert rejected <= 8
