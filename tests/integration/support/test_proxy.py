"""The proxy's faults are what they say, seen by a client of a real Redis behind it."""

import gc
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.support import servers
from tests.support.proxy import TcpProxy


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    with TcpProxy(servers.redis().address) as running:
        yield running


def client_of(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(proxy.address, timeout=60)


def ask(client: socket.socket, line: bytes = b"PING") -> bytes:
    client.sendall(line + b"\r\n")
    return client.recv(1000)


def is_silent(client: socket.socket) -> bool:
    client.settimeout(0.2)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(60)
    return False


def test_a_good_line_passes_everything_and_counts_it(proxy: TcpProxy) -> None:
    with client_of(proxy) as client:
        assert ask(client) == b"+PONG\r\n"
        traffic = proxy.traffic()
    assert (traffic.accepted, traffic.open, traffic.request_bytes, traffic.answer_bytes) == (1, 1, 6, 7)


def test_a_large_answer_arrives_whole(proxy: TcpProxy) -> None:
    with client_of(proxy) as client:
        big = b"x" * 3_000_000
        client.sendall(b"*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n" % (len(big), big))
        with client.makefile("rb") as answer:
            assert answer.readline() == b"$%d\r\n" % len(big)
            assert answer.read(len(big)) == big


def test_a_paused_line_keeps_connections_silent_and_delivers_when_it_heals(proxy: TcpProxy) -> None:
    with client_of(proxy) as client:
        assert ask(client) == b"+PONG\r\n"
        proxy.pause()
        client.sendall(b"PING\r\n")
        with client_of(proxy) as later:
            later.sendall(b"PING\r\n")
            assert is_silent(client)
            assert is_silent(later)
            proxy.heal()
            assert client.recv(100) == later.recv(100) == b"+PONG\r\n"


def test_a_line_without_answers_still_carries_the_request(proxy: TcpProxy) -> None:
    with client_of(proxy) as client, socket.create_connection(servers.redis().address) as direct:
        assert ask(client, b"DEL reached") == b":0\r\n"
        proxy.pause("answers")
        client.sendall(b"SET reached yes\r\n")
        assert is_silent(client)
        assert ask(direct, b"GET reached") == b"$3\r\nyes\r\n"
        proxy.heal()
        assert client.recv(100) == b"+OK\r\n"
        assert ask(direct, b"DEL reached") == b":1\r\n"


def test_the_end_of_a_connection_does_not_cross_a_paused_line(proxy: TcpProxy) -> None:
    with client_of(proxy) as client:
        assert ask(client) == b"+PONG\r\n"
        proxy.pause()
        client.sendall(b"QUIT\r\n")
        assert is_silent(client)
        proxy.heal()
        assert client.recv(100) == b"+OK\r\n"
        assert client.recv(100) == b""


def test_a_cut_line_resets_and_refuses_until_it_heals(proxy: TcpProxy) -> None:
    with client_of(proxy) as client:
        assert ask(client) == b"+PONG\r\n"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        client_of(proxy)
    assert proxy.traffic().open == 0
    proxy.heal()
    with client_of(proxy) as client:
        assert ask(client) == b"+PONG\r\n"


def test_a_paused_line_can_be_cut_and_what_it_held_is_lost(proxy: TcpProxy) -> None:
    with client_of(proxy) as client, socket.create_connection(servers.redis().address) as direct:
        proxy.pause()
        client.sendall(b"SET lost yes\r\n")
        assert is_silent(client)
        proxy.cut()
        proxy.heal()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        assert ask(direct, b"EXISTS lost") == b":0\r\n"


def test_a_delayed_line_is_later_by_that_much_each_way(proxy: TcpProxy) -> None:
    with client_of(proxy) as client:
        assert ask(client) == b"+PONG\r\n"
        proxy.delay(0.1)
        began = time.monotonic()
        assert ask(client) == b"+PONG\r\n"
        assert time.monotonic() - began >= 0.2
        proxy.delay(0)
        assert ask(client) == b"+PONG\r\n"


def test_a_target_that_is_down_looks_like_a_reset_and_comes_back() -> None:
    with servers.RedisServer() as server, TcpProxy(server.address) as proxy:
        server.stop()
        with client_of(proxy) as client, pytest.raises(ConnectionResetError):
            client.recv(1)
        server.start()
        with client_of(proxy) as client:
            assert ask(client) == b"+PONG\r\n"


def test_connections_that_come_in_while_the_line_is_cut_are_closed_too(proxy: TcpProxy) -> None:
    is_over = threading.Event()

    def knock() -> None:
        while not is_over.is_set():
            with suppress(OSError), client_of(proxy) as client:
                client.sendall(b"PING\r\n")
                client.recv(1)

    callers = [threading.Thread(target=knock) for _ in range(6)]
    for caller in callers:
        caller.start()
    try:
        for _ in range(60):
            time.sleep(0.005)
            proxy.cut()
            proxy.heal()
    finally:
        is_over.set()
        proxy.cut()  # whoever still waits for an answer
        for caller in callers:
            caller.join()
    assert proxy.traffic().open == 0
    gc.collect()  # one that was left open is an error of this test
