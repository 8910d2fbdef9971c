"""What an object store adds: a network that fails, copies on this machine, a bucket of somebody else."""

import asyncio
import builtins
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.artifact_stores import CREDENTIALS, Bucket, ObjectServer, object_server

from langgraph_multi_agent.artifacts import s3
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.artifacts.opening import open_artifacts
from langgraph_multi_agent.domain.errors import DependencyUnavailable, SettingsUnsafe
from langgraph_multi_agent.i18n.artifacts import TEXTS
from langgraph_multi_agent.i18n.errors import describe

KIB = 1024
HOUR_S = 3600.0


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with object_server() as running:
        yield running


@pytest.fixture
def bucket(server: ObjectServer, tmp_path: Path) -> Bucket:
    return Bucket(server, tmp_path / "machines")


async def agree(proposed: str) -> str:
    return proposed


def copies_of(directory: Path) -> set[str]:
    return {path.parent.name + path.name for path in directory.glob("*/[0-9a-f][0-9a-f]/*")}


@contextmanager
def silent_server() -> Iterator[str]:
    """The kernel takes connections, nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def slow_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request lasts two minutes before the client ends it, so that only what is tested ends it earlier."""
    monkeypatch.setattr(s3, "SLOWEST_BYTES_PER_S", s3.PART_BYTES / 120)


def opened(url: str, endpoint: str, directory: Path, monkeypatch: pytest.MonkeyPatch, **kwargs: Any) -> Any:
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    return open_artifacts(url, cache_dir=directory, **kwargs)


