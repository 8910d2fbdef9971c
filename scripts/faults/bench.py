"""The bench on which faults are tried: a copy of the tree and one pytest process at a time.

The working tree is only read. Each pytest is a fork that starts with the libraries loaded. Invariant:
what the tests import is the copy, which a plugin inside the test process checks; a file in the copy gets
a new time with each change, so that no compiled file of another fault is taken for it.
"""

import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from scripts.faults.seeded import Seeded

LIBRARIES = "pytest hypothesis orjson sqlalchemy.ext.asyncio alembic fastapi uvicorn langgraph.graph".split()
COPIED = ("src", "tests", "scripts", "pyproject.toml")
TEST_TIMEOUT_S = 150  # tests wait a minute for what must come: who waits in vain is red, not hanging
RUN_TIMEOUT_S = 450
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
        write()  # at once: what hangs after it must not take it away


def pytest_sessionfinish(session):
    write(session.testscollected)


def write(collected=0):
    answer = {"collected": collected, "failed": failed}
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
        self._root = Path()
        self._changes = 0

    def fill(self, root: Path) -> None:
        self._root = root
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

    def _become_pytest(self, arguments: list[str], output: Path) -> NoReturn:
        """In a fork: leave nothing of the runner but the libraries it has loaded."""
        status = 70
        try:
            os.setsid()
            log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for descriptor, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
                os.dup2(source, descriptor)
            os.chdir(self._copy)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            own = [str(self._copy / "src"), str(self._copy)]
            libraries = [path for path in sys.path if path and path not in (str(self._root), str(self._root / "src"))]
            sys.path[:] = own + libraries
            for name in [name for name in sys.modules if name.partition(".")[0] == "scripts"]:
                del sys.modules[name]
            os.environ.pop("CI", None)
            os.environ |= {"PYTHONPATH": os.pathsep.join(own), "FAULTS_REPORT": str(self._report)}
            import pytest

            status = int(pytest.main(arguments))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def run(self, nodes: Sequence[str], *, is_baseline: bool = False) -> Trial:
        """Run tests of the copy, in the order in which they stand; without a fault, all of them."""
        self._report.unlink(missing_ok=True)
        options = ["-q", "--tb=short", "--color=no", f"--timeout={TEST_TIMEOUT_S}"]
        options += ["-p", PLUGIN, "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist"]
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # libraries are loaded before pytest
        options += [] if is_baseline else ["-x"]
        output = self._copy.parent / "output"
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            self._become_pytest([*options, *nodes], output)
        returncode = _waited_for(pid, BASELINE_TIMEOUT_S if is_baseline else RUN_TIMEOUT_S)
        seconds = time.monotonic() - started
        try:
            answer = json.loads(self._report.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            answer = {"collected": 0, "failed": {}}
        colour = Colour.BROKEN
        if returncode == 0 and answer["collected"]:
            colour = Colour.GREEN
        elif answer["failed"] and returncode in (1, None):
            # A test that failed on a hang may leave a thread that keeps the process from ending.
            colour = Colour.RED
        return Trial(colour=colour, seconds=seconds, failed=answer["failed"], output=output.read_text()[-4000:])


def _waited_for(pid: int, seconds: float) -> int | None:
    """The exit status of a process, None if it did not end in time; what it started ends with it."""
    give_up = time.monotonic() + seconds
    ended = (0, 0)
    while ended == (0, 0) and time.monotonic() < give_up:
        time.sleep(0.02)
        ended = os.waitpid(pid, os.WNOHANG)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if ended == (0, 0):
        os.waitpid(pid, 0)
        return None
    return os.waitstatus_to_exitcode(ended[1])


@contextmanager
def bench(root: Path) -> Iterator[Bench]:
    """A filled bench; the libraries that most tests need are loaded once, here."""
    for name in LIBRARIES:
        import_module(name)
    if "langgraph_multi_agent" in sys.modules:
        raise AssertionError("the runner must not import what it tries faults on")
    with TemporaryDirectory(prefix="lgma-faults-") as directory:
        made = Bench(Path(directory).resolve())
        made.fill(root)
        yield made
