"""All user-facing text, in zh and en, behind one function.

Areas (`errors`, `findings`, …) are modules with a `TEXTS` mapping; codes and keys are never
translated. Invariant, held by a test: every key has both languages with the same placeholders.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

LANGUAGES = ("zh", "en")
DEFAULT_LANGUAGE = "zh"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """All texts by key, then language."""
    merged: dict[str, dict[str, str]] = {}
    for area in sorted(module.name for module in iter_modules(__path__)):
        texts: dict[str, dict[str, str]] = import_module(f"{__name__}.{area}").TEXTS
        clash = merged.keys() & texts.keys()
        if clash:
            raise ValueError(f"text keys defined twice: {sorted(clash)}")
        merged.update(texts)
    return merged


def text(key: str, language: str, **params: object) -> str:
    """The text of a key with its placeholders filled.

    Raises:
        KeyError: no such key, or a placeholder without a value.
    """
    entry = catalogue()[key]
    return entry.get(language, entry[DEFAULT_LANGUAGE]).format(**params)


def language_of(header: str | None) -> str:
    """Pick zh or en from an Accept-Language header or a locale name; zh when neither is named."""
    best, best_quality = DEFAULT_LANGUAGE, 0.0
    for part in (header or "").split(","):
        tag, _, rest = part.strip().partition(";")
        try:
            quality = float(rest.partition("q=")[2]) if "q=" in rest else 1.0
        except ValueError:
            continue
        for language in LANGUAGES:
            if tag.lower().replace("_", "-").split("-")[0] == language and quality > best_quality:
                best, best_quality = language, quality
    return best
