"""Takes secrets out of anything that is about to be shown.

Used by the logs, by what becomes of a foreign error in a task or an event, and by error answers.
Invariant: a known secret, the value under a secret-looking key, and whatever has the shape of a
credential never pass; the shape of the value (keys, types) stays. What people wrote in their tasks and
what came of it is theirs and does not come here. The work grows with the length of a text and no faster:
whoever asks for an address decides what is in it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

REDACTED = "[redacted]"
MIN_SECRET_CHARS = 4
"""A shorter secret would blank out ordinary words."""

_SECRET_KEY = re.compile(
    r"(?:^|[._\-\s])(?:x[-_])?(?:api[-_]?key|authorization|(?:pg)?passw(?:or)?d|pwd|passphrase|secret|"
    r"(?:secret|access|private)[-_]?key|token|cookie|credential)s?$",
    re.IGNORECASE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word of camelCase begins."""


def _without_password(userinfo: re.Match[str]) -> str:
    """Up to the last @ before a blank: a password may hold any of :/@ unencoded."""
    user, rest = userinfo.groups()
    at = rest.rfind("@")
    return f"{user}:{REDACTED}{rest[at:]}" if at > 0 else userinfo[0]


def _without_token(word: re.Match[str]) -> str:
    """A word that begins as a JSON Web Token does is one if two dots follow."""
    return REDACTED if word[1] else word[0]


_PATTERNS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(r"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        rf"-----BEGIN \1PRIVATE KEY----- {REDACTED}",
    ),
    (re.compile(r"\blgma_[0-9a-z]{12}_[A-Za-z0-9_\-]+"), REDACTED),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=\-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    # The rest of the run goes with the first match: else each "://" would look through it again.
    (re.compile(r"(?<=://)([^\s:/@?#]*):([^\s\"'<>]++)"), _without_password),
    (re.compile(r"(?<=://)[^\s:/@?#]{16,}@"), f"{REDACTED}@"),
    (re.compile(r"\b(?:sk|pk|rk|xox[abeprs]|gh[oprsu]|lsv2|glpat|hf|github_pat)[-_][A-Za-z0-9*_\-]{6,}"), REDACTED),
    (re.compile(r"\bAIza[A-Za-z0-9_\-]{30,}"), REDACTED),
    (re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"), REDACTED),
    (re.compile(r"([?&](?:key|sig|signature|code|auth|x-amz-[a-z-]+)=)[^&\s\"'<>]+", re.IGNORECASE), rf"\1{REDACTED}"),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]++(\.[A-Za-z0-9_\-]++\.[A-Za-z0-9_\-]*+)?"), _without_token),
    (
        re.compile(
            r"((?:api[-_]?key|passw(?:or)?d|passphrase|secret|(?:access|secret|private)[-_]?key|access[-_]token|token|"
            r"credentials?|cookie|session)[\"']?\s*[=:]\s*[\"']?)"
            r"[^\s\"'&,;}\]]{4,}",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
)


_process: list["Redactor"] = []


def know(secrets: Iterable[str]) -> "Redactor":
    """Make these the secrets that `redacted` knows in this process, besides shapes. Called with the logs."""
    _process[:] = [Redactor(secrets)]
    return _process[0]


def redacted(text: str) -> str:
    """Words from elsewhere without secrets, by what this process knows."""
    return (_process[0] if _process else _BY_SHAPE).text(text)


def without_secrets(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of an error; only texts are looked at, and their names do not count."""
    return {name: redacted(value) if isinstance(value, str) else value for name, value in params.items()}


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
                key: REDACTED if item and _is_secret(str(key), item) else self.value(item)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self.text(str(value))


def _is_secret(key: str, item: Any) -> bool:
    """By the key, as apiKey, client-secret or PGPASSWORD; `tokens` may also be a count of them."""
    if key.lower().endswith("tokens") and not isinstance(item, (str, list, tuple)):
        return False
    return _SECRET_KEY.search(_HUMP.sub("_", key)) is not None


_BY_SHAPE = Redactor()
