"""Outgoing requests: nothing but what is allowed is ever connected to, and what is allowed works."""

import asyncio
import gzip
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tests.support.outgoing import (
    OTHER_PUBLIC,
    PUBLIC,
    Connector,
    Names,
    Site,
    certificate,
    has_ipv6,
    held_port,
    listening,
    listening_on_one_port,
    redirect,
    response,
)
from tests.support.ssrf_vectors import NAMES, V4, V6, VECTORS

from langgraph_multi_agent.domain.errors import (
    Fault,
    OutgoingFailed,
    OutgoingOff,
    OutgoingRefused,
    OutgoingTooLarge,
)
from langgraph_multi_agent.i18n import catalogue
from langgraph_multi_agent.i18n.errors import describe
from langgraph_multi_agent.outgoing import client as adapter
from langgraph_multi_agent.outgoing import connection
from langgraph_multi_agent.outgoing.address import canonical_host, parse
from langgraph_multi_agent.outgoing.body import MAX_MEMBERS, Body
from langgraph_multi_agent.outgoing.client import MAX_REDIRECTS, Outgoing
from langgraph_multi_agent.outgoing.connection import LOOK_UPS, LOOK_UPS_EACH, SystemNames, whose
from langgraph_multi_agent.outgoing.networks import kind_of
from langgraph_multi_agent.outgoing.policy import OutgoingPolicy

HOST, OTHER = "public.example", "other.example"
METADATA = [ip for ip, kind in (*V4, *V6) if kind == "metadata"]
TABLE: dict[str, Sequence[Sequence[str]]] = {
    HOST: [[PUBLIC]],
    OTHER: [[OTHER_PUBLIC]],
    "example.com": [[PUBLIC]],
    **{name: [addresses] for name, (addresses, _) in NAMES.items()},
}


