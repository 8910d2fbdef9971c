"""What a report is made of, before it has a form.

`compose` is the only maker: it ranks, numbers and words what the agents found. It adds no fact
of its own. Invariant: equal results compose to equal reports, in any order of arrival.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from langgraph_multi_agent.domain.finding import Finding, Passage, format_number
from langgraph_multi_agent.i18n.statement import statement

SUMMARY_FINDINGS = 5
SUMMARY_PASSAGES = 3
TITLE_CHARACTERS = 90
SUMMARY_QUOTE_CHARACTERS = 280
FORMAT_VERSION = 1
_PLACEHOLDER = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An input as the appendix lists it."""

    name: str
    kind: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one subtask was for, and what it brought.

    Attributes:
        agent: the agent's title in the report's language.
        note: the agent's own words, shown only if it brought nothing that can be checked.
        is_empty: it looked, and nothing stood out.
    """

    subtask: str
    title: str
    agent: str
    reason: str = ""
    note: str = ""
    is_empty: bool = False
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """A text that a model wrote, verbatim; it rests on nothing that could be checked."""

    title: str
    agent: str
    model: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that was wanted and could not be done."""

    title: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A finding with its place in the report (`F1`, `F2`, …) and its sentence."""

    ref: str
    text: str
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A passage with its place in the report (`P1`, `P2`, …), and the question it was found for."""

    ref: str
    passage: Passage
    question: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole report; `narrative` paragraphs carry references like `[F1]` and `[P2]`."""

    language: str
    title: str
    request: str
    statements: tuple[Statement, ...]
    citations: tuple[Citation, ...]
    narrative: tuple[str, ...]
    sources: tuple[Source, ...]
    contributions: tuple[Contribution, ...]
    gaps: tuple[Gap, ...]
    written: tuple[Writing, ...] = ()

    @property
    def summary(self) -> tuple[tuple[str, str], ...]:
        """The strongest statements and quotations as (ref, text).

        Each kind of finding has its strongest before any has its second: five sentences that
        say the same of five columns would hide the rest. Those without any effect come last.
        """
        ranks: dict[str, int] = {}
        turns: list[tuple[bool, int, int]] = []
        for place, item in enumerate(self.statements):
            ranks[item.finding.kind] = ranks.get(item.finding.kind, -1) + 1
            turns.append((item.finding.strength == 0, ranks[item.finding.kind], place))
        chosen = [self.statements[place] for _, _, place in sorted(turns)[:SUMMARY_FINDINGS]]
        found = [(item.ref, item.text) for item in chosen]
        quoted = [
            (item.ref, shortened(item.passage.quote, SUMMARY_QUOTE_CHARACTERS))
            for item in self.citations[:SUMMARY_PASSAGES]
        ]
        return (*found, *quoted)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT_VERSION,
            "language": self.language,
            "title": self.title,
            "request": self.request,
            "summary": [{"ref": ref, "text": line} for ref, line in self.summary],
            "narrative": list(self.narrative),
            "written_by_model": [asdict(item) for item in self.written],
            "findings": [
                {"ref": item.ref, "statement": item.text, **item.finding.to_json()}
                for item in self.statements
            ],
            "passages": [_cited(item) for item in self.citations],
            "inputs": [asdict(item) for item in self.sources],
            "method": [asdict(item) for item in self.contributions],
            "not_done": [asdict(item) for item in self.gaps],
        }


def _cited(item: Citation) -> dict[str, Any]:
    """A passage as stored: without its score, which ranks it here and can be checked by nobody."""
    value = {"ref": item.ref, "question": item.question, **item.passage.to_json()}
    value.pop("score")
    return value


def sentence_of(finding: Finding, language: str) -> str:
    """The finding as a sentence.

    Agents from outside bring their own words: a template that is no key of the catalogue is the
    sentence itself if it has placeholders like `{name}`; else names and numbers are listed.
    """
    try:
        return statement(finding, language)
    except KeyError:
        values = dict(finding.names)
        values |= {n.name: format_number(n.value, n.style) for n in finding.numbers}
    if _PLACEHOLDER.search(finding.template):
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), finding.template)
    listed = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f"{', '.join(finding.subject) or finding.kind}: {listed}"


def shortened(content: str, limit: int) -> str:
    """One line of at most `limit` characters, cut at a word or character with an ellipsis."""
    line = " ".join(content.split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > limit * 2 // 3 else cut).rstrip() + "…"


def compose(
    *,
    request: str,
    language: str,
    findings: Iterable[Finding],
    passages: Iterable[Passage],
    sources: Sequence[Source] = (),
    contributions: Sequence[Contribution] = (),
    gaps: Sequence[Gap] = (),
    narrative: Sequence[str] = (),
    questions: Mapping[str, str] | None = None,
    written: Sequence[Writing] = (),
) -> Report:
    """Make the report of what was found.

    Findings rank by strength, ties by id; passages keep their order. A second one with the same
    id is the same one and is dropped.

    Args:
        questions: the question that a passage was found for, by passage id.
    """
    ranked = sorted({item.id: item for item in findings}.values(), key=lambda f: (-f.strength, f.id))
    cited: dict[str, Passage] = {}
    for passage in passages:
        cited.setdefault(passage.id, passage)
    return Report(
        language=language,
        title=shortened(request, TITLE_CHARACTERS),
        request=request.strip(),
        statements=tuple(
            Statement(ref=f"F{place}", text=sentence_of(finding, language), finding=finding)
            for place, finding in enumerate(ranked, 1)
        ),
        citations=tuple(
            Citation(ref=f"P{place}", passage=item, question=(questions or {}).get(item.id, ""))
            for place, item in enumerate(cited.values(), 1)
        ),
        narrative=tuple(narrative),
        sources=tuple(sorted(sources, key=lambda item: item.name)),
        contributions=tuple(contributions),
        gaps=tuple(gaps),
        written=tuple(written),
    )


def encode(report: Report) -> bytes:
    """The bytes of `report.json`."""
    return json.dumps(report.to_json(), ensure_ascii=False, indent=1, allow_nan=False).encode() + b"\n"
