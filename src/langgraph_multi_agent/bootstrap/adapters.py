"""Opening the adapters that settings name, and closing them in reverse order.

Hides which database, doorbell, feed, cache and storage there are. Caller: `application`. Invariant:
a database that is opened is at the newest revision, and its storage is the installation's own.
"""

import asyncio
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from uuid_utils import uuid7

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.artifacts.opening import open_artifacts
from langgraph_multi_agent.cache.memory import MemoryCache
from langgraph_multi_agent.cache.rate_limits import open_rate_limits
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.errors import DependencyUnavailable, SettingsUnsafe
from langgraph_multi_agent.domain.ports import Artifacts, Cache, Clock, Doorbell, Feed, RateLimits, Sessions
from langgraph_multi_agent.feed.memory import MemoryFeed
from langgraph_multi_agent.queue.memory import MemoryDoorbell
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store import events, installation, migration
from langgraph_multi_agent.store.connections import ServerLimits, connection_budget, server_limits
from langgraph_multi_agent.store.database import Database, FailPoints, SqliteDatabase, sqlite_engine
from langgraph_multi_agent.store.sessions import StoredSessions
from langgraph_multi_agent.telemetry.metrics import Metrics

DATABASE_FILE = "lgma.db"
START_PATIENCE_S = 30.0
"""How long a start waits for PostgreSQL, which may be starting too."""
RETRY_S = 1.0


def new_id() -> str:
    """A UUIDv7: sorts by time."""
    return str(uuid7())


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What a process works with. `is_shared`: other processes work on the same database."""

    database: Database
    artifacts: Artifacts
    doorbell: Doorbell
    feed: Feed
    cache: Cache
    sessions: Sessions
    rate_limits: RateLimits
    clock: Clock
    scratch: Path
    is_shared: bool


@asynccontextmanager
async def open_adapters(
    settings: Settings, *, processes: int, metrics: Metrics
) -> AsyncIterator[Adapters]:
    """Open everything that `settings` name.

    Args:
        processes: of this replica, which share its connection budget.

    Raises:
        SettingsUnsafe: a setting cannot be served, the database is newer, the storage another's.
        DependencyUnavailable: PostgreSQL did not answer within START_PATIENCE_S.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        database = await open_database(settings, clock, processes=processes)
        stack.push_async_callback(database.close)
        artifacts = open_artifacts(settings.artifacts_url, cache_dir=settings.data_dir / "artifact-cache")
        await artifacts.check_marker(
            lambda proposed: database.write(
                SYSTEM_SCOPE, installation.agree, installation.ARTIFACT_STORAGE, proposed
            )
        )
        await database.write(SYSTEM_SCOPE, events.adopt_restored)
        doorbell, feed, cache, sessions = await _signals(settings, stack, metrics, database)
        yield Adapters(
            database=database,
            artifacts=artifacts,
            doorbell=doorbell,
            feed=feed,
            cache=cache,
            sessions=sessions,
            rate_limits=await stack.enter_async_context(open_rate_limits(settings.redis_url)),
            clock=clock,
            scratch=stack.enter_context(_own_scratch(settings)),
            is_shared=not settings.is_sqlite,
        )


def database_path(settings: Settings) -> Path:
    """The SQLite file that DATABASE_URL names, or the one of the data directory."""
    url = settings.database_url
    if url.startswith("sqlite:///") and url.removeprefix("sqlite:///"):
        return Path(url.removeprefix("sqlite:///"))
    return settings.data_dir / DATABASE_FILE


async def open_database(
    settings: Settings, clock: Clock, *, processes: int, is_guest: bool = False
) -> Database:
    """The database, at the newest revision; the caller closes it.

    Args:
        is_guest: another process owns this SQLite file and serves, so it is not migrated beneath it.
    """
    if settings.is_sqlite:
        return await _sqlite(settings, clock, is_guest=is_guest)
    return await _postgres(settings, processes)


async def _sqlite(settings: Settings, clock: Clock, *, is_guest: bool) -> Database:
    path = database_path(settings)
    if not is_guest:
        engine = sqlite_engine(path)
        await asyncio.to_thread(migration.upgrade, engine)
        engine.dispose()
    return SqliteDatabase(path, clock=clock, new_id=new_id, fail_points=FailPoints(), quota=settings.quota)


async def _postgres(settings: Settings, processes: int) -> Database:
    from langgraph_multi_agent.store.postgres import PostgresDatabase

    granted = await _prepare_postgres(settings, processes)
    return PostgresDatabase(
        settings.sqlalchemy_url,
        connections=granted,
        new_id=new_id,
        deadline_s=settings.database_deadline,
        prepare=settings.database_prepare,
        fail_points=FailPoints(),
        quota=settings.quota,
    )


