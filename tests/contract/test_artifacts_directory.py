"""What a shared directory adds: other processes, a collector that dies, clocks that disagree."""

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.domain.errors import ArtifactNotFound

HOUR_S = 3600.0
CONTENT = b"shared content " * 20_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()

WRITER = """
import asyncio, os, sys, time
from contextlib import suppress
from pathlib import Path
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.domain.errors import ArtifactNotFound

async def main():
    artifacts, content = DirectoryArtifacts(Path(sys.argv[1])), b"shared content " * 20_000
    turns, enough, give_up = int(sys.argv[2]), Path(sys.argv[3]), time.monotonic() + 100
    while turns > 0 or not (enough.exists() or time.monotonic() > give_up):
        turns -= 1
        blob = await artifacts.put(content)
        # Old at once, so that the collector is after it all the time.
        with suppress(ArtifactNotFound, FileNotFoundError):
            os.utime(await artifacts.path(blob.digest), (0, 0))
    print(blob.digest)

asyncio.run(main())
"""


def place(root: Path, digest: str) -> Path:
    return root / digest[:2] / digest[2:]


def make_old(path: Path) -> None:
    then = time.time() - 2 * HOUR_S
    os.utime(path, (then, then))


def leave_put_aside(root: Path, digest: str) -> Path:
    """As a collector leaves it that dies between putting aside and deleting."""
    aside = root / "withdrawn" / digest
    place(root, digest).rename(aside)
    return aside


async def test_readers_beside_processes_that_store_and_collect_see_all_of_it_or_nothing(
    tmp_path: Path,
) -> None:
    root, enough = tmp_path / "artifacts", tmp_path / "enough"
    artifacts = DirectoryArtifacts(root)
    writers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WRITER, str(root), "15", str(enough)), stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    ends = asyncio.gather(*(writer.communicate() for writer in writers))
    removed = 0
    try:
        while not ends.done():
            removed += await artifacts.collect(set(), min_age_s=HOUR_S)
            if removed:
                enough.touch()  # they do not end before: this process may be the slow one
            try:
                assert await artifacts.read(DIGEST) == CONTENT
            except ArtifactNotFound:
                continue
    finally:
        enough.touch()
    assert [out.decode().strip() for out, _ in ends.result()] == [DIGEST, DIGEST]
    assert removed > 0
    blob = await artifacts.put(CONTENT)
    assert await artifacts.read(blob.digest) == CONTENT
    assert list((root / "incoming").iterdir()) == []


async def test_what_a_dead_collector_put_aside_is_found_by_the_next_reader(tmp_path: Path) -> None:
    artifacts = DirectoryArtifacts(tmp_path)
    blob = await artifacts.put(CONTENT)
    leave_put_aside(tmp_path, blob.digest)
    assert await artifacts.read(blob.digest) == CONTENT
    assert place(tmp_path, blob.digest).exists()


@pytest.mark.parametrize("state", ["referenced", "young", "doomed"])
async def test_the_next_collector_decides_about_what_a_dead_one_put_aside(tmp_path: Path, state: str) -> None:
    artifacts = DirectoryArtifacts(tmp_path)
    blob = await artifacts.put(CONTENT)
    aside = leave_put_aside(tmp_path, blob.digest)
    if state != "young":
        make_old(aside)
    await artifacts.collect({blob.digest} if state == "referenced" else set(), min_age_s=HOUR_S)
    assert not aside.exists()
    assert place(tmp_path, blob.digest).exists() == (state != "doomed")


async def test_content_stored_again_after_the_collector_looked_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts, other = DirectoryArtifacts(tmp_path), DirectoryArtifacts(tmp_path)
    blob = await artifacts.put(CONTENT)
    make_old(place(tmp_path, blob.digest))
    real = artifacts._withdraw

    def late(path: Path, oldest: float) -> bool:
        asyncio.run(other.put(CONTENT))
        return real(path, oldest)

    monkeypatch.setattr(artifacts, "_withdraw", late)
    assert await artifacts.collect(set(), min_age_s=HOUR_S) == 0
    assert await other.read(blob.digest) == CONTENT


@pytest.mark.parametrize("jump_s", [-2 * HOUR_S, 2 * HOUR_S])
async def test_age_goes_by_the_file_system_and_not_by_a_clock_that_jumped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    artifacts = DirectoryArtifacts(tmp_path)
    young, old = [(await artifacts.put(word)).digest for word in (b"young", b"old")]
    make_old(place(tmp_path, old))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump_s)
    assert await artifacts.collect(set(), min_age_s=HOUR_S) == 1
    assert await artifacts.read(young) == b"young"


async def test_a_marker_is_whole_or_not_there_when_a_first_start_dies(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts\n"
        "async def die(proposed):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(DirectoryArtifacts(Path(sys.argv[1])).check_marker(die))\n"
    )
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(tmp_path))
    assert await starter.wait() == -9
    offered: list[str] = []

    async def agree(proposed: str) -> str:
        offered.append(proposed)
        return proposed

    for _ in range(2):
        await DirectoryArtifacts(tmp_path).check_marker(agree)
    assert len(set(offered)) == 1
