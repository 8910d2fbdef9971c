"""Running the worker and the upkeep of a process, and `lgma worker`'s children.

Callers: `serving`, the CLI, tests and benchmarks. Invariant: leaving a `working` block has handed
back every task that ran.
"""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import structlog

from langgraph_multi_agent.bootstrap.application import Application, configure, open_application
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store.connections import processes_of

Opened = TypeVar("Opened")

LONE_GRACE_MARGIN_S = 2.0
"""Of the supervisor's DRAIN_MARGIN_S, for the commits by which the lone worker hands back."""


@contextmanager
def plain_errors() -> Iterator[None]:
    """A group of one error is that error: callers catch faults, not task groups."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from error.__cause__


async def until_stopped(
    stop: asyncio.Event,
    opening: AbstractAsyncContextManager[Opened],
    live: Callable[[Opened], Awaitable[None]],
) -> None:
    """Open, live, close. A stop that comes before all is open ends the opening, and nothing stays open."""
    is_open = False

    async def whole() -> None:
        nonlocal is_open
        async with opening as opened:
            is_open = True
            await live(opened)

    with plain_errors():
        async with asyncio.TaskGroup() as group:
            living, stopping = group.create_task(whole()), group.create_task(stop.wait())
            await asyncio.wait((living, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not is_open:
                living.cancel()
            await asyncio.wait((living,))
            stopping.cancel()


@asynccontextmanager
async def working(application: Application) -> AsyncIterator[Application]:
    """Run the worker and the upkeep around the block, and drain after it."""
    with plain_errors():
        async with asyncio.TaskGroup() as group, upkeep(application):
            worker = group.create_task(application.worker.run())
            try:
                yield application
            finally:
                application.tasks.is_draining = True
                application.worker.stop()
                await asyncio.gather(asyncio.wait([worker]), _end_lone(application))


@asynccontextmanager
async def upkeep(application: Application) -> AsyncIterator[None]:
    """What every replica does, also one that only serves."""
    keeping = asyncio.create_task(application.upkeep.run(), name="upkeep")
    try:
        yield
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping


async def _end_lone(application: Application) -> None:
    """Within the same grace as the worker beside it, and before the supervisor's patience ends."""
    if application.lone is not None:
        await application.lone.close(grace_s=application.settings.shutdown_grace + LONE_GRACE_MARGIN_S)


def run_worker(settings: Settings, *, is_lone: bool = False) -> None:
    """One worker process: works until SIGTERM or SIGINT, then drains.

    Args:
        is_lone: take only tasks that crash their process, one at a time, and end when none is left.

    Raises:
        SettingsUnsafe, DependencyUnavailable.
    """
    configure(settings)
    runner()(_work(settings, is_lone=is_lone))


async def _work(settings: Settings, *, is_lone: bool) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    opened = open_application(
        settings,
        processes=processes_of(settings.async_workers),
        only_suspects=is_lone,
        lone_argv=() if is_lone else lone_argv(settings, workers=settings.async_workers),
    )

    async def live(application: Application) -> None:
        settle_memory()
        structlog.get_logger("bootstrap").info("worker ready", worker=application.worker.name)
        if is_lone:
            await _work_alone(application, stop)
        else:
            async with working(application):
                await stop.wait()

    await until_stopped(stop, opened, live)


async def _work_alone(application: Application, stop: asyncio.Event) -> None:
    with plain_errors():
        async with asyncio.TaskGroup() as group:
            worker = group.create_task(application.worker.run())
            stopped = group.create_task(stop.wait())
            await asyncio.wait([worker, stopped], return_when=asyncio.FIRST_COMPLETED)
            application.worker.stop()
            stop.set()


def lone_argv(settings: Settings, *, workers: int) -> tuple[str, ...]:
    """The command line of the process for suspects, with the same settings.

    Args:
        workers: processes of this replica that work, as its parent counts them for the connections.
    """
    isolated = () if sys.path[:1] == [""] else ("-P",)
    program = (sys.executable, *isolated, "-m", "langgraph_multi_agent", "worker", "--lone")
    return (*program, "--processes", str(workers), "--data-dir", str(settings.data_dir))


def settle_memory() -> None:
    """What was loaded stays: keep the garbage collector from looking at it again and again.

    With 50 tasks in flight the default thresholds run full collections all the time, 13 % of a
    worker's CPU (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    """The quick event loop where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run
