"""Skill `documents.search`: quotations that answer a question, or none.

Extractive: every passage is a span of a source, found by BM25 and picked by the words of the
question that it holds. Invariant: a question that the documents do not speak of gets no
passage; relevance is never made up.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph_multi_agent import handbook
from langgraph_multi_agent.domain.finding import Passage
from langgraph_multi_agent.skills.documents.document import Document
from langgraph_multi_agent.skills.documents.extraction import open_sources
from langgraph_multi_agent.skills.documents.overview import overview
from langgraph_multi_agent.skills.documents.passages import Chunk, Unit, chunks_of
from langgraph_multi_agent.skills.documents.ranking import Counted, Ranked, Weights, rank
from langgraph_multi_agent.skills.documents.terms import LIGHT_WEIGHT, language_of_text, terms_of

DEFAULT_LIMIT = 5
MAX_LIMIT = 20
MIN_COVERAGE = 0.45
"""A chunk must speak of this weighted share of the question's words to count as an answer."""
MIN_SHARE_OF_BEST = 0.45
"""Further passages must reach this share of the best one's score."""
CANDIDATES = 40
WINDOW_CHARACTERS = 420
COMFORTABLE_CHARACTERS = 240
"""A quotation up to this long gains by its length: the answer often follows the matching words."""
MMR_RELEVANCE = 0.75
MAX_SIMILARITY = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Neighbouring units of a chunk, as one possible quotation."""

    chunk: Chunk
    units: tuple[Unit, ...]
    score: float

    @property
    def quote(self) -> str:
        return self.chunk.document.text[self.units[0].start : self.units[-1].end]


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """Search files and handbook.

    Args:
        params: `{"files": [{"path", "name"}], "question": str, "language": "zh"|"en",
            "limit": int = 5, "handbook": bool = False, "also": [str] = []}`. `also` holds other
            wordings of the same question. An empty question asks for an overview: the sentences
            that stand for the documents best, in reading order.

    Returns:
        `{"passages": [Passage JSON], "searched": [source], "unreadable": [{"file", "code",
        "reason"}], "chunks": int}`, passages best first.

    Raises:
        InputUnreadable, InputUnsafe, LimitExceeded: none of the files can be read.
    """
    question = str(params.get("question") or "").strip()
    language = params.get("language") or "zh"
    limit = max(1, min(int(params.get("limit") or DEFAULT_LIMIT), MAX_LIMIT))
    wordings = [question, *(str(item).strip() for item in params.get("also", ()))]
    names: list[str] = []
    if params.get("handbook"):
        # The handbook is in both languages; Chinese words are only found in the Chinese one.
        asked = language_of_text(question) if question else language
        names = [name for name, _ in handbook.documents(asked)]
    files = list(params.get("files", ()))
    sources, refused = open_sources(files, names)
    if refused and len(refused) == len(files):
        raise refused[0]
    chunks = [chunk for source, document in sources.items() for chunk in chunks_of(source, document)]
    windows = answer(chunks, wordings, limit) if question else _overview(sources, limit)
    return {
        "passages": [_passage(window, language).to_json() for window in windows],
        "searched": list(sources),
        "unreadable": [
            {
                "file": fault.params.get("file", ""),
                "code": fault.code,
                "reason": fault.params.get("reason") or fault.params.get("limit") or "",
            }
            for fault in refused
        ],
        "chunks": len(chunks),
    }


def answer(chunks: list[Chunk], wordings: Iterable[str], limit: int) -> list[Window]:
    """The best windows over all wordings, without repetition."""
    best: dict[tuple[str, int, int], Window] = {}
    for wording in wordings:
        terms = terms_of(wording)
        if all(term.weight <= LIGHT_WEIGHT for term in terms):
            continue
        ranked, weights = rank(chunks, terms)
        for window in _windows(ranked, weights):
            key = (window.chunk.source, window.units[0].start, window.units[-1].end)
            if key not in best or best[key].score < window.score:
                best[key] = window
    return _diverse(sorted(best.values(), key=lambda window: -window.score), limit)


def _windows(ranked: list[Ranked], weights: Weights) -> list[Window]:
    related = [item for item in ranked[:CANDIDATES] if item.coverage >= MIN_COVERAGE]
    if not related:
        return []
    floor = MIN_SHARE_OF_BEST * max(item.score * item.coverage for item in related)
    return [
        Window(chunk=item.chunk, units=_best_units(item.chunk, weights), score=item.score * item.coverage)
        for item in related
        if item.score * item.coverage >= floor
    ]


def _best_units(chunk: Chunk, weights: Weights) -> tuple[Unit, ...]:
    """The run of units that holds most of the question's weight in few characters."""
    text = chunk.document.text
    units = chunk.units()
    worth = [term.weight * idf for term, idf in zip(weights.terms, weights.idf, strict=True)]
    headings = Counted(chunk.headings)
    given = [0.5 * headings.presence(term) for term in weights.terms]
    presence = []
    for unit in units:
        counted = Counted(text[unit.start : unit.end])
        presence.append([counted.presence(term) for term in weights.terms])
    best, best_value = (0, 1), -1.0
    for first in range(len(units)):
        held = given
        for last in range(first, len(units)):
            length = units[last].end - units[first].start
            if last > first and length > WINDOW_CHARACTERS:
                break
            held = [max(pair) for pair in zip(held, presence[last], strict=True)]
            value = sum(w * h for w, h in zip(worth, held, strict=True))
            value += 0.15 * weights.total * min(1.0, length / COMFORTABLE_CHARACTERS)
            if value > best_value + 1e-9:
                best, best_value = (first, last + 1), value
    return tuple(units[best[0] : best[1]])


