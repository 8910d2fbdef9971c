"""How a child process learns that its parent is gone, however that died.

The *lifeline* is the read end of a pipe on which nothing is ever written, and which the kernel closes
with the parent. Callers: the supervisor and the lone worker as parents, `lgma worker` in each child.
Invariant: a child that follows its lifeline ends at most its grace after its parent.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

DRAIN_MARGIN_S = 5.0
"""What a drain may take beyond its grace: the commits that hand work back."""


@contextmanager
def open_lifeline() -> Iterator[int]:
    """The read end of a pipe whose write end is this process's alone; hand it on with `pass_fds`."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(writing)
        os.close(reading)


def end_with_parent(lifeline: int, *, grace_s: float) -> threading.Thread:
    """In a child: when the parent is gone, end as on SIGTERM, and at once after `grace_s` more.

    Args:
        lifeline: the descriptor that the parent passed; its end of file is the news.
        grace_s: seconds for the drain; a child that hangs is not left behind.
    """

    def follow() -> None:
        with contextlib.suppress(OSError):
            os.read(lifeline, 1)
        structlog.get_logger(__name__).warning("supervisor gone", grace_s=grace_s)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_s)
        os._exit(os.EX_SOFTWARE)

    os.set_inheritable(lifeline, False)
    thread = threading.Thread(target=follow, name="lifeline", daemon=True)
    thread.start()
    return thread
