"""What every artifact storage holds to, for a shared directory and for an S3-compatible server."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.artifact_stores import Bucket, ObjectServer, SharedDirectory, Storage, object_server

from langgraph_multi_agent.domain.errors import (
    ArtifactNotFound,
    DependencyUnavailable,
    InputTooLarge,
    SettingsUnsafe,
)

MIB = 1024 * 1024
HOUR_S = 3600.0


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with object_server() as running:
        yield running


@pytest.fixture(params=["directory", "s3"])
def storage(request: pytest.FixtureRequest, server: ObjectServer, tmp_path: Path) -> Storage:
    if request.param == "directory":
        return SharedDirectory(tmp_path / "artifacts")
    return Bucket(server, tmp_path / "machines")


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def large(parts: int) -> AsyncIterator[bytes]:
    for number in range(parts):
        yield number.to_bytes(4, "big") * (MIB // 4)


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_what_one_machine_stores_every_other_reads(storage: Storage, tmp_path: Path) -> None:
    one, other = storage.open(), storage.open()
    (tmp_path / "source").write_bytes(b"from a file")
    for blob, content in (
        (await one.put(b"bytes"), b"bytes"),
        (await one.put(pieces(b"in ", b"", b"pieces")), b"in pieces"),
        (await one.put_file(tmp_path / "source"), b"from a file"),
    ):
        assert (blob.digest, blob.size_bytes) == (digest_of(content), len(content))
        assert await other.read(blob.digest) == content
        path = await other.path(blob.digest)
        assert path.read_bytes() == content
        assert not path.stat().st_mode & 0o222
    assert len(storage.digests()) == 3


async def test_nothing_at_all_is_content_too(storage: Storage) -> None:
    blob = await storage.open().put(pieces())
    assert (blob.digest, blob.size_bytes) == (digest_of(b""), 0)
    assert await storage.open().read(blob.digest) == b""


STREAMING = """
import asyncio, sys, tempfile
from pathlib import Path
from langgraph_multi_agent.artifacts.opening import open_artifacts

async def content(parts):
    for number in range(parts):
        yield number.to_bytes(4, "big") * (1024 * 256)

async def through(parts):
    directory = Path(tempfile.mkdtemp(dir=sys.argv[2]))
    blob = await open_artifacts(sys.argv[1], cache_dir=directory / "one").put(content(parts))
    path = await open_artifacts(sys.argv[1], cache_dir=directory / "other").path(blob.digest)
    return blob.digest, path.stat().st_size

def peak_kib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

async def main():
    await through(2)
    before = peak_kib()
    digest, size = await through(int(sys.argv[3]))
    print(digest, size, peak_kib() - before)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
async def test_large_content_streams_through_within_bounded_memory(storage: Storage, tmp_path: Path) -> None:
    hasher, parts = hashlib.sha256(), 64
    async for part in large(parts):
        hasher.update(part)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STREAMING, storage.url, tmp_path, str(parts)),
        env={**os.environ, **storage.environment},
        stdout=subprocess.PIPE,
    )
    digest, size, grown_kib = (await child.communicate())[0].decode().split()
    assert (digest, int(size)) == (hasher.hexdigest(), parts * MIB)
    assert int(grown_kib) < 40 * 1024


async def test_too_much_is_refused_and_nothing_is_kept(storage: Storage) -> None:
    artifacts = storage.open()
    with pytest.raises(InputTooLarge):
        await artifacts.put(b"x" * 11, max_bytes=10)
    with pytest.raises(InputTooLarge):
        await artifacts.put(large(40), max_bytes=5 * MIB)
    assert storage.digests() == set()
    assert (await artifacts.put(pieces(b"x" * 10), max_bytes=10)).size_bytes == 10


async def test_a_cancelled_upload_leaves_nothing_under_a_digest(storage: Storage) -> None:
    artifacts, is_under_way = storage.open(), asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * MIB
        is_under_way.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(artifacts.put(endless()))
    await is_under_way.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert storage.digests() == set()


async def test_the_same_content_from_many_at_once_is_kept_once(storage: Storage) -> None:
    machines = [storage.open() for _ in range(4)]
    content = os.urandom(3 * MIB)
    blobs = await asyncio.gather(
        *(machine.put(pieces(content[:MIB], content[MIB:])) for machine in machines for _ in range(2))
    )
    assert {blob.digest for blob in blobs} == {digest_of(content)} == storage.digests()
    found = await asyncio.gather(*(machine.read(digest_of(content)) for machine in machines))
    assert set(found) == {content}


async def test_readers_that_are_too_early_find_nothing_or_all_of_it(storage: Storage) -> None:
    content = os.urandom(4 * MIB)
    writer, reader, digest = storage.open(), storage.open(), digest_of(content)
    seen: list[bool] = []

    async def read_until_there() -> None:
        while True:
            try:
                seen.append(await reader.read(digest) == content)
            except ArtifactNotFound:
                continue
            return

    async with asyncio.TaskGroup() as group:
        group.create_task(read_until_there())
        group.create_task(
            writer.put(pieces(*(content[i : i + 65536] for i in range(0, len(content), 65536))))
        )
    assert seen == [True]


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 63 + "/", "f" * 64])
async def test_what_is_no_digest_of_anything_stored_is_not_found(storage: Storage, digest: str) -> None:
    artifacts = storage.open()
    for asked in (artifacts.path, artifacts.read):
        with pytest.raises(ArtifactNotFound):
            await asked(digest)


