"""A finding as a sentence.

Callers: writer, reviewer, API. Invariant: pure; every number is shown by `format_number`, every
name as it is in the data, words that stand for codes (months, grains) in the reader's language.
"""

from dataclasses import dataclass

from langgraph_multi_agent.domain.finding import Finding, format_number
from langgraph_multi_agent.i18n import catalogue, text

TEXTS: dict[str, dict[str, str]] = {}

MAX_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class _Name:
    """A name in a sentence; `{peak:month}` shows the word for the code instead."""

    plain: str
    language: str

    def __format__(self, family: str) -> str:
        key = f"word.{family}.{self.plain}"
        if family and key in catalogue():
            return text(key, self.language)
        line = " ".join(self.plain.split())
        return line if len(line) <= MAX_NAME else line[: MAX_NAME - 1] + "…"


def statement(finding: Finding, language: str) -> str:
    """The sentence of a finding.

    Raises:
        KeyError: the template is not in the catalogue, or misses a name or number.
    """
    values: dict[str, object] = {
        name: _Name(plain=value, language=language) for name, value in finding.names.items()
    }
    values |= {n.name: format_number(n.value, n.style) for n in finding.numbers}
    return text(finding.template, language, **values)
