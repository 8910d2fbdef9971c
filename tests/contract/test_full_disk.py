"""A disk without room: the upload is refused as such, and nothing stays behind."""

import os
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.artifact_stores import Bucket, SharedDirectory, Storage, object_server

from langgraph_multi_agent.domain.errors import DependencyUnavailable


@contextmanager
def no_room() -> Iterator[None]:
    """Files of this process may not grow, which the kernel refuses as it refuses on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture(params=["directory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "directory":
        yield SharedDirectory(tmp_path)
        return
    with object_server() as server:
        yield Bucket(server, tmp_path)


@pytest.mark.parametrize("size", [10, 5_000_000])
@pytest.mark.parametrize("form", ["bytes", "stream", "file"])
async def test_an_upload_that_finds_no_room_is_a_missing_dependency(
    size: int, form: str, storage: Storage, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    artifacts, source = storage.open(), tmp_path_factory.mktemp("source") / "file"
    source.write_bytes(b"x" * size)

    async def content() -> AsyncIterator[bytes]:
        yield b"x" * size

    calls = {
        "bytes": lambda: artifacts.put(b"x" * size),
        "stream": lambda: artifacts.put(content()),
        "file": lambda: artifacts.put_file(source),
    }
    with no_room(), pytest.raises(DependencyUnavailable) as refused:
        await calls[form]()
    assert refused.value.params["dependency"] == "artifacts"
    assert [name for _, _, names in os.walk(tmp_path) for name in names] == []
    assert storage.digests() == set()


async def test_what_is_there_can_be_read_and_collected_without_room(storage: Storage) -> None:
    artifacts = storage.open()
    kept, doomed = [(await artifacts.put(word)).digest for word in (b"kept", b"doomed")]
    storage.make_old(doomed, 7200)
    with no_room():
        assert await artifacts.read(kept) == b"kept"
        assert await artifacts.collect({kept}, min_age_s=3600) == 1
    assert storage.digests() == {kept}
