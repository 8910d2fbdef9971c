"""The bench of the seeded faults tells red from green from broken, and leaves the tree alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, sys
from pathlib import Path
from scripts.faults.bench import bench
from scripts.faults.seeded import Seeded

def fault(new, test):
    return Seeded(name="n", breaks="b", file="sums.py", old="a + b", new=new, tests=(f"tests/test_sums.py::{test}",))

def tried(made, one):
    with made.seeded(one):
        trial = made.run(one.tests)
    return [trial.colour, sorted(trial.failed), one.path(made._copy).read_text()]

with bench(Path(sys.argv[1])) as made:
    told = {
        "before": [made.run(["tests"], is_baseline=True).colour],
        "red": tried(made, fault("a - b", "test_sum")),
        "same size and second": tried(made, fault("a * b", "test_sum")),
        "green": tried(made, fault("a - b", "test_zero")),
        "no import": tried(made, fault("a + nothing) + (b", "test_at_import")),
    }
print(json.dumps(told))
"""
SUMS = "def add(a, b):\n    return (a + b)\n\n\nONE = add(1, 0)\n"
TESTS = (
    "from langgraph_multi_agent.sums import add\n\n"
    "def test_sum():\n    assert add(2, 3) == 5\n\n"
    "def test_zero():\n    assert add(0, 0) == 0\n\n"
    "def test_at_import():\n    pass\n"
)


@pytest.mark.timeout(600)
def test_a_trial_is_red_only_if_a_test_failed_on_the_fault(tmp_path: Path) -> None:
    package = tmp_path / "src" / "langgraph_multi_agent"
    for directory in (package, tmp_path / "tests", tmp_path / "scripts"):
        directory.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "sums.py").write_text(SUMS)
    (tmp_path / "tests" / "test_sums.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest]\npythonpath = ["src", "."]\n')

    shown = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    told = json.loads(shown.stdout.splitlines()[-1])

    assert told["before"] == ["green"]
    for word in ("red", "same size and second"):
        assert told[word][:2] == ["red", ["tests/test_sums.py::test_sum"]]
    assert told["green"][:2] == ["green", []]
    assert told["no import"][0] == "broken"
    assert {told[word][2] for word in ("red", "green", "no import")} == {SUMS}
    assert (package / "sums.py").read_text() == SUMS
