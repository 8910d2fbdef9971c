"""The language of this call: `--lang`, else `LGMA_LANG`, else the locale.

It must be known before options are parsed, because help and usage errors are text too.
"""

import os
from collections.abc import Mapping, Sequence

_chosen = "en"
_named: str | None = None


def choose(argv: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """Pick zh or en for this process.

    A locale that is neither (also C and POSIX) means en.
    """
    global _chosen, _named  # noqa: PLW0603 - one process is one call, and typer has no place to carry it before parsing
    env = os.environ if env is None else env
    locale = next((env[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if env.get(name)), "")
    _named = _asked_for(argv) or _known(env.get("LGMA_LANG", ""))
    _chosen = _named or _known(locale) or "en"
    return _chosen


def language() -> str:
    """What `choose` has picked."""
    return _chosen


def named_language() -> str | None:
    """What `--lang` or `LGMA_LANG` says; None where only the locale speaks.

    A server answers others: the locale of the machine (in containers `C.UTF-8`) says nothing of them.
    """
    return _named


def _asked_for(argv: Sequence[str]) -> str | None:
    for index, word in enumerate(argv):
        if word == "--":
            return None
        if word == "--lang" and index + 1 < len(argv):
            return _known(argv[index + 1])
        if word.startswith("--lang="):
            return _known(word.removeprefix("--lang="))
    return None


def _known(name: str) -> str | None:
    tag = name.lower().replace("_", "-").partition("-")[0].partition(".")[0]
    return tag if tag in ("zh", "en") else None
