"""What stands around the guarded client in tests: listeners that count, names that lie, a way to "the internet".

Hides sockets. Called by the tests of outgoing requests. Invariant: everything is on loopback, and whatever
is connected to is counted before a byte of it is read.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import httpcore

PUBLIC = "93.184.216.34"
OTHER_PUBLIC = "93.184.216.35"

Reply = bytes | Callable[["Asked"], bytes | Awaitable[bytes]]


class Asked:
    """One request as it came: the request line's target, the headers, and the body by its length."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
        }
        self.body = body


class Site:
    """A server on loopback that answers by path; `connections` counts, `asked` remembers."""

    def __init__(self, replies: Mapping[str, Reply] | None = None) -> None:
        self.replies: dict[str, Reply] = dict(replies or {})
        self.connections = 0
        self.asked: list[Asked] = []
        self.port = 0
        self.tls: ssl.SSLContext | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.tls is not None:
                await writer.start_tls(self.tls)  # here, so that a caller who turns away is no error of the server
            head = await reader.readuntil(b"\r\n\r\n")
            asked = Asked(head, b"")
            asked.body = await reader.readexactly(int(asked.headers.get("content-length", "0")))
            self.asked.append(asked)
            reply = self.replies.get(asked.target, self.replies.get("*", response(status=404)))
            if callable(reply):
                made = reply(asked)
                reply = made if isinstance(made, bytes) else await made
            writer.write(reply)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            return
        finally:
            writer.close()


def response(
    body: bytes = b"", *, status: int = 200, headers: Mapping[str, str] | None = None, length: bool = True
) -> bytes:
    """A whole answer; without `length` it ends with the connection."""
    lines = [f"HTTP/1.1 {status} X"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines += [f"Content-Length: {len(body)}"] if length else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def redirect(location: str, *, status: int = 302) -> bytes:
    return response(status=status, headers={"Location": location})


@asynccontextmanager
async def listening(
    site: Site, host: str = "127.0.0.1", *, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Site]:
    """The site, on a free port of a loopback address."""
    site.tls = tls
    server = await asyncio.start_server(site.serve, host, port)
    async with server:
        site.port = server.sockets[0].getsockname()[1]
        yield site


@asynccontextmanager
async def listening_on_one_port(
    hosts: Sequence[str], replies: Mapping[str, Reply]
) -> AsyncIterator[list[Site]]:
    """A site for each loopback address, all on the same port; a port that one of them lacks is left alone."""
    async with AsyncExitStack() as stack:
        for _ in range(50):
            sites: list[Site] = []
            try:
                async with AsyncExitStack() as trying:
                    for host in hosts:
                        port = sites[0].port if sites else 0
                        sites.append(
                            await trying.enter_async_context(listening(Site(replies), host, port=port))
                        )
                    stack.push_async_exit(trying.pop_all())
                break
            except OSError:
                continue
        yield sites


@contextmanager
def held_port() -> Iterator[int]:
    """A port of 127.0.0.1 where nobody listens and nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


class Names:
    """A resolver from a table; each look-up of a name takes the next of its answers, the last one stays."""

    def __init__(self, table: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._table = {name: list(answers) for name, answers in table.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self._table.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Connector(httpcore.AsyncNetworkBackend):
    """Plain TCP that remembers what it was asked for.

    Args:
        routes: public addresses that are really a port of this machine; others are connected to as they are.
    """

    def __init__(self, routes: Mapping[str, int] | None = None) -> None:
        self._routes = dict(routes or {})
        self._plain = httpcore.AnyIOBackend()
        self.calls: list[tuple[str, int]] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.calls.append((host, port))
        if host in self._routes:
            host, port = "127.0.0.1", self._routes[host]
        return await self._plain.connect_tcp(host, port, timeout=timeout)


def certificate(*names: str) -> tuple[bytes, bytes]:
    """A self-made certificate for names, and its key, both as PEM."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        made.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
