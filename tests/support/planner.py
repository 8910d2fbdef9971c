"""A scripted model with a mind for each agent: told apart by the schema that it is asked to fill.

Each question is answered from its own queue, else sensibly from what the question holds, so that a
test scripts only what it is about. Token counts are as an endpoint would count: characters / 4.

    planner = Planner(choose=lambda facts: ["data_analyst.trend"])
    planner.say("paragraphs", text("not JSON"))
    with OpenAIServer(policy=planner) as server: ...
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.support.openai_server import Reply, Request, json_text

Facts = Mapping[str, Any]
Answer = Callable[[Facts], Any]

KINDS = {
    "goal": "meta_agent",
    "choose": "task_decomposer",
    "queries": "researcher",
    "sentences": "researcher",
    "paragraphs": "writer",
    "verdicts": "reviewer",
    "text": "generalist",
}
"""The property that tells a schema, and whose question it is."""
CHARACTERS_PER_TOKEN = 4


class Planner:
    """`policy` of an `OpenAIServer`.

    Args:
        answers: by kind, what to answer from the facts of the question, instead of the default.

    `asked` lists (kind, model) of every request, `spent` sums the usage that was told.
    """

    def __init__(self, **answers: Answer) -> None:
        self.asked: list[tuple[str, str]] = []
        self.facts: list[tuple[str, Facts]] = []
        self.spent = (0, 0)
        self._answers: dict[str, Answer] = {**DEFAULTS, **answers}
        self._queues: dict[str, deque[Reply | Answer]] = {kind: deque() for kind in KINDS}
        self._lock = threading.Lock()

    def say(self, kind: str, *replies: Reply | Answer) -> None:
        """Answer the next questions of a kind with these, in order."""
        with self._lock:
            self._queues[kind].extend(replies)

    def count(self, kind: str) -> int:
        return sum(1 for asked, _ in self.asked if asked == kind)

    def __call__(self, request: Request) -> Reply:
        kind, facts = kind_of(request), facts_of(request)
        with self._lock:
            self.asked.append((kind, request.model))
            self.facts.append((kind, facts))
            next_ = self._queues[kind].popleft() if self._queues[kind] else self._answers[kind]
            reply = next_ if isinstance(next_, Reply) else json_text(next_(facts))
            if reply.raw is None and reply.usage is not None and not reply.is_hanging and not reply.cut:
                usage = (tokens(request.prompt), tokens(reply.text))
                self.spent = (self.spent[0] + usage[0], self.spent[1] + usage[1])
                reply = replace(reply, usage=usage)
        return reply


def tokens(content: str) -> int:
    return max(1, -(-len(content) // CHARACTERS_PER_TOKEN))


def kind_of(request: Request) -> str:
    """The kind of a question by its schema."""
    schema = request.body["response_format"]["json_schema"]["schema"]
    return next(name for name in KINDS if name in schema["properties"])


def facts_of(request: Request) -> Facts:
    """What the question is about: the JSON of the first user message."""
    content = next(m["content"] for m in request.body["messages"] if m["role"] == "user")
    facts: Facts = json.loads(content)
    return facts


def choosing(*endings: str) -> Answer:
    """A decomposer that keeps the offers whose id ends in one of these."""

    def choose(facts: Facts) -> Any:
        ids = [item["id"] for item in facts["offered"] if item["id"].endswith(endings)]
        return {"choose": [{"id": key, "depends_on": []} for key in ids], "reason": "These serve the goal."}

    return choose


def _all_offers(facts: Facts) -> Any:
    ids: Sequence[str] = [item["id"] for item in facts["offered"]]
    return {"choose": [{"id": key, "depends_on": []} for key in ids], "reason": "All of it serves the goal."}


def _first_passage(facts: Facts) -> Any:
    first = facts["passages"][0]
    return {"sentences": [{"text": first["text"], "passages": [first["id"]]}]}


def _retelling(facts: Facts) -> Any:
    told = [*facts["findings"], *facts["passages"]][:2]
    return {"paragraphs": [f"Look at this first: {item['text']} [{item['ref']}]" for item in told]}


def _all_passed(facts: Facts) -> Any:
    numbers = [item["number"] for item in facts["criteria"]]
    return {"verdicts": [{"number": n, "passed": True, "reason": "It does."} for n in numbers]}


DEFAULTS: dict[str, Answer] = {
    "goal": lambda facts: {"goal": facts["request"], "intents": [], "columns": [], "question": None},
    "choose": _all_offers,
    "queries": lambda _: {"queries": []},
    "sentences": _first_passage,
    "paragraphs": _retelling,
    "verdicts": _all_passed,
    "text": lambda facts: {"text": f"An answer to: {facts['request']}"},
}
