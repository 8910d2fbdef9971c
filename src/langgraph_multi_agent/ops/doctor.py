"""The prerequisites of this machine, each as a finding with a stable code.

Caller: `lgma doctor`. Hides how each fact is found out. Invariants: nothing is changed (probes write
to a temporary place and remove it); every check has a deadline; a check that could not be made is
UNKNOWN, which never counts as a pass; one failing check never hides the others.
Texts: `doctor.<CODE>` and `doctor.<CODE>.hint`.
"""

import asyncio
import os
import platform
import resource
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from langgraph_multi_agent.demo import PENGUINS, data_path
from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.ops.finding import Finding, State
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.skills.runner import ChildProcessSkillRunner

PYTHON_MIN = (3, 11)
SQLITE_MIN = (3, 35)
"""RETURNING, which the store's statements use, came with 3.35."""
FREE_MIN_BYTES = 200 * 1024**2
FREE_ADVISED_BYTES = 2 * 1024**3
FILES_ADVISED = 1024
CHECK_DEADLINE_S = 5.0
SKILL_DEADLINE_S = 30.0
SLOW_SYNC_MS = 50.0
CLOCK_SLACK_S = 120.0
EARLIEST_NOW_S = 1_735_689_600.0
"""2025-01-01: a clock before this has lost its battery, and events would sort wrongly."""

ServerAddress = Callable[[Path], str | None]
Check = Callable[[], Finding | Awaitable[Finding]]


async def examine(settings: Settings, *, server_address: ServerAddress) -> Sequence[Finding]:
    """Make all checks.

    Args:
        settings: a consistent set; what was wrong with the given ones is the caller's finding.
        server_address: the live server of a data directory, if there is one.
    """
    owner = server_address(settings.data_dir) if settings.data_dir.is_dir() else None
    checks: list[tuple[str, Check]] = [
        ("PYTHON", python_version),
        *_store_checks(settings),
        ("DATA_DIR", lambda: data_directory(settings.data_dir)),
        ("DISK", lambda: free_space(settings.data_dir)),
        ("LOCK", lambda: lock_owner(settings.data_dir, owner)),
        ("PORT", lambda: port_free(settings.host, settings.port, owner)),
        ("MODEL", lambda: model_reachable(settings)),
        ("SKILL", skill_runs),
        ("FONT", chart_font),
        ("MEMORY", lambda: memory(settings)),
        ("CLOCK", lambda: clock(settings.data_dir)),
        ("FILES", file_descriptors),
    ]
    return [await _checked(name, check) for name, check in checks]


def _store_checks(settings: Settings) -> Sequence[tuple[str, Check]]:
    """SQLite, or PostgreSQL; and Redis where it is configured or would matter."""
    from langgraph_multi_agent.ops import data_plane

    checks: list[tuple[str, Check]] = []
    if settings.is_sqlite:
        checks.append(("SQLITE", lambda: asyncio.to_thread(sqlite_works, settings.data_dir)))
    else:
        checks.append(
            ("POSTGRES", lambda: data_plane.postgres_reachable(settings, deadline_s=CHECK_DEADLINE_S))
        )
    if not settings.is_sqlite or settings.redis_url or settings.queue_redis_url:
        checks += [
            ("REDIS", lambda: data_plane.cache_reachable(settings, deadline_s=CHECK_DEADLINE_S)),
            ("QUEUE", lambda: data_plane.queue_reachable(settings, deadline_s=CHECK_DEADLINE_S)),
        ]
    return checks


async def _checked(name: str, check: Check) -> Finding:
    """A check's finding; what breaks the check itself is UNKNOWN."""
    try:
        async with asyncio.timeout(SKILL_DEADLINE_S + CHECK_DEADLINE_S):
            found = check()
            return found if isinstance(found, Finding) else await found
    except Exception as error:
        return Finding(
            code="CHECK_FAILED",
            state=State.UNKNOWN,
            params={"check": name, "reason": f"{type(error).__name__}: {error}"},
        )


