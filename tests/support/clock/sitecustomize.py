"""A clock that a test moves from outside, in every Python process started with this directory on
PYTHONPATH and CLOCK_SHIFT naming a file of one double: seconds added to every wall-clock reading.

Hides how Python reads the time. Called by the interpreter at its start. Invariant: the monotonic
clock is never touched; without CLOCK_SHIFT nothing is.
"""

import ctypes
import datetime as dt
import gc
import mmap
import os
import struct
import time
from typing import Any


def _install(path: str) -> None:
    with open(path, "r+b") as file:  # noqa: PTH123 - at an interpreter's start every import counts
        shared = mmap.mmap(file.fileno(), 8)
    real_time, real_time_ns = time.time, time.time_ns
    real_now: Any = dt.datetime.now

    def shift_s() -> float:
        return float(struct.unpack_from("<d", shared)[0])

    def shifted_now(cls: type[dt.datetime], tz: dt.tzinfo | None = None) -> dt.datetime:
        moment = real_now(dt.UTC) + dt.timedelta(seconds=shift_s())
        moment = moment.astimezone(tz) if tz else moment.astimezone().replace(tzinfo=None)
        return cls.combine(moment.date(), moment.timetz(), moment.tzinfo)

    time.time = lambda: real_time() + shift_s()
    time.time_ns = lambda: real_time_ns() + int(shift_s() * 1e9)
    # The type is immutable from Python; its dictionary is not.
    [members] = gc.get_referents(dt.datetime.__dict__)
    members["now"] = classmethod(shifted_now)
    members["utcnow"] = classmethod(lambda cls: shifted_now(cls, dt.UTC).replace(tzinfo=None))
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(dt.datetime))


if path := os.environ.get("CLOCK_SHIFT"):
    _install(path)
