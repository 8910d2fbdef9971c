"""Artifacts in a directory that several processes may share, on one machine or on many.

Hides the layout `ab/cdef…` and the order that survives a crash: write to a temporary name,
fsync the file, rename, fsync the directory. Invariant: a file under its digest is complete, and
a file that was stored or used again while it was being collected stays.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from tempfile import NamedTemporaryFile

from langgraph_multi_agent.artifacts.marker import MARKER_NAME, Agree, Marker, not_shared, unreadable
from langgraph_multi_agent.domain.errors import ArtifactNotFound, DependencyUnavailable, InputTooLarge
from langgraph_multi_agent.domain.ports import StoredBlob

CHUNK_BYTES = 1024 * 1024


class DirectoryArtifacts:
    """`ports.Artifacts` over one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._withdrawn = root / "withdrawn"
        for directory in (self._incoming, self._withdrawn):
            directory.mkdir(parents=True, exist_ok=True)

    async def check_marker(self, agree: Agree) -> None:
        marker, is_new = await asyncio.to_thread(self._mark)
        if await agree(marker.id) == marker.id:
            return
        if is_new:
            # Nobody can have agreed to it: the installation already had another.
            await asyncio.to_thread((self._root / MARKER_NAME).unlink, missing_ok=True)
        raise not_shared(str(self._root))

    async def put(self, content: bytes | AsyncIterator[bytes], *, max_bytes: int | None = None) -> StoredBlob:
        if isinstance(content, bytes):
            if max_bytes is not None and len(content) > max_bytes:
                raise InputTooLarge(size=len(content), limit=max_bytes)
            return await asyncio.to_thread(self._store, iter((content,)))
        return await self._store_stream(content, max_bytes)

    async def put_file(self, path: Path) -> StoredBlob:
        return await asyncio.to_thread(self._store, _chunks(path))

    async def path(self, digest: str) -> Path:
        return await asyncio.to_thread(self._find, digest)

    async def read(self, digest: str) -> bytes:
        return await asyncio.to_thread(self._read, digest)

    async def collect(self, referenced: set[str], *, min_age_s: float) -> int:
        return await asyncio.to_thread(self._collect, referenced, min_age_s)

    def _path(self, digest: str) -> Path:
        return self._root / shard_of(digest)

    def _find(self, digest: str) -> Path:
        path = self._path(digest)
        with faults_named():
            if path.is_file() or self._restore(digest):
                return path
        raise ArtifactNotFound(artifact=digest)

    def _read(self, digest: str) -> bytes:
        with faults_named():
            content = self._find(digest).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise content_changed(digest)
        return content

    def _store(self, chunks: Iterator[bytes]) -> StoredBlob:
        temporary: Path | None = None
        try:
            with faults_named(), NamedTemporaryFile(dir=self._incoming, delete=False) as file:
                temporary = Path(file.name)
                hasher, size = hashlib.sha256(), 0
                for chunk in chunks:
                    hasher.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            return self._publish(temporary, hasher.hexdigest(), size)
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)

    async def _store_stream(self, content: AsyncIterator[bytes], max_bytes: int | None) -> StoredBlob:
        with faults_named():
            file = NamedTemporaryFile(dir=self._incoming, delete=False)  # noqa: SIM115 - closed below
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
            raise unavailable(error) from error
        finally:
            with suppress(OSError):  # closing writes the rest once more, which a full disk refuses again
                file.close()
            await asyncio.to_thread(temporary.unlink, missing_ok=True)

    def _publish(self, temporary: Path, digest: str, size: int) -> StoredBlob:
        target = self._path(digest)
        with faults_named():
            if not _made_young(target, size):
                target.parent.mkdir(exist_ok=True)
                temporary.chmod(0o440)
                temporary.rename(target)
            # Also for a file that was there: who renamed it may not have come this far yet.
            for directory in (target.parent, self._root):
                _sync_directory(directory)
        return StoredBlob(digest=digest, size_bytes=size)

    def _collect(self, referenced: set[str], min_age_s: float) -> int:
        with faults_named():
            oldest, removed = self._time() - min_age_s, 0
            self._clear_withdrawn(referenced, oldest)
            for path in chain(self._root.glob("[0-9a-f][0-9a-f]/*"), self._incoming.iterdir()):
                digest = path.parent.name + path.name
                with suppress(FileNotFoundError):
                    if digest not in referenced and path.stat().st_mtime < oldest:
                        removed += self._withdraw(path, oldest)
        return removed

    def _time(self) -> float:
        """Now by the file system's clock, the one that dates the files; machines may disagree."""
        os.utime(self._incoming)
        return self._incoming.stat().st_mtime

    def _withdraw(self, path: Path, oldest: float) -> bool:
        """Delete a file unless it became young since it was looked at; readers bring it back meanwhile."""
        if path.parent == self._incoming:
            path.unlink(missing_ok=True)
            return True
        aside = self._withdrawn / (path.parent.name + path.name)
        path.rename(aside)
        if aside.stat().st_mtime >= oldest:
            self._restore(aside.name)
            return False
        aside.unlink(missing_ok=True)
        return True

    def _restore(self, digest: str) -> bool:
        try:
            (self._withdrawn / digest).rename(self._path(digest))
        except FileNotFoundError:
            return False
        return True

    def _clear_withdrawn(self, referenced: set[str], oldest: float) -> None:
        """What a collector left that died between putting aside and deleting."""
        for aside in self._withdrawn.iterdir():
            with suppress(FileNotFoundError):
                if aside.name in referenced or aside.stat().st_mtime >= oldest:
                    self._restore(aside.name)
                else:
                    aside.unlink()

    def _mark(self) -> tuple[Marker, bool]:
        """The directory's marker, and whether this call made it. Of two callers one wins."""
        path, proposed = self._root / MARKER_NAME, Marker.new()
        try:
            if is_new := not path.exists():
                is_new = self._mark_with(path, proposed)
            return Marker.parse(path.read_bytes()), is_new
        except OSError as error:
            raise unreadable(str(self._root), str(error.strerror or error)) from error
        except ValueError as error:
            raise unreadable(str(path), str(error)) from error

    def _mark_with(self, path: Path, marker: Marker) -> bool:
        with NamedTemporaryFile(dir=self._incoming) as file:
            file.write(marker.encoded())
            file.flush()
            os.fsync(file.fileno())
            try:
                os.link(file.name, path)  # never replaces, and the name appears with its content
            except FileExistsError:
                return False
        _sync_directory(self._root)
        return True


