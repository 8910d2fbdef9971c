"""The bench on which faults are tried: a copy of the tree and one pytest process at a time.

The working tree is only read. Invariant: what the tests import is the copy, which a plugin inside
the test process checks; a file in the copy gets a new time with each change, so that no compiled
file of another fault is taken for it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.faults.seeded import Seeded

COPIED = ("src", "tests", "scripts", "pyproject.toml")
TEST_TIMEOUT_S = 60
RUN_TIMEOUT_S = 180
BASELINE_TIMEOUT_S = 1800
FIRST_TIME = 1_700_000_000
PLUGIN = "faults_guard"
PLUGIN_SOURCE = '''"""Refuses to test anything but the copy, and writes down which tests failed, and how."""

import json
import os
from pathlib import Path

import langgraph_multi_agent

COPY = Path(__file__).parent
imported = Path(langgraph_multi_agent.__file__)
if not imported.is_relative_to(COPY / "src"):
    raise SystemExit(f"the tests import {imported}, not the copy")
failed = {}


def pytest_runtest_logreport(report):
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        failed[report.nodeid] = str(crash.message if crash else report.longrepr)[:2000]


def pytest_sessionfinish(session):
    answer = {"collected": session.testscollected, "failed": failed}
    Path(os.environ["FAULTS_REPORT"]).write_text(json.dumps(answer))
'''


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"
    BROKEN = "broken"
    """The tests could not be run at all; that proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How the tests ended, which of them failed and why, and the tail of what pytest said."""

    colour: Colour
    seconds: float
    failed: dict[str, str]
    output: str


class Bench:
    """A copy of the tree in a directory that somebody else removes."""

    def __init__(self, directory: Path) -> None:
        self._copy = directory / "copy"
        self._report = directory / "report.json"
        self._changes = 0

    def fill(self, root: Path) -> None:
        self._copy.mkdir()
        leave_out = shutil.ignore_patterns("__pycache__", "*.pyc")
        for name in COPIED:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, self._copy / name, ignore=leave_out)
            else:
                shutil.copy2(source, self._copy / name)
        (self._copy / f"{PLUGIN}.py").write_text(PLUGIN_SOURCE, encoding="utf-8")

    @contextmanager
    def seeded(self, fault: Seeded) -> Iterator[None]:
        """The copy has the fault inside of the block."""
        path = fault.path(self._copy)
        original = path.read_text(encoding="utf-8")
        if original.count(fault.old) != 1:
            raise AssertionError(f"{fault.name} is stale")
        self._write(path, original.replace(fault.old, fault.new))
        try:
            yield
        finally:
            self._write(path, original)

    def _write(self, path: Path, content: str) -> None:
        path.write_text(content, encoding="utf-8")
        self._changes += 1
        os.utime(path, (FIRST_TIME + self._changes,) * 2)

    def run(self, nodes: Sequence[str], *, is_baseline: bool = False) -> Trial:
        """Run tests of the copy, in the order in which they stand; without a fault, all of them."""
        self._report.unlink(missing_ok=True)
        paths = os.pathsep.join((str(self._copy / "src"), str(self._copy)))
        environment = {**os.environ, "PYTHONPATH": paths, "FAULTS_REPORT": str(self._report)}
        environment.pop("CI", None)
        options = ["-q", "--tb=short", "--color=no", f"--timeout={TEST_TIMEOUT_S}"]
        options += ["-p", PLUGIN, "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist"]
        options += [] if is_baseline else ["-x"]
        argv = [sys.executable, "-m", "pytest", *options, *nodes]
        started = time.monotonic()
        process = subprocess.Popen(
            argv, cwd=self._copy, env=environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        has_hung = False
        try:
            output, _ = process.communicate(timeout=BASELINE_TIMEOUT_S if is_baseline else RUN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            output, has_hung = "the test process did not end", True
        finally:
            _end(process)
        seconds = time.monotonic() - started
        try:
            answer = json.loads(self._report.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            answer = {"collected": 0, "failed": {}}
        colour = Colour.BROKEN
        if process.returncode == 0 and answer["collected"]:
            colour = Colour.GREEN
        elif answer["failed"] and (process.returncode == 1 or has_hung):
            # A test that failed on a hang may leave a thread that keeps the process from ending.
            colour = Colour.RED
        return Trial(colour=colour, seconds=seconds, failed=answer["failed"], output=output[-4000:])


def _end(process: "subprocess.Popen[str]") -> None:
    """What a test left running under a fault goes with it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def bench(root: Path) -> Iterator[Bench]:
    with TemporaryDirectory(prefix="lgma-faults-") as directory:
        made = Bench(Path(directory).resolve())
        made.fill(root)
        yield made
