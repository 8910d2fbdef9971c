"""The guarded client: requests to addresses that a person, a document or a model named.

Hides redirects, deadlines and limits. Callers: tools, our own and others'. Invariant: each hop is checked
like the first; no proxy, cookie or credential of this machine or of another host goes along.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import httpcore
import httpx
import structlog

from langgraph_multi_agent.domain.errors import Fault, OutgoingFailed, OutgoingRefused, OutgoingTooLarge
from langgraph_multi_agent.outgoing.address import Address, parse
from langgraph_multi_agent.outgoing.body import Body
from langgraph_multi_agent.outgoing.connection import GuardedBackend, Resolve, SystemNames, whose
from langgraph_multi_agent.outgoing.policy import OutgoingPolicy

if TYPE_CHECKING:
    import ssl

log = structlog.get_logger(__name__)

MAX_REDIRECTS = 5
CONNECT_S = 5.0
USER_AGENT = "LangGraph-Multi-Agent"
METHODS = frozenset({"GET", "HEAD", "POST"})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HARMLESS_HEADERS = frozenset({"accept", "accept-language", "user-agent"})
"""The caller's headers that another origin may see; any other could be a credential."""
OWN_HEADERS = frozenset(
    "accept-encoding connection content-length expect host keep-alive te trailer transfer-encoding upgrade".split()
)
"""Headers that say how the message is framed, and so are not the caller's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back in the end.

    Attributes:
        address: where it came from, after all redirects.
        headers: by name in lower case; values of a repeated header are joined by commas.
        content: unpacked.
        redirects: how many were followed.
    """

    status: int
    address: Address
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    redirects: int = 0

    @property
    def media_type(self) -> str:
        """The header `Content-Type` in lower case without its parameters; may be empty."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """The charset that the header names, in lower case; may be empty."""
        for parameter in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip("\"'").lower()
        return ""


class Outgoing:
    """The guarded client.

    Args:
        policy: where requests may go.
        resolve: looks up names; None: as the system does.
        connector: opens connections to addresses that were checked; None: plain TCP.
    """

    def __init__(
        self,
        policy: OutgoingPolicy,
        *,
        resolve: Resolve | None = None,
        connector: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._policy = policy
        self._names = SystemNames()
        self._backend = GuardedBackend(
            policy,
            resolve=self._names if resolve is None else resolve,
            connector=httpcore.AnyIOBackend() if connector is None else connector,
        )

    @property
    def is_on(self) -> bool:
        """Whether any address may be asked."""
        return self._policy.access != "off"

    async def fetch(
        self,
        address: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        caller: str = "",
    ) -> Answer:
        """Ask, follow redirects, read the whole answer.

        Args:
            method: GET, HEAD or POST.
            headers: sent to this origin; a redirect to another keeps only `HARMLESS_HEADERS`.
            content: the body of a POST.
            caller: for whom, such as a task's id: one caller's slow names hold up its own requests only.

        Raises:
            OutgoingOff: outgoing requests are switched off.
            OutgoingRefused: the address, or one that it redirects to, must not be asked.
            OutgoingFailed: there is no whole answer; statuses of 400 and more are answers. Reason
                `unresolved` also for a name that leads where nobody may ask; the log says which.
            OutgoingTooLarge: the answer is larger than the policy allows.
            ValueError: the method or a header is none that a caller may set.
        """
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        if method not in METHODS or sent.keys() & OWN_HEADERS:
            raise ValueError(f"not for callers: {method} {sorted(sent.keys() & OWN_HEADERS)}")
        host = ""
        whose.set(caller)
        try:
            first = parse(address)
            host = first.host
            async with asyncio.timeout(self._policy.timeout_s):
                answer = await self._followed(first, method, sent, content)
        except TimeoutError as error:
            log.info("outgoing", host=host, outcome="timeout")
            raise OutgoingFailed(host=host, reason="timeout") from error
        except Fault as fault:
            log.info(
                "outgoing",
                host=fault.params.get("host") or host,
                outcome=_exact(fault).params.get("reason", fault.code),
            )
            raise
        log.info("outgoing", host=answer.address.host, outcome=answer.status, redirects=answer.redirects)
        return answer

    def close(self) -> None:
        self._names.close()

    @cached_property
    def _tls(self) -> "ssl.SSLContext":
        # The operator's own authorities (SSL_CERT_FILE) count; nothing else of the environment does.
        return httpx.create_ssl_context()

    async def _followed(
        self, address: Address, method: str, headers: Mapping[str, str], content: bytes
    ) -> Answer:
        for redirects in range(MAX_REDIRECTS + 1):
            answer = await self._asked(address, method, headers, content, redirects)
            location = answer.headers.get("location")
            if answer.status not in REDIRECTS or not location:
                return answer
            target = address.joined(location)
            if (address.scheme, target.scheme) == ("https", "http"):
                raise OutgoingRefused(host=target.host, reason="downgrade")
            if answer.status == 303 or (answer.status in {301, 302} and method == "POST"):
                method, content = ("HEAD" if method == "HEAD" else "GET"), b""
                headers = {name: value for name, value in headers.items() if name != "content-type"}
            if target.origin != address.origin:
                if content:
                    raise OutgoingRefused(host=target.host, reason="content_elsewhere")
                headers = {name: value for name, value in headers.items() if name in HARMLESS_HEADERS}
            address = target
        raise OutgoingRefused(host=address.host, reason="redirects")

    async def _asked(
        self, address: Address, method: str, headers: Mapping[str, str], content: bytes, redirects: int
    ) -> Answer:
        """One hop, on a connection of its own."""
        self._policy.admit_host(address.host, address.port)
        deadline = self._policy.timeout_s
        url = httpcore.URL(scheme=address.scheme, host=address.host, port=address.port, target=address.target)
        sent = {
            "host": address.authority,
            "user-agent": USER_AGENT,
            "accept": "*/*",
            **headers,
            "accept-encoding": "gzip",
            "connection": "close",
        }
        timeouts = {
            "connect": min(CONNECT_S, deadline),
            "read": deadline,
            "write": deadline,
            "pool": deadline,
        }
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls if address.scheme == "https" else None,
            max_connections=1,
            max_keepalive_connections=0,
            network_backend=self._backend,
        )
        try:
            async with (
                pool,
                pool.stream(
                    method,
                    url,
                    headers=[(name.encode(), value.encode()) for name, value in sent.items()],
                    content=content if method == "POST" else None,
                    extensions={"timeout": timeouts},
                ) as response,
            ):
                return await self._read(response, address, redirects, has_body=method != "HEAD")
        except OutgoingRefused as refused:
            # As for a name without an address: who asks must not learn which names there are inside.
            raise OutgoingFailed(host=address.host, reason="unresolved") from refused
        except httpcore.TimeoutException as error:
            raise OutgoingFailed(host=address.host, reason="timeout") from error
        except httpcore.ConnectError as error:
            raise OutgoingFailed(host=address.host, reason="tls") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise OutgoingFailed(host=address.host, reason="protocol") from error

    async def _read(
        self, response: httpcore.Response, address: Address, redirects: int, *, has_body: bool
    ) -> Answer:
        headers = _headers(response.headers)
        if response.status in REDIRECTS and "location" in headers:
            return Answer(status=response.status, address=address, headers=headers, redirects=redirects)
        limit = self._policy.max_bytes
        with contextlib.suppress(ValueError):
            if has_body and int(headers.get("content-length", "0")) > limit:
                raise OutgoingTooLarge(host=address.host, limit=limit)
        body = Body(
            host=address.host, encoding=headers.get("content-encoding", "").strip().lower(), limit=limit
        )
        async for chunk in response.aiter_stream():
            body.add(chunk)
        return Answer(
            status=response.status,
            address=address,
            headers=headers,
            content=body.content(),
            redirects=redirects,
        )


def _exact(fault: Fault) -> Fault:
    """What a caller is told with another reason keeps its own for the log."""
    cause = fault.__cause__
    return cause if isinstance(cause, OutgoingRefused) else fault


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header values as UTF-8, which locations often are in, else as Latin-1."""
    found: dict[str, str] = {}
    for name, value in raw:
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        key = name.decode("ascii").lower()
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
