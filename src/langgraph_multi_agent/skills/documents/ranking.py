"""Ranks chunks for a question, and says when none of them speaks of it.

Own scoring rather than an index library: the corpus is new with every call and only the few
words of one question matter, so counting them directly is faster than indexing everything, and
the same per-word weights decide relevance (`coverage`) and pick the sentences.

Sources: BM25 with k1 = 1.2, b = 0.75 and the non-negative idf of Robertson & Zaragoza, "The
Probabilistic Relevance Framework" (2009), as in Lucene: ln(1 + (N - n + 0.5) / (n + 0.5)).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from langgraph_multi_agent.skills.documents.passages import Chunk
from langgraph_multi_agent.skills.documents.terms import PART_WEIGHT, Form, Term, normal, words_of

K1, B = 1.2, 0.75
HEADING_WEIGHT = 2.0
"""A word in a heading counts as often as this many in the text."""
MIN_NEED = 0.2
"""For coverage, a word that stands everywhere still counts this share of one that is absent."""

MIN_CORPUS = 40
"""Rarity means little in fewer chunks than this: idf is taken as if there were so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A chunk with its BM25 score and the weighted share of the question it speaks of (0–1)."""

    chunk: Chunk
    score: float
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each term of the question is worth in this corpus."""

    terms: tuple[Term, ...]
    idf: tuple[float, ...]

    @property
    def total(self) -> float:
        return sum(term.weight * idf for term, idf in zip(self.terms, self.idf, strict=True))


class Counted:
    """How often forms occur in one text."""

    def __init__(self, text: str) -> None:
        self.text = normal(text)
        self._words: Counter[str] | None = None

    def count(self, form: Form) -> int:
        if form.is_han:
            return self.text.count(form.text)
        if self._words is None:
            # Splitting into words is the slow part; most texts do not even hold the letters.
            if form.text.rstrip("i") not in self.text:
                return 0
            self._words = Counter(words_of(self.text))
        return self._words[form.text]

    def frequency(self, term: Term) -> float:
        """Weighted occurrences of a term in any of its forms."""
        found = sum(form.weight * self.count(form) for form in term.forms)
        if not found and term.parts:
            found = PART_WEIGHT * min(self.count(part) for part in term.parts)
        return found

    def presence(self, term: Term) -> float:
        """How well the text speaks of a term, 0–1."""
        best = max((form.weight for form in term.forms if self.count(form)), default=0.0)
        if best < PART_WEIGHT and term.parts:
            here = sum(1 for part in term.parts if self.count(part))
            best = max(best, PART_WEIGHT * here / len(term.parts) if here == len(term.parts) else 0.0)
        return best


def rank(chunks: Sequence[Chunk], terms: tuple[Term, ...]) -> tuple[list[Ranked], Weights]:
    """All chunks that hold any term, best first; ties in document order."""
    counted: list[tuple[Chunk, list[float], float]] = []
    document_frequency = [0] * len(terms)
    total_length = 0
    for chunk in chunks:
        body, headings = Counted(chunk.text), Counted(chunk.headings)
        total_length += len(body.text)
        frequencies = [
            body.frequency(term) + HEADING_WEIGHT * min(1.0, headings.frequency(term)) for term in terms
        ]
        if any(frequencies):
            counted.append((chunk, frequencies, len(body.text)))
            for index, frequency in enumerate(frequencies):
                document_frequency[index] += frequency > 0
    corpus = max(len(chunks), MIN_CORPUS)
    weights = Weights(
        terms=terms,
        # An absent word gets the highest weight of all: its absence is what must count.
        idf=tuple(math.log(1 + (corpus - n + 0.5) / (n + 0.5)) for n in document_frequency),
    )
    average = total_length / len(chunks) if chunks else 1.0
    least = MIN_NEED * math.log(1 + (corpus + 0.5) / 0.5)
    ranked = []
    for chunk, frequencies, length in counted:
        norm = K1 * (1 - B + B * length / average)
        score = sum(
            term.weight * idf * frequency * (K1 + 1) / (frequency + norm)
            for term, idf, frequency in zip(terms, weights.idf, frequencies, strict=True)
        )
        whole = Counted(f"{chunk.headings}\n{chunk.text}")
        needed = [term.weight * max(idf, least) for term, idf in zip(terms, weights.idf, strict=True)]
        covered = sum(need * whole.presence(term) for term, need in zip(terms, needed, strict=True))
        ranked.append(Ranked(chunk=chunk, score=score, coverage=covered / (sum(needed) or 1.0)))
    ranked.sort(key=lambda item: -item.score * (0.5 + item.coverage))
    return ranked, weights
