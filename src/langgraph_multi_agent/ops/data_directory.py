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

from langgraph_multi_agent.domain.errors import DataDirectoryInUse, SettingsUnsafe

LOCK_FILE = "lgma.lock"


@contextmanager
def data_directory_lock(data_dir: Path) -> Iterator[Callable[[str], None]]:
    """Own a data directory; the block gets a function that writes the server's address.

    Raises:
        DataDirectoryInUse: another process owns it; `address` says where it serves.
        SettingsUnsafe: it cannot be made or written.
    """
    path = data_dir / LOCK_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(data_dir, error) from error
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

        try:
            announce("")
        except OSError as error:
            raise _unusable(data_dir, error) from error
        yield announce
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def server_address(data_dir: Path) -> str | None:
    """Where the live server of a data directory listens; None if no process owns it.

    An empty string: a process owns it and does not serve yet.

    Raises:
        SettingsUnsafe: it cannot be looked into.
    """
    path = data_dir / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(data_dir, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _address_in(path) or ""
    else:
        return None
    finally:
        os.close(descriptor)


def _unusable(data_dir: Path, error: OSError) -> SettingsUnsafe:
    return SettingsUnsafe(
        setting="LGMA_DATA_DIR",
        reason="data_dir_unusable",
        value=str(data_dir),
        detail=error.strerror or type(error).__name__,
    )


def _address_in(path: Path) -> str | None:
    try:
        address: str = json.loads(path.read_text())["address"]
    except (OSError, ValueError, KeyError):
        return None
    return address
