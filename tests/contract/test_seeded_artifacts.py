"""Files under their digest: complete and durable, or not there at all."""

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.domain.errors import ArtifactNotFound, InputTooLarge
from langgraph_multi_agent.domain.ports import StoredBlob

CONTENT = b"0123456789" * 50_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Recorder:
    """What the operating system is asked to do with files below one directory, in order."""

    def __init__(self) -> None:
        self.root: Path | None = None
        self.calls: list[tuple[str, str]] = []
        sys.addaudithook(self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if self.root is None:
            return
        if event == "open" and isinstance(args[0], (str, os.PathLike)) and self._is_below(args[0]):
            # `tempfile` opens the directory's name too, to say where a name will be.
            if (args[2] or 0) & (os.O_WRONLY | os.O_RDWR) and not Path(args[0]).is_dir():
                self.calls.append(("write", self._name(args[0])))
        elif event == "os.rename" and self._is_below(args[1]):
            self.calls.append(("rename", self._name(args[1])))

    def _is_below(self, path: Any) -> bool:
        return self.root is not None and Path(path).is_relative_to(self.root)

    def _name(self, path: Any) -> str:
        assert self.root is not None
        return str(Path(path).relative_to(self.root))

    def synced(self, descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        if self._is_below(target):
            self.calls.append(("sync", self._name(target)))


RECORDER = Recorder()


@contextmanager
def recorded(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        RECORDER.synced(descriptor)
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        RECORDER.root, RECORDER.calls = root.resolve(), []
        try:
            yield RECORDER.calls
        finally:
            RECORDER.root = None


async def pieces(content: bytes = CONTENT, *, breaks_after: int | None = None) -> AsyncIterator[bytes]:
    for number, start in enumerate(range(0, len(content), 65536)):
        if number == breaks_after:
            raise RuntimeError("the client went away")
        yield content[start : start + 65536]


async def put(artifacts: DirectoryArtifacts, form: str, source: Path) -> StoredBlob:
    match form:
        case "bytes":
            return await artifacts.put(CONTENT)
        case "stream":
            return await artifacts.put(pieces())
        case _:
            await asyncio.to_thread(source.write_bytes, CONTENT)
            return await artifacts.put_file(source)


def stored(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.skipif(sys.platform != "linux", reason="open files are found through /proc")
@pytest.mark.parametrize("form", ["bytes", "stream", "file"])
async def test_a_file_arrives_under_its_digest_by_one_rename_after_it_is_durable(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "artifacts"
    artifacts = DirectoryArtifacts(root)
    with recorded(root, monkeypatch) as calls:
        blob = await put(artifacts, form, tmp_path / "source")
    name = f"{DIGEST[:2]}/{DIGEST[2:]}"
    temporary = next(path for kind, path in calls if kind == "write")
    assert temporary.startswith("incoming/")
    assert [call for call in calls if call != ("write", temporary)] == [
        ("sync", temporary), ("rename", name), ("sync", DIGEST[:2]), ("sync", "."),
    ]  # fmt: skip
    assert (blob.digest, blob.size_bytes) == (DIGEST, len(CONTENT))
    assert await artifacts.read(DIGEST) == CONTENT
    assert stored(root) == [root / name]


@pytest.mark.skipif(sys.platform != "linux", reason="open files are found through /proc")
async def test_a_name_that_another_process_gave_is_durable_before_it_is_handed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "artifacts"
    await DirectoryArtifacts(root).put(CONTENT)
    with recorded(root, monkeypatch) as calls:
        await DirectoryArtifacts(root).put(CONTENT)
    assert calls[-2:] == [("sync", DIGEST[:2]), ("sync", ".")]
    assert [kind for kind, _ in calls].count("rename") == 0


async def test_the_same_content_is_kept_once(tmp_path: Path) -> None:
    artifacts = DirectoryArtifacts(tmp_path / "artifacts")
    for form in ("bytes", "stream", "file", "bytes"):
        assert (await put(artifacts, form, tmp_path / "source")).digest == DIGEST
    assert len(stored(tmp_path / "artifacts")) == 1


async def test_what_breaks_off_or_is_too_large_leaves_no_file(tmp_path: Path) -> None:
    artifacts = DirectoryArtifacts(tmp_path / "artifacts")
    with pytest.raises(RuntimeError, match="client went away"):
        await artifacts.put(pieces(breaks_after=3))
    with pytest.raises(InputTooLarge):
        await artifacts.put(pieces(), max_bytes=200_000)
    with pytest.raises(InputTooLarge):
        await artifacts.put(CONTENT, max_bytes=200_000)
    assert stored(tmp_path / "artifacts") == []
    assert (await artifacts.put(pieces(), max_bytes=len(CONTENT))).size_bytes == len(CONTENT)


async def test_only_old_files_that_nothing_needs_are_collected(tmp_path: Path) -> None:
    root = tmp_path / "artifacts"
    artifacts = DirectoryArtifacts(root)
    needed, unneeded, fresh = [
        (await artifacts.put(word)).digest for word in (b"needed", b"unneeded", b"fresh")
    ]
    (root / "incoming" / "left-behind").write_bytes(b"half")
    long_ago = time.time() - 7200
    for path in stored(root):
        if path.name != fresh[2:]:
            os.utime(path, (long_ago, long_ago))
    assert await artifacts.collect({needed}, min_age_s=3600) == 2
    assert sorted(path.parent.name + path.name for path in stored(root)) == sorted([needed, fresh])
    with pytest.raises(ArtifactNotFound):
        await artifacts.path(unneeded)
    # Content that is stored again while it waits to be collected starts its age anew.
    os.utime(await artifacts.path(fresh), (long_ago, long_ago))
    await artifacts.put(b"fresh")
    assert await artifacts.collect(set(), min_age_s=3600) == 1
    assert await artifacts.read(fresh) == b"fresh"


@pytest.mark.parametrize("digest", ["", "0" * 63, "../" + "0" * 61, "G" * 64, "0" * 64])
async def test_what_is_no_digest_of_a_stored_file_is_not_found(tmp_path: Path, digest: str) -> None:
    artifacts = DirectoryArtifacts(tmp_path / "artifacts")
    with pytest.raises(ArtifactNotFound):
        await artifacts.path(digest)
