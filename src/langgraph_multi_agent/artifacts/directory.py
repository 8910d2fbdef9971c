"""Artifacts in a local directory.

Hides the layout `ab/cdef…` and the order that survives a crash: write to a temporary name,
fsync the file, rename, fsync the directory. Invariant: a file under its digest is complete.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from langgraph_multi_agent.domain.errors import ArtifactNotFound, DependencyUnavailable, InputTooLarge
from langgraph_multi_agent.domain.ports import StoredBlob

CHUNK_BYTES = 1024 * 1024


class DirectoryArtifacts:
    """`ports.Artifacts` over one directory of one machine."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    async def put(self, content: bytes | AsyncIterator[bytes], *, max_bytes: int | None = None) -> StoredBlob:
        if isinstance(content, bytes):
            if max_bytes is not None and len(content) > max_bytes:
                raise InputTooLarge(size=len(content), limit=max_bytes)
            return await asyncio.to_thread(self._store, iter((content,)))
        return await self._store_stream(content, max_bytes)

    async def put_file(self, path: Path) -> StoredBlob:
        return await asyncio.to_thread(self._store, _chunks(path))

    async def path(self, digest: str) -> Path:
        path = self._path(digest)
        if not await asyncio.to_thread(path.is_file):
            raise ArtifactNotFound(artifact=digest)
        return path

    async def read(self, digest: str) -> bytes:
        return await asyncio.to_thread((await self.path(digest)).read_bytes)

    async def collect(self, referenced: set[str], *, min_age_s: float) -> int:
        """Delete files that nothing references and that are older than `min_age_s`; how many."""
        return await asyncio.to_thread(self._collect, referenced, min_age_s)

    def _path(self, digest: str) -> Path:
        if len(digest) != 64 or not all(c in "0123456789abcdef" for c in digest):
            raise ArtifactNotFound(artifact=digest[:80])
        return self._root / digest[:2] / digest[2:]

    def _store(self, chunks: Iterator[bytes]) -> StoredBlob:
        temporary: Path | None = None
        try:
            with NamedTemporaryFile(dir=self._incoming, delete=False) as file:
                temporary = Path(file.name)
                hasher, size = hashlib.sha256(), 0
                for chunk in chunks:
                    hasher.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            return self._publish(temporary, hasher.hexdigest(), size)
        except OSError as error:
            raise DependencyUnavailable(
                dependency="artifacts", reason=str(error.strerror or error)
            ) from error
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)

    async def _store_stream(self, content: AsyncIterator[bytes], max_bytes: int | None) -> StoredBlob:
        try:
            file = NamedTemporaryFile(dir=self._incoming, delete=False)  # noqa: SIM115 - closed below
        except OSError as error:
            raise DependencyUnavailable(
                dependency="artifacts", reason=str(error.strerror or error)
            ) from error
        temporary, hasher, size = Path(file.name), hashlib.sha256(), 0
        try:
            async for chunk in content:
                size += len(chunk)
                if max_bytes is not None and size > max_bytes:
                    raise InputTooLarge(size=size, limit=max_bytes)
                hasher.update(chunk)
                await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(_sync, file)
            return await asyncio.to_thread(self._publish, temporary, hasher.hexdigest(), size)
        except OSError as error:
            raise DependencyUnavailable(
                dependency="artifacts", reason=str(error.strerror or error)
            ) from error
        finally:
            with suppress(OSError):  # closing writes the rest once more, which a full disk refuses again
                file.close()
            await asyncio.to_thread(temporary.unlink, missing_ok=True)

    def _publish(self, temporary: Path, digest: str, size: int) -> StoredBlob:
        target = self._path(digest)
        if target.exists():
            temporary.unlink()
            os.utime(target)  # a fresh reference restarts its age
        else:
            target.parent.mkdir(exist_ok=True)
            temporary.chmod(0o440)
            temporary.rename(target)
            for directory in (target.parent, self._root):
                descriptor = os.open(directory, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        return StoredBlob(digest=digest, size_bytes=size)

    def _collect(self, referenced: set[str], min_age_s: float) -> int:
        oldest, removed = time.time() - min_age_s, 0
        for path in [*self._root.glob("[0-9a-f][0-9a-f]/*"), *self._incoming.iterdir()]:
            digest = path.parent.name + path.name
            if digest not in referenced and path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)
                removed += 1
        return removed


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _sync(file: "NamedTemporaryFile") -> None:  # type: ignore[valid-type]
    file.flush()  # type: ignore[attr-defined]
    os.fsync(file.fileno())  # type: ignore[attr-defined]
