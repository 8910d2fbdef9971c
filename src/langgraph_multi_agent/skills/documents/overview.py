"""Which sentences stand for a document when no question is asked.

Called by search for summaries. A sentence scores by how many of the document's recurring words
it holds (the centroid idea of Radev et al. 2004) and by opening its section; sections share the
places so that the whole document is represented.
"""

import math
from collections import Counter

from langgraph_multi_agent.skills.documents.passages import Chunk, Unit
from langgraph_multi_agent.skills.documents.terms import HAN, STOP_EN, STOP_ZH, normal, words_of

MIN_CHARACTERS, MAX_CHARACTERS = 12, 400
OPENING_BONUS = 1.25
MAX_UNITS = 20_000


def overview(chunks: list[Chunk], limit: int) -> list[tuple[Chunk, Unit, float]]:
    """At most `limit` units with their scores, in reading order.

    Units of prose are preferred; items, rows and code serve only where there is no prose.
    """
    units = [(chunk, unit) for chunk in chunks for unit in chunk.units()][:MAX_UNITS]
    prose = [pair for pair in units if pair[1].block.kind == "prose"] or units
    texts = [chunk.document.text[unit.start : unit.end] for chunk, unit in prose]
    bags = [_features(text) for text in texts]
    frequency: Counter[str] = Counter()
    for bag in bags:
        frequency.update(bag)
    opened: set[tuple[str, ...]] = set()
    scored: list[tuple[float, int]] = []
    for index, ((_, unit), text, bag) in enumerate(zip(prose, texts, bags, strict=True)):
        section = unit.block.headings
        opening = section not in opened
        opened.add(section)
        if not bag or not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
            continue
        weight = sum(math.log(frequency[word]) for word in bag) / math.sqrt(len(bag) + 4)
        scored.append(((weight + 0.1) * (OPENING_BONUS if opening else 1.0), index))
    scored.sort(key=lambda item: (-item[0], item[1]))
    chosen: list[tuple[float, int]] = []
    used: Counter[tuple[str, ...]] = Counter()
    # First one of each section, then a second, until the places are taken.
    for allowed in range(1, limit + 1):
        for score, index in scored:
            section = prose[index][1].block.headings
            if (
                len(chosen) < limit
                and used[section] < allowed
                and not _repeats(bags[index], [bags[other] for _, other in chosen])
            ):
                used[section] += 1
                chosen.append((score, index))
    chosen.sort(key=lambda item: item[1])
    return [(prose[index][0], prose[index][1], score) for score, index in chosen]


def _features(text: str) -> frozenset[str]:
    """Stems, and pairs of Chinese characters: no dictionary is needed to see what recurs."""
    plain = normal(text)
    words = {word for word in words_of(plain) if word not in STOP_EN and len(word) > 2}
    pairs = {
        plain[i : i + 2]
        for i in range(len(plain) - 1)
        if HAN.match(plain[i]) and HAN.match(plain[i + 1]) and plain[i : i + 2] not in STOP_ZH
    }
    return frozenset(words | pairs)


def _repeats(bag: frozenset[str], chosen: list[frozenset[str]]) -> bool:
    return any(len(bag & other) > 0.6 * min(len(bag), len(other)) for other in chosen)
