"""A person's settings of the front end, by known names only.

Callers: the API, `service.transfer`. Invariant: what is stored is a known name with an allowed value;
a name that was never set shows its default.
"""

import re
from collections.abc import Mapping
from typing import Any

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.i18n import DEFAULT_LANGUAGE, LANGUAGES
from langgraph_multi_agent.store import user_settings
from langgraph_multi_agent.store.database import Database

CHOICES: Mapping[str, tuple[str, ...]] = {
    "language": LANGUAGES,
    "theme": ("system", "light", "dark"),
    "density": ("comfortable", "compact"),
}
DEFAULTS: Mapping[str, str] = {
    "language": DEFAULT_LANGUAGE,
    "theme": "system",
    "density": "comfortable",
    "currency": "USD",
}
CURRENCY = re.compile(r"[A-Z]{3}")


def checked(values: Mapping[str, Any]) -> dict[str, str | None]:
    """The values as they may be stored; None takes a setting back.

    Raises:
        InvalidRequest: names each one that is not known, or has another value than allowed.
    """
    errors: list[dict[str, Any]] = []
    for name, value in values.items():
        if name not in DEFAULTS:
            errors.append({"field": name[:80], "code": "unknown_field"})
        elif value is None:
            continue
        elif not isinstance(value, str):
            errors.append({"field": name, "code": "wrong_type", "expected": "string"})
        elif name in CHOICES and value not in CHOICES[name]:
            errors.append({"field": name, "code": "not_allowed", "allowed": ", ".join(CHOICES[name])})
        elif name == "currency" and not CURRENCY.fullmatch(value):
            errors.append({"field": name, "code": "not_allowed", "allowed": "ISO 4217, e.g. CNY, USD, EUR"})
    if errors:
        raise InvalidRequest(errors=errors)
    return dict(values)


class PreferenceService:
    """Use cases on the settings of the person who asks."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def read(self, scope: Scope) -> dict[str, str]:
        """All settings, with the default of those that were never set."""
        return {**DEFAULTS, **await self._database.read(scope, user_settings.read)}

    async def change(self, scope: Scope, values: Mapping[str, Any]) -> dict[str, str]:
        """Change some, and give all. None sets one back to its default. Raises InvalidRequest."""
        return {**DEFAULTS, **await self._database.write(scope, user_settings.change, checked(values))}
