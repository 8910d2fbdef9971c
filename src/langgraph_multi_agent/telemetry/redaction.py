"""Takes secrets out of anything that is about to be shown.

Used by the logs and by whatever quotes a foreign error message. Invariant: a known secret, the
value under a secret-looking key, a bearer token and a password in a URL never pass; the shape
of the value (keys, types) stays.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

REDACTED = "[redacted]"
MIN_SECRET_CHARS = 4
"""A shorter secret would blank out ordinary words."""

_SECRET_KEY = re.compile(
    r"(?:^|[._\-\s])(?:x[-_])?(?:api[-_]?key|apikey|authorization|passw(?:or)?d|passphrase|secret|"
    r"secret[-_]?key|access[-_]?key|private[-_]?key|token|cookie|set-cookie|credentials?)$",
    re.IGNORECASE,
)
_PATTERNS = (
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=\-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"(?<=://)([^\s:/@]*):[^\s@/]+@"), rf"\1:{REDACTED}@"),
    (re.compile(r"\b(?:sk|pk|rk|xox[abps]|gh[opsu]|lsv2)[-_][A-Za-z0-9*_\-]{6,}"), REDACTED),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"), REDACTED),
    (
        re.compile(
            r"((?:api[-_]?key|passw(?:or)?d|secret|access[-_]token|token)[\"']?\s*[=:]\s*[\"']?)"
            r"[^\s\"'&,;}\]]{4,}",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
)


class Redactor:
    """Removes secrets from text and from nested JSON-like values.

    Args:
        secrets: values known to be secret, e.g. the API key of the settings.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({s for s in secrets if len(s) >= MIN_SECRET_CHARS}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, value: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            value = self._known.sub(REDACTED, value)
        for pattern, replacement in _PATTERNS:
            value = pattern.sub(replacement, value)
        return value

    def value(self, value: Any) -> Any:
        """The value without secrets; mappings, lists and tuples are walked through."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                key: REDACTED if _SECRET_KEY.search(str(key)) and item else self.value(item)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self.text(str(value))
