"""The socket that a server listens on."""

import asyncio
import socket

import pytest

from langgraph_multi_agent.bootstrap.serving import listening_socket


@pytest.mark.anyio
async def test_no_connection_of_a_server_holds_small_answers_back() -> None:
    held: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock: socket.socket = writer.get_extra_info("socket")
        held.set_result(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    with listening_socket("127.0.0.1", 0) as sock:
        async with await asyncio.start_server(accepted, sock=sock):
            _, writer = await asyncio.open_connection(*sock.getsockname())
            assert await held == 1
            writer.close()