def python_version(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Finding:
    """Python is new enough."""
    is_enough = version[:2] >= PYTHON_MIN
    return Finding(
        code="PYTHON_OK" if is_enough else "PYTHON_OLD",
        state=State.OK if is_enough else State.CRIT,
        params={
            "version": ".".join(map(str, version)),
            "implementation": platform.python_implementation(),
            "minimum": ".".join(map(str, PYTHON_MIN)),
        },
    )


def sqlite_works(data_dir: Path) -> Finding:
    """SQLite is new enough, has WAL on the data directory's file system, and syncs in good time."""
    from langgraph_multi_agent.store.database import sqlite_engine

    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=_existing(data_dir)) as folder:
        engine = sqlite_engine(Path(folder) / "probe.db")
        try:
            connection = engine.raw_connection()
            try:
                cursor = connection.cursor()
                (version,) = cursor.execute("SELECT sqlite_version()").fetchone()
                (mode,) = cursor.execute("PRAGMA journal_mode").fetchone()
                cursor.execute("CREATE TABLE probe (n INTEGER)")
                started = time.perf_counter()
                rounds = 5
                for number in range(rounds):
                    cursor.execute("BEGIN IMMEDIATE")
                    cursor.execute("INSERT INTO probe VALUES (?)", (number,))
                    connection.commit()
                sync_ms = 1000 * (time.perf_counter() - started) / rounds
            finally:
                connection.close()
        finally:
            engine.dispose()
    params = {"version": version, "mode": mode, "sync_ms": f"{sync_ms:.1f}"}
    if tuple(int(part) for part in version.split(".")[:2]) < SQLITE_MIN:
        return Finding(code="SQLITE_OLD", state=State.CRIT, params={**params, "minimum": "3.35"})
    if mode != "wal":
        return Finding(code="SQLITE_NO_WAL", state=State.CRIT, params=params)
    if sync_ms > SLOW_SYNC_MS:
        return Finding(code="SQLITE_SLOW", state=State.WARN, params=params)
    return Finding(code="SQLITE_OK", state=State.OK, params=params)


def data_directory(data_dir: Path) -> Finding:
    """The data directory can be written, or made."""
    params = {"directory": str(data_dir)}
    if data_dir.exists() and not data_dir.is_dir():
        return Finding(code="DATA_DIR_NOT_DIRECTORY", state=State.CRIT, params=params)
    try:
        with tempfile.TemporaryFile(dir=_existing(data_dir)) as probe:
            probe.write(b"x")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return Finding(
            code="DATA_DIR_NOT_WRITABLE",
            state=State.CRIT,
            params={**params, "reason": error.strerror or str(error)},
        )
    return Finding(code="DATA_DIR_OK" if data_dir.is_dir() else "DATA_DIR_NEW", state=State.OK, params=params)


def free_space(data_dir: Path) -> Finding:
    """There is room for tasks and their files."""
    free = shutil.disk_usage(_existing(data_dir)).free
    params = {"free_gb": f"{free / 1e9:.1f}", "directory": str(data_dir)}
    if free < FREE_MIN_BYTES:
        return Finding(code="DISK_FULL", state=State.CRIT, params=params)
    if free < FREE_ADVISED_BYTES:
        return Finding(code="DISK_LOW", state=State.WARN, params=params)
    return Finding(code="DISK_OK", state=State.OK, params=params)


def lock_owner(data_dir: Path, owner: str | None) -> Finding:
    """Who owns the data directory now."""
    params = {"directory": str(data_dir), "address": owner or ""}
    if owner is None:
        return Finding(code="LOCK_FREE", state=State.OK, params=params)
    if not owner:
        return Finding(code="LOCK_SILENT", state=State.WARN, params=params)
    return Finding(code="LOCK_HELD", state=State.OK, params=params)


def port_free(host: str, port: int, owner: str | None) -> Finding:
    """The server could listen where the settings say."""
    params = {"host": host, "port": port}
    if port == 0:
        return Finding(code="PORT_ANY", state=State.OK, params=params)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if owner and owner.endswith(f":{port}"):
                return Finding(code="PORT_OWN", state=State.OK, params=params)
            return Finding(
                code="PORT_TAKEN", state=State.WARN, params={**params, "reason": error.strerror or str(error)}
            )
    return Finding(code="PORT_FREE", state=State.OK, params=params)


