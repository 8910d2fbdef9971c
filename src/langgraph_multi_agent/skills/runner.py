"""Runs skills on files in child processes that can always be killed.

Callers: the engine, through `domain.ports.SkillRunner`. Hides how a child is started, bounded,
fed and ended. Invariant: when `run` returns or raises, its child and all that the child started
are dead and its scratch directory is gone. Nothing is alive between calls.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import langgraph_multi_agent
from langgraph_multi_agent.domain import errors
from langgraph_multi_agent.domain.errors import Fault, LimitExceeded, SkillFailed

MEMORY_BYTES = 2 * 1024**3
"""Private memory of one child; table skills stay far below (see `tables.limits`)."""
DEADLINE_S = 600.0
"""Longest run of one call where the caller sets none."""
MAX_ANSWER_BYTES = 64 * 1024**2
"""Largest answer that is read from a child."""

_INHERITED = frozenset(
    "PATH HOME USER LANG LANGUAGE VIRTUAL_ENV PYTHONPATH PYTHONHOME LD_LIBRARY_PATH"
    " DYLD_LIBRARY_PATH SYSTEMROOT MPLCONFIGDIR XDG_CACHE_HOME FONTCONFIG_FILE FONTCONFIG_PATH"
    " COVERAGE_PROCESS_START COVERAGE_PROCESS_CONFIG".split()
)


class ChildProcessSkillRunner:
    """`domain.ports.SkillRunner` with one process per call.

    Args:
        concurrency: children alive at once; further calls wait. None: one per processor.
        memory_bytes: private memory of a child before it is refused more.
        deadline_s: seconds a call may take when the caller gives none; waiting for a free place
            is not counted.
        scratch: directory for the children's temporary files; None: the system's.
    """

    def __init__(
        self,
        *,
        concurrency: int | None = None,
        memory_bytes: int = MEMORY_BYTES,
        deadline_s: float = DEADLINE_S,
        scratch: Path | None = None,
    ) -> None:
        self._places = asyncio.Semaphore(concurrency or os.cpu_count() or 1)
        self._memory_bytes = memory_bytes
        self._deadline_s = deadline_s
        self._scratch = scratch
        self._alive: set[int] = set()

    @property
    def alive(self) -> frozenset[int]:
        """Process ids of the children at work."""
        return frozenset(self._alive)

    async def run(
        self, skill: str, params: Mapping[str, Any], *, deadline_s: float | None = None
    ) -> Mapping[str, Any]:
        """Run a skill and give back its JSON result.

        Args:
            skill: `package.skill`.
            params: JSON values.
            deadline_s: seconds until the child is killed.

        Raises:
            SkillFailed: unknown skill, a crash, or an error inside; `reason` tells which.
            LimitExceeded: memory or time ran out, or the answer is too large.
            InputUnreadable, InputUnsafe: what the skill said of the file.
        """
        seconds = self._deadline_s if deadline_s is None else deadline_s
        async with self._places:
            scratch = Path(tempfile.mkdtemp(prefix="lgma-skill-", dir=self._scratch))
            try:
                async with asyncio.timeout(seconds):
                    return await self._run(skill, params, scratch)
            except TimeoutError:
                raise LimitExceeded(limit="time", skill=skill, seconds=seconds) from None
            finally:
                shutil.rmtree(scratch, ignore_errors=True)

    async def _run(self, skill: str, params: Mapping[str, Any], scratch: Path) -> Mapping[str, Any]:
        request = {
            "skill": skill,
            "params": dict(params),
            "parent_pid": os.getpid(),
            "memory_bytes": self._memory_bytes,
        }
        line = json.dumps(request, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        child = await _start(scratch)
        self._alive.add(child.pid)
        try:
            answer, complaint = await _talk(child, line, skill)
        finally:
            await _end(child)
            self._alive.discard(child.pid)
        if answer is None:
            raise _crash(skill, child.returncode, complaint)
        if "fault" in answer:
            raise _fault(answer["fault"])
        result: Mapping[str, Any] = answer["result"]
        return result


async def _start(scratch: Path) -> asyncio.subprocess.Process:
    """Start a child; a cancellation that comes meanwhile ends it before it is passed on."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "langgraph_multi_agent.skills.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=scratch,
            env=_environment(scratch),
            start_new_session=True,
            limit=MAX_ANSWER_BYTES,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _end(await starting)
        raise


async def _talk(
    child: asyncio.subprocess.Process, line: bytes, skill: str
) -> tuple[dict[str, Any] | None, str]:
    """Send the request, read one line; stdin stays open, its end would make the child leave."""
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    complaint = bytearray()

    async def listen(stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(8192):
            complaint.extend(chunk[: max(0, 8192 - len(complaint))])

    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listen(child.stderr))
        body = b""
        try:
            child.stdin.write(line)
            await child.stdin.drain()
            body = await child.stdout.readline()
        except (BrokenPipeError, ConnectionResetError):
            pass
        except ValueError:
            raise LimitExceeded(limit="answer", skill=skill, bytes=MAX_ANSWER_BYTES) from None
        finally:
            _kill(child)
            if not body:
                await child.wait()
            else:
                listening.cancel()
    try:
        answer: dict[str, Any] = json.loads(body)
    except ValueError:
        return None, complaint.decode(errors="replace")
    return answer, ""


def _kill(child: asyncio.subprocess.Process) -> None:
    """SIGKILL to the child's whole process group; the group may already be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


async def _end(child: asyncio.subprocess.Process) -> None:
    """Kill and reap, also when the caller is being cancelled meanwhile."""
    if child.returncode is None:
        _kill(child)
    reaping = asyncio.ensure_future(child.wait())
    cancelled: asyncio.CancelledError | None = None
    while not reaping.done():
        try:
            await asyncio.shield(reaping)
        except asyncio.CancelledError as error:
            cancelled = error
    if child.stdin is not None:
        child.stdin.close()
    if cancelled is not None:
        raise cancelled


def _crash(skill: str, returncode: int | None, complaint: str) -> Fault:
    if returncode is not None and returncode < 0:
        name = signal.Signals(-returncode).name
        if "alloc" in complaint.lower():
            return LimitExceeded(limit="memory", skill=skill)
        return SkillFailed(skill=skill, reason="killed", detail=name)
    if "MemoryError" in complaint:
        return LimitExceeded(limit="memory", skill=skill)
    last = complaint.strip().splitlines()[-1:] or [f"exit status {returncode}"]
    return SkillFailed(skill=skill, reason="crashed", detail=last[0][:300])


def _fault(value: Mapping[str, Any]) -> Fault:
    kind = getattr(errors, str(value["class"]), None)
    if isinstance(kind, type) and issubclass(kind, Fault):
        return kind(**value["params"])
    return SkillFailed(reason="error", detail=str(value["class"]), skill="")


def _environment(scratch: Path) -> dict[str, str]:
    """Only what a program needs to start: no keys, no addresses reach a child that reads files."""
    kept = {k: v for k, v in os.environ.items() if k in _INHERITED or k.startswith("LC_")}
    package_root = str(Path(langgraph_multi_agent.__file__).parents[1])
    search = [package_root, *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(search)),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONHASHSEED": "0",
        "TMPDIR": str(scratch),
        "TZ": "UTC",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
