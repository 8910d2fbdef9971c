"""Findings are about the file that was given, and about effects that are there."""

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from langgraph_multi_agent.skills.tables import analyse

ROWS = 400
SHAPES = ("normal", "heavy", "skewed", "even")


def drawn(shape: str, rng: np.random.Generator) -> list[float]:
    match shape:
        case "normal":
            values = rng.normal(100, 5, ROWS)
        case "heavy":
            values = 100 + rng.standard_t(3, ROWS)
        case "skewed":
            values = rng.lognormal(3, 0.6, ROWS)
        case _:
            values = rng.uniform(0, 9, ROWS)
    return [round(float(value), 4) for value in values]


def stored(directory: Path, first: list[float], second: list[float]) -> Path:
    path = directory / "noise.csv"
    rows = (f"{y},{z},{'ab'[place % 2]}" for place, (y, z) in enumerate(zip(first, second, strict=True)))
    path.write_text("\n".join(("y,z,g", *rows)) + "\n")
    return path


def findings(path: Path, analysis: str) -> list[dict[str, Any]]:
    found = analyse.run({"file": str(path), "name": path.name, "analysis": analysis})["findings"]
    return list(found)


def numbers(finding: dict[str, Any]) -> dict[str, Any]:
    return {number["name"]: number["value"] for number in finding["numbers"]}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("analysis", ["anomaly", "correlation", "group_difference"])
def test_noise_has_no_effects_whatever_its_tails(tmp_path: Path, analysis: str, shape: str) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        path = stored(tmp_path, drawn(shape, rng), drawn("normal", rng))
        assert findings(path, analysis) == [], seed


@pytest.mark.parametrize("shape", ["normal", "even"])
def test_a_single_value_far_outside_is_found_at_its_place_with_its_value(tmp_path: Path, shape: str) -> None:
    for seed in range(2):
        rng = np.random.default_rng(seed)
        values = drawn(shape, rng)
        values[57] = 500.0 + seed
        (finding,) = findings(stored(tmp_path, values, drawn("normal", rng)), "anomaly")
        assert (list(finding["subject"]), finding["names"]["place"]) == (["y"], "58")
        assert {"anomalies": 1, "high": 1, "low": 0, "value": 500.0 + seed}.items() <= numbers(finding).items()


def test_the_numbers_of_a_finding_are_those_of_the_file(tmp_path: Path) -> None:
    told = []
    for shift in (0.0, 1000.0):
        rng = np.random.default_rng(3)
        first = [value + shift + 60 * (place % 2) for place, value in enumerate(drawn("normal", rng))]
        found = findings(stored(tmp_path, first, drawn("normal", rng)), "group_difference")
        (difference,) = [item for item in found if list(item["subject"]) == ["y", "g"]]
        values = numbers(difference)
        medians = sorted(statistics.median(first[start::2]) for start in (0, 1))
        assert [value for value in medians if not any(np.isclose(value, told_) for told_ in _floats(values))] == []
        told.append(values)
    assert told[0] != told[1]


def _floats(values: dict[str, Any]) -> list[float]:
    return [float(value) for value in values.values() if isinstance(value, (int, float))]