@pytest.mark.parametrize("call", ["put", "put_stream", "path", "read", "collect", "check_marker"])
@pytest.mark.parametrize("fault", ["refuses", "is silent"])
@pytest.mark.usefixtures("slow_client")
async def test_a_server_that_is_down_is_a_missing_dependency_within_the_deadline(
    call: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"content"

    with silent_server() as silent:
        endpoint = silent if fault == "is silent" else "http://127.0.0.1:1"
        artifacts = opened("s3://bucket/prefix", endpoint, tmp_path, monkeypatch)
        artifacts._deadline_s = 1.0
        calls = {
            "put": lambda: artifacts.put(b"content"),
            "put_stream": lambda: artifacts.put(content()),
            "path": lambda: artifacts.path("0" * 64),
            "read": lambda: artifacts.read("0" * 64),
            "collect": lambda: artifacts.collect(set(), min_age_s=HOUR_S),
            "check_marker": lambda: artifacts.check_marker(agree),
        }
        began = time.monotonic()
        with pytest.raises(DependencyUnavailable) as refused:
            await calls[call]()
    assert time.monotonic() - began < 60
    assert refused.value.params["dependency"] == "artifacts"
    assert "\n" not in refused.value.params["reason"]


@pytest.mark.usefixtures("slow_client")
async def test_an_upload_that_is_cancelled_on_the_wire_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent_server() as silent:
        artifacts = opened("s3://bucket", silent, tmp_path, monkeypatch)
        artifacts._deadline_s = 120.0
        began, sending = time.monotonic(), asyncio.Event()
        real = artifacts._head

        async def head(key: str) -> Any:
            sending.set()
            return await real(key)

        monkeypatch.setattr(artifacts, "_head", head)
        putting = asyncio.create_task(artifacts.put(b"content"))
        await sending.wait()
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
    assert time.monotonic() - began < 60


async def test_an_upload_of_many_parts_that_is_cancelled_makes_no_object(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.s3.models import FakeMultipart

    artifacts, may_end, take = bucket.open(), threading.Event(), FakeMultipart.set_part

    def held(upload: FakeMultipart, part_id: int, value: bytes) -> Any:
        may_end.wait(60)  # else the upload may be over before it is seen
        return take(upload, part_id, value)

    monkeypatch.setattr(FakeMultipart, "set_part", held)

    async def content() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield os.urandom(1024 * KIB)

    putting = asyncio.create_task(artifacts.put(content()))
    while not bucket.server.open_uploads(bucket.name):  # noqa: ASYNC110 - the server has no event
        await asyncio.sleep(0.005)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    may_end.set()
    assert bucket.digests() == set()


async def test_the_aws_variables_lead_to_the_server(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = opened(bucket.url, bucket.server.endpoint, tmp_path / "cache", monkeypatch)
    await artifacts.check_marker(agree)
    blob = await artifacts.put(b"content")
    assert bucket.names() == {"lgma-storage.json", f"{blob.digest[:2]}/{blob.digest[2:]}"}
    assert await bucket.open().read(blob.digest) == b"content"


async def test_a_bucket_that_is_not_there_is_named_at_the_start(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = opened("s3://no-such-bucket", server.endpoint, tmp_path, monkeypatch)
    with pytest.raises(SettingsUnsafe) as refused:
        await artifacts.check_marker(agree)
    assert refused.value.params["reason"] == "artifacts_bucket_missing"
    with pytest.raises(DependencyUnavailable):
        await artifacts.put(b"content")


async def test_access_denied_is_named_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering: set[asyncio.Task[Any] | None] = set()

    async def deny(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.add(asyncio.current_task())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(deny, "127.0.0.1", 0)
    async with server:
        endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        artifacts = opened("s3://theirs/prefix", endpoint, tmp_path, monkeypatch)
        with pytest.raises(SettingsUnsafe) as refused:
            await artifacts.check_marker(agree)
        await asyncio.gather(*(task for task in answering if task is not None))
    assert refused.value.params["reason"] == "artifacts_denied"


async def test_copies_used_longest_ago_are_evicted_and_come_back(bucket: Bucket) -> None:
    artifacts = bucket.open(max_bytes=400 * KIB, keep_s=HOUR_S)
    digests = [(await artifacts.put(os.urandom(100 * KIB))).digest for _ in range(6)]
    (directory,) = bucket.directory.iterdir()
    for age, digest in enumerate(reversed(digests[1:])):
        path = directory / digest[:2] / digest[2:]
        then = time.time() - 2 * HOUR_S - age
        os.utime(path, (then, then))
    await artifacts.put(os.urandom(100 * KIB))
    left = copies_of(bucket.directory)
    # Three of the old ones had to go; the first was given out lately.
    assert left >= {digests[0], digests[5]}
    assert not left & {digests[1], digests[2], digests[3]}
    assert sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) <= 400 * KIB
    assert len(await artifacts.read(digests[1])) == 100 * KIB
    assert digests[1] in copies_of(bucket.directory)


async def test_a_path_that_was_given_out_stays_whatever_is_stored_after_it(bucket: Bucket) -> None:
    artifacts = bucket.open(max_bytes=200 * KIB, keep_s=HOUR_S)
    blob = await bucket.open().put(os.urandom(100 * KIB))
    path = await artifacts.path(blob.digest)
    os.utime(path, (0, 0))
    assert await artifacts.path(blob.digest) == path
    for _ in range(6):
        await artifacts.put(os.urandom(100 * KIB))
    assert path.stat().st_size == 100 * KIB


async def test_many_that_need_one_object_fetch_it_once(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = await bucket.open().put(os.urandom(100 * KIB))
    artifacts = bucket.open()
    fetched: list[int] = []
    real = artifacts._content

    def content(key: str, size: int) -> AsyncIterator[bytes]:
        fetched.append(size)
        return real(key, size)

    monkeypatch.setattr(artifacts, "_content", content)
    paths = await asyncio.gather(*(artifacts.path(blob.digest) for _ in range(8)))
    assert (len(set(paths)), fetched) == (1, [100 * KIB])


async def test_a_copy_that_was_damaged_on_this_machine_is_fetched_again(bucket: Bucket) -> None:
    artifacts = bucket.open()
    blob = await artifacts.put(b"good content")
    path = await artifacts.path(blob.digest)
    path.chmod(0o640)
    path.write_bytes(b"bad")
    assert await artifacts.read(blob.digest) == b"good content"


async def test_an_object_that_changed_gives_no_path_to_a_child_process(bucket: Bucket) -> None:
    blob = await bucket.open().put(b"good content")
    bucket.damage(blob.digest, b"Good content")
    reader = bucket.open()
    with pytest.raises(DependencyUnavailable, match="does not match"):
        await reader.path(blob.digest)
    bucket.damage(blob.digest, b"good content")
    assert (await reader.path(blob.digest)).read_bytes() == b"good content"


async def test_an_upload_waits_for_a_collector_that_looked_before_it(bucket: Bucket) -> None:
    blob = await bucket.open().put(b"again")
    key = f"{blob.digest[:2]}/{blob.digest[2:]}"
    bucket.objects.put(s3.COLLECTING, json.dumps([blob.digest]).encode())
    putting = asyncio.create_task(bucket.open().put(b"again"))
    done, _ = await asyncio.wait({putting}, timeout=0.5)
    assert not done
    await bucket.objects.delete_async(key)
    await bucket.objects.delete_async(s3.COLLECTING)
    await putting
    assert key in bucket.names()


async def test_collecting_goes_in_batches_and_leaves_no_mark(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "BATCH", 3)
    artifacts = bucket.open()
    for number in range(7):
        bucket.make_old((await artifacts.put(bytes([number]))).digest, 2 * HOUR_S)
    assert await artifacts.collect(set(), min_age_s=HOUR_S) == 7
    assert bucket.names() == {s3.CLOCK}


@pytest.mark.parametrize("jump_s", [-2 * HOUR_S, 2 * HOUR_S])
async def test_age_goes_by_the_server_and_not_by_a_clock_that_jumped(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    artifacts = bucket.open()
    young, old = [(await artifacts.put(word)).digest for word in (b"young", b"old")]
    bucket.make_old(old, HOUR_S + 60)
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real() + jump_s)
        assert await artifacts.collect(set(), min_age_s=HOUR_S) == 1
    assert bucket.digests() == {young}


async def test_what_is_stored_again_between_list_and_delete_stays(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector, writer = bucket.open(), bucket.open()
    blob = await writer.put(b"again")
    bucket.make_old(blob.digest, 2 * HOUR_S)
    real = collector._delete

    async def late(keys: Any, oldest: Any) -> int:
        await bucket.open().put(b"again")
        return await real(keys, oldest)

    monkeypatch.setattr(collector, "_delete", late)
    assert await collector.collect(set(), min_age_s=HOUR_S) == 0
    assert bucket.digests() == {blob.digest}


async def test_what_people_put_beside_the_content_is_not_collected(bucket: Bucket) -> None:
    bucket.objects.put("readme.txt", b"ours")
    found = bucket.server.record(bucket.name, "some/prefix/readme.txt")
    found.last_modified = found.last_modified.replace(year=2020)
    assert await bucket.open().collect(set(), min_age_s=HOUR_S) == 0
    assert "readme.txt" in bucket.names()


# Opening


@pytest.mark.parametrize("form", ["file://{}", "file://localhost{}", "{}"])
async def test_a_directory_is_opened_by_url_or_by_path(form: str, tmp_path: Path) -> None:
    root = tmp_path / "with space"
    url = form.format(str(root).replace(" ", "%20") if form.startswith("file") else root)
    artifacts = open_artifacts(url, cache_dir=tmp_path / "cache")
    assert isinstance(artifacts, DirectoryArtifacts)
    blob = await artifacts.put(b"content")
    assert (root / blob.digest[:2] / blob.digest[2:]).read_bytes() == b"content"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "artifacts_url_unknown"),
        ("ftp://host/path", "artifacts_url_unknown"),
        ("file://other-host/path", "artifacts_url_unknown"),
        ("s3://", "artifacts_url_unknown"),
        ("s3:///prefix", "artifacts_url_unknown"),
        ("s3://bucket/prefix?region=eu", "artifacts_url_unknown"),
        ("s3://bucket:9000/prefix", "artifacts_url_unknown"),
        ("s3://key:secret@bucket/prefix", "artifacts_credentials_in_url"),
        ("relative/path", "artifacts_path_not_absolute"),
        ("/dev/null/artifacts", "artifacts_unusable"),
    ],
)
def test_a_url_that_is_no_storage_is_refused_and_says_why(url: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsUnsafe) as refused:
        open_artifacts(url, cache_dir=tmp_path)
    params = refused.value.params
    assert (params["setting"], params["reason"]) == ("ARTIFACTS_URL", reason)
    for language in ("zh", "en"):
        detail = describe("SETTINGS_UNSAFE", params, language).detail
        assert "ARTIFACTS_URL" in detail
        assert "secret" not in detail


def test_without_the_extra_the_install_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "obstore":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsUnsafe) as refused:
        open_artifacts("s3://bucket", cache_dir=tmp_path)
    for language in ("zh", "en"):
        detail = describe("SETTINGS_UNSAFE", refused.value.params, language).detail
        assert "pip install 'langgraph-multi-agent[s3]'" in detail


def test_the_library_is_loaded_only_for_s3(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from langgraph_multi_agent.artifacts.opening import open_artifacts\n"
        "open_artifacts(sys.argv[1], cache_dir=Path(sys.argv[1]))\n"
        "sys.exit('obstore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == 0


@pytest.mark.parametrize(("variables", "reason"), [({"AWS_ACCESS_KEY_ID": "half"}, "artifacts_unusable")])
def test_half_of_the_credentials_is_refused(
    variables: dict[str, str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsUnsafe) as refused:
        open_artifacts("s3://bucket", cache_dir=tmp_path)
    assert refused.value.params["reason"] == reason


@pytest.mark.parametrize("key", sorted(TEXTS))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_reason_makes_a_whole_sentence(key: str, language: str) -> None:
    params = {"setting": "ARTIFACTS_URL", "value": "s3://b", "detail": "why"}
    params["reason"] = key.removeprefix("settings.reason.")
    detail = describe("SETTINGS_UNSAFE", params, language).detail
    assert detail == TEXTS[key][language].format(**params)