@pytest.mark.parametrize("damage", [b"Good content", b"good", b"good content and more"])
async def test_content_that_changed_behind_our_back_is_never_handed_out(
    storage: Storage, damage: bytes
) -> None:
    blob = await storage.open().put(b"good content")
    storage.damage(blob.digest, damage)
    with pytest.raises(DependencyUnavailable) as refused:
        await storage.open().read(blob.digest)
    assert refused.value.params["dependency"] == "artifacts"


async def test_storing_truncated_content_again_repairs_it(storage: Storage) -> None:
    blob = await storage.open().put(b"good content")
    storage.damage(blob.digest, b"good")
    await storage.open().put(b"good content")
    assert await storage.open().read(blob.digest) == b"good content"


async def test_collecting_leaves_what_is_referenced_or_young(storage: Storage) -> None:
    artifacts = storage.open()
    kept, doomed, fresh = [(await artifacts.put(word)).digest for word in (b"kept", b"doomed", b"fresh")]
    await artifacts.check_marker(agreeing({}))
    for digest in (kept, doomed):
        storage.make_old(digest, 2 * HOUR_S)
    assert await artifacts.collect({kept}, min_age_s=HOUR_S) == 1
    assert storage.digests() == {kept, fresh}
    for machine in (artifacts, storage.open()):
        assert await machine.read(kept) == b"kept"
        with pytest.raises(ArtifactNotFound):
            await machine.path(doomed)
    await storage.open().check_marker(agreeing({}))
    assert await artifacts.collect({kept}, min_age_s=HOUR_S) == 0


async def test_storing_again_what_is_there_makes_it_young(storage: Storage) -> None:
    blob = await storage.open().put(b"again")
    storage.make_old(blob.digest, 2 * HOUR_S)
    await storage.open().put(b"again")
    assert await storage.open().collect(set(), min_age_s=HOUR_S) == 0
    assert await storage.open().read(blob.digest) == b"again"


async def test_what_is_stored_while_it_is_collected_stays(storage: Storage) -> None:
    contents = [os.urandom(100) for _ in range(40)]
    collector, writers = storage.open(), [storage.open() for _ in range(2)]
    for content in contents:
        storage.make_old((await collector.put(content)).digest, 2 * HOUR_S)

    async def put_all(number: int) -> None:
        for content in contents[number::2]:
            await writers[number].put(content)

    await asyncio.gather(collector.collect(set(), min_age_s=HOUR_S), put_all(0), put_all(1))
    reader = storage.open()
    for content in contents:
        assert await reader.read(digest_of(content)) == content


def agreeing(database: dict[str, str]):  # type: ignore[no-untyped-def]
    """A database's fact, without the database."""

    async def agree(proposed: str) -> str:
        await asyncio.sleep(0)
        return database.setdefault("artifact_storage", proposed)

    return agree


async def test_all_first_starters_agree_on_one_marker(storage: Storage) -> None:
    database: dict[str, str] = {}
    await asyncio.gather(*(storage.open().check_marker(agreeing(database)) for _ in range(6)))
    await storage.open().check_marker(agreeing(database))
    assert len(database) == 1


async def test_a_start_that_died_before_the_database_knew_is_taken_up(storage: Storage) -> None:
    async def down(proposed: str) -> str:
        raise DependencyUnavailable(dependency="database", reason="down")

    with pytest.raises(DependencyUnavailable):
        await storage.open().check_marker(down)
    database: dict[str, str] = {}
    await storage.open().check_marker(agreeing(database))
    await storage.open().check_marker(agreeing(database))
    assert len(database) == 1


async def test_a_storage_without_the_marker_that_the_database_knows_is_refused(storage: Storage) -> None:
    database: dict[str, str] = {}
    await storage.open().check_marker(agreeing(database))
    storage.forget_marker()
    for _ in range(2):
        with pytest.raises(SettingsUnsafe) as refused:
            await storage.open().check_marker(agreeing(database))
        assert refused.value.params["setting"] == "ARTIFACTS_URL"
        assert refused.value.params["reason"] == "artifacts_not_shared"
    assert not storage.has_marker()


async def test_a_storage_of_another_installation_is_refused_and_keeps_its_marker(storage: Storage) -> None:
    theirs: dict[str, str] = {}
    await storage.open().check_marker(agreeing(theirs))
    with pytest.raises(SettingsUnsafe, match="artifacts_not_shared"):
        await storage.open().check_marker(agreeing({"artifact_storage": "ours"}))
    await storage.open().check_marker(agreeing(theirs))


@pytest.mark.parametrize("content", [b"half", b"[]", b'{"format": 2, "id": "of a later version"}'])
async def test_a_marker_that_is_none_is_refused_with_what_is_wrong(storage: Storage, content: bytes) -> None:
    if isinstance(storage, SharedDirectory):
        storage.open()
        (storage.root / "lgma-storage.json").write_bytes(content)
    elif isinstance(storage, Bucket):
        storage.objects.put("lgma-storage.json", content)
    with pytest.raises(SettingsUnsafe, match="artifacts_unusable"):
        await storage.open().check_marker(agreeing({}))