def _diverse(windows: list[Window], limit: int) -> list[Window]:
    """Maximal marginal relevance (Carbonell & Goldstein 1998) over character trigrams."""
    if not windows:
        return []
    top = windows[0].score or 1.0
    grams = {id(window): _trigrams(window.quote) for window in windows}
    chosen: list[Window] = []
    rest = list(windows)
    while rest and len(chosen) < limit:
        similar = {
            id(window): max((_overlap(grams[id(window)], grams[id(c)]) for c in chosen), default=0.0)
            for window in rest
        }
        rest = [window for window in rest if similar[id(window)] <= MAX_SIMILARITY]
        if not rest:
            break
        pick = max(
            rest,
            key=lambda w: MMR_RELEVANCE * w.score / top - (1 - MMR_RELEVANCE) * similar[id(w)],
        )
        chosen.append(pick)
        rest.remove(pick)
    return chosen


def _trigrams(text: str) -> frozenset[str]:
    squeezed = "".join(text.lower().split())
    return frozenset(squeezed[i : i + 3] for i in range(max(1, len(squeezed) - 2)))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, min(len(one), len(other)))


def _overview(sources: Mapping[str, Document], limit: int) -> list[Window]:
    per_source = max(1, -(-limit // max(1, len(sources))))
    windows = [
        Window(chunk=chunk, units=(unit,), score=score)
        for source, document in sources.items()
        for chunk, unit, score in overview(list(chunks_of(source, document)), per_source)
    ]
    kept = {id(window) for window in sorted(windows, key=lambda window: -window.score)[:limit]}
    return [window for window in windows if id(window) in kept]


def _passage(window: Window, language: str) -> Passage:
    start, end = window.units[0].start, window.units[-1].end
    source = window.chunk.source
    place = f"{source}\n{start}\n{end}".encode()
    return Passage(
        # The place makes the id, so that two searches that find the same passage agree on it.
        id="p" + hashlib.sha256(place).hexdigest()[:12],
        source=source,
        locator=window.units[0].block.locator(language),
        start=start,
        end=end,
        quote=window.quote,
        score=round(window.score, 6),
    )