def shard_of(digest: str) -> str:
    """Where a digest's content lies, below the root. Raises ArtifactNotFound for what is no digest."""
    if len(digest) != 64 or not all(c in "0123456789abcdef" for c in digest):
        raise ArtifactNotFound(artifact=digest[:80])
    return f"{digest[:2]}/{digest[2:]}"


def unavailable(error: OSError) -> DependencyUnavailable:
    return DependencyUnavailable(dependency="artifacts", reason=str(error.strerror or error))


def content_changed(digest: str) -> DependencyUnavailable:
    """What lies under a digest is something else: a bad disk, or a broken transfer."""
    return DependencyUnavailable(
        dependency="artifacts", reason=f"the content of {digest[:12]} does not match its digest"
    )


@contextmanager
def faults_named() -> Iterator[None]:
    """Errors of the file system as `DependencyUnavailable`."""
    try:
        yield
    except OSError as error:
        raise unavailable(error) from error


def _made_young(target: Path, size: int) -> bool:
    """Whether the content is there already; if it is, its age starts anew."""
    try:
        os.utime(target)
        return target.stat().st_size == size
    except FileNotFoundError:
        return False


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _sync(file: "NamedTemporaryFile") -> None:  # type: ignore[valid-type]
    file.flush()  # type: ignore[attr-defined]
    os.fsync(file.fileno())  # type: ignore[attr-defined]
