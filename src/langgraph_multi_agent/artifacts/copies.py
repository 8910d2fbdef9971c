"""Local copies of what lies in an object store, bounded in bytes.

Hides eviction. The S3 store reads and writes through this directory, which the processes of one
machine may share. Invariant: a copy is complete and was verified, and a path that was given out
stays for `keep_s`, so that a child process may open it later; only such paths may exceed the bound.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts, faults_named
from langgraph_multi_agent.domain.ports import StoredBlob


class LocalCopies(DirectoryArtifacts):
    """A directory of artifacts that forgets what was used least lately.

    Args:
        root: its directory.
        max_bytes: what the copies may take; the directory is looked through again after every
            sixteenth of it that was added.
        keep_s: how long a copy stays after it was stored or given out, whatever the bound.
    """

    def __init__(self, root: Path, *, max_bytes: int, keep_s: float) -> None:
        super().__init__(root)
        self._max_bytes, self._keep_s = max_bytes, keep_s
        self._unseen_bytes = max_bytes
        self._shrinking = asyncio.Lock()

    async def discard(self, digest: str) -> None:
        """Forget a copy that turned out to be damaged."""
        with faults_named():
            await asyncio.to_thread(self._path(digest).unlink, missing_ok=True)

    async def shrink(self) -> None:
        """Evict the copies used longest ago until the rest fits; returns at once if little was added."""
        async with self._shrinking:
            if self._unseen_bytes * 16 >= self._max_bytes:
                self._unseen_bytes = 0
                await asyncio.to_thread(self._shrink)

    def _find(self, digest: str) -> Path:
        path = super()._find(digest)
        with suppress(FileNotFoundError):
            os.utime(path)
            return path
        return super()._find(digest)

    def _publish(self, temporary: Path, digest: str, size: int) -> StoredBlob:
        self._unseen_bytes += size
        return super()._publish(temporary, digest, size)

    def _shrink(self) -> None:
        with faults_named():
            oldest, total = self._time() - self._keep_s, 0
            self._clear_withdrawn(set(), oldest)
            copies: list[tuple[float, int, Path]] = []
            for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
                with suppress(FileNotFoundError):
                    status = path.stat()
                    copies.append((status.st_mtime, status.st_size, path))
                    total += status.st_size
            for path in self._incoming.iterdir():
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < oldest:
                        path.unlink()
            for used_at, size, path in sorted(copies):
                if total <= self._max_bytes or used_at >= oldest:
                    break
                with suppress(FileNotFoundError):
                    total -= size if self._withdraw(path, oldest) else 0
