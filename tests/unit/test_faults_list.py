"""The list of seeded faults fits the tree: each can still be put in, and its tests are still there."""

import re
from pathlib import Path

import pytest
from scripts.faults.catalogue import FAULTS
from scripts.faults.seeded import Seeded, staleness

ROOT = Path(__file__).resolve().parents[2]
LEAST = 30


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_can_be_put_in_and_names_tests_that_exist(fault: Seeded) -> None:
    assert staleness(fault, ROOT) == []


def test_faults_are_many_and_each_has_a_name_of_its_own_and_breaks_something_of_its_own() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names)) >= LEAST
    changes = {(fault.file, fault.old, fault.new, fault.tests) for fault in FAULTS}
    assert len(changes) == len(FAULTS)


def test_the_document_lists_exactly_these_faults() -> None:
    document = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z0-9-]+)` \|", document, re.MULTILINE)
    assert sorted(listed) == sorted(fault.name for fault in FAULTS)


def test_what_no_longer_fits_is_said_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "src/langgraph_multi_agent").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "src/langgraph_multi_agent/a.py").write_text("x = 1\ny = 1\n")
    (tmp_path / "tests/test_a.py").write_text("def test_a():\n    pass\n")

    def reasons(old: str, new: str, test: str = "tests/test_a.py::test_a", file: str = "a.py") -> str:
        fault = Seeded(name="n", breaks="b", file=file, old=old, new=new, tests=(test,))
        return " ".join(staleness(fault, tmp_path))

    assert reasons("x = 1", "x = 2") == ""
    assert "2 times" in reasons("= 1", "= 2")
    assert "0 times" in reasons("z", "w")
    assert "no Python" in reasons("x = 1", "x = (")
    assert "changes nothing" in reasons("x = 1", "x = 1")
    assert "has no test_b" in reasons("x = 1", "x = 2", "tests/test_a.py::test_b")
    assert "tests/test_c.py is gone" in reasons("x = 1", "x = 2", "tests/test_c.py::test_a")
    assert "b.py is gone" in reasons("x = 1", "x = 2", file="b.py")
