"""From a connection to a principal: bearer credentials, then the browser's session.

Callers: `rules`, the WebSocket. Invariant: a browser's session never changes anything for a page that
is not ours.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from starlette.requests import HTTPConnection

from langgraph_multi_agent.access.policy import LOCAL, Means, Principal
from langgraph_multi_agent.api.auth.cookies import is_secure, session_token
from langgraph_multi_agent.api.context import principal_of, services_of
from langgraph_multi_agent.api.origins import SAFE_METHODS, is_own_page
from langgraph_multi_agent.domain.errors import AuthenticationRequired, CrossSiteRequest
from langgraph_multi_agent.service.identities import KEY_PREFIX


async def authenticate(connection: HTTPConnection, *, is_look: bool = False) -> Principal:
    """Who a connection is from.

    Args:
        is_look: of one that was let in, whether it still would be; asked anew, and no use of a session.

    Raises:
        AuthenticationRequired: nobody, or with a credential that is not valid.
        CrossSiteRequest: a session's change without a sign of our own pages.
        DependencyUnavailable: where credentials are does not answer.
    """
    services = services_of(connection)
    if not services.settings.enable_auth:
        return LOCAL
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, credential = header.partition(" ")
        if scheme.lower() != "bearer":
            raise AuthenticationRequired(reason="malformed")
        if services.tokens is not None and not credential.startswith(KEY_PREFIX):
            return await services.tokens.principal(credential.strip())
        return await services.identities.of_key(credential.strip(), is_look=is_look)
    token = session_token(connection)
    if token is None:
        raise AuthenticationRequired(reason="missing")
    principal = await services.identities.of_session(token, is_look=is_look)
    if principal.means is not Means.LOCAL:
        require_own_page(connection)
    return principal


def while_valid(connection: HTTPConnection, end: Callable[[], None]) -> AbstractContextManager[None]:
    """Around what a connection that was let in lives for: `end` is called if its credential ends."""
    principal = principal_of(connection)
    if principal is LOCAL:
        return nullcontext()
    scheme, _, credential = connection.headers.get("authorization", "").partition(" ")
    shown = f"{scheme.lower()} {credential.strip()}" if credential else session_token(connection) or ""
    return services_of(connection).revocation.watching(
        shown, principal, lambda: authenticate(connection, is_look=True), end
    )


def require_room(connection: HTTPConnection) -> None:
    """Before a live connection is opened: one principal has so many. Raises TooManyRequests."""
    principal = principal_of(connection)
    if principal is not LOCAL:
        services_of(connection).revocation.require_room(principal)


def require_own_page(connection: HTTPConnection) -> None:
    """A browser sends the cookie for any page; an Origin or X-Requested-With shows which page asked."""
    is_socket = connection.scope["type"] == "websocket"
    if not is_socket and connection.scope["method"] in SAFE_METHODS:
        return
    origin, host = connection.headers.get("origin"), connection.headers.get("host")
    if origin is not None:
        listed = services_of(connection).settings.cors_origins
        if not is_own_page(origin, host, listed, is_secure=is_secure(connection)):
            raise CrossSiteRequest(origin=origin)
    elif "x-requested-with" not in connection.headers:
        raise CrossSiteRequest(origin="")
