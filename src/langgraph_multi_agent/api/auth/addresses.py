"""Where a connection is from. Callers: limits and records."""

from starlette.requests import HTTPConnection


def address_of(connection: HTTPConnection) -> str:
    """The peer's, or what a trusted proxy says of it."""
    return connection.client.host if connection.client else ""