async def model_reachable(settings: Settings) -> Finding:
    """The model's endpoint answers, and takes the key; no model is not a fault."""
    if settings.llm_model is None:
        return Finding(code="MODEL_NONE", state=State.SKIPPED)
    import httpx

    is_anthropic = settings.llm_provider == "anthropic"
    default = "https://api.anthropic.com/v1" if is_anthropic else "https://api.openai.com/v1"
    base = (settings.llm_base_url or default).rstrip("/")
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else ""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if is_anthropic:
        base = base if base.endswith("/v1") else f"{base}/v1"
        headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    params = {"url": base, "model": settings.llm_model, "provider": settings.llm_provider}
    try:
        async with httpx.AsyncClient(timeout=CHECK_DEADLINE_S) as client:
            async with asyncio.timeout(CHECK_DEADLINE_S):
                response = await client.get(f"{base}/models", headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        return Finding(code="MODEL_UNREACHABLE", state=State.CRIT, params={**params, "reason": reason})
    params["status"] = str(response.status_code)
    if response.status_code in (401, 403):
        return Finding(code="MODEL_REFUSED", state=State.CRIT, params=params)
    if response.status_code >= 500:
        return Finding(code="MODEL_FAILING", state=State.WARN, params=params)
    if response.is_success and _lacks(response, settings.llm_model):
        return Finding(code="MODEL_NOT_LISTED", state=State.WARN, params=params)
    # Not every endpoint lists its models: an answer of any other kind still shows that it is there.
    return Finding(code="MODEL_OK", state=State.OK, params=params)


def _lacks(response: Any, model: str) -> bool:
    try:
        listed = [item["id"] for item in response.json()["data"]]
    except (ValueError, KeyError, TypeError):
        return False
    return bool(listed) and model not in listed


async def skill_runs() -> Finding:
    """A child process can be started and reads a table."""
    started = time.perf_counter()
    path = data_path(PENGUINS)
    try:
        profile = await ChildProcessSkillRunner(concurrency=1).run(
            "tables.profile", {"file": str(path), "name": path.name}, deadline_s=SKILL_DEADLINE_S
        )
    except Fault as fault:
        return Finding(code="SKILL_FAILED", state=State.CRIT, params={"reason": str(fault)})
    rows = profile.get("rows")
    params = {"seconds": f"{time.perf_counter() - started:.1f}", "rows": rows}
    if rows != PENGUINS.rows:
        reason = f"{rows} rows instead of {PENGUINS.rows}"
        return Finding(code="SKILL_FAILED", state=State.CRIT, params={"reason": reason})
    return Finding(code="SKILL_OK", state=State.OK, params=params)


async def chart_font() -> Finding:
    """Charts can show Chinese: asked of the drawing library itself, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-c",
        _FIND_FONT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        found, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        return Finding(code="FONT_UNKNOWN", state=State.UNKNOWN)
    font = found.decode(errors="replace").strip()
    if not font:
        return Finding(code="FONT_MISSING", state=State.WARN)
    return Finding(code="FONT_OK", state=State.OK, params={"font": font})


_FIND_FONT = """
from matplotlib.font_manager import fontManager
from langgraph_multi_agent.skills.charts.draw import FONTS
names = {entry.name for entry in fontManager.ttflist}
print(next((name for name in FONTS if name in names), ""))
"""


def memory(settings: Settings) -> Finding:
    """Enough memory for the analyses that may run at once."""
    import psutil

    available = min(psutil.virtual_memory().available, _cgroup_room())
    needed = settings.skill_memory_bytes * settings.skill_concurrency
    params = {
        "available_gb": f"{available / 1e9:.1f}",
        "needed_gb": f"{needed / 1e9:.1f}",
        "concurrency": settings.skill_concurrency,
    }
    is_enough = available >= needed
    return Finding(
        code="MEMORY_OK" if is_enough else "MEMORY_LOW",
        state=State.OK if is_enough else State.WARN,
        params=params,
    )


def _cgroup_room() -> int:
    """What a container's limit leaves; very large without one."""
    root = Path("/sys/fs/cgroup")
    try:
        limit = int((root / "memory.max").read_text())
        return max(0, limit - int((root / "memory.current").read_text()))
    except (OSError, ValueError):
        return 1 << 62


def clock(data_dir: Path, *, now: float | None = None) -> Finding:
    """The clock is plausible and has not gone back behind what is stored."""
    now = time.time() if now is None else now
    params = {"now": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))}
    if now < EARLIEST_NOW_S:
        return Finding(code="CLOCK_WRONG", state=State.CRIT, params=params)
    try:
        newest = max((entry.stat().st_mtime for entry in data_dir.iterdir()), default=0.0)
    except OSError:
        newest = 0.0
    if newest > now + CLOCK_SLACK_S:
        return Finding(
            code="CLOCK_BEHIND", state=State.WARN, params={**params, "minutes": round((newest - now) / 60)}
        )
    return Finding(code="CLOCK_OK", state=State.OK, params=params)


def file_descriptors() -> Finding:
    """Enough open files for connections, the database and children."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_enough = soft in (resource.RLIM_INFINITY, -1) or soft >= FILES_ADVISED
    return Finding(
        code="FILES_OK" if is_enough else "FILES_LOW",
        state=State.OK if is_enough else State.WARN,
        params={"limit": soft, "advised": FILES_ADVISED},
    )


def _existing(path: Path) -> Path:
    """The path, or the nearest directory above it that exists."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path
