"""The servers of the tests are real, private, and gone when they should be."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.support import servers
from tests.support.servers import PgBouncer, PostgresServer, RedisServer

ROOT = Path(__file__).resolve().parents[3]


def value(server: PostgresServer, statement: str, database: str = "postgres") -> Any:
    with server.connect(database) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def test_the_shared_postgresql_answers_over_tcp_and_over_its_socket(postgres_server: PostgresServer) -> None:
    assert servers.postgres() is postgres_server
    assert int(value(postgres_server, "SHOW server_version_num")) >= 150000
    with psycopg.connect(postgres_server.socket_url()) as connection:
        assert connection.execute("SELECT inet_server_addr()").fetchone() == (None,)


def fill(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE filled AS SELECT 1 AS number")


def test_a_database_is_a_copy_of_its_template_and_shares_nothing(postgres_server: PostgresServer) -> None:
    first, second = (postgres_server.create_database(fill) for _ in range(2))
    with postgres_server.connect(first) as connection:
        connection.execute("DELETE FROM filled")
        assert value(postgres_server, "SELECT count(*) FROM filled", second) == 1
        postgres_server.drop_database(first)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        postgres_server.connect(first)
    postgres_server.drop_database(second)


def test_a_template_that_fails_once_is_filled_anew(postgres_server: PostgresServer) -> None:
    failing = [True]

    def unsteady(url: str) -> None:
        fill(url)
        if failing.pop():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        postgres_server.create_database(unsteady)
    failing.append(False)
    database = postgres_server.create_database(unsteady)
    assert value(postgres_server, "SELECT count(*) FROM filled", database) == 1
    postgres_server.drop_database(database)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_what_was_committed_is_there_after_a_restart_on_the_same_port(mode: Any) -> None:
    with PostgresServer({**servers.DURABLE, "max_connections": "33"}) as server:
        assert value(server, "SHOW fsync") == "on"
        assert value(server, "SHOW max_connections") == "33"
        database = server.create_database(fill)
        with server.connect(database) as connection:
            server.stop(mode)
            assert not server.is_running
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="refused"):
            server.connect()
        server.start()
        assert value(server, "SELECT count(*) FROM filled", database) == 1
        directory = server.directory
    assert not directory.exists()


def test_a_server_that_cannot_start_says_why() -> None:
    server = PostgresServer({"max_connections": "many"})
    with pytest.raises(servers.ServerFailed, match="max_connections"):
        server.start()
    assert not server.is_running
    server.close()


def ask(server: RedisServer, line: bytes) -> bytes:
    with socket.create_connection(server.address, timeout=60) as client:
        client.sendall(line + b"\r\n")
        return client.recv(1000)


def test_a_redis_evicts_nothing_and_forgets_at_its_end_unless_told_to_keep() -> None:
    with RedisServer() as forgetful, RedisServer(appendonly=True) as keeping:
        assert b"noeviction" in ask(forgetful, b"CONFIG GET maxmemory-policy")
        for server in (forgetful, keeping):
            assert ask(server, b"SET a 1") == b"+OK\r\n"
            server.kill()
            assert not server.is_running
            server.start()
        assert ask(forgetful, b"GET a") == b"$-1\r\n"
        assert ask(keeping, b"GET a") == b"$1\r\n1\r\n"


def test_a_stopped_process_can_still_be_ended() -> None:
    with RedisServer() as server:
        os.kill(server.pid, signal.SIGSTOP)
        server.stop()
        assert not server.is_running


@pytest.mark.timeout(400)
def test_servers_die_with_the_process_that_started_them_even_from_another_thread() -> None:
    program = """
        import os, signal, threading
        from tests.support import servers
        started = []
        for kind in (servers.PostgresServer, servers.RedisServer):
            thread = threading.Thread(target=lambda kind=kind: started.append(kind().start()))
            thread.start()
            thread.join()
        assert all(server.is_running for server in started)
        print(*(server.pid for server in started), *(server.directory for server in started), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    *pids, postgres_directory, redis_directory = run.stdout.split()
    for pid in map(int, pids):
        end = wait_for_end(pid)
        assert end, f"process {pid} outlived its parent"
    for directory in (postgres_directory, redis_directory):
        subprocess.run(["rm", "-rf", directory], check=True)


def wait_for_end(pid: int) -> bool:
    """The kernel tells; a process that is gone already is no file descriptor."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 60)[0])
    finally:
        os.close(descriptor)


def test_a_forked_child_does_not_take_the_servers_down() -> None:
    with RedisServer() as server:
        child = os.fork()
        if child == 0:
            server.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert ask(server, b"PING") == b"+PONG\r\n"


@pytest.mark.system
def test_pgbouncer_lends_one_connection_to_many_clients(postgres_server: PostgresServer) -> None:
    with (
        PgBouncer(postgres_server, pool_size=1) as bouncer,
        psycopg.connect(bouncer.url(), autocommit=True) as first,
        psycopg.connect(bouncer.url(), autocommit=True) as second,
    ):
        pids = {client.execute("SELECT pg_backend_pid()").fetchone() for client in (first, second, first)}
    assert len(pids) == 1


@pytest.mark.system
@pytest.mark.parametrize("package", sorted(servers.PACKAGES))
def test_a_build_server_has_every_package_that_tests_name(package: str) -> None:
    assert os.access(servers.needs(package), os.X_OK)


def test_a_build_server_installs_every_package_that_tests_name() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert [package for package in servers.PACKAGES if not re.search(rf"\b{package}\b", script)] == []
