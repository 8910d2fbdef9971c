"""A disk without room: the upload is refused as such, and nothing stays behind."""

import os
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
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


@pytest.mark.parametrize("size", [10, 5_000_000])
async def test_an_upload_that_finds_no_room_is_a_missing_dependency(tmp_path: Path, size: int) -> None:
    artifacts = DirectoryArtifacts(tmp_path)

    async def content() -> AsyncIterator[bytes]:
        yield b"x" * size

    with no_room(), pytest.raises(DependencyUnavailable) as refused:
        await artifacts.put(content())
    assert refused.value.params["dependency"] == "artifacts"
    assert [name for _, _, names in os.walk(tmp_path) for name in names] == []
