"""The browser's session cookie.

Callers: `gate`, the log-in routes. Invariant: no script reads it, no other site sends it along with a
change, and over https it cannot be set by a neighbouring host (`__Host-`, RFC 6265bis section 4.1.3).
"""

from starlette.requests import HTTPConnection
from starlette.responses import Response

from langgraph_multi_agent.api.context import services_of

COOKIE = "lgma_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
MAX_TOKEN_CHARS = 128


def session_token(connection: HTTPConnection) -> str | None:
    """The token that the browser brought; over https only the cookie that https has set."""
    token = connection.cookies.get(SECURE_COOKIE if is_secure(connection) else COOKIE)
    return token if token and len(token) <= MAX_TOKEN_CHARS else None


def set_session(connection: HTTPConnection, answer: Response, token: str, *, lasts_s: float) -> None:
    secure = is_secure(connection)
    answer.set_cookie(
        SECURE_COOKIE if secure else COOKIE,
        token,
        max_age=int(lasts_s),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def clear_session(connection: HTTPConnection, answer: Response) -> None:
    secure = is_secure(connection)
    name = SECURE_COOKIE if secure else COOKIE
    answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")


def is_secure(connection: HTTPConnection) -> bool:
    """Whether browsers reach us over https: as we are told, and always in production."""
    if connection.url.scheme in ("https", "wss"):
        return True
    return services_of(connection).settings.profile == "production"
