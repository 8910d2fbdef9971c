"""`scripts/setup.py`: what it installs, when it does nothing, and when it starts anew."""

import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Machine:
    """A copy of the project whose installers are recorded programs: `uv` and `pip` that may fail."""

    def __init__(self, root: Path, setup: ModuleType, patch: pytest.MonkeyPatch) -> None:
        self.root, self.setup = root, setup
        self.calls: list[str] = []
        self.failing: tuple[str, ...] = ()
        patch.setattr(setup, "run", self._run)
        self.with_uv(patch, present=False)
        patch.delenv("LGMA_SETUP_WITH", raising=False)

    def with_uv(self, patch: pytest.MonkeyPatch, *, present: bool) -> None:
        patch.setattr(self.setup.shutil, "which", lambda name: "uv" if present else None)

    def _run(self, *argv: object) -> None:
        call = " ".join(str(part).replace(f"{self.root}/", "") for part in argv)
        self.calls.append(call)
        if any(word in call for word in self.failing):
            raise self.setup.SetupFailed
        if " venv " in call:
            python = self.root / ".venv" / "bin" / "python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()

    def make(self, level: str) -> Sequence[str]:
        """Run the set-up and give the calls it made."""
        self.calls.clear()
        self.code = self.setup.main(level)
        return tuple(self.calls)

    def installed(self) -> list[str]:
        return [name for name in ("build", "runtime", "dev") if any(f"{name}.lock" in c for c in self.calls)]

    @property
    def was_created(self) -> bool:
        return any(" venv " in call for call in self.calls)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    root = tmp_path / "a project"
    (root / "scripts").mkdir(parents=True)
    shutil.copytree(ROOT / "requirements", root / "requirements")
    shutil.copy(ROOT / "pyproject.toml", root)
    script = shutil.copy(ROOT / "scripts" / "setup.py", root / "scripts")
    spec = importlib.util.spec_from_file_location("lgma_setup", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Machine(root, module, monkeypatch)


def test_the_second_run_does_nothing(machine: Machine) -> None:
    assert machine.make("runtime")
    assert machine.make("runtime") == ()


def test_everything_is_installed_with_hashes_and_the_build_tools_come_first(machine: Machine) -> None:
    calls = machine.make("runtime")
    locked = [call for call in calls if ".lock" in call]
    assert machine.installed() == ["build", "runtime"]
    assert "build.lock" in locked[0]
    assert all("--require-hashes" in call for call in locked)
    assert "--no-deps" in calls[-1]


def test_tests_build_on_what_the_program_has(machine: Machine) -> None:
    machine.make("runtime")
    machine.make("dev")
    assert "dev" in machine.installed()
    assert not machine.was_created
    assert machine.make("runtime") == ()


def test_an_environment_for_tests_stays_one_when_the_lock_changes(machine: Machine) -> None:
    machine.make("dev")
    with (machine.root / "requirements" / "runtime.lock").open("a", encoding="utf-8") as lock:
        lock.write("another==1 --hash=sha256:00\n")
    machine.make("runtime")
    assert "dev" in machine.installed()
    assert machine.make("dev") == ()


def test_settings_of_tools_do_not_cause_an_installation(machine: Machine) -> None:
    machine.make("dev")
    with (machine.root / "pyproject.toml").open("a", encoding="utf-8") as project:
        project.write("\n[tool.something]\nvalue = 1\n")
    assert machine.make("dev") == ()


@pytest.mark.parametrize("point", ["venv", "build.lock", "runtime.lock", "--editable"])
def test_an_unfinished_environment_is_built_anew(machine: Machine, point: str) -> None:
    machine.failing = (point,)
    machine.make("runtime")
    assert machine.code == 1
    machine.failing = ()
    machine.make("runtime")
    assert machine.was_created
    assert machine.code == 0
    assert machine.make("runtime") == ()


def test_an_environment_that_was_moved_is_built_anew(machine: Machine) -> None:
    machine.make("runtime")
    stamp = machine.root / ".venv" / "lgma-setup.json"
    stamp.write_text('{"level": "runtime", "digest": "of another place"}', encoding="utf-8")
    machine.make("runtime")
    assert machine.was_created


def test_pip_takes_over_where_uv_fails(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.with_uv(monkeypatch, present=True)
    machine.failing = ("uv pip sync",)
    calls = machine.make("runtime")
    assert machine.code == 0
    assert any("-m pip" in call and "runtime.lock" in call for call in calls)


def test_uv_is_used_where_present(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.with_uv(monkeypatch, present=True)
    calls = machine.make("runtime")
    assert machine.code == 0
    assert all(call.startswith("uv ") for call in calls)


def test_a_machine_without_python_is_told_what_to_do(tmp_path: Path) -> None:
    shell = shutil.which("sh")
    cat = shutil.which("cat")
    assert shell
    assert cat
    (tmp_path / "cat").symlink_to(cat)
    found = subprocess.run(
        [shell, str(ROOT / "scripts" / "python")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert "needs Python 3.11 or newer" in found.stderr
    assert found.stdout == ""


def test_a_named_python_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    found = subprocess.run(
        ["sh", str(ROOT / "scripts" / "python")],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert str(old) in found.stderr
