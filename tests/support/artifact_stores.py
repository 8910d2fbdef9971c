"""Artifact storages for tests: a shared directory, and a bucket of a real S3-compatible server.

A storage can be opened several times, as several processes or machines do, and a test may reach
behind it: make content old, damage it, see what is there.
"""

import logging
import os
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.store import S3Store

from langgraph_multi_agent.artifacts.copies import LocalCopies
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.artifacts.s3 import S3Artifacts
from langgraph_multi_agent.domain.ports import Artifacts

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test-key",
    "AWS_SECRET_ACCESS_KEY": "test-secret",
    "AWS_REGION": "us-east-1",
}


class Storage(ABC):
    """One storage and what a test does behind its back.

    Attributes:
        url: what `ARTIFACTS_URL` says for it.
        environment: the variables that a process needs beside it.
    """

    url: str
    environment: Mapping[str, str] = {}

    @abstractmethod
    def open(self) -> Artifacts:
        """The storage as another machine opens it."""

    @abstractmethod
    def digests(self) -> set[str]: ...

    @abstractmethod
    def make_old(self, digest: str, seconds: float) -> None: ...

    @abstractmethod
    def damage(self, digest: str, content: bytes) -> None: ...

    @abstractmethod
    def forget_marker(self) -> None: ...

    @abstractmethod
    def has_marker(self) -> bool: ...


class SharedDirectory(Storage):
    def __init__(self, root: Path) -> None:
        self.root, self.url = root, f"file://{root}"

    def open(self) -> DirectoryArtifacts:
        return DirectoryArtifacts(self.root)

    def digests(self) -> set[str]:
        return {path.parent.name + path.name for path in self.root.glob("[0-9a-f][0-9a-f]/*")}

    def make_old(self, digest: str, seconds: float) -> None:
        then = time.time() - seconds
        os.utime(self._path(digest), (then, then))

    def damage(self, digest: str, content: bytes) -> None:
        path = self._path(digest)
        path.chmod(0o640)
        path.write_bytes(content)

    def forget_marker(self) -> None:
        (self.root / "lgma-storage.json").unlink()

    def has_marker(self) -> bool:
        return (self.root / "lgma-storage.json").exists()

    def _path(self, digest: str) -> Path:
        return self.root / digest[:2] / digest[2:]


class Bucket(Storage):
    """A prefix of a new bucket; every opening has its own directory of copies."""

    def __init__(self, server: "ObjectServer", directory: Path) -> None:
        self.server, self.directory = server, directory
        self.name = server.new_bucket()
        self.objects = server.client(self.name, "some/prefix")
        self.url = f"s3://{self.name}/some/prefix"
        self.environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": server.endpoint}

    def open(self, *, max_bytes: int = 1 << 30, keep_s: float = 3600, deadline_s: float = 60) -> S3Artifacts:
        copies = LocalCopies(self.directory / uuid.uuid4().hex, max_bytes=max_bytes, keep_s=keep_s)
        return S3Artifacts(self.objects, name=f"s3://{self.name}", copies=copies, deadline_s=deadline_s)

    def names(self) -> set[str]:
        return {meta["path"] for page in obstore.list(self.objects) for meta in page}

    def digests(self) -> set[str]:
        return {key.replace("/", "") for key in self.names() if key[2:3] == "/"}

    def make_old(self, digest: str, seconds: float) -> None:
        found = self.server.record(self.name, f"some/prefix/{digest[:2]}/{digest[2:]}")
        found.last_modified = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=seconds)

    def damage(self, digest: str, content: bytes) -> None:
        obstore.put(self.objects, f"{digest[:2]}/{digest[2:]}", content)

    def forget_marker(self) -> None:
        obstore.delete(self.objects, "lgma-storage.json")

    def has_marker(self) -> bool:
        return "lgma-storage.json" in self.names()


class ObjectServer:
    """moto's S3 server on loopback: it speaks S3 over HTTP and keeps objects in memory."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"

    def client(self, bucket: str, prefix: str) -> S3Store:
        return S3Store(
            bucket,
            prefix=prefix,
            config={
                "endpoint": self.endpoint,
                "access_key_id": CREDENTIALS["AWS_ACCESS_KEY_ID"],
                "secret_access_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                "region": CREDENTIALS["AWS_REGION"],
            },
            client_options={"allow_http": True, "timeout": "60s"},
            retry_config={"max_retries": 1, "retry_timeout": timedelta(seconds=60)},
        )

    def new_bucket(self) -> str:
        import httpx

        name = f"bucket-{uuid.uuid4().hex[:12]}"
        httpx.put(f"{self.endpoint}/{name}", timeout=60, trust_env=False).raise_for_status()
        return name

    def record(self, bucket: str, key: str) -> Any:
        """The server's own record of an object."""
        return self._bucket(bucket).keys[key]

    def open_uploads(self, bucket: str) -> int:
        """Multipart uploads that were begun and neither completed nor aborted."""
        return len(self._bucket(bucket).multiparts)

    def _bucket(self, name: str) -> Any:
        from moto.core.models import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[name]


@contextmanager
def object_server() -> Iterator[ObjectServer]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    while (running := server._server) is None:
        time.sleep(0.01)
    answer, turn = running.app, threading.Lock()

    def one_at_a_time(environ: Any, start_response: Any) -> Any:
        # moto closes an object's buffer while another request for the same key still reads it.
        with turn:
            return answer(environ, start_response)

    running.app = one_at_a_time
    try:
        yield ObjectServer(server.get_host_and_port()[1])
    finally:
        server.stop()
        running.server_close()
