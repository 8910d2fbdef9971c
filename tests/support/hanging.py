"""What a test that hangs was waiting for. Loaded by `conftest`.

pytest-timeout ends the process of such a test, as it must; beside xdist its own report is lost with the
process, and a build server says no more than that one went down. This timer tells on the standard
error of the whole run: each thread's stack and each asyncio task's.
"""

import asyncio
import faulthandler
import gc
import os
import threading
from collections.abc import Iterator
from types import CodeType
from typing import Any

import pytest

MAX_TASKS = 100


class Ending:
    """Ends the process when a test has taken too long, and says where it stands.

    Args:
        out: a file descriptor, not of a test's captured output.
    """

    def __init__(self, out: int) -> None:
        self._out = out

    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> bool:
        timer = threading.Timer(settings.timeout, self._end, (item.nodeid, settings.timeout))
        timer.daemon = True

        def cancel() -> None:
            timer.cancel()
            timer.join()

        item.cancel_timeout = cancel  # type: ignore[attr-defined]
        timer.start()
        return True

    def _end(self, nodeid: str, seconds: float) -> None:
        try:
            self._tell(f"\n+++ {nodeid} hangs: {seconds:g} s\n")
            faulthandler.dump_traceback(self._out)
            self._tell(tasks_now())
        finally:
            os._exit(1)

    def _tell(self, words: str) -> None:
        os.write(self._out, words.encode(errors="replace"))


def tasks_now() -> str:
    """The stacks of the asyncio tasks of all loops that have not ended."""
    said = []
    pending = [one for one in gc.get_objects() if isinstance(one, asyncio.Task) and not one.done()]
    for task in pending[:MAX_TASKS]:
        said.append(f"--- {task.get_name()}, told to end {task.cancelling()} times")
        places = _awaits(task.get_coro())
        said += [f'  File "{code.co_filename}", line {line} in {code.co_qualname}' for code, line in places]
    return "\n".join(said) + "\n"


def _awaits(waiting: Any) -> Iterator[tuple[CodeType, int]]:
    """Where each stands that waits for the next, from a task's own coroutine to what it waits for."""
    while waiting is not None:
        for kind in ("cr", "gi", "ag"):
            frame = getattr(waiting, f"{kind}_frame", None)
            if frame is not None:
                yield frame.f_code, frame.f_lineno
                waiting = getattr(waiting, f"{kind}_await", None) or getattr(waiting, f"{kind}_yieldfrom", None)
                break
        else:
            return