async def _prepare_postgres(settings: Settings, processes: int) -> int:
    """Migrate, and say how many connections this process may open.

    Cancelling ends the wait for a server at once; a migration that has begun ends first.
    """
    limits = await _patient_limits(settings)
    await asyncio.to_thread(_migrate_postgres, settings)
    budget = connection_budget(
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_max_overflow,
        processes=processes,
        max_connections=limits.max_connections,
        reserved=limits.reserved,
    )
    if (warning := budget.warning) is not None:
        log = structlog.get_logger("bootstrap")
        log.warning("setting", setting=warning.setting, code=warning.code, **warning.params)
    return budget.per_process


async def _patient_limits(settings: Settings) -> ServerLimits:
    """What the server allows, as soon as it answers. Raises DependencyUnavailable: not in START_PATIENCE_S."""
    give_up = time.monotonic() + START_PATIENCE_S
    while True:
        try:
            return await server_limits(settings.libpq_url, deadline_s=settings.database_deadline)
        except DependencyUnavailable as fault:
            if time.monotonic() >= give_up:
                raise
            reason = fault.params.get("reason")
            structlog.get_logger("bootstrap").warning("waiting for the database", reason=reason)
            await asyncio.sleep(RETRY_S)


def _migrate_postgres(settings: Settings) -> None:
    from langgraph_multi_agent.store.postgres import postgres_engine

    engine = postgres_engine(
        settings.sqlalchemy_url, deadline_s=settings.database_deadline, prepare=settings.database_prepare
    )
    try:
        migration.upgrade(engine)
    finally:
        engine.dispose()


async def _signals(
    settings: Settings, stack: AsyncExitStack, metrics: Metrics, database: Database
) -> tuple[Doorbell, Feed, Cache, Sessions]:
    """Doorbell, feed, cache and sessions: within the process and its database, or over Redis."""
    doorbell: Doorbell = MemoryDoorbell()
    feed: Feed = MemoryFeed()
    cache: Cache = MemoryCache(ttl_s=settings.cache_ttl, max_entries=settings.cache_max_size, metrics=metrics)
    sessions: Sessions = StoredSessions(database)
    prefix = await redis_prefix(database)
    try:
        if settings.queue_redis_url is not None:
            from langgraph_multi_agent.feed.redis import open_feed
            from langgraph_multi_agent.queue.redis import open_doorbell

            url = settings.queue_redis_url
            doorbell = await stack.enter_async_context(
                open_doorbell(url, size=settings.task_queue_size, metrics=metrics)
            )
            feed = await stack.enter_async_context(open_feed(url, prefix=prefix, metrics=metrics))
        if settings.redis_url is not None:
            from langgraph_multi_agent.cache.redis import open_cache
            from langgraph_multi_agent.cache.sessions import open_sessions

            cache = await stack.enter_async_context(
                open_cache(
                    settings.redis_url,
                    ttl_s=settings.cache_ttl,
                    max_entries=settings.cache_max_size,
                    prefix=prefix,
                    metrics=metrics,
                )
            )
            sessions = await stack.enter_async_context(
                open_sessions(settings.redis_url, prefix=prefix, metrics=metrics)
            )
    except ValueError as error:
        raise SettingsUnsafe(setting="REDIS_URL", reason="redis_unusable", detail=str(error)) from None
    return doorbell, feed, cache, sessions


async def redis_prefix(database: Database) -> str:
    """What the keys of this installation begin with."""
    own_id = await database.write(
        SYSTEM_SCOPE, installation.agree, installation.INSTALLATION_ID, uuid.uuid4().hex
    )
    return f"lgma:{own_id[:8]}"


@contextmanager
def _own_scratch(settings: Settings) -> Iterator[Path]:
    """A folder of this process alone until the block ends; what killed ones left is gone.

    With SQLite this process owns the data directory. With PostgreSQL several may share it, also from
    containers that do not see each other's processes: whoever holds `<folder>.lock` lives.
    """
    shared = settings.data_dir / "scratch"
    if settings.is_sqlite:
        shutil.rmtree(shared, ignore_errors=True)
        shared.mkdir(exist_ok=True, mode=0o700)
        yield shared
        return
    shared.mkdir(exist_ok=True, mode=0o700)
    for left in shared.glob("*.lock"):
        if (descriptor := _locked(left)) is not None:
            _drop_scratch(left, descriptor)
    lock = shared / f"{uuid.uuid4().hex}.lock"
    while (descriptor := _locked(lock, flags=os.O_CREAT)) is None:  # somebody took it for a leftover
        lock = shared / f"{uuid.uuid4().hex}.lock"
    try:
        folder = lock.with_suffix("")
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _drop_scratch(lock, descriptor)


def _locked(path: Path, *, flags: int = 0) -> int | None:
    """A descriptor that holds the lock of a file; None if it is another's or the file is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _drop_scratch(lock: Path, descriptor: int) -> None:
    """Remove a folder whose lock is held, then the lock: a folder without one is nobody's to remove."""
    shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
    with suppress(FileNotFoundError):
        lock.unlink()
    os.close(descriptor)