@pytest.fixture(autouse=True, scope="module")
def patience() -> Iterator[None]:
    """Connecting to this machine is no failure, however long it takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapter, "CONNECT_S", 60.0)
        yield


def client(
    policy: OutgoingPolicy | None = None,
    *,
    routes: Mapping[str, int] | None = None,
    table: Mapping[str, Sequence[Sequence[str]]] | None = None,
) -> tuple[Outgoing, Names, Connector]:
    names, connector = Names(TABLE if table is None else table), Connector(routes)
    policy = policy or OutgoingPolicy(access="public")
    return Outgoing(policy, resolve=names, connector=connector), names, connector


@asynccontextmanager
async def inner_listeners() -> AsyncIterator[list[Site]]:
    """One port of loopback, on IPv4 and, where there is one, IPv6: whatever gets through knocks here."""
    hosts = ("127.0.0.1", "::1") if has_ipv6() else ("127.0.0.1",)
    async with listening_on_one_port(hosts, {"*": response(b"secret")}) as sites:
        yield sites


async def refusal(outgoing: Outgoing, address: str) -> Fault | None:
    try:
        await outgoing.fetch(address)
    except Fault as fault:
        return fault
    return None


def reason_of(fault: Fault | None) -> str:
    """Why, exactly: callers are told of a name that leads inside what they are told of none."""
    cause = None if fault is None else fault.__cause__
    if isinstance(cause, OutgoingRefused):
        assert isinstance(fault, OutgoingFailed)
        assert fault.params == {"host": cause.params["host"], "reason": "unresolved"}
        fault = cause
    return "" if fault is None else str(fault.params.get("reason", fault.code))


async def test_every_vector_is_refused_for_its_reason_and_nothing_is_connected_to() -> None:
    assert len(VECTORS) >= 380
    assert len({vector.address for vector in VECTORS}) == len(VECTORS)
    async with inner_listeners() as sites:
        port = sites[0].port
        policy = OutgoingPolicy(access="public", ports=frozenset({80, 443, port}))
        outgoing, names, connector = client(policy)
        through = []
        for vector in VECTORS:
            fault = await refusal(outgoing, vector.address.replace("{port}", str(port)))
            kind = OutgoingFailed if vector.family == "name" else OutgoingRefused
            if type(fault) is not kind or reason_of(fault) != vector.reason:
                through.append((vector, fault))
        assert through == []
        assert connector.calls == []
        assert [site.connections for site in sites] == [0] * len(sites)
        # What is an address, however it is written, is never taken for a name.
        assert set(names.asked) == set(NAMES)


async def test_no_vector_is_reached_through_a_redirect() -> None:
    async with inner_listeners() as sites, listening(Site()) as public:
        port = sites[0].port
        policy = OutgoingPolicy(access="public", ports=frozenset({80, 443, port}))
        outgoing, _, connector = client(policy, routes={PUBLIC: public.port})
        through = []
        redirected = 0
        for vector in VECTORS:
            location = vector.address.replace("{port}", str(port))
            if not location.isprintable() or location.strip() != location:
                continue  # no header carries it
            redirected += 1
            public.replies["*"] = redirect(location)
            fault = await refusal(outgoing, f"http://{HOST}/start")
            if not isinstance(fault, OutgoingFailed if vector.family == "name" else OutgoingRefused):
                through.append((vector, fault))
        assert through == []
        assert redirected > 300
        assert public.connections >= redirected
        assert {host for host, _ in connector.calls} == {PUBLIC}
        assert [site.connections for site in sites] == [0] * len(sites)


async def test_a_name_that_changes_its_mind_is_connected_to_as_it_was_checked() -> None:
    async with inner_listeners() as sites, listening(Site({"*": response(b"hello")})) as public:
        port = sites[0].port
        policy = OutgoingPolicy(access="public", ports=frozenset({port}))
        table = {"rebinding.example": [[PUBLIC], ["127.0.0.1"]]}
        outgoing, names, connector = client(policy, table=table, routes={PUBLIC: public.port})
        address = f"http://rebinding.example:{port}/"

        answer = await outgoing.fetch(address)
        assert answer.content == b"hello"
        assert names.asked == ["rebinding.example"]
        assert connector.calls == [(PUBLIC, port)]
        assert reason_of(await refusal(outgoing, address)) == "loopback"
        assert connector.calls == [(PUBLIC, port)]

        # The same between two hops of one request.
        outgoing, _, connector = client(policy, table=table, routes={PUBLIC: public.port})
        public.replies["*"] = redirect("/again")
        assert reason_of(await refusal(outgoing, address)) == "loopback"
        assert connector.calls == [(PUBLIC, port)]
        assert [site.connections for site in sites] == [0] * len(sites)


@given(st.integers(0, 2**32 - 1), st.data())
def test_any_spelling_of_an_ipv4_address_is_that_address(value: int, data: st.DataObject) -> None:
    ip = IPv4Address(value)
    octets = list(ip.packed)
    count = data.draw(st.integers(1, 4))
    parts = [*octets[: count - 1], int.from_bytes(bytes(octets[count - 1 :]))]
    written = []
    for part in parts:
        form = data.draw(st.sampled_from(["{}", "0x{:x}", "0X{:X}", "0{:o}", "00{:o}", "0x000{:x}"]))
        written.append(form.format(part))
    if data.draw(st.booleans()):
        written = [part.translate(str.maketrans("0123456789", "０１２３４５６７８９")) for part in written]
    dot = data.draw(st.sampled_from([".", "。", "．", "｡", "%2e"]))
    host = dot.join(written) + data.draw(st.sampled_from(["", "."]))
    assert canonical_host(host) == str(ip)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_no_address_is_public_that_python_knows_for_something_else(ip: IPv4Address | IPv6Address) -> None:
    if kind_of(ip) is None:
        assert ip.is_global
        assert not ip.is_multicast
        assert isinstance(ip, IPv4Address) or ip in ip_network("2000::/3")


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://", "http://[", "http://127.0.0.1"]))
def test_any_text_is_an_address_in_plain_ascii_or_refused(text: str, start: str) -> None:
    try:
        address = parse(start + text)
    except OutgoingRefused:
        return
    shown = str(address)
    assert shown.isascii()
    assert shown.isprintable()
    assert parse(shown) == address


async def test_the_open_internet_is_reached_by_name_and_by_number() -> None:
    async with listening(Site({"*": response(b"hello", headers={"Content-Type": "text/plain"})})) as public:
        outgoing, names, connector = client(
            routes={PUBLIC: public.port, "2606:4700::1111": public.port}, table=TABLE
        )
        wire = []
        for address in (
            f"http://{HOST}/a?b=c#d",
            f"http://{HOST.upper()}.:80/a%20b",
            "http://1572395042/",
            "http://[2606:4700::1111]/ü?q=ü",
            f"http://{HOST}",
        ):
            answer = await outgoing.fetch(address)
            assert (answer.status, answer.content, answer.media_type) == (200, b"hello", "text/plain")
            wire.append((public.asked[-1].target, public.asked[-1].headers["host"]))
        assert wire == [
            ("/a?b=c", HOST),
            ("/a%20b", HOST),
            ("/", PUBLIC),
            ("/%C3%BC?q=%C3%BC", "[2606:4700::1111]"),
            ("/", HOST),
        ]
        assert names.asked == [HOST] * 3
        assert [host for host, _ in connector.calls] == [PUBLIC, PUBLIC, PUBLIC, "2606:4700::1111", PUBLIC]


async def test_listed_names_and_networks_are_let_through_and_nothing_beside_them() -> None:
    async with listening(Site({"*": response(b"inner")})) as inner:
        port = inner.port

        def policy(access: Any, *allowed: str) -> OutgoingPolicy:
            return OutgoingPolicy.of(
                access=access, allowed=allowed, ports=(80, port), timeout_s=20, max_bytes=1000
            )

        table: dict[str, Sequence[Sequence[str]]] = {
            "wiki.example.org": [["127.0.0.1"]],
            "a.docs.example.org": [["127.0.0.1"]],
            "docs.example.org": [["127.0.0.1"]],
            "evilwiki.example.org": [["127.0.0.1"]],
            "wiki.example.org.evil.example": [["127.0.0.1"]],
            "meta.example.org": [["169.254.169.254"]],
            "public.example": [[PUBLIC]],
        }
        metadata = {f"m{number}.docs.example.org": [[ip]] for number, ip in enumerate(METADATA)}
        table |= metadata
        names = ("wiki.example.org", "*.docs.example.org", "meta.example.org")
        for access in ("public", "listed"):
            outgoing, _, _ = client(policy(access, *names), table=table)
            for host in ("wiki.example.org", "WIKI.example.org.", "a.docs.example.org"):
                assert (await outgoing.fetch(f"http://{host}:{port}/")).content == b"inner"
            reached = inner.connections
            for host in (
                "docs.example.org",
                "evilwiki.example.org",
                "wiki.example.org.evil.example",
                "127.0.0.1",
            ):
                fault = await refusal(outgoing, f"http://{host}:{port}/")
                assert reason_of(fault) in {"loopback", "not_listed"}, host
            fault = await refusal(outgoing, f"http://meta.example.org:{port}/")
            assert reason_of(fault) == "link_local"
            for host in metadata:
                assert reason_of(await refusal(outgoing, f"http://{host}:{port}/")) == "metadata", host
            assert inner.connections == reached

        outgoing, _, _ = client(policy("listed", "127.0.0.0/8"), table=table)
        assert (await outgoing.fetch(f"http://127.0.0.1:{port}/")).content == b"inner"
        reached = inner.connections
        fault = await refusal(outgoing, f"http://[::1]:{port}/")
        assert reason_of(fault) == "loopback"
        assert inner.connections == reached

        outgoing, _, _ = client(policy("public", "127.0.0.0/8"), table=table)
        assert (await outgoing.fetch(f"http://docs.example.org:{port}/")).content == b"inner"

        # The name itself is no way out: it is not looked up.
        for allowed in (("wiki.example.org",), ("wiki.example.org", "10.1.2.0/24"), ("127.0.0.0/8",)):
            outgoing, lookups, connector = client(policy("listed", *allowed), table=table)
            for host in ("public.example", "docs.example.org", "words.of.a.document.example", "localhost"):
                fault = await refusal(outgoing, f"http://{host}:{port}/")
                assert isinstance(fault, OutgoingRefused), host
                assert reason_of(fault) == "not_listed", host
            assert (lookups.asked, connector.calls) == ([], [])


async def test_nothing_is_asked_or_looked_up_while_it_is_switched_off() -> None:
    outgoing, names, connector = client(OutgoingPolicy())
    for address in (f"http://{HOST}/", f"http://{PUBLIC}/", "http://127.0.0.1/"):
        with pytest.raises(OutgoingOff):
            await outgoing.fetch(address)
    assert not outgoing.is_on
    assert (names.asked, connector.calls) == ([], [])


async def test_redirects_are_followed_five_times_and_lose_what_could_be_a_credential() -> None:
    async with listening(Site()) as first, listening(Site({"*": response(b"end")})) as second:
        outgoing, _, _ = client(routes={PUBLIC: first.port, OTHER_PUBLIC: second.port})
        for number in range(MAX_REDIRECTS):
            first.replies[f"/{number}"] = redirect(f"{number + 1}", status=(301, 302, 303, 307, 308)[number])
        first.replies[f"/{MAX_REDIRECTS}"] = response(b"end", headers={"Set-Cookie": "a=b"})
        answer = await outgoing.fetch(f"http://{HOST}/0")
        assert (answer.content, answer.redirects) == (b"end", MAX_REDIRECTS)
        assert str(answer.address) == f"http://{HOST}/{MAX_REDIRECTS}"

        first.replies[f"/{MAX_REDIRECTS}"] = redirect("/more")
        fault = await refusal(outgoing, f"http://{HOST}/0")
        assert reason_of(fault) == "redirects"
        assert first.asked[-1].target == f"/{MAX_REDIRECTS}"

        first.replies = {"/a": redirect("/b"), "/b": redirect(f"//{OTHER}/c")}
        secret = {
            "Authorization": "Bearer s",
            "Cookie": "s=1",
            "X-Api-Key": "s",
            "Proxy-Authorization": "s",
            "Accept-Language": "zh",
        }
        await outgoing.fetch(f"http://{HOST}/a", headers=secret)
        kept, lost = first.asked[-1].headers, second.asked[-1].headers
        assert {name.lower() for name in secret} <= kept.keys()
        assert "cookie" not in lost.keys() | first.asked[0].headers.keys()
        assert lost.keys() == {
            "host",
            "user-agent",
            "accept",
            "accept-language",
            "accept-encoding",
            "connection",
        }
        assert lost["host"] == OTHER

        first.replies = {"/p": redirect("/q", status=307), "/q": response(b"taken")}
        answer = await outgoing.fetch(f"http://{HOST}/p", method="POST", content=b"words")
        assert (first.asked[-1].method, first.asked[-1].body) == ("POST", b"words")
        first.replies["/p"] = redirect("/q", status=303)
        await outgoing.fetch(f"http://{HOST}/p", method="POST", content=b"words")
        assert (first.asked[-1].method, first.asked[-1].body) == ("GET", b"")
        first.replies["/p"] = redirect(f"http://{OTHER}/q", status=307)
        seen = len(second.asked)
        with pytest.raises(OutgoingRefused) as caught:
            await outgoing.fetch(f"http://{HOST}/p", method="POST", content=b"words")
        assert caught.value.params["reason"] == "content_elsewhere"
        assert len(second.asked) == seen


async def test_encrypted_connections_are_to_whom_they_say_and_never_go_back_to_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem, key = certificate(HOST)
    (tmp_path / "cert.pem").write_bytes(pem)
    (tmp_path / "key.pem").write_bytes(key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    replies = {"/": response(b"safe"), "/down": redirect(f"http://{HOST}/"), "/up": redirect("/")}
    async with listening(Site(replies), tls=tls) as site:
        routes = {PUBLIC: site.port, OTHER_PUBLIC: site.port}
        untrusting, _, _ = client(routes=routes)
        fault = await refusal(untrusting, f"https://{HOST}/")
        assert isinstance(fault, OutgoingFailed)
        assert fault.params["reason"] == "tls"

        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        outgoing, _, connector = client(routes=routes)
        assert (await outgoing.fetch(f"https://{HOST}/up")).content == b"safe"
        assert connector.calls == [(PUBLIC, 443)] * 2
        fault = await refusal(outgoing, f"https://{OTHER}/")
        assert reason_of(fault) == "tls"
        fault = await refusal(outgoing, f"https://{HOST}/down")
        assert isinstance(fault, OutgoingRefused)
        assert fault.params["reason"] == "downgrade"
        assert connector.calls[-1] == (PUBLIC, 443)


async def test_an_answer_is_counted_unpacked_and_cut_at_its_limit() -> None:
    limit = 100_000
    fits, over = b"x" * limit, b"x" * (limit + 1)
    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    assert len(bomb) > limit
    small_bomb = gzip.compress(b"\0" * 50_000_000, 9)
    assert len(small_bomb) < limit
    packed = {"Content-Encoding": "gzip"}
    chunked = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
    members = gzip.compress(b"x" * 10) + gzip.compress(b"y" * 10)
    good = {
        "/fits": response(fits),
        "/packed": response(gzip.compress(fits), headers=packed),
        "/x-gzip": response(gzip.compress(fits), headers={"Content-Encoding": "X-Gzip"}),
        "/members": response(members, headers=packed),
        "/chunked": chunked + b"5\r\nhello\r\n0\r\n\r\n",
        "/until-close": response(fits, length=False),
    }
    too_large = {
        "/over": response(over),
        "/over-packed": response(gzip.compress(over), headers=packed),
        "/small-bomb": response(small_bomb, headers=packed),
        "/many-bombs": response(gzip.compress(b"x" * 60_000) * 2, headers=packed),
        "/over-chunked": chunked + b"%x\r\n%s\r\n0\r\n\r\n" % (len(over), over),
        "/over-until-close": response(over, length=False),
        "/said": b"HTTP/1.1 200 X\r\nContent-Length: 99999999999\r\n\r\n",
        "/bomb": response(bomb, headers=packed, length=False),
    }
    failed = {
        "/cut": (response(gzip.compress(fits)[:-20], headers=packed), "cut"),
        "/no-gzip": (response(b"hello", headers=packed), "content_encoding"),
        "/twice": (
            response(gzip.compress(gzip.compress(fits)), headers={"Content-Encoding": "gzip, gzip"}),
            "content_encoding",
        ),
        "/deflate": (
            response(zlib.compress(fits), headers={"Content-Encoding": "deflate"}),
            "content_encoding",
        ),
        "/brotli": (response(b"hello", headers={"Content-Encoding": "br"}), "content_encoding"),
        "/short": (b"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nhello", "protocol"),
        "/no-http": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "protocol"),
        "/headers": (b"HTTP/1.1 200 X\r\n" + b"X: y\r\n" * 50_000 + b"\r\n", "protocol"),
        "/nothing": (b"", "protocol"),
    }
    replies = {**good, **too_large, **{path: reply for path, (reply, _) in failed.items()}}
    async with listening(Site(replies)) as site:
        policy = OutgoingPolicy(access="public", max_bytes=limit)
        outgoing, _, _ = client(policy, routes={PUBLIC: site.port})
        lengths = {path: len((await outgoing.fetch(f"http://{HOST}{path}")).content) for path in good}
        assert lengths == {**dict.fromkeys(good, limit), "/members": 20, "/chunked": 5}
        found = {path: await refusal(outgoing, f"http://{HOST}{path}") for path in {**too_large, **failed}}
        assert {path: type(found[path]) for path in too_large} == dict.fromkeys(too_large, OutgoingTooLarge)
        reasons = {path: fault.params["reason"] for path in failed if (fault := found[path]) is not None}
        assert reasons == {path: reason for path, (_, reason) in failed.items()}


def test_unpacking_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    limit = 100_000
    bomb = gzip.compress(b"\0" * 50_000_000, 9)
    body = Body(host=HOST, encoding="gzip", limit=limit)
    tracemalloc.start()
    try:
        with pytest.raises(OutgoingTooLarge):
            body.add(bomb)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 20 * limit


def test_a_body_of_countless_members_is_given_up() -> None:
    def unpacked(members: int, *, chunk: int) -> bytes:
        packed = gzip.compress(b"") * (members - 1) + gzip.compress(b"x") + b"\x1f"
        body = Body(host=HOST, encoding="gzip", limit=len(packed))
        for start in range(0, len(packed), chunk):
            body.add(packed[start : start + chunk])
        return body.content()

    for chunk in (7, 65_536):
        assert unpacked(MAX_MEMBERS, chunk=chunk) == b"x"  # also where a chunk ends within a member's start
        with pytest.raises(OutgoingFailed) as caught:
            unpacked(MAX_MEMBERS + 1, chunk=chunk)
        assert caught.value.params == {"host": HOST, "reason": "content_encoding"}


async def test_what_never_answers_is_given_up_at_the_deadline() -> None:
    never = asyncio.Event()

    async def silence(_: object) -> bytes:
        await never.wait()
        return b""

    class Slow(httpcore.AsyncNetworkBackend):
        async def connect_tcp(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
            raise httpcore.ConnectTimeout

    class NeverThere(httpcore.AsyncNetworkBackend):
        async def connect_tcp(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
            await never.wait()
            raise AssertionError

    async def no_name(host: str, port: int) -> Sequence[str]:
        await never.wait()
        return []

    policy = OutgoingPolicy(access="public", timeout_s=0.3)
    async with listening(Site({"*": silence})) as site:
        outgoing, names, connector = client(policy, routes={PUBLIC: site.port})
        try:
            for waiting in (
                outgoing,
                Outgoing(policy, resolve=names, connector=Slow()),
                Outgoing(policy, resolve=names, connector=NeverThere()),
                Outgoing(policy, resolve=no_name, connector=connector),
            ):
                with pytest.raises(OutgoingFailed) as caught:
                    await waiting.fetch(f"http://{HOST}/")
                assert caught.value.params == {"host": HOST, "reason": "timeout"}
        finally:
            never.set()


async def test_proxies_of_the_environment_see_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Site()) as proxy, listening(Site({"*": response(b"direct")})) as public:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
        outgoing, _, _ = client(routes={PUBLIC: public.port})
        assert (await outgoing.fetch(f"http://{HOST}/")).content == b"direct"
        assert proxy.connections == 0


async def test_a_name_without_an_address_and_a_closed_door_say_so() -> None:
    table: dict[str, Sequence[Sequence[str]]] = {
        "empty.example": [[]],
        "nonsense.example": [["no address"]],
        HOST: [[PUBLIC, OTHER_PUBLIC]],
    }
    with held_port() as closed:
        outgoing, _, connector = client(table=table, routes={PUBLIC: closed, OTHER_PUBLIC: closed})
        faults = {
            host: await refusal(outgoing, f"http://{host}/")
            for host in ("unknown.example", "empty.example", "nonsense.example", HOST)
        }
        assert {type(fault) for fault in faults.values()} == {OutgoingFailed}
        assert {host: reason_of(fault) for host, fault in faults.items()} == {
            "unknown.example": "unresolved",
            "empty.example": "unresolved",
            "nonsense.example": "unresolved",
            HOST: "unreachable",
        }
        assert [host for host, _ in connector.calls] == [PUBLIC, OTHER_PUBLIC]

        async with listening(Site({"*": response(b"second")})) as second:
            outgoing, _, _ = client(table=table, routes={PUBLIC: closed, OTHER_PUBLIC: second.port})
            assert (await outgoing.fetch(f"http://{HOST}/")).content == b"second"


async def test_the_system_looks_names_up_and_its_answer_is_checked() -> None:
    async with inner_listeners() as sites:
        ports = frozenset({sites[0].port})
        address = f"http://localhost:{sites[0].port}/"
        listed = Outgoing(OutgoingPolicy(access="public", ports=ports, names=frozenset({"localhost"})))
        other = Outgoing(
            OutgoingPolicy(access="public", ports=ports, networks=(ip_network("192.168.0.0/16"),))
        )
        try:
            assert (await listed.fetch(address)).content == b"secret"
            assert reason_of(await refusal(other, address)) == "loopback"
        finally:
            listed.close()
            other.close()
        assert sum(site.connections for site in sites) == 1


async def test_a_name_inside_is_told_as_one_that_is_not_there_and_logged_as_what_it_is() -> None:
    table: dict[str, Sequence[Sequence[str]]] = {
        "vault.internal": [["10.0.0.5"]],
        "meta.internal": [["fd00:ec2::254"]],
    }
    outgoing, _, connector = client(table=table)
    told = []
    with capture_logs() as logged:
        for host in ("vault.internal", "meta.internal", "none.internal"):
            fault = await refusal(outgoing, f"http://{host}/")
            assert fault is not None
            told.append({"code": fault.code, **fault.params, "host": ""})
    assert told == [told[0]] * 3
    assert told[0]["reason"] == "unresolved"
    assert [line["outcome"] for line in logged if line["event"] == "outgoing"] == [
        "private",
        "metadata",
        "unresolved",
    ]
    assert connector.calls == []


async def test_names_that_are_never_found_hold_up_nobody_but_who_asked_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give_up, lock = threading.Event(), threading.Lock()
    under_way, most = 0, 0
    loop, full = asyncio.get_running_loop(), asyncio.Event()

    def look_up(host: str, port: int) -> list[tuple[Any, ...]]:
        nonlocal under_way, most
        if not host.startswith("slow"):
            return [(2, 1, 6, "", (PUBLIC, port))]
        with lock:
            under_way += 1
            most = max(most, under_way)
            if under_way == LOOK_UPS_EACH:
                loop.call_soon_threadsafe(full.set)
        give_up.wait()
        with lock:
            under_way -= 1
        raise OSError

    monkeypatch.setattr(connection, "_look_up", look_up)

    async def asked(caller: str, host: str) -> Sequence[str]:
        whose.set(caller)
        return await names(host, 80)

    names = SystemNames()
    slow = [asyncio.create_task(asked("task-1", f"slow{number}.example")) for number in range(LOOK_UPS + 10)]
    try:
        await full.wait()
        assert await asked("task-2", "good.example") == [PUBLIC]
        assert await asked("", "good.example") == [PUBLIC]
        # Given up by who waited: the system still looks, so its turn is not over.
        for task in slow[: 2 * LOOK_UPS_EACH]:
            task.cancel()
        await asyncio.wait(slow[: 2 * LOOK_UPS_EACH])
        assert await asked("task-3", "good.example") == [PUBLIC]
        give_up.set()
        ends = await asyncio.gather(*slow, return_exceptions=True)
        assert {type(end) for end in ends} == {OSError, asyncio.CancelledError}
        assert await asked("task-1", "good.example") == [PUBLIC]
        assert most == LOOK_UPS_EACH
    finally:
        give_up.set()
        names.close()


async def test_a_socket_file_and_foreign_headers_are_not_for_callers() -> None:
    outgoing, _, connector = client()
    with pytest.raises(OutgoingRefused):
        await outgoing._backend.connect_unix_socket("/run/docker.sock")
    for headers in ({"Host": "evil.example"}, {"Transfer-Encoding": "chunked"}, {"content-length": "1"}):
        with pytest.raises(ValueError, match="not for callers"):
            await outgoing.fetch(f"http://{HOST}/", headers=headers)
    with pytest.raises(ValueError, match="not for callers"):
        await outgoing.fetch(f"http://{HOST}/", method="CONNECT")
    assert connector.calls == []


def test_every_reason_is_told_in_words() -> None:
    failures = ("unresolved", "unreachable", "timeout", "tls", "protocol", "cut", "content_encoding")
    refusals = {vector.reason for vector in VECTORS} | {
        "redirects",
        "downgrade",
        "content_elsewhere",
        "not_listed",
    }
    for language in ("zh", "en"):
        for code, reasons in (("OUTGOING_REFUSED", refusals), ("OUTGOING_FAILED", failures)):
            for reason in reasons:
                told = describe(code, {"host": HOST, "reason": reason}, language)
                assert catalogue()[f"error.reason.{reason}"][language] in told.detail
                assert HOST in told.detail
                assert told.hint


def test_public_addresses_have_no_kind() -> None:
    for text in ("8.8.8.8", "1.1.1.1", PUBLIC, "2606:4700::1111", "2a00:1450:4001::1", "2400:3200::1"):
        assert kind_of(ip_address(text)) is None
