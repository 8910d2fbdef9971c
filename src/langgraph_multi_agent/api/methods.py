"""Which methods an address takes, over all routers.

Hides that one address stands in several routes, of which the framework names only the first, and
that an address without parameters may look like another one's parameter. Callers: `app`, which
fills it, the middleware and the answers to errors. Invariant: `of` names every method that an
address answers, and none that it refuses.
"""

from collections.abc import Iterable

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

STREAM = "/stream"
"""End of the addresses that never end by themselves: HEAD would wait for what it drops."""


class Methods:
    """Of the routes of one application."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = [route for route in routes if isinstance(route, APIRoute)]
        self._plain: dict[str, set[str]] = {}
        for route in self._routes:
            if not route.param_convertors:
                self._plain.setdefault(route.path, set()).update(route.methods or ())

    def refuses(self, path: str, method: str) -> bool:
        """Whether this very address is known and does not take the method; addresses with parameters are not
        looked at.
        """
        plain = self._plain.get(path)
        return plain is not None and method not in plain

    def of(self, path: str) -> tuple[str, ...]:
        """All methods in the order of the alphabet, with HEAD and OPTIONS; empty for an unknown address."""
        found = self._plain.get(path) or {
            method for route in self._routes if route.path_regex.match(path) for method in route.methods or ()
        }
        if not found:
            return ()
        implied = {"OPTIONS", "HEAD"} if "GET" in found and not path.endswith(STREAM) else {"OPTIONS"}
        return tuple(sorted(found | implied))
