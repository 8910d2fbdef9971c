"""Owning a data directory: one process at a time, and the others learn where it serves.

Callers: bootstrap, which owns; the CLI and doctor, which look. Light on purpose: looking must not
import the service. Invariant: the kernel drops the lock with the process, so a crash leaves none.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from langgraph_multi_agent.domain.errors import DataDirectoryInUse

LOCK_FILE = "lgma.lock"


@contextmanager
def data_directory_lock(data_dir: Path) -> Iterator[Callable[[str], None]]:
    """Own a data directory; the block gets a function that writes the server's address.

    Raises:
        DataDirectoryInUse: another process owns it; `address` says where it serves.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = data_dir / LOCK_FILE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryInUse(directory=str(data_dir), address=_address_in(path) or "") from None

        def announce(address: str) -> None:
            content = json.dumps({"pid": os.getpid(), "address": address}).encode()
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, content, 0)
            os.fsync(descriptor)

        announce("")
        yield announce
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def server_address(data_dir: Path) -> str | None:
    """Where the live server of a data directory listens; None if no process owns it.

    An empty string: a process owns it and does not serve yet.
    """
    path = data_dir / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _address_in(path) or ""
    else:
        return None
    finally:
        os.close(descriptor)


def _address_in(path: Path) -> str | None:
    try:
        address: str = json.loads(path.read_text())["address"]
    except (OSError, ValueError, KeyError):
        return None
    return address
