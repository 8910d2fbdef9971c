"""Which web pages may talk to us, and under which names we are asked.

Callers: the middleware, the WebSocket, `auth`. Invariant: a name that anybody can point at this machine
is no name of a server that asks nobody who they are.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Which change nothing (RFC 9110, section 9.2.1)."""


def is_allowed_origin(origin: str | None, host: str | None, allowed: Sequence[str]) -> bool:
    """True for a request without a browser's Origin, of the same host, or of a listed origin.

    Args:
        origin: the Origin header, None where a program calls.
        host: the Host header; a proxy may have left out its port.
        allowed: CORS_ORIGINS.
    """
    return origin is None or "*" in allowed or is_own_origin(origin, host, allowed)


def is_own_origin(origin: str, host: str | None, allowed: Sequence[str]) -> bool:
    """True for a page of the same host or of an origin that is listed by name: one that may use a session."""
    if origin in allowed and origin != "*":
        return True
    try:
        from_, to = urlsplit(origin), urlsplit(f"//{host}")
        same_port = to.port is None or from_.port == to.port or (from_.port is None and to.port in (80, 443))
    except ValueError:
        return False
    return from_.hostname is not None and from_.hostname == to.hostname and same_port


def is_own_page(origin: str, host: str | None, allowed: Sequence[str], *, is_secure: bool) -> bool:
    """As `is_own_origin`, for who comes with a session: cookies know no ports and no schemes, so they count here.

    Args:
        is_secure: the request came over https, as far as we are told.
    """
    if origin in allowed and origin != "*":
        return True
    try:
        from_, to = urlsplit(origin), urlsplit(f"//{host}")
        from_port = from_.port or (443 if from_.scheme == "https" else 80)
        to_ports = (80, 443) if to.port is None else (to.port,)
    except ValueError:
        return False
    if from_.scheme not in (("https",) if is_secure else ("http", "https")):
        return False
    return from_.hostname is not None and from_.hostname == to.hostname and from_port in to_ports


def is_trusted_host(host: str | None, trusted: Sequence[str], *, asks_who: bool) -> bool:
    """Whether a Host header names this server.

    A page of a foreign name that its owner has pointed at 127.0.0.1 is of the same origin as a server that
    goes by any name (DNS rebinding). Addresses cannot be pointed anywhere; nor can `localhost`
    (RFC 6761, section 6.3).

    Args:
        host: None or empty where a program of HTTP/1.0 calls.
        trusted: TRUSTED_HOSTS, names or `*.example.org`; empty: any if `asks_who`, else no name but localhost.
        asks_who: whether callers must show who they are; a foreign page has no credential for us.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if trusted:
        return any(fnmatchcase(name, pattern.lower()) for pattern in trusted)
    if asks_who or not name or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
