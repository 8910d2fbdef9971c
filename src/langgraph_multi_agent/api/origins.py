"""Which web pages may talk to us: our own, and those of CORS_ORIGINS."""

from collections.abc import Sequence
from urllib.parse import urlsplit


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
