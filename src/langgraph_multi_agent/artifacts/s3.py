"""Artifacts in an S3-compatible object store, read through local copies.

Hides obstore, deadlines, and how content gets a digest before it gets a name: it is spooled to
the local copies, hashed on the way, and uploaded under its digest (ADR 0012). Invariant: an
object under its digest is complete, and what leaves here was verified.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from langgraph_multi_agent.artifacts.copies import LocalCopies
from langgraph_multi_agent.artifacts.directory import content_changed, shard_of
from langgraph_multi_agent.artifacts.marker import MARKER_NAME, SETTING, Agree, Marker, not_shared, unreadable
from langgraph_multi_agent.domain.errors import ArtifactNotFound, DependencyUnavailable, SettingsUnsafe
from langgraph_multi_agent.domain.ports import StoredBlob

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import S3Store

T = TypeVar("T")

PART_BYTES = 5 * 1024 * 1024
UPLOADS_AT_ONCE = 3
SLOWEST_BYTES_PER_S = 512 * 1024
YOUNG_S = 600.0
"""What this process sent less long ago needs no second upload; `collect` leaves what is younger."""
BATCH = 500
BATCH_DEADLINE_S = 60.0
HEADS_AT_ONCE = 16
COLLECTOR_POLL_S = 0.2
COLLECTING = "collecting.json"
CLOCK = "clock"

_KEY = re.compile("[0-9a-f]{2}/[0-9a-f]{62}")


class S3Artifacts:
    """`ports.Artifacts` over one prefix of a bucket.

    Args:
        store: from `open_store`.
        name: the storage as people know it, `s3://bucket/prefix`.
        copies: where content passes through on this machine.
        deadline_s: of each request, retries included; transfers get more by their size.
    """

    def __init__(self, store: "S3Store", *, name: str, copies: LocalCopies, deadline_s: float = 20.0) -> None:
        self._objects, self._name, self._copies = store, name, copies
        self._deadline_s = deadline_s
        self._sent: dict[str, float] = {}
        self._transfers: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def check_marker(self, agree: Agree) -> None:
        from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

        try:
            marker, is_new = await self._mark()
        except FileNotFoundError as error:
            raise SettingsUnsafe(
                setting=SETTING, reason="artifacts_bucket_missing", value=self._name
            ) from error
        except ValueError as error:
            raise unreadable(self._name, str(error)) from error
        except DependencyUnavailable as error:
            if isinstance(error.__cause__, (PermissionDeniedError, UnauthenticatedError)):
                raise SettingsUnsafe(setting=SETTING, reason="artifacts_denied", value=self._name) from error
            raise
        if await agree(marker.id) == marker.id:
            return
        if is_new:
            await self._call(self._objects.delete_async(MARKER_NAME))
        raise not_shared(self._name)

    async def put(self, content: bytes | AsyncIterator[bytes], *, max_bytes: int | None = None) -> StoredBlob:
        return await self._upload(await self._copies.put(content, max_bytes=max_bytes))

    async def put_file(self, path: Path) -> StoredBlob:
        return await self._upload(await self._copies.put_file(path))

    async def path(self, digest: str) -> Path:
        key = shard_of(digest)
        async with self._transfer(digest):
            with suppress(ArtifactNotFound):
                return await self._copies.path(digest)
            try:
                meta = await self._call(self._objects.head_async(key))
            except FileNotFoundError:
                raise ArtifactNotFound(artifact=digest) from None
            found = await self._copies.put(self._content(key, meta["size"]))
            if found.digest != digest:
                raise content_changed(digest)
            await self._copies.shrink()
            return await self._copies.path(digest)

    async def read(self, digest: str) -> bytes:
        await self.path(digest)
        try:
            return await self._copies.read(digest)
        except (ArtifactNotFound, DependencyUnavailable):
            await self._copies.discard(digest)
        await self.path(digest)
        return await self._copies.read(digest)

    async def collect(self, referenced: set[str], *, min_age_s: float) -> int:
        oldest = await self._time() - timedelta(seconds=max(min_age_s, YOUNG_S))
        doomed: list[str] = []
        listing = self._objects.list(chunk_size=1000)
        while page := await self._call(anext(listing, None)):
            doomed += (
                meta["path"]
                for meta in page
                if _KEY.fullmatch(meta["path"])
                and digest_of(meta["path"]) not in referenced
                and meta["last_modified"] < oldest
            )
        removed = 0
        for keys in _batches(doomed):
            removed += await self._delete(keys, oldest)
        return removed

    def _transfer(self, digest: str) -> asyncio.Lock:
        """Of several callers that need one digest moved, one moves it."""
        return self._transfers.setdefault(digest, asyncio.Lock())

    async def _upload(self, blob: StoredBlob) -> StoredBlob:
        """Make sure that the object is there, whole, and stays for the age that `collect` grants."""
        key = shard_of(blob.digest)
        async with self._transfer(blob.digest):
            meta = await self._head(key)
            sent_at = self._sent.get(blob.digest)
            is_young = sent_at is not None and time.monotonic() - sent_at < YOUNG_S
            if is_young and meta is not None and meta["size"] == blob.size_bytes:
                return blob
            await self._send(key, blob)
            if meta is not None:
                await self._outlive_collector(blob.digest)
                if await self._head(key) is None:
                    await self._send(key, blob)
        await self._copies.shrink()
        return blob

    async def _send(self, key: str, blob: StoredBlob) -> None:
        path, began = await self._copies.path(blob.digest), time.monotonic()
        sending = self._objects.put_async(key, path, chunk_size=PART_BYTES, max_concurrency=UPLOADS_AT_ONCE)
        try:
            await self._call(sending, size=blob.size_bytes)
        except FileNotFoundError as error:
            raise _unavailable("the bucket is gone") from error
        for digest in [digest for digest, at in self._sent.items() if began - at >= YOUNG_S]:
            del self._sent[digest]
        self._sent[blob.digest] = began

    async def _content(self, key: str, size: int) -> AsyncIterator[bytes]:
        """By ranges, so that each request has a deadline and memory holds one of them."""
        for start in range(0, size, PART_BYTES):
            length = min(PART_BYTES, size - start)
            try:
                part = await self._call(self._objects.get_range_async(key, start=start, length=length))
            except FileNotFoundError as error:
                raise ArtifactNotFound(artifact=digest_of(key)) from error
            yield bytes(part)

    async def _head(self, key: str) -> "ObjectMeta | None":
        try:
            return await self._call(self._objects.head_async(key))
        except FileNotFoundError:
            return None

    async def _time(self) -> datetime:
        """Now by the server's clock, the one that dates the objects; machines may disagree."""
        await self._call(self._objects.put_async(CLOCK, b""))
        return (await self._call(self._objects.head_async(CLOCK)))["last_modified"]

    async def _delete(self, keys: Sequence[str], oldest: datetime) -> int:
        """Delete what is still old once everybody can read that it is about to go."""
        mark = json.dumps([digest_of(key) for key in keys]).encode()
        await self._call(self._objects.put_async(COLLECTING, mark))
        try:
            async with asyncio.timeout(BATCH_DEADLINE_S):
                old: list[str] = []
                for some in _batches(keys, HEADS_AT_ONCE):
                    metas = await asyncio.gather(*map(self._head, some))
                    old += (meta["path"] for meta in metas if meta and meta["last_modified"] < oldest)
                if old:
                    await self._call(self._objects.delete_async(old))
        except TimeoutError as error:
            raise _unavailable(f"a batch took longer than {BATCH_DEADLINE_S:g} s") from error
        finally:
            with suppress(DependencyUnavailable):
                await self._call(self._objects.delete_async(COLLECTING))
        for key in old:
            await self._copies.discard(digest_of(key))
        return len(old)

    async def _outlive_collector(self, digest: str) -> None:
        """Wait until no collector that looked before the upload can still delete the object."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BATCH_DEADLINE_S):
                while digest in await self._being_collected():  # noqa: ASYNC110 - another machine ends it
                    await asyncio.sleep(COLLECTOR_POLL_S)

    async def _being_collected(self) -> list[str]:
        try:
            found = await self._call(self._objects.get_async(COLLECTING))
            mark = json.loads(bytes(await self._call(found.bytes_async())))
        except FileNotFoundError:
            return []
        return list(mark)

    async def _mark(self) -> tuple[Marker, bool]:
        """The storage's marker, and whether this call made it. Of two callers one wins."""
        from obstore.exceptions import AlreadyExistsError

        proposed = Marker.new()
        if await self._head(MARKER_NAME) is None:
            creating = self._objects.put_async(MARKER_NAME, proposed.encoded(), mode="create")
            with suppress(AlreadyExistsError):
                await self._call(creating)
        found = await self._call(self._objects.get_async(MARKER_NAME))
        marker = Marker.parse(bytes(await self._call(found.bytes_async())))
        return marker, marker.id == proposed.id

    async def _call(self, call: Awaitable[T], *, size: int = 0) -> T:
        """Wait for a request within its deadline.

        Raises:
            FileNotFoundError: no such object, or no such bucket.
            AlreadyExistsError: obstore's, for a conditional put.
            DependencyUnavailable: everything else; obstore has repeated what can be repeated.
        """
        from obstore.exceptions import AlreadyExistsError, BaseError

        deadline_s = self._deadline_s + size / SLOWEST_BYTES_PER_S
        try:
            async with asyncio.timeout(deadline_s):
                return await call
        except AlreadyExistsError:
            raise
        except TimeoutError as error:
            raise _unavailable(f"no answer within {deadline_s:g} s") from error
        except BaseError as error:
            raise _unavailable(str(error).partition("\n")[0][:300]) from error


def open_store(bucket: str, prefix: str, *, endpoint: str | None) -> "S3Store":
    """A client of one prefix; credentials, region and endpoint come from the `AWS_*` variables.

    Raises:
        SettingsUnsafe: the library is not installed, or the variables make no client.
    """
    try:
        from obstore.exceptions import BaseError
        from obstore.store import S3Store
    except ImportError as error:
        raise SettingsUnsafe(setting=SETTING, reason="artifacts_extra_missing") from error
    try:
        return S3Store(
            bucket,
            prefix=prefix or None,
            client_options={
                "allow_http": (endpoint or "").startswith("http://"),
                "connect_timeout": timedelta(seconds=3),
                "timeout": timedelta(seconds=PART_BYTES / SLOWEST_BYTES_PER_S),
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        )
    except BaseError as error:
        raise unreadable(f"s3://{bucket}", str(error).partition("\n")[0][:300]) from error


def digest_of(key: str) -> str:
    return key.replace("/", "")


def _batches(keys: Sequence[str], size: int = BATCH) -> Iterator[Sequence[str]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))


def _unavailable(reason: str) -> DependencyUnavailable:
    return DependencyUnavailable(dependency="artifacts", reason=reason)
